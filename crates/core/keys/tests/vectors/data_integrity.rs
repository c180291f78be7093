//! The W3C's example of `eddsa-jcs-2022`, made and verified.

use crate::{Tally, cases, hex};
use legation_keys::{
    SecretKey, Signer,
    data_integrity::{ProofOptions, add, hashes, proofs, unsecured},
    json::{self, Json, JsonLimits},
    time::{self, Round},
};
use serde_json::Value;

const LIMITS: JsonLimits = JsonLimits { bytes: 1 << 16, depth: 16 };

fn fits(document: &Json<'_>, key: &SecretKey) -> bool {
    let object = document.as_object().unwrap();
    let Ok(all) = proofs(object) else { return false };
    all.iter().all(|proof| {
        let hashes = hashes(object, &all, proof);
        hashes.is_ok_and(|hashes| key.public_key().verify(&hashes, &proof.signature).is_ok())
    })
}

#[test]
fn the_example_of_eddsa_jcs_2022_is_made_and_verified() {
    let mut tally = Tally::default();
    for case in cases(include_str!("data/eddsa-jcs-2022.json")) {
        // Multicodec `ed25519-priv`, two bytes, and the seed.
        let seed = multibase::decode(case["privateKeyMultibase"].as_str().unwrap()).unwrap().1;
        let key = SecretKey::from_ed25519_seed(seed[2..].try_into().unwrap()).unwrap();
        assert_eq!(key.public_key().to_multikey(), case["publicKeyMultibase"].as_str().unwrap());
        let text = case["signed"].to_string();
        let signed = json::parse(text.as_bytes(), LIMITS).unwrap();
        let object = signed.as_object().unwrap();
        let all = proofs(object).unwrap();
        assert_eq!(unsecured(object), case["canonicalDocument"].as_str().unwrap());
        assert_eq!(hashes(object, &all, &all[0]).unwrap().as_slice(), hex(case["hashes"].as_str().unwrap()));
        assert_eq!(all[0].signature.as_slice(), hex(case["signature"].as_str().unwrap()));
        assert!(fits(&signed, &key));

        let bare = unsecured(object);
        let bare = json::parse(bare.as_bytes(), LIMITS).unwrap();
        let proof = &case["signed"]["proof"];
        let member = |name: &str| proof[name].as_str().unwrap();
        let options = ProofOptions {
            verification_method: member("verificationMethod"),
            purpose: member("proofPurpose"),
            created: time::parse(member("created"), Round::Down),
            ..ProofOptions::default()
        };
        let made: Value =
            serde_json::from_str(&add(bare.as_object().unwrap(), options, &key).unwrap()).unwrap();
        assert_eq!(made, case["signed"], "Ed25519 signs the same each time");
        tally.count("made and verified");
        changed(&case["signed"], &key);
    }
    tally.is(1, &[("made and verified", 1)]);
}

/// Each text of the document and of its proof, changed.
fn changed(signed: &Value, key: &SecretKey) {
    fn texts(value: &Value, path: &str, out: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                members.iter().for_each(|(name, value)| texts(value, &format!("{path}/{name}"), out));
            }
            Value::Array(all) => {
                all.iter().enumerate().for_each(|(at, value)| texts(value, &format!("{path}/{at}"), out));
            }
            _ => out.push(path.to_owned()),
        }
    }
    let mut paths = Vec::new();
    texts(signed, "", &mut paths);
    assert!(paths.len() > 15, "{paths:?}");
    for path in paths {
        let mut other = signed.clone();
        let text = other.pointer_mut(&path).unwrap();
        *text = format!("{}a", text.as_str().unwrap()).into();
        let other = other.to_string();
        assert!(!fits(&json::parse(other.as_bytes(), LIMITS).unwrap(), key), "{path}");
    }
}
