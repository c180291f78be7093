//! The holder's side of a presentation: a chain, and a proof of possession that is bound to one
//! verifier and one nonce.

use crate::{
    delegation::CONTEXT_CREDENTIALS,
    error::CredentialError,
    secured::{Securing, canonical, is_document},
};
use legation_did::Did;
use legation_keys::{
    Signer,
    data_integrity::{self, AddProofError, ProofError, ProofOptions},
    json::{self, JsonLimits},
    jws,
    secret::SignError,
};
use serde_json::{Value, json};

/// The `typ` of a presentation secured as a JWS (VC-JOSE-COSE §3.1.2).
pub const MEDIA_TYPE: &str = "vp+jwt";
/// The type of a presentation.
pub const TYPE: &str = "VerifiablePresentation";
/// The type of a credential that stands in a presentation in its secured form (VC Data Model
/// 2.0 §4.13.1).
pub const ENVELOPED: &str = "EnvelopedVerifiableCredential";
/// What stands before a link in an envelope's `id`.
pub const DATA_URL: &str = "data:application/vc+jwt,";
/// Longest life of a presentation, in seconds.
pub const MAX_LIFETIME: i64 = 300;

/// To whom and when a chain is presented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occasion<'a> {
    /// The verifier's identity.
    pub audience: &'a str,
    /// The verifier's challenge.
    pub nonce: &'a str,
    /// Now, Unix seconds.
    pub issued_at: i64,
    /// When the presentation expires, Unix seconds; at most [`MAX_LIFETIME`] later.
    pub expires_at: i64,
    /// In a handshake, the SHA-256 of the verifier's challenge as base64url; else `None`.
    pub transcript: Option<&'a str>,
}

/// The `proofPurpose` of a presentation's proof.
pub const PURPOSE: &str = "authentication";
/// Bounds on a presentation that is secured by a proof: as many bytes as a verifier may be told to read.
const LIMITS: JsonLimits = JsonLimits { bytes: 16 << 20, depth: 64 };

/// Why a chain was not presented.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PresentError {
    /// A link is a document that can't be read.
    #[error("link {index}: {error}")]
    Link {
        /// Which link, counted from 0 at the root.
        index: usize,
        /// What is wrong with it.
        error: CredentialError,
    },
    /// No Data Integrity proof could be made: its cryptosuite is for Ed25519 keys.
    #[error("{0}")]
    Proof(#[from] AddProofError),
    /// The signer did not sign.
    #[error("{0}")]
    Sign(#[from] SignError),
}

/// Signs a presentation of a chain, root first. `holder` is the subject of its last link, and
/// `key_id` one of its `authentication` keys.
///
/// # Errors
/// [`PresentError`]. Whether the chain holds is the verifier's question.
pub fn present(
    chain: &[&str],
    holder: &Did,
    occasion: Occasion<'_>,
    key_id: &str,
    signer: &dyn Signer,
) -> Result<String, PresentError> {
    present_as(Securing::Jwt, chain, holder, occasion, key_id, signer)
}

/// As [`present`], secured in a way of choice, whichever way the links are.
///
/// # Errors
/// [`PresentError`].
pub fn present_as(
    securing: Securing,
    chain: &[&str],
    holder: &Did,
    occasion: Occasion<'_>,
    key_id: &str,
    signer: &dyn Signer,
) -> Result<String, PresentError> {
    let links: Result<Vec<Value>, PresentError> = chain
        .iter()
        .enumerate()
        .map(|(index, link)| carry(link).map_err(|error| PresentError::Link { index, error }))
        .collect();
    let mut payload = json!({
        "@context": [CONTEXT_CREDENTIALS],
        "type": [TYPE],
        "holder": holder.as_str(),
        "verifiableCredential": links?,
    });
    let claims = json!({
        "aud": occasion.audience,
        "nonce": occasion.nonce,
        "iat": occasion.issued_at,
        "exp": occasion.expires_at,
    });
    if let Some(members) = payload.as_object_mut() {
        members.extend(occasion.transcript.map(|transcript| ("transcript".to_owned(), transcript.into())));
        if let (Securing::Jwt, Value::Object(claims)) = (securing, claims) {
            members.extend(claims);
        }
    }
    let text = payload.to_string();
    if securing == Securing::Jwt {
        return Ok(jws::sign(MEDIA_TYPE, key_id, text.as_bytes(), signer)?);
    }
    let document = json::parse(text.as_bytes(), LIMITS).map_err(CredentialError::from);
    let document = document.map_err(|error| PresentError::Link { index: 0, error })?;
    let object = document.as_object().ok_or(AddProofError::Proof(ProofError::Missing))?;
    let options = ProofOptions {
        verification_method: key_id,
        purpose: PURPOSE,
        created: Some(occasion.issued_at),
        expires: Some(occasion.expires_at),
        domain: Some(occasion.audience),
        challenge: Some(occasion.nonce),
        ..ProofOptions::default()
    };
    Ok(data_integrity::add(object, options, signer)?)
}

/// A link as an element of `verifiableCredential`: a compact JWS in an envelope, a document as it is.
fn carry(link: &str) -> Result<Value, CredentialError> {
    let link = canonical(link)?;
    if is_document(&link) {
        return serde_json::from_str(&link).map_err(|error| {
            let found = error.to_string();
            CredentialError::Malformed { member: "a link".to_owned(), expected: "a JSON document", found }
        });
    }
    Ok(json!({
        "@context": [CONTEXT_CREDENTIALS],
        "type": ENVELOPED,
        "id": format!("{DATA_URL}{link}"),
    }))
}
