//! A chat completion request.

use super::{
    message::{check_messages, check_tools},
    refusal::{ChatError, shorten},
};
use crate::{
    json::{boolean, integer, member, needed_model, read_object, wrong},
    members::Members,
    weight::Weight,
};
use core::fmt;
use legation_keys::{
    Json,
    json::{JsonError, JsonLimits, MAX_INTEGER, Object},
};

/// Bounds on a body: two million words, and more levels than schemas of tools have.
pub const LIMITS: JsonLimits = JsonLimits { bytes: 4 << 20, depth: 64 };
/// Most JSON values of a body. A tree of them takes a few megabytes, where four million of `0,` would take a hundred.
pub const MAX_VALUES: u64 = 100_000;
/// Most answers to one request.
pub const MAX_CHOICES: u64 = 16;

/// Members that pass as they came: they change what is answered, not what a token costs. Some are read as well.
const PASSED: [&str; 21] = [
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "messages",
    "n",
    "parallel_tool_calls",
    "presence_penalty",
    // Where the provider looks for a prompt in its cache. What it writes there is part of the price.
    "prompt_cache_key",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "stop",
    "stream",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
];
/// Members that are written anew when the request is forwarded.
const REWRITTEN: [&str; 4] = ["model", "max_tokens", "max_completion_tokens", "stream_options"];
/// Members that are known and do not pass, with what they would do.
const REFUSED: [(&str, &str); 10] = [
    ("audio", "an answer in audio is not bounded by `max_tokens`"),
    ("function_call", "OpenAI has replaced it; use `tool_choice`"),
    ("functions", "OpenAI has replaced it; use `tools`"),
    ("metadata", "the provider would keep it with the answer"),
    ("moderation", "another model would be called, at a price of its own"),
    ("prediction", "tokens that are predicted and not taken are charged as well"),
    ("prompt_cache_options", "it says how long the provider keeps the prompt"),
    ("prompt_cache_retention", "it says how long the provider keeps the prompt"),
    ("web_search_options", "the provider would search, at a price of its own"),
    ("web_search", "the provider would search, at a price of its own"),
];

/// A request that passes. It holds the prompt, which its `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Chat {
    model: String,
    pub(super) limit: Option<u64>,
    pub(super) choices: u64,
    pub(super) stream: bool,
    wants_usage: bool,
    pub(super) obfuscation: Option<bool>,
    pub(super) tools: u64,
    user: Option<String>,
    /// All members that are forwarded as they came: `"name":text` with commas between.
    pub(super) passed: String,
    /// Most tokens of the prompt, by its bytes.
    pub(super) prompt: u64,
}

impl fmt::Debug for Chat {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = out.debug_struct("Chat");
        out.field("model", &self.model).field("limit", &self.limit).field("choices", &self.choices);
        out.field("stream", &self.stream).field("tools", &self.tools).finish_non_exhaustive()
    }
}

impl Chat {
    /// Reads a request as an SDK sends it. A member that is `null` is as if it were not there.
    ///
    /// # Errors
    /// [`ChatError`]: what is no strict JSON within [`LIMITS`] and [`MAX_VALUES`], a member that is not listed here, or
    /// that would keep something at the provider or cost something that is not reserved, and parts of messages
    /// whose tokens are not bounded by their bytes.
    ///
    /// ```
    /// use legation_gateway::openai::Chat;
    /// let chat = Chat::read(br#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hi"}],"stream":true}"#)?;
    /// assert_eq!((chat.model(), chat.is_streamed(), chat.wants_usage()), ("gpt-4o-mini", true, false));
    /// let refused = Chat::read(br#"{"model":"m","messages":[{"role":"user","content":"Hi"}],"store":true}"#);
    /// assert_eq!(refused.unwrap_err().code(), "unsupported_member");
    /// # Ok::<(), legation_gateway::openai::ChatError>(())
    /// ```
    pub fn read(body: &[u8]) -> Result<Self, ChatError> {
        read_object(body, |request| {
            request.iter().try_for_each(|(name, value)| check_member(name, value))?;
            let messages = member(request, "messages").ok_or(ChatError::Missing {
                member: "messages".to_owned(),
                expected: "an array of messages",
            })?;
            let arguments = check_messages(messages)?;
            let tools = member(request, "tools").map_or(Ok(0), check_tools)?;
            let (wants_usage, obfuscation) = stream_options(request)?;
            let passed = passed(body)?;
            let bytes = u64::try_from(passed.len()).unwrap_or(u64::MAX);
            let structure = Weight::of(passed.as_bytes()).tokens().saturating_add(arguments);
            Ok(Self {
                model: needed_model(request)?,
                limit: limit(request)?,
                choices: integer(request, "n", (1, MAX_CHOICES))?.unwrap_or(1),
                stream: boolean(request, "stream")?.unwrap_or(false),
                wants_usage,
                obfuscation,
                tools,
                user: user(request)?,
                passed,
                prompt: bytes.saturating_add(structure),
            })
        })
    }

    /// The organization's name of the model that is asked.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Who asks at the caller's, as it says: `safety_identifier`, or `user`.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Whether the answer is streamed.
    #[must_use]
    pub fn is_streamed(&self) -> bool {
        self.stream
    }

    /// Whether the caller itself asked for the usage of a stream, and so gets the chunk that says it.
    #[must_use]
    pub fn wants_usage(&self) -> bool {
        self.wants_usage
    }
}

fn check_member(name: &str, value: &Json<'_>) -> Result<(), ChatError> {
    let unsupported = |reason| Err(ChatError::Unsupported { member: shorten(name), reason });
    match (name, value) {
        (_, Json::Null) if REFUSED.iter().any(|(refused, _)| *refused == name) => Ok(()),
        (name, _) if PASSED.contains(&name) || REWRITTEN.contains(&name) => Ok(()),
        ("store" | "modalities" | "service_tier", Json::Null) => Ok(()),
        ("store", Json::Bool(false)) => Ok(()),
        ("store", _) => unsupported("the provider would keep the answer"),
        ("modalities", Json::Array(list)) if list.iter().all(|one| one.as_str() == Some("text")) => Ok(()),
        ("modalities", _) => unsupported("only an answer in text is bounded by `max_tokens`"),
        // The tier of the provider's project, which the price is of.
        ("service_tier", Json::String(tier)) if matches!(tier.as_ref(), "auto" | "default") => Ok(()),
        ("service_tier", _) => unsupported("another tier has another price; only `auto` and `default` pass"),
        _ => match REFUSED.iter().find(|(refused, _)| *refused == name) {
            Some((_, reason)) => unsupported(reason),
            None => Err(ChatError::Unknown { member: shorten(name) }),
        },
    }
}

/// All members that are not written anew, as they came.
fn passed(body: &[u8]) -> Result<String, ChatError> {
    let members = Members::read(body).map_err(|reason| JsonError::Malformed { reason })?;
    Ok(members.written_without(&REWRITTEN))
}

/// Who asks at the caller's, as it says: `safety_identifier`, or `user`, which OpenAI has replaced by it.
pub(super) fn user(request: &Object<'_>) -> Result<Option<String>, ChatError> {
    for name in ["safety_identifier", "user"] {
        match member(request, name) {
            None => {}
            Some(Json::String(user)) => return Ok(Some(user.clone().into_owned())),
            Some(found) => return Err(wrong(name, found, "a text")),
        }
    }
    Ok(None)
}

/// Most tokens of an answer. The two members mean the same, and OpenAI refuses both as well.
fn limit(request: &Object<'_>) -> Result<Option<u64>, ChatError> {
    let range = (1, MAX_INTEGER.unsigned_abs());
    match (integer(request, "max_tokens", range)?, integer(request, "max_completion_tokens", range)?) {
        (Some(_), Some(_)) => Err(ChatError::TwoLimits),
        (one, other) => Ok(one.or(other)),
    }
}

/// `include_usage` and `include_obfuscation`.
fn stream_options(request: &Object<'_>) -> Result<(bool, Option<bool>), ChatError> {
    let Some(value) = member(request, "stream_options") else { return Ok((false, None)) };
    let options = value.as_object().ok_or_else(|| wrong("stream_options", value, "an object"))?;
    if boolean(request, "stream")? != Some(true) {
        let reason = "it is for answers with `stream`; leave it out";
        return Err(ChatError::Unsupported { member: "stream_options".to_owned(), reason });
    }
    if let Some(name) = options.unknown_member(&["include_usage", "include_obfuscation"]) {
        return Err(ChatError::Unknown { member: format!("stream_options.{}", shorten(name)) });
    }
    let usage = boolean(options, "include_usage")?.unwrap_or(false);
    Ok((usage, boolean(options, "include_obfuscation")?))
}
