//! Why a request is no bot's, and why bytes are no directory.

use super::{TAG, key_directory::MAX_KEYS};
use crate::error::{BaseError, ReadError};
use legation_keys::{json::JsonError, time};

/// Why a request is no bot's.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BotError {
    /// No signature has the tag.
    #[error("no signature has the tag `{TAG}`")]
    NoSignature,
    /// The headers or the signed components can't be read.
    #[error("{0}")]
    Base(#[from] BaseError),
    /// A parameter or the signature can't be read.
    #[error("{0}")]
    Read(#[from] ReadError),
    /// A component has to be covered and is not.
    #[error("the signature does not cover `{component}`")]
    Uncovered {
        /// Which one.
        component: &'static str,
    },
    /// No signature names the URL that the keys are of.
    #[error("no signature covers a `Signature-Agent` that is `{expected}`")]
    Agent {
        /// The URL, shortened.
        expected: String,
    },
    /// The signature says no times, or they are not of now, or it lives for too long.
    #[error(
        "`created` is {} and `expires` is {}, and now is {}; both have to be there, and at most {most} s apart",
        at(*.created), at(*.expires), time::format(*.now)
    )]
    Time {
        /// `created`, Unix seconds.
        created: Option<i64>,
        /// `expires`, Unix seconds.
        expires: Option<i64>,
        /// Now, Unix seconds.
        now: i64,
        /// The longest life, seconds.
        most: i64,
    },
    /// No key that is known has this thumbprint, or it is for another algorithm.
    #[error("no key of the directory is `{found}`")]
    Key {
        /// What `keyid` says.
        found: String,
    },
    /// The signature does not fit.
    #[error("the signature does not fit")]
    Signature,
}

impl BotError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSignature | Self::Signature => "signature_invalid",
            Self::Base(error) => error.code(),
            Self::Read(error) => error.code(),
            Self::Uncovered { .. } => "request_binding_mismatch",
            Self::Time { .. } => "presentation_stale",
            Self::Agent { .. } | Self::Key { .. } => "key_not_found",
        }
    }
}

/// A moment that may not be said.
fn at(moment: Option<i64>) -> String {
    moment.map_or("missing".to_owned(), time::format)
}

/// Why bytes are no directory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// Not strict JSON.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// No object with an array `keys` of at most 64.
    #[error("the directory has no array `keys` of at most {MAX_KEYS}")]
    Keys,
}
