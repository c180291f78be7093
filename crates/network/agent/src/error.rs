//! What can go wrong for a caller: one enum per verb.

use legation_credential::PresentError;
use legation_did::Did;
use legation_http_signature::{HeaderError, SignError as RequestSignError};
use legation_keys::secret::SignError;
use legation_resolver::{CardFetchError, FetchError};
use legation_verifier::Denial;

/// Why two agents did not meet.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MeetError {
    /// The callee's card is not believed.
    #[error("{0}")]
    Card(#[from] CardFetchError),
    /// The card is its key's, and no domain vouches for it.
    #[error("the card is of `{did}`, for which no domain vouches; meet it only if you know that DID")]
    Unbound {
        /// Whose card it is.
        did: Did,
    },
    /// Only the SDK form of the card verified.
    #[error(
        "the card is signed in the SDK form only, which leaves empty members out; somebody may have added or \
         removed some"
    )]
    Form,
    /// The card declares no handshake.
    #[error("the card declares no URL for a handshake")]
    NoHandshake,
    /// The message did not get there, or no answer came.
    #[error("{0}")]
    Fetch(#[from] FetchError),
    /// The callee answers with an error.
    #[error("the callee answers {status} `{code}`: {detail}")]
    Answer {
        /// The HTTP status, or 200 where another transport carried it.
        status: u16,
        /// The callee's code; empty where it gives none.
        code: String,
        /// In its words.
        detail: String,
    },
    /// The callee answers with another message than the handshake has at this point.
    #[error("the callee answers with another message than a {expected}")]
    Unexpected {
        /// What would have been in order.
        expected: &'static str,
    },
    /// The callee is not who it should be: its challenge or its receipt does not hold.
    #[error("the callee is not believed: {0}")]
    Callee(#[from] Denial),
    /// The callee has verified the chain and says no.
    #[error("the callee refuses: {code}: expected {expected}, found {found}")]
    Refused {
        /// The code.
        code: String,
        /// Index of the link that failed.
        link: Option<u64>,
        /// What would have passed.
        expected: String,
        /// What the callee found.
        found: String,
        /// The callee's signed receipt.
        receipt: String,
    },
    /// The agent's own key does not sign.
    #[error("{0}")]
    Sign(#[from] SignError),
    /// The chain can't be presented.
    #[error("{0}")]
    Present(#[from] PresentError),
    /// The system's random source fails.
    #[error("no random bytes can be had; nothing is begun without them")]
    Random,
}

impl MeetError {
    /// The stable code: of the callee where it refused.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Card(error) => error.code(),
            Self::Unbound { .. } => "card_unbound",
            Self::Form => "card_form",
            Self::NoHandshake => "handshake_missing",
            Self::Fetch(error) => error.code(),
            Self::Answer { code, .. } if code.is_empty() => "http_status",
            Self::Answer { code, .. } | Self::Refused { code, .. } => code,
            Self::Unexpected { .. } => "malformed",
            Self::Callee(denial) => denial.code.as_str(),
            Self::Sign(_) | Self::Present(_) | Self::Random => "unavailable",
        }
    }
}

/// Why a request was not signed, or got no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CallError {
    /// The chain fits no header.
    #[error("{0}")]
    Header(#[from] HeaderError),
    /// The request can't be signed.
    #[error("{0}")]
    Sign(#[from] RequestSignError),
    /// The system's random source fails.
    #[error("no random bytes can be had; nothing is signed without them")]
    Random,
    /// No answer came.
    #[error("{0}")]
    Fetch(#[from] FetchError),
}

impl CallError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Header(error) => error.code(),
            Self::Sign(error) => error.code(),
            Self::Random => "unavailable",
            Self::Fetch(error) => error.code(),
        }
    }
}
