//! What stands around the authority: contexts, identities, times, parent and status.

use crate::{DELEGATION, GONE, changed, complete, read, read_text, reads, refuses};
use legation_credential::CredentialError;
use serde_json::json;

#[test]
fn a_context_or_type_that_could_change_the_meaning_is_refused() {
    let (vc, ours) = ("https://www.w3.org/ns/credentials/v2", "https://w3id.org/legation/v1");
    let context = |value| ("", "@context", value, "context_mismatch");
    let types = |value| ("", "type", value, "type_mismatch");
    refuses(vec![
        context(json!(GONE)),
        context(json!([])),
        context(json!(vc)),
        context(json!([vc])),
        context(json!([ours, vc])),
        context(json!([vc, ours, "https://evil.example/context"])),
        context(json!([vc, ours, {"delegation": "https://evil.example/"}])),
        context(json!([vc, {"@vocab": ours}])),
        context(json!([vc, "https://w3id.org/legation/v2"])),
        context(json!(["https://www.w3.org/2018/credentials/v1", ours])),
        types(json!(GONE)),
        types(json!([])),
        types(json!("DelegationCredential")),
        types(json!(["VerifiableCredential"])),
        types(json!(["VerifiableCredential", "delegationcredential"])),
        types(json!({"VerifiableCredential": "DelegationCredential"})),
    ]);
    reads(vec![("", "type", json!(["DelegationCredential", "Other", "VerifiableCredential"]))]);
}

#[test]
fn a_claim_of_the_first_data_model_is_refused_and_other_claims_are_not() {
    refuses(vec![
        ("", "vc", json!({}), "malformed"),
        ("", "vc", json!(null), "malformed"),
        ("", "vp", json!({}), "malformed"),
    ]);
    reads(vec![
        ("", "name", json!("for Tuesday")),
        ("", "iat", json!(1.5)),
        ("/credentialSubject", "name", json!("agent")),
    ]);
}

#[test]
fn an_identity_that_is_missing_or_no_did_is_refused() {
    let mut cases = vec![];
    for value in
        [json!(GONE), json!(null), json!(1), json!("acme.example"), json!("did:web:ACME.example"), json!([])]
    {
        for (place, member) in [("", "issuer"), ("/credentialSubject", "id"), (DELEGATION, "principal")] {
            cases.push((place, member, value.clone(), "malformed"));
        }
    }
    cases.push(("", "issuer", json!({"name": "Acme"}), "malformed"));
    cases.push(("", "id", json!(7), "malformed"));
    for subject in
        [json!(GONE), json!([]), json!([complete()["credentialSubject"]]), json!("did:web:a.example")]
    {
        cases.push(("", "credentialSubject", subject, "malformed"));
    }
    cases.push(("/credentialSubject", "delegation", json!(GONE), "malformed"));
    cases.push(("/credentialSubject", "delegation", json!([]), "malformed"));
    refuses(cases);
    reads(vec![
        ("", "issuer", json!({"id": "did:web:acme.example", "name": "Acme"})),
        ("", "id", json!(GONE)),
    ]);
    assert!(matches!(read_text("[]"), Err(CredentialError::Malformed { .. })));
}

#[test]
fn a_time_that_is_not_exact_is_refused_and_a_claim_only_shortens_it() {
    let mut cases = vec![];
    for member in ["validFrom", "validUntil"] {
        for value in
            ["2026-11-21", "2026-11-21T10:00:00", "2026-11-21 10:00:00Z", "2026-11-21T10:00:60Z", "now", ""]
        {
            cases.push(("", member, json!(value), "malformed"));
        }
        cases.push(("", member, json!(1_795_255_200), "malformed"));
        cases.push(("", member, json!(GONE), "malformed"));
    }
    for member in ["exp", "nbf"] {
        for value in [json!("1795255200"), json!(1e300), json!(null), json!(9_007_199_254_740_992_u64)] {
            cases.push(("", member, value, "malformed"));
        }
    }
    refuses(cases);
    const FROM: i64 = 1_795_255_200;
    const UNTIL: i64 = FROM + 7 * 86_400;
    for (member, value, wanted) in [
        ("nbf", json!(FROM + 60), (FROM + 60, UNTIL)),
        ("nbf", json!(FROM - 60), (FROM, UNTIL)),
        ("nbf", json!(-1), (FROM, UNTIL)),
        ("exp", json!(UNTIL - 60), (FROM, UNTIL - 60)),
        ("exp", json!(UNTIL + 60), (FROM, UNTIL)),
        ("nbf", json!(1_795_255_260.25), (FROM + 61, UNTIL)),
        ("exp", json!(1_795_859_940.75), (FROM, UNTIL - 60)),
        ("validFrom", json!("2026-11-21T24:00:00Z"), (FROM + 14 * 3600, UNTIL)),
        ("validFrom", json!("2026-11-21T10:00:00.001Z"), (FROM + 1, UNTIL)),
        ("validUntil", json!("2026-11-28T11:00:00.999+01:00"), (FROM, UNTIL)),
    ] {
        let terms = read(&changed("", member, value.clone())).unwrap().terms;
        assert_eq!((terms.valid_from, terms.valid_until), wanted, "{member} = {value}");
    }
}

#[test]
fn a_parent_that_is_no_digest_is_refused() {
    let padded = format!("{}=", "A".repeat(43));
    let trailing = format!("{}B", "A".repeat(42));
    let mut cases = vec![];
    for value in ["", "A", &"A".repeat(42), &"A".repeat(44), &padded, &trailing, &"+".repeat(43)] {
        cases.push((DELEGATION, "parent", json!(value), "malformed"));
    }
    cases.push((DELEGATION, "parent", json!(null), "malformed"));
    refuses(cases);
    assert!(read(&changed(DELEGATION, "parent", json!(GONE))).unwrap().parent.is_none());
}

#[test]
fn a_status_that_is_not_understood_is_refused() {
    let entry = "/credentialStatus";
    let one = complete()["credentialStatus"].clone();
    let mut cases = vec![
        ("", "credentialStatus", json!(null), "malformed"),
        ("", "credentialStatus", json!("https://acme.example/status/1#1"), "malformed"),
        ("", "credentialStatus", json!([]), "malformed"),
        ("", "credentialStatus", json!([one, one, one, one, one]), "malformed"),
        ("", "credentialStatus", json!([one, {}]), "type_mismatch"),
        (entry, "type", json!("StatusList2021Entry"), "type_mismatch"),
        (entry, "type", json!(GONE), "type_mismatch"),
        (entry, "statusSize", json!(2), "malformed"),
        (entry, "statusSize", json!("1"), "malformed"),
    ];
    for purpose in
        [json!("retention"), json!("Message"), json!("Revocation"), json!(["revocation"]), json!(GONE)]
    {
        cases.push((entry, "statusPurpose", purpose, "malformed"));
    }
    for index in [
        json!(1),
        json!("-1"),
        json!("+1"),
        json!("1.0"),
        json!(""),
        json!(" 1"),
        json!("9".repeat(30)),
        json!(GONE),
    ] {
        cases.push((entry, "statusListIndex", index, "malformed"));
    }
    for list in [
        "",
        "acme.example/1",
        "ftp://acme.example/1",
        "file:///etc/passwd",
        "https://acme.example/a/../b",
        "https://ACME.example/1",
        "https://u@acme.example/1",
        "https://acme.example",
        "https://acme.example/1#x",
    ] {
        cases.push((entry, "statusListCredential", json!(list), "malformed"));
    }
    refuses(cases);
    reads(vec![
        ("", "credentialStatus", json!(GONE)),
        ("", "credentialStatus", json!([one, one, one, one])),
        (entry, "statusSize", json!(1)),
        (entry, "statusPurpose", json!("message")),
        (entry, "statusPurpose", json!("refresh")),
        (entry, "id", json!("https://acme.example/status/1#94567")),
    ]);
}

#[test]
fn a_member_that_stands_twice_is_refused_wherever_it_stands() {
    for member in [
        r#""max":60"#,
        r#""principal":"did:web:acme.example""#,
        r#""issuer":"did:web:acme.example""#,
        r#""amount":20000"#,
    ] {
        let text = complete().to_string();
        assert_eq!(text.matches(member).count(), 1, "{member}");
        let twice = text.replace(member, &format!("{member},{member}"));
        assert_eq!(read_text(&twice).unwrap_err().code(), "duplicate_member", "{member}");
    }
}
