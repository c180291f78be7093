//! The test corpus through the command: the same files, the same answers as the library gives.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test's helpers may stop it

mod common;

use common::Play;
use legation_tests::{Outcome, Step, Vector, load_all};
use legation_verifier::{Code, MemoryLedger};
use serde_json::Value;

/// Where the command does more than the library: each with its reason and its answer.
const DIFFERENT: [(&str, &str, Outcome); 1] = [(
    "request-on-a-query",
    "the command makes facts of a query string before it asks the library",
    Outcome::Permit,
)];

/// What the command must answer to one step.
fn expected(vector: &Vector, step: &Step) -> Outcome {
    let different = DIFFERENT.iter().find(|(name, ..)| *name == vector.name);
    different.map_or(step.expect, |(_, _, outcome)| *outcome)
}

/// What the command answers to one step.
fn answer(play: &Play, vector: &Vector, step: &Step) -> Result<Outcome, String> {
    play.write("presentation.jwt", &step.presentation);
    let mut arguments: Vec<String> = [
        "verify",
        "presentation.jwt",
        "--trust",
        "trust.json",
        "--evidence",
        "evidence.json",
        "--json",
        "--audience",
        &vector.trust.audience,
        "--now",
        &step.now_text,
    ]
    .map(str::to_owned)
    .to_vec();
    // A nonce may start with a dash.
    arguments.push(format!("--nonce={}", step.nonce));
    if let Some(agent) = &step.vouched {
        arguments.push(format!("--vouched={agent}"));
    }
    for (index, approval) in step.approvals.iter().enumerate() {
        play.write(&format!("approval-{index}"), approval);
        arguments.extend(["--approval".to_owned(), format!("approval-{index}")]);
    }
    if let Some(request) = &step.request {
        arguments.extend(["--ledger".to_owned(), "ledger.json".to_owned()]);
        arguments.extend(request.arguments());
    }
    let ran = play.run_list(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let json: Value = serde_json::from_str(&ran.stdout).map_err(|_| format!("{ran:?}"))?;
    let outcome = match json["decision"].as_str() {
        Some("permit") => Outcome::Permit,
        Some("valid") => Outcome::Valid,
        Some("deny") => Outcome::Deny {
            code: json["code"].as_str().and_then(Code::from_name).ok_or_else(|| format!("{ran:?}"))?,
            link: json["link"].as_u64().map(|link| usize::try_from(link).unwrap()),
        },
        _ => return Err(format!("{ran:?}")),
    };
    let status = i32::from(matches!(outcome, Outcome::Deny { .. }));
    if ran.status == status {
        Ok(outcome)
    } else {
        Err(format!("exit {}, expected {status}: {ran:?}", ran.status))
    }
}

#[test]
fn the_command_answers_as_every_vector_expects() {
    let mut wrong = Vec::new();
    let vectors = load_all().unwrap();
    assert!(!vectors.is_empty());
    for vector in &vectors {
        let play = Play::new();
        play.write("trust.json", &vector.trust_text);
        play.write("evidence.json", &vector.evidence_text);
        let ledger = MemoryLedger::with_limits(vector.ledger.unwrap_or_default());
        play.write("ledger.json", ledger.to_json().to_string());
        for (index, step) in vector.steps.iter().enumerate() {
            match answer(&play, vector, step) {
                Ok(outcome) if outcome == expected(vector, step) => {}
                Ok(outcome) => {
                    wrong.push(format!(
                        "{} step {index}: expected {}, found {outcome}",
                        vector.name, step.expect
                    ));
                }
                Err(failed) => wrong.push(format!("{} step {index}: {failed}", vector.name)),
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} vectors deviate:\n{}", wrong.len(), vectors.len(), wrong.join("\n"));
}
