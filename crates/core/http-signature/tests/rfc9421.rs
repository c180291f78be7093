//! The examples of RFC 9421 appendix B. Of those whose components are evaluated here, the
//! signature base is the RFC's to the byte; the others are refused by name. The signatures of the
//! two algorithms that Legation verifies are verified, over the base that was built here wherever
//! there is one.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use http::{HeaderMap, HeaderName, HeaderValue};
use legation_http_signature::{BaseError, Message, signature_base};
use legation_keys::{
    PublicKey,
    json::{self, JsonLimits},
    public::Signature,
};
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("rfc9421.json")).unwrap()
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value.get(member).and_then(Value::as_str).unwrap()
}

/// The base of a case, from its request and its `Signature-Input`.
fn base(vectors: &Value, case: &Value) -> Result<String, BaseError> {
    let request = &vectors["requests"][text(case, "request")];
    let mut headers = HeaderMap::new();
    for pair in request["headers"].as_array().unwrap() {
        let name: HeaderName = pair[0].as_str().unwrap().parse().unwrap();
        headers.append(name, HeaderValue::from_str(pair[1].as_str().unwrap()).unwrap());
    }
    headers.insert("signature-input", HeaderValue::from_str(text(case, "signature_input")).unwrap());
    let (method, target_uri) = (text(request, "method"), text(request, "target_uri"));
    let body = text(request, "body").as_bytes();
    signature_base(&Message { method, target_uri, headers: &headers, body }, text(case, "label"))
}

#[test]
fn the_signature_bases_are_those_of_appendix_b() {
    let vectors = vectors();
    for case in vectors["cases"].as_array().unwrap() {
        let (name, expected) =
            (format!("{} {}", case["section"], case["request"]), text(case, "signature_base"));
        match (text(case, "outcome"), base(&vectors, case)) {
            ("same base", found) => assert_eq!(found.unwrap(), expected, "{name}"),
            ("another base", found) => assert_ne!(found.unwrap(), expected, "{name}"),
            (reason, found) => assert_eq!(found.unwrap_err().to_string(), reason, "{name}"),
        }
    }
}

#[test]
fn the_signatures_of_ed25519_and_p256_verify() {
    let vectors = vectors();
    let mut verified = Vec::new();
    for case in vectors["cases"].as_array().unwrap() {
        let Some(jwk) = vectors["keys"].get(text(case, "key")).map(Value::to_string) else { continue };
        let jwk = json::parse(jwk.as_bytes(), JsonLimits { bytes: 1000, depth: 2 }).unwrap();
        let key = PublicKey::from_jwk(jwk.as_object().unwrap()).unwrap();
        let base64url = text(case, "signature").replace('+', "-").replace('/', "_");
        let signature: Signature =
            legation_keys::base64url::decode_array(base64url.trim_end_matches('=')).unwrap();
        // The response of B.2.4 has no base here, so that its published one is verified.
        let base = base(&vectors, case).unwrap_or_else(|_| text(case, "signature_base").to_owned());
        let fits = key.verify(base.as_bytes(), &signature).is_ok();
        assert_eq!(fits, text(case, "outcome") != "another base", "{}", case["request"]);
        verified.push(text(case, "section"));
    }
    assert_eq!(verified, ["B.2.4", "B.2.6", "B.3", "B.4", "B.4", "B.4", "B.4", "B.4"]);
}
