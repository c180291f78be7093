//! Who signed a file that is to be signed anew, or acted upon, by as much as is at hand.

use crate::{files, folder::document_in, output::Failure};
use legation_credential::{
    CredentialError, Delegation,
    delegation::{LIMITS, MEDIA_TYPE},
    secured::{is_document, read_document},
};
use legation_did::{
    Did, Document,
    document::{KeyUse, Purpose},
    key, method_id,
};
use legation_keys::{
    Algorithm, PublicKey, SecretKey, Signer, json,
    jws::{self, JwsError},
    public::Signature,
};
use std::path::Path;

/// What there is to tell by whose a signature is: the key that signs anew, and documents that are believed.
#[derive(Clone, Copy)]
pub(crate) struct AtHand<'a> {
    pub(crate) signer: &'a SecretKey,
    pub(crate) documents: Option<&'a Path>,
}

impl AtHand<'_> {
    /// The document of a DID, where it is at hand.
    fn document(&self, did: &Did) -> Result<Option<Document>, Failure> {
        match (did.method(), self.documents) {
            ("key", _) => {
                key::document(did).map(Some).map_err(|error| Failure::invalid("malformed", error.to_string()))
            }
            (_, Some(folder)) => document_in(folder, did).map(Some),
            _ => Ok(None),
        }
    }

    /// Refuses a key that signs for somebody else, as far as that can be told.
    pub(crate) fn check_signer(&self, issuer: &Did) -> Result<(), Failure> {
        let Some(document) = self.document(issuer)? else { return Ok(()) };
        let own = method_id(issuer, self.signer.public_key());
        if key_in(&document, &own, self.signer.public_key().algorithm()).is_some() {
            return Ok(());
        }
        let message = format!("the list is issued by `{issuer}`, whose key this is not");
        Err(Failure::invalid("issuer_mismatch", message))
    }

    /// The key of an issuer by its name; `None` where nothing at hand says that it is the issuer's.
    pub(crate) fn key(
        &self,
        issuer: &Did,
        key_id: &str,
        algorithm: Algorithm,
    ) -> Result<Option<PublicKey>, Failure> {
        if let Some(document) = self.document(issuer)? {
            return Ok(key_in(&document, key_id, algorithm));
        }
        let own = self.signer.public_key();
        Ok((key_id == method_id(issuer, own)).then(|| own.clone()))
    }

    /// Whether a delegation is what its issuer signed: whoever asks for a bit to be changed may have written
    /// another's index into it. A name where nothing at hand says whose key that is.
    pub(crate) fn check_delegation(
        &self,
        secured: &str,
        delegation: &Delegation,
    ) -> Result<Option<String>, Failure> {
        let issuer = &delegation.issuer;
        let refused = |error: CredentialError| Failure::invalid(error.code(), error.to_string());
        for (key_id, algorithm, signed, signature) in signatures(secured, issuer).map_err(refused)? {
            let Some(key) = self.key(issuer, &key_id, algorithm)? else { return Ok(Some(key_id)) };
            if key.algorithm() != algorithm || key.verify(&signed, &signature).is_err() {
                let message = format!("the delegation is not what `{key_id}` signed: it was changed");
                return Err(Failure::invalid("signature_invalid", message));
            }
        }
        Ok(None)
    }
}

/// The name under which a document lists a key for a purpose, as verifiers look it up; told where it does not.
pub(crate) fn key_id_in(document: &Document, key: &PublicKey, purpose: Purpose) -> Result<String, Failure> {
    let usable: Vec<&str> = document.usable(purpose, files::now()).map(|(id, _)| id).collect();
    let own = document.methods_of(key).find(|id| usable.contains(id));
    own.map(str::to_owned).ok_or_else(|| {
        let (did, member) = (document.id(), purpose.member());
        let listed = document.methods_of(key).next().is_some();
        let message = match (listed, usable.is_empty()) {
            (true, _) => format!("the document of {did} lists this key, and not for `{member}`, or it has ended"),
            (false, true) => format!("the document of {did} has no key for `{member}`: add this one, `{}`", method_id(did, key)),
            (false, false) => format!(
                "the document of {did} does not list this key, which would be `{}`; sign with {}, or add this one",
                method_id(did, key),
                usable.join(" or ")
            ),
        };
        Failure::invalid(if listed { "key_purpose_mismatch" } else { "key_not_found" }, message)
    })
}

fn key_in(document: &Document, id: &str, algorithm: Algorithm) -> Option<PublicKey> {
    let wanted = KeyUse { id, algorithm, purpose: Purpose::AssertionMethod, now: files::now() };
    document.key(wanted).ok().cloned()
}

/// Name and algorithm of a key, what it signed, and its signature.
type OneSignature = (String, Algorithm, Vec<u8>, Signature);

/// The signatures of a delegation.
fn signatures(secured: &str, issuer: &Did) -> Result<Vec<OneSignature>, CredentialError> {
    if is_document(secured) {
        let (_, proofs) = read_document(&json::parse(secured.as_bytes(), LIMITS)?)?;
        let all = proofs.into_iter().map(|proof| {
            (proof.verification_method, Algorithm::EdDsa, proof.hashes.to_vec(), proof.signature)
        });
        return Ok(all.collect());
    }
    let parts = jws::split(secured)?;
    let header = jws::read_header(parts.header, MEDIA_TYPE, &Algorithm::ALL, LIMITS)?;
    // A did:key names its key by itself.
    let key_id = header.key_id.or_else(|| (issuer.method() == "key").then(|| key::method_id(issuer)));
    let key_id = key_id.ok_or(JwsError::NoKeyId)?;
    let signature = jws::read_signature(parts.signature)?;
    Ok(vec![(key_id, header.algorithm, parts.signing_input.as_bytes().to_vec(), signature)])
}
