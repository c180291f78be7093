//! What this room writes, it reads again; what it could not read, it does not sign.

#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic as tests do")]

use legation_credential::{
    Authority, IssueError, Terms, issue,
    status::{StatusEntry, StatusPurpose},
};
use legation_keys::{Algorithm, SecretKey, Signer};
use serde_json::json;

#[test]
fn few_grants_that_fall_apart_into_many_are_read_again() {
    // Each action stands in two grants of its own choice, so that no two share their resources.
    let resource = |index: usize| format!("https://shop.example/{index}");
    let grants: Vec<_> = (0..16)
        .map(|grant| {
            let actions: Vec<String> = (0..16)
                .filter(|other| *other != grant)
                .map(|other| format!("a:{}-{}", grant.min(other), grant.max(other)))
                .collect();
            json!({"actions": actions, "resources": [resource(grant)]})
        })
        .collect();
    let authority = Authority::parse(&json!({"grants": grants}).to_string()).unwrap();
    let written = authority.to_json();
    assert_eq!(written["grants"].as_array().unwrap().len(), 120);
    assert_eq!(Authority::parse(&written.to_string()), Ok(authority));
}

fn terms() -> Terms {
    Terms {
        id: None,
        subject: "did:web:agent.example".parse().unwrap(),
        valid_from: 1_795_255_200,
        valid_until: 1_795_258_800,
        max_depth: 0,
        account: None,
        authority: Authority::parse(r#"{"grants": []}"#).unwrap(),
        status: vec![],
    }
}

#[test]
fn what_no_verifier_would_read_is_not_signed() {
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let did = legation_did::key::did(key.public_key());
    let sign = |terms: Terms| issue(terms, &did, &legation_did::key::method_id(&did), &key);
    assert!(sign(terms()).is_ok());

    let status = StatusEntry { purpose: StatusPurpose::Revocation, list: "status/1".to_owned(), index: 0 };
    for (terms, code) in [
        (Terms { authority: Authority::everything(), ..terms() }, "malformed"),
        (Terms { status: vec![status.clone()], ..terms() }, "malformed"),
        (Terms { valid_until: i64::MAX, ..terms() }, "malformed"),
        (Terms { account: Some("Team Sales".to_owned()), ..terms() }, "malformed"),
        (Terms { status: vec![status; 5], ..terms() }, "malformed"),
    ] {
        match sign(terms) {
            Err(IssueError::Unreadable(error)) => assert_eq!(error.code(), code),
            other => panic!("{other:?}"),
        }
    }
}
