//! What a status list's claims must be: each rule as one change of a list that is read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use legation_credential::{
    CredentialError,
    status::{MIN_ENTRIES, SignedStatusList, StatusList, StatusListCredential, StatusPurpose},
};
use legation_keys::{Algorithm, SecretKey, jws};
use serde_json::{Value as Json, json};

fn complete() -> Json {
    StatusListCredential {
        id: "https://a.example/status/1".to_owned(),
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
        ("", "nbf", json!(1.5), "malformed"),
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
        ("nbf", 1500, (1500, Some(2000))),
        ("nbf", 500, (1000, Some(2000))),
        ("exp", 1500, (1000, Some(1500))),
        ("exp", 2500, (1000, Some(2000))),
    ] {
        let list = read(&changed("", member, json!(value))).unwrap();
        assert_eq!((list.valid_from, list.valid_until), wanted, "{member} = {value}");
    }
}

#[test]
fn a_purpose_that_is_not_known_means_nothing() {
    for (purposes, wanted) in [
        (json!("message"), vec![]),
        (json!([]), vec![]),
        (json!(["refresh", "suspension", 1]), vec![StatusPurpose::Suspension]),
    ] {
        let list = read(&changed("/credentialSubject", "statusPurpose", purposes)).unwrap();
        assert_eq!(list.purposes, wanted);
    }
}
