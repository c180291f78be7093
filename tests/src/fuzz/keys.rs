//! Signatures: one by one and all at once give the same answer, whatever was done to them.

use super::{actors::ACTORS, choices::Choices};
use curve25519_dalek::{constants::EIGHT_TORSION, edwards::CompressedEdwardsY, scalar::Scalar};
use legation_keys::{
    PublicKey, Signer,
    public::{Signature, Signed},
    verify_all,
};
use sha2::Digest as _;

/// Up to eight signatures over short messages by few keys, each perhaps bent: bits, S plus the group's
/// order, R plus a point of small order, R or key of small order, another's signature, another message.
pub fn keys(data: &[u8]) {
    let mut choices = Choices::new(data);
    let count = 1 + choices.below(8);
    let mut all: Vec<(PublicKey, Vec<u8>, Signature)> = Vec::new();
    for _ in 0..count {
        let actor = &ACTORS[choices.below(ACTORS.len())];
        let mut message = choices.bytes().to_vec();
        let mut signature = actor.key.sign(&message).unwrap();
        let mut key = actor.key.public_key().clone();
        match choices.below(12) {
            1 => signature[choices.below(64)] ^= 1 << choices.below(8),
            2 => message.push(choices.byte()),
            3 => add_order(&mut signature),
            4 => add_torsion(&mut signature, choices.below(8)),
            5 => signature[..32].copy_from_slice(&EIGHT_TORSION[choices.below(8)].compress().to_bytes()),
            6 => key = ACTORS[choices.below(ACTORS.len())].key.public_key().clone(),
            7 => signature[32..].fill(choices.byte()),
            8 => signature[..32].fill(choices.byte()),
            9 => signature = all.last().map_or(signature, |(_, _, last)| *last),
            10 => key = key.prepared(),
            11 => {
                let bytes = choices.bytes();
                let taken = bytes.len().min(64);
                signature[..taken].copy_from_slice(&bytes[..taken]);
            }
            _ => {}
        }
        all.push((key, message, signature));
    }
    let signed: Vec<Signed<'_>> = all
        .iter()
        .map(|(key, message, signature)| Signed { key, message, sha256: None, signature })
        .collect();
    let single: Vec<bool> =
        signed.iter().map(|one| one.key.verify(one.message, one.signature).is_ok()).collect();
    let expected = single.iter().position(|fits| !fits).map_or(Ok(()), Err);
    assert_eq!(verify_all(&signed), expected, "{single:?}");
    for (one, fits) in signed.iter().zip(single) {
        // A table gives the same answer, and so does the batch of one.
        assert_eq!(one.key.prepared().verify(one.message, one.signature).is_ok(), fits);
        assert_eq!(verify_all(&[*one]).is_ok(), fits);
        let sha256 = sha2::Sha256::digest(one.message).into();
        assert_eq!(verify_all(&[Signed { sha256: Some(&sha256), ..*one }]).is_ok(), fits);
        assert!(!fits || by_dalek(one), "accepted what lenient Ed25519 refuses");
    }
    raw_key(data);
}

/// The equation with the cofactor, written down once more.
fn by_dalek(one: &Signed<'_>) -> bool {
    use sha2::Sha512;
    let multikey = one.key.to_multikey();
    if !multikey.starts_with("z6Mk") {
        return true;
    }
    let jwk = one.key.to_jwk();
    let public = legation_keys::base64url::decode(jwk["x"].as_str().unwrap()).unwrap();
    let point = |bytes: &[u8]| CompressedEdwardsY(bytes.try_into().unwrap()).decompress();
    let (r, s) = one.signature.split_at(32);
    let hash: [u8; 64] = Sha512::digest([r, &public, one.message].concat()).into();
    let (Some(a), Some(r)) = (point(&public), point(r)) else { return false };
    let s = Scalar::from_bytes_mod_order(s.try_into().unwrap());
    let k = Scalar::from_bytes_mod_order_wide(&hash);
    let difference = curve25519_dalek::EdwardsPoint::mul_base(&s) - r - k * a;
    difference.mul_by_cofactor() == curve25519_dalek::EdwardsPoint::default()
}

/// S plus the order of the base point (RFC 8032 §5.1): the same equation, not canonical.
fn add_order(signature: &mut Signature) {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
}

fn add_torsion(signature: &mut Signature, index: usize) {
    let r: [u8; 32] = signature[..32].try_into().unwrap();
    if let Some(point) = CompressedEdwardsY(r).decompress() {
        signature[..32].copy_from_slice(&(point + EIGHT_TORSION[index]).compress().to_bytes());
    }
}

/// A key that is read is written as the same bytes.
fn raw_key(data: &[u8]) {
    if let Some(bytes) = data.first_chunk::<32>()
        && let Ok(key) = PublicKey::from_ed25519(bytes)
    {
        let jwk = key.to_jwk();
        let written = legation_keys::base64url::decode(jwk["x"].as_str().unwrap()).unwrap();
        assert_eq!(written, bytes, "two encodings of one key");
    }
    if let Ok(key) = PublicKey::from_p256(data) {
        assert!(matches!(data.len(), 33 | 65));
        assert_eq!(PublicKey::from_multikey(&key.to_multikey()).as_ref(), Ok(&key));
    }
}
