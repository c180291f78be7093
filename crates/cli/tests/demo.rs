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

/// The six that every version of the demo must show, and what it ends with.
const NAMED: [&str; 7] = [
    "constraint_widened",
    "holder_mismatch",
    "audience_mismatch",
    "nonce_replayed",
    "signature_invalid",
    "expired",
    "link_revoked",
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

#[test]
fn the_demo_refuses_every_attack_and_ends_with_the_revocation() {
    let output = demo(&["--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["ok"], true);
    assert!(report["seconds"].as_f64().unwrap() < 60.0);
    let steps = report["steps"].as_array().unwrap();
    for step in steps {
        let found = if step["decision"] == "permit" { &step["decision"] } else { &step["code"] };
        assert!(step["ok"] == true && step["expected"] == *found, "{step}");
        assert!(!step["title"].as_str().unwrap().is_empty());
    }
    let denials: BTreeSet<&str> = steps.iter().filter_map(|step| step["code"].as_str()).collect();
    assert!(denials.len() >= 8, "{denials:?}");
    assert!(NAMED.iter().all(|code| denials.contains(code)), "{denials:?}");

    let decisions: Vec<&Value> = steps.iter().map(|step| &step["decision"]).collect();
    assert_eq!(decisions.first().unwrap().as_str(), Some("permit"), "a good order comes first");
    let [.., before, last] = steps.as_slice() else { panic!("{steps:?}") };
    assert_eq!(before["decision"], "permit", "the last call is good but for the revocation");
    assert_eq!((last["code"].as_str(), last["link"].as_u64()), (Some("link_revoked"), Some(1)));
}

#[test]
fn the_demo_tells_its_story_in_lines_that_fit_a_terminal() {
    let text = String::from_utf8(demo(&[]).stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for line in &lines {
        assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
    }
    let at = |wanted: &str| {
        let found: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].contains(wanted)).collect();
        *found.last().unwrap_or_else(|| panic!("no line with `{wanted}`:\n{text}"))
    };
    for code in NAMED {
        assert!(lines[at(code)].contains("denied"), "{code}");
    }
    assert!(at("link_revoked") > at("permitted"));
    assert!(lines.last().unwrap().starts_with("done in "));
    assert!(lines.last().unwrap().ends_with("nothing is left running"));
}
