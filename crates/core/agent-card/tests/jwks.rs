//! JWK sets: which keys of one are used.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use legation_agent_card::{Form, JwkSet, Keys, UnverifiedCard, jwks::JwkSetError, verify};
use legation_keys::base64url;
use serde_json::{Value, json};

const RSA_CARD: &str = include_str!("interop/sdk-RS256-plain.json");

fn keys() -> Vec<Value> {
    let set: Value = serde_json::from_str(include_str!("interop/jwks.json")).unwrap();
    set["keys"].as_array().unwrap().clone()
}

fn key(kty: &str, crv: Option<&str>) -> Value {
    keys().into_iter().find(|key| key["kty"] == kty && key.get("crv").and_then(Value::as_str) == crv).unwrap()
}

/// The code with which the card is refused by a set of this one key; `ok` where it verifies.
fn code(card: &str, key: &Value) -> &'static str {
    let set = JwkSet::parse(json!({"keys": [key]}).to_string().as_bytes()).unwrap();
    let card = UnverifiedCard::parse(card.as_bytes()).unwrap();
    verify(&card, Keys::JwkSet(&set), &Form::ALL).map_or_else(|error| error.code(), |_| "ok")
}

fn with(mut key: Value, member: &str, value: Value) -> Value {
    key[member] = value;
    key
}

#[test]
fn a_key_is_used_only_for_what_it_says() {
    let rsa = key("RSA", None);
    for (member, value, wanted) in [
        ("use", json!("sig"), "ok"),
        ("use", json!("enc"), "key_not_found"),
        ("use", json!(["sig"]), "key_not_found"),
        ("alg", json!("RS256"), "ok"),
        ("alg", json!("PS256"), "algorithm_key_mismatch"),
        ("alg", json!("HS256"), "key_not_found"),
        ("alg", json!(1), "key_not_found"),
        ("key_ops", json!(["verify"]), "ok"),
        ("key_ops", json!(["encrypt"]), "key_not_found"),
        ("key_ops", json!("verify"), "key_not_found"),
        ("d", json!("AQ"), "key_not_found"),
        ("kid", json!("another"), "key_not_found"),
        ("x5u", json!("https://evil.example"), "ok"),
    ] {
        assert_eq!(code(RSA_CARD, &with(rsa.clone(), member, value.clone())), wanted, "{member}: {value}");
    }
    let p256 = with(key("EC", Some("P-256")), "kid", rsa["kid"].clone());
    assert_eq!(code(RSA_CARD, &p256), "algorithm_key_mismatch");
}

/// RFC 7517 §4.5: keys of one `kid` may be alternatives of one another, of another kind or of the same.
#[test]
fn of_several_keys_of_one_kid_the_one_that_verifies_is_meant() {
    let (rsa, p256) = (key("RSA", None), key("EC", Some("P-256")));
    let alike = |key: &Value| with(key.clone(), "kid", rsa["kid"].clone());
    let unusable = with(rsa.clone(), "use", json!("enc"));
    let other = with(rsa.clone(), "n", base64url::encode(&[0xff; 256]).into());
    let all = |keys: &[&Value]| {
        let set = JwkSet::parse(json!({"keys": keys}).to_string().as_bytes()).unwrap();
        let card = UnverifiedCard::parse(RSA_CARD.as_bytes()).unwrap();
        verify(&card, Keys::JwkSet(&set), &Form::ALL).map_or_else(|error| error.code(), |_| "ok")
    };
    assert_eq!(all(&[&alike(&p256), &rsa]), "ok");
    assert_eq!(all(&[&rsa, &alike(&p256)]), "ok");
    assert_eq!(all(&[&other, &unusable, &rsa]), "ok");
    assert_eq!(all(&[&alike(&p256), &unusable]), "algorithm_key_mismatch");
    assert_eq!(all(&[&other, &alike(&p256)]), "signature_invalid");
    // The card and the set of a stranger: two keys of one kind.
    let set = JwkSet::parse(include_bytes!("jwks/dup_kid.jwks.json")).unwrap();
    let card = UnverifiedCard::parse(include_bytes!("jwks/dup_kid.card.json")).unwrap();
    assert!(verify(&card, Keys::JwkSet(&set), &Form::ALL).is_ok());
}

#[test]
fn an_rsa_key_of_another_size_or_form_is_refused() {
    let rsa = key("RSA", None);
    let modulus = |bytes: usize, first: u8| {
        let mut n = vec![0xff; bytes];
        n[0] = first;
        base64url::encode(&n)
    };
    for (member, text) in [
        ("n", modulus(255, 0xff)),
        ("n", modulus(256, 0x7f)),
        ("n", modulus(257, 0)),
        ("n", modulus(513, 1)),
        ("n", modulus(2048, 0xff)),
        ("n", String::new()),
        ("e", "AQ".to_owned()),
        ("e", "Ag".to_owned()),
        ("e", "AAEAAQ".to_owned()),
        ("e", base64url::encode(&[0xff; 64])),
        ("e", String::new()),
        ("e", "AQAB=".to_owned()),
    ] {
        assert_eq!(
            code(RSA_CARD, &with(rsa.clone(), member, text.clone().into())),
            "key_not_found",
            "{text:.20}"
        );
    }
    assert_eq!(code(RSA_CARD, &with(rsa.clone(), "e", "AQAB".into())), "ok");
    // As large as may be, and another key.
    assert_eq!(code(RSA_CARD, &with(rsa.clone(), "n", modulus(512, 0xff).into())), "signature_invalid");
}

#[test]
fn a_p_384_point_off_its_curve_or_shortened_is_refused() {
    let card = include_str!("interop/sdk-ES384-plain.json");
    let p384 = key("EC", Some("P-384"));
    assert_eq!(code(card, &p384), "ok");
    for x in [vec![1; 48], vec![1; 47], vec![0; 49], vec![0xff; 48]] {
        let x = base64url::encode(&x);
        assert_eq!(code(card, &with(p384.clone(), "x", x.clone().into())), "key_not_found", "{x}");
    }
}

#[test]
fn a_set_that_is_ambiguous_or_too_large_is_refused() {
    let read =
        |set: Value| JwkSet::parse(set.to_string().as_bytes()).map(|_| ()).map_err(|error| error.code());
    let rsa = key("RSA", None);
    assert_eq!(read(json!({"keys": [rsa, rsa, rsa, rsa]})), Ok(()));
    assert_eq!(read(json!({"keys": [rsa, rsa, rsa, rsa, rsa]})), Err("jwks_ambiguous"));
    assert_eq!(read(json!({"keys": vec![json!({}); 65]})), Err("jwks_too_many_keys"));
    assert_eq!(read(json!({"keys": [7]})), Err("malformed"));
    assert_eq!(read(json!({"key": []})), Err("malformed"));
    assert_eq!(
        read(json!({"keys": [{"kty": "EC"}, {"kty": "oct", "kid": "k", "k": "AA"}]})),
        Ok(()),
        "skipped"
    );
    assert!(matches!(JwkSet::parse(br#"{"keys":[],"keys":[]}"#), Err(JwkSetError::Json(_))));
    assert_eq!(JwkSet::parse(&[b' '; 70_000]).err().map(|error| error.code()), Some("input_too_large"));
}
