//! A plan as bytes of the other interfaces: OpenAI's responses and embeddings, Anthropic's messages.

use super::{
    Seen,
    answer::CREATED,
    plan::{Usage, Words},
};
use serde_json::{Value, json};

/// What such a request gets.
pub(super) enum Said {
    /// An answer of one piece.
    Whole(Value),
    /// The events of a stream, each with its name.
    Events(Vec<(&'static str, Value)>),
}

/// What a request at a path of one of these gets; `None` where it is none of theirs, or is not what it should be.
pub(super) fn said(path: &str, seen: &Seen, words: &Words, number: usize) -> Option<Said> {
    let asked = seen.json();
    let model = asked.get("model").cloned().unwrap_or_default();
    let streams = words.streams && asked.get("stream") == Some(&Value::Bool(true));
    let of = Of { words, model, number };
    match path {
        "messages" => {
            asked.get("messages")?.as_array()?;
            asked.get("max_tokens")?.as_u64()?;
            seen.header("anthropic-version")?;
            Some(if streams { Said::Events(of.message_events()) } else { Said::Whole(of.message()) })
        }
        "messages/count_tokens" => {
            asked.get("messages")?.as_array()?;
            Some(Said::Whole(json!({"input_tokens": of.tokens().0})))
        }
        "responses" => {
            asked.get("input")?;
            Some(if streams {
                Said::Events(of.response_events())
            } else {
                Said::Whole(of.response("completed"))
            })
        }
        "embeddings" => Some(Said::Whole(of.embeddings(asked.get("input")?))),
        _ => None,
    }
}

struct Of<'a> {
    words: &'a Words,
    model: Value,
    number: usize,
}

impl Of<'_> {
    /// Tokens of the prompt, and of the answer.
    fn tokens(&self) -> (u64, u64) {
        match self.words.usage {
            Usage::Stated { prompt, completion } => (prompt, completion),
            Usage::Counted | Usage::Missing => (9, self.words.spoken().count() as u64),
        }
    }

    fn is_told(&self) -> bool {
        !matches!(self.words.usage, Usage::Missing)
    }

    /// Anthropic counts what came from the cache beside the prompt.
    fn message_usage(&self, output: u64) -> Value {
        let (prompt, cached) = (self.tokens().0, self.words.cached);
        json!({
            "input_tokens": prompt.saturating_sub(cached), "cache_read_input_tokens": cached,
            "cache_creation_input_tokens": 0, "output_tokens": output, "service_tier": "standard",
        })
    }

    fn message_of(&self, content: Value, stop: Value, usage: Value) -> Value {
        let mut message = json!({
            "id": format!("msg_{}", self.number), "type": "message", "role": "assistant", "model": self.model,
            "content": content, "stop_reason": stop, "stop_sequence": null,
        });
        if let (true, Some(members)) = (self.is_told(), message.as_object_mut()) {
            members.insert("usage".to_owned(), usage);
        }
        message
    }

    fn message(&self) -> Value {
        let content = json!([{"type": "text", "text": self.words.text}]);
        self.message_of(content, json!("end_turn"), self.message_usage(self.tokens().1))
    }

    fn message_events(&self) -> Vec<(&'static str, Value)> {
        let begin = self.message_of(json!([]), Value::Null, self.message_usage(1));
        let mut events = vec![
            ("message_start", json!({"type": "message_start", "message": begin})),
            (
                "content_block_start",
                json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
            ),
            ("ping", json!({"type": "ping"})),
        ];
        events.extend(self.words.spoken().map(|word| {
            let delta = json!({"type": "text_delta", "text": word});
            ("content_block_delta", json!({"type": "content_block_delta", "index": 0, "delta": delta}))
        }));
        events.push(("content_block_stop", json!({"type": "content_block_stop", "index": 0})));
        let delta = json!({"stop_reason": "end_turn", "stop_sequence": null});
        let mut end = json!({"type": "message_delta", "delta": delta});
        if let (true, Some(members)) = (self.is_told(), end.as_object_mut()) {
            members.insert("usage".to_owned(), json!({"output_tokens": self.tokens().1}));
        }
        events.push(("message_delta", end));
        events.push(("message_stop", json!({"type": "message_stop"})));
        events
    }

    fn output(&self) -> Value {
        let part = json!({"type": "output_text", "text": self.words.text, "annotations": []});
        json!({
            "type": "message", "id": format!("msg_{}", self.number), "role": "assistant", "status": "completed",
            "content": [part],
        })
    }

    fn response(&self, status: &str) -> Value {
        let (input, output) = self.tokens();
        let usage = json!({
            "input_tokens": input, "input_tokens_details": {"cached_tokens": self.words.cached},
            "output_tokens": output, "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": input.saturating_add(output),
        });
        let done = status == "completed";
        let items = if done { json!([self.output()]) } else { json!([]) };
        let usage = if done && self.is_told() { usage } else { Value::Null };
        json!({
            "id": format!("resp_{}", self.number), "object": "response", "created_at": CREATED, "status": status,
            "model": self.model, "output": items, "usage": usage, "parallel_tool_calls": true, "tool_choice": "auto",
            "tools": [], "error": null, "incomplete_details": null, "instructions": null, "metadata": {},
            "temperature": 1.0, "top_p": 1.0,
        })
    }

    fn response_events(&self) -> Vec<(&'static str, Value)> {
        let item = format!("msg_{}", self.number);
        let empty = json!({"type": "message", "id": item, "role": "assistant", "status": "in_progress", "content": []});
        let part = json!({"type": "output_text", "text": "", "annotations": []});
        let mut events = vec![
            ("response.created", json!({"response": self.response("in_progress")})),
            ("response.output_item.added", json!({"output_index": 0, "item": empty})),
            (
                "response.content_part.added",
                json!({"item_id": item, "output_index": 0, "content_index": 0, "part": part}),
            ),
        ];
        events.extend(self.words.spoken().map(|word| {
            let delta =
                json!({"item_id": item, "output_index": 0, "content_index": 0, "delta": word, "logprobs": []});
            ("response.output_text.delta", delta)
        }));
        events.push(("response.output_item.done", json!({"output_index": 0, "item": self.output()})));
        events.push(("response.completed", json!({"response": self.response("completed")})));
        for (number, (name, event)) in events.iter_mut().enumerate() {
            if let Some(members) = event.as_object_mut() {
                members.insert("type".to_owned(), json!(name));
                members.insert("sequence_number".to_owned(), json!(number));
            }
        }
        events
    }

    fn embeddings(&self, input: &Value) -> Value {
        let count = input.as_array().map_or(1, Vec::len);
        let one = |index| json!({"object": "embedding", "index": index, "embedding": [0.5, -0.5]});
        let data: Vec<Value> = (0..count).map(one).collect();
        let mut answer = json!({"object": "list", "data": data, "model": self.model});
        if let (true, Some(members)) = (self.is_told(), answer.as_object_mut()) {
            let tokens = self.tokens().0;
            members.insert("usage".to_owned(), json!({"prompt_tokens": tokens, "total_tokens": tokens}));
        }
        answer
    }
}
