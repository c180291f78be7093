//! JWT-SVIDs of agents, end to end: what is signed is verified by a bundle, as a service does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use legation_keys::Algorithm;
use legation_signer::{ClientError, Door, SealedKey};
use legation_token::svid::{Bundle, SvidClaims, bundle, verify::signed};
use serde_json::{Value, json};

const KEY: &str = "spiffe://acme.example#svid-1";
const AUDIENCE: &str = "https://api.example";

/// By the signer's own clock.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

fn claims(patch: &Value) -> SvidClaims {
    let mut claims = json!({
        "sub": "spiffe://acme.example/crm", "aud": [AUDIENCE], "iat": now(), "exp": now() + 300, "jti": "s-1",
    });
    claims.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    SvidClaims::read(claims.to_string().as_bytes()).unwrap()
}

fn code<T>(answer: Result<T, ClientError>) -> String {
    match answer {
        Err(ClientError::Refused { code, .. }) => code,
        Err(other) => panic!("{other}"),
        Ok(_) => "signed".to_owned(),
    }
}

#[test]
fn an_svid_is_signed_for_its_own_trust_domain_for_minutes_and_by_no_other_key() {
    let running = Running::start();
    let (mut registry, mut gateway) = (running.at(Door::Registry), running.at(Door::Gateway));
    let made = registry.generate(ACME, KEY, Algorithm::Es256).unwrap();
    let own = SealedKey { organization: ACME, key_id: KEY, sealed: &made.sealed };
    let said = claims(&json!({}));
    let text = gateway.jwt_svid(own, &said).unwrap();
    let mut jwk = made.public_key.to_jwk();
    jwk["kid"] = made.public_key.thumbprint().into();
    jwk["use"] = "jwt-svid".into();
    let bundle = Bundle::parse(bundle::document(&[jwk], 1, 300).to_string().as_bytes()).unwrap();
    let held = signed(&text, &bundle, "acme.example").unwrap();
    held.holds(AUDIENCE, 300, now()).unwrap();
    assert_eq!(*held.claims(), said);
    let mut of = |patch: Value| code(gateway.jwt_svid(own, &claims(&patch)));
    for id in ["spiffe://other.example/crm", "spiffe://acme.example.org/crm", "spiffe://acme/crm"] {
        assert_eq!(of(json!({ "sub": id })), "issuer_mismatch", "{id}");
    }
    // Longer than five minutes, no time at all, of another time, and without a begin.
    for patch in [
        json!({"exp": now() + 301}),
        json!({"exp": now()}),
        json!({"iat": now() + 3600, "exp": now() + 3900}),
        json!({"iat": now() - 3600, "exp": now() - 3300}),
        json!({"iat": null}),
        json!({"nbf": now()}),
    ] {
        assert_eq!(of(patch.clone()), "token_terms", "{patch}");
    }
    // The registry's door makes the key, and does not sign by it.
    assert_eq!(code(registry.jwt_svid(own, &said)), "not_at_this_door");
    for key_id in
        ["0197-own", "https://acme.example#token-1", "spiffe://acme.example#token-1", "spiffe://acme.example"]
    {
        let other = registry.generate(ACME, key_id, Algorithm::Es256).unwrap();
        let key = SealedKey { organization: ACME, key_id, sealed: &other.sealed };
        assert_eq!(code(gateway.jwt_svid(key, &said)), "issuer_mismatch", "{key_id}");
        let moved = SealedKey { organization: ACME, key_id: KEY, sealed: &other.sealed };
        assert_eq!(code(gateway.jwt_svid(moved, &said)), "sealed_mismatch", "{key_id}");
    }
    // SPIFFE knows no EdDSA.
    let edwards = registry.generate(ACME, KEY, Algorithm::EdDsa).unwrap();
    let key = SealedKey { organization: ACME, key_id: KEY, sealed: &edwards.sealed };
    assert_ne!(code(gateway.jwt_svid(key, &said)), "signed");
}
