//! What `verify --json` says is what `schemas/verdict.schema.json` describes; the samples are in
//! `did-documents/`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "the helpers of tests may panic as tests do"
)]

use serde_json::Value;
use std::{fs, path::PathBuf, process::Command};

fn root(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn sample(name: &str) -> String {
    root("did-documents").join(name).to_str().unwrap().to_owned()
}

/// The sample presentation, verified with some more arguments.
fn verdict(more: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_legation"))
        .args([
            "verify",
            &sample("presentation.jwt"),
            "--audience",
            "did:web:shop.example",
            "--nonce",
            "sample-nonce",
        ])
        .args(["--now", "2026-11-21T10:00:30Z", "--json"])
        .args(more)
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

fn assert_valid(verdict: &Value) {
    let mut registry = jsonschema::Registry::new();
    for name in ["authority", "common", "receipt", "verdict"] {
        let text = fs::read_to_string(root("schemas").join(format!("{name}.schema.json"))).unwrap();
        let schema: Value = serde_json::from_str(&text).unwrap();
        let id = schema["$id"].as_str().unwrap().to_owned();
        registry = registry.add(id, schema).unwrap();
    }
    let registry = registry.prepare().unwrap();
    let schema = serde_json::json!({"$ref": "https://w3id.org/legation/schemas/v1/verdict.schema.json"});
    let validator = jsonschema::options().offline().with_registry(&registry).build(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(verdict).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{verdict:#}");
}

#[test]
fn every_kind_of_verdict_is_as_its_schema_says() {
    let (trust, evidence, folder) = (sample("trust.json"), sample("evidence.json"), sample(""));
    let trusted = ["--trust", &trust, "--evidence", &evidence];
    let asked = ["--action", "a2a:skill:book", "--resource", "https://shop.example/rooms/7"];
    let facts = ["--fact", "currency=EUR", "--fact", "channel=web", "--fact"];
    let (cheap, dear) = (["amount=18000"], ["amount=90000"]);
    let no_list = ["--trust", trust.as_str(), "--did-documents", folder.as_str()];
    let untrusted = ["--principal", "did:web:other.example", "--evidence", evidence.as_str(), "--explain"];
    for (arguments, decision, code) in [
        (trusted.to_vec(), "valid", None),
        ([&trusted[..], &["--explain"]].concat(), "valid", None),
        ([&trusted[..], &asked, &facts, &cheap].concat(), "permit", None),
        ([&trusted[..], &asked, &facts, &dear].concat(), "deny", Some("constraint_violated")),
        ([&trusted[..], &asked].concat(), "deny", Some("missing_fact")),
        (no_list.to_vec(), "deny", Some("status_unavailable")),
        (untrusted.to_vec(), "deny", Some("root_untrusted")),
    ] {
        let verdict = verdict(&arguments);
        assert_eq!(
            (verdict["decision"].as_str(), verdict["code"].as_str()),
            (Some(decision), code),
            "{verdict:#}"
        );
        assert_valid(&verdict);
    }
}
