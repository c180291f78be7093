//! Errors as problem details (RFC 9457), with a stable `code`.

use crate::file::ReadError;
use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

/// What went wrong. It says nothing of the folder that a stranger should not know.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Problem {
    /// Nothing is served under that path.
    NotFound,
    /// Only reading is possible.
    Method,
    /// It does not name its host, once.
    Host,
    /// The file has grown beyond what is served.
    TooLarge,
    /// The file is there but can't be read.
    Storage,
    /// A version is asked for by what is no time.
    VersionTime,
    /// What would be told may be older than what was told before.
    Closed,
    /// Which of several organizations is meant is not said.
    Unnamed,
    /// The chain is named by a digest that nobody here knows.
    ChainUnknown,
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NotFound => Self::NotFound,
            ReadError::TooLarge => Self::TooLarge,
            ReadError::Unreadable => Self::Storage,
        }
    }
}

impl Problem {
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "not_found",
                "nothing is published here; DID documents are at `/.well-known/did.json` and \
                 `/PATH/did.json`, agent cards at `/.well-known/agent-card.json` and \
                 `/PATH/agent-card.json`, status lists at `/status/NAME`",
            ),
            Self::Method => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "use GET or HEAD; nothing is written here",
            ),
            Self::Host => (
                StatusCode::BAD_REQUEST,
                "host_header",
                "a request has one `Host` header, which holds the host of its URL (RFC 9112 §3.2)",
            ),
            Self::TooLarge => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "file_too_large",
                "the file is larger than 16 MiB; whoever runs this host must shorten it",
            ),
            Self::Storage => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "file_unreadable",
                "the file can't be read; whoever runs this host must look at its permissions",
            ),
            Self::VersionTime => (
                StatusCode::BAD_REQUEST,
                "version_time",
                "`versionTime` is asked for once, as a time such as `2026-03-03T12:00:00Z`",
            ),
            Self::Closed => (
                StatusCode::SERVICE_UNAVAILABLE,
                "store_restored",
                "the organization's data were put back from a backup, and nothing is published until whoever runs it has \
                 said what holds",
            ),
            Self::Unnamed => (
                StatusCode::BAD_REQUEST,
                "organization_unnamed",
                "several organizations are administered here: name one by --organization, or by the header `Legation-Organization`",
            ),
            Self::ChainUnknown => (
                StatusCode::UNAUTHORIZED,
                "chain_unknown",
                "no chain of this digest has verified here lately: send the chain itself",
            ),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, code, detail) = self.parts();
        let body = serde_json::json!({
            "type": "about:blank",
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": detail,
            "code": code,
        });
        let headers =
            [(header::CONTENT_TYPE, "application/problem+json"), (header::CACHE_CONTROL, "no-store")];
        let mut response = (status, headers, body.to_string()).into_response();
        if status == StatusCode::METHOD_NOT_ALLOWED {
            // RFC 9110 §15.5.6: such an answer says what is allowed.
            response.headers_mut().insert(header::ALLOW, axum::http::HeaderValue::from_static("GET, HEAD"));
        }
        response
    }
}
