//! The responses of OpenAI's newer interface: the same models, asked by items in place of messages.
//!
//! Nothing is kept at the provider, so that nothing of it can be another agent's: what goes on says `"store":false`, and what
//! names an earlier response, a conversation or an item that is kept there does not pass. Whoever goes on sends the items
//! themselves, the model's thoughts among them, encrypted (`include` of `reasoning.encrypted_content`).

mod items;

use super::{
    AtMost, ChatError, Ended, Usage, UsageError,
    bound::{OWN_TOKENS, bounded, facts_of},
    refusal::shorten,
    usage,
};
use crate::{
    json::{boolean, integer, member, needed_model, read_object},
    members::Members,
    sse::Events,
    weight::Weight,
};
use core::fmt;
use items::{check_input, check_tools};
use legation_credential::Facts;
use legation_keys::{
    Json,
    json::{JsonError, MAX_INTEGER},
};
use legation_registry::model::{Model, Target};

/// Members that pass as they came: they change what is answered, not what a token costs. Some are read as well.
const PASSED: [&str; 17] = [
    "include",
    "input",
    "instructions",
    "max_tool_calls",
    "parallel_tool_calls",
    "prompt_cache_key",
    "reasoning",
    "safety_identifier",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
];
/// Members that are written anew when the request is forwarded.
const REWRITTEN: [&str; 3] = ["model", "max_output_tokens", "store"];
/// Members that are known and do not pass, with what they would do.
const REFUSED: [(&str, &str); 11] = [
    ("background", "the provider would keep the answer"),
    ("background_options", "the provider would keep the answer"),
    ("context_management", "what the provider leaves out of a prompt is not bounded"),
    ("conversation", "it is kept at the provider, and may be another agent's; send the items"),
    ("image", "pictures have a price of their own"),
    ("metadata", "the provider would keep it with the answer"),
    ("moderation", "another model would be called, at a price of its own"),
    ("previous_response_id", "it is kept at the provider, and may be another agent's; send the items"),
    ("prompt", "it is kept at the provider, and nobody knows how long it is"),
    ("prompt_cache_options", "it says how long the provider keeps the prompt"),
    ("prompt_cache_retention", "it says how long the provider keeps the prompt"),
];
/// What of an answer may be asked for besides.
const INCLUDED: [&str; 2] = ["reasoning.encrypted_content", "message.output_text.logprobs"];

/// A request that passes. It holds the prompt, which its `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Responses {
    model: String,
    limit: Option<u64>,
    stream: bool,
    tools: u64,
    user: Option<String>,
    /// All members that are forwarded as they came: `"name":text` with commas between.
    passed: String,
    /// Most tokens of the prompt, by its bytes.
    prompt: u64,
}

impl fmt::Debug for Responses {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = out.debug_struct("Responses");
        out.field("model", &self.model).field("limit", &self.limit).field("stream", &self.stream);
        out.field("tools", &self.tools).finish_non_exhaustive()
    }
}

impl Responses {
    /// Reads a request as an SDK sends it. A member that is `null` is as if it were not there.
    ///
    /// # Errors
    /// [`ChatError`], as [`Chat::read`](super::Chat::read).
    ///
    /// ```
    /// use legation_gateway::openai::Responses;
    /// let asked = Responses::read(br#"{"model":"gpt-5","input":"Hi","stream":true}"#)?;
    /// assert_eq!((asked.model(), asked.is_streamed()), ("gpt-5", true));
    /// let refused = Responses::read(br#"{"model":"gpt-5","input":"Hi","previous_response_id":"resp_1"}"#);
    /// assert_eq!(refused.unwrap_err().code(), "unsupported_member");
    /// # Ok::<(), legation_gateway::openai::ChatError>(())
    /// ```
    pub fn read(body: &[u8]) -> Result<Self, ChatError> {
        read_object(body, |request| {
            request.iter().try_for_each(|(name, value)| check_member(name, value))?;
            let expected = "a text or an array of items";
            let input = member(request, "input")
                .ok_or(ChatError::Missing { member: "input".to_owned(), expected })?;
            let added = check_input(input)?;
            let tools = member(request, "tools").map_or(Ok(0), check_tools)?;
            let members = Members::read(body).map_err(|reason| JsonError::Malformed { reason })?;
            let passed = members.written_without(&REWRITTEN);
            let bytes = u64::try_from(passed.len()).unwrap_or(u64::MAX);
            let structure = Weight::of(passed.as_bytes()).tokens();
            Ok(Self {
                model: needed_model(request)?,
                limit: integer(request, "max_output_tokens", (1, MAX_INTEGER.unsigned_abs()))?,
                stream: boolean(request, "stream")?.unwrap_or(false),
                tools,
                user: super::request::user(request)?,
                passed,
                prompt: bytes.saturating_add(structure).saturating_add(added),
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

    /// Who asks at the caller's, as it says: `safety_identifier`, or `user`.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// What this request takes at most of a model, at any of its targets. Reasoning is part of `max_output_tokens`.
    ///
    /// # Errors
    /// As [`Chat::at_most`](super::Chat::at_most).
    pub fn at_most(&self, model: &Model) -> Result<AtMost, ChatError> {
        bounded(model, self.prompt.saturating_add(OWN_TOKENS), (self.answer_limit(model)?, 1))
    }

    fn answer_limit(&self, model: &Model) -> Result<u64, ChatError> {
        match self.limit {
            Some(found) if found > model.max_output_tokens => Err(ChatError::AnswerTooLong {
                model: model.name.clone(),
                found,
                most: model.max_output_tokens,
            }),
            limit => Ok(limit.unwrap_or(model.max_output_tokens)),
        }
    }

    /// The facts that constraints of a grant are held against, as those of a chat completion.
    ///
    /// # Errors
    /// As [`Responses::at_most`].
    pub fn facts(&self, model: &Model) -> Result<Facts, ChatError> {
        facts_of(model, &self.at_most(model)?, (1, self.tools, self.stream))
    }

    /// The request as a target gets it: with the target's name of the model, with an explicit bound on the answer, and
    /// nothing of it kept there.
    ///
    /// # Errors
    /// [`ChatError::AnswerTooLong`].
    pub fn forward(&self, target: &Target, model: &Model) -> Result<Vec<u8>, ChatError> {
        let name = serde_json::Value::from(target.model.as_str());
        let limit = self.answer_limit(model)?;
        let text = format!(r#"{{"model":{name},{},"max_output_tokens":{limit},"store":false}}"#, self.passed);
        Ok(text.into_bytes())
    }
}

fn check_member(name: &str, value: &Json<'_>) -> Result<(), ChatError> {
    let unsupported = |reason| Err(ChatError::Unsupported { member: shorten(name), reason });
    match (name, value) {
        (_, Json::Null) if REFUSED.iter().any(|(refused, _)| *refused == name) => Ok(()),
        ("background" | "store", Json::Bool(false))
        | ("service_tier" | "truncation" | "store", Json::Null) => Ok(()),
        ("store", _) => unsupported("the provider would keep the answer; send `false`, or leave it out"),
        ("truncation", Json::String(_)) => Ok(()),
        // The tier of the provider's project, which the price is of.
        ("service_tier", Json::String(tier)) if matches!(tier.as_ref(), "auto" | "default") => Ok(()),
        ("service_tier", _) => unsupported("another tier has another price; only `auto` and `default` pass"),
        ("include", Json::Array(list)) => {
            let known = |one: &Json<'_>| one.as_str().is_some_and(|one| INCLUDED.contains(&one));
            if list.iter().all(known) {
                return Ok(());
            }
            unsupported("only the model's own thoughts, encrypted, and probabilities can be asked for")
        }
        (name, _) if PASSED.contains(&name) || REWRITTEN.contains(&name) => Ok(()),
        _ => match REFUSED.iter().find(|(refused, _)| *refused == name) {
            Some((_, reason)) => unsupported(reason),
            None => Err(ChatError::Unknown { member: shorten(name) }),
        },
    }
}

/// The usage that a whole answer says.
///
/// # Errors
/// [`UsageError`].
pub fn of_answer(body: &[u8]) -> Result<Usage, UsageError> {
    usage::of_member(body, |text| usage::read_as(text, &usage::RESPONSES))
}

/// Reads a stream that passes through, unchanged. Its last event says all of the answer again, its usage included.
///
/// ```
/// use legation_gateway::openai::responses::Meter;
/// let mut meter = Meter::default();
/// let _ = meter.push(b"data: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":9,\"output_tokens\":4}}}\n\n");
/// let ended = meter.end();
/// assert!(ended.finished && ended.usage.is_some_and(|usage| (usage.input, usage.output) == (9, 4)));
/// ```
#[derive(Debug, Default)]
pub struct Meter {
    events: Events,
    said: Said,
}

/// What was read of it.
#[derive(Debug, Default)]
struct Said {
    usage: Option<Result<Usage, UsageError>>,
    finished: bool,
}

impl Meter {
    /// Takes the next bytes of the provider, and gives those that go to the caller now.
    #[must_use]
    pub fn push(&mut self, chunk: &[u8]) -> Vec<u8> {
        let Self { events, said } = self;
        events.push(chunk, &mut |data| said.read(data))
    }

    /// The end of the stream, wherever it was cut.
    #[must_use]
    pub fn end(self) -> Ended {
        let Self { events, mut said } = self;
        let rest = events.end(&mut |data| said.read(data));
        Ended::of(rest, said.usage, said.finished)
    }
}

impl Said {
    fn read(&mut self, data: &str) -> bool {
        // Most events, a word each, need no more than this.
        if !data.contains("\"response\"") {
            return false;
        }
        let Ok(event) = Members::read(data.as_bytes()) else { return false };
        let ends = [r#""response.completed""#, r#""response.incomplete""#, r#""response.failed""#];
        if event.get("type").is_some_and(|kind| ends.contains(&kind)) {
            self.finished = true;
            let response = event.get("response").and_then(|text| Members::read(text.as_bytes()).ok());
            let said = response.as_ref().and_then(|response| response.get("usage"));
            self.usage = said.map(|text| usage::read_as(text, &usage::RESPONSES));
        }
        false
    }
}
