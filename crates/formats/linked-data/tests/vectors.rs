//! The W3C's examples of proofs over canonical RDF: one, a set, proofs that build on one another; made and verified.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test's helpers may stop it

use legation_keys::{
    PublicKey, SecretKey,
    data_integrity::{ProofOptions, proofs},
    json::{self, Json, JsonLimits},
    time::{self, Round},
};
use legation_linked_data::{
    Contexts, canonicalize,
    suite::{Suite, add, hashes},
};
use serde_json::Value;

const LIMITS: JsonLimits = JsonLimits { bytes: 1 << 16, depth: 16 };
const VECTORS: &str = include_str!("vectors.json");

fn cases() -> Vec<Value> {
    let mut file: Value = serde_json::from_str(VECTORS).unwrap();
    serde_json::from_value(file["cases"].take()).unwrap()
}

/// How many of a document's proofs fit the keys that their did:keys are.
fn fitting(document: &Json<'_>) -> Result<Vec<bool>, String> {
    let object = document.as_object().unwrap();
    let all = proofs(object).map_err(|error| error.to_string())?;
    let fits = |proof| {
        let hashes = hashes(object, &all, proof, Contexts::compiled_in()).ok()?;
        let key = PublicKey::from_multikey(proof.verification_method.rsplit_once('#')?.1).ok()?;
        key.verify(&hashes, &proof.signature).ok()
    };
    Ok(all.iter().map(|proof| fits(proof).is_some()).collect())
}

fn read(text: &str) -> Json<'_> {
    json::parse(text.as_bytes(), LIMITS).unwrap()
}

#[test]
fn every_proof_of_every_example_fits() {
    let mut counts = Vec::new();
    for case in cases() {
        let text = case["signed"].to_string();
        let fits = fitting(&read(&text)).unwrap();
        assert!(fits.iter().all(|fits| *fits), "{}: {fits:?}", case["name"]);
        counts.push(fits.len());
        if let Some(canonical) = case["canonicalDocument"].as_str() {
            let document = read(&text);
            let unsigned = Json::Object(document.as_object().unwrap().without("proof"));
            assert_eq!(
                canonicalize(&unsigned, Contexts::compiled_in()).unwrap(),
                canonical,
                "{}",
                case["name"]
            );
        }
    }
    assert_eq!(counts, [1, 1, 1, 2, 3, 4], "how many proofs each example has");
}

#[test]
fn a_proof_is_made_as_in_the_example() {
    let case = &cases()[0];
    let seed = multibase::decode(case["privateKeyMultibase"].as_str().unwrap()).unwrap().1;
    let key = SecretKey::from_ed25519_seed(seed[2..].try_into().unwrap()).unwrap();
    let mut unsigned = case["signed"].clone();
    let proof = unsigned.as_object_mut().unwrap().remove("proof").unwrap();
    let member = |name: &str| proof[name].as_str().unwrap();
    let options = ProofOptions {
        verification_method: member("verificationMethod"),
        purpose: member("proofPurpose"),
        created: time::parse(member("created"), Round::Down),
        ..ProofOptions::default()
    };
    let text = unsigned.to_string();
    let made =
        add(read(&text).as_object().unwrap(), Suite::EddsaRdfc2022, options, &key, Contexts::compiled_in())
            .unwrap();
    assert_eq!(serde_json::from_str::<Value>(&made).unwrap(), case["signed"]);
}

/// Each text of each example, changed: some proof no longer fits.
#[test]
fn nothing_of_an_example_can_be_changed() {
    fn texts(value: &Value, path: &str, out: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                members.iter().for_each(|(name, value)| {
                    texts(value, &format!("{path}/{}", name.replace('/', "~1")), out)
                });
            }
            Value::Array(all) => {
                all.iter().enumerate().for_each(|(at, value)| texts(value, &format!("{path}/{at}"), out));
            }
            _ => out.push(path.to_owned()),
        }
    }
    let mut changed = 0;
    for case in cases() {
        let mut paths = Vec::new();
        texts(&case["signed"], "", &mut paths);
        for path in paths {
            let mut other = case["signed"].clone();
            let text = other.pointer_mut(&path).unwrap();
            *text = format!("{}a", text.as_str().unwrap()).into();
            let other = other.to_string();
            let fits = fitting(&read(&other));
            assert!(fits.is_err() || fits.unwrap().contains(&false), "{}: {path}", case["name"]);
            changed += 1;
        }
    }
    assert!(changed > 100, "{changed}");
}
