//! The built command plays its demo as a user would run it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of tests may panic as tests do"
)]

use serde_json::Value;
use std::{
    collections::BTreeSet,
    process::{Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// The ten attacks that every version of the demo must show, each with what it must be refused by.
const ATTACKS: [(&str, &[&str]); 10] = [
    ("relay", &["issuer_mismatch", "audience_mismatch", "nonce_mismatch", "audience_mismatch"]),
    ("reflection", &["holder_mismatch"]),
    ("replay", &["nonce_replayed", "nonce_replayed"]),
    ("stolen_chain", &["holder_mismatch", "key_not_found"]),
    ("card_domain", &["card_domain_mismatch"]),
    ("altered_card", &["card_form"]),
    ("old_nonce", &["presentation_stale", "presentation_stale"]),
    ("changed_body", &["request_binding_mismatch", "signature_invalid"]),
    ("downgraded_algorithm", &["algorithm_not_allowed", "algorithm_not_allowed", "algorithm_key_mismatch"]),
    ("withdrawn_key", &["key_not_found", "key_not_found"]),
];

/// What else it must refuse.
const OTHERS: [&str; 12] = [
    "handshake_required",
    "constraint_widened",
    "signature_invalid",
    "redelegation_not_permitted",
    "expired",
    "root_untrusted",
    "action_widened",
    "status_missing",
    "not_granted",
    "resource_not_normalized",
    "constraint_violated",
    "budget_exceeded",
];

/// Runs it with a temporary folder of its own, which must be empty afterwards.
fn demo(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_legation"))
        .arg("demo")
        .args(arguments)
        .env("TMPDIR", folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("the demo did not end within a minute");
        }
        sleep(Duration::from_millis(20));
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "files are left behind");
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{}{error}", String::from_utf8_lossy(&output.stdout));
    assert!(error.is_empty(), "{error}");
    output
}

fn steps() -> Vec<Value> {
    let report: Value = serde_json::from_slice(&demo(&["--json"]).stdout).unwrap();
    assert_eq!(report["ok"], true);
    assert!(report["seconds"].as_f64().unwrap() < 60.0);
    report["steps"].as_array().unwrap().clone()
}

/// The codes of the steps that an attack was refused by; of those that are part of none, for `None`.
fn refused_by<'s>(steps: &'s [Value], attack: Option<&str>) -> Vec<&'s str> {
    let own = steps.iter().filter(|step| step["attack"].as_str() == attack);
    own.filter_map(|step| step["code"].as_str()).collect()
}

#[test]
fn every_attack_is_refused_by_the_rule_that_it_should_be() {
    let steps = steps();
    for step in &steps {
        let found = if step["code"].is_null() { &step["decision"] } else { &step["code"] };
        assert!(step["ok"] == true && step["expected"] == *found, "{step}");
        let refuses = ["deny", "alarm"].contains(&step["decision"].as_str().unwrap());
        assert_eq!(refuses, step["code"].is_string(), "{step}");
        assert!(!step["title"].as_str().unwrap().is_empty());
        // Nothing goes through that nobody has signed, and a rule that a service applied to a chain is
        // signed as well. Clerk signs nothing of whom it does not believe, and an auditor nothing at all.
        let by = step["by"].as_str().unwrap();
        if by == "Auditor" {
            continue;
        }
        let unsigned =
            by == "Clerk" || step["attack"] == "reflection" || step["code"] == "handshake_required";
        assert!(step["receipt"] == true || step["decision"] == "deny" && unsigned, "{step}");
    }
    for (attack, codes) in ATTACKS {
        assert_eq!(refused_by(&steps, Some(attack)), codes, "{attack}");
    }
    let named: BTreeSet<&str> = steps.iter().filter_map(|step| step["attack"].as_str()).collect();
    assert_eq!(named.len(), ATTACKS.len(), "{named:?}");
    let others = refused_by(&steps, None);
    assert!(OTHERS.iter().all(|code| others.contains(code)), "{others:?}");
}

#[test]
fn the_demo_begins_with_a_meeting_and_ends_with_the_revocation() {
    let steps = steps();
    let [stranger, met, order, ..] = steps.as_slice() else { panic!("{steps:?}") };
    assert_eq!(
        (stranger["code"].as_str(), stranger["by"].as_str()),
        (Some("handshake_required"), Some("Shop"))
    );
    assert_eq!((met["decision"].as_str(), order["decision"].as_str()), (Some("valid"), Some("permit")));
    let [.., before, last] = steps.as_slice() else { panic!("{steps:?}") };
    assert_eq!(before["decision"], "permit", "the last call is good but for the revocation");
    assert_eq!((last["code"].as_str(), last["link"].as_u64()), (Some("link_revoked"), Some(1)));
}

#[test]
fn the_demo_has_its_log_verified_and_decided_again_and_a_flipped_bit_raises_the_alarm() {
    let steps = steps();
    let audited: Vec<(&str, Option<&str>)> = steps
        .iter()
        .filter(|step| step["by"] == "Auditor")
        .map(|step| (step["decision"].as_str().unwrap(), step["code"].as_str()))
        .collect();
    assert_eq!(audited, [("holds", None), ("holds", None), ("alarm", Some("log_changed"))]);
}

#[test]
fn the_demo_tells_its_story_in_lines_that_fit_a_terminal() {
    let text = String::from_utf8(demo(&[]).stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for line in &lines {
        assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
        assert_eq!(line.trim_end(), *line);
    }
    let at = |wanted: &str| {
        let found: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].contains(wanted)).collect();
        *found.last().unwrap_or_else(|| panic!("no line with `{wanted}`:\n{text}"))
    };
    let named = ATTACKS.iter().flat_map(|(_, codes)| codes.iter());
    for code in named.chain(&OTHERS).chain(&["link_revoked"]) {
        assert!(lines[at(code)].starts_with("  ✗ "), "{code}");
    }
    for number in 1..=ATTACKS.len() {
        at(&format!("Attack {number}. "));
    }
    assert!(lines[at("permitted")].starts_with("  ✓ "));
    assert!(at("link_revoked") > at("permitted"));
    assert!(lines.last().unwrap().starts_with("done in "));
    assert!(lines.last().unwrap().ends_with("nothing is left running"));
}
