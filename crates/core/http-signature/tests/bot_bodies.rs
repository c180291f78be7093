//! Bots' requests with a body, and clocks that differ: what a covered `Content-Digest` says is held against the body
//! (RFC 9421 §7.2.8, RFC 9530), whichever reader asks.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

use http::{HeaderMap, HeaderName, HeaderValue};
use legation_http_signature::{
    Message, signature_base,
    web_bot_auth::{agents_of, read_directory, verify},
};
use legation_keys::{Algorithm, PublicKey, SecretKey, Signer, time::Clock};
use serde_json::Value;
use sha2::{Digest, Sha256, Sha512};

const NOW: i64 = 1_795_255_200;
const BODY: &[u8] = br#"{"beds":2}"#;

/// Requests of a stranger's bot, each with the code that it is answered with; `ok` where it is let in.
#[test]
fn requests_of_a_strangers_bot_are_answered() {
    let cases: Value = serde_json::from_str(include_str!("bot-bodies.json")).unwrap();
    let cases = cases.as_array().unwrap();
    for case in cases {
        let mut headers = HeaderMap::new();
        for pair in case["headers"].as_array().unwrap() {
            let text = |index: usize| pair[index].as_str().unwrap();
            headers.append(text(0).parse::<HeaderName>().unwrap(), HeaderValue::from_str(text(1)).unwrap());
        }
        let text = |name: &str| case[name].as_str().unwrap();
        let (method, target_uri, body) = (text("method"), text("target"), text("body").as_bytes());
        let message = Message { method, target_uri, headers: &headers, body };
        let keys = read_directory(case["directory"].to_string().as_bytes()).unwrap();
        let agents = agents_of(&message).unwrap();
        let clock = Clock { now: case["now"].as_i64().unwrap(), skew: 60 };
        let told = verify(&message, agents.first().map(String::as_str), &keys, clock, 300);
        assert_eq!(told.map_or_else(|error| error.code(), |_| "ok"), text("expect"), "{}", text("name"));
    }
    assert_eq!(cases.len(), 6);
}

fn field(algorithm: &str, bytes: &[u8]) -> String {
    let bytes = sfv::BareItem::ByteSequence(bytes.to_vec());
    format!("{algorithm}={}", sfv::ItemSerializer::new().bare_item(&bytes).finish())
}

/// The code for a request with these digests, of which the signature covers these components.
fn judge(digests: &str, covered: &str, body: &[u8]) -> &'static str {
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: &str| {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        headers.clone()
    };
    set("content-digest", digests);
    let id = key.public_key().thumbprint();
    let params =
        format!("created={NOW};expires={};keyid=\"{id}\";alg=\"ed25519\";tag=\"web-bot-auth\"", NOW + 60);
    let unsigned = set("signature-input", &format!("sig=(\"@authority\"{covered});{params}"));
    let target_uri = "https://shop.example/rooms";
    let message = Message { method: "POST", target_uri, headers: &unsigned, body };
    let base = signature_base(&message, "sig").unwrap();
    let signed = set("signature", &field("sig", &key.sign(base.as_bytes()).unwrap()));
    let keys: Vec<PublicKey> = vec![key.public_key().clone()];
    let message = Message { headers: &signed, ..message };
    let told = verify(&message, None, &keys, Clock { now: NOW, skew: 60 }, 60);
    told.map_or_else(|error| error.code(), |_| "ok")
}

#[test]
fn a_covered_digest_is_that_of_the_body() {
    let other = b"another body";
    let (sha256, sha512) = (field("sha-256", &Sha256::digest(BODY)), field("sha-512", &Sha512::digest(BODY)));
    let (not256, not512) =
        (field("sha-256", &Sha256::digest(other)), field("sha-512", &Sha512::digest(other)));
    let md5 = field("md5", &[7; 16]);
    let whole = " \"content-digest\"";
    let one = |key: &str| format!(" \"content-digest\";key=\"{key}\"");
    const NO: &str = "request_binding_mismatch";
    for (digests, covered, wanted) in [
        (sha256.clone(), whole, "ok"),
        (sha512.clone(), whole, "ok"),
        (format!("{sha256}, {sha512}"), whole, "ok"),
        (format!("{md5}, {sha512}"), whole, "ok"),
        (format!("{sha256}, {not512}"), whole, NO),
        (format!("{not256}, {sha512}"), whole, NO),
        (not256.clone(), whole, NO),
        (md5.clone(), whole, NO),
        ("sha-256=\"text\"".to_owned(), whole, "malformed"),
        // Members by their keys: what is covered has to be known, what is known has to be right.
        (format!("{md5}, {sha256}"), &one("sha-256"), "ok"),
        (format!("{md5}, {sha256}"), &one("md5"), NO),
        (format!("{sha256}, {not512}"), &one("sha-256"), NO),
        // Not covered, it says nothing of the body, and neither does the signature.
        (not256.clone(), "", "ok"),
    ] {
        assert_eq!(judge(&digests, covered, BODY), wanted, "{digests} {covered}");
    }
    assert_eq!(judge(&sha256, whole, other), NO);
    assert_eq!(judge(&field("sha-256", &Sha256::digest(b"")), whole, b""), "ok", "nothing has a digest, too");
}
