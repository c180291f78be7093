//! What is written in files for a verifier: trust settings and evidence, read strictly; and a
//! status list that is no good is not kept for ever.

#![allow(clippy::unwrap_used, reason = "the helpers of tests may panic as tests do")]

use legation_credential::{
    Authority, Occasion, Terms, issue, present,
    secured::Securing,
    status::{StatusEntry, StatusList, StatusListCredential, StatusPurpose},
};
use legation_keys::{Algorithm, SecretKey, Signer, jws};
use legation_verifier::{Code, Evidence, Need, Trust, evidence::EvidenceError, parse, trust::TrustError};

const NOW: i64 = 1_795_255_200;
const LIST: &str = "https://acme.example/status/1";

#[test]
fn a_root_stands_once_and_roots_are_not_forgotten() {
    let refused = |text: &str| match Trust::parse(text.as_bytes()) {
        Err(TrustError::Setting { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(r#"{"audience": "did:web:shop.example"}"#), "roots");
    let root = r#"{"did": "did:web:acme.example", "ceiling": "everything"}"#;
    assert_eq!(refused(&format!(r#"{{"audience": "x", "roots": [{root}, {root}]}}"#)), "roots");
}

/// What says the least must not confer the most.
#[test]
fn a_ceiling_is_everything_only_where_that_is_written_out() {
    let parsed = |ceiling: &str| {
        let root = format!(r#"{{"did": "did:web:acme.example"{ceiling}}}"#);
        Trust::parse(format!(r#"{{"audience": "x", "roots": [{root}]}}"#).as_bytes())
    };
    let ceiling = |text: &str| parsed(text).unwrap().roots.into_values().next().unwrap();
    assert_eq!(ceiling(r#", "ceiling": "everything""#), Authority::everything());
    assert_ne!(ceiling(r#", "ceiling": {"grants": []}"#), Authority::everything());
    for text in
        ["", r#""Everything""#, r#""nothing""#, r#""""#, "null", "true", "[]", "{}", r#"["everything"]"#]
    {
        let member = if text.is_empty() { String::new() } else { format!(r#", "ceiling": {text}"#) };
        assert!(parsed(&member).is_err(), "{text}");
    }
}

#[test]
fn a_number_of_the_settings_is_within_its_bounds_and_told_what_they_are() {
    let limit = |name: &str, value: &str| (name.to_owned(), format!(r#""limits": {{"{name}": {value}}}"#));
    let seconds = |name: &str, value: &str| (name.to_owned(), format!(r#""{name}": {value}"#));
    type Setting<'a> = &'a dyn Fn(&str, &str) -> (String, String);
    for (setting, name, least, most) in [
        (&limit as Setting<'_>, "presentationBytes", 1, 16 << 20),
        (&limit, "linkBytes", 1, 64 * 1024),
        (&limit, "jsonDepth", 1, 64),
        (&limit, "chainLinks", 1, 64),
        (&limit, "chainPairs", 1, 16_384),
        (&limit, "chainConstraints", 1, 8192),
        (&limit, "statusEntries", 1, 1 << 28),
        (&limit, "evidenceBytes", 1, 1_i64 << 36),
        (&seconds, "clockSkew", 0, 600),
        (&seconds, "maxPresentationAge", 0, 300),
        (&seconds, "maxDocumentAge", 0, 31_536_000),
        (&seconds, "maxStatusAge", 0, 31_536_000),
        (&seconds, "maxUnrevocable", 0, 315_576_000),
        (&seconds, "maxOfflineChild", 0, 86_400),
        (&seconds, "maxApprovalAge", 0, 86_400),
    ] {
        let parsed = |value: &str| {
            let (name, member) = setting(name, value);
            let root = r#"{"did": "did:web:acme.example", "ceiling": "everything"}"#;
            let text = format!(r#"{{"audience": "x", "roots": [{root}], {member}}}"#);
            Trust::parse(text.as_bytes()).map_err(|error| (name, error.to_string()))
        };
        assert!(parsed(&most.to_string()).is_ok() && parsed(&least.to_string()).is_ok(), "{name}");
        for value in [&(most + 1).to_string(), &(least - 1).to_string(), "1.5", r#""1""#, "null"] {
            let (name, told) = parsed(value).unwrap_err();
            assert!(
                told.contains(&name) && told.contains(&format!("from {least} to {most}")),
                "{value}: {told}"
            );
        }
    }
}

#[test]
fn a_member_of_evidence_that_is_misspelt_is_refused() {
    let text = format!(
        r#"{{"statusLists": [{{"url": "{LIST}", "fetchedAt": "2026-11-21T10:00:00Z", "credential": "x",
            "newestSean": "2026-11-21T10:00:00Z"}}]}}"#
    );
    let refused = Evidence::parse(text.as_bytes(), 1 << 20).unwrap_err();
    assert!(matches!(refused, EvidenceError::Unknown { found, .. } if found == "newestSean"));
}

/// A chain of one link with a status, presented by its agent.
fn presented() -> (String, Trust) {
    let (company, agent) =
        (SecretKey::generate(Algorithm::EdDsa).unwrap(), SecretKey::generate(Algorithm::EdDsa).unwrap());
    let principal = legation_did::key::did(company.public_key());
    let holder = legation_did::key::did(agent.public_key());
    let terms = Terms {
        id: None,
        subject: holder.clone(),
        valid_from: NOW,
        valid_until: NOW + 86_400,
        max_depth: 0,
        account: None,
        authority: Authority::parse(r#"{"grants": []}"#).unwrap(),
        status: vec![StatusEntry { purpose: StatusPurpose::Revocation, list: LIST.to_owned(), index: 7 }],
    };
    let link = issue(terms, &principal, &legation_did::key::method_id(&principal), &company).unwrap();
    let occasion =
        Occasion { audience: "shop", nonce: "n", issued_at: NOW, expires_at: NOW + 60, transcript: None };
    let secured =
        present(&[&link], &holder, occasion, &legation_did::key::method_id(&holder), &agent).unwrap();
    let mut trust = Trust::new("shop");
    trust.roots.insert(principal, Authority::everything());
    (secured, trust)
}

#[test]
fn claims_of_the_first_data_model_are_refused_in_a_presentation() {
    for claim in ["vc", "vp"] {
        let (secured, trust) = presented();
        let payload = legation_keys::base64url::decode(jws::split(&secured).unwrap().payload).unwrap();
        let mut claims: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        claims[claim] = serde_json::json!({});
        let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
        let again = jws::sign("vp+jwt", "did:ex:a#k", claims.to_string().as_bytes(), &key).unwrap();
        assert_eq!(parse(again.as_bytes(), &trust).unwrap_err().code, Code::Malformed, "{claim}");
    }
}

#[test]
fn evidence_that_is_kept_stays_within_its_bound() {
    let (_, mut trust) = presented();
    // One byte less than four documents of 28 bytes, each with three names of 18 and 512 bytes for the entry.
    trust.limits.evidence_bytes = 4 * (28 + 3 * 18 + 512) - 1;
    let did = |index: usize| format!("did:web:a{index}.example").parse::<legation_did::Did>().unwrap();
    let mut evidence = Evidence::new();
    for index in 0..10_usize {
        let text = format!(r#"{{"id": "{}"}}"#, did(index));
        evidence.add_document(&did(index), text.as_bytes(), NOW + i64::try_from(index).unwrap()).unwrap();
    }
    let held = |evidence: &Evidence| {
        (0..10).filter(|index| format!("{evidence:?}").contains(did(*index).as_str())).collect::<Vec<_>>()
    };
    evidence.forget(&trust, NOW + 9);
    assert_eq!(held(&evidence), [7, 8, 9], "the youngest three fit");
    evidence.forget(&trust, NOW + 9 + trust.max_document_age);
    assert_eq!(held(&evidence), [9], "what is too old to be relied on goes");
}

#[test]
fn a_list_takes_room_for_its_text_and_for_what_it_unpacks_to() {
    let (_, mut trust) = presented();
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let entries = 1 << 20;
    let text = StatusListCredential {
        id: Some(LIST.to_owned()),
        issuer: "did:web:acme.example".parse().unwrap(),
        valid_from: NOW,
        valid_until: None,
        purposes: vec![StatusPurpose::Revocation],
        list: StatusList::new(entries),
    }
    .secure(Securing::Jwt, "did:web:acme.example#k", &key)
    .unwrap();
    let url = |number: usize| format!("https://acme.example/status/{number}");
    let size = text.len() + entries / 8 + 3 * url(0).len() + 512;
    for (bytes, held) in [(3 * size, 3), (3 * size - 1, 2)] {
        trust.limits.evidence_bytes = bytes;
        let mut evidence = Evidence::new();
        for number in 0..3 {
            evidence.add_status_list(&url(number), &text, NOW, entries);
        }
        evidence.forget(&trust, NOW);
        // What was pushed out is not there to be taken over.
        let kept = |number: &usize| Evidence::new().take_since(&Need::StatusList(url(*number)), &evidence, 0);
        assert_eq!((0..3).filter(kept).count(), held, "of {bytes} bytes");
    }
}

#[test]
fn failures_with_long_names_stay_within_the_bound() {
    let (_, mut trust) = presented();
    trust.limits.evidence_bytes = 20_000;
    let mut evidence = Evidence::new();
    for index in 0..100 {
        let url = format!("https://evil.example/{index}/{}", "x".repeat(1000));
        evidence.add_failure(&Need::StatusList(url), "no answer", NOW + index);
    }
    evidence.forget(&trust, NOW + 100);
    assert_eq!(format!("{evidence:?}").matches("StatusList(\"https://evil.example/").count() / 2, 5);
}

#[test]
fn a_list_that_was_seen_is_remembered_while_it_matters() {
    let (_, trust) = presented();
    let mut evidence = Evidence::new();
    evidence.note_status_list(LIST, NOW);
    evidence.forget(&trust, NOW + trust.max_status_age);
    assert!(!format!("{evidence:?}").contains("newest: {}"), "an older list could still be fresh");
    evidence.forget(&trust, NOW + trust.max_status_age + trust.clock_skew + 1);
    assert!(format!("{evidence:?}").contains("newest: {}"));
}
