//! What a proof by `eddsa-jcs-2022` is held against: the contexts it was made for begin those of the document
//! (Data Integrity EdDSA Cryptosuites 1.0 §3.3.2).

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // the helpers of a test may stop it

use legation_keys::{
    Algorithm, SecretKey,
    data_integrity::{ProofError, ProofOptions, add, hashes, proofs},
    json::{JsonLimits, parse},
};
use serde_json::{Value, json};

const LIMITS: JsonLimits = JsonLimits { bytes: 1 << 16, depth: 8 };

/// A document with a proof, whose contexts are then these.
fn contexts_after(before: Value, after: Value) -> Result<(), ProofError> {
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let text = json!({"@context": before, "name": "a letter"}).to_string();
    let document = parse(text.as_bytes(), LIMITS).unwrap();
    let options = ProofOptions {
        verification_method: "did:example:a#key",
        purpose: "assertionMethod",
        ..ProofOptions::default()
    };
    let signed = add(document.as_object().unwrap(), options, &key).unwrap();
    let mut changed: Value = serde_json::from_str(&signed).unwrap();
    changed["@context"] = after;
    let text = changed.to_string();
    let document = parse(text.as_bytes(), LIMITS).unwrap();
    let object = document.as_object().unwrap();
    let all = proofs(object).unwrap();
    hashes(object, &all, &all[0]).map(|_| ())
}

#[test]
fn a_proof_counts_only_under_the_contexts_it_was_made_for() {
    let (one, two) = ("https://a.example/1", "https://a.example/2");
    for (before, after) in
        [(json!([one]), json!([one])), (json!([one]), json!([one, two])), (json!(one), json!([one, two]))]
    {
        assert_eq!(contexts_after(before.clone(), after.clone()), Ok(()), "{before} {after}");
    }
    for (before, after) in [
        (json!([one]), json!([two])),
        (json!([one]), json!([two, one])),
        (json!([one, two]), json!([one])),
        (json!([one, two]), json!([two, one])),
        (json!([one]), json!([])),
        (json!([one]), json!(null)),
        (json!([{"a": one}]), json!([{"a": two}])),
    ] {
        assert_eq!(
            contexts_after(before.clone(), after.clone()),
            Err(ProofError::Context),
            "{before} {after}"
        );
    }
}
