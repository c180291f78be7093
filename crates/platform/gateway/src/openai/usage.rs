//! The tokens that an answer says it took.

use crate::members::Members;
use legation_keys::{
    Json,
    json::{self, JsonLimits},
};

pub use legation_registry::model::Usage;

/// Most bytes of an answer that is looked into.
pub const MAX_ANSWER: usize = 32 << 20;
/// Most tokens that are believed of one call. A number beyond is a fault, and is not debited.
pub const MAX_TOKENS: u64 = 1_000_000_000;

const LIMITS: JsonLimits = JsonLimits { bytes: 64 << 10, depth: 8 };

/// Why an answer does not say what it took. What was reserved for it stays taken then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// Too long to be looked into.
    #[error("the answer has {found} bytes; at most {MAX_ANSWER} are looked into")]
    TooLarge {
        /// Bytes there are.
        found: usize,
    },
    /// No JSON object, or `usage` is none.
    #[error("the answer can't be read: {reason}")]
    Unreadable {
        /// Where, without what the answer says.
        reason: String,
    },
    /// It says nothing of usage.
    #[error("the answer has no `usage`; whoever runs the gateway must see that the target gives it")]
    Missing,
    /// A count that is none.
    #[error("`usage.{member}` is {found}; expected an integer from 0 to {MAX_TOKENS}")]
    Count {
        /// Which.
        member: &'static str,
        /// What it is.
        found: String,
    },
    /// More tokens of the cache than there are in the prompt.
    #[error(
        "{found} tokens of the prompt are said to be read from or written to a cache, of {input} that it has"
    )]
    Inconsistent {
        /// Tokens of the prompt.
        input: u64,
        /// Tokens of it that are said to be of the cache.
        found: u64,
    },
}

impl UsageError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "answer_too_large",
            Self::Unreadable { .. } => "answer_unreadable",
            Self::Missing => "usage_missing",
            Self::Count { .. } => "usage_malformed",
            Self::Inconsistent { .. } => "usage_inconsistent",
        }
    }
}

/// The usage that a whole answer of a chat says.
///
/// # Errors
/// [`UsageError`].
///
/// ```
/// use legation_gateway::openai::of_answer;
/// let usage = of_answer(br#"{"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":7,"total_tokens":19}}"#)?;
/// assert_eq!((usage.input, usage.output), (12, 7));
/// # Ok::<(), legation_gateway::openai::UsageError>(())
/// ```
pub fn of_answer(body: &[u8]) -> Result<Usage, UsageError> {
    of_member(body, read)
}

/// What the `usage` of a whole answer says.
pub(crate) fn of_member(
    body: &[u8],
    read: impl FnOnce(&str) -> Result<Usage, UsageError>,
) -> Result<Usage, UsageError> {
    if body.len() > MAX_ANSWER {
        return Err(UsageError::TooLarge { found: body.len() });
    }
    let answer = Members::read(body).map_err(|reason| UsageError::Unreadable { reason })?;
    read(answer.get("usage").ok_or(UsageError::Missing)?)
}

/// What the counts are called.
pub(super) struct Names {
    input: &'static str,
    output: &'static str,
    details: &'static str,
    cached: &'static str,
    written: &'static str,
}

const CHAT: Names = Names {
    input: "prompt_tokens",
    output: "completion_tokens",
    details: "prompt_tokens_details",
    cached: "prompt_tokens_details.cached_tokens",
    written: "prompt_tokens_details.cache_write_tokens",
};
/// In the answers of `/v1/responses`.
pub(super) const RESPONSES: Names = Names {
    input: "input_tokens",
    output: "output_tokens",
    details: "input_tokens_details",
    cached: "input_tokens_details.cached_tokens",
    written: "input_tokens_details.cache_write_tokens",
};

/// Reads the text of a `usage` of a chat.
pub(super) fn read(text: &str) -> Result<Usage, UsageError> {
    read_as(text, &CHAT)
}

/// Reads the text of a `usage`.
///
/// Tokens of reasoning are part of the answer's by OpenAI's word. Others (xAI, Google) leave them out there and
/// count them in `total_tokens`, so that whatever the total has above the prompt counts as output.
pub(super) fn read_as(text: &str, names: &Names) -> Result<Usage, UsageError> {
    let usage = read_object(text)?;
    let needed = |member| count(&usage, member, member)?.ok_or_else(|| absent(member));
    let input = needed(names.input)?;
    let completion = needed(names.output)?;
    let total = count(&usage, "total_tokens", "total_tokens")?.unwrap_or(0);
    let details = usage.get(names.details).unwrap_or(&Json::Null);
    if !matches!(details, Json::Null | Json::Object(_)) {
        return Err(UsageError::Count { member: names.details, found: details.kind().to_owned() });
    }
    let cached = count(details, "cached_tokens", names.cached)?.unwrap_or(0);
    let written = count(details, "cache_write_tokens", names.written)?.unwrap_or(0);
    let found = cached.saturating_add(written);
    if found > input {
        return Err(UsageError::Inconsistent { input, found });
    }
    let output = completion.max(total.saturating_sub(input));
    Ok(Usage { input, cached, written, output, other: 0 })
}

/// Reads the object that a `usage` is.
pub(crate) fn read_object(text: &str) -> Result<Json<'_>, UsageError> {
    let unreadable = |error: json::JsonError| UsageError::Unreadable { reason: error.to_string() };
    let usage = json::parse(text.as_bytes(), LIMITS).map_err(unreadable)?;
    if usage.as_object().is_none() {
        return Err(UsageError::Unreadable {
            reason: format!("`usage` is {}, expected an object", usage.kind()),
        });
    }
    Ok(usage)
}

pub(crate) fn absent(member: &'static str) -> UsageError {
    UsageError::Count { member, found: "missing".to_owned() }
}

/// A count of tokens; `None` where there is no such member, or it is `null`.
pub(crate) fn count(object: &Json<'_>, name: &str, member: &'static str) -> Result<Option<u64>, UsageError> {
    let wrong = |found: String| UsageError::Count { member, found };
    match object.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Integer(number)) => match u64::try_from(*number) {
            Ok(count) if count <= MAX_TOKENS => Ok(Some(count)),
            _ => Err(wrong(number.to_string())),
        },
        Some(other) => Err(wrong(other.kind().to_owned())),
    }
}
