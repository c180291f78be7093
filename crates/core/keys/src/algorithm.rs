//! The signature algorithms.

use core::fmt;

/// A signature algorithm, as the `alg` header of a JWS names it.
///
/// Unknown names, `none` and the HMAC family have no value here: what cannot be
/// named cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// Ed25519, written `EdDSA` (RFC 8037 §3.1); `Ed25519` (RFC 9864 §2.2) is read as well.
    EdDsa,
    /// ECDSA over P-256 with SHA-256, written `ES256` (RFC 7518 §3.4).
    Es256,
}

impl Algorithm {
    /// Every algorithm there is.
    pub const ALL: [Self; 2] = [Self::EdDsa, Self::Es256];

    /// Reads an `alg` header value; `None` for anything Legation does not verify.
    ///
    /// ```
    /// use legation_keys::Algorithm;
    /// assert_eq!(Algorithm::from_jose("Ed25519"), Some(Algorithm::EdDsa));
    /// assert_eq!(Algorithm::from_jose("none"), None);
    /// ```
    #[must_use]
    pub fn from_jose(name: &str) -> Option<Self> {
        match name {
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            "ES256" => Some(Self::Es256),
            _ => None,
        }
    }

    /// The `alg` value that Legation writes.
    #[must_use]
    pub fn jose(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.jose())
    }
}
