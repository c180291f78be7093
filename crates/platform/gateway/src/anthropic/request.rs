//! A request of messages.

use super::content::{check_messages, check_system, check_tools};
use crate::{
    json::{boolean, integer, member, needed_model, read_object, wrong},
    members::Members,
    openai::{
        AtMost, ChatError,
        bound::{OWN_TOKENS, bounded, facts_of},
        refusal::shorten,
    },
    weight::Weight,
};
use core::fmt;
use legation_credential::Facts;
use legation_keys::{
    Json,
    json::{JsonError, MAX_INTEGER, Object},
};
use legation_registry::model::{Model, Target};

/// Members that pass as they came: they change what is answered, not what a token costs. Some are read as well.
const PASSED: [&str; 12] = [
    "cache_control",
    "messages",
    "metadata",
    "output_config",
    "stop_sequences",
    "stream",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
];
/// Members that are written anew when the request is forwarded.
const REWRITTEN: [&str; 2] = ["model", "max_tokens"];
/// Members that are known and do not pass, with what they would do.
const REFUSED: [(&str, &str); 8] = [
    ("container", "the provider would run code, at a price of its own"),
    ("context_management", "what the provider leaves out of a prompt is not bounded"),
    ("diagnostics", "it names an earlier message, which may be another agent's"),
    ("inference_geo", "a place has a price of its own"),
    ("mcp_servers", "the provider would call servers by itself"),
    ("speed", "a faster answer has another price"),
    ("user_profile_id", "the provider would keep it"),
    ("workspace_id", "the workspace is that of the provider's key"),
];
/// Members of a request that counts tokens, beside those of its messages.
const COUNTED: [&str; 8] =
    ["cache_control", "messages", "model", "output_config", "system", "thinking", "tool_choice", "tools"];

/// A request that passes. It holds the prompt, which its `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Messages {
    model: String,
    limit: Option<u64>,
    stream: bool,
    tools: u64,
    /// Who asks at the caller's, as it says.
    user: Option<String>,
    /// All members that are forwarded as they came: `"name":text` with commas between.
    passed: String,
    /// Most tokens of the prompt, by its bytes.
    prompt: u64,
}

impl fmt::Debug for Messages {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = out.debug_struct("Messages");
        out.field("model", &self.model).field("limit", &self.limit).field("stream", &self.stream);
        out.field("tools", &self.tools).finish_non_exhaustive()
    }
}

impl Messages {
    /// Reads a request of `/v1/messages` as an SDK sends it. A member that is `null` is as if it were not there.
    ///
    /// # Errors
    /// [`ChatError`], as [`Chat::read`](crate::openai::Chat::read).
    ///
    /// ```
    /// use legation_gateway::anthropic::Messages;
    /// let asked = Messages::read(br#"{"model":"claude","max_tokens":100,"messages":[{"role":"user","content":"Hi"}]}"#)?;
    /// assert_eq!((asked.model(), asked.is_streamed()), ("claude", false));
    /// let refused = Messages::read(br#"{"model":"claude","max_tokens":100,"messages":[],"container":"c"}"#);
    /// assert_eq!(refused.unwrap_err().code(), "unsupported_member");
    /// # Ok::<(), legation_gateway::openai::ChatError>(())
    /// ```
    pub fn read(body: &[u8]) -> Result<Self, ChatError> {
        Self::read_as(body, false)
    }

    /// Reads a request of `/v1/messages/count_tokens`.
    ///
    /// # Errors
    /// As [`Messages::read`].
    pub fn read_to_count(body: &[u8]) -> Result<Self, ChatError> {
        Self::read_as(body, true)
    }

    fn read_as(body: &[u8], to_count: bool) -> Result<Self, ChatError> {
        read_object(body, |request| {
            request.iter().try_for_each(|(name, value)| check_member(name, value, to_count))?;
            let messages = member(request, "messages").ok_or(ChatError::Missing {
                member: "messages".to_owned(),
                expected: "an array of messages",
            })?;
            let opaque = check_messages(messages)?;
            if let Some(system) = member(request, "system") {
                check_system(system)?;
            }
            let tools = member(request, "tools").map_or(Ok(0), check_tools)?;
            let passed = passed(body)?;
            let bytes = u64::try_from(passed.len()).unwrap_or(u64::MAX);
            let prompt =
                [Weight::of(passed.as_bytes()).tokens(), opaque].into_iter().fold(bytes, u64::saturating_add);
            let limit = integer(request, "max_tokens", (1, MAX_INTEGER.unsigned_abs()))?;
            if limit.is_none() && !to_count {
                let expected = "the most tokens of the answer";
                return Err(ChatError::Missing { member: "max_tokens".to_owned(), expected });
            }
            Ok(Self {
                model: needed_model(request)?,
                limit,
                stream: boolean(request, "stream")?.unwrap_or(false),
                tools,
                user: user(request)?,
                passed,
                prompt,
            })
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

    /// Who asks at the caller's, as it says: `metadata.user_id`.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// What this request takes at most of a model, at any of its targets. Thinking is part of `max_tokens`.
    ///
    /// # Errors
    /// As [`Chat::at_most`](crate::openai::Chat::at_most).
    pub fn at_most(&self, model: &Model) -> Result<AtMost, ChatError> {
        let each = match self.limit {
            Some(found) if found > model.max_output_tokens => {
                let (name, most) = (model.name.clone(), model.max_output_tokens);
                return Err(ChatError::AnswerTooLong { model: name, found, most });
            }
            limit => limit.unwrap_or(model.max_output_tokens),
        };
        bounded(model, self.prompt.saturating_add(OWN_TOKENS), (each, 1))
    }

    /// The facts that constraints of a grant are held against, as those of a chat completion.
    ///
    /// # Errors
    /// As [`Messages::at_most`].
    pub fn facts(&self, model: &Model) -> Result<Facts, ChatError> {
        facts_of(model, &self.at_most(model)?, (1, self.tools, self.stream))
    }

    /// The facts of a request that counts tokens, which costs nothing.
    ///
    /// # Errors
    /// As [`Messages::at_most`].
    pub fn facts_to_count(&self, model: &Model) -> Result<Facts, ChatError> {
        let most = AtMost { each: 0, output: 0, cost: 0, ..self.at_most(model)? };
        facts_of(model, &most, (1, self.tools, false))
    }

    /// The request as a target gets it, with the target's name of the model. All other members are as they came.
    #[must_use]
    pub fn forward(&self, target: &Target) -> Vec<u8> {
        let name = serde_json::Value::from(target.model.as_str());
        let limit = self.limit.map_or(String::new(), |limit| format!(r#","max_tokens":{limit}"#));
        format!(r#"{{"model":{name},{}{limit}}}"#, self.passed).into_bytes()
    }
}

fn check_member(name: &str, value: &Json<'_>, to_count: bool) -> Result<(), ChatError> {
    let unsupported = |reason| Err(ChatError::Unsupported { member: shorten(name), reason });
    if to_count && !COUNTED.contains(&name) && *value != Json::Null {
        return Err(ChatError::Unknown { member: shorten(name) });
    }
    match (name, value) {
        (_, Json::Null) if REFUSED.iter().any(|(refused, _)| *refused == name) => Ok(()),
        ("cache_control", control) => super::content::check_cache_control(control, name),
        ("metadata", metadata) => check_metadata(metadata),
        (name, _) if PASSED.contains(&name) || REWRITTEN.contains(&name) || name == "top_p" => Ok(()),
        ("service_tier", Json::Null) => Ok(()),
        // The tier of the provider's key, which the price is of.
        ("service_tier", Json::String(tier)) if matches!(tier.as_ref(), "auto" | "standard_only") => Ok(()),
        ("service_tier", _) => {
            unsupported("another tier has another price; only `auto` and `standard_only` pass")
        }
        _ => match REFUSED.iter().find(|(refused, _)| *refused == name) {
            Some((_, reason)) => unsupported(reason),
            None => Err(ChatError::Unknown { member: shorten(name) }),
        },
    }
}

fn check_metadata(metadata: &Json<'_>) -> Result<(), ChatError> {
    match metadata {
        Json::Null => Ok(()),
        Json::Object(object) => match object.unknown_member(&["user_id"]) {
            Some(name) => Err(ChatError::Unknown { member: format!("metadata.{}", shorten(name)) }),
            None => Ok(()),
        },
        found => Err(wrong("metadata", found, "an object")),
    }
}

fn user(request: &Object<'_>) -> Result<Option<String>, ChatError> {
    let Some(Json::Object(metadata)) = member(request, "metadata") else { return Ok(None) };
    match member(metadata, "user_id") {
        None => Ok(None),
        Some(Json::String(user)) => Ok(Some(user.clone().into_owned())),
        Some(found) => Err(wrong("metadata.user_id", found, "a text")),
    }
}

/// All members that are not written anew, as they came.
fn passed(body: &[u8]) -> Result<String, ChatError> {
    let members = Members::read(body).map_err(|reason| JsonError::Malformed { reason })?;
    Ok(members.written_without(&REWRITTEN))
}
