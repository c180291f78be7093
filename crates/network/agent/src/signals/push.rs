//! Tokens that are sent to us (RFC 8935).

use super::{Signals, token::MAX_SET, token::SetError};
use crate::{body, clock, single};
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Takes tokens at `path`, which is the path of the stream's `endpoint_url`. `authorization` is the whole value of the
/// header that was agreed on (`authorization_header` of the stream); without it whoever has a token may bring it.
///
/// A token that is taken, or has come before, is answered with 202; any other with 400 and `err` (RFC 8935 §2.4), or with
/// 503 where it is to be sent again. It is answered once it is heeded: the next request is judged by what is fetched then.
pub fn signals_router(signals: Arc<Signals>, path: &str, authorization: Option<&str>) -> Router {
    // A digest, so that comparing takes as long whatever comes.
    let wanted: Option<[u8; 32]> = authorization.map(|value| Sha256::digest(value).into());
    Router::new().route(path, post(take)).with_state((signals, wanted))
}

async fn take(
    State((signals, wanted)): State<(Arc<Signals>, Option<[u8; 32]>)>,
    headers: HeaderMap,
    uri: Uri,
    body: Body,
) -> Response {
    match arrived(&headers, &uri, body, wanted).await {
        Ok(set) => answered(signals.receive(&set, clock::now()).await.map(drop)),
        Err(response) => response,
    }
}

/// The token that a request brings. `wanted` is the SHA-256 of the whole value of its header `Authorization`; whoever shows another
/// one is refused before anything is read.
///
/// # Errors
/// The answer, where it brings none.
pub async fn arrived(
    headers: &HeaderMap,
    uri: &Uri,
    body: Body,
    wanted: Option<[u8; 32]>,
) -> Result<String, Response> {
    let wrong = |error: SetError| answered(Err(error));
    if let Some(header) = single::ambiguous(headers, uri.authority()) {
        return Err(wrong(SetError::request(format!("`{header}` is there more than once"))));
    }
    // Before anything is read of it.
    let shown = headers.get(header::AUTHORIZATION).map(|value| Sha256::digest(value.as_bytes()).into());
    if wanted.is_some() && wanted != shown {
        return Err(wrong(SetError::Authentication));
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/secevent+jwt") {
        return Err(wrong(SetError::request("send the token as `application/secevent+jwt`")));
    }
    let bytes = body::read(body, MAX_SET).await.map_err(IntoResponse::into_response)?;
    let set = core::str::from_utf8(&bytes).map_err(|_| wrong(SetError::request("the body is no text")))?;
    Ok(set.trim_ascii().to_owned())
}

/// The answer to a token, by what came of it.
pub fn answered(outcome: Result<(), SetError>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    let body = |error: &SetError| json!({"err": error.code(), "description": error.to_string()}).to_string();
    match outcome {
        Ok(()) => (StatusCode::ACCEPTED, [(header::CACHE_CONTROL, "no-store")]).into_response(),
        Err(error @ SetError::Later { .. }) => {
            let later = [(header::RETRY_AFTER, "1")];
            (StatusCode::SERVICE_UNAVAILABLE, headers, later, body(&error)).into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, headers, body(&error)).into_response(),
    }
}
