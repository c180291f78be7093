//! The keys of standalone credentials: those that chains know, and those of [larger curves](crate::larger).

use crate::{
    issue::LIMITS,
    larger::{Curve, LargerKeyError, LargerPublicKey, LargerSecretKey},
};
use core::fmt;
use legation_keys::{
    Algorithm, PublicKey, SecretKey, Signer,
    json::{self, Object},
    jws::JwsError,
    public::{PublicKeyError, Signature, SignatureInvalid},
    secret::{SecretKeyError, SignError},
};

/// The algorithm of a JWS that secures a standalone credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// One that chains know.
    Chain(Algorithm),
    /// That of a larger curve.
    Larger(Curve),
}

impl KeyAlgorithm {
    /// What an `alg` stands for, or the names of all that there are.
    pub(crate) fn from_jose(alg: &str) -> Result<Self, String> {
        let larger = || Curve::ALL.into_iter().find(|curve| curve.jose() == alg).map(Self::Larger);
        Algorithm::from_jose(alg).map(Self::Chain).or_else(larger).ok_or_else(|| {
            let chain = Algorithm::ALL.map(Algorithm::jose);
            [chain.as_slice(), &Curve::ALL.map(Curve::jose)].concat().join(", ")
        })
    }

    pub(crate) fn jose(self) -> &'static str {
        match self {
            Self::Chain(algorithm) => algorithm.jose(),
            Self::Larger(curve) => curve.jose(),
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.jose())
    }
}

/// Why something is no key. It never holds any of a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is no secret key of those that chains know.
    #[error("{0}")]
    Secret(SecretKeyError),
    /// It is no public key of those that chains know.
    #[error("{0}")]
    Public(PublicKeyError),
    /// A kind of key that nobody here knows.
    #[error("`{found}` is no supported kind of key; use Ed25519, P-256, P-384 or P-521")]
    Unsupported {
        /// Its name, as far as one was given.
        found: String,
    },
    /// It says that it is of a larger curve, and is not.
    #[error("{0}")]
    Larger(#[from] LargerKeyError),
}

impl KeyError {
    fn public(error: PublicKeyError) -> Self {
        match error {
            PublicKeyError::Unsupported { found } => Self::Unsupported { found },
            other => Self::Public(other),
        }
    }
}

impl From<SecretKeyError> for KeyError {
    fn from(error: SecretKeyError) -> Self {
        match error {
            SecretKeyError::Public(error) => Self::public(error),
            other => Self::Secret(other),
        }
    }
}

/// A key that signs.
#[derive(Debug)]
pub enum SigningKey {
    /// One that chains know.
    Chain(SecretKey),
    /// One of a larger curve, which signs a JWS and makes no proof.
    Larger(LargerSecretKey),
}

impl SigningKey {
    /// Reads a private JWK: Ed25519, P-256, P-384 or P-521.
    ///
    /// # Errors
    /// [`KeyError`].
    ///
    /// ```
    /// use legation_vc_api::SigningKey;
    /// let jwk = r#"{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    ///     "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#;
    /// assert_eq!(SigningKey::from_jwk(jwk)?.algorithm().to_string(), "EdDSA");
    /// assert!(SigningKey::from_jwk(r#"{"kty": "EC", "crv": "P-384", "d": "AA"}"#).is_err());
    /// # Ok::<(), legation_vc_api::key::KeyError>(())
    /// ```
    pub fn from_jwk(text: &str) -> Result<Self, KeyError> {
        // What is no JSON is told of by what reads the keys of chains.
        let json = json::parse(text.as_bytes(), LIMITS).ok();
        let jwk = json.as_ref().and_then(|json| json.as_object());
        match jwk.and_then(|jwk| Some((Curve::of_jwk(jwk)?, jwk))) {
            Some((curve, jwk)) => Ok(Self::Larger(LargerSecretKey::from_jwk(curve, jwk)?)),
            None => Ok(Self::Chain(SecretKey::from_jwk(text)?)),
        }
    }

    /// What it signs by.
    #[must_use]
    pub fn algorithm(&self) -> KeyAlgorithm {
        match self {
            Self::Chain(key) => KeyAlgorithm::Chain(key.public_key().algorithm()),
            Self::Larger(key) => KeyAlgorithm::Larger(key.public_key().curve()),
        }
    }

    /// The public key as a Multikey.
    #[must_use]
    pub fn to_multikey(&self) -> String {
        match self {
            Self::Chain(key) => key.public_key().to_multikey(),
            Self::Larger(key) => key.public_key().to_multikey(),
        }
    }

    /// Signs a message: 64 bytes for the algorithms of chains, 96 for ES384, 132 for ES512.
    ///
    /// # Errors
    /// [`SignError`] where the library does not sign.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        match self {
            Self::Chain(key) => Ok(key.sign(message)?.to_vec()),
            Self::Larger(key) => key.sign(message),
        }
    }
}

impl From<SecretKey> for SigningKey {
    fn from(key: SecretKey) -> Self {
        Self::Chain(key)
    }
}

/// A key that verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum VerifyingKey {
    Chain(PublicKey),
    Larger(LargerPublicKey),
}

impl VerifyingKey {
    pub(crate) fn from_jwk(jwk: &Object<'_>) -> Result<Self, KeyError> {
        Ok(match Curve::of_jwk(jwk) {
            Some(curve) => Self::Larger(LargerPublicKey::from_jwk(curve, jwk)?),
            None => Self::Chain(PublicKey::from_jwk(jwk).map_err(KeyError::public)?),
        })
    }

    pub(crate) fn from_multikey(text: &str) -> Result<Self, KeyError> {
        Ok(match LargerPublicKey::from_multikey(text) {
            Some(key) => Self::Larger(key?),
            None => Self::Chain(PublicKey::from_multikey(text).map_err(KeyError::public)?),
        })
    }

    pub(crate) fn algorithm(&self) -> KeyAlgorithm {
        match self {
            Self::Chain(key) => KeyAlgorithm::Chain(key.algorithm()),
            Self::Larger(key) => KeyAlgorithm::Larger(key.curve()),
        }
    }

    /// The RFC 7638 thumbprint.
    pub(crate) fn thumbprint(&self) -> String {
        match self {
            Self::Chain(key) => key.thumbprint(),
            Self::Larger(key) => key.thumbprint(),
        }
    }

    pub(crate) fn verify(&self, message: &[u8], seal: &Seal) -> Result<(), SignatureInvalid> {
        match (self, seal) {
            (Self::Chain(key), Seal::Chain(algorithm, signature)) if key.algorithm() == *algorithm => {
                key.verify(message, signature)
            }
            (Self::Larger(key), Seal::Larger(curve, signature)) if key.curve() == *curve => {
                key.verify(message, signature)
            }
            _ => Err(SignatureInvalid),
        }
    }
}

/// A signature, and by what it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seal {
    Chain(Algorithm, Signature),
    Larger(Curve, Vec<u8>),
}

impl Seal {
    /// The signature of a JWS, as long as the algorithm has it.
    pub(crate) fn new(algorithm: KeyAlgorithm, signature: &[u8]) -> Result<Self, JwsError> {
        Ok(match algorithm {
            KeyAlgorithm::Chain(algorithm) => {
                Self::Chain(algorithm, signature.try_into().map_err(|_| JwsError::SignatureLength)?)
            }
            KeyAlgorithm::Larger(curve) => Self::Larger(curve, signature.to_vec()),
        })
    }

    pub(crate) fn algorithm(&self) -> KeyAlgorithm {
        match self {
            Self::Chain(algorithm, _) => KeyAlgorithm::Chain(*algorithm),
            Self::Larger(curve, _) => KeyAlgorithm::Larger(*curve),
        }
    }
}
