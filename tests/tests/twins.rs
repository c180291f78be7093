//! The same chain, secured by JWS or by Data Integrity proofs, gets the same decision: every vector whose
//! defect is not one of form, in five other ways of securing it, and by status lists that are secured otherwise.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    dead_code
)] // a generator, and a test

#[path = "../src/make/mod.rs"]
mod make;

use legation_tests::{Vector, directory, load, run};
use legation_verifier::Evidence;
use serde_json::json;
use std::collections::BTreeSet;

/// Where a proof is not judged as a JWS is, each with its reason.
const DIFFERENT: [(&str, &str); 7] = [
    ("presentation-of-just-the-largest-size", "each byte of a document counts twice"),
    ("presentation-large-but-within-the-limit", "each byte of a document counts twice"),
    ("presentation-one-byte-too-large", "a document has fewer bytes than a JWS of it"),
    ("presentation-oversized", "a document has fewer bytes than a JWS of it"),
    ("link-oversized", "a document has fewer bytes than a JWS of it"),
    ("presentation-that-lives-for-ever", "the end is in a year that no RFC 3339 time can name"),
    ("presentation-issued-before-time-began", "the time is before the years that RFC 3339 has"),
];

#[test]
fn a_chain_gets_the_same_decision_however_it_is_secured() {
    let (mut compared, mut vectors, mut deviations) = (0, BTreeSet::new(), Vec::new());
    for draft in make::cases::all(true).drafts {
        if DIFFERENT.iter().any(|(name, _)| *name == draft.name) {
            continue;
        }
        let vector = load(&directory().join(format!("{}.json", draft.name))).unwrap();
        let ways = draft.twins.iter().map(Vec::len).min().unwrap_or_default();
        for way in 0..ways {
            let mut twin = vector.clone();
            for (step, other) in twin.steps.iter_mut().zip(&draft.twins) {
                step.presentation.clone_from(&other[way]);
            }
            for (index, (step, found)) in vector.steps.iter().zip(run(&twin)).enumerate() {
                compared += 1;
                vectors.insert(vector.name.clone());
                if step.expect != found {
                    let name = &vector.name;
                    deviations
                        .push(format!("{name}, step {index}, way {way}: {} as JWS, {found}", step.expect));
                }
            }
        }
    }
    println!("{} vectors, {compared} comparisons", vectors.len());
    assert!(deviations.is_empty(), "{} deviate:\n{}", deviations.len(), deviations.join("\n"));
    // Most vectors are about something else than a form.
    assert!(vectors.len() > 300 && vectors.len() > make::cases::all(false).drafts.len() / 2);
}

#[test]
fn a_status_list_says_the_same_however_it_is_secured() {
    let (mut compared, mut deviations) = (0, Vec::new());
    for mut draft in make::cases::all(false).drafts {
        let lists = draft.lists.iter_mut().filter(|list| list.sealed.is_plain());
        lists.for_each(|list| list.sealed.by_proof(json!({})));
        let vector = load(&directory().join(format!("{}.json", draft.name))).unwrap();
        let mut evidence = draft.evidence();
        // Every second one stands there as JSON, not as the text of it.
        let written = evidence["statusLists"].as_array_mut().unwrap().iter_mut().skip(draft.name.len() % 2);
        for list in written.filter(|list| list["credential"].as_str().unwrap().starts_with('{')) {
            list["credential"] = serde_json::from_str(list["credential"].as_str().unwrap()).unwrap();
        }
        let text = evidence.to_string();
        if text == vector.evidence_text {
            continue;
        }
        let evidence = Evidence::parse(text.as_bytes(), vector.trust.limits.status_entries).unwrap();
        let twin = Vector { evidence, ..vector.clone() };
        for (index, (step, found)) in vector.steps.iter().zip(run(&twin)).enumerate() {
            compared += 1;
            if step.expect != found {
                deviations.push(format!("{}, step {index}: {} as JWS, {found}", vector.name, step.expect));
            }
        }
    }
    println!("{compared} comparisons");
    assert!(deviations.is_empty(), "{} deviate:\n{}", deviations.len(), deviations.join("\n"));
    assert!(compared > 500);
}
