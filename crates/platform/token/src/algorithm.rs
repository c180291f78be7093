//! The signature algorithms of tokens. Each key is for one of them, by the `alg` of its JWK; `none` and HMACs have no value
//! here, so that nothing can be taken for a secret that is a public key (RFC 8725 §2.1).

use core::fmt;
use legation_agent_card::CardAlgorithm;
use legation_keys::Algorithm;

/// A signature algorithm of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenAlgorithm {
    /// Ed25519 (RFC 8037 §3.1).
    EdDsa,
    /// ECDSA over P-256 with SHA-256 (RFC 7518 §3.4).
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3), which every reader of access tokens knows (RFC 9068 §4).
    Rs256,
}

impl TokenAlgorithm {
    /// All of them; the one that is taken where nobody asks for another comes first.
    pub const ALL: [Self; 3] = [Self::Es256, Self::EdDsa, Self::Rs256];

    /// Reads an `alg`. `Ed25519` (RFC 9864) is the same as `EdDSA` here.
    ///
    /// ```
    /// use legation_token::TokenAlgorithm;
    /// assert_eq!(TokenAlgorithm::from_jose("RS256"), Some(TokenAlgorithm::Rs256));
    /// assert_eq!(TokenAlgorithm::from_jose("HS256"), None);
    /// assert_eq!(TokenAlgorithm::from_jose("none"), None);
    /// ```
    #[must_use]
    pub fn from_jose(name: &str) -> Option<Self> {
        match (name, Algorithm::from_jose(name)) {
            ("RS256", _) => Some(Self::Rs256),
            (_, Some(Algorithm::EdDsa)) => Some(Self::EdDsa),
            (_, Some(Algorithm::Es256)) => Some(Self::Es256),
            _ => None,
        }
    }

    /// The `alg` that is written.
    #[must_use]
    pub fn jose(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// The same as a reader of JWK sets has it.
    pub(crate) fn card(self) -> CardAlgorithm {
        match self {
            Self::EdDsa => CardAlgorithm::Own(Algorithm::EdDsa),
            Self::Es256 => CardAlgorithm::Own(Algorithm::Es256),
            Self::Rs256 => CardAlgorithm::Rs256,
        }
    }
}

impl fmt::Display for TokenAlgorithm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.jose())
    }
}
