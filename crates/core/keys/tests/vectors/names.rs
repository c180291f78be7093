//! The names of keys: the did:key vectors, and the multibase ones that are no names.

use crate::{Tally, cases, hex};
use legation_keys::{Algorithm, PublicKey, SecretKey, Signer, public::PublicKeyError};

/// Ed25519 and P-256 are read, and written as they were; each other kind is refused as one that is not
/// supported.
#[test]
fn did_key_vectors_are_read_and_written() {
    let mut tally = Tally::default();
    for case in cases(include_str!("data/did-key.json")) {
        let text = case["multikey"].as_str().unwrap();
        let key = match PublicKey::from_multikey(text) {
            Ok(key) => key,
            Err(PublicKeyError::Unsupported { .. }) => {
                tally.count(format!("unsupported {}", case["set"].as_str().unwrap()));
                continue;
            }
            // Longer than the longest name of a key that is read here.
            Err(PublicKeyError::Multibase) if text.len() > 128 => {
                tally.count(format!("too long {}", case["set"].as_str().unwrap()));
                continue;
            }
            Err(other) => panic!("{text}: {other}"),
        };
        tally.count(key.algorithm().jose());
        assert_eq!(key.to_multikey(), text);
        if let Some(seed) = case["seed"].as_str() {
            let secret = SecretKey::from_ed25519_seed(hex(seed).as_slice().try_into().unwrap()).unwrap();
            assert_eq!(secret.public_key(), &key);
        }
        if case["jwk"].is_object() {
            let (ours, mut published) = (key.to_jwk(), case["jwk"].clone());
            published.as_object_mut().unwrap().retain(|name, _| ours.get(name).is_some());
            assert_eq!(ours, published);
        }
        if let Some(text) = case["base58"].as_str() {
            let bytes = multibase::decode(format!("z{text}")).unwrap().1;
            let again = match key.algorithm() {
                Algorithm::EdDsa => PublicKey::from_ed25519(bytes.as_slice().try_into().unwrap()),
                Algorithm::Es256 => PublicKey::from_p256(&bytes),
            };
            assert_eq!(again.unwrap(), key);
        }
    }
    tally.is(
        30,
        &[
            ("EdDSA", 5),
            ("ES256", 3),
            ("too long bls12381", 6),
            ("too long rsa", 2),
            ("unsupported nist-curves", 4),
            ("unsupported secp256k1", 6),
            ("unsupported x25519", 4),
        ],
    );
}

/// Texts in 24 bases, of which none names a key: most for their base, those in base58btc for their content.
#[test]
#[ignore = "needs ../shared/vectors/multibase, which has no licence to be kept here under"]
fn multibase_vectors_name_no_key() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared/vectors/multibase/tests");
    let mut tally = Tally::default();
    for file in ["basic", "case_insensitivity", "leading_zero", "two_leading_zeros"] {
        let text = std::fs::read_to_string(format!("{folder}/{file}.csv")).unwrap();
        for line in text.lines().skip(1).filter(|line| !line.is_empty()) {
            let (base, value) = line.split_once(',').unwrap();
            let value = value.trim().trim_matches('"');
            match PublicKey::from_multikey(value) {
                Err(PublicKeyError::Multibase) => tally.count("not base58btc"),
                Err(PublicKeyError::Unsupported { .. }) if base == "base58btc" => tally.count("no key"),
                other => panic!("{line}: {other:?}"),
            }
        }
    }
    tally.is(81, &[("no key", 3), ("not base58btc", 78)]);
}
