//! Identity tokens: made of chains, read strictly, shown with proofs. Bad input is data in `tests/data`.
//!
//! `dpop.json` is CC0: one bound token and twelve proofs with what to answer, made with jwcrypto. `wimse/` is from `includes/` of
//! draft-ietf-wimse-s2s-protocol (IETF Trust) and from SPIFFE's standards (Apache-2.0).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod assertion;
mod dpop;
mod make;
mod narrow;
mod requests;
mod svid;
mod verify;
mod wimse;

use legation_keys::{Algorithm, SecretKey, Signer, base64url};
use serde_json::{Value, json};

/// 2026-11-21T10:00:00Z
pub(crate) const NOW: i64 = 1_795_255_200;
pub(crate) const ISSUER: &str = "https://acme.example";
pub(crate) const AUDIENCE: &str = "https://api.example";

pub(crate) fn key(algorithm: Algorithm) -> SecretKey {
    SecretKey::generate(algorithm).unwrap()
}

/// A JWS of any header and payload, text for text.
pub(crate) fn jws_of(header: &str, payload: &str, key: &SecretKey) -> String {
    let input = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(payload.as_bytes()));
    format!("{input}.{}", base64url::encode(&key.sign(input.as_bytes()).unwrap()))
}

/// An object with the members of another put in place of its own; `null` takes one away.
pub(crate) fn patched(base: &Value, patch: &Value) -> Value {
    let mut made = base.clone();
    for (name, value) in patch.as_object().into_iter().flatten() {
        match value {
            Value::Null => drop(made.as_object_mut().unwrap().remove(name)),
            value => made[name] = value.clone(),
        }
    }
    made
}

/// The JWK set of an issuer.
pub(crate) fn jwks(keys: &[(&str, &SecretKey)]) -> legation_agent_card::JwkSet {
    let all: Vec<Value> = keys
        .iter()
        .map(|(kid, key)| {
            let said = json!({"kid": kid, "use": "sig", "alg": key.public_key().algorithm().jose()});
            patched(&key.public_key().to_jwk(), &said)
        })
        .collect();
    legation_agent_card::JwkSet::parse(json!({ "keys": all }).to_string().as_bytes()).unwrap()
}

/// Claims of a good token, as they are signed.
pub(crate) fn claims() -> Value {
    let digest = base64url::encode(&[7; 32]);
    json!({
        "iss": ISSUER, "sub": "did:web:acme.example", "client_id": "did:web:acme.example:mail", "aud": AUDIENCE,
        "iat": NOW, "exp": NOW + 300, "jti": "t-1", "scope": "crm:read",
        "act": {"sub": "did:web:acme.example:mail", "act": {"sub": "did:web:acme.example:teams:default"}},
        "authorization_details": [{
            "type": "legation_delegation", "locations": [AUDIENCE], "chain": digest, "links": [digest],
            "grants": [{"actions": ["crm:read"], "resources": ["https://api.example/*"]}], "constraints": [],
        }],
    })
}
