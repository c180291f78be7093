//! The examples of RFC 9421 appendix B.2. Of those whose components are evaluated here, the
//! signature base is the RFC's to the byte; the others are refused by name. The signatures of the
//! two algorithms that Legation verifies are verified.

#![allow(clippy::unwrap_used)]

use http::{HeaderMap, HeaderName, HeaderValue};
use legation_http_signature::{Message, signature_base};
use legation_keys::{
    PublicKey,
    json::{self, JsonLimits},
};
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("rfc9421.json")).unwrap()
}

/// The RFC's request, with the `Signature-Input` of one case.
fn headers(vectors: &Value, case: &Value) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for pair in vectors["request"]["headers"].as_array().unwrap() {
        let name: HeaderName = pair[0].as_str().unwrap().parse().unwrap();
        headers.insert(name, HeaderValue::from_str(pair[1].as_str().unwrap()).unwrap());
    }
    let input = case["signature_input"].as_str().unwrap();
    headers.insert("signature-input", HeaderValue::from_str(input).unwrap());
    headers
}

#[test]
fn the_signature_bases_are_those_of_appendix_b() {
    let vectors = vectors();
    let request = &vectors["request"];
    for case in vectors["cases"].as_array().unwrap() {
        let headers = headers(&vectors, case);
        let message = Message {
            method: request["method"].as_str().unwrap(),
            target_uri: request["target_uri"].as_str().unwrap(),
            headers: &headers,
            body: request["body"].as_str().unwrap().as_bytes(),
        };
        let base = signature_base(&message, case["label"].as_str().unwrap());
        match case["evaluated"].as_str() {
            None => assert_eq!(base.unwrap(), case["signature_base"], "{}", case["section"]),
            Some(reason) => assert_eq!(base.unwrap_err().to_string(), reason, "{}", case["section"]),
        }
    }
}

#[test]
fn the_signatures_of_ed25519_and_p256_verify() {
    let vectors = vectors();
    let verified = |section: &str| {
        let case = vectors["cases"].as_array().unwrap().iter().find(|case| case["section"] == section);
        let case = case.unwrap();
        let jwk = vectors["keys"][case["key"].as_str().unwrap()].to_string();
        let jwk = json::parse(jwk.as_bytes(), JsonLimits { bytes: 1000, depth: 2 }).unwrap();
        let key = PublicKey::from_jwk(jwk.as_object().unwrap()).unwrap();
        let signature = case["signature"].as_str().unwrap().split(':').nth(1).unwrap();
        let signature = legation_keys::base64url::decode_array(
            signature.trim_end_matches('=').replace('+', "-").replace('/', "_").as_str(),
        );
        let base = case["signature_base"].as_str().unwrap();
        assert!(key.verify(format!("{base} ").as_bytes(), &signature.clone().unwrap()).is_err());
        key.verify(base.as_bytes(), &signature.unwrap()).is_ok()
    };
    assert!(verified("B.2.4"));
    assert!(verified("B.2.6"));
}
