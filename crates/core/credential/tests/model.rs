//! The data model: each rule as one change of a credential or a presentation that holds, with the member that is
//! told.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use legation_credential::{
    CredentialError,
    model::{check_credential, check_presentation, envelope, is_enveloped, validity},
};
use legation_keys::json::{self, JsonLimits};
use serde_json::{Value as Json, json};

const V2: &str = "https://www.w3.org/ns/credentials/v2";
const V1: &str = "https://www.w3.org/2018/credentials/v1";
/// Stands for a member that is taken out.
const GONE: &str = "gone";

fn credential() -> Json {
    json!({
        "@context": [V2, "https://a.example/context", {"x": "https://a.example/x"}],
        "id": "https://a.example/1",
        "type": ["VerifiableCredential", "Other"],
        "name": {"@value": "Ausweis", "@language": "de", "@direction": "ltr"},
        "description": ["a", {"@value": "b"}],
        "issuer": {"id": "did:web:a.example", "name": "A"},
        "validFrom": "2026-11-21T10:00:00Z",
        "validUntil": "2026-11-28T10:00:00Z",
        "credentialSubject": [{"id": "did:web:b.example", "x": 1}, {"x": 2}],
        "credentialSchema": {"id": "https://a.example/schema", "type": "JsonSchema"},
        "credentialStatus": {"type": "https://a.example/Status"},
        "relatedResource": [
            {"id": "https://a.example/r", "digestSRI": "sha256-x"},
            {"id": "https://a.example/s", "digestMultibase": "ux"},
        ],
    })
}

fn presentation() -> Json {
    json!({
        "@context": [V2],
        "type": ["VerifiablePresentation"],
        "holder": "did:web:b.example",
        "verifiableCredential": [
            {"@context": V2, "type": "EnvelopedVerifiableCredential", "id": "data:application/vc+jwt,a.b.c"},
            {"type": ["VerifiableCredential"]},
        ],
    })
}

fn with<T>(document: &Json, ask: impl FnOnce(&json::Object<'_>) -> T) -> T {
    let text = document.to_string();
    let limits = JsonLimits { bytes: 1 << 20, depth: 16 };
    ask(json::parse(text.as_bytes(), limits).unwrap().as_object().unwrap())
}

fn changed(mut document: Json, place: &str, value: &Json) -> Json {
    let (parent, name) = place.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Json::Object(members) if *value == GONE => drop(members.remove(name).unwrap()),
        Json::Object(members) => drop(members.insert(name.to_owned(), value.clone())),
        array => array[name.parse::<usize>().unwrap()] = value.clone(),
    }
    document
}

type Check = fn(&json::Object<'_>) -> Result<(), CredentialError>;

/// The member that an error names, or its code where it names none.
fn told(result: Result<(), CredentialError>) -> Option<String> {
    match result.err()? {
        CredentialError::Malformed { member, .. } => Some(member),
        other => Some(other.code().to_owned()),
    }
}

fn holds(document: fn() -> Json, check: Check, cases: Vec<(&str, Json)>) {
    assert_eq!(with(&document(), |object| told(check(object))), None);
    for (place, value) in cases {
        let found = with(&changed(document(), place, &value), |object| told(check(object)));
        assert_eq!(found, None, "{place} = {value}");
    }
}

fn refuses(document: fn() -> Json, check: Check, cases: Vec<(&str, Json, &str)>) {
    for (place, value, member) in cases {
        let found = with(&changed(document(), place, &value), |object| told(check(object)));
        assert_eq!(found.as_deref(), Some(member), "{place} = {value}");
    }
}

fn many(count: usize) -> Json {
    (0..count).map(|number| json!({"x": number})).collect()
}

fn contexts(count: usize) -> Json {
    core::iter::once(json!(V2))
        .chain((1..count).map(|number| json!(format!("https://a.example/{number}"))))
        .collect()
}

#[test]
fn what_the_data_model_leaves_open_is_a_credential() {
    let mut cases = vec![
        ("/@context", json!([V2])),
        ("/@context", contexts(1024)),
        ("/type", json!("VerifiableCredential")),
        ("/type/1", json!("a+b-c.d:x")),
        ("/name", json!(GONE)),
        ("/issuer", json!("did:web:a.example")),
        ("/credentialSubject", json!({"x": 1})),
        ("/credentialSubject", many(1024)),
        ("/validUntil", json!("2026-11-21T10:00:00Z")),
        ("/validUntil", json!(GONE)),
        ("/validFrom", json!(GONE)),
        ("/credentialStatus", json!([{"type": "A", "id": "https://a.example/#1"}, {"type": ["A", "B"]}])),
        ("/relatedResource", json!({"id": "https://a.example/r", "digestSRI": "x", "digestMultibase": "y"})),
        ("/evidence", json!({"type": "A"})),
    ];
    cases.extend(["urn:uuid:1", "a:b", "a+b-c.d:/x?y#z", "did:web:a.example"].map(|id| ("/id", json!(id))));
    cases.extend(["ltr", "rtl"].map(|direction| ("/name/@direction", json!(direction))));
    holds(credential, check_credential, cases);
}

#[test]
fn what_the_data_model_forbids_is_refused_and_told() {
    let mut cases = vec![
        ("/@context", json!(V2), "context_mismatch"),
        ("/@context", json!(["https://a.example/context", V2]), "context_mismatch"),
        ("/@context", json!([V2, 1]), "@context"),
        ("/@context", json!([V2, "no URL"]), "@context"),
        ("/@context", json!([V2, V2]), "@context"),
        ("/@context", json!([V2, {"x": "a:b"}, {"x": "a:b"}]), "@context"),
        ("/@context", contexts(1025), "@context"),
        ("/id", json!(["a:b"]), "id"),
        ("/type", json!(GONE), "type"),
        ("/type", json!([]), "type"),
        ("/type", json!(["VerifiableCredential", ""]), "type"),
        ("/type", json!(["VerifiableCredential", "a b"]), "type"),
        ("/type", json!(["VerifiableCredential", "1:x"]), "type"),
        ("/type", json!(["VerifiableCredential", 1]), "type"),
        ("/type", json!(["Other"]), "type_mismatch"),
        ("/name", json!(1), "name"),
        ("/name", json!([]), "name"),
        ("/name", json!({"@language": "de"}), "name"),
        ("/name", json!({"@value": 1}), "name"),
        ("/name/@language", json!(1), "name"),
        ("/name/@direction", json!(1), "name"),
        ("/name/@direction", json!("down"), "name"),
        ("/name/x", json!(1), "name"),
        ("/description/1", json!(null), "description"),
        ("/issuer", json!(GONE), "issuer"),
        ("/issuer", json!("nobody"), "issuer"),
        ("/issuer/id", json!("nobody"), "issuer"),
        ("/issuer/id", json!(GONE), "issuer"),
        ("/issuer/name", json!(1), "name"),
        ("/credentialSubject", json!(GONE), "credentialSubject"),
        ("/credentialSubject", json!([]), "credentialSubject"),
        ("/credentialSubject", json!("did:web:b.example"), "credentialSubject"),
        ("/credentialSubject", json!([{}]), "credentialSubject"),
        ("/credentialSubject", many(1025), "credentialSubject"),
        ("/credentialSubject/0/id", json!("b"), "credentialSubject.id"),
        ("/validFrom", json!("2026-11-21"), "validFrom"),
        ("/validUntil", json!("2026-11-21T09:59:59Z"), "validUntil"),
        ("/credentialSchema/id", json!(GONE), "credentialSchema.id"),
        ("/credentialSchema/type", json!(GONE), "credentialSchema.type"),
        ("/credentialStatus/type", json!("a b"), "credentialStatus.type"),
        ("/credentialStatus/id", json!("x"), "credentialStatus.id"),
        ("/evidence", json!({"id": "a:b"}), "evidence.type"),
        ("/termsOfUse", json!(1), "termsOfUse"),
        ("/refreshService", json!({}), "refreshService.type"),
        ("/relatedResource/0/id", json!(GONE), "relatedResource.id"),
        ("/relatedResource/0/id", json!("x"), "relatedResource.id"),
        ("/relatedResource/0/digestSRI", json!(GONE), "relatedResource.digestSRI"),
        ("/relatedResource/0/digestSRI", json!(1), "relatedResource.digestSRI"),
        ("/relatedResource/1/id", json!("https://a.example/r"), "relatedResource.id"),
    ];
    for id in
        ["", "a", ":b", "a:", "1a:b", "a_b:c", "a:b c", "a:b\n", "a:\u{7f}", "a:<b>", "a:b|c", "a:b`", "ä:b"]
    {
        cases.push(("/id", json!(id), "id"));
    }
    refuses(credential, check_credential, cases);
}

#[test]
fn a_presentation_holds_credentials_and_what_is_an_envelope_is_a_whole_one() {
    let enveloped = "/verifiableCredential/0";
    let place = |member: &str| format!("{enveloped}/{member}");
    let (id, context) = (place("id"), place("@context"));
    holds(
        presentation,
        check_presentation,
        vec![
            ("/holder", json!(GONE)),
            ("/holder", json!({"id": "did:web:b.example"})),
            ("/verifiableCredential", json!(GONE)),
            ("/verifiableCredential", json!({"type": ["VerifiableCredential"]})),
            (&context, json!([V2])),
        ],
    );
    refuses(
        presentation,
        check_presentation,
        vec![
            ("/@context", json!([]), "context_mismatch"),
            ("/id", json!("x"), "id"),
            ("/type", json!("VerifiableCredential"), "type_mismatch"),
            ("/holder", json!("b"), "holder"),
            ("/termsOfUse", json!({"id": "a:b"}), "termsOfUse.type"),
            ("/verifiableCredential", json!("a.b.c"), "verifiableCredential"),
            ("/verifiableCredential", json!([]), "verifiableCredential"),
            (&id, json!(GONE), "verifiableCredential.id"),
            (&id, json!("https://a.example/,x"), "verifiableCredential.id"),
            (&id, json!("data:application/vc+jwt"), "verifiableCredential.id"),
            (&context, json!("https://a.example/context"), "context_mismatch"),
            (&context, json!(GONE), "context_mismatch"),
        ],
    );
    let first = presentation()["verifiableCredential"][0].take();
    let kind = "EnvelopedVerifiableCredential";
    let text = |document: &Json, kind| {
        with(document, |object| {
            let found = envelope(object, kind).unwrap();
            found.map(|(media, secured)| (media.to_owned(), secured.to_owned()))
        })
    };
    assert_eq!(text(&first, kind), Some(("application/vc+jwt".to_owned(), "a.b.c".to_owned())));
    assert_eq!(text(&first, "EnvelopedVerifiablePresentation"), None);
    for (document, expected) in [
        (json!({"type": kind}), true),
        (json!({"type": ["EnvelopedVerifiablePresentation"]}), true),
        (credential(), false),
        (presentation(), false),
    ] {
        assert_eq!(with(&document, is_enveloped), expected, "{document}");
    }
}

/// Of the first data model, the times have other names, and the beginning is required. A fraction makes none longer.
#[test]
fn the_times_of_a_credential_are_those_of_its_data_model() {
    let second = json!({"@context": [V2], "validFrom": "1970-01-01T00:00:07.5Z", "validUntil": "1970-01-01T00:00:09.5Z",
        "issuanceDate": "1970-01-01T00:00:01Z", "expirationDate": "1970-01-01T00:00:02Z"});
    let first = changed(second.clone(), "/@context", &json!([V1]));
    assert_eq!(with(&second, |object| validity(object).unwrap()), (Some(8), Some(9)));
    assert_eq!(with(&first, |object| validity(object).unwrap()), (Some(1), Some(2)));
    assert_eq!(with(&json!({"@context": [V2]}), |object| validity(object).unwrap()), (None, None));

    let old = || {
        json!({"@context": [V1], "type": "VerifiableCredential", "issuer": "a:b", "credentialSubject": {"x": 1},
            "issuanceDate": "2026-11-21T10:00:00Z", "expirationDate": "2026-11-28T10:00:00Z"})
    };
    holds(old, check_credential, vec![("/expirationDate", json!(GONE))]);
    refuses(
        old,
        check_credential,
        vec![
            ("/issuanceDate", json!(GONE), "issuanceDate"),
            ("/issuanceDate", json!("today"), "issuanceDate"),
            ("/expirationDate", json!("2026-11-20T10:00:00Z"), "expirationDate"),
        ],
    );
    assert_eq!(
        with(&changed(old(), "/@context", &json!([V2])), |object| told(check_credential(object))),
        None
    );
}
