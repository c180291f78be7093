//! A JWK set that the caller supplies (RFC 7517 §5), for cards whose signer has no DID.
//!
//! Where it comes from is the caller's decision, from its own trust: nothing in a card, `jku`
//! least of all, may name it.

use crate::{
    CardAlgorithm,
    error::shorten,
    library::{P384Key, RsaKey},
};
use legation_keys::{
    Json, PublicKey, base64url,
    json::{self, JsonError, JsonLimits, Object},
    public::{PublicKeyError, Signature},
};

/// Bounds on a set.
pub const LIMITS: JsonLimits = JsonLimits { bytes: 64 * 1024, depth: 8 };
/// Most keys of a set.
pub const MAX_KEYS: usize = 64;
/// Most keys of one `kid`, which a set may have as alternatives of one another (RFC 7517 §4.5).
pub const MAX_ALTERNATIVES: usize = 4;
/// The sizes of RSA keys that are used, in bits: below is too weak, above too slow to verify for
/// somebody who asks uninvited.
pub const RSA_BITS: core::ops::RangeInclusive<usize> = 2048..=4096;

/// Public keys by their `kid`. A key without one, or of a kind that is not supported, is skipped when
/// the set is read (RFC 7517 §5) and named when it is asked for.
#[derive(Clone, Debug)]
pub struct JwkSet {
    keys: Vec<(String, Result<Key, JwkError>)>,
}

/// Why bytes are not a JWK set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwkSetError {
    /// Not strict JSON.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// No object with an array of objects in `keys`.
    #[error("a JWK set is an object with an array of objects in `keys`")]
    Shape,
    /// More keys than [`MAX_KEYS`].
    #[error("more than {MAX_KEYS} keys")]
    TooMany,
    /// More keys of one `kid` than [`MAX_ALTERNATIVES`]: each is tried for a signature that names them.
    #[error("more than {MAX_ALTERNATIVES} keys have the `kid` `{id}`")]
    DuplicateKey {
        /// The `kid`.
        id: String,
    },
}

impl JwkSetError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(error) => error.code(),
            Self::Shape => "malformed",
            Self::TooMany => "jwks_too_many_keys",
            Self::DuplicateKey { .. } => "jwks_ambiguous",
        }
    }
}

/// Why a set has no key for a signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// No key of that id.
    #[error("the JWK set has no key `{id}`")]
    NotFound {
        /// The `kid` of the signature, shortened.
        id: String,
    },
    /// The key is not usable.
    #[error("{0}")]
    Key(#[from] PublicKeyError),
    /// An RSA modulus that is too short or too long.
    #[error("an RSA key of {bits} bits; from {} to {} are used", RSA_BITS.start(), RSA_BITS.end())]
    RsaSize {
        /// Its size.
        bits: usize,
    },
    /// The key's members make no key: off its curve, or not in their shortest form.
    #[error("the members of the JWK make no {kind} key")]
    Invalid {
        /// `P-384` or `RSA`.
        kind: &'static str,
    },
    /// `key_ops` does not have `verify`.
    #[error("the key's `key_ops` does not have `verify`")]
    Purpose,
    /// The key is for another algorithm, by its kind or by its `alg`.
    #[error("the key `{id}` is not for {expected}")]
    Algorithm {
        /// The `kid`.
        id: String,
        /// What the signature says.
        expected: CardAlgorithm,
    },
}

/// A key, with what its `alg` restricts it to.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    kind: Kind,
    only: Option<CardAlgorithm>,
}

#[derive(Clone, Debug)]
enum Kind {
    Own(PublicKey),
    P384(P384Key),
    Rsa(RsaKey),
}

impl JwkSet {
    /// Reads a set.
    ///
    /// # Errors
    /// [`JwkSetError`].
    ///
    /// ```
    /// use legation_agent_card::jwks::{JwkSet, JwkSetError};
    /// assert!(JwkSet::parse(br#"{"keys":[]}"#).is_ok());
    /// assert_eq!(JwkSet::parse(b"[]").err(), Some(JwkSetError::Shape));
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Self, JwkSetError> {
        let set = json::parse(bytes, LIMITS)?;
        let jwks = set.get("keys").and_then(Json::as_array).ok_or(JwkSetError::Shape)?;
        if jwks.len() > MAX_KEYS {
            return Err(JwkSetError::TooMany);
        }
        let mut keys: Vec<(String, _)> = Vec::with_capacity(jwks.len());
        for jwk in jwks {
            let jwk = jwk.as_object().ok_or(JwkSetError::Shape)?;
            let Some(id) = jwk.get("kid").and_then(Json::as_str) else { continue };
            if keys.iter().filter(|(other, _)| other == id).count() >= MAX_ALTERNATIVES {
                return Err(JwkSetError::DuplicateKey { id: shorten(id) });
            }
            keys.push((id.to_owned(), read(jwk)));
        }
        Ok(Self { keys })
    }

    /// Whether a signature over a message is by one of the keys of that id, for whoever has a JWS of another kind than a
    /// card's: a Security Event Token.
    ///
    /// # Errors
    /// [`JwkError`] where there is no key of that id for that algorithm.
    pub fn verifies(
        &self,
        id: &str,
        algorithm: CardAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, JwkError> {
        Ok(self.keys(id, algorithm)?.iter().any(|key| key.verifies(algorithm, message, signature)))
    }

    /// The keys of that id for that algorithm, at least one. Whoever made the set vouches for all of them, so that the one
    /// that verifies is the one that was meant.
    pub(crate) fn keys(&self, id: &str, algorithm: CardAlgorithm) -> Result<Vec<Key>, JwkError> {
        let of_id = || self.keys.iter().filter(|(other, _)| other == id).map(|(_, key)| key);
        let fitting: Vec<Key> = of_id().flatten().filter(|key| key.fits(algorithm)).cloned().collect();
        if !fitting.is_empty() {
            return Ok(fitting);
        }
        match of_id().find(|key| key.is_ok()).or_else(|| of_id().next()) {
            None => Err(JwkError::NotFound { id: shorten(id) }),
            Some(Ok(_)) => Err(JwkError::Algorithm { id: shorten(id), expected: algorithm }),
            Some(Err(error)) => Err(error.clone()),
        }
    }
}

impl Key {
    /// A key of a DID document.
    pub(crate) fn own(key: &PublicKey) -> Self {
        Self { kind: Kind::Own(key.clone()), only: None }
    }

    fn fits(&self, algorithm: CardAlgorithm) -> bool {
        let kind = match (&self.kind, algorithm) {
            (Kind::Own(key), CardAlgorithm::Own(algorithm)) => key.algorithm() == algorithm,
            (Kind::P384(_), CardAlgorithm::Es384) => true,
            (Kind::Rsa(_), CardAlgorithm::Rs256 | CardAlgorithm::Ps256) => true,
            _ => false,
        };
        kind && self.only.is_none_or(|only| only == algorithm)
    }

    /// Whether the signature fits. `algorithm` is one that the key is for.
    pub(crate) fn verifies(&self, algorithm: CardAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        match &self.kind {
            Kind::Own(key) => {
                Signature::try_from(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
            }
            Kind::P384(key) => key.verifies(message, signature),
            Kind::Rsa(key) if algorithm == CardAlgorithm::Ps256 => key.verifies_pss(message, signature),
            Kind::Rsa(key) => key.verifies_pkcs1(message, signature),
        }
    }
}

/// Reads one key (RFC 7517 §4).
fn read(jwk: &Object<'_>) -> Result<Key, JwkError> {
    let text = |name: &str| jwk.get(name).and_then(Json::as_str);
    if jwk.get("d").is_some() {
        return Err(PublicKeyError::Private.into());
    }
    if let Some(found) = jwk.get("use").filter(|purpose| purpose.as_str() != Some("sig")) {
        let found = format!("a key with `use` {}", found.as_str().map_or("of another kind".into(), shorten));
        return Err(PublicKeyError::Unsupported { found }.into());
    }
    if let Some(operations) = jwk.get("key_ops") {
        let verify = |operations: &[Json<'_>]| operations.iter().any(|one| one.as_str() == Some("verify"));
        if !operations.as_array().is_some_and(verify) {
            return Err(JwkError::Purpose);
        }
    }
    let only = match jwk.get("alg") {
        None => None,
        Some(alg) => {
            let alg = alg.as_str().unwrap_or_default();
            let known = CardAlgorithm::from_jose(alg);
            Some(known.ok_or_else(|| PublicKeyError::Unsupported { found: shorten(alg) })?)
        }
    };
    let kind = match (text("kty").unwrap_or_default(), text("crv").unwrap_or_default()) {
        ("RSA", _) => rsa(jwk)?,
        ("EC", "P-384") => p384(jwk)?,
        _ => Kind::Own(PublicKey::from_jwk(jwk)?),
    };
    Ok(Key { kind, only })
}

fn bytes(jwk: &Object<'_>, member: &'static str) -> Result<Vec<u8>, PublicKeyError> {
    let text = jwk.get(member).and_then(Json::as_str).ok_or(PublicKeyError::Missing { member })?;
    Ok(base64url::decode(text)?)
}

fn p384(jwk: &Object<'_>) -> Result<Kind, JwkError> {
    let (x, y) = (bytes(jwk, "x")?, bytes(jwk, "y")?);
    let invalid = JwkError::Invalid { kind: "P-384" };
    // Of full length (RFC 7518 §6.2.1.2), so that a point has one form.
    if (x.len(), y.len()) != (48, 48) {
        return Err(invalid);
    }
    let point = [[4].as_slice(), &x, &y].concat();
    P384Key::new(&point).map(Kind::P384).ok_or(invalid)
}

fn rsa(jwk: &Object<'_>) -> Result<Kind, JwkError> {
    let (n, e) = (bytes(jwk, "n")?, bytes(jwk, "e")?);
    let invalid = JwkError::Invalid { kind: "RSA" };
    // No leading zeros (RFC 7518 §2), and an odd exponent of at most 32 bits, above which a
    // verification would cost much more.
    let (Some(first @ 1..), Some(1..), Some(last), 1..=4) = (n.first(), e.first(), e.last(), e.len()) else {
        return Err(invalid);
    };
    if last & 1 == 0 || e == [1] {
        return Err(invalid);
    }
    let bits = n.len() * 8 - first.leading_zeros() as usize;
    if !RSA_BITS.contains(&bits) {
        return Err(JwkError::RsaSize { bits });
    }
    RsaKey::new(n, e).map(Kind::Rsa).ok_or(invalid)
}
