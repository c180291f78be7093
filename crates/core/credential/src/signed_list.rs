//! A status list as it is published: secured as a link is, by a compact JWS or by Data Integrity proofs.

use crate::{
    delegation::{LIMITS, MEDIA_TYPE},
    error::CredentialError,
    secured::{DocumentProof, PURPOSE, Securing, is_document},
    status::StatusListCredential,
};
use legation_keys::{
    Algorithm, PublicKey, Signer, base64url,
    data_integrity::{self, AddProofError, ProofError, ProofOptions},
    json::{self, JsonLimits},
    jws,
    public::{Signature, SignatureInvalid},
};
use std::sync::OnceLock;

/// One signature of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSeal {
    /// The verification method that is said to have made it, as a DID URL.
    pub key_id: String,
    /// Its algorithm.
    pub algorithm: Algorithm,
    signed: Vec<u8>,
    signature: Signature,
}

/// A status list as it was published: unpacked once, its signatures verified once per set of keys.
#[derive(Debug)]
pub struct SignedStatusList {
    /// What it says; to be believed only after [`SignedStatusList::verify`].
    pub credential: StatusListCredential,
    /// How it is secured.
    pub securing: Securing,
    /// Its signatures, at least one, all of which have to verify.
    pub seals: Vec<ListSeal>,
    verified_with: OnceLock<Vec<PublicKey>>,
}

impl SignedStatusList {
    /// Whether its signatures were verified by some keys.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.verified_with.get().is_some()
    }

    /// Reads a status list that is secured as a JWS or by proofs of `eddsa-jcs-2022`, unpacking at most so many
    /// entries; white space around it comes from editors. What a proof's `expires` says binds as `exp` does in a JWS.
    ///
    /// # Errors
    /// [`CredentialError`]. A proof with `domain` or `challenge` is refused: it was made for one place or one
    /// moment, and a list is for everybody.
    pub fn parse(secured: &str, most_entries: usize) -> Result<Self, CredentialError> {
        let secured = secured.trim_ascii();
        // Packed bits take at most as much as the bits, and base64 a third more.
        let limits = JsonLimits { bytes: most_entries / 6 + LIMITS.bytes, depth: LIMITS.depth };
        let (securing, credential, seals) = match is_document(secured) {
            true => {
                let (credential, seals) = read_document(secured, limits, most_entries)?;
                (Securing::EddsaJcs2022, credential, seals)
            }
            false => {
                let (credential, seal) = read_jws(secured, limits, most_entries)?;
                (Securing::Jwt, credential, vec![seal])
            }
        };
        Ok(Self { credential, securing, seals, verified_with: OnceLock::new() })
    }

    /// Verifies the signatures, each by the key in its place. The first keys that fit are remembered, so that a
    /// list that stands behind many requests is verified once, and again if its keys change.
    ///
    /// # Errors
    /// [`SignatureInvalid`], also where there are not as many keys as signatures.
    pub fn verify(&self, keys: &[PublicKey]) -> Result<(), SignatureInvalid> {
        if self.verified_with.get().is_some_and(|verified| verified == keys) {
            return Ok(());
        }
        if keys.len() != self.seals.len() {
            return Err(SignatureInvalid);
        }
        for (seal, key) in self.seals.iter().zip(keys) {
            if key.algorithm() != seal.algorithm {
                return Err(SignatureInvalid);
            }
            key.verify(&seal.signed, &seal.signature)?;
        }
        // Other keys of the same list are verified each time; that is the rare case.
        let _ = self.verified_with.set(keys.to_vec());
        Ok(())
    }
}

fn read_jws(
    secured: &str,
    limits: JsonLimits,
    most_entries: usize,
) -> Result<(StatusListCredential, ListSeal), CredentialError> {
    let parts = jws::split(secured)?;
    let header = jws::read_header(parts.header, MEDIA_TYPE, &Algorithm::ALL, LIMITS)?;
    let payload = base64url::decode(parts.payload).map_err(jws::JwsError::from)?;
    let credential = StatusListCredential::from_claims(&json::parse(&payload, limits)?, most_entries)?;
    let seal = ListSeal {
        algorithm: header.algorithm,
        key_id: header.required_key_id()?,
        signed: parts.signing_input.as_bytes().to_vec(),
        signature: jws::read_signature(parts.signature)?,
    };
    Ok((credential, seal))
}

fn read_document(
    secured: &str,
    limits: JsonLimits,
    most_entries: usize,
) -> Result<(StatusListCredential, Vec<ListSeal>), CredentialError> {
    let document = json::parse(secured.as_bytes(), limits)?;
    let object = document.as_object().ok_or(ProofError::Missing)?;
    let proofs = data_integrity::proofs(object)?;
    // Each proof is hashed with the whole document: together they cost what one over the largest list does.
    if proofs.len().saturating_mul(secured.len()) > limits.bytes {
        let (proofs, bytes, most) = (proofs.len(), secured.len(), limits.bytes);
        return Err(CredentialError::TooMuchToHash { proofs, bytes, most });
    }
    let mut credential = StatusListCredential::from_claims(&document, most_entries)?;
    let mut seals = Vec::with_capacity(proofs.len());
    for proof in &proofs {
        let DocumentProof { verification_method, hashes, signature } =
            DocumentProof::read_unbound(object, &proofs, proof, "status list")?;
        let signed = hashes.to_vec();
        seals.push(ListSeal { key_id: verification_method, algorithm: Algorithm::EdDsa, signed, signature });
        credential.valid_until = credential.valid_until.into_iter().chain(proof.expires).min();
    }
    Ok((credential, seals))
}

impl StatusListCredential {
    /// Secures the list by a key, which `key_id` names as a DID URL of the issuer.
    ///
    /// # Errors
    /// [`AddProofError`]: the signer does not sign, or a proof is wanted of a key that is none for Ed25519.
    pub fn secure(
        &self,
        securing: Securing,
        key_id: &str,
        signer: &dyn Signer,
    ) -> Result<String, AddProofError> {
        let payload = self.to_json().to_string();
        if securing == Securing::Jwt {
            return Ok(jws::sign(MEDIA_TYPE, key_id, payload.as_bytes(), signer)?);
        }
        let limits = JsonLimits { bytes: payload.len(), depth: LIMITS.depth };
        let document = json::parse(payload.as_bytes(), limits).ok();
        let object = document.as_ref().and_then(json::Json::as_object).ok_or(ProofError::Missing)?;
        let options =
            ProofOptions { verification_method: key_id, purpose: PURPOSE, ..ProofOptions::default() };
        data_integrity::add(object, options, signer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{MIN_ENTRIES, StatusList, StatusPurpose};
    use legation_keys::SecretKey;

    #[test]
    fn a_signed_list_is_verified_by_its_own_key_only() {
        let (key, other) =
            (SecretKey::generate(Algorithm::EdDsa).unwrap(), SecretKey::generate(Algorithm::EdDsa).unwrap());
        let issuer = legation_did::key::did(key.public_key());
        let credential = StatusListCredential {
            id: Some("https://a.example/status/1".to_owned()),
            issuer: issuer.clone(),
            valid_from: 1000,
            valid_until: Some(2000),
            purposes: vec![StatusPurpose::Revocation],
            list: StatusList::new(0),
        };
        let (right, wrong) = ([key.public_key().clone()], [other.public_key().clone()]);
        for securing in [Securing::Jwt, Securing::EddsaJcs2022] {
            let signed = credential.secure(securing, &legation_did::key::method_id(&issuer), &key).unwrap();
            let list = SignedStatusList::parse(&signed, MIN_ENTRIES).unwrap();
            assert_eq!((&list.credential, list.securing), (&credential, securing));
            assert!(list.verify(&[]).is_err() && list.verify(&wrong).is_err());
            assert!(!list.is_verified());
            assert!(list.verify(&right).is_ok());
            assert!(list.verify(&wrong).is_err(), "the memory of one key must not serve another");
            assert!(list.verify(&[]).is_err(), "no key at all verifies nothing");
            assert!(list.verify(&right).is_ok());
        }
    }
}
