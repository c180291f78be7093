//! Why a did:webvh was not resolved or written.

use legation_did::{DidError, document::DocumentError};
use legation_keys::json::JsonError;
use legation_resolver::FetchError;

/// Why a log does not say what is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// Not a did:webvh, or of a host or path that no did:web may have.
    #[error("`{found}` is not a did:webvh: {reason}")]
    NotWebvh {
        /// The DID.
        found: String,
        /// What is wrong, and what would do.
        reason: String,
    },
    /// More bytes or entries than are read.
    #[error("the log has {found} {unit}, at most {limit} are read")]
    TooLarge {
        /// `bytes` or `entries`.
        unit: &'static str,
        /// Their number.
        found: usize,
        /// The bound.
        limit: usize,
    },
    /// A line of the log, or the witnesses' file, is no JSON that is read here.
    #[error("line {line} of the log is not read: {error}")]
    Json {
        /// Its number, from 1; 0 is the file of the witnesses.
        line: usize,
        /// Why.
        error: JsonError,
    },
    /// A rule of did:webvh is broken: the chain of hashes, a signature, a parameter, a time, a witness.
    #[error("the log is not that of the DID: {reason}")]
    Invalid {
        /// Which.
        reason: String,
    },
    /// The log is valid and has no version of that id or as old as that.
    #[error("the log has no version {asked}; its first is of {first}")]
    NoVersion {
        /// What was asked for.
        asked: String,
        /// The time of its first version, as RFC 3339.
        first: String,
    },
}

impl LogError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotWebvh { .. } => "malformed",
            Self::TooLarge { .. } => "input_too_large",
            Self::Json { error, .. } => error.code(),
            Self::Invalid { .. } => "log_invalid",
            Self::NoVersion { .. } => "version_not_found",
        }
    }
}

/// Why a did:webvh was not resolved.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The log was not had.
    #[error("{0}")]
    Fetch(#[from] FetchError),
    /// The log does not say what is asked.
    #[error("{0}")]
    Log(#[from] LogError),
    /// The DID has been ended.
    #[error("the DID was ended at {at}; what held before is found by time")]
    Ended {
        /// When, as RFC 3339.
        at: String,
    },
    /// The log is valid, its document none that keys are taken from here.
    #[error("the document is not used: {0}")]
    Document(#[from] DocumentError),
}

impl ResolveError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Fetch(error) => error.code(),
            Self::Log(error) => error.code(),
            Self::Ended { .. } => "did_deactivated",
            Self::Document(_) => "document_invalid",
        }
    }
}

/// Why no entry was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The place is none that a did:web may have.
    #[error("{0}")]
    Place(#[from] DidError),
    /// The log that is to be continued is no valid one.
    #[error("{0}")]
    Log(#[from] LogError),
    /// The update key is no Ed25519 key, which did:webvh 1.0 asks for.
    #[error("the update key has to be an Ed25519 key, since entries are signed by `eddsa-jcs-2022`")]
    UpdateKeyAlgorithm,
    /// The time has no RFC 3339 form, or is not after the entry before.
    #[error("the new entry would be of {found}, which is not after the last one, of {last}; wait a second")]
    Time {
        /// The time of the new entry.
        found: String,
        /// The time of the last entry.
        last: String,
    },
    /// The log's entries are signed by another key.
    #[error("the log's entries are signed by {}, not by `{found}`; give that update key", list(expected))]
    UpdateKey {
        /// The public key that was given, as Multikey.
        found: String,
        /// The keys that the log allows, as Multikeys.
        expected: Vec<String>,
    },
    /// The log has named the hashes of its next update keys, which are not written here.
    #[error(
        "the log has committed itself to its next update keys (`nextKeyHashes`), which is not continued here"
    )]
    PreRotation,
    /// The log names witnesses, whose proofs are not made here.
    #[error("the log names witnesses, whose proofs have to be collected elsewhere")]
    Witnesses,
    /// Refused by the rules of did:webvh: an update key that is not the log's, a log that was ended.
    #[error("no entry was written: {reason}")]
    Refused {
        /// Which rule.
        reason: String,
    },
}

impl WriteError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Place(_) => "malformed",
            Self::Log(error) => error.code(),
            Self::UpdateKeyAlgorithm => "algorithm_not_allowed",
            Self::Time { .. } => "not_after_last",
            Self::UpdateKey { .. } => "update_key_mismatch",
            Self::PreRotation => "pre_rotation_unsupported",
            Self::Witnesses => "witnesses_unsupported",
            Self::Refused { .. } => "update_refused",
        }
    }
}

fn list(keys: &[String]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" or ")
}
