//! Contexts that the caller hands over: they stand for what is in them, replace nothing, and drop nothing of a document.
#![allow(clippy::unwrap_used)] // a test's helpers may stop it

use legation_keys::json::{self, JsonLimits};
use legation_linked_data::{Contexts, LinkedDataError, canonicalize, check, contexts::ContextError, work};
use serde_json::{Value, json};

const LIMITS: JsonLimits = JsonLimits { bytes: 1 << 16, depth: 16 };
const URL: &str = "https://badges.example/context.json";

fn with(file: &Value) -> Result<Contexts, ContextError> {
    Contexts::compiled_in().clone().with(URL, file.to_string().as_bytes())
}

/// A vocabulary in the shape that those of badges have: types and terms with contexts of their own, one within the other.
fn badges() -> Value {
    json!({"@context": {
        "@protected": true, "id": "@id", "type": "@type",
        "Achievement": {"@id": "https://badges.example/v#Achievement", "@context": {
            "@protected": true, "id": "@id", "type": "@type",
            "criteria": {"@id": "https://badges.example/v#criteria", "@type": "@id", "@context": {
                "narrative": "https://badges.example/v#narrative",
            }},
            "tags": {"@id": "https://badges.example/v#tags", "@container": "@set"},
        }},
        "achievement": {"@id": "https://badges.example/v#achievement", "@type": "@id"},
    }})
}

fn credential() -> Value {
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2", URL], "type": ["VerifiableCredential"],
        "issuer": "did:example:a",
        "credentialSubject": {"id": "did:example:b", "achievement": {
            "id": "urn:badge:1", "type": "Achievement", "criteria": {"narrative": "to have swum"}, "tags": ["swimming"],
        }},
    })
}

fn canonical(document: &Value, contexts: &Contexts) -> Result<String, LinkedDataError> {
    canonicalize(&json::parse(document.to_string().as_bytes(), LIMITS).unwrap(), contexts)
}

#[test]
fn a_context_is_known_once_it_is_handed_over_and_not_before() {
    let document = credential();
    let unknown = canonical(&document, Contexts::compiled_in());
    assert_eq!(unknown, Err(LinkedDataError::Context { url: URL.to_owned() }));
    let contexts = with(&badges()).unwrap();
    let text = canonical(&document, &contexts).unwrap();
    for said in [
        "<urn:badge:1> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://badges.example/v#Achievement> .",
        "<https://badges.example/v#narrative> \"to have swum\" .",
        "<urn:badge:1> <https://badges.example/v#tags> \"swimming\" .",
    ] {
        assert!(text.contains(said), "{text}");
    }
    let mut undefined = document.clone();
    undefined["credentialSubject"]["achievement"]["colour"] = "blue".into();
    assert!(matches!(canonical(&undefined, &contexts), Err(LinkedDataError::Expansion { .. })));
    let read = document.to_string();
    let json = json::parse(read.as_bytes(), LIMITS).unwrap();
    assert_eq!(check(&json, &contexts), Ok(()));
    assert!(work(&json, &contexts) > work(&json, Contexts::compiled_in()), "what it costs is counted");
    assert_eq!(contexts.digests(URL).unwrap().sha256.len(), 64);
}

#[test]
fn nothing_is_replaced_and_nothing_that_drops_is_taken() {
    let file = badges().to_string();
    let known = |url: &str, contexts: Contexts| contexts.with(url, file.as_bytes()).map(drop);
    let v2 = "https://www.w3.org/ns/credentials/v2";
    assert_eq!(known(v2, Contexts::compiled_in().clone()), Err(ContextError::Known { url: v2.to_owned() }));
    assert_eq!(known(URL, with(&badges()).unwrap()), Err(ContextError::Known { url: URL.to_owned() }));
    assert!(matches!(known("no URL", Contexts::compiled_in().clone()), Err(ContextError::Url { .. })));

    let named = |inner: &Value| with(&json!({"@context": inner})).map(drop);
    let names = |inner: &str| Err(ContextError::Names { url: URL.to_owned(), inner: inner.to_owned() });
    let other = "https://b.example/context";
    assert_eq!(named(&json!([other])), names(other));
    assert_eq!(named(&json!({"@import": other})), names(other));
    assert_eq!(named(&json!({"a": {"@id": "urn:a:a", "@context": [{"b": "urn:b:b"}, other]}})), names(other));
    assert_eq!(named(&json!(URL)), names(URL), "not even itself");
    assert_eq!(named(&json!([v2, {"a": "urn:a:a"}])), Ok(()));

    for dropping in [
        json!({"criteria": null}),
        json!({"criteria": {"@id": null}}),
        json!({"criteria": {"@id": "urn:a:a", "@container": "@index"}}),
        json!({"criteria": "@nest"}),
        json!({"@ignored": "urn:a:a"}),
        json!({"a": {"@id": "urn:a:a", "@context": {"criteria": null}}}),
    ] {
        assert!(matches!(named(&dropping), Err(ContextError::Refused { .. })), "{dropping}");
    }
    for (file, none) in
        [("{}", true), ("[]", true), (r#"{"@context": {}, "@context": {}}"#, false), ("nothing", false)]
    {
        let told = Contexts::compiled_in().clone().with(URL, file.as_bytes()).unwrap_err();
        assert_eq!(matches!(told, ContextError::NoContext { .. }), none, "{file}: {told}");
        assert_eq!(matches!(told, ContextError::Json { .. }), !none, "{file}: {told}");
    }
}

/// Whoever hands over a context of a thousand terms does not have it worked out thousands of times.
#[test]
fn what_a_context_costs_is_counted_wherever_it_is_entered() {
    let terms: serde_json::Map<String, Value> =
        (0..2000).map(|at| (format!("t{at}"), format!("https://badges.example/v#{at}").into())).collect();
    let contexts = with(&json!({"@context": {"Big": {"@id": "urn:big:big", "@context": terms}}})).unwrap();
    let mut document = credential();
    let entered: Vec<Value> = (0..600).map(|_| json!({"type": "Big"})).collect();
    document["evidence"] = entered.into();
    document["credentialSubject"] = json!({"id": "did:example:b"});
    let told = canonical(&document, &contexts).unwrap_err().to_string();
    assert!(told.contains("steps to work its contexts out"), "before they are worked out: {told}");
    let too_many: serde_json::Map<String, Value> =
        (0..9000).map(|at| (format!("t{at}"), format!("https://badges.example/v#{at}").into())).collect();
    assert!(matches!(with(&json!({"@context": too_many})), Err(ContextError::Refused { .. })));
}
