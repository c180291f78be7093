//! Identity tokens of agents, end to end: what is signed is verified by a JWK set, as a service does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use legation_agent_card::JwkSet;
use legation_keys::Algorithm;
use legation_signer::{Client, ClientError, Door, EventTerms, SealedKey};
use legation_token::{Claims, Expected, Shown, TokenAlgorithm, verify};
use serde_json::{Value, json};

const ISSUER: &str = "https://acme.example";
/// By the signer's own clock.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

const AUDIENCE: &str = "https://api.example";
const KEY: &str = "https://acme.example#token-1";

fn claims(patch: &Value) -> Claims {
    let digest = legation_keys::base64url::encode(&[7; 32]);
    let mut claims = json!({
        "iss": ISSUER, "sub": "did:web:acme.example", "client_id": "did:web:acme.example:mail", "aud": AUDIENCE,
        "iat": now(), "exp": now() + 300, "jti": "t-1", "act": {"sub": "did:web:acme.example:mail"},
        "authorization_details": [{
            "type": "legation_delegation", "locations": [AUDIENCE], "chain": digest, "links": [digest],
            "grants": [{"actions": ["crm:read"], "resources": ["https://api.example/*"]}], "constraints": [],
        }],
    });
    claims.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
    Claims::read(claims.to_string().as_bytes()).unwrap()
}

fn code<T>(answer: Result<T, ClientError>) -> String {
    match answer {
        Err(ClientError::Refused { code, .. }) => code,
        Err(other) => panic!("{other}"),
        Ok(_) => "signed".to_owned(),
    }
}

#[test]
fn a_token_is_signed_by_the_algorithm_of_its_key_and_verified_by_its_public_part() {
    let running = Running::start();
    let (mut registry, mut gateway) = (running.at(Door::Registry), running.at(Door::Gateway));
    let mut made: Vec<(Value, Vec<u8>)> = Vec::new();
    for algorithm in Algorithm::ALL {
        let key = registry.generate(ACME, KEY, algorithm).unwrap();
        let mut jwk = key.public_key.to_jwk();
        jwk["kid"] = key.public_key.thumbprint().into();
        made.push((jwk, key.sealed));
    }
    let rsa = registry.generate_rsa(ACME, KEY).unwrap();
    made.push((serde_json::from_str(&rsa.public_jwk).unwrap(), rsa.sealed));
    for (jwk, sealed) in made {
        let key = SealedKey { organization: ACME, key_id: KEY, sealed: &sealed };
        let said = claims(&json!({}));
        let token = gateway.access_token(key, &said).unwrap();
        let set = JwkSet::parse(json!({"keys": [jwk]}).to_string().as_bytes()).unwrap();
        let expected = Expected { issuer: ISSUER, audience: AUDIENCE, algorithms: &TokenAlgorithm::ALL };
        let held = verify(&token, Shown::Bearer, &set, &expected, now()).unwrap();
        assert_eq!(*held.claims(), said);
    }
}

#[test]
fn nothing_else_is_signed_as_a_token_and_no_other_key_signs_one() {
    let running = Running::start();
    let (mut registry, mut gateway): (Client, Client) =
        (running.at(Door::Registry), running.at(Door::Gateway));
    let made = registry.generate(ACME, KEY, Algorithm::Es256).unwrap();
    let own = SealedKey { organization: ACME, key_id: KEY, sealed: &made.sealed };
    let mut of = |patch: Value| code(gateway.access_token(own, &claims(&patch)));
    assert_eq!(of(json!({})), "signed");
    assert_eq!(of(json!({"iss": "https://other.example"})), "issuer_mismatch");
    assert_eq!(of(json!({"iss": "https://acme"})), "issuer_mismatch");
    // Longer than five minutes, no time at all, and not yet.
    for patch in [
        json!({"iat": now() + 3600, "exp": now() + 3900}),
        json!({"iat": now() - 3600, "exp": now() - 3300}),
        json!({"exp": now() + 301}),
        json!({"exp": now()}),
        json!({"exp": now() - 1}),
        json!({"nbf": now()}),
    ] {
        assert_eq!(of(patch.clone()), "token_terms", "{patch}");
    }
    // The registry's door makes the key, and does not sign by it.
    assert_eq!(code(registry.access_token(own, &claims(&json!({})))), "not_at_this_door");
    // Keys that were made for something else.
    for key_id in [
        "0197-own",
        "https://acme.example#signals-1",
        "https://acme.example#tokens",
        "log:acme.example/log/1",
    ] {
        let other = registry.generate(ACME, key_id, Algorithm::Es256).unwrap();
        let key = SealedKey { organization: ACME, key_id, sealed: &other.sealed };
        assert_eq!(code(gateway.access_token(key, &claims(&json!({})))), "issuer_mismatch", "{key_id}");
        let moved = SealedKey { organization: ACME, key_id: KEY, sealed: &other.sealed };
        assert_eq!(code(gateway.access_token(moved, &claims(&json!({})))), "sealed_mismatch", "{key_id}");
    }
    // And a key of tokens signs no security events.
    let rsa = registry.generate_rsa(ACME, KEY).unwrap();
    let event = EventTerms {
        issuer: ISSUER,
        audience: "https://shop.example",
        jti: "j-1",
        issued_at: now(),
        subject: r#"{"format":"did","url":"did:web:acme.example:bot"}"#,
        event: "https://schemas.openid.net/secevent/caep/event-type/credential-change",
        said: "{}",
        txn: None,
    };
    let key = SealedKey { organization: ACME, key_id: KEY, sealed: &rsa.sealed };
    assert_eq!(code(registry.security_event(key, &event)), "issuer_mismatch");
}

/// What is asked in words that are not the signer's own is not signed: whoever asked would not know what was left out.
#[test]
fn claims_that_would_not_be_written_so_are_not_signed() {
    let running = Running::start();
    let made = running.at(Door::Registry).generate(ACME, KEY, Algorithm::EdDsa).unwrap();
    let sealed = legation_keys::base64url::encode(&made.sealed);
    let mut raw = running.raw(Door::Gateway);
    let good = claims(&json!({})).to_json();
    let mut ask = |claims: String| {
        let key = json!({"organization": ACME, "key_id": KEY, "sealed": sealed});
        let request = json!({"access_token": {"key": key, "claims": claims}});
        let answer = exchange(&mut raw, request.to_string().as_bytes()).unwrap();
        code_of(&answer)
    };
    assert_eq!(ask(good.to_string()), "signed");
    for (name, value) in
        [("scope", json!("crm:write")), ("admin", json!(true)), ("may_act", json!({"sub": "x"}))]
    {
        let mut more = good.clone();
        more[name] = value;
        assert_eq!(ask(more.to_string()), "token_terms", "{name}");
    }
    let twice = good.to_string().replacen('{', r#"{"aud":"https://evil.example","#, 1);
    assert_eq!(ask(twice), "duplicate_member");
    assert_eq!(ask("{}".to_owned()), "malformed");
    assert_eq!(ask("[]".to_owned()), "malformed");
}

fn code_of(answer: &Value) -> String {
    if answer.get("secured").is_some() { "signed".to_owned() } else { common::code(answer).to_owned() }
}
