//! Secret keys, and the joint where another kind of signer fits.

use crate::{
    Algorithm, PublicKey,
    base64url::{self},
    json::{self, JsonLimits},
    library::{P256Pair, fill_random},
    public::{PublicKeyError, Signature},
};
use core::fmt;
use ed25519_dalek::{Signer as _, SigningKey};
use zeroize::Zeroizing;

/// Whatever can sign: a key in memory here, a key in hardware or behind a socket elsewhere.
pub trait Signer {
    /// The key that verifies what this signs.
    fn public_key(&self) -> &PublicKey;

    /// Signs a message with the key's algorithm.
    ///
    /// # Errors
    /// [`SignError`] where the key can't be used.
    fn sign(&self, message: &[u8]) -> Result<Signature, SignError>;
}

/// The signer did not sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key did not sign: {reason}")]
pub struct SignError {
    /// What the signer says; never anything of the key.
    pub reason: String,
}

/// Why a text is not a secret key. It never holds any of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretKeyError {
    /// Not a private JWK of a supported kind.
    #[error("not a private key; a private JWK with `kty`, `crv`, `x` and `d` is expected")]
    NotAKey,
    /// The public part does not belong to the private part.
    #[error("the public part of the key does not belong to its private part")]
    Mismatch,
    /// The public part is no valid key, or the key is of a kind that is known and not supported.
    #[error("{0}")]
    Public(#[from] PublicKeyError),
    /// The system gave no randomness, or the library refused to make a key.
    #[error("no key could be generated: the system's random source failed")]
    Generate,
}

/// A secret key in memory. Its memory is zeroed when it is dropped, and it prints as its
/// public part.
pub struct SecretKey {
    secret: Secret,
    public: PublicKey,
}

/// What other private JWKs are of, by the registries "JSON Web Key Types" and "JSON Web Key
/// Elliptic Curve" of IANA. Only a name that stands here is told, since a text that is no key of
/// any kind could be anything.
const OTHER_KINDS: [&str; 9] =
    ["P-384", "P-521", "secp256k1", "X25519", "X448", "Ed448", "RSA", "AKP", "oct"];

enum Secret {
    Ed25519(Box<SigningKey>),
    P256(P256Pair),
}

impl SecretKey {
    /// Generates a key from the system's random source.
    ///
    /// # Errors
    /// [`SecretKeyError::Generate`] where that source fails.
    pub fn generate(algorithm: Algorithm) -> Result<Self, SecretKeyError> {
        match algorithm {
            Algorithm::EdDsa => {
                let mut seed = Zeroizing::new([0; 32]);
                fill_random(seed.as_mut_slice()).ok_or(SecretKeyError::Generate)?;
                Self::from_ed25519_seed(&seed)
            }
            Algorithm::Es256 => Self::from_p256_pair(P256Pair::generate().ok_or(SecretKeyError::Generate)?),
        }
    }

    /// The Ed25519 key of a seed (RFC 8032 §5.1.5): 32 bytes.
    ///
    /// # Errors
    /// [`SecretKeyError::Public`] if the seed gives an unusable key, which no known seed does.
    pub fn from_ed25519_seed(seed: &[u8; 32]) -> Result<Self, SecretKeyError> {
        let secret = Box::new(SigningKey::from_bytes(seed));
        let public = PublicKey::from_ed25519(secret.verifying_key().as_bytes())?;
        Ok(Self { secret: Secret::Ed25519(secret), public })
    }

    fn from_p256_pair(pair: P256Pair) -> Result<Self, SecretKeyError> {
        let public = PublicKey::from_p256(&pair.point())?;
        Ok(Self { secret: Secret::P256(pair), public })
    }

    /// Reads a private JWK (RFC 7517, RFC 8037 §2, RFC 7518 §6.2.2).
    ///
    /// # Errors
    /// [`SecretKeyError`]; the public part must be there and fit.
    pub fn from_jwk(text: &str) -> Result<Self, SecretKeyError> {
        let json = json::parse(text.as_bytes(), JsonLimits { bytes: 4096, depth: 4 })
            .map_err(|_| SecretKeyError::NotAKey)?;
        let member =
            |name: &str| json.get(name).and_then(|value| value.as_str()).ok_or(SecretKeyError::NotAKey);
        let bytes = |name: &str| {
            let bytes =
                Zeroizing::new(base64url::decode(member(name)?).map_err(|_| SecretKeyError::NotAKey)?);
            <[u8; 32]>::try_from(bytes.as_slice()).map(Zeroizing::new).map_err(|_| SecretKeyError::NotAKey)
        };
        let kind = ["crv", "kty"].into_iter().find_map(|name| member(name).ok());
        if let Some(found) = OTHER_KINDS.into_iter().find(|other| Some(*other) == kind) {
            return Err(PublicKeyError::Unsupported { found: found.to_owned() }.into());
        }
        let (d, x) = (bytes("d")?, bytes("x")?);
        match (member("kty")?, member("crv")?) {
            ("OKP", "Ed25519") => {
                let key = Self::from_ed25519_seed(&d)?;
                if PublicKey::from_ed25519(&x)? == key.public {
                    Ok(key)
                } else {
                    Err(SecretKeyError::Mismatch)
                }
            }
            ("EC", "P-256") => {
                let point = [[4].as_slice(), x.as_slice(), bytes("y")?.as_slice()].concat();
                Self::from_p256_pair(P256Pair::from_parts(&d, &point).ok_or(SecretKeyError::Mismatch)?)
            }
            _ => Err(SecretKeyError::NotAKey),
        }
    }

    /// Writes the private JWK. The text zeroes itself when dropped; it is for a key store to
    /// encrypt, and for nobody else.
    ///
    /// # Errors
    /// [`SecretKeyError::NotAKey`] where the library does not hand out the private part.
    pub fn to_jwk(&self) -> Result<Zeroizing<String>, SecretKeyError> {
        // The public part first: only `d` is secret, and the text is built in one piece that
        // never grows, so that no copy of it stays behind.
        let mut public = self.public.to_jwk().to_string();
        public.pop();
        let d: Zeroizing<String> = match &self.secret {
            Secret::Ed25519(key) => {
                Zeroizing::new(base64url::encode(Zeroizing::new(key.to_bytes()).as_slice()))
            }
            Secret::P256(pair) => {
                Zeroizing::new(base64url::encode(&pair.scalar().ok_or(SecretKeyError::NotAKey)?))
            }
        };
        let mut text = Zeroizing::new(String::with_capacity(public.len() + d.len() + 16));
        for part in [public.as_str(), r#","d":""#, d.as_str(), r#""}"#] {
            text.push_str(part);
        }
        Ok(text)
    }
}

/// So many bytes from the system's random source, for a nonce or an id.
///
/// # Errors
/// [`SecretKeyError::Generate`] where that source fails.
pub fn random<const N: usize>() -> Result<[u8; N], SecretKeyError> {
    let mut bytes = [0; N];
    fill_random(&mut bytes).ok_or(SecretKeyError::Generate)?;
    Ok(bytes)
}

impl Signer for SecretKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        match &self.secret {
            Secret::Ed25519(key) => Ok(key.sign(message).to_bytes()),
            Secret::P256(pair) => {
                pair.sign(message).ok_or_else(|| SignError { reason: "the library refused".to_owned() })
            }
        }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the secret key of {:?}", self.public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_key_survives_its_jwk_and_prints_nothing_secret() {
        for algorithm in Algorithm::ALL {
            let key = SecretKey::generate(algorithm).unwrap();
            let jwk = key.to_jwk().unwrap();
            let again = SecretKey::from_jwk(&jwk).unwrap();
            assert_eq!(again.public_key(), key.public_key());
            let signature = again.sign(b"m").unwrap();
            assert!(key.public_key().verify(b"m", &signature).is_ok());
            assert!(key.public_key().verify(b"n", &signature).is_err());
            let json: serde_json::Value = serde_json::from_str(&jwk).unwrap();
            assert!(!format!("{key:?}").contains(json["d"].as_str().unwrap()));
        }
    }

    #[test]
    fn a_jwk_whose_parts_do_not_belong_together_is_refused() {
        for algorithm in Algorithm::ALL {
            let one = SecretKey::generate(algorithm).unwrap().to_jwk().unwrap();
            let two = SecretKey::generate(algorithm).unwrap().to_jwk().unwrap();
            let mut mixed: serde_json::Value = serde_json::from_str(&one).unwrap();
            mixed["d"] = serde_json::from_str::<serde_json::Value>(&two).unwrap()["d"].clone();
            assert_eq!(SecretKey::from_jwk(&mixed.to_string()).unwrap_err(), SecretKeyError::Mismatch);
        }
        assert_eq!(SecretKey::from_jwk("{}").unwrap_err(), SecretKeyError::NotAKey);
        assert_eq!(SecretKey::from_jwk("").unwrap_err(), SecretKeyError::NotAKey);
    }

    #[test]
    fn a_kind_that_is_not_supported_is_named_and_nothing_else_of_the_text() {
        for (jwk, expected) in [
            (r#"{"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA", "d": "AA"}"#, Some("P-384")),
            (r#"{"kty": "OKP", "crv": "X25519", "x": "AA", "d": "AA"}"#, Some("X25519")),
            (r#"{"kty": "RSA", "n": "AA", "e": "AQAB", "d": "AA"}"#, Some("RSA")),
            (r#"{"kty": "EC", "crv": "hunter2", "x": "AA", "y": "AA", "d": "AA"}"#, None),
            (r#"{"kty": "hunter2", "x": "AA", "d": "AA"}"#, None),
        ] {
            let expected = expected.map_or(SecretKeyError::NotAKey, |found| {
                PublicKeyError::Unsupported { found: found.to_owned() }.into()
            });
            assert_eq!(SecretKey::from_jwk(jwk).unwrap_err(), expected, "{jwk}");
        }
    }
}
