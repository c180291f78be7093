//! What is asked of a model, by which interface: what each of them says alike.

use crate::{
    anthropic::{self, Messages},
    openai::{self, AtMost, Chat, ChatError, Embeddings, Ended, ErrorShape, Responses, UsageError, bound},
    refused::Refused,
    settle::Outcome,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use legation_credential::Facts;
use legation_registry::model::{Model, Protocol, Target};

/// Where a model is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// `/v1/chat/completions`.
    Chat,
    /// `/v1/responses`.
    Responses,
    /// `/v1/embeddings`.
    Embeddings,
    /// `/v1/messages`.
    Messages,
    /// `/v1/messages/count_tokens`.
    CountTokens,
}

/// A request that was read.
#[derive(Debug)]
pub(crate) enum Asked {
    Chat(Chat),
    Responses(Responses),
    Embeddings(Embeddings),
    Messages(Messages),
    CountTokens(Messages),
}

/// What reads a streamed answer.
#[derive(Debug)]
pub(crate) enum Meter {
    Chat(openai::Meter),
    Responses(openai::responses::Meter),
    Messages(anthropic::Meter),
}

/// In whose shape errors are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    OpenAi,
    Anthropic,
}

impl Endpoint {
    /// What its models speak.
    pub(crate) fn protocol(self) -> Protocol {
        match self {
            Self::Chat | Self::Responses | Self::Embeddings => Protocol::OpenAi,
            Self::Messages | Self::CountTokens => Protocol::Anthropic,
        }
    }

    /// In whose shape its errors are.
    pub(crate) fn shape(self) -> Shape {
        match self.protocol() {
            Protocol::OpenAi => Shape::OpenAi,
            Protocol::Anthropic => Shape::Anthropic,
        }
    }

    /// Where it is at a target.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Chat => "chat/completions",
            Self::Responses => "responses",
            Self::Embeddings => "embeddings",
            Self::Messages => "messages",
            Self::CountTokens => "messages/count_tokens",
        }
    }

    /// The action that a grant names.
    pub(crate) fn action(self) -> &'static str {
        match self {
            Self::Chat | Self::Responses | Self::Messages => bound::ACTION,
            Self::Embeddings => "model:embed",
            Self::CountTokens => "model:count-tokens",
        }
    }

    /// Reads a request.
    pub(crate) fn read(self, body: &[u8]) -> Result<Asked, ChatError> {
        Ok(match self {
            Self::Chat => Asked::Chat(Chat::read(body)?),
            Self::Responses => Asked::Responses(Responses::read(body)?),
            Self::Embeddings => Asked::Embeddings(Embeddings::read(body)?),
            Self::Messages => Asked::Messages(Messages::read(body)?),
            Self::CountTokens => Asked::CountTokens(Messages::read_to_count(body)?),
        })
    }

    /// The headers that a target gets beside its key.
    pub(crate) fn headers(self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.protocol() == Protocol::Anthropic {
            let name = HeaderName::from_static("anthropic-version");
            headers.insert(name, HeaderValue::from_static(anthropic::VERSION));
        }
        headers
    }

    /// What an answer of 200 says that it took.
    pub(crate) fn outcome(self, body: &[u8]) -> Outcome {
        Outcome::of(match self {
            Self::Chat => openai::of_answer(body),
            Self::Responses => openai::responses::of_answer(body),
            Self::Embeddings => openai::embeddings::of_answer(body),
            Self::Messages => anthropic::usage::of_answer(body),
            // Counting costs nothing.
            Self::CountTokens => return Outcome::Nothing,
        })
    }

    /// What a target's refusal cost: of some nothing was run. Others may be charged: a filter that looked at the prompt
    /// answers 400.
    pub(crate) fn refusal(self, status: u16, prompt: u64) -> Outcome {
        match status {
            401 | 403 | 404 | 413 | 422 | 429 => Outcome::Nothing,
            // Anthropic is overloaded, and says so before it runs anything.
            529 if self.protocol() == Protocol::Anthropic => Outcome::Nothing,
            400..=499 => Outcome::Prompt(prompt),
            _ => Outcome::Unknown("upstream_failed"),
        }
    }

    /// An error as an event of a stream that has begun.
    pub(crate) fn event(self, error: &ErrorShape<'_>) -> Vec<u8> {
        match self.shape() {
            Shape::OpenAi => error.event(),
            Shape::Anthropic => anthropic::error::event(error),
        }
    }
}

impl Asked {
    /// The organization's name of the model.
    pub(crate) fn model(&self) -> &str {
        match self {
            Self::Chat(chat) => chat.model(),
            Self::Responses(responses) => responses.model(),
            Self::Embeddings(embeddings) => embeddings.model(),
            Self::Messages(messages) | Self::CountTokens(messages) => messages.model(),
        }
    }

    /// What constraints are held against.
    pub(crate) fn facts(&self, model: &Model) -> Result<Facts, ChatError> {
        match self {
            Self::Chat(chat) => chat.facts(model),
            Self::Responses(responses) => responses.facts(model),
            Self::Embeddings(embeddings) => embeddings.facts(model),
            Self::Messages(messages) => messages.facts(model),
            Self::CountTokens(messages) => messages.facts_to_count(model),
        }
    }

    /// Most tokens of the prompt.
    pub(crate) fn prompt(&self, model: &Model) -> u64 {
        let most: Result<AtMost, ChatError> = match self {
            Self::Chat(chat) => chat.at_most(model),
            Self::Responses(responses) => responses.at_most(model),
            Self::Embeddings(embeddings) => embeddings.at_most(model),
            Self::Messages(messages) | Self::CountTokens(messages) => messages.at_most(model),
        };
        most.map_or(u64::MAX, |most| most.input)
    }

    /// What a target gets.
    pub(crate) fn body(&self, target: &Target, model: &Model) -> Result<Vec<u8>, ChatError> {
        match self {
            Self::Chat(chat) => chat.forward(target, model),
            Self::Responses(responses) => responses.forward(target, model),
            Self::Embeddings(embeddings) => Ok(embeddings.forward(target)),
            Self::Messages(messages) | Self::CountTokens(messages) => Ok(messages.forward(target)),
        }
    }

    /// What reads its answer, where that is to be a stream.
    pub(crate) fn meter(&self) -> Option<Meter> {
        match self {
            Self::Chat(chat) => {
                chat.is_streamed().then(|| Meter::Chat(openai::Meter::new(chat.wants_usage())))
            }
            Self::Responses(one) => {
                one.is_streamed().then(|| Meter::Responses(openai::responses::Meter::default()))
            }
            Self::Messages(one) => one.is_streamed().then(|| Meter::Messages(anthropic::Meter::default())),
            Self::Embeddings(_) | Self::CountTokens(_) => None,
        }
    }
}

impl Meter {
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Vec<u8> {
        match self {
            Self::Chat(meter) => meter.push(chunk),
            Self::Responses(meter) => meter.push(chunk),
            Self::Messages(meter) => meter.push(chunk),
        }
    }

    pub(crate) fn end(self) -> Ended {
        match self {
            Self::Chat(meter) => meter.end(),
            Self::Responses(meter) => meter.end(),
            Self::Messages(meter) => meter.end(),
        }
    }
}

/// What a caller is told of a request that does not pass.
pub(crate) fn refused(error: &ChatError) -> Refused {
    Refused { param: error.param().map(str::to_owned), ..Refused::new(error.code(), error.to_string()) }
}

/// What a stream came to.
pub(crate) fn outcome(ended: &Ended) -> Outcome {
    match (ended.usage, ended.problem.as_ref().map(UsageError::code)) {
        (Some(usage), _) => Outcome::Used(usage),
        (None, Some(problem)) => Outcome::Unknown(problem),
        (None, None) => Outcome::Unknown("usage_missing"),
    }
}
