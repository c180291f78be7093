//! Refusals of a proxy, in a shape that the SDKs of OpenAI and of Anthropic read alike.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// Why a request is not passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    status: u16,
    pub(crate) code: &'static str,
    message: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.message)
    }
}

impl Refused {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// As its caller gets it. SDKs try nothing again but 503, which says that nothing was sent.
    pub(crate) fn answer(&self) -> Response {
        let kind = match self.status {
            401 => "authentication_error",
            403 => "permission_error",
            500.. => "api_error",
            _ => "invalid_request_error",
        };
        let error = json!({"type": kind, "code": self.code, "message": self.message, "param": null});
        let body = json!({"type": "error", "error": error}).to_string();
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
        let mut response = (status, headers, body).into_response();
        let (name, value) = match self.status {
            503 => ("retry-after", "1"),
            _ => ("x-should-retry", "false"),
        };
        response.headers_mut().insert(name, HeaderValue::from_static(value));
        response
    }
}
