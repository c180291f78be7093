//! Whose key is named, the key itself, and whether it signed.

use crate::{
    key::{KeyAlgorithm, Seal, VerifyingKey},
    larger::{Curve, LargerPublicKey},
    problem::{CRYPTOGRAPHIC, PROOF, Problem},
    verify::Verification,
};
use legation_did::{Did, Document, KeyUse, Purpose, key::method_id};
use legation_keys::json::{Json, Object};
use legation_linked_data::Suite;
use std::sync::Arc;

/// Most proofs of a document that are looked at; as many are read at most.
const MAX_PROOFS: usize = 8;

impl Verification<'_> {
    /// Whether a key of this name and for this purpose signed the message.
    pub(crate) async fn check_signature(
        &self,
        key_id: &str,
        purpose: Purpose,
        message: &[u8],
        seal: &Seal,
    ) -> Result<(), Problem> {
        let key = self.key(key_id, seal.algorithm(), purpose).await?;
        let unfit = |_| Problem::new(PROOF, "signature_invalid", format!("the signature is not by {key_id}"));
        key.verify(message, seal).map_err(unfit)
    }

    /// Whose key it is: its controller, where the caller vouches for it, else the DID of its URL.
    pub(crate) fn who(&self, key_id: &str) -> Result<String, Problem> {
        match self.service.method(key_id) {
            Some(method) => Ok(method.controller().to_owned()),
            None => Ok(signer(key_id)?.to_string()),
        }
    }

    /// The key that the caller vouches for under this name, or that of a DID URL in the document of the moment.
    pub(crate) async fn key(
        &self,
        key_id: &str,
        algorithm: KeyAlgorithm,
        purpose: Purpose,
    ) -> Result<VerifyingKey, Problem> {
        let unfit = |found: KeyAlgorithm| {
            let detail = format!("{key_id} is a key for {found}, not for {algorithm}");
            Problem::new(CRYPTOGRAPHIC, "algorithm_key_mismatch", detail)
        };
        if let Some(method) = self.service.method(key_id) {
            let found = method.key().algorithm();
            return (found == algorithm).then(|| method.key().clone()).ok_or_else(|| unfit(found));
        }
        let did = signer(key_id)?;
        let missing = |detail: String| Problem::new(CRYPTOGRAPHIC, "key_not_found", detail);
        match algorithm {
            KeyAlgorithm::Chain(_) if let Some(curve) = larger_curve(&did) => {
                Err(unfit(KeyAlgorithm::Larger(curve)))
            }
            KeyAlgorithm::Chain(algorithm) => {
                let document = self.document(&did).await?;
                let wanted = KeyUse { id: key_id, algorithm, purpose, now: self.now };
                let found = document.key(wanted).map_err(|error| missing(error.to_string()))?;
                Ok(VerifyingKey::Chain(found.clone()))
            }
            KeyAlgorithm::Larger(_) => {
                let key = larger_key(&did, key_id).map_err(missing)?;
                let found = key.algorithm();
                (found == algorithm).then_some(key).ok_or_else(|| unfit(found))
            }
        }
    }

    async fn document(&self, did: &Did) -> Result<Arc<Document>, Problem> {
        let first = async {
            if self.service.is_fetched(did) {
                self.fetched.count(CRYPTOGRAPHIC, "did_unresolved", did.as_str())?;
            }
            self.service.document(did).await
        };
        self.fetched.documents.once(did.as_str(), first).await
    }
}

/// Whose key a DID URL names.
fn signer(key_id: &str) -> Result<Did, Problem> {
    let did = key_id.split('#').next().unwrap_or_default();
    did.parse().map_err(|error| {
        Problem::new(CRYPTOGRAPHIC, "malformed", format!("the verification method names no DID: {error}"))
    })
}

/// The key that a did:key of a larger curve is. Documents are read for keys of chains only.
fn larger_key(did: &Did, key_id: &str) -> Result<VerifyingKey, String> {
    let multikey = did.method_specific_id();
    if did.method() != "key" {
        return Err(format!(
            "keys for ES384 and ES512 are not taken from documents, as of {did}: hand the key over"
        ));
    }
    if key_id != method_id(did) {
        return Err(format!("expected {}, found `{key_id}`", method_id(did)));
    }
    VerifyingKey::from_multikey(multikey).map_err(|error| error.to_string())
}

/// The larger curve that a did:key is of.
fn larger_curve(did: &Did) -> Option<Curve> {
    let key = Some(did).filter(|did| did.method() == "key")?;
    LargerPublicKey::from_multikey(key.method_specific_id())?.ok().map(|key| key.curve())
}

/// Refuses, as what it is, a proof by ECDSA and a key of a larger curve, which the cryptosuite also has (ECDSA Cryptosuites
/// 1.0 §3.2). It would be read as a signature that is too long.
pub(crate) fn check_curves(document: &Object<'_>) -> Result<(), Problem> {
    let proofs = document.get("proof");
    let all = proofs.and_then(Json::as_array).unwrap_or_else(|| proofs.map_or(&[], core::slice::from_ref));
    for proof in all.iter().take(MAX_PROOFS) {
        let text = |name: &str| proof.get(name).and_then(Json::as_str).unwrap_or_default();
        if Suite::from_name(text("cryptosuite")) != Some(Suite::EcdsaRdfc2019) {
            continue;
        }
        let did = text("verificationMethod").split('#').next().unwrap_or_default().parse().ok();
        let named = did.and_then(|did: Did| larger_curve(&did)).map(Curve::name);
        // The signature of P-384 has 96 bytes, that of P-256 has 64.
        let value = Some(text("proofValue")).filter(|value| value.len() <= 140);
        let bytes = value.and_then(|value| multibase::decode(value).ok()).map_or(0, |(_, bytes)| bytes.len());
        if let Some(curve) = named.or_else(|| (bytes == 96).then(|| Curve::P384.name())) {
            let detail = format!(
                "a Data Integrity proof by a key of {curve} is not verified here: of ECDSA only P-256 is; by {curve} a JWS is"
            );
            return Err(Problem::new(CRYPTOGRAPHIC, "algorithm_not_allowed", detail));
        }
    }
    Ok(())
}
