//! Why an entry was not written, or a log is none of ours.

use legation_did::DidError;
use legation_keys::{data_integrity::AddProofError, json::JsonError};

/// Why an entry was not written, or a log is not one that was written here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The document, or a line of the log, is no JSON that is read here.
    #[error("it is not read: {0}")]
    Json(#[from] JsonError),
    /// The document is not of the DID whose log it is.
    #[error("the document is of `{found}`, not of `{expected}`")]
    Document {
        /// Its `id`.
        found: String,
        /// The DID of the log.
        expected: String,
    },
    /// What comes before the entry is no id of a version.
    #[error("`{found}` is no `versionId`, which is a number, a dash and a hash")]
    VersionId {
        /// What was given.
        found: String,
    },
    /// What was made is no DID.
    #[error("{0}")]
    Did(#[from] DidError),
    /// The key is no Ed25519 key, which did:webvh 1.0 asks for, or did not sign.
    #[error("{0}")]
    Sign(#[from] AddProofError),
    /// The log has no line.
    #[error("the log has no entry")]
    Empty,
    /// A rule is broken by a line.
    #[error("version {number} {reason}")]
    Broken {
        /// Its number, from 1.
        number: usize,
        /// Which rule.
        reason: String,
    },
}

impl EntryError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(error) => error.code(),
            Self::Document { .. } => "issuer_mismatch",
            Self::VersionId { .. } | Self::Did(_) => "malformed",
            Self::Sign(AddProofError::Sign(_)) => "sign_failed",
            Self::Sign(_) => "algorithm_not_allowed",
            Self::Empty | Self::Broken { .. } => "log_invalid",
        }
    }
}
