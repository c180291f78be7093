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
    assert_valid_as("", verdict);
}

/// Against the schema, or a part of it: `#/$defs/remedy`.
fn assert_valid_as(part: &str, verdict: &Value) {
    let mut registry = jsonschema::Registry::new();
    for name in ["approval", "authority", "common", "receipt", "verdict"] {
        let text = fs::read_to_string(root("schemas").join(format!("{name}.schema.json"))).unwrap();
        let schema: Value = serde_json::from_str(&text).unwrap();
        let id = schema["$id"].as_str().unwrap().to_owned();
        registry = registry.add(id, schema).unwrap();
    }
    let registry = registry.prepare().unwrap();
    let id = format!("https://w3id.org/legation/schemas/v1/verdict.schema.json{part}");
    let schema = serde_json::json!({ "$ref": id });
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
    let dear_told = ["amount=90000", "--explain"];
    let untrusted = ["--principal", "did:web:other.example", "--evidence", evidence.as_str(), "--explain"];
    for (arguments, decision, code) in [
        (trusted.to_vec(), "valid", None),
        ([&trusted[..], &["--explain"]].concat(), "valid", None),
        ([&trusted[..], &asked, &facts, &cheap].concat(), "permit", None),
        ([&trusted[..], &asked, &facts, &dear].concat(), "deny", Some("constraint_violated")),
        ([&trusted[..], &asked, &facts, &dear_told].concat(), "deny", Some("constraint_violated")),
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

#[test]
fn every_remedy_is_as_its_schema_says() {
    let mut kinds = std::collections::BTreeMap::new();
    for vector in legation_tests::load_all().unwrap() {
        for remedy in legation_tests::explain(&vector).into_iter().filter_map(|told| told.remedy) {
            let json = remedy.to_json();
            for change in json["changes"].as_array().unwrap() {
                kinds.entry(change["what"].as_str().unwrap().to_owned()).or_insert_with(|| json.clone());
            }
            // Each schema takes a while to compile; one remedy of a kind will do, and all that say more.
            if json["changes"].as_array().unwrap().len() > 1 {
                kinds.insert(vector.name.clone(), json);
            }
        }
    }
    let all: Vec<Value> = kinds.into_values().collect();
    assert!(all.len() > 16, "{} remedies", all.len());
    all.iter().for_each(|remedy| assert_valid_as("#/$defs/remedy", remedy));
}
