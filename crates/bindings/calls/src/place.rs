//! Where what is needed is published.

use crate::Failure;
use legation_did::web;
use legation_verifier::Need;
use serde_json::{Value, json};

/// A need as data: `{"did", "url"}` of a document, `{"statusList"}` of a list. A DID whose method has no URL has `null`.
pub(crate) fn of_need(need: &Need) -> Value {
    match need {
        Need::Document(did) => json!({"did": did.as_str(), "url": web::url(did)}),
        Need::StatusList(url) => json!({"statusList": url}),
    }
}

/// The URL of a did:web's document; `None` for another method.
///
/// # Errors
/// Where it is no DID.
pub fn of_document(did: &str) -> Result<Option<String>, Failure> {
    Ok(web::url(&crate::input::did("did", did)?))
}
