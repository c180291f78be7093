//! What happens to delegations, told to others while it happens: Security Event Tokens (RFC 8417) by Shared Signals (SSF
//! 1.0) and CAEP 1.0. Status lists stay the truth; an event only makes who has a list look at it again.
//!
//! | module | what it holds |
//! |---|---|
//! | `receivers` | who may have a stream, by a token |
//! | `keys` | the RSA keys that sign events, and their JWK set |
//! | `streams` | a receiver's stream: made, changed, asked for a verification |
//! | `sealed` | what of a stream is sealed |
//! | `told` | which events of the organization are told, and how |
//! | `follow` | from the organization's events to what waits for each stream |
//! | `deliver` | from there to whoever polls, or is sent to |
//!
//! **From an event to a stream.** Whoever follows reads the events behind the last number that was followed and puts what
//! they mean behind what waits for each stream, in one transaction, under the lock of that number: whatever dies, each event
//! is put once, and none before it was committed. From there it is sent at least once, in order, by one process at a time.

mod deliver;
mod follow;
mod keys;
mod receivers;
mod sealed;
mod streams;
mod told;

pub use deliver::{Due, Outgoing, Polled};
pub use receivers::{NewReceiver, Scope};
pub use streams::{Delivery, MIN_VERIFICATION, Shown, Status, Wanted};
pub use told::{EVENTS, STREAM_UPDATED, VERIFICATION};

use crate::error::RegistryError;
use legation_signer::ClientError;
use legation_store::StoreError;

/// Most receivers of an organization.
pub const MOST_RECEIVERS: i64 = 1000;
/// Most events that wait for one stream. Where there are more, it is disabled, and told so.
pub const MOST_WAITING: i64 = 10_000;

/// Why a receiver is not answered.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SignalError {
    /// It shows no token that holds.
    #[error(
        "no token that holds; send `Authorization: Bearer` with one of `legation signals receiver add`, which has not expired"
    )]
    Unauthorized,
    /// Its token is not for that.
    #[error("the token has the scopes `{found}`, expected `{expected}`")]
    Scope {
        /// What the token is for.
        found: String,
        /// What is asked for.
        expected: &'static str,
    },
    /// It has no such stream. Another receiver's does not exist.
    #[error("you have no stream `{found}`")]
    NoStream {
        /// The stream.
        found: String,
    },
    /// It has one already.
    #[error("you have the stream `{found}` already; change that one, or delete it first")]
    StreamExists {
        /// The stream.
        found: String,
    },
    /// It asks for verifications too often.
    #[error("a verification was asked for {since} s ago; ask once in {MIN_VERIFICATION} s")]
    TooOften {
        /// How long ago, seconds.
        since: i64,
    },
    /// What it asks for can't be.
    #[error("`{member}`: {reason}")]
    Value {
        /// A member of what it asks for.
        member: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The organization can't be read or changed.
    #[error("{0}")]
    Registry(#[from] RegistryError),
}

impl SignalError {
    /// A stable name of the error.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Unauthorized => "token_invalid",
            Self::Scope { .. } => "scope_insufficient",
            Self::NoStream { .. } => "not_found",
            Self::StreamExists { .. } => "already_exists",
            Self::TooOften { .. } => "too_often",
            Self::Value { .. } => "value_invalid",
            Self::Registry(error) => error.code(),
        }
    }

    pub(crate) fn value(member: &'static str, reason: impl Into<String>) -> Self {
        Self::Value { member, reason: reason.into() }
    }
}

impl From<StoreError> for SignalError {
    fn from(error: StoreError) -> Self {
        Self::Registry(error.into())
    }
}

impl From<ClientError> for SignalError {
    fn from(error: ClientError) -> Self {
        Self::Registry(error.into())
    }
}
