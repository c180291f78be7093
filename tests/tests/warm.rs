//! A verifier that remembers gives the same answers as one that does not: every vector of the corpus, before
//! and after everything else that the same trust verifies, with each vector's own evidence.

#![allow(clippy::unwrap_used)]

use legation_tests::{
    Step, Vector, load_all,
    told::{Told, told},
};
use legation_verifier::{CacheLimits, Denial, Evidence, Trust, Verifier, verify};
use std::collections::BTreeMap;

fn cold(step: &Step, trust: &Trust, evidence: &Evidence, nonce: &str, now: i64) -> Result<Told, Denial> {
    verify(&step.read(trust)?, trust, evidence, nonce, now).map(|chain| told(&chain))
}

fn warm(
    verifier: &Verifier,
    step: &Step,
    evidence: &Evidence,
    nonce: &str,
    now: i64,
) -> Result<Told, Denial> {
    verifier.verify(&step.read_by(verifier)?, evidence, nonce, now).map(|chain| told(&chain))
}

fn by_trust(vectors: &[Vector]) -> BTreeMap<&str, Vec<&Vector>> {
    let mut groups: BTreeMap<&str, Vec<&Vector>> = BTreeMap::new();
    for vector in vectors {
        groups.entry(&vector.trust_text).or_default().push(vector);
    }
    groups
}

/// Verifies all vectors of one trust with one verifier, `rounds` times, and compares.
fn compare(limits: CacheLimits, rounds: usize) -> usize {
    let vectors = load_all().unwrap();
    let mut compared = 0;
    for group in by_trust(&vectors).values() {
        let Some(first) = group.first() else { continue };
        let verifier = Verifier::with_limits(first.trust.clone(), limits);
        for round in 0..rounds {
            for vector in group {
                for (index, step) in vector.steps.iter().enumerate() {
                    let wanted = cold(step, &vector.trust, &vector.evidence, &step.nonce, step.now);
                    let found = warm(&verifier, step, &vector.evidence, &step.nonce, step.now);
                    assert_eq!(found, wanted, "{}, step {index}, round {round}", vector.name);
                    compared += 1;
                }
            }
        }
    }
    compared
}

#[test]
fn what_is_remembered_changes_no_answer() {
    assert!(compare(CacheLimits::default(), 3) > 2000);
}

#[test]
fn a_memory_that_forgets_all_the_time_changes_no_answer() {
    compare(CacheLimits { chains: 1, bytes: 10_000 }, 2);
    compare(CacheLimits { chains: 64, bytes: 40_000 }, 2);
}

/// What passed at its time is presented before and after it, and with no evidence at all.
#[test]
fn time_and_evidence_are_looked_at_again() {
    let vectors = load_all().unwrap();
    let (mut passed, mut refused, none) = (0, 0, Evidence::new());
    for group in by_trust(&vectors).values() {
        let Some(first) = group.first() else { continue };
        let verifier = Verifier::new(first.trust.clone());
        for vector in group {
            let steps = vector.steps.iter().map(|step| (step, &vector.evidence));
            for (step, evidence) in steps.clone().chain(steps.map(|(step, _)| (step, &none))) {
                for shift in [0, 60, 3600, 86_400, 40 * 86_400, 3_650 * 86_400] {
                    for now in [step.now + shift, step.now - shift] {
                        let wanted = cold(step, &vector.trust, evidence, &step.nonce, now);
                        let found = warm(&verifier, step, evidence, &step.nonce, now);
                        assert_eq!(found, wanted, "{} at {now}", vector.name);
                        if found.is_ok() { passed += 1 } else { refused += 1 }
                    }
                }
            }
        }
    }
    assert!(passed > 500 && refused > 5000, "{passed} passed, {refused} were refused");
}

/// Most vectors share one trust, so that its verifier has seen the honest chain before each forgery.
#[test]
fn most_vectors_meet_a_memory_of_others() {
    let vectors = load_all().unwrap();
    let largest = by_trust(&vectors).values().map(Vec::len).max().unwrap();
    assert!(largest > vectors.len() / 3, "{largest} of {}", vectors.len());
}

/// A presentation may have been read by the limits of another trust; what is remembered of it must not
/// raise the verifier's own.
#[test]
fn a_link_above_the_limit_is_refused_though_it_is_known() {
    let vectors = load_all().unwrap();
    let passes = |vector: &&Vector| {
        let step = vector.steps.first().unwrap();
        cold(step, &vector.trust, &vector.evidence, &step.nonce, step.now).is_ok()
    };
    let vector = vectors.iter().find(passes).unwrap();
    let step = vector.steps.first().unwrap();
    let mut small = vector.trust.clone();
    small.limits.link_bytes = 100;
    let verifier = Verifier::new(small);
    let read_elsewhere = step.read(&vector.trust).unwrap();
    assert!(verifier.verify(&read_elsewhere, &vector.evidence, &step.nonce, step.now).is_ok());
    let denial = step.read_by(&verifier).unwrap_err();
    assert_eq!((denial.code.as_str(), denial.link), ("input_too_large", Some(0)));
}
