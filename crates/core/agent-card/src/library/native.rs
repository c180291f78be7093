//! By `aws-lc-rs`, where it builds.

use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents,
};

/// A point of P-384 that verifies.
#[derive(Clone, Debug)]
pub(crate) struct P384Key(ParsedPublicKey);

impl P384Key {
    /// Reads an uncompressed point.
    pub(crate) fn new(point: &[u8]) -> Option<Self> {
        ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).ok().map(Self)
    }

    /// Whether an ES384 signature fits.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.verify_sig(message, signature).is_ok()
    }
}

/// An RSA key, parsed for each of the two paddings.
#[derive(Clone, Debug)]
pub(crate) struct RsaKey {
    pkcs1: ParsedPublicKey,
    pss: ParsedPublicKey,
}

impl RsaKey {
    /// Reads modulus and exponent, both big-endian and in their shortest form.
    pub(crate) fn new(n: Vec<u8>, e: Vec<u8>) -> Option<Self> {
        let components = RsaPublicKeyComponents { n, e };
        Some(Self {
            pkcs1: components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).ok()?,
            pss: components.to_parsed_public_key(&RSA_PSS_2048_8192_SHA256).ok()?,
        })
    }

    /// Whether an RS256 signature fits.
    pub(crate) fn verifies_pkcs1(&self, message: &[u8], signature: &[u8]) -> bool {
        self.pkcs1.verify_sig(message, signature).is_ok()
    }

    /// Whether a PS256 signature fits, with a salt as long as the digest (RFC 7518 §3.5).
    pub(crate) fn verifies_pss(&self, message: &[u8], signature: &[u8]) -> bool {
        self.pss.verify_sig(message, signature).is_ok()
    }
}
