//! A model whose answers are scripted, for trying things out without a provider: it says what it was asked for and how
//! many tokens that took, as a provider would.

use crate::output::Failure;
use axum::{
    Router,
    body::Bytes,
    response::{IntoResponse, Response},
    routing::post,
};
use legation_registry::model::{Model, Target};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What it is called.
pub(crate) const NAME: &str = "scripted";
/// What it answers.
const ANSWER: &str =
    "This answer is scripted: no provider was asked. Everything else about the call was real.";

/// Starts it on a port of its own; gives its base URL.
pub(crate) async fn start() -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::network("listen", format!("can't listen: {error}"));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    let router = Router::new().route("/v1/chat/completions", post(complete));
    tokio::spawn(async move { legation_host::serve(listener, router, None, std::future::pending()).await });
    Ok(format!("http://localhost:{port}/v1"))
}

/// The model that answers at a base URL, with a price that makes a cent worth some answers.
pub(crate) fn model(base_url: &str) -> Model {
    let price = json!({"currency": "USD", "input": 400, "output": 1500});
    Model {
        group: "standard".to_owned(),
        name: NAME.to_owned(),
        targets: vec![Target::new(base_url, NAME)],
        price: serde_json::from_value(price).ok(),
        max_output_tokens: 256,
        max_input_tokens: 128_000,
    }
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
