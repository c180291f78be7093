//! What is answered where something does not hold: problem details (RFC 9457) whose `type` is the one that the
//! specification gives it, with our own stable `code` beside it.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use legation_credential::CredentialError;
use legation_keys::{data_integrity::ProofError, json::JsonError};
use legation_linked_data::LinkedDataError;
use serde_json::json;

/// What the HTTP status says already (RFC 9457 §4.2.1).
pub(crate) const BLANK: &str = "about:blank";
/// Verifiable Credentials Data Model 2.0 §7.2: the document can't be read.
pub(crate) const PARSING: &str = "https://www.w3.org/TR/vc-data-model#PARSING_ERROR";
/// The same: what secures it does not hold.
pub(crate) const CRYPTOGRAPHIC: &str = "https://www.w3.org/TR/vc-data-model#CRYPTOGRAPHIC_SECURITY_ERROR";
/// The same: a value is not what it must be.
pub(crate) const MALFORMED: &str = "https://www.w3.org/TR/vc-data-model#MALFORMED_VALUE_ERROR";
/// The same: a value is out of its range, such as a time.
pub(crate) const RANGE: &str = "https://www.w3.org/TR/vc-data-model#RANGE_ERROR";
/// Data Integrity 1.0 §4.9: a proof does not verify.
pub(crate) const PROOF: &str = "https://w3id.org/security#PROOF_VERIFICATION_ERROR";
/// The same: a proof can't be made.
pub(crate) const PROOF_GENERATION: &str = "https://w3id.org/security#PROOF_GENERATION_ERROR";
/// The same: a proof for another domain.
pub(crate) const DOMAIN: &str = "https://w3id.org/security#INVALID_DOMAIN_ERROR";
/// The same: a proof that answers another challenge.
pub(crate) const CHALLENGE: &str = "https://w3id.org/security#INVALID_CHALLENGE_ERROR";
/// Bitstring Status List 1.0 §3.5: the list can't be had.
pub(crate) const STATUS_RETRIEVAL: &str =
    "https://www.w3.org/ns/credentials/status-list#STATUS_RETRIEVAL_ERROR";
/// The same: the list does not answer for the credential.
pub(crate) const STATUS: &str = "https://www.w3.org/ns/credentials/status-list#STATUS_VERIFICATION_ERROR";

/// Why a request is not done, or what it asks about does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The `type`, a URL that a specification gives.
    pub kind: &'static str,
    /// Our stable code.
    pub code: &'static str,
    /// What is wrong, for people.
    pub detail: String,
}

impl Problem {
    pub(crate) fn new(kind: &'static str, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status: 400, kind, code, detail: detail.into() }
    }

    /// As JSON: the members of RFC 9457, `code`, and what VC API clients look for.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let title = self.kind.rsplit_once('#').map_or("error", |(_, title)| title);
        let detail = json!({"type": self.kind, "title": title, "detail": self.detail, "code": self.code});
        json!({
            "type": self.kind, "title": title, "status": self.status, "detail": self.detail, "code": self.code,
            "verified": false, "problemDetails": [detail],
        })
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let headers =
            [(header::CONTENT_TYPE, "application/problem+json"), (header::CACHE_CONTROL, "no-store")];
        let mut response = (status, headers, self.to_json().to_string()).into_response();
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110 §11.6.1 wants it.
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        Self::new(PARSING, error.code(), error.to_string())
    }
}

impl From<CredentialError> for Problem {
    fn from(error: CredentialError) -> Self {
        let kind = match &error {
            CredentialError::Json(_) => PARSING,
            CredentialError::Jws(_) => CRYPTOGRAPHIC,
            CredentialError::Proof(_) => PROOF,
            _ => MALFORMED,
        };
        Self::new(kind, error.code(), error.to_string())
    }
}

impl From<ProofError> for Problem {
    fn from(error: ProofError) -> Self {
        Self::new(PROOF, error.code(), error.to_string())
    }
}

impl From<LinkedDataError> for Problem {
    fn from(error: LinkedDataError) -> Self {
        let kind = match &error {
            LinkedDataError::Context { .. }
            | LinkedDataError::Expansion { .. }
            | LinkedDataError::Escape { .. }
            | LinkedDataError::Dropped { .. }
            | LinkedDataError::Character { .. }
            | LinkedDataError::TooLarge { .. } => MALFORMED,
            LinkedDataError::Proof(_) => PROOF,
            LinkedDataError::Algorithm { .. } | LinkedDataError::Sign(_) => PROOF_GENERATION,
        };
        Self::new(kind, error.code(), error.to_string())
    }
}
