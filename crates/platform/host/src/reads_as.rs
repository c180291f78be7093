//! What a file is, whatever its name says: nothing is served but what reads as what its place is for.

use crate::location::Kind;
use legation_keys::{
    base64url,
    json::{self, Json, JsonLimits, Object},
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// As deep as anything that is published here is nested.
const DEPTH: usize = 64;

/// Most answers that are remembered, 64 bytes each.
const MOST_KNOWN: usize = 4096;

/// Members of a JWK that hold private parts or a shared secret (RFC 7518 §6.2.2, §6.3.2, §6.4).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// What is known of bytes that were read before: a list may be large, and is asked for often.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<HashMap<(Kind, [u8; 32]), bool>>);

impl Known {
    /// As [`reads_as`], by the SHA-256 of the bytes.
    pub(crate) fn reads_as(&self, kind: Kind, bytes: &[u8], digest: [u8; 32]) -> bool {
        let held = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = held().get(&(kind, digest)) {
            return *known;
        }
        let answer = reads_as(kind, bytes);
        let mut known = held();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert((kind, digest), answer);
        answer
    }
}

/// Whether bytes are what a place of that kind is for. Signatures and times are for whoever fetches them to judge.
fn reads_as(kind: Kind, bytes: &[u8]) -> bool {
    match kind {
        Kind::StatusList if bytes.trim_ascii_start().starts_with(b"{") => is_object(bytes, is_list),
        Kind::StatusList => is_list_token(bytes),
        Kind::Document => is_object(bytes, |document| text(document, "id").is_some_and(is_did)),
        Kind::AgentCard => is_object(bytes, |_| true),
        Kind::Configuration => {
            is_object(bytes, |one| one.get("linked_dids").and_then(Json::as_array).is_some())
        }
        Kind::KeyDirectory => is_object(bytes, |set| set.get("keys").and_then(Json::as_array).is_some()),
        // did:webvh 1.0, "The DID Log File": JSON Lines.
        Kind::Log => bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.trim_ascii().is_empty())
            .all(|line| is_object(line, |entry| text(entry, "versionId").is_some())),
        Kind::Witnesses => {
            parse(bytes).is_some_and(|proofs| proofs.as_array().is_some() && !is_secret(&proofs))
        }
    }
}

/// A status list secured by proofs.
fn is_list(list: &Object<'_>) -> bool {
    has_type(list, "BitstringStatusListCredential")
        && list.get("credentialSubject").and_then(|subject| subject.get("encodedList")).is_some()
}

/// A status list that is a JWT: a Bitstring Status List, or a Token Status List.
fn is_list_token(bytes: &[u8]) -> bool {
    let Ok(token) = core::str::from_utf8(bytes.trim_ascii()) else { return false };
    let parts: Vec<&str> = token.split('.').take(4).collect();
    let [header, payload, signature] = parts.as_slice() else { return false };
    let decoded = |part: &str| base64url::decode(part).ok();
    decoded(signature).is_some()
        && decoded(header).is_some_and(|header| is_object(&header, |header| header.get("alg").is_some()))
        && decoded(payload).is_some_and(|claims| {
            is_object(&claims, |claims| {
                let packed = claims.get("status_list").and_then(|list| list.get("lst"));
                is_list(claims) || packed.is_some()
            })
        })
}

fn parse(bytes: &[u8]) -> Option<Json<'_>> {
    json::parse(bytes, JsonLimits { bytes: bytes.len(), depth: DEPTH }).ok()
}

/// Whether the bytes are one object that is as wanted, and holds nothing secret.
fn is_object(bytes: &[u8], wanted: impl Fn(&Object<'_>) -> bool) -> bool {
    parse(bytes).is_some_and(|json| json.as_object().is_some_and(wanted) && !is_secret(&json))
}

/// Whether there is a private key in it: nothing that is published has one, and whoever keeps one there by
/// mistake should not lose it by that.
fn is_secret(json: &Json<'_>) -> bool {
    match json {
        Json::Array(all) => all.iter().any(is_secret),
        Json::Object(members) => {
            let is_key = members.get("kty").is_some();
            members.iter().any(|(name, value)| {
                name.starts_with("privateKey")
                    || name.starts_with("secretKey")
                    || is_key && PRIVATE.contains(&name)
                    || is_secret(value)
            })
        }
        _ => false,
    }
}

fn text<'o>(object: &'o Object<'_>, name: &str) -> Option<&'o str> {
    object.get(name).and_then(Json::as_str)
}

fn is_did(text: &str) -> bool {
    text.starts_with("did:")
}

fn has_type(object: &Object<'_>, wanted: &str) -> bool {
    match object.get("type") {
        Some(Json::Array(all)) => all.iter().any(|one| one.as_str() == Some(wanted)),
        Some(one) => one.as_str() == Some(wanted),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, payload: &str) -> String {
        format!("{}.{}.c2ln", base64url::encode(header.as_bytes()), base64url::encode(payload.as_bytes()))
    }

    #[test]
    fn a_place_serves_what_it_is_for_and_nothing_secret() {
        let list = r#"{"type":["VerifiableCredential","BitstringStatusListCredential"],"credentialSubject":{"encodedList":"u"}}"#;
        let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"A","d":"SECRET"}"#;
        let header = r#"{"alg":"EdDSA","typ":"vc+jwt"}"#;
        for (kind, bytes, expected) in [
            (Kind::StatusList, list.to_owned(), true),
            (Kind::StatusList, format!("\n {list}\n"), true),
            (Kind::StatusList, token(header, list) + "\n", true),
            (Kind::StatusList, token(header, r#"{"status_list":{"bits":1,"lst":"eA"}}"#), true),
            (
                Kind::StatusList,
                token(header, r#"{"type":["VerifiableCredential","DelegationCredential"]}"#),
                false,
            ),
            (Kind::StatusList, token(jwk, list), false),
            (Kind::StatusList, token("{}", list), false),
            (Kind::StatusList, token(header, list) + ".x", false),
            (Kind::StatusList, jwk.to_owned(), false),
            (Kind::StatusList, list.replacen('{', &format!(r#"{{"key":{jwk},"#), 1), false),
            (Kind::StatusList, list.replacen('{', r#"{"type":"x","#, 1), false),
            (Kind::StatusList, "-----BEGIN AGE ENCRYPTED FILE-----".to_owned(), false),
            (Kind::StatusList, "correct.horse.battery".to_owned(), false),
            (Kind::StatusList, String::new(), false),
            (Kind::Document, r#"{"id":"did:web:a.example"}"#.to_owned(), true),
            (Kind::Document, jwk.to_owned(), false),
            (Kind::Document, format!(r#"{{"id":"did:web:a.example","key":[{jwk}]}}"#), false),
            (Kind::Document, r#"{"id":"did:web:a.example","privateKeyMultibase":"z"}"#.to_owned(), false),
            (Kind::AgentCard, r#"{"name":"A"}"#.to_owned(), true),
            (Kind::AgentCard, jwk.to_owned(), false),
            (Kind::AgentCard, "SECRET".to_owned(), false),
            (Kind::Configuration, r#"{"linked_dids":["a.b.c"]}"#.to_owned(), true),
            (Kind::Configuration, r#"{"linked_dids":"a.b.c"}"#.to_owned(), false),
            (Kind::Configuration, format!(r#"{{"linked_dids":[{jwk}]}}"#), false),
            (Kind::KeyDirectory, r#"{"keys":[{"kty":"OKP","x":"A"}]}"#.to_owned(), true),
            (Kind::KeyDirectory, format!(r#"{{"keys":[{jwk}]}}"#), false),
            (Kind::KeyDirectory, format!(r#"{{"keys":[{jwk}],"keys":[]}}"#), false),
            (Kind::Log, "{\"versionId\":\"1-Q\"}\n{\"versionId\":\"2-Q\"}\n".to_owned(), true),
            (Kind::Log, format!("{{\"versionId\":\"1-Q\"}}\n{jwk}\n"), false),
            (Kind::Witnesses, r#"[{"versionId":"1-Q","proof":[]}]"#.to_owned(), true),
            (Kind::Witnesses, format!("[{jwk}]"), false),
        ] {
            let known = Known::default();
            for _ in 0..2 {
                assert_eq!(known.reads_as(kind, bytes.as_bytes(), [0; 32]), expected, "{kind:?} {bytes}");
            }
        }
    }
}
