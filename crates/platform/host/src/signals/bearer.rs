//! Who asks: a receiver, by its token in the header (RFC 6750 §2.1); and why it is not answered.

use super::{Signals, now};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use legation_keys::json::{self, JsonLimits};
use legation_registry::{SignalError, signals::Scope};
use legation_store::{StoreError, signal::Receiver};
use serde::de::DeserializeOwned;
use serde_json::json;
use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

/// Bounds on what a receiver writes.
const BODY: JsonLimits = JsonLimits { bytes: 64 * 1024, depth: 8 };
/// How long it may take.
const ARRIVES: Duration = Duration::from_secs(10);
/// How often a receiver may change something within a minute: each change is an event that stays.
const CHANGES: u32 = 60;

/// Why a receiver is not answered.
pub(super) struct Refused {
    status: u16,
    code: String,
    message: String,
    /// What else the head says.
    header: Option<(header::HeaderName, String)>,
}

impl Refused {
    pub(super) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), header: None }
    }

    pub(super) fn overloaded() -> Self {
        let refused = Self::new(503, "overloaded", "too much is asked at once; try again");
        Self { header: Some((header::RETRY_AFTER, "1".to_owned())), ..refused }
    }
}

impl From<SignalError> for Refused {
    fn from(error: SignalError) -> Self {
        let bearer = |said: &str| Some((header::WWW_AUTHENTICATE, format!("Bearer {said}")));
        let (status, header) = match &error {
            SignalError::Unauthorized => (401, bearer(r#"error="invalid_token""#)),
            SignalError::Scope { expected, .. } => {
                (403, bearer(&format!(r#"error="insufficient_scope", scope="{expected}""#)))
            }
            SignalError::NoStream { .. } => (404, None),
            SignalError::StreamExists { .. } => (409, None),
            SignalError::TooOften { .. } => (429, Some((header::RETRY_AFTER, "60".to_owned()))),
            SignalError::Value { .. } => (400, None),
            SignalError::Registry(error) => match error {
                legation_registry::RegistryError::Store(StoreError::NotFound { .. }) => (404, None),
                _ => (503, Some((header::RETRY_AFTER, "1".to_owned()))),
            },
        };
        // What is wrong with the store is its operator's.
        let message = match (status, &error) {
            (503, _) => "the organization can't be read now; try again".to_owned(),
            _ => error.to_string(),
        };
        Self { status, code: error.code().to_owned(), message, header }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = json!({
            "type": "about:blank", "title": status.canonical_reason(), "status": self.status, "detail": self.message,
            "code": self.code,
        });
        let headers =
            [(header::CONTENT_TYPE, "application/problem+json"), (header::CACHE_CONTROL, "no-store")];
        let mut response = (status, headers, body.to_string()).into_response();
        if let Some((name, value)) = self.header
            && let Ok(value) = HeaderValue::try_from(value)
        {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl Signals {
    /// The receiver whose token a request shows. Nothing else of the request has been looked at.
    pub(super) async fn receiver(
        self: &Arc<Self>,
        headers: &HeaderMap,
        scope: Scope,
    ) -> Result<Receiver, Refused> {
        let mut all = headers.get_all(header::AUTHORIZATION).iter();
        let (first, more) = (all.next(), all.next());
        let Some(shown) = first else {
            // RFC 6750 §3.1: who shows nothing is told no error.
            let refused = Refused::from(SignalError::Unauthorized);
            return Err(Refused { header: Some((header::WWW_AUTHENTICATE, "Bearer".to_owned())), ..refused });
        };
        let token = shown.to_str().ok().and_then(|shown| {
            let (scheme, token) = shown.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
        });
        let token = token.filter(|_| more.is_none()).ok_or(SignalError::Unauthorized)?;
        self.blocking(move |registry| registry.receiver(&token, scope, now())).await
    }

    /// The same, for a request that changes something.
    pub(super) async fn changing(self: &Arc<Self>, headers: &HeaderMap) -> Result<Receiver, Refused> {
        let receiver = self.receiver(headers, Scope::Manage).await?;
        let minute = now().div_euclid(60);
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        // There are as many receivers as there may be at the most, and those that were removed go with the minute.
        changes.retain(|_, (when, _)| *when == minute);
        let (_, count) = changes.entry(receiver.id.clone()).or_insert((minute, 0));
        *count = count.saturating_add(1);
        if *count > CHANGES {
            let refused = Refused::new(429, "too_often", format!("at most {CHANGES} changes a minute"));
            return Err(Refused { header: Some((header::RETRY_AFTER, "60".to_owned())), ..refused });
        }
        Ok(receiver)
    }
}

/// What a receiver writes: JSON, in which no name stands twice. What is not known of it is ignored, as SSF has it.
pub(super) async fn read<T: DeserializeOwned>(body: Body) -> Result<T, Refused> {
    let late = |_| Refused::new(408, "body_too_slow", "the body did not arrive in time");
    let large = |_| Refused::new(413, "input_too_large", format!("a body has at most {} bytes", BODY.bytes));
    let bytes = tokio::time::timeout(ARRIVES, axum::body::to_bytes(body, BODY.bytes)).await;
    let bytes = bytes.map_err(late)?.map_err(large)?;
    let wrong = |error: String| Refused::new(400, "body_invalid", format!("the body can't be read: {error}"));
    json::parse(&bytes, BODY).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))
}
