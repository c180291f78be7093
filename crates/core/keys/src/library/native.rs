//! By `aws-lc-rs`, where it builds: its P-256 is the fastest there is, and it was verified.

use crate::public::Signature;
use aws_lc_rs::{
    digest,
    encoding::{AsBigEndian, AsDer, EcPrivateKeyBin},
    hmac,
    rand::{self, SystemRandom},
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, ParsedPublicKey,
    },
};
use zeroize::Zeroizing;

/// A point of P-256 that verifies.
#[derive(Clone)]
pub(crate) struct P256Key(ParsedPublicKey);

impl P256Key {
    /// Reads a point, compressed or uncompressed (SEC 1 §2.3.3).
    pub(crate) fn new(point: &[u8]) -> Option<Self> {
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok().map(Self)
    }

    /// Whether an ES256 signature fits. `sha256` is that of the message, where it was taken already.
    pub(crate) fn verifies(&self, message: &[u8], sha256: Option<&[u8; 32]>, signature: &Signature) -> bool {
        let known = sha256.and_then(|sha256| digest::Digest::import_less_safe(sha256, &digest::SHA256).ok());
        match known {
            Some(digest) => self.0.verify_digest_sig(&digest, signature).is_ok(),
            None => self.0.verify_sig(message, signature).is_ok(),
        }
    }

    /// x and y: the last 64 bytes of the key's SubjectPublicKeyInfo, which holds it uncompressed (RFC 5480 §2.2).
    pub(crate) fn coordinates(&self) -> Option<([u8; 32], [u8; 32])> {
        let info = self.0.as_der().ok()?;
        let (x, y) = info.as_ref().last_chunk::<64>()?.split_first_chunk::<32>()?;
        Some((*x, *y.first_chunk::<32>()?))
    }
}

/// A secret key of P-256.
pub(crate) struct P256Pair(EcdsaKeyPair);

impl P256Pair {
    /// A new one from the system's random source.
    pub(crate) fn generate() -> Option<Self> {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok().map(Self)
    }

    /// From the scalar and the uncompressed point that belongs to it.
    pub(crate) fn from_parts(scalar: &[u8; 32], point: &[u8]) -> Option<Self> {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, point).ok().map(Self)
    }

    /// The public point, uncompressed.
    pub(crate) fn point(&self) -> Vec<u8> {
        self.0.public_key().as_ref().to_vec()
    }

    /// The scalar.
    pub(crate) fn scalar(&self) -> Option<Zeroizing<Vec<u8>>> {
        let scalar: EcPrivateKeyBin<'_> = self.0.private_key().as_be_bytes().ok()?;
        Some(Zeroizing::new(scalar.as_ref().to_vec()))
    }

    /// Signs by ES256.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Signature> {
        let signature = self.0.sign(&SystemRandom::new(), message).ok()?;
        Signature::try_from(signature.as_ref()).ok()
    }
}

/// SHA-512 of what comes in pieces.
pub(crate) struct Sha512(digest::Context);

impl Sha512 {
    pub(crate) fn new() -> Self {
        Self(digest::Context::new(&digest::SHA512))
    }

    pub(crate) fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    pub(crate) fn finish(self) -> [u8; 64] {
        let mut bytes = [0; 64];
        for (to, from) in bytes.iter_mut().zip(self.0.finish().as_ref()) {
            *to = *from;
        }
        bytes
    }
}

/// HMAC-SHA256 (RFC 2104).
pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message);
    for (to, from) in bytes.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    bytes
}

/// Whether a tag is that of the message, in constant time.
pub(crate) fn hmac_sha256_fits(key: &[u8], message: &[u8], tag: &[u8]) -> bool {
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, key), message, tag).is_ok()
}

/// Random bytes from the system.
pub(crate) fn fill_random(bytes: &mut [u8]) -> Option<()> {
    rand::fill(bytes).ok()
}
