//! What a caller makes of agents that answer with something else.

#![allow(clippy::unwrap_used, clippy::string_slice, clippy::indexing_slicing, reason = "tests")]

mod world;

use axum::{Router, http::StatusCode, response::IntoResponse};
use legation_a2a::{ExchangeError, Interface, URI, exchange};
use legation_agent::MeetError;
use legation_handshake::{Message, begin};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use world::{Party, fetcher};

/// What a caller gets whose hello is answered so.
async fn answered(status: u16, active: bool, body: String) -> ExchangeError {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://localhost:{}/a2a", listener.local_addr().unwrap().port());
    let router = Router::new().fallback(async move || {
        let extensions = if active { URI } else { "https://other.example/v1" };
        let status = StatusCode::from_u16(status).unwrap();
        (status, [("a2a-extensions", extensions), ("location", "/elsewhere")], body).into_response()
    });
    tokio::spawn(legation_host::serve(listener, router, None, std::future::pending()));
    let hello = Message::Hello(begin(Party::new().did).unwrap().hello().clone());
    exchange(&fetcher(), &Interface { url, tenant: None }, &hello).await.unwrap_err()
}

fn message(metadata: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": 1, "result": {"message": {
        "messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "Hi."}], "metadata": metadata}}})
    .to_string()
}

#[tokio::test]
async fn an_answer_that_is_no_message_of_the_handshake_is_told_by_its_kind() {
    let error = json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32008, "message": "\u{1b}[2Jno"}});
    let refusal = json!({"type": "refusal", "code": "nonce_mismatch", "reason": "no\nno"});
    let task = json!({"jsonrpc": "2.0", "id": 1, "result": {"task": {"id": "t", "metadata": {}}}});
    let challenge = json!({"type": "challenge", "challenge": "a.b.c"});
    let twice = message(&json!({URI: challenge})).replace("\"type\"", "\"type\":\"receipt\",\"type\"");
    for (status, active, body, code) in [
        (200, true, error.to_string(), "a2a_error"),
        (400, true, error.to_string(), "a2a_error"),
        (200, true, message(&json!({URI: refusal})), "nonce_mismatch"),
        (200, true, message(&json!({})), "no_message"),
        (200, false, message(&json!({})), "extension_not_activated"),
        (200, true, task.to_string(), "no_message"),
        (200, true, message(&json!({URI: {"type": "refusal", "code": "No!", "reason": ""}})), "malformed"),
        (200, true, twice, "duplicate_member"),
        (200, true, message(&json!({URI: {"type": "challenge"}})), "malformed"),
        (200, true, "not JSON".to_owned(), "malformed"),
        (502, false, "<html>".to_owned(), "http_status"),
        (502, true, message(&json!({URI: challenge})), "http_status"),
        (307, true, message(&json!({URI: challenge})), "redirect_refused"),
        (200, true, " ".repeat((1 << 20) + 1), "input_too_large"),
        (200, true, " ".repeat(5 << 20), "too_large"),
    ] {
        let error = answered(status, active, body.clone()).await;
        assert_eq!(error.code(), code, "{status} {}: {error:?}", &body[..body.len().min(200)]);
        assert!(!error.to_string().contains(char::is_control), "{error}");
    }
}

#[test]
fn a_failed_exchange_is_told_in_the_words_of_a_meeting() {
    let met = |error: ExchangeError| MeetError::from(error);
    assert_eq!(met(ExchangeError::NotDeclared).code(), "handshake_missing");
    assert_eq!(met(ExchangeError::NotActivated).code(), "extension_not_activated");
    let error = met(ExchangeError::Status { status: 502 });
    assert!(matches!(error, MeetError::Answer { status: 502, .. }), "{error:?}");
}
