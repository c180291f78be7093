//! In Rust alone, for WebAssembly: the same names as in `native.rs` and the same answers. Only public keys are here, so that
//! what one could measure of the time it takes tells nothing.

use p384::ecdsa::{Signature as P384Signature, VerifyingKey, signature::Verifier as _};
use rsa::{BoxedUint, PublicKey, pkcs1v15, pss};
use sha2::Sha256;

/// A point of P-384 that verifies.
#[derive(Clone, Debug)]
pub(crate) struct P384Key(VerifyingKey);

impl P384Key {
    /// Reads an uncompressed point.
    pub(crate) fn new(point: &[u8]) -> Option<Self> {
        VerifyingKey::from_sec1_bytes(point).ok().map(Self)
    }

    /// Whether an ES384 signature fits.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        P384Signature::from_slice(signature).is_ok_and(|signature| self.0.verify(message, &signature).is_ok())
    }
}

/// An RSA key.
#[derive(Clone, Debug)]
pub(crate) struct RsaKey(PublicKey);

impl RsaKey {
    /// Reads modulus and exponent, both big-endian and in their shortest form.
    pub(crate) fn new(n: Vec<u8>, e: Vec<u8>) -> Option<Self> {
        let (n, e) = (BoxedUint::from_be_slice_vartime(&n), BoxedUint::from_be_slice_vartime(&e));
        PublicKey::new(n, e).ok().map(Self)
    }

    /// Whether an RS256 signature fits.
    pub(crate) fn verifies_pkcs1(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = pkcs1v15::VerifyingKey::<Sha256>::new(self.0.clone());
        pkcs1v15::Signature::try_from(signature)
            .is_ok_and(|signature| key.verify(message, &signature).is_ok())
    }

    /// Whether a PS256 signature fits, with a salt as long as the digest (RFC 7518 §3.5).
    pub(crate) fn verifies_pss(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = pss::VerifyingKey::<Sha256>::new(self.0.clone());
        pss::Signature::try_from(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
    }
}
