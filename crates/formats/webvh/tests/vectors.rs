//! The logs of the did:webvh test suite, as five implementations write them, and its forged ones.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

use legation_did::Did;
use legation_keys::time::{self, Round};
use legation_webvh::{At, log::needs_witnesses, verify};
use serde_json::Value;

/// The suite's cases; their source stands in the file.
fn cases() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("vectors.json")).unwrap();
    file["cases"].as_array().unwrap().clone()
}

/// The DIDs that the entries of a log say they are of, the last one first.
fn dids(case: &Value) -> Vec<Did> {
    let lines = case["log"].as_str().unwrap().lines();
    let entries = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ids = entries.map(|entry| entry["state"]["id"].as_str().unwrap().parse().unwrap());
    ids.collect::<Vec<Did>>().into_iter().rev().collect()
}

fn bytes<'a>(case: &'a Value, name: &str) -> Option<&'a [u8]> {
    case.get(name).and_then(Value::as_str).map(str::as_bytes)
}

fn seconds(value: &Value) -> i64 {
    time::parse(value.as_str().unwrap(), Round::Down).unwrap()
}

/// The document without the services that did:webvh implies, which implementations spell in their own ways, and
/// without empty lists.
fn comparable(document: &Value) -> Value {
    let mut document = document.clone();
    let members = document.as_object_mut().unwrap();
    if let Some(services) = members.get_mut("service").and_then(Value::as_array_mut) {
        services.retain(|service| {
            let id = service["id"].as_str().unwrap();
            !id.ends_with("#files") && !id.ends_with("#whois")
        });
    }
    members.retain(|_, value| !value.as_array().is_some_and(Vec::is_empty));
    document
}

/// What the suite holds and did:webvh 1.0 refuses.
const NOT_VALID: [(&str, &str, &str); 6] = [
    // The witness's id is no did:key, as "DID Witnesses" asks; it is read as one, so that what is verified is another text.
    ("witness-threshold", "rust", "signature invalid"),
    ("witness-update", "rust", "signature invalid"),
    // An entry that lowers its own threshold needs the witnesses of before: a change takes effect after its entry.
    // Of the suite's resolvers two say so too.
    ("witness-update", "java", "threshold (2) was not met"),
    ("witness-update", "java-eecc", "threshold (2) was not met"),
    ("witness-update", "python", "threshold (2) was not met"),
    ("witness-update", "ts", "threshold (2) was not met"),
];

fn defect(case: &Value) -> Option<&'static str> {
    let found = NOT_VALID.iter().find(|(name, by, _)| case["name"] == *name && case["by"] == *by);
    found.map(|(_, _, reason)| *reason)
}

#[test]
fn what_others_write_is_resolved_to_the_same_documents() {
    let (mut logs, mut versions) = (0, 0);
    for case in cases().iter().filter(|case| case.get("results").is_some()) {
        let (name, by) = (case["name"].as_str().unwrap(), case["by"].as_str().unwrap());
        let log = bytes(case, "log").unwrap();
        let verify = |at: &At| verify(&dids(case)[0], log, bytes(case, "witnesses"), at);
        logs += 1;
        if let Some(reason) = defect(case) {
            let error = verify(&At::Latest).unwrap_err().to_string();
            assert!(error.contains(reason), "{name} by {by}: {error}");
            continue;
        }
        for result in case["results"].as_array().unwrap() {
            let meta = &result["didDocumentMetadata"];
            let id = meta["versionId"].as_str().unwrap();
            let resolved = verify(&At::Version(id.to_owned())).unwrap();
            assert_eq!(resolved.version_id, id, "{name} by {by}");
            assert_eq!(comparable(&resolved.document), comparable(&result["didDocument"]), "{name} by {by}");
            assert_eq!(resolved.created, seconds(&meta["created"]), "{name} by {by}");
            versions += 1;
        }
    }
    assert_eq!((logs, versions), (64, 68));
}

#[test]
fn a_time_between_two_entries_has_the_earlier_one() {
    let mut asked = 0;
    for case in cases().iter().filter(|case| case.get("results").is_some()) {
        if defect(case).is_some() {
            continue;
        }
        let did = &dids(case)[0];
        let entries: Vec<Value> =
            case["log"].as_str().unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let times: Vec<i64> = entries.iter().map(|entry| seconds(&entry["versionTime"])).collect();
        for (index, entry) in entries.iter().enumerate() {
            let end = times.get(index + 1).map_or(times[index] + 10, |next| next - 1);
            for moment in [times[index], end] {
                let at = At::Time(moment);
                let found = verify(did, bytes(case, "log").unwrap(), bytes(case, "witnesses"), &at).unwrap();
                assert_eq!(found.version_id, entry["versionId"].as_str().unwrap());
                assert_eq!(found.next_version_time, times.get(index + 1).copied());
                asked += 1;
            }
        }
        let before = At::Time(times[0] - 1);
        let error = verify(did, bytes(case, "log").unwrap(), bytes(case, "witnesses"), &before).unwrap_err();
        assert_eq!(error.code(), "version_not_found", "{error}");
    }
    assert!(asked > 150, "{asked}");
}

#[test]
fn what_the_suite_forges_is_refused_under_every_did_it_claims() {
    let mut refused = Vec::new();
    for case in cases().iter().filter(|case| case.get("results").is_none()) {
        for did in dids(case) {
            let error =
                verify(&did, bytes(case, "log").unwrap(), bytes(case, "witnesses"), &At::Latest).unwrap_err();
            assert!(["log_invalid", "malformed"].contains(&error.code()), "{}: {error}", case["name"]);
        }
        refused.push(case["name"].as_str().unwrap().to_owned());
    }
    assert_eq!(refused.len(), 11, "{refused:?}");
}

/// The suite's forged names come without a log: these are of the same kinds.
#[test]
fn a_name_that_leads_elsewhere_is_no_did_webvh() {
    let scid = "Qmdxt11AjZewCNXX69bpEDobgjySeZ7eFwjf4tgpF6p2Dg";
    for rest in [
        "example.com:..:..:etc",
        "example.com:%2e%2e:secret",
        "example.com:a%2fb",
        "127.0.0.1",
        "%31%32%37.0.0.1",
        "127.0.0.1%3a8443",
        "EXAMPLE.com",
        "example.com:.well-known",
        "",
    ] {
        let text = format!("did:webvh:{scid}:{rest}");
        let Ok(did) = text.parse::<Did>() else { continue };
        let error = verify(&did, b"{}", None, &At::Latest).unwrap_err();
        assert_eq!(error.code(), "malformed", "{text}: {error}");
    }
    for text in ["did:webvh:example.com", "did:webvh:short:example.com", "did:web:example.com"] {
        assert_eq!(
            verify(&text.parse().unwrap(), b"{}", None, &At::Latest).unwrap_err().code(),
            "malformed",
            "{text}"
        );
    }
    assert!(format!("did:webvh:{scid}:example.com#key/../x").parse::<Did>().is_err());
}

#[test]
fn witnesses_are_asked_for_where_a_log_names_them() {
    let mut named = 0;
    for case in cases().iter().filter(|case| case.get("results").is_some()) {
        let needed = needs_witnesses(bytes(case, "log").unwrap()).unwrap();
        assert_eq!(needed, case.get("witnesses").is_some(), "{} by {}", case["name"], case["by"]);
        if needed {
            named += 1;
            let error = verify(&dids(case)[0], bytes(case, "log").unwrap(), None, &At::Latest).unwrap_err();
            assert_eq!(error.code(), "log_invalid", "{error}");
        }
    }
    assert!(named >= 10, "{named}");
}

/// A member that the library does not know makes a proof another one all the same.
#[test]
fn a_witness_proof_to_which_something_was_added_does_not_count() {
    let witnessed = |case: &&Value| case.get("witnesses").is_some() && case.get("results").is_some();
    let mut bent = 0;
    for case in cases().iter().filter(witnessed).filter(|case| defect(case).is_none()) {
        let verify = |witnesses: &str| {
            verify(&dids(case)[0], bytes(case, "log").unwrap(), Some(witnesses.as_bytes()), &At::Latest)
        };
        let genuine = case["witnesses"].as_str().unwrap();
        assert!(verify(genuine).is_ok());
        for (name, value) in [
            ("expires", "2020-01-01T00:00:00Z"),
            ("domain", "a.example"),
            ("proofPurpose", "authentication"),
            ("cryptosuite", "eddsa-rdfc-2022"),
        ] {
            let mut file: Value = serde_json::from_str(genuine).unwrap();
            for proof in
                file.as_array_mut().unwrap().iter_mut().flat_map(|one| one["proof"].as_array_mut().unwrap())
            {
                proof[name] = value.into();
            }
            let error = verify(&file.to_string()).unwrap_err();
            assert_eq!(error.code(), "log_invalid", "{name}: {error}");
            bent += 1;
        }
        // One that does not count is no reason to refuse those that do.
        let mut file: Value = serde_json::from_str(genuine).unwrap();
        let proofs = file[0]["proof"].as_array_mut().unwrap();
        let mut other = proofs[0].clone();
        other["expires"] = "2020-01-01T00:00:00Z".into();
        proofs.insert(0, other);
        assert!(verify(&file.to_string()).is_ok());
    }
    assert!(bent >= 16, "{bent}");
}
