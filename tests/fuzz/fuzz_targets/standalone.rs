//! Standalone credentials: what is JSON-LD has one canonical form however its JSON is written; what is read of a
//! document does not depend on it either.
#![no_main]

use legation_credential::{
    model::{check_credential, check_presentation, validity},
    token_status::{StatusListToken, StatusReference},
};
use legation_http_signature::web_bot_auth::{directory, read_directory};
use legation_keys::{
    data_integrity::proofs,
    jcs,
    json::{self, JsonLimits, Object},
};
use legation_linked_data::{Contexts, canonicalize, suite};

const LIMITS: JsonLimits = JsonLimits { bytes: 64 * 1024, depth: 32 };

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(text) = core::str::from_utf8(data) {
        let _ = StatusListToken::parse(text, 1 << 20);
    }
    if let Ok(keys) = read_directory(data) {
        assert_eq!(read_directory(directory(&keys).as_bytes()).unwrap(), keys);
    }
    let Ok(json) = json::parse(data, LIMITS) else { return };
    let text = jcs::canonicalize(&json);
    let again = json::parse(text.as_bytes(), JsonLimits { bytes: 1 << 20, ..LIMITS }).unwrap();
    let contexts = Contexts::compiled_in();
    match (canonicalize(&json, contexts), canonicalize(&again, contexts)) {
        (Ok(first), Ok(second)) => assert_eq!(first, second, "the order of members is said"),
        (first, second) => assert_eq!(first.is_ok(), second.is_ok(), "{first:?} {second:?}"),
    }
    if let (Some(first), Some(second)) = (json.as_object(), again.as_object()) {
        assert_eq!(said(first), said(second));
    }
});

/// What is read of a document, as text.
fn said(document: &Object<'_>) -> String {
    let all = proofs(document);
    let hashes: Vec<_> = all
        .iter()
        .flatten()
        .map(|proof| {
            suite::hashes(document, all.as_deref().unwrap_or_default(), proof, Contexts::compiled_in()).map_err(|error| error.code())
        })
        .collect();
    format!(
        "{:?} {:?} {:?} {:?} {hashes:?}",
        check_credential(document).map_err(|error| error.code()),
        check_presentation(document).map_err(|error| error.code()),
        validity(document).map_err(|error| error.code()),
        StatusReference::from_claims(document).map_err(|error| error.code()),
    )
}
