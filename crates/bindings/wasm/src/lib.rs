//! The verifier for WebAssembly. What JavaScript gets is texts of JSON, and errors whose message is one; the package around
//! it (`../npm`) makes objects of them.
//!
//! Times are Unix seconds. A call whose key is elsewhere answers `{"toSign": …}` and is made again with the signature.

mod desk;
mod holder;
mod meeting;

pub use desk::{Desk, Look};
pub use holder::Holder;
pub use meeting::Meeting;

use legation_calls::{Failure, card, entry, place, receipt};
use wasm_bindgen::prelude::*;

/// An error, as the text of its JSON.
fn error(failure: &Failure) -> JsValue {
    JsValue::from_str(&failure.to_json().to_string())
}

fn answer(value: Result<impl ToString, Failure>) -> Result<String, JsValue> {
    value.map(|value| value.to_string()).map_err(|failure| error(&failure))
}

/// A time that JavaScript gives as a number.
fn time(now: f64) -> Result<i64, JsValue> {
    // Beyond 2^53 a number of JavaScript stands for several.
    if now.fract() == 0.0 && now.abs() <= 9_007_199_254_740_991.0 {
        #[allow(clippy::cast_possible_truncation)]
        return Ok(now as i64);
    }
    Err(error(&Failure::input("now", "whole seconds since 1970")))
}

/// A nonce of 144 random bits.
///
/// # Errors
/// Where there is no randomness.
#[wasm_bindgen]
pub fn nonce() -> Result<String, JsValue> {
    answer(legation_calls::holder::nonce())
}

/// The DID that a card claims, unverified.
///
/// # Errors
/// Where it is no card.
#[wasm_bindgen(js_name = cardClaims)]
pub fn card_claims(bytes: &[u8]) -> Result<String, JsValue> {
    answer(card::claimed(bytes))
}

/// Verifies a card by the document of its DID.
///
/// # Errors
/// Where the document can't be read.
#[wasm_bindgen(js_name = verifyCard)]
pub fn verify_card(bytes: &[u8], document: &[u8], now: f64) -> Result<String, JsValue> {
    answer(card::by_document(bytes, document, time(now)?))
}

/// Verifies a card by a JWK set.
///
/// # Errors
/// Where the set can't be read.
#[wasm_bindgen(js_name = verifyCardByKeys)]
pub fn verify_card_by_keys(bytes: &[u8], set: &[u8]) -> Result<String, JsValue> {
    answer(card::by_key_set(bytes, set))
}

/// Verifies a signed receipt.
///
/// # Errors
/// With the code of the rule that it breaks.
#[wasm_bindgen(js_name = verifyReceipt)]
pub fn verify_receipt(secured: &str, signer: &[u8]) -> Result<String, JsValue> {
    answer(receipt::verify(secured, signer))
}

/// Verifies the proof of an entry of a log, and decides the entry again.
///
/// # Errors
/// With the code of the rule that it breaks.
#[wasm_bindgen(js_name = verifyEntry)]
pub fn verify_entry(proof: &str, organization: Option<Box<[u8]>>) -> Result<String, JsValue> {
    answer(entry::verify(proof, organization.as_deref()))
}

/// The URL of a did:web's document.
///
/// # Errors
/// Where it is no DID.
#[wasm_bindgen(js_name = documentUrl)]
pub fn document_url(did: &str) -> Result<Option<String>, JsValue> {
    place::of_document(did).map_err(|failure| error(&failure))
}
