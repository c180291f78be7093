//! The handshake over HTTP: one path, POST, JSON both ways.

use crate::{
    Refused, body, clock,
    problem::problem,
    responder::{Refusal, Responder},
    single,
};
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, Uri, header},
    response::{IntoResponse, Response},
    routing::post,
};
use legation_handshake::{MAX_ENVELOPE, Message};
use serde_json::Map;
use std::sync::Arc;

/// Speaks the handshake at `path`, which is the path of the URL that the card declares.
///
/// A hello or a presentation is posted as `application/json` and answered with 200 and a challenge or a
/// signed receipt; a receipt may say `deny`. What can't be answered so gets problem details with a
/// `code`: 400 for a message that is none or a header that is there twice, 408 for one that arrives too slowly, 413 for one that is too large, 415 for another content type,
/// 503 where the service can't sign.
pub fn handshake_router(responder: Arc<Responder>, path: &str) -> Router {
    Router::new().route(path, post(answer)).with_state(responder)
}

async fn answer(
    State(responder): State<Arc<Responder>>,
    headers: HeaderMap,
    uri: Uri,
    body: Body,
) -> Response {
    if let Some(header) = single::ambiguous(&headers, uri.authority()) {
        return Refused::Ambiguous { header }.into_response();
    }
    if !is_json(&headers) {
        let detail = "send the message as `application/json`";
        return problem(415, "content_type", detail, Map::new());
    }
    let limit = responder.desk().trust().limits.presentation_bytes + MAX_ENVELOPE;
    let bytes = match body::read(body, limit).await {
        Ok(bytes) => bytes,
        Err(error) => return error.into_response(),
    };
    let message = Message::parse(&bytes, limit).map_err(Refusal::from);
    let answered = match message {
        Ok(message) => responder.respond(message, clock::now()).await,
        Err(refusal) => Err(refusal),
    };
    match answered {
        Ok(message) => {
            let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
            (headers, message.to_json().to_string()).into_response()
        }
        Err(refusal) => problem(refusal.status(), refusal.code(), &refusal.to_string(), Map::new()),
    }
}

/// Whether the content type is JSON, whatever its parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let found = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    found
        .and_then(|found| found.split(';').next())
        .is_some_and(|found| found.trim_ascii().eq_ignore_ascii_case("application/json"))
}
