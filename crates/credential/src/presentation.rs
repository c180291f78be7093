//! The holder's side of a presentation: a chain, and a proof of possession that is bound to one
//! verifier and one nonce.

use crate::delegation::CONTEXT_CREDENTIALS;
use legation_did::Did;
use legation_keys::{Signer, jws, secret::SignError};
use serde_json::json;

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

/// Signs a presentation of a chain, root first. `holder` is the subject of its last link, and
/// `key_id` one of its `authentication` keys.
///
/// # Errors
/// [`SignError`] where the signer does not sign. Whether the chain holds is the verifier's
/// question.
pub fn present(
    chain: &[&str],
    holder: &Did,
    occasion: Occasion<'_>,
    key_id: &str,
    signer: &dyn Signer,
) -> Result<String, SignError> {
    let envelopes: Vec<_> = chain
        .iter()
        .map(|link| {
            json!({
                "@context": [CONTEXT_CREDENTIALS],
                "type": ENVELOPED,
                "id": format!("{DATA_URL}{}", link.trim()),
            })
        })
        .collect();
    let mut payload = json!({
        "@context": [CONTEXT_CREDENTIALS],
        "type": [TYPE],
        "holder": holder.as_str(),
        "verifiableCredential": envelopes,
        "aud": occasion.audience,
        "nonce": occasion.nonce,
        "iat": occasion.issued_at,
        "exp": occasion.expires_at,
    });
    if let (Some(transcript), Some(members)) = (occasion.transcript, payload.as_object_mut()) {
        members.insert("transcript".to_owned(), transcript.into());
    }
    jws::sign(MEDIA_TYPE, key_id, payload.to_string().as_bytes(), signer)
}
