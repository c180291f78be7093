//! RSA keys, for what others read by RS256 alone: Security Event Tokens (CAEP Interoperability Profile 1.0 §2.6), and identity
//! tokens, of which every reader has to know it (RFC 9068 §4). Nothing else is signed by them, and no chain is: `SecretKey` knows
//! no such kind.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use legation_keys::{
    base64url,
    secret::{SecretKeyError, SignError},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The `alg` of what they sign (RFC 7518 §3.3).
pub(crate) const ALGORITHM: &str = "RS256";

/// An RSA key of 2048 bits. The library zeroes what it holds of it.
pub(crate) struct RsaKey(KeyPair);

impl RsaKey {
    pub(crate) fn generate() -> Result<Self, SecretKeyError> {
        KeyPair::generate(KeySize::Rsa2048).map(Self).map_err(|_| SecretKeyError::Generate)
    }

    /// Reads what [`RsaKey::to_pkcs8`] wrote.
    pub(crate) fn from_pkcs8(der: &[u8]) -> Result<Self, SecretKeyError> {
        KeyPair::from_pkcs8(der).map(Self).map_err(|_| SecretKeyError::NotAKey)
    }

    /// The private key as PKCS#8 (RFC 5208).
    pub(crate) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, SecretKeyError> {
        let der: Pkcs8V1Der<'_> = self.0.as_der().map_err(|_| SecretKeyError::Generate)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }

    /// The public JWK, whose `kid` is its thumbprint (RFC 7638): the same key has the same name wherever it stands.
    pub(crate) fn public_jwk(&self) -> Result<Value, SecretKeyError> {
        let (n, e) = components(self.0.public_key().as_ref()).ok_or(SecretKeyError::NotAKey)?;
        let (n, e) = (base64url::encode(n), base64url::encode(e));
        // Its members in this order and no space between them (RFC 7638 §3.1).
        let kid = base64url::encode(&Sha256::digest(format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#)));
        Ok(json!({"kty": "RSA", "kid": kid, "alg": ALGORITHM, "use": "sig", "n": n, "e": e}))
    }

    /// Signs by RSASSA-PKCS1-v1_5 with SHA-256: the same bytes give the same signature.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        let signed = self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature);
        signed.map_err(|_| SignError { reason: "the library refused to sign".to_owned() })?;
        Ok(signature)
    }
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 §A.1.1) in DER, without the zero that keeps a number positive.
fn components(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, []) = element(der, 0x30)? else { return None };
    let (n, rest) = element(sequence, 0x02)?;
    let (e, []) = element(rest, 0x02)? else { return None };
    Some((n.strip_prefix(&[0]).unwrap_or(n), e.strip_prefix(&[0]).unwrap_or(e)))
}

/// The content of the DER element of that tag at the front, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    if *found != tag {
        return None;
    }
    // Short, or as many bytes of length as the low bits say (X.690 §8.1.3): no key has more than two.
    let (length, rest) = match *first {
        short @ ..=0x7f => (usize::from(short), rest),
        0x81 => {
            let (length, rest) = rest.split_first()?;
            (usize::from(*length), rest)
        }
        0x82 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};

    #[test]
    fn a_key_is_read_back_and_its_public_jwk_verifies_what_it_signs() {
        let key = RsaKey::generate().unwrap();
        let again = RsaKey::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
        let jwk = again.public_jwk().unwrap();
        assert_eq!(key.public_jwk().unwrap(), jwk);
        let bytes = |name: &str| base64url::decode(jwk[name].as_str().unwrap()).unwrap();
        assert_eq!((bytes("n").len(), bytes("e")), (256, vec![1, 0, 1]));
        let public = RsaPublicKeyComponents { n: bytes("n"), e: bytes("e") };
        let signature = again.sign(b"a token").unwrap();
        assert!(public.verify(&RSA_PKCS1_2048_8192_SHA256, b"a token", &signature).is_ok());
        assert!(public.verify(&RSA_PKCS1_2048_8192_SHA256, b"another", &signature).is_err());
        assert_eq!(signature, key.sign(b"a token").unwrap());
    }

    #[test]
    fn what_is_no_key_is_none_and_no_length_reads_beyond_the_end() {
        assert!(RsaKey::from_pkcs8(br#"{"kty":"OKP"}"#).is_err());
        for der in [&[0x30, 0x82, 0xff, 0xff, 0][..], &[0x30, 0x81], &[0x30, 0x84, 1, 1, 1, 1], &[0x30], &[]]
        {
            assert!(components(der).is_none(), "{der:?}");
        }
    }
}
