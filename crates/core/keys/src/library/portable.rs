//! In Rust alone, for WebAssembly, where `aws-lc-rs` would need a C compiler of its own. The same names as in `native.rs`
//! and the same answers, which the corpus is held to on both sides.

#[path = "jacobian.rs"]
mod jacobian;

use crate::public::Signature;
use hmac::{Hmac, KeyInit as _, Mac as _};
use p256::{
    Sec1Point,
    ecdsa::{Signature as P256Signature, SigningKey, VerifyingKey, signature::Signer as _},
};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// A point of P-256 that verifies.
#[derive(Clone)]
pub(crate) struct P256Key(VerifyingKey);

impl P256Key {
    /// Reads a point, compressed or uncompressed (SEC 1 §2.3.3).
    pub(crate) fn new(point: &[u8]) -> Option<Self> {
        VerifyingKey::from_sec1_bytes(point).ok().map(Self)
    }

    /// Whether an ES256 signature fits. `sha256` is that of the message, where it was taken already.
    pub(crate) fn verifies(&self, message: &[u8], sha256: Option<&[u8; 32]>, signature: &Signature) -> bool {
        match sha256 {
            Some(digest) => jacobian::verifies(&self.0, digest, signature),
            None => jacobian::verifies(&self.0, &Sha256::digest(message).into(), signature),
        }
    }

    /// x and y.
    pub(crate) fn coordinates(&self) -> Option<([u8; 32], [u8; 32])> {
        let point: Sec1Point = self.0.to_sec1_point(false);
        let (x, y) = point.as_bytes().last_chunk::<64>()?.split_first_chunk::<32>()?;
        Some((*x, *y.first_chunk::<32>()?))
    }
}

/// A secret key of P-256.
pub(crate) struct P256Pair(SigningKey);

impl P256Pair {
    /// A new one from the system's random source.
    pub(crate) fn generate() -> Option<Self> {
        // Of 2³² scalars one is none.
        for _ in 0..4 {
            let mut scalar = Zeroizing::new([0; 32]);
            fill_random(scalar.as_mut_slice())?;
            if let Ok(key) = SigningKey::from_slice(scalar.as_slice()) {
                return Some(Self(key));
            }
        }
        None
    }

    /// From the scalar and the uncompressed point that belongs to it.
    pub(crate) fn from_parts(scalar: &[u8; 32], point: &[u8]) -> Option<Self> {
        let pair = Self(SigningKey::from_slice(scalar).ok()?);
        (pair.point() == point).then_some(pair)
    }

    /// The public point, uncompressed.
    pub(crate) fn point(&self) -> Vec<u8> {
        self.0.verifying_key().to_sec1_point(false).as_bytes().to_vec()
    }

    /// The scalar.
    pub(crate) fn scalar(&self) -> Option<Zeroizing<Vec<u8>>> {
        Some(Zeroizing::new(Zeroizing::new(self.0.to_bytes()).to_vec()))
    }

    /// Signs by ES256, with the nonce of RFC 6979.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Signature> {
        let signature: P256Signature = self.0.try_sign(message).ok()?;
        Signature::try_from(signature.to_bytes().as_slice()).ok()
    }
}

/// SHA-512 of what comes in pieces.
pub(crate) struct Sha512(sha2::Sha512);

impl Sha512 {
    pub(crate) fn new() -> Self {
        Self(sha2::Sha512::new())
    }

    pub(crate) fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    pub(crate) fn finish(self) -> [u8; 64] {
        self.0.finalize().into()
    }
}

/// HMAC takes a key of any length (RFC 2104 §2), so that there is always one.
fn hmac(key: &[u8], message: &[u8]) -> Option<Hmac<Sha256>> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    hmac.update(message);
    Some(hmac)
}

/// HMAC-SHA256 (RFC 2104).
pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    hmac(key, message).map(|hmac| hmac.finalize().into_bytes().into()).unwrap_or_default()
}

/// Whether a tag is that of the message, in constant time.
pub(crate) fn hmac_sha256_fits(key: &[u8], message: &[u8], tag: &[u8]) -> bool {
    hmac(key, message).is_some_and(|hmac| hmac.verify_slice(tag).is_ok())
}

/// Random bytes from `crypto.getRandomValues`.
pub(crate) fn fill_random(bytes: &mut [u8]) -> Option<()> {
    getrandom::fill(bytes).ok()
}
