//! Public keys.

use crate::{
    Algorithm, base58btc,
    base64url::{self, Base64Error},
    ed25519,
    json::{Json, Object},
    library::P256Key,
};
use core::fmt;
use sha2::{Digest, Sha256};

/// A signature: 64 bytes for both algorithms (R‖S).
pub type Signature = [u8; 64];

/// Multicodec `ed25519-pub` (0xed) as a varint.
const MULTICODEC_ED25519: [u8; 2] = [0xed, 0x01];
/// Multicodec `p256-pub` (0x1200) as a varint.
const MULTICODEC_P256: [u8; 2] = [0x80, 0x24];

/// A public key that is known to be usable: its encoding is canonical, it lies on its curve and
/// is not of small order.
///
/// Two keys are equal when they are the same key, in whatever form they were read.
#[derive(Clone)]
pub struct PublicKey(Inner);

#[derive(Clone)]
enum Inner {
    Ed25519(ed25519::Key),
    P256(Box<P256>),
}

/// A point of P-256: its compressed form (SEC 1 §2.3.3) names the key, the parsed one verifies.
#[derive(Clone)]
struct P256 {
    compressed: [u8; 33],
    parsed: P256Key,
}

impl P256 {
    fn verify(
        &self,
        message: &[u8],
        sha256: Option<&[u8; 32]>,
        signature: &Signature,
    ) -> Result<(), SignatureInvalid> {
        if self.parsed.verifies(message, sha256, signature) { Ok(()) } else { Err(SignatureInvalid) }
    }

    /// x and y. Looked at only where y is to be written, since it costs as much as reading the key.
    fn coordinates(&self) -> ([u8; 32], [u8; 32]) {
        // A key that was parsed can be written. If it could not, zeros would be nobody's key.
        self.parsed.coordinates().unwrap_or_default()
    }
}

/// Why bytes are not a public key that is used here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// A kind of key that is not supported.
    #[error("`{found}` is no supported kind of key; use Ed25519 or P-256")]
    Unsupported {
        /// Its name, as far as one was given.
        found: String,
    },
    /// A member of a JWK is missing or is no string.
    #[error("the JWK has no `{member}`")]
    Missing {
        /// Which one.
        member: &'static str,
    },
    /// A JWK that should be public holds a private member (RFC 7517 §9.2).
    #[error("the JWK holds the private member `d`; publish only the public part, and replace this key")]
    Private,
    /// A member is not base64url.
    #[error("{0}")]
    Encoding(#[from] Base64Error),
    /// Not base58btc with the prefix `z`, the only form that gives one name to one key.
    #[error("a Multikey starts with `z` and is base58btc")]
    Multibase,
    /// The bytes are no point of the curve, have the wrong length, are not the canonical
    /// encoding, or are a point of small order.
    #[error("the bytes are no valid {algorithm} public key")]
    Invalid {
        /// The algorithm that the key was for.
        algorithm: Algorithm,
    },
}

/// The signature does not fit key and message. It says no more on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not fit")]
pub struct SignatureInvalid;

impl PublicKey {
    /// Reads an Ed25519 public key (RFC 8032 §5.1.5), 32 bytes.
    ///
    /// # Errors
    /// [`PublicKeyError::Invalid`] for a point that is not on the curve, not canonically
    /// encoded, or of small order: any message verifies under some of those.
    pub fn from_ed25519(bytes: &[u8; 32]) -> Result<Self, PublicKeyError> {
        let invalid = PublicKeyError::Invalid { algorithm: Algorithm::EdDsa };
        ed25519::Key::read(bytes).map(|key| Self(Inner::Ed25519(key))).ok_or(invalid)
    }

    /// Reads a P-256 point, compressed (33 bytes) or uncompressed (65 bytes), SEC 1 §2.3.3.
    ///
    /// # Errors
    /// [`PublicKeyError::Invalid`] for anything else, and for a point off the curve.
    pub fn from_p256(point: &[u8]) -> Result<Self, PublicKeyError> {
        let invalid = PublicKeyError::Invalid { algorithm: Algorithm::Es256 };
        // The library would also read other encodings of the same point.
        let compressed = match (point, point.len()) {
            ([2 | 3, ..], 33) => point.first_chunk::<33>().copied(),
            ([4, x_and_y @ ..], 65) => x_and_y.first_chunk::<32>().zip(x_and_y.last()).map(|(x, last)| {
                let mut compressed = [2 | (last & 1); 33];
                let [_, rest @ ..] = &mut compressed;
                rest.copy_from_slice(x);
                compressed
            }),
            _ => None,
        };
        let compressed = compressed.ok_or(invalid.clone())?;
        let parsed = P256Key::new(point).ok_or(invalid)?;
        Ok(Self(Inner::P256(Box::new(P256 { compressed, parsed }))))
    }

    /// Reads a Multikey (Controlled Identifiers 1.0 §2.2.2), such as the one in a did:key.
    ///
    /// # Errors
    /// [`PublicKeyError`]; other multibase prefixes than `z` are refused, since they would give
    /// one key several names.
    pub fn from_multikey(text: &str) -> Result<Self, PublicKeyError> {
        // A P-256 key takes 49 characters; the bound keeps the quadratic base58 cheap.
        if text.len() > 128 {
            return Err(PublicKeyError::Multibase);
        }
        let bytes = base58btc::decode(text).ok_or(PublicKeyError::Multibase)?;
        match bytes.split_first_chunk::<2>() {
            Some((&MULTICODEC_ED25519, key)) => {
                let key =
                    key.try_into().map_err(|_| PublicKeyError::Invalid { algorithm: Algorithm::EdDsa })?;
                Self::from_ed25519(key)
            }
            Some((&MULTICODEC_P256, key)) if key.len() == 33 => Self::from_p256(key),
            Some((&MULTICODEC_P256, _)) => Err(PublicKeyError::Invalid { algorithm: Algorithm::Es256 }),
            Some(([first, second], _)) => {
                Err(PublicKeyError::Unsupported { found: format!("multicodec 0x{first:02x}{second:02x}") })
            }
            None => Err(PublicKeyError::Multibase),
        }
    }

    /// Reads a public JWK (RFC 7517; RFC 8037 §2 and RFC 7518 §6.2).
    ///
    /// # Errors
    /// [`PublicKeyError`]; a JWK with a private part is refused, and one whose `use`, `key_ops` or `alg` says
    /// that it is not for verifying with its algorithm.
    pub fn from_jwk(jwk: &Object<'_>) -> Result<Self, PublicKeyError> {
        let member = |name: &'static str| {
            jwk.get(name).and_then(|value| value.as_str()).ok_or(PublicKeyError::Missing { member: name })
        };
        if jwk.get("d").is_some() {
            return Err(PublicKeyError::Private);
        }
        let key = match (member("kty")?, member("crv").unwrap_or_default()) {
            ("OKP", "Ed25519") => Self::from_ed25519(&base64url::decode_array(member("x")?)?),
            ("EC", "P-256") => {
                let x: [u8; 32] = base64url::decode_array(member("x")?)?;
                let y: [u8; 32] = base64url::decode_array(member("y")?)?;
                Self::from_p256(&[[4].as_slice(), &x, &y].concat())
            }
            (kty, "") => Err(PublicKeyError::Unsupported { found: kty.to_owned() }),
            (_, crv) => Err(PublicKeyError::Unsupported { found: crv.to_owned() }),
        }?;
        match reserved_for_others(jwk, |alg| Algorithm::from_jose(alg) == Some(key.algorithm())) {
            Some(found) => Err(PublicKeyError::Unsupported { found }),
            None => Ok(key),
        }
    }

    /// The same key, ready to verify often: with a table of 20 KiB for Ed25519, which costs half a verification to
    /// make and saves a tenth of each one after.
    #[must_use]
    pub fn prepared(&self) -> Self {
        match &self.0 {
            Inner::Ed25519(key) => Self(Inner::Ed25519(key.prepared())),
            Inner::P256(_) => self.clone(),
        }
    }

    /// The algorithm that this key verifies.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            Inner::Ed25519(_) => Algorithm::EdDsa,
            Inner::P256(_) => Algorithm::Es256,
        }
    }

    /// The key as a Multikey: `z6Mk…` for Ed25519, `zDn…` for P-256.
    #[must_use]
    pub fn to_multikey(&self) -> String {
        let bytes = match &self.0 {
            Inner::Ed25519(key) => [MULTICODEC_ED25519.as_slice(), key.as_bytes()].concat(),
            Inner::P256(key) => [MULTICODEC_P256.as_slice(), &key.compressed].concat(),
        };
        base58btc::encode(&bytes)
    }

    /// The key as a public JWK, with the members that RFC 7638 §3.2 requires and no others,
    /// in their order.
    #[must_use]
    pub fn to_jwk(&self) -> serde_json::Value {
        match &self.0 {
            Inner::Ed25519(key) => {
                serde_json::json!({"crv": "Ed25519", "kty": "OKP", "x": base64url::encode(key.as_bytes())})
            }
            Inner::P256(key) => {
                let (x, y) = key.coordinates();
                let (x, y) = (base64url::encode(&x), base64url::encode(&y));
                serde_json::json!({"crv": "P-256", "kty": "EC", "x": x, "y": y})
            }
        }
    }

    /// The RFC 7638 thumbprint: base64url of the SHA-256 of the JWK's required members.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        // Written out, because RFC 7638 fixes the order and `serde_json` may be built to keep
        // another one.
        let jwk = self.to_jwk();
        let member =
            |name: &str| jwk.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        let text = match self.algorithm() {
            Algorithm::EdDsa => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, member("x")),
            Algorithm::Es256 => {
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, member("x"), member("y"))
            }
        };
        base64url::encode(&Sha256::digest(text))
    }

    /// Verifies a signature. Ed25519: canonical A, R and S, no point of small order, the equation with
    /// the cofactor, so that [`verify_all`] gives the same answer.
    ///
    /// # Errors
    /// [`SignatureInvalid`], always the same.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), SignatureInvalid> {
        match &self.0 {
            Inner::Ed25519(key) => ed25519::verify(key, message, signature),
            Inner::P256(key) => key.verify(message, None, signature),
        }
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Inner::Ed25519(a), Inner::Ed25519(b)) => a.as_bytes() == b.as_bytes(),
            (Inner::P256(a), Inner::P256(b)) => a.compressed == b.compressed,
            _ => false,
        }
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.to_multikey())
    }
}

/// A signature that is to be verified with others.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// The key.
    pub key: &'a PublicKey,
    /// What was signed.
    pub message: &'a [u8],
    /// The SHA-256 of that, for a caller that took it anyway. It is believed: ES256 signs nothing else, and so
    /// need not take it again.
    pub sha256: Option<&'a [u8; 32]>,
    /// The signature.
    pub signature: &'a Signature,
}

/// Verifies many signatures at less than the cost of each: those by Ed25519 as one equation. The answer
/// is that of [`PublicKey::verify`] on each.
///
/// # Errors
/// The index of the first signature that does not fit.
pub fn verify_all(all: &[Signed<'_>]) -> Result<(), usize> {
    let mut edwards = Vec::with_capacity(all.len());
    let mut places = Vec::with_capacity(all.len());
    let mut failed = None;
    for (index, one) in all.iter().enumerate() {
        match &one.key.0 {
            Inner::Ed25519(key) => {
                edwards.push(ed25519::Signed { key, message: one.message, signature: one.signature });
                places.push(index);
            }
            Inner::P256(key) if key.verify(one.message, one.sha256, one.signature).is_err() => {
                failed = Some(index);
                break;
            }
            Inner::P256(_) => {}
        }
    }
    match ed25519::verify_all(&edwards) {
        Ok(()) => failed.map_or(Ok(()), Err),
        Err(index) => Err(places.get(index).copied().unwrap_or(index)),
    }
}

/// What a JWK says of itself where it is not for verifying with one algorithm, by its `use`, `key_ops` or `alg`
/// (RFC 7517 §4.2–4.4); `is_own` tells whether an `alg` is that one.
#[must_use]
pub fn reserved_for_others(jwk: &Object<'_>, is_own: impl Fn(&str) -> bool) -> Option<String> {
    let verify = |operations: &Json<'_>| {
        operations.as_array().is_some_and(|all| all.contains(&Json::String("verify".into())))
    };
    let of = |value: &Json<'_>| value.as_str().unwrap_or("of another kind").to_owned();
    if let Some(purpose) = jwk.get("use").filter(|purpose| purpose.as_str() != Some("sig")) {
        Some(format!("a key with `use` {}", of(purpose)))
    } else if jwk.get("key_ops").is_some_and(|operations| !verify(operations)) {
        Some("a key whose `key_ops` does not have `verify`".to_owned())
    } else {
        let other = |alg: &&Json<'_>| !alg.as_str().is_some_and(&is_own);
        jwk.get("alg").filter(other).map(|alg| format!("a key with `alg` {}", of(alg)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SecretKey, Signer};
    use multibase::Base;

    #[test]
    fn a_key_survives_each_of_its_forms() {
        for algorithm in Algorithm::ALL {
            let key = SecretKey::generate(algorithm).unwrap().public_key().clone();
            assert_eq!(PublicKey::from_multikey(&key.to_multikey()).unwrap(), key);
            let jwk = key.to_jwk().to_string();
            let limits = crate::json::JsonLimits { bytes: 1000, depth: 2 };
            let parsed = crate::json::parse(jwk.as_bytes(), limits).unwrap();
            let again = PublicKey::from_jwk(parsed.as_object().unwrap()).unwrap();
            assert_eq!(again, key);
            // The compressed form must give the same coordinates as the uncompressed one.
            let from_multikey = PublicKey::from_multikey(&key.to_multikey()).unwrap();
            assert_eq!(from_multikey.to_jwk(), key.to_jwk());
            assert_eq!(from_multikey.thumbprint(), again.thumbprint());
        }
    }

    #[test]
    fn the_thumbprint_is_that_of_rfc_8037_a_3() {
        let x = base64url::decode_array("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let key = PublicKey::from_ed25519(&x).unwrap();
        assert_eq!(key.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_point_of_small_order_or_with_a_second_encoding_is_no_key() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert!(PublicKey::from_ed25519(&identity).is_err());
        assert!(PublicKey::from_ed25519(&[0; 32]).is_err());
        // y = p + 3, which decodes to the same point as y = 3
        let mut second = [0xff; 32];
        second[0] = 0xf0;
        second[31] = 0x7f;
        assert!(PublicKey::from_ed25519(&second).is_err());
    }

    #[test]
    fn a_point_of_p256_has_one_encoding() {
        // p, of which x + p is a second text of x where x is small (SEC 1 §2.3.4 wants x below p).
        let p =
            multibase::decode("fffffffff00000001000000000000000000000000ffffffffffffffffffffffff").unwrap().1;
        let mut points = 0;
        for x in 1..20u8 {
            let mut point = [0; 33];
            (point[0], point[32]) = (2, x);
            if PublicKey::from_p256(&point).is_err() {
                continue;
            }
            points += 1;
            let mut carry = u16::from(x);
            for (to, digit) in point[1..].iter_mut().zip(&p).rev() {
                let sum = u16::from(*digit) + carry;
                (*to, carry) = (sum.to_le_bytes()[0], sum >> 8);
            }
            assert!(PublicKey::from_p256(&point).is_err(), "x = {x} + p");
        }
        assert!(points > 3, "some of them are points");
    }

    #[test]
    fn a_multikey_of_another_kind_or_base_is_refused() {
        let key = SecretKey::generate(Algorithm::EdDsa).unwrap().public_key().clone();
        let bytes = multibase::decode(key.to_multikey()).unwrap().1;
        for base in [Base::Base64Url, Base::Base16Lower, Base::Base32Lower] {
            assert_eq!(
                PublicKey::from_multikey(&multibase::encode(base, &bytes)),
                Err(PublicKeyError::Multibase)
            );
        }
        let x25519 = multibase::encode(Base::Base58Btc, [&[0xec, 0x01], &bytes[2..]].concat());
        assert!(matches!(PublicKey::from_multikey(&x25519), Err(PublicKeyError::Unsupported { .. })));
        let long = multibase::encode(Base::Base58Btc, [bytes.as_slice(), &[0]].concat());
        assert!(matches!(PublicKey::from_multikey(&long), Err(PublicKeyError::Invalid { .. })));
        assert!(PublicKey::from_multikey(&"z1".repeat(5000)).is_err());
    }
}
