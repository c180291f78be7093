//! Requests signed by another implementation are read here, and it verifies those signed here.
//!
//! `python.json` is made by `interop/make_fixtures.py` with the PyPI package http-message-signatures
//! 3.0.0; `own.json` by the ignored test below, and `make_fixtures.py verify` has verified it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use http::{HeaderMap, HeaderName, HeaderValue};
use legation_http_signature::{AgentDelegation, Message, Signing, join, read, sign};
use legation_keys::{
    PublicKey, SecretKey, Signer,
    json::{self, JsonLimits},
};
use serde_json::{Value, json};

const NOW: i64 = 1_795_255_200;

fn requests(text: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).unwrap();
    file["requests"].as_array().unwrap().clone()
}

fn headers(request: &Value) -> HeaderMap {
    let pairs = request["headers"].as_object().unwrap().iter();
    let parse = |(name, value): (&String, &Value)| {
        (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value.as_str().unwrap()).unwrap())
    };
    pairs.map(parse).collect()
}

fn public_key(request: &Value) -> PublicKey {
    let jwk = request["key"].to_string();
    let jwk = json::parse(jwk.as_bytes(), JsonLimits { bytes: 1000, depth: 2 }).unwrap();
    PublicKey::from_jwk(jwk.as_object().unwrap()).unwrap()
}

/// Reads a request of a fixture and verifies it, and sees that another target does not pass.
fn holds(request: &Value) {
    let (headers, name) = (headers(request), &request["name"]);
    let message = Message {
        method: request["method"].as_str().unwrap(),
        target_uri: request["target_uri"].as_str().unwrap(),
        headers: &headers,
        body: request["body"].as_str().unwrap().as_bytes(),
    };
    assert!(AgentDelegation::parse(&headers).is_ok(), "{name}");
    let (proof, key) = (read(&message).unwrap(), public_key(request));
    assert_eq!(proof.key_thumbprint, key.thumbprint(), "{name}");
    assert_eq!((proof.created, proof.expires), (NOW, NOW + 60), "{name}");
    let algorithm = (!request["algorithm"].is_null()).then_some(key.algorithm());
    assert_eq!(proof.algorithm, algorithm, "{name}");
    assert!(key.verify(proof.signing_input.as_bytes(), &proof.signature).is_ok(), "{name}");
    let other = Message { target_uri: "https://shop.example/rooms?night=3", ..message };
    let proof = read(&other).unwrap();
    assert!(key.verify(proof.signing_input.as_bytes(), &proof.signature).is_err(), "{name}");
}

#[test]
fn requests_signed_by_the_python_package_are_read_and_verify() {
    let requests = requests(include_str!("interop/python.json"));
    assert_eq!(requests.len(), 6);
    requests.iter().for_each(holds);
}

/// Ed25519, the same on every run, and the P-256 test key of RFC 9421 B.1.3.
fn own_keys() -> [SecretKey; 2] {
    let p256 = json!({
        "kty": "EC", "crv": "P-256", "d": "UpuF81l-kOxbjf7T4mNSv0r5tN67Gim7rnf6EFpcYDs",
        "x": "qIVYZVLCrPZHGHjP17CTW0_-D9Lfw0EkjqF7xB4FivA", "y": "Mc4nN9LTDOBhfoUeg8Ye9WedFRhnZXZJA12Qp0zZ6F0",
    });
    [SecretKey::from_ed25519_seed(&[7; 32]).unwrap(), SecretKey::from_jwk(&p256.to_string()).unwrap()]
}

fn own(name: &str, method: &str, body: &str, digest: bool, key: &SecretKey) -> Value {
    let chain = AgentDelegation::Chain(join(&["eyJh.eyJp.c2ln", "eyJh.eyJx.c2lo"]).unwrap());
    let delegation = if digest { AgentDelegation::Digest(chain.digest()) } else { chain };
    let mut headers = HeaderMap::new();
    headers.insert("agent-delegation", delegation.to_header());
    let target_uri = "https://shop.example/rooms?night=2";
    let message = Message { method, target_uri, headers: &headers, body: body.as_bytes() };
    let occasion = Signing { created: NOW, expires: NOW + 60, nonce: "of \"legation\" \\ 1", agent: None };
    sign(&message, occasion, key).unwrap().apply(&mut headers);
    let headers: serde_json::Map<_, _> =
        headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().into())).collect();
    let algorithm = headers["signature-input"].as_str().unwrap().rsplit('"').nth(1).unwrap().to_owned();
    json!({
        "name": name, "algorithm": algorithm, "key": key.public_key().to_jwk(), "method": method,
        "target_uri": target_uri, "headers": headers, "body": body,
    })
}

fn all_own() -> Vec<Value> {
    let [ed25519, p256] = own_keys();
    vec![
        own("a body", "POST", "{\"beds\":2}", false, &ed25519),
        own("no body, a digest", "GET", "", true, &ed25519),
        own("a body", "POST", "{\"beds\":2}", false, &p256),
    ]
}

/// The requests are those which the Python package has verified: Ed25519 signs the same again.
#[test]
fn what_is_signed_here_is_what_the_python_package_has_verified() {
    let verified = requests(include_str!("interop/own.json"));
    verified.iter().for_each(holds);
    let own = all_own();
    assert_eq!(own[..2], verified[..2]);
    // ECDSA takes a new random number each time.
    assert_eq!(own[2]["headers"]["signature-input"], verified[2]["headers"]["signature-input"]);
    holds(&own[2]);
}

#[test]
#[ignore = "writes the fixture own.json; run `make_fixtures.py verify` after it"]
fn write_own_fixture() {
    let made_by =
        "the ignored test of interop.rs; verified by make_fixtures.py with http-message-signatures 3.0.0";
    let text = serde_json::to_string_pretty(&json!({"made_by": made_by, "requests": all_own()})).unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/own.json");
    std::fs::write(path, text + "\n").unwrap();
}
