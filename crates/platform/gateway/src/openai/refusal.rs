//! Why a request does not pass.

use legation_keys::json::JsonError;

/// Why a chat completion request is refused. Of a prompt it says nothing but the names of members.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// Not the JSON that is read here.
    #[error("the body can't be read: {0}")]
    Json(#[from] JsonError),
    /// More values than are read, whatever its bytes.
    #[error(
        "the body holds {found} values, at most {limit} are read; send fewer messages or smaller schemas"
    )]
    TooManyValues {
        /// Most values.
        limit: u64,
        /// About how many there are.
        found: u64,
    },
    /// A member that the API may have, and that is not known here.
    #[error("the member `{member}` does not pass; leave it out")]
    Unknown {
        /// Its path, shortened.
        member: String,
    },
    /// A member, or a value of it, that costs or keeps something else than what is reserved.
    #[error("the member `{member}` does not pass: {reason}")]
    Unsupported {
        /// Its path.
        member: String,
        /// What it would do.
        reason: &'static str,
    },
    /// A part of a message whose tokens can't be told from its bytes.
    #[error("`{member}` is of type `{found}`, whose tokens can't be bounded before the call; send text")]
    Unbounded {
        /// The path of the part.
        member: String,
        /// Its type.
        found: &'static str,
    },
    /// A member that must be there.
    #[error("the member `{member}` is missing; expected {expected}")]
    Missing {
        /// Its path.
        member: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A member of the wrong kind.
    #[error("the member `{member}` is {found}; expected {expected}")]
    Wrong {
        /// Its path.
        member: String,
        /// What it is.
        found: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A number outside its range.
    #[error("the member `{member}` is {found}; expected {least} to {most}")]
    OutOfRange {
        /// Its path.
        member: String,
        /// What it is.
        found: i64,
        /// Least.
        least: i64,
        /// Most.
        most: i64,
    },
    /// Both members that bound an answer.
    #[error("`max_tokens` and `max_completion_tokens` both bound the answer; give one of them")]
    TwoLimits,
    /// A longer answer than the model may give.
    #[error("an answer of {found} tokens is asked for; `{model}` gives at most {most}, ask for no more")]
    AnswerTooLong {
        /// The model.
        model: String,
        /// Tokens asked for.
        found: u64,
        /// Most that it gives.
        most: u64,
    },
    /// A model whose cost nobody knows.
    #[error(
        "`{model}` has no price, so that no call of it can be paid for; whoever runs the gateway must give it one"
    )]
    Unpriced {
        /// The model.
        model: String,
    },
    /// Something of a model of which nobody knows what it costs.
    #[error(
        "`{model}` has no price for {what}; ask for something else, or whoever runs the gateway must give it one"
    )]
    UnpricedKind {
        /// The model.
        model: String,
        /// What it has no price for.
        what: String,
    },
    /// A form that can't be read.
    #[error("the form can't be read: {reason}")]
    Form {
        /// Why.
        reason: &'static str,
    },
    /// A cost beyond what an amount can say.
    #[error(
        "a call of `{model}` with these bounds may cost more than can be reserved; ask for a shorter answer"
    )]
    TooDear {
        /// The model.
        model: String,
    },
}

impl ChatError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(error) => error.code(),
            Self::TooManyValues { .. } => "too_many_values",
            Self::Unknown { .. } => "unknown_member",
            Self::Unsupported { .. } => "unsupported_member",
            Self::Unbounded { .. } => "unbounded_input",
            Self::Missing { .. } => "missing_member",
            Self::Wrong { .. } => "wrong_member",
            Self::OutOfRange { .. } => "out_of_range",
            Self::TwoLimits => "two_limits",
            Self::AnswerTooLong { .. } => "answer_too_long",
            Self::Unpriced { .. } | Self::UnpricedKind { .. } => "unpriced",
            Self::Form { .. } => "malformed",
            Self::TooDear { .. } => "too_dear",
        }
    }

    /// The path of the member that it is about, as OpenAI's errors have it in `param`.
    #[must_use]
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::Unknown { member }
            | Self::Unsupported { member, .. }
            | Self::Unbounded { member, .. }
            | Self::Missing { member, .. }
            | Self::Wrong { member, .. }
            | Self::OutOfRange { member, .. } => Some(member),
            Self::TwoLimits | Self::AnswerTooLong { .. } => Some("max_completion_tokens"),
            Self::Unpriced { .. } | Self::UnpricedKind { .. } | Self::TooDear { .. } => Some("model"),
            Self::Form { .. } | Self::Json(_) | Self::TooManyValues { .. } => None,
        }
    }
}

/// A name out of a request for a message: at most 64 characters, none of them a control.
pub(crate) fn shorten(name: &str) -> String {
    let cut = name.char_indices().nth(64).map_or(name.len(), |(end, _)| end);
    let mut text: String = name.get(..cut).unwrap_or_default().escape_debug().collect();
    if cut < name.len() {
        text.push('…');
    }
    text
}
