//! One signature, verified in every way that there is: all must agree.

use legation_keys::{PublicKey, SecretKey, Signer, public::Signed, verify_all};

/// The verdict on one signature, which verifying it among honest ones must repeat.
pub(crate) fn verdict(key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> bool {
    let one = Signed { key, message, sha256: None, signature };
    let alone = key.verify(message, signature).is_ok();
    let honest = SecretKey::from_ed25519_seed(&[9; 32]).unwrap();
    let by_honest = honest.sign(b"honest").unwrap();
    let other = Signed { key: honest.public_key(), message: b"honest", sha256: None, signature: &by_honest };
    for place in 0..4 {
        let mut all = [other; 4];
        all[place] = one;
        let wanted = if alone { Ok(()) } else { Err(place) };
        assert_eq!(verify_all(&all), wanted, "among others, at {place}");
    }
    assert_eq!(verify_all(&[one]).is_ok(), alone);
    let prepared = key.prepared();
    assert_eq!(&prepared, key);
    assert_eq!(prepared.verify(message, signature).is_ok(), alone, "with a table");
    assert_eq!(
        verify_all(&[Signed { key: &prepared, ..one }, other]).is_ok(),
        alone,
        "with a table, among others"
    );
    // Two that would cancel each other out, were the coefficients 1.
    assert_eq!(verify_all(&[one; 8]).is_ok(), alone);
    alone
}
