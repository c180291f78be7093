//! A log's bytes become the document of a moment.

use crate::{MAX_ENTRIES, MAX_LOG_BYTES, error::LogError, whole, witnesses};
use didwebvh_rs::{DIDWebVHState, log_entry::LogEntryMethods, log_entry_state::LogEntryState};
use futures::FutureExt;
use legation_did::{Did, web};
use legation_keys::{
    json::{self, JsonLimits},
    time,
};
use serde_json::Value;

pub(crate) use legation_webvh_entry::write::LINE;

pub(crate) const WITNESSES: JsonLimits = JsonLimits { bytes: MAX_LOG_BYTES, depth: 10 };

/// Which version is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// The last one.
    Latest,
    /// The one that held at a time, in seconds since 1970.
    Time(i64),
    /// The one of this `versionId`, as `3-Qm…`.
    Version(String),
}

/// A version of a document, from a log that was verified whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The document of this version, with the services that did:webvh implies (its sections on `#files` and `#whois`).
    pub document: Value,
    /// The version's id.
    pub version_id: String,
    /// From when it held, in seconds since 1970.
    pub version_time: i64,
    /// From when the next one held, in seconds since 1970; `None` for the last.
    pub next_version_time: Option<i64>,
    /// The time of the first version, in seconds since 1970.
    pub created: i64,
    /// The time of the last version, in seconds since 1970.
    pub updated: i64,
    /// Whether the DID has been ended, be it after this version.
    pub deactivated: bool,
}

impl Resolved {
    /// Whether this is the version that ended the DID: its document authorizes nothing any more.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.deactivated && self.next_version_time.is_none()
    }
}

/// Verifies the whole log of a DID and gives the version asked for. A log that is broken after that version is
/// refused too: whoever published it is not to be believed.
///
/// `log` are the bytes of `did.jsonl`, `witnesses` those of `did-witness.json`, needed where the log
/// [names witnesses](needs_witnesses).
///
/// # Errors
/// [`LogError`].
pub fn verify(did: &Did, log: &[u8], witnesses: Option<&[u8]>, at: &At) -> Result<Resolved, LogError> {
    let state = load(did, log, witnesses)?;
    let entries = state.log_entries();
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
        return Err(LogError::Invalid { reason: "it has no entry".to_owned() });
    };
    let found = match at {
        At::Latest => Some(entries.len() - 1),
        At::Time(seconds) => entries.iter().rposition(|entry| time_of(entry) <= *seconds),
        At::Version(id) => entries.iter().position(|entry| entry.get_version_id() == id),
    };
    let Some((index, entry)) = found.and_then(|index| Some((index, entries.get(index)?))) else {
        let asked = match at {
            At::Time(seconds) => format!("of {} or before", time::format(*seconds)),
            At::Version(id) => format!("`{}`", id.chars().take(80).collect::<String>()),
            At::Latest => "at all".to_owned(),
        };
        return Err(LogError::NoVersion { asked, first: time::format(time_of(first)) });
    };
    Ok(Resolved {
        document: entry.get_did_document().map_err(invalid)?,
        version_id: entry.get_version_id().to_owned(),
        version_time: time_of(entry),
        next_version_time: entries.get(index + 1).map(time_of),
        created: time_of(first),
        updated: time_of(last),
        deactivated: state.deactivated(),
    })
}

/// Whether a log names witnesses, so that their proofs have to be fetched as well. The log is not verified yet.
///
/// # Errors
/// [`LogError`] where it can't be read.
pub fn needs_witnesses(log: &[u8]) -> Result<bool, LogError> {
    let entries = DIDWebVHState::parse_log_entries(read(log)?).map_err(invalid)?;
    Ok(DIDWebVHState::needs_witness_proofs(&entries))
}

/// The did:web of the place where a did:webvh is published: its domain and path without the SCID.
///
/// # Errors
/// [`LogError::NotWebvh`].
pub fn place(did: &Did) -> Result<Did, LogError> {
    let wrong = |reason: String| LogError::NotWebvh { found: did.to_string(), reason };
    let expected = || wrong("expected `did:webvh:SCID:DOMAIN`".to_owned());
    let id = did.as_str().strip_prefix("did:webvh:").ok_or_else(expected)?;
    let (scid, place) = id.split_once(':').ok_or_else(expected)?;
    // A SHA-256 as a multihash in base58btc ("SCID Generation and Verification" of the method).
    if !(scid.len() == 46 && scid.starts_with("Qm")) {
        return Err(wrong("its SCID is not the 46 characters of a SHA-256".to_owned()));
    }
    format!("did:web:{place}").parse().map_err(|error: legation_did::DidError| wrong(error.to_string()))
}

/// Where a file of a did:webvh stands: beside the `did.json` that a did:web of the same place has.
///
/// # Errors
/// [`LogError::NotWebvh`].
pub fn url(did: &Did, file: &str) -> Result<String, LogError> {
    let place = place(did)?;
    let document = web::url(&place).unwrap_or_default();
    let folder = document.strip_suffix("did.json").unwrap_or_default();
    Ok(format!("{folder}{file}"))
}

/// The log, verified whole.
pub(crate) fn load(did: &Did, log: &[u8], witnesses: Option<&[u8]>) -> Result<DIDWebVHState, LogError> {
    place(did)?;
    let log = read(log)?;
    let witnesses = witnesses.map(witnesses::counting).transpose()?;
    let mut state = DIDWebVHState::default();
    // Nothing is waited for: the signature of the library is asynchronous for those that fetch.
    let resolved = state.resolve_log(did.as_str(), log, witnesses.as_deref()).now_or_never();
    match resolved {
        Some(Ok(_)) => whole::check(log, state.log_entries()).map(|()| state),
        Some(Err(error)) => Err(invalid(error)),
        None => Err(LogError::Invalid { reason: "its verification did not end".to_owned() }),
    }
}

/// Bounds and strict JSON: two readers of one log must not see two histories.
fn read(log: &[u8]) -> Result<&str, LogError> {
    if log.len() > MAX_LOG_BYTES {
        return Err(LogError::TooLarge { unit: "bytes", found: log.len(), limit: MAX_LOG_BYTES });
    }
    let text =
        core::str::from_utf8(log).map_err(|_| LogError::Invalid { reason: "it is no UTF-8".to_owned() })?;
    let lines = text.lines().count();
    if lines > MAX_ENTRIES {
        return Err(LogError::TooLarge { unit: "entries", found: lines, limit: MAX_ENTRIES });
    }
    for (index, line) in text.lines().enumerate() {
        json::parse(line.as_bytes(), LINE).map_err(|error| LogError::Json { line: index + 1, error })?;
    }
    Ok(text)
}

pub(crate) fn time_of(entry: &LogEntryState) -> i64 {
    entry.log_entry.get_version_time().timestamp()
}

pub(crate) fn invalid(error: didwebvh_rs::DIDWebVHError) -> LogError {
    LogError::Invalid { reason: reason(&error) }
}

/// What an error of the library says, without the names of its types.
pub(crate) fn reason(error: &dyn core::fmt::Display) -> String {
    let text = error.to_string();
    let words: Vec<&str> = text.split_whitespace().filter(|word| !word.ends_with("Error:")).collect();
    words.join(" ").chars().take(500).collect()
}
