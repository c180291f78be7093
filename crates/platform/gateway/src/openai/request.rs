//! A chat completion request.

use super::{
    members::Members,
    message::{check_messages, check_tools},
    refusal::{ChatError, shorten},
    weight::Weight,
};
use core::fmt;
use legation_keys::{
    Json,
    json::{self, JsonError, JsonLimits, MAX_INTEGER, Object},
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
        if body.len() > LIMITS.bytes {
            return Err(JsonError::TooLarge { limit: LIMITS.bytes, found: body.len() }.into());
        }
        // Before a tree is built of them.
        let found = Weight::of(body).values;
        if found > MAX_VALUES {
            return Err(ChatError::TooManyValues { limit: MAX_VALUES, found });
        }
        let json = json::parse(body, LIMITS)?;
        let request = json.as_object().ok_or_else(|| ChatError::Wrong {
            member: "body".to_owned(),
            found: json.kind(),
            expected: "an object",
        })?;
        request.iter().try_for_each(|(name, value)| check_member(name, value))?;
        let messages = member(request, "messages")
            .ok_or(ChatError::Missing { member: "messages".to_owned(), expected: "an array of messages" })?;
        let arguments = check_messages(messages)?;
        let tools = member(request, "tools").map_or(Ok(0), check_tools)?;
        let (wants_usage, obfuscation) = stream_options(request)?;
        let passed = passed(body)?;
        let bytes = u64::try_from(passed.len()).unwrap_or(u64::MAX);
        let structure = Weight::of(passed.as_bytes()).tokens().saturating_add(arguments);
        Ok(Self {
            model: model(request)?,
            limit: limit(request)?,
            choices: integer(request, "n", MAX_CHOICES)?.unwrap_or(1),
            stream: boolean(request, "stream")?.unwrap_or(false),
            wants_usage,
            obfuscation,
            tools,
            passed,
            prompt: bytes.saturating_add(structure),
        })
    }

    /// The organization's name of the model that is asked.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
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
    let mut passed = String::with_capacity(body.len());
    for (name, text) in members.iter().filter(|(name, _)| !REWRITTEN.contains(name)) {
        if !passed.is_empty() {
            passed.push(',');
        }
        // One of the names above, which need no escapes.
        passed.extend(["\"", name, "\":", text]);
    }
    Ok(passed)
}

fn member<'j, 'a>(request: &'j Object<'a>, name: &str) -> Option<&'j Json<'a>> {
    request.get(name).filter(|value| **value != Json::Null)
}

fn wrong(name: &str, found: &Json<'_>, expected: &'static str) -> ChatError {
    ChatError::Wrong { member: name.to_owned(), found: found.kind(), expected }
}

fn model(request: &Object<'_>) -> Result<String, ChatError> {
    let expected = "the name of a model, such as `models.list()` gives them";
    match member(request, "model") {
        None => Err(ChatError::Missing { member: "model".to_owned(), expected }),
        Some(Json::String(name)) if (1..=256).contains(&name.len()) => Ok(name.clone().into_owned()),
        Some(Json::String(_)) => {
            Err(ChatError::Wrong { member: "model".to_owned(), found: "empty or too long", expected })
        }
        Some(found) => Err(wrong("model", found, expected)),
    }
}

fn boolean(request: &Object<'_>, name: &str) -> Result<Option<bool>, ChatError> {
    match member(request, name) {
        None => Ok(None),
        Some(Json::Bool(value)) => Ok(Some(*value)),
        Some(found) => Err(wrong(name, found, "a boolean")),
    }
}

/// A whole number from 1.
fn integer(request: &Object<'_>, name: &str, most: u64) -> Result<Option<u64>, ChatError> {
    let Some(value) = member(request, name) else { return Ok(None) };
    let found = value.as_integer().ok_or_else(|| wrong(name, value, "an integer"))?;
    match u64::try_from(found) {
        Ok(number) if (1..=most).contains(&number) => Ok(Some(number)),
        _ => Err(ChatError::OutOfRange {
            member: name.to_owned(),
            found,
            least: 1,
            most: i64::try_from(most).unwrap_or(MAX_INTEGER),
        }),
    }
}

/// Most tokens of an answer. The two members mean the same, and OpenAI refuses both as well.
fn limit(request: &Object<'_>) -> Result<Option<u64>, ChatError> {
    let most = MAX_INTEGER.unsigned_abs();
    match (integer(request, "max_tokens", most)?, integer(request, "max_completion_tokens", most)?) {
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
