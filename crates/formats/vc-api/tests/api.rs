//! The service as its clients see it: what is issued verifies, what is changed does not, and why.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice)] // a test's helpers may stop it

mod world;

use axum::http::Request;
use serde_json::{Value, json};
use world::World;

const WAYS: [&str; 5] =
    ["eddsa-rdfc-2022", "eddsa-jcs-2022", "ecdsa-rdfc-2019", "vc-jwt", "bitstring-status-list"];

#[tokio::test]
async fn what_is_issued_verifies_and_what_is_changed_does_not() {
    let world = World::new();
    for way in WAYS {
        let issued = world.issue(way).await;
        assert_eq!(world.verify(&issued).await, (200, String::new()), "{way}");
        let mut changed = issued.clone();
        let code = match changed.get("proof").is_some() {
            true => {
                changed["credentialSubject"]["alumniOf"] = "another school".into();
                "signature_invalid"
            }
            false => {
                let id = issued["id"].as_str().unwrap();
                let (head, tail) = id.rsplit_once('.').unwrap();
                let other = if tail.starts_with('A') { "B" } else { "A" };
                changed["id"] = format!("{head}.{other}{}", &tail[1..]).into();
                "signature_invalid"
            }
        };
        assert_eq!(world.verify(&changed).await, (400, code.to_owned()), "{way}");
    }
}

#[tokio::test]
async fn what_was_revoked_no_longer_verifies_and_can_be_reinstated() {
    let world = World::new();
    let issued = world.issue("bitstring-status-list").await;
    for (revoked, expected) in [(true, (400, "link_revoked")), (false, (200, ""))] {
        let entry = json!({"credentialId": issued["id"], "status": revoked});
        assert_eq!(world.post("/credentials/status", &entry).await.0, 200);
        assert_eq!(world.verify(&issued).await, (expected.0, expected.1.to_owned()));
    }
    let (status, list) = world.get("/credentials/status/1", "application/vc").await;
    assert_eq!((status, &list["credentialSubject"]["type"]), (200, &"BitstringStatusList".into()));
    assert_eq!(world.verify(&list).await.0, 200, "the list is a credential itself");
    let unknown = json!({"credentialId": "urn:uuid:nobody"});
    assert_eq!(world.post("/credentials/status", &unknown).await.0, 404);
}

#[tokio::test]
async fn what_is_no_credential_is_not_issued() {
    let world = World::new();
    let right = world.credential("eddsa-rdfc-2022");
    let cases: [(&str, Value, &str); 12] = [
        ("/@context/0", "https://www.w3.org/ns/credentials/examples/v2".into(), "context_mismatch"),
        ("/@context/1", 7.into(), "malformed"),
        ("/@context/1", "https://a.example/unknown".into(), "malformed"),
        ("/id", Value::Null, "malformed"),
        ("/id", json!(["urn:a:b", "urn:a:c"]), "malformed"),
        ("/type", json!(["AlumniCredential"]), "type_mismatch"),
        ("/issuer", "did:example:somebody-else".into(), "issuer_mismatch"),
        ("/issuer", json!({"name": "nobody"}), "malformed"),
        ("/credentialSubject", json!({}), "malformed"),
        ("/credentialSubject", json!([]), "malformed"),
        ("/credentialSubject/id", "no URL".into(), "malformed"),
        ("/credentialSubject", "did:example:b".into(), "malformed"),
    ];
    for (place, value, code) in cases {
        let mut credential = right.clone();
        *credential.pointer_mut(place).unwrap() = value.clone();
        let (status, told) = world.post("/credentials/issue", &json!({"credential": credential})).await;
        assert_eq!((status, &told["code"]), (400, &code.into()), "{place} {value}: {told}");
    }
    let more: [(&str, Value); 11] = [
        ("validFrom", "yesterday".into()),
        ("credentialStatus", json!({"id": "urn:a:b"})),
        ("credentialSchema", json!({"type": "JsonSchema"})),
        ("refreshService", json!({"id": "urn:a:b"})),
        ("termsOfUse", json!([{}])),
        ("evidence", json!(["a text"])),
        ("relatedResource", json!({"id": "urn:a:b"})),
        (
            "relatedResource",
            json!([{"id": "urn:a:b", "digestSRI": "sha256-a"}, {"id": "urn:a:b", "digestSRI": "sha256-b"}]),
        ),
        ("name", json!({"@value": "a", "language": "en"})),
        ("description", json!([7])),
        ("proof", "a text".into()),
    ];
    for (member, value) in more {
        let mut credential = right.clone();
        credential[member] = value.clone();
        let (status, told) = world.post("/credentials/issue", &json!({"credential": credential})).await;
        assert_eq!((status, &told["code"]), (400, &"malformed".into()), "{member} {value}: {told}");
    }
    let twice = r#"{"credential": {"issuer": "a", "issuer": "b"}}"#;
    let request = Request::post("/credentials/issue").body(twice.into()).unwrap();
    assert_eq!(world.send(request).await.1["code"], "duplicate_member");
    assert_eq!(world.post("/issuers/nobody/credentials/issue", &json!({"credential": right})).await.0, 404);
    assert_eq!(world.post("/credentials/issue", &json!({})).await.0, 400);
}

/// Whoever holds what was signed as RDF can give its terms other names; where the document says itself what they are, its
/// reader is told.
#[tokio::test]
async fn a_context_that_stands_in_the_document_is_told_of() {
    let world = World::new();
    for (way, context, told) in [
        ("eddsa-rdfc-2022", json!({"colour": "https://a.example/colour"}), 1),
        ("ecdsa-rdfc-2019", json!({"colour": "https://a.example/colour"}), 1),
        ("eddsa-jcs-2022", json!({"colour": "https://a.example/colour"}), 0),
        ("vc-jwt", json!({"colour": "https://a.example/colour"}), 0),
        ("eddsa-rdfc-2022", json!("https://www.w3.org/ns/credentials/undefined-terms/v2"), 0),
    ] {
        let mut credential = world.credential(way);
        credential["@context"] = json!(["https://www.w3.org/ns/credentials/v2", context]);
        credential["credentialSubject"] = json!({"id": "did:example:b", "colour": "admin"});
        let body = json!({"credential": credential});
        let (status, mut issued) = world.post(&format!("/issuers/{way}/credentials/issue"), &body).await;
        assert_eq!(status, 201, "{way}: {issued}");
        let verified = world.post("/credentials/verify", &json!({"verifiableCredential": issued})).await;
        assert_eq!((verified.0, verified.1["warnings"].as_array().map(Vec::len)), (200, Some(told)), "{way}");
        if told == 1 {
            // What a holder may do, and why its reader is told.
            issued["@context"][1] = json!({"role": "https://a.example/colour"});
            issued["credentialSubject"] = json!({"id": "did:example:b", "role": "admin"});
            let verified = world.post("/credentials/verify", &json!({"verifiableCredential": issued})).await;
            assert_eq!(
                (verified.0, verified.1["warnings"].as_array().map(Vec::len)),
                (200, Some(1)),
                "{way}"
            );
        }
    }
}

/// The words of a credential in several languages are kept, and are terms that mean something.
#[tokio::test]
async fn a_name_may_have_languages_and_directions() {
    let world = World::new();
    let mut credential = world.credential("eddsa-rdfc-2022");
    credential["name"] = json!([{"@value": "Zeugnis", "@language": "de"}, {"@value": "شهادة", "@language": "ar", "@direction": "rtl"}]);
    credential["issuer"] = json!({"id": world.ed25519, "name": "a school"});
    for way in ["eddsa-rdfc-2022", "eddsa-jcs-2022", "vc-jwt"] {
        let body = json!({"credential": credential});
        let (status, issued) = world.post(&format!("/issuers/{way}/credentials/issue"), &body).await;
        assert_eq!((status, world.verify(&issued).await), (201, (200, String::new())), "{way}: {issued}");
    }
}

#[tokio::test]
async fn a_proof_of_somebody_else_alone_is_not_the_issuer_s() {
    let world = World::new();
    let (issued, other) = (world.issue("eddsa-jcs-2022").await, World::new());
    let mut foreign = other.credential("eddsa-jcs-2022");
    foreign["issuer"] = other.ed25519.as_str().into();
    let (_, foreign) =
        other.post("/issuers/eddsa-jcs-2022/credentials/issue", &json!({"credential": foreign})).await;
    assert_eq!(world.verify(&foreign).await.0, 200, "whoever issued it");
    // A proof that was made for another document, put beside the issuer's.
    let mut both = issued.clone();
    both["proof"] = json!([issued["proof"], foreign["proof"]]);
    assert_eq!(world.verify(&both).await, (400, "signature_invalid".to_owned()));
    let mut claimed = foreign.clone();
    claimed["issuer"] = world.ed25519.as_str().into();
    assert_eq!(world.verify(&claimed).await.0, 400);
}

#[tokio::test]
async fn a_context_that_was_added_after_signing_is_refused() {
    let world = World::new();
    let mut issued = world.issue("eddsa-jcs-2022").await;
    issued["@context"].as_array_mut().unwrap().push(json!({"alumniOf": "https://mallory.example/owns"}));
    assert_eq!(world.verify(&issued).await, (400, "context_mismatch".to_owned()));
}

#[tokio::test]
async fn dids_are_resolved_and_errors_have_the_names_of_the_specification() {
    let world = World::new();
    let did = &world.ed25519;
    let path = |did: &str| format!("/1.0/identifiers/{did}");
    let (status, result) = world.get(&path(did), "application/did-resolution").await;
    assert_eq!((status, &result["didDocument"]["id"]), (200, &did.as_str().into()));
    assert_eq!(world.get(&path(did), "application/did+json").await.1["id"], did.as_str());
    let key = format!("{did}%23{}", &did[8..]).replace(':', "%3A");
    let (status, method) = world.get(&path(&key), "application/did-url-dereferencing").await;
    assert_eq!((status, &method["contentStream"]["controller"]), (200, &did.as_str().into()), "{method}");
    for (text, accept, status, name) in [
        ("not-a-did", "*/*", 400, "INVALID_DID"),
        ("did:example", "*/*", 400, "INVALID_DID"),
        ("did:key:z6Mk", "*/*", 400, "INVALID_DID"),
        ("did:unsupported:1", "*/*", 501, "METHOD_NOT_SUPPORTED"),
        ("did:web:localhost", "*/*", 404, "NOT_FOUND"),
        // As it is, in either case, and encoded in whole or but for its colons: decoded once.
        ("did:web:localhost%3A1", "*/*", 404, "NOT_FOUND"),
        ("did:web:localhost%3a1", "*/*", 404, "NOT_FOUND"),
        ("did%3Aweb%3Alocalhost%253A1", "*/*", 404, "NOT_FOUND"),
        ("did:web:localhost%253A1", "*/*", 404, "NOT_FOUND"),
        ("did:web:localhost%25253A1", "*/*", 400, "INVALID_DID"),
        (did, "text/html", 406, "REPRESENTATION_NOT_SUPPORTED"),
    ] {
        let (found, result) = world.get(&path(text), accept).await;
        let kind = format!("https://www.w3.org/ns/did#{name}");
        assert_eq!(
            (found, &result["didResolutionMetadata"]["error"]["type"]),
            (status, &kind.into()),
            "{text}"
        );
    }
}

/// What this service would not verify as a `vc+jwt` it does not issue as one. Other ways of securing have no claims.
#[tokio::test]
async fn claims_that_no_vc_jwt_may_have_are_not_issued() {
    let world = World::new();
    for (claim, value, code) in [
        ("iss", json!(world.ed25519), None),
        ("iss", json!("did:example:mallory"), Some("issuer_mismatch")),
        ("iss", json!(7), Some("issuer_mismatch")),
        ("sub", json!("did:example:b"), None),
        ("sub", json!("did:example:mallory"), Some("holder_mismatch")),
        ("aud", json!(["did:example:c", "did:example:d"]), None),
        ("vc", json!("of the first data model"), Some("malformed")),
        ("vp", json!("of the first data model"), Some("malformed")),
    ] {
        for way in ["vc-jwt", "eddsa-rdfc-2022"] {
            let mut credential = world.credential(way);
            credential[claim] = value.clone();
            let path = format!("/issuers/{way}/credentials/issue");
            let (status, told) = world.post(&path, &json!({"credential": credential})).await;
            match code {
                Some(code) if way == "vc-jwt" => {
                    assert_eq!((status, &told["code"]), (400, &code.into()), "{claim}: {told}");
                }
                _ => assert_eq!((status, world.verify(&told).await.0), (201, 200), "{claim} {way}: {told}"),
            }
        }
    }
}

/// A JWT may name a Token Status List in its own claims. One that can't be had is no good status.
#[tokio::test]
async fn a_token_status_that_can_t_be_looked_up_is_no_good_status() {
    let world = World::new();
    for (status, code) in [
        (json!({"status_list": {"idx": 1, "uri": "https://127.0.0.1/list"}}), "status_unavailable"),
        (json!({"status_list": {"idx": -1, "uri": "https://127.0.0.1/list"}}), "malformed"),
        (json!({"another_mechanism": {}}), "malformed"),
    ] {
        let mut credential = world.credential("vc-jwt");
        // A term that JSON-LD knows, so that the service issues what it would not look up itself.
        credential["@context"].as_array_mut().unwrap().push(json!({
            "status": {"@id": "https://a.example/status", "@type": "@json"},
        }));
        credential["status"] = status.clone();
        let body = json!({"credential": credential});
        let (issued_status, issued) = world.post("/issuers/vc-jwt/credentials/issue", &body).await;
        assert_eq!(issued_status, 201, "{issued}");
        assert_eq!(world.verify(&issued).await, (400, code.to_owned()), "{status}");
    }
}

/// A document with proofs has terms of its contexts and no claims; one of the name `status` is whatever they say.
#[tokio::test]
async fn a_term_of_a_document_is_no_claim_of_a_token() {
    let world = World::new();
    for way in ["eddsa-rdfc-2022", "eddsa-jcs-2022"] {
        let mut credential = world.credential(way);
        credential["@context"].as_array_mut().unwrap().push(json!({"status": "https://a.example/status"}));
        credential["status"] = json!("married");
        let path = format!("/issuers/{way}/credentials/issue");
        let (status, issued) = world.post(&path, &json!({"credential": credential})).await;
        assert_eq!((status, world.verify(&issued).await.0), (201, 200), "{way}: {issued}");
        // One that no context defines would mean nothing.
        credential["@context"] = json!(["https://www.w3.org/ns/credentials/v2"]);
        credential["credentialSubject"] = json!({"id": "did:example:b"});
        let (status, told) = world.post(&path, &json!({"credential": credential})).await;
        assert_eq!(status, 400, "{way}: {told}");
    }
}
