//! Why there is no answer.

use crate::{client::TIME, frame::MAX_FRAME};
use std::path::PathBuf;

/// Why there is no answer. It never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens at the socket.
    #[error("no signer answers at `{}`: {reason}; start it with `legation signer`", .socket.display())]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// Who listens at the socket is another user, who is told nothing.
    #[error("the signer at `{}` is the user {found}, expected {expected}; run both as one user", .socket.display())]
    NotOurs {
        /// The socket.
        socket: PathBuf,
        /// Its user.
        found: u32,
        /// Ours.
        expected: u32,
    },
    /// No answer in 10 s. Whether it was done is not known.
    #[error("the signer at `{}` did not answer within {} s", .socket.display(), TIME.as_secs())]
    TimedOut {
        /// The socket.
        socket: PathBuf,
    },
    /// The connection ended before an answer, a new one too. Whether it was done is not known.
    #[error("the signer at `{}` went away before it answered: {reason}", .socket.display())]
    Gone {
        /// The socket.
        socket: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// What is asked does not fit into a frame. Nothing was sent.
    #[error("the request has {found} bytes, at most {MAX_FRAME} can be asked")]
    TooLarge {
        /// How many bytes it has.
        found: usize,
    },
    /// The answer is none to what was asked.
    #[error("the signer at `{}` gave an answer that is not known; is it of another version?", .socket.display())]
    Answer {
        /// The socket.
        socket: PathBuf,
    },
    /// The signer did not do it.
    #[error("{message}")]
    Refused {
        /// Its stable code, such as `not_at_this_door`.
        code: String,
        /// Why.
        message: String,
    },
}

impl ClientError {
    /// The stable code; of what the signer refused, the signer's.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Unreachable { .. } => "signer_unreachable",
            Self::NotOurs { .. } => "signer_not_ours",
            Self::TimedOut { .. } => "signer_timed_out",
            Self::Gone { .. } => "signer_gone",
            Self::TooLarge { .. } => "input_too_large",
            Self::Answer { .. } => "signer_answer",
            Self::Refused { code, .. } => code,
        }
    }
}
