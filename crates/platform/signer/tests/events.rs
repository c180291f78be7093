//! Security Event Tokens and alerts, end to end: what is signed is read by a JWK set, as a receiver does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use legation_agent_card::{CardAlgorithm, jwks::JwkSet};
use legation_did::web;
use legation_keys::{Algorithm, base64url, jws};
use legation_signer::{Client, ClientError, Door, EventTerms, GeneratedRsa, SealedKey};
use serde_json::{Value, json};

const ISSUER: &str = "https://acme.example";
const KEY: &str = "https://acme.example#signals-1";
const REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/credential-change";

fn terms() -> EventTerms<'static> {
    EventTerms {
        issuer: ISSUER,
        audience: "https://shop.example",
        jti: "j-1",
        issued_at: NOW,
        subject: r#"{"format":"did","url":"did:web:acme.example:bot"}"#,
        event: REVOKED,
        said: r#"{"change_type":"revoke"}"#,
        txn: Some("7"),
    }
}

fn sealed(made: &GeneratedRsa) -> SealedKey<'_> {
    SealedKey { organization: ACME, key_id: KEY, sealed: &made.sealed }
}

fn code<T>(answer: Result<T, ClientError>) -> String {
    match answer {
        Err(ClientError::Refused { code, .. }) => code,
        Err(other) => panic!("{other}"),
        Ok(_) => "signed".to_owned(),
    }
}

fn part(text: &str) -> Value {
    serde_json::from_slice(&base64url::decode(text).unwrap()).unwrap()
}

#[test]
fn a_token_is_signed_by_rs256_and_says_what_it_was_told_and_nothing_else() {
    let running = Running::start();
    let mut signer = running.at(Door::Registry);
    let made = signer.generate_rsa(ACME, KEY).unwrap();
    let text = signer.security_event(sealed(&made), &terms()).unwrap();
    let jwk: Value = serde_json::from_str(&made.public_jwk).unwrap();
    let set = JwkSet::parse(json!({"keys": [jwk]}).to_string().as_bytes()).unwrap();
    let parts = jws::split(&text).unwrap();
    let header = part(parts.header);
    assert_eq!(header, json!({"alg": "RS256", "kid": jwk["kid"], "typ": "secevent+jwt"}));
    let signature = base64url::decode(parts.signature).unwrap();
    let verifies = |input: &str| {
        set.verifies(jwk["kid"].as_str().unwrap(), CardAlgorithm::Rs256, input.as_bytes(), &signature)
            .unwrap()
    };
    assert!(verifies(parts.signing_input) && !verifies("another"));
    let said = json!({
        "iss": ISSUER, "aud": "https://shop.example", "jti": "j-1", "iat": NOW, "txn": "7",
        "sub_id": {"format": "did", "url": "did:web:acme.example:bot"},
        "events": {REVOKED: {"change_type": "revoke"}},
    });
    assert_eq!(part(parts.payload), said);
    // Sent again, it is the same text.
    assert_eq!(signer.security_event(sealed(&made), &terms()).unwrap(), text);
}

#[test]
fn nothing_else_is_signed_as_a_token_and_no_other_key_signs_one() {
    let running = Running::start();
    let mut signer = running.at(Door::Registry);
    let made = signer.generate_rsa(ACME, KEY).unwrap();
    let mut refused = |key: SealedKey<'_>, terms: EventTerms<'_>| code(signer.security_event(key, &terms));
    let elsewhere = EventTerms { issuer: "https://other.example", ..terms() };
    assert_eq!(refused(sealed(&made), elsewhere), "issuer_mismatch");
    let longer = EventTerms { issuer: "https://acme", ..terms() };
    assert_eq!(refused(sealed(&made), longer), "issuer_mismatch");
    let other = EventTerms {
        event: "https://schemas.openid.net/secevent/caep/event-type/session-established",
        ..terms()
    };
    assert_eq!(refused(sealed(&made), other), "event_unknown");
    for subject in ["{}", r#"{"format":1}"#, "[]", "", r#"{"format":"did","format":"email"}"#] {
        assert_ne!(refused(sealed(&made), EventTerms { subject, ..terms() }), "signed", "{subject}");
    }
    for said in ["[]", r#"{"a":1,"a":2}"#, "1"] {
        assert_ne!(refused(sealed(&made), EventTerms { said, ..terms() }), "signed", "{said}");
    }
    assert_eq!(refused(sealed(&made), EventTerms { audience: "", ..terms() }), "length_out_of_range");
    let moved = SealedKey { key_id: "https://acme.example#signals-2", ..sealed(&made) };
    assert_eq!(refused(moved, terms()), "sealed_mismatch");
    // Neither kind of key does the other's work.
    let ed25519 = signer.generate(ACME, KEY, Algorithm::EdDsa).unwrap();
    assert_eq!(code(signer.security_event(key(KEY, &ed25519), &terms())), "not_a_key");
    let acme = did("did:web:acme.example");
    let receipt = r#"{"type":"LegationReceipt","verifier":"did:web:acme.example"}"#;
    let as_own = SealedKey { organization: ACME, key_id: KEY, sealed: &made.sealed };
    assert_eq!(code(signer.receipt(as_own, receipt)), "not_a_key");
    assert_eq!(
        code(signer.alert(
            as_own,
            &acme,
            r#"{"type":"LegationAlert","organization":"did:web:acme.example"}"#
        )),
        "not_a_key"
    );
    let mut gateway: Client = running.at(Door::Gateway);
    assert_eq!(code(gateway.security_event(sealed(&made), &terms())), "not_at_this_door");
}

#[test]
fn an_alert_is_signed_as_it_stands_by_its_own_organization_alone() {
    let running = Running::start();
    let mut signer = running.at(Door::Registry);
    let made = signer.generate(ACME, "own", Algorithm::EdDsa).unwrap();
    let acme = did("did:web:acme.example");
    let alert = r#"{"type":"LegationAlert","organization":"did:web:acme.example","what":"budget"}"#;
    let text = signer.alert(key("own", &made), &acme, alert).unwrap();
    let parts = jws::split(&text).unwrap();
    assert_eq!(base64url::decode(parts.payload).unwrap(), alert.as_bytes());
    let document = web::document(&acme, std::slice::from_ref(&made.public_key));
    let header = part(parts.header);
    assert_eq!((header["typ"].as_str(), header["alg"].as_str()), (Some("alert+jwt"), Some("EdDSA")));
    assert!(document.to_json().to_string().contains(header["kid"].as_str().unwrap()));
    let signature = jws::read_signature(parts.signature).unwrap();
    assert!(made.public_key.verify(parts.signing_input.as_bytes(), &signature).is_ok());
    let mut refused = |alert: &str| code(signer.alert(key("own", &made), &acme, alert));
    assert_eq!(
        refused(r#"{"type":"LegationReceipt","organization":"did:web:acme.example"}"#),
        "type_mismatch"
    );
    assert_eq!(
        refused(r#"{"type":"LegationAlert","organization":"did:web:other.example"}"#),
        "issuer_mismatch"
    );
}
