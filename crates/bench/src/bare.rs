//! The signatures of a chain by themselves, for yardsticks.

use crate::{Chain, Outcome};
use legation_did::{Did, key};
use legation_keys::{
    Algorithm, PublicKey, base64url,
    json::{self, JsonLimits},
    jws,
    public::Signature,
};

/// One signature with all that verifying it needs.
pub struct Signed {
    /// The key.
    pub key: PublicKey,
    /// The same as bytes: 32 for Ed25519, an uncompressed point for P-256.
    pub key_bytes: Vec<u8>,
    /// What was signed.
    pub message: Vec<u8>,
    /// The signature.
    pub signature: Signature,
}

impl Chain {
    /// The signatures of the links, root first, and of a presentation of them.
    ///
    /// # Errors
    /// What reading says.
    pub fn signatures(&self, presentation: &str) -> Outcome<Vec<Signed>> {
        self.links.iter().map(String::as_str).chain([presentation]).map(read).collect()
    }
}

/// A point of P-256 as a did:key has it (SEC 1 §2.3.3), from its uncompressed form.
#[must_use]
pub fn compressed(point: &[u8]) -> Vec<u8> {
    let odd = point.last().is_some_and(|byte| byte & 1 == 1);
    [&[if odd { 3 } else { 2 }], point.get(1..33).unwrap_or_default()].concat()
}

fn read(secured: &str) -> Outcome<Signed> {
    let parts = jws::split(secured)?;
    let payload = base64url::decode(parts.payload)?;
    let claims = json::parse(&payload, JsonLimits { bytes: 1 << 20, depth: 16 })?;
    let signer = claims.get("issuer").or_else(|| claims.get("holder")).and_then(|did| did.as_str());
    let did: Did = signer.ok_or("somebody signs")?.parse()?;
    let key = key::public_key(&did)?;
    Ok(Signed {
        key_bytes: bytes(&key)?,
        key,
        message: parts.signing_input.as_bytes().to_vec(),
        signature: jws::read_signature(parts.signature)?,
    })
}

fn bytes(key: &PublicKey) -> Outcome<Vec<u8>> {
    let jwk = key.to_jwk();
    let member = |name: &str| -> Outcome<Vec<u8>> {
        let text = jwk.get(name).and_then(|value| value.as_str()).ok_or("a JWK has its members")?;
        Ok(base64url::decode(text)?)
    };
    match key.algorithm() {
        Algorithm::EdDsa => member("x"),
        Algorithm::Es256 => Ok([vec![4], member("x")?, member("y")?].concat()),
    }
}
