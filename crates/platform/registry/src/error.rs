//! What can go wrong with a verb of the registry.

use legation_credential::{CredentialError, Refusal};
use legation_did::DidError;
use legation_log::WriteError;
use legation_policy::TextError;
use legation_signer::ClientError;
use legation_store::StoreError;

/// Why a verb changed nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RegistryError {
    /// The store gave no answer, or said no.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The signer gave no answer, or said no.
    #[error("the signer did not do it: {0}")]
    Signer(#[from] ClientError),
    /// A name can't be one.
    #[error(
        "`{found}` can't be the name of {what}: write 1 to 40 of `a`-`z`, `0`-`9` and `-`, the first a letter{more}"
    )]
    Name {
        /// Of what.
        what: &'static str,
        /// The name.
        found: String,
        /// What else is wrong with it.
        more: &'static str,
    },
    /// A domain is none that a did:web can have.
    #[error("`{found}` is no domain for a did:web: {reason}")]
    Domain {
        /// The domain.
        found: String,
        /// What is wrong.
        reason: DidError,
    },
    /// A budget can't be read.
    #[error(
        "`{found}` is no budget: {reason}; write for example `5USD/day`, `500EUR/month` or `0.01USD/day`"
    )]
    Budget {
        /// The text.
        found: String,
        /// What is wrong.
        reason: String,
    },
    /// A time can't be read.
    #[error(
        "`{found}` is no length of time: write a number with `s`, `m`, `h` or `d`, such as `30d`, up to ten years"
    )]
    Duration {
        /// The text.
        found: String,
    },
    /// What is to be delegated can't be written as an authority.
    #[error("it can't be delegated: {0}")]
    Authority(#[from] CredentialError),
    /// It may do nothing.
    #[error(
        "it is not said what it may do: name a group of models (`*` for all), or an action with a resource"
    )]
    NothingGranted,
    /// A child would get more than its parent has.
    #[error("{message}")]
    Wider {
        /// What is wrong, and what would fit.
        message: String,
        /// By which rule of narrowing, with what was found and what fits, where the parent can be read here.
        rule: Option<Box<Refusal>>,
    },
    /// It is in a state in which this can't be done.
    #[error("{what} is {state}; {remedy}")]
    State {
        /// What.
        what: String,
        /// The state.
        state: &'static str,
        /// What can be done.
        remedy: &'static str,
    },
    /// What is stored can't be read.
    #[error("what is stored of {what} can't be read: {reason}")]
    Damaged {
        /// Of what.
        what: String,
        /// What is wrong.
        reason: String,
    },
    /// A value is not what it should be.
    #[error("`{found}` is no {what}: {reason}")]
    Value {
        /// What it should be.
        what: &'static str,
        /// The text; never a secret.
        found: String,
        /// What is wrong.
        reason: String,
    },
    /// An agent card that can't be signed.
    #[error("the card can't be signed: {reason}")]
    Card {
        /// The code of what is wrong.
        code: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A code makes nobody the first admin.
    #[error(
        "the code is not the one that `legation up` printed, or it was used, or its hour is over; while there is no admin, the next \
         start prints another one"
    )]
    Claim,
    /// An idempotency key was used for something else before.
    #[error(
        "the idempotency key `{key}` was used for another request within a day; choose a new one for each"
    )]
    KeyReused {
        /// The key.
        key: String,
    },
    /// It was done, and the answer held a secret, which is shown once.
    #[error(
        "what the idempotency key `{key}` stands for was done, and its answer held a secret, which is not shown again; \
         rotate the key that was made, or block it and make another one"
    )]
    SecretAnswered {
        /// The key.
        key: String,
    },
    /// A policy that is none.
    #[error("{0}")]
    Policy(#[from] TextError),
    /// The log could not be written.
    #[error("{0}")]
    Log(#[from] WriteError),
    /// There is no organization.
    #[error("{0}")]
    Organization(&'static str),
    /// There are several organizations, or others than the one that was named.
    #[error("{}", several(.named.as_deref(), .domains))]
    Several {
        /// Which one was named.
        named: Option<String>,
        /// Those that there are.
        domains: Vec<String>,
    },
    /// A name that stands for another organization, or for something of one, at the same domain.
    #[error(
        "`{found}` is taken at this domain by {by}: two would be published at one place; choose another name"
    )]
    Taken {
        /// The name.
        found: String,
        /// By what.
        by: String,
    },
}

/// Which organizations there are.
fn several(named: Option<&str>, domains: &[String]) -> String {
    let domains: Vec<String> = domains.iter().map(|domain| format!("`{domain}`")).collect();
    let domains = domains.join(", ");
    match named {
        Some(named) => format!("there is no organization `{named}` here; there are {domains}"),
        None => format!("there are several organizations here; name one by --organization: {domains}"),
    }
}

impl RegistryError {
    /// A stable name of the error.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Store(error) => error.code(),
            Self::Signer(error) => error.code(),
            Self::Name { .. } => "name_invalid",
            Self::Domain { .. } => "domain_invalid",
            Self::Budget { .. } => "budget_invalid",
            Self::Duration { .. } => "duration_invalid",
            Self::Authority(_) => "authority_invalid",
            Self::NothingGranted => "nothing_granted",
            Self::Wider { .. } => "wider_than_parent",
            Self::State { .. } => "wrong_state",
            Self::Damaged { .. } => "store_damaged",
            Self::Value { .. } => "value_invalid",
            Self::Card { code, .. } => code,
            Self::Claim => "claim_refused",
            Self::KeyReused { .. } => "idempotency_mismatch",
            Self::SecretAnswered { .. } => "idempotency_secret",
            Self::Policy(error) => error.code(),
            Self::Log(error) => error.code(),
            Self::Organization(_) => "no_organization",
            Self::Several { named: None, .. } => "organization_unnamed",
            Self::Several { .. } => "no_organization",
            Self::Taken { .. } => "name_taken",
        }
    }

    pub(crate) fn damaged(what: &str, reason: impl ToString) -> Self {
        Self::Damaged { what: what.to_owned(), reason: reason.to_string() }
    }
}
