//! What a status list's claims must be: each rule as one change of a list that is read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use legation_credential::{
    CredentialError,
    secured::Securing,
    status::{MIN_ENTRIES, SignedStatusList, StatusList, StatusListCredential, StatusPurpose},
};
use legation_keys::{Algorithm, SecretKey, jws};
use serde_json::{Value as Json, json};

fn complete() -> Json {
    StatusListCredential {
        id: Some("https://a.example/status/1".to_owned()),
        issuer: "did:web:a.example".parse().unwrap(),
        valid_from: 1000,
        valid_until: Some(2000),
        purposes: vec![StatusPurpose::Revocation],
        list: StatusList::new(0),
    }
    .to_json()
}

fn read(claims: &Json) -> Result<StatusListCredential, CredentialError> {
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let signed = jws::sign("vc+jwt", "did:web:a.example#k", claims.to_string().as_bytes(), &key).unwrap();
    Ok(SignedStatusList::parse(&signed, MIN_ENTRIES)?.credential)
}

fn changed(place: &str, member: &str, value: Json) -> Json {
    let mut claims = complete();
    claims.pointer_mut(place).unwrap().as_object_mut().unwrap().insert(member.to_owned(), value);
    claims
}

#[test]
fn a_claim_that_a_status_list_must_not_have_is_refused() {
    assert!(read(&complete()).is_ok());
    let (subject, ours) = ("/credentialSubject", "https://w3id.org/legation/v1");
    for (place, member, value, code) in [
        ("", "vc", json!({}), "malformed"),
        ("", "vp", json!(null), "malformed"),
        ("", "iss", json!("did:web:b.example"), "malformed"),
        ("", "exp", json!("2000"), "malformed"),
        ("", "nbf", json!(1e300), "malformed"),
        ("", "id", json!(null), "malformed"),
        ("", "issuer", json!("a.example"), "malformed"),
        ("", "validFrom", json!("1970-01-01"), "malformed"),
        ("", "validUntil", json!(null), "malformed"),
        ("", "@context", json!([]), "context_mismatch"),
        ("", "@context", json!(["https://www.w3.org/ns/credentials/v2", ours]), "context_mismatch"),
        ("", "type", json!(["VerifiableCredential", "DelegationCredential"]), "type_mismatch"),
        ("", "credentialSubject", json!([]), "malformed"),
        (subject, "type", json!("StatusList2021"), "type_mismatch"),
        (subject, "statusPurpose", json!(1), "malformed"),
        (subject, "encodedList", json!(""), "malformed"),
        (subject, "encodedList", json!(StatusList::new(2 * MIN_ENTRIES).encode()), "malformed"),
    ] {
        let found = read(&changed(place, member, value.clone())).map_err(|error| error.code());
        assert_eq!(found.unwrap_err(), code, "{place}/{member} = {value}");
    }
}

#[test]
fn a_claim_only_shortens_the_validity_of_a_status_list() {
    for (member, value, wanted) in [
        ("nbf", 1500.0, (1500, Some(2000))),
        ("nbf", 1500.5, (1501, Some(2000))),
        ("nbf", 500.0, (1000, Some(2000))),
        ("exp", 1500.0, (1000, Some(1500))),
        ("exp", 1500.5, (1000, Some(1500))),
        ("exp", 2500.0, (1000, Some(2000))),
    ] {
        let list = read(&changed("", member, json!(value))).unwrap();
        assert_eq!((list.valid_from, list.valid_until), wanted, "{member} = {value}");
    }
}

#[test]
fn a_purpose_that_is_not_known_means_nothing() {
    for (purposes, wanted) in [
        (json!("review"), vec![]),
        (json!("message"), vec![StatusPurpose::Message]),
        (json!([]), vec![]),
        (json!(["review", "suspension", 1]), vec![StatusPurpose::Suspension]),
    ] {
        let list = read(&changed("/credentialSubject", "statusPurpose", purposes)).unwrap();
        assert_eq!(list.purposes, wanted);
    }
}

fn secured(securing: Securing) -> String {
    secured_list(securing, StatusList::new(0))
}

fn secured_list(securing: Securing, list: StatusList) -> String {
    let list = StatusListCredential {
        id: Some("https://a.example/status/1".to_owned()),
        issuer: "did:web:a.example".parse().unwrap(),
        valid_from: 1000,
        valid_until: None,
        purposes: vec![StatusPurpose::Revocation],
        list,
    };
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    list.secure(securing, "did:web:a.example#k", &key).unwrap()
}

/// A million entries, half of them set at random, take 131,072 bytes however they are packed.
#[test]
fn a_list_that_does_not_pack_is_read_where_so_many_entries_may_be() {
    let (most, mut rng) = (1 << 20, fastrand::Rng::with_seed(1));
    let mut list = StatusList::new(most);
    assert!((0..most).all(|index| list.set(index, rng.bool())));
    for securing in [Securing::Jwt, Securing::EddsaJcs2022] {
        let text = secured_list(securing, list.clone());
        assert!(text.len() > most / 8);
        assert_eq!(SignedStatusList::parse(&text, most).unwrap().credential.list, list);
        assert!(SignedStatusList::parse(&text, most - 1).is_err());
    }
}

#[test]
fn white_space_around_a_list_says_nothing() {
    for securing in [Securing::Jwt, Securing::EddsaJcs2022] {
        let text = secured(securing);
        let list = SignedStatusList::parse(&format!(" \r\n\t{text}\n"), MIN_ENTRIES).unwrap();
        assert_eq!(list.seals, SignedStatusList::parse(&text, MIN_ENTRIES).unwrap().seals);
    }
}

#[test]
fn a_list_is_as_large_as_it_may_be_and_no_larger() {
    let mut list: Json = serde_json::from_str(&secured(Securing::EddsaJcs2022)).unwrap();
    list["name"] = "".into();
    let most = MIN_ENTRIES / 6 + legation_credential::delegation::LIMITS.bytes;
    let rest = most - list.to_string().len();
    for (bytes, expected) in [(rest, None), (rest + 1, Some("input_too_large"))] {
        list["name"] = "x".repeat(bytes).into();
        let found = SignedStatusList::parse(&list.to_string(), MIN_ENTRIES).map_err(|error| error.code());
        assert_eq!(found.err(), expected, "{bytes}");
    }
}

/// It is told what was measured: two proofs are not too many, but too many over so much.
#[test]
fn proofs_over_a_large_list_are_bounded_together() {
    let mut list: Json = serde_json::from_str(&secured(Securing::EddsaJcs2022)).unwrap();
    list["name"] = "x".repeat(50_000).into();
    let parse = |list: &Json| SignedStatusList::parse(&list.to_string(), MIN_ENTRIES);
    assert_eq!(parse(&list).unwrap().seals.len(), 1);
    list["proof"] = json!([list["proof"], list["proof"]]);
    let refused = parse(&list).unwrap_err();
    let (bytes, found) = (list.to_string().len(), refused.to_string());
    assert_eq!(refused.code(), "input_too_large");
    assert!(found.starts_with(&format!("2 proofs over {bytes} bytes: together at most ")), "{found}");
    list["name"] = "x".into();
    assert_eq!(parse(&list).unwrap().seals.len(), 2);
}
