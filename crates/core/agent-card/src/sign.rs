//! Signing: detached JWS over the canonical forms (A2A §8.4.2).
//!
//! A key is rotated in three steps, and the card verifies at each of them:
//!
//! 1. The DID document names both keys, and the card gets a signature of the new one beside that of the
//!    old one. Its text must stay as it is, or the signature of the old key ends here.
//! 2. When caches have forgotten the card that the old key alone signed, the old key leaves the
//!    document. From then on a copy of that card is refused.
//! 3. The old signature is dropped whenever the card is signed again
//!    ([`UnverifiedCard::without_signatures`]).

use crate::{
    MAX_SIGNATURES, UnverifiedCard,
    error::SignError,
    extension,
    form::{self, Form, Lost},
    header,
};
use core::convert::Infallible;
use legation_keys::{Json, Signer, base64url};

/// Signs a card and gives its whole text, to be published as it is.
///
/// Where the two forms differ, each is signed, so that there are two signatures of the key: readers by
/// the specification verify the one, the SDKs the other. Signatures of other keys stay as they are,
/// which is how keys are rotated; those of this key are replaced.
///
/// `key_id` is a DID URL of the DID that the card declares ([`crate::extension::declare_identity`]).
///
/// # Errors
/// [`SignError`]; what A2A 1.0 does not know is not signed ([`UnverifiedCard::dropped`]), and where that
/// would change who may call, or where, the card is refused by [`SignError::Lost`].
pub fn sign(card: &UnverifiedCard<'_>, key_id: &str, signer: &dyn Signer) -> Result<String, SignError> {
    let did = card.claimed_did()?.ok_or(SignError::NoDid)?;
    // What nobody would verify is not signed, nor what would say something else than its author wrote.
    extension::delegation(&card.spec)?;
    if let Some(Lost { at, message }) = card.lost.clone() {
        return Err(SignError::Lost { at, message });
    }
    if did.fragment_of(key_id).is_none() {
        return Err(SignError::KeyId { key_id: crate::error::shorten(key_id), did });
    }
    let mut signatures = Vec::new();
    for signature in &card.signatures {
        let text = |name: &str| signature.get(name).and_then(Json::as_str);
        let (Some(protected), Some(_)) = (text("protected"), text("signature")) else {
            return Err(SignError::Malformed);
        };
        if header::read(protected).map_or(true, |header| header.key_id != key_id) {
            signatures.push(form::text(&known_members(signature)));
        }
    }
    let spec = card.canonical(Form::Spec);
    let sdk = card.canonical(Form::Sdk);
    let protected = header::write(signer.public_key().algorithm(), key_id);
    signatures.push(detached(&protected, &spec, signer)?);
    if sdk != spec {
        signatures.push(detached(&protected, &sdk, signer)?);
    }
    if signatures.len() > MAX_SIGNATURES {
        return Err(SignError::TooMany);
    }
    Ok(with_signatures(&spec, &signatures))
}

/// A canonical text as a card, with signatures.
pub(crate) fn with_signatures(canonical: &str, signatures: &[String]) -> String {
    let members = canonical.strip_suffix('}').unwrap_or(canonical);
    let comma = if members == "{" { "" } else { "," };
    format!(r#"{members}{comma}"signatures":[{}]}}"#, signatures.join(","))
}

/// A signature that stays, without what somebody may have added to it.
fn known_members<'a>(signature: &Json<'a>) -> Json<'a> {
    let Json::Object(object) = signature.clone() else { return Json::Null };
    let known = object.try_filter_map(|name, value| {
        Ok::<_, Infallible>(matches!(name, "protected" | "signature" | "header").then_some(value))
    });
    known.map_or(Json::Null, Json::Object)
}

/// One `AgentCardSignature`; its members need no escapes.
fn detached(protected: &str, payload: &str, signer: &dyn Signer) -> Result<String, SignError> {
    let signature = signer.sign(signing_input(protected, payload).as_bytes())?;
    Ok(one_signature(protected, &signature))
}

pub(crate) fn one_signature(protected: &str, signature: &[u8]) -> String {
    format!(r#"{{"protected":"{protected}","signature":"{}"}}"#, base64url::encode(signature))
}

/// What a signature covers (RFC 7515 §5.1): the protected header and the canonical text.
pub(crate) fn signing_input(protected: &str, payload: &str) -> String {
    format!("{protected}.{}", base64url::encode(payload.as_bytes()))
}
