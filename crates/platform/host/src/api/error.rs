//! Why an end point does nothing, as a problem (RFC 9457) with a stable code.

use super::forms;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use legation_gateway::Refused;
use legation_registry::RegistryError;
use legation_signer::ClientError;
use legation_store::StoreError;
use serde_json::{Value, json};

/// Seconds after which whoever finds the store closed asks again.
const RETRY_AFTER: &str = "1";

/// Why an end point did nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// A stable name of the error.
    pub code: String,
    /// What is wrong and what can be done, in a sentence.
    pub message: String,
    /// After how many seconds it may be asked again, where that is known.
    pub retry_after: Option<u64>,
    /// The rule of narrowing that what was asked for breaks, where it is one.
    pub rule: Option<Box<Rule>>,
}

/// By which rule a delegation would give more than its issuer holds, as a denial has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its stable code, such as `action_widened`.
    pub code: String,
    /// The most that would have fitted, in words.
    pub expected: String,
    /// What was asked for.
    pub found: String,
}

impl ApiError {
    /// An error with its status, its code and what to do.
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), retry_after: None, rule: None }
    }

    /// A request that can't be meant.
    pub(crate) fn bad(code: &str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// No end point, or nothing of that name.
    pub(crate) fn nothing_here() -> Self {
        Self::new(404, "not_found", "there is no such end point; `/openapi.json` tells which there are")
    }

    /// The problem details.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let title = StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason());
        let json = json!({
            "type": "about:blank", "title": title, "status": self.status, "detail": self.message, "code": self.code,
        });
        match &self.rule {
            None => json,
            Some(rule) => {
                let Rule { code, expected, found } = rule.as_ref();
                forms::with(
                    json,
                    &[("rule", json!(code)), ("expected", json!(expected)), ("found", json!(found))],
                )
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers =
            [(header::CONTENT_TYPE, "application/problem+json"), (header::CACHE_CONTROL, "no-store")];
        let mut response = (status, headers, self.to_json().to_string()).into_response();
        // RFC 9110 §15.5.2 and §10.2.3: how to show who one is, and when to ask again.
        let more = match (status, self.retry_after) {
            (StatusCode::UNAUTHORIZED, _) => {
                Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Signature")))
            }
            (_, Some(seconds)) => Some((header::RETRY_AFTER, HeaderValue::from(seconds))),
            (StatusCode::SERVICE_UNAVAILABLE, None) => {
                Some((header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER)))
            }
            _ => None,
        };
        if let Some((name, value)) = more {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        // The headers of a signature that can't be read at all say nothing of who asks.
        let status = match refused.status() {
            500 => 401,
            status => status,
        };
        Self { status, code: refused.code, message: refused.message, retry_after: None, rule: None }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        RegistryError::from(error).into()
    }
}

impl From<RegistryError> for ApiError {
    fn from(error: RegistryError) -> Self {
        let status = match &error {
            RegistryError::Store(StoreError::NotFound { .. }) => 404,
            RegistryError::Store(StoreError::Exists { .. } | StoreError::Refused(_)) => 409,
            RegistryError::Store(_) => 503,
            RegistryError::Signer(ClientError::Refused { code, .. }) if code == "sealed_mismatch" => 500,
            RegistryError::Signer(ClientError::Refused { .. } | ClientError::TooLarge { .. }) => 400,
            RegistryError::Signer(_) => 503,
            RegistryError::Name { .. }
            | RegistryError::Domain { .. }
            | RegistryError::Budget { .. }
            | RegistryError::NothingGranted
            | RegistryError::Duration { .. }
            | RegistryError::Authority(_)
            | RegistryError::Card { .. }
            | RegistryError::Policy(_)
            | RegistryError::Value { .. } => 400,
            RegistryError::Wider { .. }
            | RegistryError::State { .. }
            | RegistryError::SecretAnswered { .. }
            | RegistryError::Taken { .. } => 409,
            RegistryError::KeyReused { .. } => 422,
            RegistryError::Claim => 403,
            RegistryError::Log(_) => 503,
            RegistryError::Damaged { .. }
            | RegistryError::Organization(_)
            | RegistryError::Several { .. } => 500,
        };
        let rule = match &error {
            RegistryError::Wider { rule: Some(rule), .. } => {
                let code = rule.code().to_owned();
                Some(Box::new(Rule { code, expected: rule.fits(), found: rule.found() }))
            }
            _ => None,
        };
        Self { rule, ..Self::new(status, error.code(), error.to_string()) }
    }
}
