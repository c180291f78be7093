//! The signature algorithms of cards: those that Legation signs with, and three more that others do.

use core::fmt;
use legation_keys::Algorithm;

/// A signature algorithm, as `alg` names it. `none` and the HMAC family have no value here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CardAlgorithm {
    /// Ed25519 or ES256, which Legation signs with too; keys from a DID document or a JWK set.
    Own(Algorithm),
    /// ECDSA over P-384 with SHA-384 (RFC 7518 §3.4); keys from a JWK set.
    Es384,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3); keys from a JWK set.
    Rs256,
    /// RSASSA-PSS with SHA-256 (RFC 7518 §3.5); keys from a JWK set.
    Ps256,
}

impl CardAlgorithm {
    /// Reads an `alg` header value.
    ///
    /// ```
    /// use legation_agent_card::CardAlgorithm;
    /// assert_eq!(CardAlgorithm::from_jose("PS256"), Some(CardAlgorithm::Ps256));
    /// assert_eq!(CardAlgorithm::from_jose("HS256"), None);
    /// ```
    #[must_use]
    pub fn from_jose(name: &str) -> Option<Self> {
        match name {
            "ES384" => Some(Self::Es384),
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            other => Algorithm::from_jose(other).map(Self::Own),
        }
    }

    /// The `alg` value.
    #[must_use]
    pub fn jose(self) -> &'static str {
        match self {
            Self::Own(algorithm) => algorithm.jose(),
            Self::Es384 => "ES384",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
        }
    }
}

impl fmt::Display for CardAlgorithm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.jose())
    }
}
