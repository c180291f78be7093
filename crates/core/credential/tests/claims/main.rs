//! What a delegation's claims must be: each rule as one change of a credential that is read,
//! with the code that it is refused by.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod authority;
mod envelope;

use legation_credential::{CredentialError, Delegation, delegation::LIMITS};
use legation_keys::json;
use serde_json::{Value as Json, json};

/// A delegation with every member, which is read.
fn complete() -> Json {
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://w3id.org/legation/v1"],
        "id": "urn:uuid:6c3fbf52-7d0b-4cf8-9f9f-0d8a2fb7a1c3",
        "type": ["VerifiableCredential", "DelegationCredential"],
        "issuer": "did:web:acme.example",
        "validFrom": "2026-11-21T10:00:00Z",
        "validUntil": "2026-11-28T10:00:00Z",
        "credentialStatus": {
            "type": "BitstringStatusListEntry", "statusPurpose": "revocation",
            "statusListIndex": "94567", "statusListCredential": "https://acme.example/status/1"
        },
        "credentialSubject": {"id": "did:web:agent.example", "delegation": {
            "principal": "did:web:acme.example", "maxDepth": 2, "account": "team-sales",
            "parent": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "grants": [{"actions": ["a2a:skill:book"], "resources": ["https://shop.example/api/*"]}],
            "constraints": [
                {"type": "spend", "currency": "USD", "perAction": 5000,
                 "window": {"seconds": 3600, "amount": 20000}, "actions": ["a2a:skill:*"]},
                {"type": "rate", "seconds": 60, "max": 60},
                {"type": "audience", "allow": ["did:web:shop.example"]},
                {"type": "argument", "name": "channel", "oneOf": ["email"]},
                {"type": "approval", "above": 2500, "currency": "USD", "approver": "did:web:boss.example"},
                {"type": "total", "fact": "tokens", "perAction": 8000, "window": {"seconds": 86400, "sum": 1000000}}
            ]
        }}
    })
}

fn read(claims: &Json) -> Result<Delegation, CredentialError> {
    read_text(&claims.to_string())
}

fn read_text(text: &str) -> Result<Delegation, CredentialError> {
    Delegation::from_claims(&json::parse(text.as_bytes(), LIMITS)?)
}

/// The members that the tables speak of, as JSON pointers.
const DELEGATION: &str = "/credentialSubject/delegation";
const GRANT: &str = "/credentialSubject/delegation/grants/0";
const SPEND: &str = "/credentialSubject/delegation/constraints/0";
const WINDOW: &str = "/credentialSubject/delegation/constraints/0/window";
const RATE: &str = "/credentialSubject/delegation/constraints/1";
const AUDIENCE: &str = "/credentialSubject/delegation/constraints/2";
const ARGUMENT: &str = "/credentialSubject/delegation/constraints/3";
const APPROVAL: &str = "/credentialSubject/delegation/constraints/4";
const TOTAL: &str = "/credentialSubject/delegation/constraints/5";
const SUM: &str = "/credentialSubject/delegation/constraints/5/window";

/// The complete delegation with one member of the object at `place` set, or taken out where the
/// value is `GONE`.
fn changed(place: &str, member: &str, value: Json) -> Json {
    let mut claims = complete();
    let object = claims.pointer_mut(place).unwrap().as_object_mut().unwrap();
    if value == json!(GONE) {
        drop(object.remove(member))
    } else {
        drop(object.insert(member.to_owned(), value))
    }
    claims
}

const GONE: &str = "(taken out)";

#[track_caller]
fn refuses(cases: Vec<(&str, &str, Json, &str)>) {
    assert!(read(&complete()).is_ok());
    for (place, member, value, code) in cases {
        let refused = read(&changed(place, member, value.clone()));
        let found = refused.map_or_else(|error| error.code().to_owned(), |_| "read".to_owned());
        assert_eq!(found, code, "{place}/{member} = {value}");
    }
}

#[track_caller]
fn reads(cases: Vec<(&str, &str, Json)>) {
    for (place, member, value) in cases {
        let read = read(&changed(place, member, value.clone()));
        assert!(read.is_ok(), "{place}/{member} = {value}: {read:?}");
    }
}
