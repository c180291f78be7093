//! A signed receipt.

use crate::Failure;
use legation_did::{Document, key};
use legation_verifier::receipt;
use serde_json::Value;

/// Verifies a receipt by its signer's DID document, or a did:key in its place, and gives what it says. The key is judged as of
/// the receipt's own time.
///
/// # Errors
/// With the code of the rule that it breaks.
pub fn verify(secured: &str, signer: &[u8]) -> Result<Value, Failure> {
    receipt::verify(secured, &document(signer)?).map_err(|error| Failure::new(error.code(), error))
}

/// A document as it was fetched, or a did:key.
pub(crate) fn document(bytes: &[u8]) -> Result<Document, Failure> {
    let wrong = |error: &dyn core::fmt::Display| Failure::new("did_unresolved", error);
    match core::str::from_utf8(bytes) {
        Ok(text) if text.starts_with("did:key:") => {
            let did = crate::input::did("document", text.trim())?;
            key::document(&did).map_err(|error| wrong(&error))
        }
        _ => Document::parse(bytes).map_err(|error| wrong(&error)),
    }
}
