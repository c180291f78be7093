//! A plan as bytes of OpenAI's interface.

use super::{
    Seen,
    interfaces::{Said, said},
    plan::{At, Plan, Reply, Usage, Words},
};
use http::StatusCode;
use serde_json::{Value, json};

/// What is sent, part by part: the head; then the body, or each event of a stream and the end.
pub(super) struct Answer {
    pub(super) parts: Vec<Vec<u8>>,
}

impl Answer {
    /// How many bytes stand before it.
    pub(super) fn offset(&self, at: At) -> usize {
        match at {
            At::Bytes(bytes) => bytes,
            At::Events(events) => self.parts.iter().take(events.saturating_add(1)).map(Vec::len).sum(),
        }
    }
}

/// When every answer was made, so that nothing depends on a clock.
pub(super) const CREATED: i64 = 1_795_255_200;
/// The tokens of every prompt, unless the plan says otherwise.
const PROMPT: u64 = 9;

impl Plan {
    /// What a request gets, whose number becomes a part of the answer's id.
    pub(super) fn answer(&self, seen: &Seen, number: usize) -> Answer {
        let words = match &self.reply {
            Reply::Fixed { status, content_type, body } => {
                return self.whole(*status, content_type, body, number);
            }
            Reply::Words(words) => words,
        };
        let path = seen.path.split('?').next().unwrap_or_default();
        let json = |status: u16, body: Value| {
            self.whole(status, "application/json", body.to_string().as_bytes(), number)
        };
        match (seen.method.as_str(), path.strip_prefix("/v1/")) {
            ("POST", Some("chat/completions")) => {
                let Some(chat) = Chat::of(seen, words, number) else {
                    return Self::error(400).answer(seen, number);
                };
                if chat.streams { self.events(&chat.events(), number) } else { json(200, chat.completion()) }
            }
            ("POST", Some(other @ ("messages" | "messages/count_tokens" | "responses" | "embeddings"))) => {
                match said(other, seen, words, number) {
                    None => Self::error(400).answer(seen, number),
                    Some(Said::Whole(body)) => json(200, body),
                    Some(Said::Events(events)) => {
                        let text = |(name, data): &(&str, Value)| format!("event: {name}\ndata: {data}\n\n");
                        self.chunks(events.iter().map(text), number)
                    }
                }
            }
            ("GET", Some("models")) => json(200, json!({"object": "list", "data": [model("scripted")]})),
            ("GET", Some("models/scripted")) => json(200, model("scripted")),
            _ => {
                let message = format!("Unknown request URL: {} {path}.", seen.method);
                let kind = "invalid_request_error";
                json(
                    404,
                    json!({"error": {"message": message, "type": kind, "param": null, "code": "unknown_url"}}),
                )
            }
        }
    }

    /// An answer whose length is told.
    fn whole(&self, status: u16, content_type: &str, body: &[u8], number: usize) -> Answer {
        let length = format!("content-length: {}", body.len());
        Answer { parts: vec![self.head(status, content_type, &length, number), body.to_vec()] }
    }

    /// A stream, each event as a chunk of its own.
    fn events(&self, events: &[Value], number: usize) -> Answer {
        let texts = events.iter().map(Value::to_string).chain(["[DONE]".to_owned()]);
        self.chunks(texts.map(|text| format!("data: {text}\n\n")), number)
    }

    fn chunks(&self, events: impl Iterator<Item = String>, number: usize) -> Answer {
        let head = self.head(200, "text/event-stream; charset=utf-8", "transfer-encoding: chunked", number);
        let chunks = events.map(|event| format!("{:x}\r\n{event}\r\n", event.len()).into_bytes());
        Answer { parts: [head].into_iter().chain(chunks).chain([b"0\r\n\r\n".to_vec()]).collect() }
    }

    fn head(&self, status: u16, content_type: &str, framing: &str, number: usize) -> Vec<u8> {
        let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let mut head = format!("HTTP/1.1 {status} {}\r\n", reason.unwrap_or_default());
        head += &format!("content-type: {content_type}\r\n{framing}\r\nx-request-id: req_{number}\r\n");
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        (head + "\r\n").into_bytes()
    }
}

fn model(id: &str) -> Value {
    json!({"id": id, "object": "model", "created": CREATED, "owned_by": "legation"})
}

/// A chat that is answered.
struct Chat<'a> {
    words: &'a Words,
    id: String,
    model: Value,
    /// How many choices.
    count: u64,
    finish: &'static str,
    streams: bool,
    /// Whether the stream ends with what was used (`stream_options.include_usage`).
    tells_usage: bool,
}

impl<'a> Chat<'a> {
    /// What was asked for, unless it is no chat.
    fn of(seen: &Seen, words: &'a Words, number: usize) -> Option<Self> {
        let asked = seen.json();
        asked.get("messages")?.as_array()?;
        let limit = asked.get("max_completion_tokens").or_else(|| asked.get("max_tokens"));
        let is_cut =
            limit.and_then(Value::as_u64).is_some_and(|limit| words.spoken().count() as u64 >= limit);
        let is_true = |value: Option<&Value>| value.and_then(Value::as_bool).unwrap_or_default();
        Some(Self {
            words,
            id: format!("chatcmpl-{number}"),
            model: asked.get("model").cloned().unwrap_or_default(),
            count: asked.get("n").and_then(Value::as_u64).unwrap_or(1).min(128),
            finish: if is_cut { "length" } else { "stop" },
            streams: words.streams && is_true(asked.get("stream")),
            tells_usage: is_true(
                asked.get("stream_options").and_then(|options| options.get("include_usage")),
            ),
        })
    }

    fn usage(&self) -> Option<Value> {
        let (prompt, completion) = match self.words.usage {
            Usage::Counted => (PROMPT, self.words.spoken().count() as u64 * self.count),
            Usage::Stated { prompt, completion } => (prompt, completion),
            Usage::Missing => return None,
        };
        Some(json!({
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt.saturating_add(completion),
            "prompt_tokens_details": {"cached_tokens": self.words.cached, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        }))
    }

    fn completion(&self) -> Value {
        let choice = |index| {
            let message = json!({"role": "assistant", "content": self.words.text, "refusal": null});
            json!({"index": index, "message": message, "logprobs": null, "finish_reason": self.finish})
        };
        let choices: Vec<Value> = (0..self.count).map(choice).collect();
        let mut made = self.object("chat.completion", choices);
        if let (Some(members), Some(usage)) = (made.as_object_mut(), self.usage()) {
            members.insert("usage".to_owned(), usage);
        }
        made
    }

    /// The chunks of the stream: who speaks, each word, why it ends; and what was used, if that was asked for.
    fn events(&self) -> Vec<Value> {
        let chunk = |index: u64, delta: Value, finish: Option<&str>| {
            let choice = json!({"index": index, "delta": delta, "logprobs": null, "finish_reason": finish});
            self.chunk(vec![choice], Value::Null)
        };
        let every = || 0..self.count;
        let role = json!({"role": "assistant", "content": "", "refusal": null});
        let mut events: Vec<Value> = every().map(|index| chunk(index, role.clone(), None)).collect();
        for word in self.words.spoken() {
            events.extend(every().map(|index| chunk(index, json!({"content": word}), None)));
        }
        events.extend(every().map(|index| chunk(index, json!({}), Some(self.finish))));
        if self.tells_usage {
            events.extend(self.usage().map(|usage| self.chunk(vec![], usage)));
        }
        events
    }

    /// With `usage`, which is `null` in all chunks but the last, where it was asked for, and nowhere else.
    fn chunk(&self, choices: Vec<Value>, usage: Value) -> Value {
        let mut made = self.object("chat.completion.chunk", choices);
        if let (true, Some(members)) = (self.tells_usage, made.as_object_mut()) {
            members.insert("usage".to_owned(), usage);
        }
        made
    }

    fn object(&self, kind: &str, choices: Vec<Value>) -> Value {
        json!({
            "id": self.id, "object": kind, "created": CREATED, "model": self.model, "choices": choices,
            "service_tier": "default", "system_fingerprint": null,
        })
    }
}

impl Words {
    /// Word by word, each with the space behind it.
    pub(super) fn spoken(&self) -> impl Iterator<Item = &str> {
        self.text.split_inclusive(' ')
    }
}
