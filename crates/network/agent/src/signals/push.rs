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
    match taken(&signals, wanted, &headers, &uri, body).await {
        Ok(()) => (StatusCode::ACCEPTED, [(header::CACHE_CONTROL, "no-store")]).into_response(),
        Err(Stop::Set(error)) => refused(&error),
        Err(Stop::Body(response)) => response,
    }
}

enum Stop {
    Set(SetError),
    Body(Response),
}

async fn taken(
    signals: &Signals,
    wanted: Option<[u8; 32]>,
    headers: &HeaderMap,
    uri: &Uri,
    body: Body,
) -> Result<(), Stop> {
    if let Some(header) = single::ambiguous(headers, uri.authority()) {
        return Err(Stop::Set(SetError::request(format!("`{header}` is there more than once"))));
    }
    // Before anything is read of it.
    let shown = headers.get(header::AUTHORIZATION).map(|value| Sha256::digest(value.as_bytes()).into());
    if wanted.is_some() && wanted != shown {
        return Err(Stop::Set(SetError::Authentication));
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/secevent+jwt") {
        return Err(Stop::Set(SetError::request("send the token as `application/secevent+jwt`")));
    }
    let bytes = body::read(body, MAX_SET).await.map_err(|error| Stop::Body(error.into_response()))?;
    let set =
        core::str::from_utf8(&bytes).map_err(|_| Stop::Set(SetError::request("the body is no text")))?;
    signals.receive(set.trim_ascii(), clock::now()).await.map(drop).map_err(Stop::Set)
}

fn refused(error: &SetError) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    let body = json!({"err": error.code(), "description": error.to_string()}).to_string();
    match error {
        SetError::Later { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, headers, [(header::RETRY_AFTER, "1")], body).into_response()
        }
        _ => (StatusCode::BAD_REQUEST, headers, body).into_response(),
    }
}
