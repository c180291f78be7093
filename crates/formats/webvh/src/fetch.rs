//! The log and its witnesses' proofs, fetched within limits and verified.

use crate::{
    LOG_FILE, MAX_LOG_BYTES, WITNESS_FILE,
    error::ResolveError,
    log::{At, Resolved, needs_witnesses, url, verify},
};
use legation_did::{Did, Document};
use legation_keys::time;
use legation_resolver::Fetcher;

/// What a log is served as: its own types, and what web servers make of the file's name.
const LOG_TYPES: [&str; 6] = [
    "text/jsonl",
    "application/jsonl",
    "application/x-ndjson",
    "application/octet-stream",
    "application/json",
    "text/plain",
];
const WITNESS_TYPES: [&str; 3] = ["application/json", "application/octet-stream", "text/plain"];

/// The version of a did:webvh that is asked for, from its domain.
///
/// # Errors
/// [`ResolveError`].
pub async fn resolve(fetcher: &Fetcher, did: &Did, at: &At) -> Result<Resolved, ResolveError> {
    let log = fetcher.file(&url(did, LOG_FILE)?, &LOG_TYPES, MAX_LOG_BYTES).await?;
    let witnesses = match needs_witnesses(&log)? {
        true => Some(fetcher.file(&url(did, WITNESS_FILE)?, &WITNESS_TYPES, MAX_LOG_BYTES).await?),
        false => None,
    };
    Ok(verify(did, &log, witnesses.as_deref(), at)?)
}

/// The document that a did:webvh has now, for its keys.
///
/// # Errors
/// [`ResolveError`]; [`ResolveError::Ended`] where the DID has been ended.
pub async fn document(fetcher: &Fetcher, did: &Did) -> Result<Document, ResolveError> {
    let version = resolve(fetcher, did, &At::Latest).await?;
    if version.is_ended() {
        return Err(ResolveError::Ended { at: time::format(version.version_time) });
    }
    Ok(Document::parse(version.document.to_string().as_bytes())?)
}
