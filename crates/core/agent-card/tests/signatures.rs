//! Signatures and keys: what one must be to count, and how many are looked at.

#![allow(clippy::unwrap_used)]

mod world;

use legation_agent_card::{Form, Keys, UnverifiedCard, extension, sign};
use legation_did::{Document, Purpose};
use legation_keys::{Algorithm, SecretKey, Signer, base64url};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use world::{DID, World, altered, code};

#[test]
fn a_thousand_signatures_cost_a_bounded_amount() {
    let world = World::new();
    let signed = world.signed(|_| {});
    let genuine = serde_json::from_str::<Value>(&signed).unwrap()["signatures"][0].clone();
    let forged = json!({"protected": genuine["protected"], "signature": base64url::encode(&[1; 64])});
    let unknown = base64url::encode(format!(r#"{{"alg":"EdDSA","kid":"{DID}#x"}}"#).as_bytes());
    let unknown = json!({"protected": unknown, "signature": base64url::encode(&[1; 64])});
    let with = |signatures: Vec<Value>| altered(&signed, |card| card["signatures"] = signatures.into());

    let began = Instant::now();
    let error = world.verify(&with(vec![forged.clone(); 1000])).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert!(
        matches!(&error, legation_agent_card::VerifyError::NoneValid { signatures: 1000, failures }
        if failures.len() == 16),
        "{error:?}"
    );
    let hidden = |filler: &Value, before: usize| {
        let mut signatures = vec![filler.clone(); before];
        signatures.push(genuine.clone());
        code(world.verify(&with(signatures)))
    };
    assert_eq!(hidden(&forged, 15), "ok");
    assert_eq!(hidden(&forged, 16), "signature_invalid", "the seventeenth is not tried");
    assert_eq!(hidden(&unknown, 999), "ok", "those of unknown keys do not count");
}

#[test]
fn each_rule_of_a_signature_refuses_what_it_is_for() {
    let world = World::new();
    let signed = world.signed(|_| {});
    let header = |header: Value| {
        altered(&signed, |card| {
            let protected = base64url::encode(header.to_string().as_bytes());
            let signature = card["signatures"][0]["signature"].clone();
            card["signatures"] = json!([{"protected": protected, "signature": signature}]);
        })
    };
    let kid = world.key_id();
    for (text, wanted) in [
        (header(json!({"alg": "none", "kid": kid, "typ": "JOSE"})), "algorithm_not_allowed"),
        (header(json!({"alg": "HS256", "kid": kid})), "algorithm_not_allowed"),
        (header(json!({"alg": "RS256", "kid": kid})), "algorithm_not_allowed"),
        (header(json!({"alg": "ES256", "kid": kid})), "algorithm_key_mismatch"),
        (header(json!({"alg": "EdDSA", "kid": kid, "crit": ["b64"], "b64": false})), "critical_header"),
        (
            header(json!({"alg": "EdDSA", "kid": kid, "jwk": world.key.public_key().to_jwk()})),
            "header_key_forbidden",
        ),
        (header(json!({"alg": "EdDSA", "kid": "did:web:evil.example#k"})), "key_not_found"),
        (header(json!({"alg": "EdDSA", "kid": "key-1"})), "key_not_found"),
        (header(json!({"alg": "EdDSA", "kid": kid, "jku": "https://evil.example"})), "signature_invalid"),
        (altered(&signed, |card| card["signatures"] = json!([7, {}, {"protected": ""}])), "malformed"),
        (altered(&signed, |card| card["signatures"] = json!([])), "card_unsigned"),
        (altered(&signed, |card| card["signatures"][0]["signature"] = "A".into()), "ok"),
        (altered(&signed, |card| card["capabilities"]["extensions"] = json!([])), "card_did_missing"),
        (
            altered(&signed, |card| {
                card["capabilities"]["extensions"][0]["params"]["did"] = "did:web:b.example".into()
            }),
            "card_did_mismatch",
        ),
        (
            altered(&signed, |card| card["capabilities"]["extensions"][0]["params"]["did"] = "agent".into()),
            "card_did_malformed",
        ),
        (
            altered(&signed, |card| {
                let twice = card["capabilities"]["extensions"][0].clone();
                card["capabilities"]["extensions"].as_array_mut().unwrap().push(twice);
            }),
            "card_did_ambiguous",
        ),
    ] {
        assert_eq!(code(world.verify(&text)), wanted, "{text}");
    }
}

#[test]
fn an_unprotected_header_has_no_say() {
    let world = World::new();
    let signed = altered(&world.signed(|_| {}), |card| {
        card["signatures"][0]["header"] = json!({"alg": "none", "kid": "evil", "crit": ["x"], "jwk": {}});
    });
    assert_eq!(code(world.verify(&signed)), "ok");
}

#[test]
fn a_key_signs_cards_only_with_its_purpose_and_while_it_is_in_the_document() {
    let world = World::new();
    let signed = world.signed(|_| {});
    let mut other = Document::new(DID.parse().unwrap());
    let verify = |document: &Document| {
        let card = UnverifiedCard::parse(signed.as_bytes()).unwrap();
        code(legation_agent_card::verify(&card, Keys::Document { document, now: 0 }, &Form::ALL))
    };
    assert_eq!(verify(&other), "key_not_found", "rotated away");
    other.add_key(world.key_id(), world.key.public_key().clone(), &[Purpose::Authentication]);
    assert_eq!(verify(&other), "key_purpose_mismatch");
    let jwk = world.key.public_key().to_jwk();
    let id = world.key_id();
    let revoked = json!({"id": DID, "assertionMethod": [{"id": id, "type": "JsonWebKey", "controller": DID,
        "publicKeyJwk": jwk, "revoked": "1970-01-01T00:00:00Z"}]});
    assert_eq!(verify(&Document::parse(revoked.to_string().as_bytes()).unwrap()), "key_revoked");
}

#[test]
fn a_key_is_rotated_by_two_signatures() {
    let world = World::new();
    let signed = world.signed(|_| {});
    let new = SecretKey::generate(Algorithm::Es256).unwrap();
    let new_id = format!("{DID}#new");
    let card = UnverifiedCard::parse(signed.as_bytes()).unwrap();
    let both = sign(&card, &new_id, &new).unwrap();
    let extended = altered(&signed, |card| card["signatures"][0]["evil"] = json!(1));
    let card_of_extended = UnverifiedCard::parse(extended.as_bytes()).unwrap();
    assert!(!sign(&card_of_extended, &new_id, &new).unwrap().contains("evil"));
    assert_eq!(UnverifiedCard::parse(both.as_bytes()).unwrap().signature_count(), 4);
    assert_eq!(world.verify(&both).unwrap().key_id(), world.key_id());
    let mut later = Document::new(DID.parse().unwrap());
    later.add_key(new_id.clone(), new.public_key().clone(), &[Purpose::AssertionMethod]);
    let card = UnverifiedCard::parse(both.as_bytes()).unwrap();
    let keys = Keys::Document { document: &later, now: 0 };
    assert_eq!(legation_agent_card::verify(&card, keys, &Form::ALL).unwrap().key_id(), new_id);
    // Signing again replaces the key's own signatures and leaves the others.
    let again = sign(&card, &world.key_id(), &world.key).unwrap();
    assert_eq!(UnverifiedCard::parse(again.as_bytes()).unwrap().signature_count(), 4);
}

#[test]
fn a_card_is_signed_only_by_a_key_of_its_did() {
    let world = World::new();
    let refused = |card: &Value, key_id: &str| {
        sign(&UnverifiedCard::parse(card.to_string().as_bytes()).unwrap(), key_id, &world.key)
            .map_or_else(|error| error.code(), |_| "ok")
    };
    let mut card = json!({"name": "A"});
    assert_eq!(refused(&card, &world.key_id()), "card_did_missing");
    extension::declare_identity(&mut card, &DID.parse().unwrap()).unwrap();
    for other in ["did:web:evil.example#k", DID, "#k", "did:web:agent.example.evil#k"] {
        assert_eq!(refused(&card, other), "issuer_mismatch", "{other}");
    }
    card["signatures"] = json!([{}]);
    assert_eq!(refused(&card, &world.key_id()), "malformed");
    card["signatures"] = vec![json!({"protected": "e30", "signature": ""}); 16].into();
    assert_eq!(refused(&card, &world.key_id()), "card_signatures_too_many");
}
