//! Every vector through the library.

#![allow(clippy::unwrap_used)]

use legation_tests::{Outcome, Vector, load_all, pages::WITHOUT_VECTOR, run};
use legation_verifier::{Code, gather, verify};
use std::collections::BTreeSet;

fn vectors() -> Vec<Vector> {
    // Loading checks that each file's name is its vector's name.
    let vectors = load_all().unwrap();
    assert!(!vectors.is_empty(), "there are no vectors");
    vectors
}

#[test]
fn every_vector_gives_what_it_expects() {
    let mut deviations = Vec::new();
    for vector in vectors() {
        for (index, (step, found)) in vector.steps.iter().zip(run(&vector)).enumerate() {
            if step.expect != found {
                deviations.push(format!(
                    "{}, step {index}: expected {}, found {found}\n    {}",
                    vector.name, step.expect, vector.why
                ));
            }
        }
    }
    assert!(deviations.is_empty(), "{} deviate:\n{}", deviations.len(), deviations.join("\n"));
}

#[test]
fn every_code_has_a_vector() {
    let codes: BTreeSet<Code> = vectors()
        .iter()
        .flat_map(|vector| &vector.steps)
        .filter_map(|step| match step.expect {
            Outcome::Deny { code, .. } => Some(code),
            Outcome::Permit | Outcome::Valid => None,
        })
        .collect();
    for code in Code::ALL {
        let excused = WITHOUT_VECTOR.iter().any(|(excused, _)| excused == code);
        assert_eq!(codes.contains(code), !excused, "{code}");
    }
}

#[test]
fn every_vector_is_described_and_has_steps() {
    for Vector { name, why, steps, .. } in vectors() {
        let kebab = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        assert!(name.bytes().all(kebab), "{name}");
        assert!(why.len() > 10 && why.ends_with(['.', '?']), "{name}: {why}");
        assert!(!steps.is_empty(), "{name}");
    }
}

/// Whoever is not authentic yet makes nobody fetch: evidence is asked for only where evidence
/// could still change the answer.
#[test]
fn evidence_is_asked_for_only_where_it_matters() {
    for vector in vectors() {
        for step in &vector.steps {
            let Ok(presentation) = step.read(&vector.trust) else { continue };
            let (trust, evidence) = (&vector.trust, &vector.evidence);
            let verified = verify(&presentation, trust, evidence, &step.nonce, step.now);
            let needs = gather(&presentation, trust, evidence, &step.nonce, step.now);
            match (verified, needs) {
                (Ok(_), needs) => assert_eq!(needs, Ok(Vec::new()), "{}", vector.name),
                (Err(denial), Err(other)) => assert_eq!(denial, other, "{}", vector.name),
                (Err(denial), Ok(needs)) => {
                    let evidence = matches!(
                        denial.code,
                        Code::DidUnresolved
                            | Code::DidStale
                            | Code::StatusUnavailable
                            | Code::StatusInvalid
                            | Code::StatusStale
                    );
                    assert!(evidence && !needs.is_empty(), "{}: {denial}", vector.name);
                }
            }
        }
    }
}
