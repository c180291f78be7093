//! A model whose answers are scripted, for trying things out without a provider: it says what it was asked for and how
//! many tokens that took, as a provider would.

use crate::output::Failure;
use axum::{
    Router,
    body::Bytes,
    response::{IntoResponse, Response},
    routing::post,
};
use legation_registry::model::{Model, Protocol, Target};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What it is called.
pub(crate) const NAME: &str = "scripted";
/// What it is called where it is asked by Anthropic's interface.
const MESSAGES: &str = "scripted-messages";
/// What it answers.
const ANSWER: &str =
    "This answer is scripted: no provider was asked. Everything else about the call was real.";

/// Starts it on a port of its own; gives its base URL.
pub(crate) async fn start() -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::network("listen", format!("can't listen: {error}"));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    let router =
        Router::new().route("/v1/chat/completions", post(complete)).route("/v1/messages", post(message));
    tokio::spawn(async move { legation_host::serve(listener, router, None, std::future::pending()).await });
    Ok(format!("http://localhost:{port}/v1"))
}

/// The models that answer at a base URL, one by each interface, with a price that makes a cent worth some answers.
pub(crate) fn models(base_url: &str) -> Vec<Model> {
    let messages = Model { name: MESSAGES.to_owned(), protocol: Protocol::Anthropic, ..model(base_url) };
    vec![model(base_url), messages]
}

/// The one that is asked by OpenAI's interface.
pub(crate) fn model(base_url: &str) -> Model {
    Model {
        group: "standard".to_owned(),
        name: NAME.to_owned(),
        protocol: Protocol::OpenAi,
        targets: vec![Target::new(base_url, NAME)],
        price: serde_json::from_value(json!({"currency": "USD", "input": 400, "output": 1500})).ok(),
        max_output_tokens: 256,
        max_input_tokens: 128_000,
    }
}

/// As Anthropic's interface has it.
async fn message(body: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let prompt = asked.get("messages").map_or(0, |messages| messages.to_string().len() / 4);
    let message = |content: Value, stop: Value, output: u64| {
        json!({
            "id": "msg_scripted", "type": "message", "role": "assistant", "model": asked.get("model"),
            "content": content, "stop_reason": stop, "stop_sequence": null,
            "usage": {"input_tokens": prompt, "output_tokens": output},
        })
    };
    if asked.get("stream") != Some(&Value::Bool(true)) {
        let answer = message(json!([{"type": "text", "text": ANSWER}]), json!("end_turn"), 20);
        return ([("content-type", "application/json")], answer.to_string()).into_response();
    }
    let mut text = String::new();
    let mut event = |name: &str, members: Value| {
        let mut data = members;
        if let Some(members) = data.as_object_mut() {
            members.insert("type".to_owned(), name.into());
        }
        text.push_str(&format!("event: {name}\ndata: {data}\n\n"));
    };
    event("message_start", json!({"message": message(json!([]), Value::Null, 1)}));
    event("content_block_start", json!({"index": 0, "content_block": {"type": "text", "text": ""}}));
    for word in ANSWER.split_inclusive(' ') {
        event("content_block_delta", json!({"index": 0, "delta": {"type": "text_delta", "text": word}}));
    }
    event("content_block_stop", json!({"index": 0}));
    let delta = json!({"stop_reason": "end_turn", "stop_sequence": null});
    event("message_delta", json!({"delta": delta, "usage": {"output_tokens": 20}}));
    event("message_stop", json!({}));
    ([("content-type", "text/event-stream")], text).into_response()
}

async fn complete(body: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    // About as many tokens as a tokenizer would find.
    let prompt = asked.get("messages").map_or(0, |messages| messages.to_string().len() / 4);
    let usage = json!({"prompt_tokens": prompt, "completion_tokens": 20, "total_tokens": prompt + 20});
    let (model, id) = (asked.get("model").cloned().unwrap_or_default(), "chatcmpl-scripted");
    if asked.get("stream") != Some(&Value::Bool(true)) {
        let message = json!({"role": "assistant", "content": ANSWER});
        let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
        let answer = json!({
            "id": id, "object": "chat.completion", "created": 0, "model": model, "choices": [choice], "usage": usage,
        });
        return ([("content-type", "application/json")], answer.to_string()).into_response();
    }
    let chunk = |choices: Value, usage: Value| {
        let chunk = json!({
            "id": id, "object": "chat.completion.chunk", "created": 0, "model": model, "choices": choices,
            "usage": usage,
        });
        format!("data: {chunk}\n\n")
    };
    let mut text = String::new();
    for word in ANSWER.split_inclusive(' ') {
        let delta = json!([{"index": 0, "delta": {"content": word}, "finish_reason": null}]);
        text.push_str(&chunk(delta, Value::Null));
    }
    text.push_str(&chunk(json!([{"index": 0, "delta": {}, "finish_reason": "stop"}]), Value::Null));
    text.push_str(&chunk(json!([]), usage));
    text.push_str("data: [DONE]\n\n");
    ([("content-type", "text/event-stream")], text).into_response()
}
