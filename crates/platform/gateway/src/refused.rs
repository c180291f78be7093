//! Why a request does not pass, on its way to the caller.

use crate::openai::ErrorShape;
use legation_registry::RegistryError;
use legation_store::StoreError;
use legation_verifier::{Code, Denial};

/// A refusal: a stable code, and what the caller is told. It never holds a secret, and nothing of anybody else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// The stable code.
    pub code: String,
    /// What is wrong and what can be done, in a sentence.
    pub message: String,
    /// The member of the request that it is about.
    pub param: Option<String>,
    /// Seconds after which what was asked for fits, where a window frees it.
    pub retry_after: Option<u32>,
    /// The id by which the request waits for an approval.
    pub approval: Option<String>,
    /// What whoever shows an identity token is told in OAuth's words.
    pub(crate) challenge: Option<Box<Challenge>>,
}

/// A refusal in OAuth's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// The `error` (RFC 6750 §3.1, RFC 9449 §7.1).
    pub(crate) error: &'static str,
    /// The scope that would be needed.
    pub(crate) scope: Option<String>,
}

impl Challenge {
    /// The status that it is answered with.
    fn status(&self) -> u16 {
        match self.error {
            "invalid_request" => 400,
            "insufficient_scope" => 403,
            "temporarily_unavailable" => 503,
            _ => 401,
        }
    }
}

impl Refused {
    /// A refusal with a code and a message.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            param: None,
            retry_after: None,
            approval: None,
            challenge: None,
        }
    }

    /// The HTTP status that it is answered with.
    #[must_use]
    pub fn status(&self) -> u16 {
        let by_code = || crate::openai::error::status_and_type(&self.code).0;
        self.challenge.as_ref().map_or_else(by_code, |challenge| challenge.status())
    }

    /// The same, told in OAuth's words to whoever shows an identity token.
    pub(crate) fn challenged(self, error: &'static str) -> Self {
        Self { challenge: Some(Box::new(Challenge { error, scope: None })), ..self }
    }

    /// The same, of a token that lacks a scope which could be had (RFC 6750 §3.1).
    pub(crate) fn lacking(self, scope: &str) -> Self {
        let challenge = Challenge { error: "insufficient_scope", scope: Some(scope.to_owned()) };
        Self { challenge: Some(Box::new(challenge)), ..self }
    }

    /// The store gave no answer, or is closed. What it says is for whoever runs it.
    pub(crate) fn of_store(error: &StoreError) -> Self {
        match error {
            StoreError::Restored { .. } => Self::new(
                error.code(),
                "the organization's data were put back from a backup, and nothing is decided until whoever runs it has \
                 said what holds; try again later",
            ),
            _ => Self::store(),
        }
    }

    /// The same of a verb.
    pub(crate) fn of_registry(error: &RegistryError) -> Self {
        match error {
            RegistryError::Store(error) => Self::of_store(error),
            _ => Self::store(),
        }
    }

    /// The store gave no answer.
    pub(crate) fn store() -> Self {
        Self::new(
            "store_unavailable",
            "the gateway can't record what it decides at the moment; try again later",
        )
    }

    /// As an error in OpenAI's shape.
    pub(crate) fn shape<'a>(&'a self, request_id: &'a str) -> ErrorShape<'a> {
        ErrorShape {
            param: self.param.as_deref(),
            retry_after: self.retry_after,
            request_id: Some(request_id),
            status: self.challenge.is_some().then(|| self.status()),
            ..ErrorShape::new(&self.code, &self.message)
        }
    }
}

impl From<&Denial> for Refused {
    /// What a caller is told of a denial, in a sentence.
    fn from(denial: &Denial) -> Self {
        let Denial { code, expected, found, .. } = denial;
        let message = match code {
            Code::BudgetExceeded | Code::RateExceeded => format!("this call may take {found}; {expected}"),
            Code::LinkSuspended => {
                "the agent, or the team that it is in, is suspended; whoever runs the organization can \
                                    resume it"
                    .to_owned()
            }
            Code::LinkRevoked => {
                "the agent's delegation, or one above it, was revoked; whoever runs the organization can \
                                  issue another one"
                    .to_owned()
            }
            Code::PolicyDenied => {
                format!(
                    "a policy of the organization says no: {found}; whoever runs the organization can change it"
                )
            }
            Code::PolicyError => format!(
                "a policy of the organization can't be evaluated on this request, so it is denied: {found}; whoever runs the \
                 organization mends it"
            ),
            _ => format!("expected {expected}; found {found}"),
        };
        Self::new(code.as_str(), message)
    }
}
