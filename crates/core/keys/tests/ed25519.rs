//! One rule for one signature and for many: the published edge cases, and what somebody who holds the
//! secret key can craft with points of small order.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod verdict;

use curve25519_dalek::{
    EdwardsPoint, Scalar,
    constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION},
};
use ed25519_dalek::VerifyingKey;
use legation_keys::{Algorithm, PublicKey, SecretKey, Signer, public::Signed, verify_all};
use proptest::prelude::*;
use sha2::{Digest, Sha512};
use verdict::verdict;

fn hex<const N: usize>(text: &str) -> [u8; N] {
    data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).unwrap().try_into().unwrap()
}

/// `Taming the many EdDSAs` (Chalkias, Garillot, Nikolaenko, 2020), table 5, from ed25519-speccheck.
/// Small orders, second encodings and S beyond the group order are refused; 3 to 5 hold with the cofactor.
#[test]
fn the_published_edge_cases_are_decided_by_the_one_rule() {
    let cases: serde_json::Value = serde_json::from_str(include_str!("ed25519-speccheck.json")).unwrap();
    let mut accepted = Vec::new();
    for (index, case) in cases.as_array().unwrap().iter().enumerate() {
        let text = |name: &str| case[name].as_str().unwrap();
        let message = data_encoding::HEXLOWER_PERMISSIVE.decode(text("message").as_bytes()).unwrap();
        let Ok(key) = PublicKey::from_ed25519(&hex(text("pub_key"))) else { continue };
        if verdict(&key, &message, &hex(text("signature"))) {
            accepted.push(index);
        }
    }
    assert_eq!(cases.as_array().unwrap().len(), 12);
    assert_eq!(accepted, [3, 4, 5]);
}

/// Signs as the holder of a secret scalar, with a point of small order added to key and nonce.
fn crafted(a: Scalar, r: Scalar, key_torsion: usize, nonce_torsion: usize) -> ([u8; 32], [u8; 64]) {
    let key: EdwardsPoint = ED25519_BASEPOINT_POINT * a + EIGHT_TORSION[key_torsion];
    let nonce: EdwardsPoint = ED25519_BASEPOINT_POINT * r + EIGHT_TORSION[nonce_torsion];
    let (key, nonce) = (key.compress().to_bytes(), nonce.compress().to_bytes());
    let hash: [u8; 64] =
        Sha512::new_with_prefix(nonce).chain_update(key).chain_update(b"crafted").finalize().into();
    let s = r + Scalar::from_bytes_mod_order_wide(&hash) * a;
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&nonce);
    signature[32..].copy_from_slice(s.as_bytes());
    (key, signature)
}

#[test]
fn a_signature_with_torsion_gets_the_same_answer_alone_and_among_others() {
    let (a, r) = (Scalar::from(1_234_567_u64), Scalar::from(7_654_321_u64));
    let mut differs_from_strict = 0;
    for key_torsion in 0..8 {
        for nonce_torsion in 0..8 {
            let (key, signature) = crafted(a, r, key_torsion, nonce_torsion);
            let public = PublicKey::from_ed25519(&key).unwrap();
            assert!(verdict(&public, b"crafted", &signature), "{key_torsion} {nonce_torsion}");
            assert!(!verdict(&public, b"another", &signature));
            let strict = VerifyingKey::from_bytes(&key).unwrap();
            let signature = ed25519_dalek::Signature::from_bytes(&signature);
            differs_from_strict += usize::from(strict.verify_strict(b"crafted", &signature).is_err());
        }
    }
    // What the cofactor is for: most of these hold for some verifiers only.
    assert!(differs_from_strict > 32, "{differs_from_strict}");
}

#[test]
fn errors_that_cancel_each_other_out_are_found() {
    // s + 1 in one, s − 1 in the other: their plain sum would hold.
    let keys: Vec<SecretKey> =
        (1..=2).map(|seed| SecretKey::from_ed25519_seed(&[seed; 32]).unwrap()).collect();
    let shifted = |key: &SecretKey, by: Scalar| {
        let mut signature = key.sign(b"m").unwrap();
        let s = Scalar::from_canonical_bytes(signature[32..].try_into().unwrap()).unwrap() + by;
        signature[32..].copy_from_slice(s.as_bytes());
        signature
    };
    let (up, down) = (shifted(&keys[0], Scalar::ONE), shifted(&keys[1], -Scalar::ONE));
    let signed = |index: usize, signature| Signed {
        key: keys[index].public_key(),
        message: b"m",
        sha256: None,
        signature,
    };
    assert_eq!(verify_all(&[signed(0, &up), signed(1, &down)]), Err(0));
    assert_eq!(verify_all(&[signed(1, &down), signed(0, &up)]), Err(0));
}

proptest! {
    #[test]
    fn many_are_decided_as_each(
        algorithms in proptest::collection::vec(any::<bool>(), 0..9),
        broken in proptest::collection::vec(0_usize..9, 0..3),
        bit in 0_usize..512,
    ) {
        let kind = |edwards: bool| if edwards { Algorithm::EdDsa } else { Algorithm::Es256 };
        let keys: Vec<SecretKey> = algorithms.iter().map(|one| SecretKey::generate(kind(*one)).unwrap()).collect();
        let mut signatures: Vec<[u8; 64]> = keys.iter().map(|key| key.sign(b"message").unwrap()).collect();
        for index in &broken {
            if let Some(signature) = signatures.get_mut(*index) {
                signature[bit / 8] ^= 1 << (bit % 8);
            }
        }
        let all: Vec<Signed<'_>> = keys
            .iter()
            .zip(&signatures)
            .map(|(key, signature)| Signed { key: key.public_key(), message: b"message", sha256: None, signature })
            .collect();
        let first = all.iter().position(|one| one.key.verify(one.message, one.signature).is_err());
        prop_assert_eq!(verify_all(&all).err(), first);
        for (one, secret) in all.iter().zip(&keys) {
            // Of what an ordinary signer makes and anybody changes, every rule says the same.
            if secret.public_key().algorithm() == Algorithm::EdDsa {
                let jwk = one.key.to_jwk();
                let bytes = legation_keys::base64url::decode_array(jwk["x"].as_str().unwrap()).unwrap();
                let strict = VerifyingKey::from_bytes(&bytes).unwrap();
                let signature = ed25519_dalek::Signature::from_bytes(one.signature);
                prop_assert_eq!(
                    strict.verify_strict(one.message, &signature).is_ok(),
                    one.key.verify(one.message, one.signature).is_ok()
                );
            }
        }
    }
}
