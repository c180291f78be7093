//! What a request gets.

use serde_json::{Value, json};
use std::time::Duration;

/// What a request gets. Begin with [`says`](Self::says), [`error`](Self::error), [`body`](Self::body) or
/// [`hangs`](Self::hangs), and add how.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) reply: Reply,
    pub(super) headers: Vec<(String, String)>,
    pub(super) before: Duration,
    pub(super) between: Duration,
    pub(super) stop: Option<Stop>,
}

#[derive(Clone, Debug)]
pub(super) enum Reply {
    Words(Words),
    Fixed { status: u16, content_type: String, body: Vec<u8> },
}

/// What a model says.
#[derive(Clone, Debug)]
pub(super) struct Words {
    pub(super) text: String,
    pub(super) usage: Usage,
    /// Tokens of the prompt that came from a cache.
    pub(super) cached: u64,
    pub(super) streams: bool,
}

/// The tokens that an answer states as used.
#[derive(Clone, Copy, Debug)]
pub(super) enum Usage {
    /// As many as there are words in all choices.
    Counted,
    /// Whatever was used.
    Stated { prompt: u64, completion: u64 },
    /// None at all.
    Missing,
}

/// Where an answer ends too early, or hangs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    pub(super) hangs: bool,
    pub(super) at: At,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum At {
    /// So many bytes of the answer, its head included.
    Bytes(usize),
    /// So many events of a stream, or the head of an answer that is none.
    Events(usize),
}

impl Plan {
    /// A model that says `text`: whole, or one event a word where a stream is asked for. It says it of any
    /// chat, once for each of the `n` choices that are asked for. To `GET /v1/models` it lists `scripted`, and
    /// of all other paths it knows nothing (404).
    ///
    /// It states as used: 9 tokens of the prompt, and one for each word of each choice.
    #[must_use]
    pub fn says(text: &str) -> Self {
        let (text, usage) = (text.to_owned(), Usage::Counted);
        Self::of(Reply::Words(Words { text, usage, cached: 0, streams: true }))
    }

    /// An error in OpenAI's shape, with the code, and the `type`, that OpenAI gives with that status.
    #[must_use]
    pub fn error(status: u16) -> Self {
        let (code, kind, message) = match status {
            400 => (json!("invalid_value"), "invalid_request_error", "Invalid value."),
            401 => (json!("invalid_api_key"), "invalid_request_error", "Incorrect API key provided."),
            404 => (json!("model_not_found"), "invalid_request_error", "The model does not exist."),
            429 => (json!("rate_limit_exceeded"), "requests", "Rate limit reached."),
            _ => (Value::Null, "server_error", "The server had an error while processing your request."),
        };
        let error = json!({"error": {"message": message, "type": kind, "param": null, "code": code}});
        Self::body(status, "application/json", error.to_string())
    }

    /// Any bytes, of whatever type, whatever was asked.
    #[must_use]
    pub fn body(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::of(Reply::Fixed { status, content_type: content_type.to_owned(), body: body.into() })
    }

    /// Nothing, until [`let_go`](super::Upstream::let_go); then `late`.
    #[must_use]
    pub fn hangs() -> Self {
        Self::says("late").hang_after(0)
    }

    /// States these tokens as used, true or not.
    #[must_use]
    pub fn tokens(self, prompt: u64, completion: u64) -> Self {
        self.with(|words| words.usage = Usage::Stated { prompt, completion })
    }

    /// States that so many tokens of the prompt came from a cache.
    #[must_use]
    pub fn cached(self, tokens: u64) -> Self {
        self.with(|words| words.cached = tokens)
    }

    /// States nothing as used, even where it is asked for.
    #[must_use]
    pub fn without_usage(self) -> Self {
        self.with(|words| words.usage = Usage::Missing)
    }

    /// Answers whole, even where a stream is asked for.
    #[must_use]
    pub fn never_streams(self) -> Self {
        self.with(|words| words.streams = false)
    }

    /// With one more header, as in `retry-after`.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Waits before the first byte.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.before = delay;
        self
    }

    /// Waits before each event but the first.
    #[must_use]
    pub fn every(mut self, delay: Duration) -> Self {
        self.between = delay;
        self
    }

    /// Closes the connection after so many bytes of the answer, its head included.
    #[must_use]
    pub fn cut_after(self, bytes: usize) -> Self {
        self.stop(false, At::Bytes(bytes))
    }

    /// Closes the connection after so many events; 0: after the head.
    #[must_use]
    pub fn cut_after_events(self, events: usize) -> Self {
        self.stop(false, At::Events(events))
    }

    /// Sends so many bytes and then nothing, until [`let_go`](super::Upstream::let_go).
    #[must_use]
    pub fn hang_after(self, bytes: usize) -> Self {
        self.stop(true, At::Bytes(bytes))
    }

    /// Sends so many events and then nothing, until [`let_go`](super::Upstream::let_go); 0: the head.
    #[must_use]
    pub fn hang_after_events(self, events: usize) -> Self {
        self.stop(true, At::Events(events))
    }

    fn of(reply: Reply) -> Self {
        let (before, between) = (Duration::ZERO, Duration::ZERO);
        Self { reply, headers: vec![], before, between, stop: None }
    }

    fn with(mut self, change: impl FnOnce(&mut Words)) -> Self {
        if let Reply::Words(words) = &mut self.reply {
            change(words);
        }
        self
    }

    fn stop(mut self, hangs: bool, at: At) -> Self {
        self.stop = Some(Stop { hangs, at });
        self
    }
}
