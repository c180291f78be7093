//! What attackers do to bytes and signatures.

use super::actors::{self, Actor};
use curve25519_dalek::scalar::Scalar;
use flate2::{Compression, write::GzEncoder};
use legation_keys::{Signer, base64url};
use sha2::{Digest, Sha256, Sha512};
use std::io::Write;

/// The order of Ed25519's base point, little-endian (RFC 8032 §5.1).
const ED25519_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// The order of P-256's base point, big-endian (SEC 2 §2.4.2).
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The point of order one: an Ed25519 "key" under which lenient verifiers accept anything.
pub(crate) const IDENTITY: [u8; 32] =
    [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// (R, S) → (R, S + L): the same equation, another encoding.
pub(crate) fn ed25519_plus_order(signature: &str) -> String {
    let mut bytes = base64url::decode(signature).unwrap();
    let mut carry = 0;
    for (byte, order) in bytes[32..].iter_mut().zip(ED25519_ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    base64url::encode(&bytes)
}

/// A signature whose R is the point of order one, which only the key's holder can make: it
/// verifies where small orders are not looked for.
pub(crate) fn ed25519_small_order(name: &str, message: &[u8]) -> Vec<u8> {
    let mut secret: [u8; 32] = Sha512::digest(actors::seed(name))[..32].try_into().unwrap();
    secret[0] &= 248;
    secret[31] = secret[31] & 127 | 64;
    let jwk = actors::agent(name).jwk();
    let public = base64url::decode(jwk["x"].as_str().unwrap()).unwrap();
    let challenge: [u8; 64] = Sha512::digest([IDENTITY.as_slice(), &public, message].concat()).into();
    let s = Scalar::from_bytes_mod_order_wide(&challenge) * Scalar::from_bytes_mod_order(secret);
    [IDENTITY, s.to_bytes()].concat()
}

/// R the point of order one and S zero: under a key of order one it verifies every message.
pub(crate) fn ed25519_universal() -> Vec<u8> {
    [IDENTITY, [0; 32]].concat()
}

/// (r, s) → (r, n − s): valid as well, and another link digest.
pub(crate) fn p256_negate(signature: &str) -> String {
    let mut bytes = base64url::decode(signature).unwrap();
    let mut borrow = 0;
    for (byte, order) in bytes[32..].iter_mut().zip(P256_ORDER).rev() {
        let difference = i16::from(order) - i16::from(*byte) - borrow;
        borrow = i16::from(difference < 0);
        *byte = difference.to_le_bytes()[0];
    }
    base64url::encode(&bytes)
}

/// HMAC-SHA256 (RFC 2104) with a public key for a secret.
pub(crate) fn hmac_with_public_key(actor: &Actor, message: &[u8]) -> Vec<u8> {
    let jwk = actor.key.public_key().to_jwk();
    let mut key = base64url::decode(jwk["x"].as_str().unwrap()).unwrap();
    key.resize(64, 0);
    let pad = |with: u8| key.iter().map(|byte| byte ^ with).collect::<Vec<u8>>();
    let inner = Sha256::digest([pad(0x36).as_slice(), message].concat());
    Sha256::digest([pad(0x5c).as_slice(), &inner].concat()).to_vec()
}

/// The `encodedList` of so many zero bytes.
pub(crate) fn gzip_of_zeros(bytes: usize) -> String {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; bytes]).unwrap();
    format!("u{}", base64url::encode(&encoder.finish().unwrap()))
}

/// The `encodedList` of so many zero bytes in each member of a GZIP.
pub(crate) fn gzip_of_members(bytes: &[usize]) -> String {
    let member = |bytes: &usize| base64url::decode(&gzip_of_zeros(*bytes)[1..]).unwrap();
    format!("u{}", base64url::encode(&bytes.iter().flat_map(member).collect::<Vec<u8>>()))
}

/// That of so many zero bytes without its last eight, which hold checksum and length.
pub(crate) fn gzip_cut_off(bytes: usize) -> String {
    let whole = base64url::decode(&gzip_of_zeros(bytes)[1..]).unwrap();
    format!("u{}", base64url::encode(&whole[..whole.len() - 8]))
}

/// The did:key of any multicodec, also of such as are not supported.
pub(crate) fn did_key(multicodec: [u8; 2], key: &[u8]) -> String {
    let bytes = [multicodec.as_slice(), key].concat();
    format!("did:key:{}", multibase::encode(multibase::Base::Base58Btc, bytes))
}

/// Pairs of a text and how often it stands, where the middle of a long text repeats itself.
pub(crate) fn runs(text: &str) -> Option<Vec<(String, usize)>> {
    const LONG: usize = 4096;
    let bytes = text.as_bytes();
    let middle = bytes.len() / 2;
    let sample = bytes.get(middle..middle + 256).filter(|_| bytes.len() > LONG)?;
    let period =
        (1..4096).find(|period| bytes.get(middle + period..middle + period + 256) == Some(sample))?;
    let start = (0..middle).rev().find(|at| bytes[*at] != bytes[at + period]).map_or(0, |at| at + 1);
    let end = (middle..bytes.len() - period).find(|at| bytes[*at] != bytes[at + period]);
    let end = end.map_or(bytes.len(), |at| at + period);
    let times = (end - start) / period;
    if times * period < LONG / 2 {
        return None;
    }
    let rest = start + times * period;
    let all = [
        (text[..start].to_owned(), 1),
        (text[start..start + period].to_owned(), times),
        (text[rest..].to_owned(), 1),
    ];
    Some(all.into_iter().filter(|(text, _)| !text.is_empty()).collect())
}
