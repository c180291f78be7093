//! What is asked of a model, by which interface: what each of them says alike.

use crate::{
    anthropic::{self, Messages},
    openai::{
        self, AtMost, Chat, ChatError, Embeddings, Ended, ErrorShape, ImageEdit, Images, Responses, Speech,
        Transcription, Usage, UsageError, bound, image_edit, transcription,
    },
    record::END_USER,
    refused::Refused,
    settle::Outcome,
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use legation_credential::Facts;
use legation_registry::model::{Model, Price, Protocol, Target};

/// Longest name of whom somebody asks for, bytes.
const MAX_USER: usize = 256;

/// Where a model is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// `/v1/chat/completions`.
    Chat,
    /// `/v1/responses`.
    Responses,
    /// `/v1/embeddings`.
    Embeddings,
    /// `/v1/images/generations`.
    Images,
    /// `/v1/images/edits`.
    ImageEdits,
    /// `/v1/audio/speech`.
    Speech,
    /// `/v1/audio/transcriptions`.
    Transcriptions,
    /// `/v1/audio/translations`.
    Translations,
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
    Images(Images),
    ImageEdit(ImageEdit),
    Speech(Speech),
    Transcription(Transcription),
    Messages(Messages),
    CountTokens(Messages),
}

/// What reads a streamed answer.
#[derive(Debug)]
pub(crate) enum Meter {
    Chat(openai::Meter),
    Responses(openai::responses::Meter),
    Messages(anthropic::Meter),
    /// Sound, which says nothing of what it took; that is known before.
    Sound,
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
            Self::Messages | Self::CountTokens => Protocol::Anthropic,
            _ => Protocol::OpenAi,
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
            Self::Images => "images/generations",
            Self::ImageEdits => "images/edits",
            Self::Speech => "audio/speech",
            Self::Transcriptions => "audio/transcriptions",
            Self::Translations => "audio/translations",
            Self::Messages => "messages",
            Self::CountTokens => "messages/count_tokens",
        }
    }

    /// The same as the route of this gateway that it is.
    pub(crate) fn route(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
            Self::Embeddings => "/v1/embeddings",
            Self::Images => "/v1/images/generations",
            Self::ImageEdits => "/v1/images/edits",
            Self::Speech => "/v1/audio/speech",
            Self::Transcriptions => "/v1/audio/transcriptions",
            Self::Translations => "/v1/audio/translations",
            Self::Messages => "/v1/messages",
            Self::CountTokens => "/v1/messages/count_tokens",
        }
    }

    /// What is done there, as the semantic conventions for generative AI call it (`gen_ai.operation.name`).
    pub(crate) fn operation(self) -> &'static str {
        match self {
            Self::Chat | Self::Responses | Self::Messages => "chat",
            Self::Embeddings => "embeddings",
            Self::Images | Self::ImageEdits | Self::Speech => "generate_content",
            // None of theirs.
            Self::Transcriptions => "transcribe",
            Self::Translations => "translate",
            Self::CountTokens => "count_tokens",
        }
    }

    /// The action that a grant names.
    pub(crate) fn action(self) -> &'static str {
        match self {
            Self::Chat | Self::Responses | Self::Messages => bound::ACTION,
            Self::Embeddings => "model:embed",
            Self::Images | Self::ImageEdits => "model:image",
            Self::Speech => "model:speak",
            Self::Transcriptions | Self::Translations => "model:transcribe",
            Self::CountTokens => "model:count-tokens",
        }
    }

    /// Most bytes of a request, where that is more than usual.
    pub(crate) fn most(self) -> Option<usize> {
        match self {
            Self::Transcriptions | Self::Translations => Some(transcription::MAX_BYTES),
            Self::ImageEdits => Some(image_edit::MAX_BYTES),
            _ => None,
        }
    }

    /// Reads a request; forms say by their content type how they are to be read.
    pub(crate) fn read(self, headers: &HeaderMap, body: &[u8]) -> Result<Asked, ChatError> {
        let form =
            || headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        Ok(match self {
            Self::ImageEdits => Asked::ImageEdit(ImageEdit::read(form(), body)?),
            Self::Images => Asked::Images(Images::read(body)?),
            Self::Speech => Asked::Speech(Speech::read(body)?),
            Self::Transcriptions | Self::Translations => {
                Asked::Transcription(Transcription::read(form(), body)?)
            }
            Self::Chat => Asked::Chat(Chat::read(body)?),
            Self::Responses => Asked::Responses(Responses::read(body)?),
            Self::Embeddings => Asked::Embeddings(Embeddings::read(body)?),
            Self::Messages => Asked::Messages(Messages::read(body)?),
            Self::CountTokens => Asked::CountTokens(Messages::read_to_count(body)?),
        })
    }

    /// The end point that a line of a batch names by its path, where a batch may.
    pub(crate) fn of_batch(path: &str) -> Option<Self> {
        let all = [Self::Chat, Self::Responses, Self::Embeddings];
        all.into_iter().find(|one| path.strip_prefix("/v1/") == Some(one.path()))
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

    /// What an answer of 200 says that it took, where that is in tokens.
    pub(crate) fn outcome(self, body: &[u8]) -> Outcome {
        Outcome::of(match self {
            Self::Chat => openai::of_answer(body),
            Self::Responses => openai::responses::of_answer(body),
            Self::Embeddings => openai::embeddings::of_answer(body),
            Self::Messages => anthropic::usage::of_answer(body),
            // Counting costs nothing.
            Self::CountTokens => return Outcome::Nothing,
            Self::Images | Self::ImageEdits | Self::Speech | Self::Transcriptions | Self::Translations => {
                Err(UsageError::Missing)
            }
        })
    }

    /// What a target's refusal cost: of some nothing was run. Others may be charged: a filter that looked at the prompt
    /// answers 400.
    pub(crate) fn refusal(self, status: u16, prompt: u64) -> Outcome {
        match status {
            401 | 403 | 404 | 413 | 422 | 429 => Outcome::Nothing,
            // What has no tokens has no prompt that is charged by itself.
            400..=499 if matches!(self, Self::Speech | Self::Transcriptions | Self::Translations) => {
                Outcome::Unknown("refused_by_provider")
            }
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
            Self::Images(one) => one.model(),
            Self::ImageEdit(one) => one.model(),
            Self::Speech(one) => one.model(),
            Self::Transcription(one) => one.model(),
            Self::Messages(messages) | Self::CountTokens(messages) => messages.model(),
        }
    }

    /// For whom it is asked, as the caller says.
    fn user(&self) -> Option<&str> {
        match self {
            Self::Chat(chat) => chat.user(),
            Self::Responses(responses) => responses.user(),
            Self::Embeddings(embeddings) => embeddings.user(),
            Self::Images(one) => one.user(),
            Self::ImageEdit(one) => one.user(),
            Self::Messages(messages) | Self::CountTokens(messages) => messages.user(),
            Self::Speech(_) | Self::Transcription(_) => None,
        }
    }

    /// What constraints are held against: those of the interface, and `end_user`, where the caller says for whom it asks.
    pub(crate) fn facts(&self, model: &Model) -> Result<Facts, ChatError> {
        let mut facts = self.own_facts(model)?;
        if let Some(user) = self.user().filter(|user| !user.is_empty()) {
            if user.len() > MAX_USER {
                let (member, expected) = ("user".to_owned(), "a name of at most 256 bytes");
                return Err(ChatError::Wrong { member, found: "too long", expected });
            }
            facts.insert(END_USER.to_owned(), user.into());
        }
        Ok(facts)
    }

    fn own_facts(&self, model: &Model) -> Result<Facts, ChatError> {
        match self {
            Self::Chat(chat) => chat.facts(model),
            Self::Responses(responses) => responses.facts(model),
            Self::Embeddings(embeddings) => embeddings.facts(model),
            Self::Images(one) => one.facts(model),
            Self::ImageEdit(one) => one.facts(model),
            Self::Speech(one) => one.facts(model),
            Self::Transcription(one) => one.facts(model),
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
            Self::Images(one) => one.at_most(model),
            Self::ImageEdit(one) => one.at_most(model),
            Self::Speech(one) => one.at_most(model),
            Self::Transcription(one) => one.at_most(model),
            Self::Messages(messages) | Self::CountTokens(messages) => messages.at_most(model),
        };
        most.map_or(u64::MAX, |most| most.input)
    }

    /// What a target gets: its content type, and its bytes.
    pub(crate) fn body(&self, target: &Target, model: &Model) -> Result<(HeaderValue, Vec<u8>), ChatError> {
        let body = match self {
            Self::Chat(chat) => chat.forward(target, model)?,
            Self::Responses(responses) => responses.forward(target, model)?,
            Self::Embeddings(embeddings) => embeddings.forward(target),
            Self::Images(one) => one.forward(target),
            Self::Speech(one) => one.forward(target),
            Self::Messages(messages) | Self::CountTokens(messages) => messages.forward(target),
            Self::Transcription(one) => return as_form(one.forward(target)),
            Self::ImageEdit(one) => return as_form(one.forward(target)),
        };
        Ok((HeaderValue::from_static("application/json"), body))
    }

    /// What an answer of 200 says that it took, at the price of the target that served it.
    pub(crate) fn outcome(&self, at: Endpoint, body: &[u8], price: Option<&Price>) -> Outcome {
        let unpriced = || UsageError::Missing;
        Outcome::of(match self {
            Self::Images(one) => price.ok_or_else(unpriced).and_then(|price| one.of_answer(body, price)),
            Self::ImageEdit(one) => price.ok_or_else(unpriced).and_then(|price| one.of_answer(body, price)),
            Self::Transcription(one) => {
                price.ok_or_else(unpriced).and_then(|price| one.of_answer(body, price))
            }
            Self::Speech(_) => self.known(price).ok_or_else(unpriced),
            _ => return at.outcome(body),
        })
    }

    /// What it takes, where that is known before.
    pub(crate) fn known(&self, price: Option<&Price>) -> Option<Usage> {
        match self {
            Self::Speech(one) => one.usage(price?),
            _ => None,
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
            Self::Speech(_) => Some(Meter::Sound),
            Self::Embeddings(_)
            | Self::CountTokens(_)
            | Self::Images(_)
            | Self::ImageEdit(_)
            | Self::Transcription(_) => None,
        }
    }
}

/// A form that was written anew, with its content type.
fn as_form(written: Option<(String, Vec<u8>)>) -> Result<(HeaderValue, Vec<u8>), ChatError> {
    let written = written.and_then(|(kind, body)| Some((HeaderValue::try_from(kind).ok()?, body)));
    written.ok_or(ChatError::Form { reason: "there is no randomness to write it anew" })
}

impl Meter {
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Vec<u8> {
        match self {
            Self::Chat(meter) => meter.push(chunk),
            Self::Responses(meter) => meter.push(chunk),
            Self::Messages(meter) => meter.push(chunk),
            Self::Sound => chunk.to_vec(),
        }
    }

    pub(crate) fn end(self) -> Ended {
        match self {
            Self::Chat(meter) => meter.end(),
            Self::Responses(meter) => meter.end(),
            Self::Messages(meter) => meter.end(),
            Self::Sound => Ended { rest: Vec::new(), usage: None, problem: None, finished: true, unread: 0 },
        }
    }

    /// Whether an answer of that content type is what it reads.
    pub(crate) fn reads(&self, kind: &str) -> bool {
        match self {
            Self::Sound => is_sound(kind),
            _ => kind.starts_with("text/event-stream"),
        }
    }
}

/// Whether a content type is one of sound.
pub(crate) fn is_sound(kind: &str) -> bool {
    kind.starts_with("audio/") || kind.starts_with("application/octet-stream")
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
