//! An agent card (A2A 1.0).

use crate::{Failure, receipt::document};
use legation_agent_card::{
    Form, JwkSet, Keys, UnverifiedCard, VerifiedCard, VerifyError, check_binding, verdict, verify,
};
use legation_did::Document;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The DID that a card claims, unverified: whose document is to be fetched. `null` where it claims none.
///
/// # Errors
/// Where it is no card.
pub fn claimed(card: &[u8]) -> Result<Value, Failure> {
    let card = UnverifiedCard::parse(card).map_err(|error| Failure::new(error.code(), error))?;
    let did = card.claimed_did().map_err(|error| Failure::new(error.code(), error))?;
    Ok(json!({"did": did.as_ref().map(legation_did::Did::as_str), "signatures": card.signature_count()}))
}

/// Verifies a card by the document of its DID at `now` (Unix seconds), and ties it to its domain: the answer of
/// `schemas/card-verdict.schema.json`.
///
/// # Errors
/// Where the document can't be read. A card that is refused is an answer.
pub fn by_document(card: &[u8], document_bytes: &[u8], now: i64) -> Result<Value, Failure> {
    let document = document(document_bytes)?;
    Ok(match believe(card, &document, now) {
        Ok((card, binding)) => verdict::verified(&card, Some(&binding)),
        Err(denied) => denied,
    })
}

/// Verifies a card by a JWK set that the caller trusts; the DID that it may declare has no say.
///
/// # Errors
/// Where the set can't be read.
pub fn by_key_set(card: &[u8], set: &[u8]) -> Result<Value, Failure> {
    let set = JwkSet::parse(set).map_err(|error| Failure::new(error.code(), error))?;
    let card =
        UnverifiedCard::parse(card).map_err(|error| verdict::denied(error.code(), &error.to_string(), &[]));
    let answer =
        card.and_then(|card| verify(&card, Keys::JwkSet(&set), &Form::ALL).map_err(|error| refused(&error)));
    Ok(answer.map_or_else(|denied| denied, |card| verdict::verified(&card, None)))
}

/// A card that is believed, with its tie; or the verdict that refuses it.
pub(crate) fn believe(
    card: &[u8],
    document: &Document,
    now: i64,
) -> Result<(VerifiedCard, legation_agent_card::Binding), Value> {
    let denied = |code: &str, error: &dyn core::fmt::Display| verdict::denied(code, &error.to_string(), &[]);
    let card = UnverifiedCard::parse(card).map_err(|error| denied(error.code(), &error))?;
    let card =
        verify(&card, Keys::Document { document, now }, &Form::ALL).map_err(|error| refused(&error))?;
    let binding = check_binding(&card, document).map_err(|error| denied(error.code(), &error))?;
    Ok((card, binding))
}

fn refused(error: &VerifyError) -> Value {
    let failures = match error {
        VerifyError::NoneValid { failures, .. } => failures.as_slice(),
        _ => &[],
    };
    verdict::denied(error.code(), &error.to_string(), failures)
}

/// The digest by which a handshake names a card.
pub(crate) fn digest(card: &VerifiedCard) -> [u8; 32] {
    Sha256::digest(card.canonical()).into()
}
