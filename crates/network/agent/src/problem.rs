//! Errors as RFC 9457 problem details with a stable code.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

/// A problem details answer. `more` are members beside the standard ones.
pub(crate) fn problem(status: u16, code: &str, detail: &str, more: Map<String, Value>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut body = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": detail,
        "code": code,
    });
    if let Some(members) = body.as_object_mut() {
        members.extend(more);
    }
    let headers = [(header::CONTENT_TYPE, "application/problem+json"), (header::CACHE_CONTROL, "no-store")];
    let mut response = (status, headers, body.to_string()).into_response();
    if status == StatusCode::UNAUTHORIZED {
        // RFC 9110 §15.5.2: such an answer says how to authenticate.
        let scheme = HeaderValue::from_static("Signature");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        // RFC 9110 §10.2.3: it recovers by itself, and whoever asks at once only makes it wait.
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
