//! A Token Status List as a JWT: what its claims must be, and whose signature it is.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use legation_credential::token_status::{MEDIA_TYPE, StatusListToken, StatusReference, TokenStatus};
use legation_keys::{
    Algorithm, SecretKey, Signer as _,
    json::{self, JsonLimits},
    jws,
};
use serde_json::{Value as Json, json};

/// Sixteen statuses of one bit each (draft §4.1).
fn claims() -> Json {
    json!({
        "sub": "https://a.example/list", "iat": 1000, "exp": 2000, "nbf": 900, "ttl": 60,
        "status_list": {"bits": 1, "lst": "eNrbuRgAAhcBXQ"},
    })
}

fn signed(claims: &Json, key: &SecretKey) -> String {
    jws::sign(MEDIA_TYPE, "did:web:a.example#k", claims.to_string().as_bytes(), key).unwrap()
}

#[test]
fn a_list_is_verified_by_the_key_that_signed_it_and_by_no_other() {
    for algorithm in Algorithm::ALL {
        let key = SecretKey::generate(algorithm).unwrap();
        let text = signed(&claims(), &key);
        let list = StatusListToken::parse(&text, 16).unwrap();
        assert_eq!(
            (list.uri.as_str(), list.key_id.as_str()),
            ("https://a.example/list", "did:web:a.example#k")
        );
        assert_eq!((list.issued_at, list.expires_at, list.not_before), (1000, Some(2000), Some(900)));
        assert_eq!((list.time_to_live, list.list.get(0)), (Some(60), Some(TokenStatus::Invalid)));
        assert_eq!(list.verify(key.public_key()), Ok(()));
        for other in Algorithm::ALL {
            let other = SecretKey::generate(other).unwrap();
            assert!(list.verify(other.public_key()).is_err(), "{algorithm:?}");
        }
        let mut changed = claims();
        changed["iat"] = 1001.into();
        let (changed, (_, signature)) = (signed(&changed, &key), text.rsplit_once('.').unwrap());
        let changed = format!("{}.{signature}", changed.rsplit_once('.').unwrap().0);
        assert!(StatusListToken::parse(&changed, 16).unwrap().verify(key.public_key()).is_err());
        let (input, signature) = (text.rsplit_once('.').unwrap().0, signature);
        let (found_input, found_signature) = list.signed();
        assert_eq!(found_input, input.as_bytes());
        assert_eq!(legation_keys::base64url::encode(found_signature), signature);
    }
}

#[test]
fn a_claim_that_is_missing_or_means_nothing_is_refused() {
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let parsed = |claims: &Json| StatusListToken::parse(&signed(claims, &key), 16);
    for (member, value, expected) in [
        ("ttl", json!(1), true),
        ("ttl", json!(0), false),
        ("ttl", json!(-1), false),
        ("ttl", json!("60"), false),
        ("exp", json!("2000"), false),
        ("nbf", json!(1e300), false),
        ("nbf", json!(1.5), true),
        ("iat", json!(1.5), true),
        ("exp", json!(2000.5), true),
        ("ttl", json!(0.5), true),
        ("ttl", json!(-0.5), false),
        ("iat", json!(null), false),
        ("sub", json!(1), false),
        ("status_list", json!([]), false),
        ("other", json!(1), true),
    ] {
        let mut changed = claims();
        changed[member] = value.clone();
        assert_eq!(parsed(&changed).is_ok(), expected, "{member} = {value}");
    }
    for (member, required) in
        [("sub", true), ("iat", true), ("status_list", true), ("exp", false), ("nbf", false), ("ttl", false)]
    {
        let mut changed = claims();
        changed.as_object_mut().unwrap().remove(member);
        assert_eq!(parsed(&changed).is_err(), required, "{member}");
    }
    let of_another_kind = jws::sign("vc+jwt", "k", claims().to_string().as_bytes(), &key).unwrap();
    assert_eq!(StatusListToken::parse(&of_another_kind, 16).unwrap_err().code(), "type_mismatch");
    // A signature has 64 bytes.
    let text = signed(&claims(), &key);
    let short = text.get(..text.len() - 4).unwrap();
    assert!(StatusListToken::parse(short, 16).is_err());
}

#[test]
fn a_reference_that_is_there_is_never_read_as_none() {
    let read = |claims: Json| {
        let text = claims.to_string();
        let parsed = json::parse(text.as_bytes(), JsonLimits { bytes: 1000, depth: 8 }).unwrap();
        let found = StatusReference::from_claims(parsed.as_object().unwrap()).map_err(|error| error.code());
        found.map(|found| found.map(|reference| (reference.uri, reference.index)))
    };
    let reference = |idx: Json, uri: Json| json!({"status": {"status_list": {"idx": idx, "uri": uri}}});
    let uri = "https://a.example/list";
    assert_eq!(read(reference(json!(7), json!(uri))), Ok(Some((uri.to_owned(), 7))));
    assert_eq!(read(json!({})), Ok(None));
    assert_eq!(read(json!({"status": {"another_mechanism": {}}})), Err("malformed"));
    for (idx, at) in [(json!(-1), json!(uri)), (json!("7"), json!(uri)), (json!(7), json!(1))] {
        assert_eq!(read(reference(idx.clone(), at)), Err("malformed"), "{idx}");
    }
}
