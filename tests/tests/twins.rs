//! The same chain, secured by JWS or by Data Integrity proofs, gets the same decision: every vector whose
//! defect is not one of form, in five other ways of securing it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    dead_code
)] // a generator, and a test

#[path = "../src/make/mod.rs"]
mod make;

use legation_tests::{directory, load, run};
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
