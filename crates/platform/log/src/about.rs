//! What an organization says of a log of its: that the log's key is its own. The one thing that ties checkpoints to a DID.

use crate::note::{NoteError, NoteKey};
use legation_credential::{CredentialError, delegation::check_types, error::malformed};
use legation_did::{Did, Document, KeyLookupError, KeyUse, Purpose};
use legation_keys::{
    Algorithm, Signer, base64url,
    json::{self, Json, JsonLimits},
    jws,
    secret::SignError,
    time::{self, Round},
};
use serde_json::json;

/// The `typ` of what is signed.
pub const MEDIA_TYPE: &str = "legation-log+jwt";
/// The `type` of what is signed.
pub const TYPE: &str = "LegationLog";
/// The file in the log's folder, and where it is published.
pub const FILE: &str = "log.jwt";

const LIMITS: JsonLimits = JsonLimits { bytes: 16 << 10, depth: 4 };

/// The bytes to sign: that `key`, named as its log is, is that of a log of `organization`, since `at` (Unix seconds).
#[must_use]
pub fn statement(organization: &Did, key: &NoteKey, at: i64) -> Vec<u8> {
    json!({"type": TYPE, "verifier": organization.as_str(), "key": key.to_string(), "at": time::format(at)})
        .to_string()
        .into_bytes()
}

/// Signs it. `key_id` is one of the signer's `assertionMethod` keys.
///
/// # Errors
/// [`SignError`].
pub fn sign(statement: &[u8], key_id: &str, signer: &dyn Signer) -> Result<String, SignError> {
    jws::sign(MEDIA_TYPE, key_id, statement, signer)
}

/// What an organization said of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The organization.
    pub organization: Did,
    /// The key of the log's checkpoints, named as the log is.
    pub key: NoteKey,
    /// Since when, Unix seconds.
    pub at: i64,
}

/// Why it is not believed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AboutError {
    /// It can't be read.
    #[error("what the organization says of the log can't be read: {0}")]
    Format(#[from] CredentialError),
    /// It names no key of a log.
    #[error("{0}")]
    Note(#[from] NoteError),
    /// It is of another organization.
    #[error("the log is one of `{found}`, expected one of `{expected}`")]
    Organization {
        /// Whose document was given.
        expected: Did,
        /// Whom it names.
        found: String,
    },
    /// The organization's document has no key for it.
    #[error("what the organization says of the log does not hold: {0}")]
    Key(#[from] KeyLookupError),
    /// The signature does not fit.
    #[error(
        "the organization did not sign what is said of the log: it was changed, or somebody else signed it"
    )]
    Signature,
}

impl AboutError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Format(error) => error.code(),
            Self::Note(error) => error.code(),
            Self::Organization { .. } => "issuer_mismatch",
            Self::Key(KeyLookupError::Revoked { .. }) => "key_revoked",
            Self::Key(KeyLookupError::Purpose { .. }) => "key_purpose_mismatch",
            Self::Key(KeyLookupError::NotFound { .. }) => "key_not_found",
            Self::Key(_) => "algorithm_key_mismatch",
            Self::Signature => "signature_invalid",
        }
    }
}

/// Reads what is said of a log, without asking who says it: of nothing here follows anything before [`verify`].
///
/// # Errors
/// [`AboutError::Format`], [`AboutError::Note`].
pub fn read(secured: &str) -> Result<About, AboutError> {
    let parts = jws::split(secured.trim()).map_err(CredentialError::from)?;
    let payload =
        base64url::decode(parts.payload).map_err(jws::JwsError::from).map_err(CredentialError::from)?;
    let said = json::parse(&payload, LIMITS).map_err(CredentialError::from)?;
    let object = said.as_object().ok_or_else(|| malformed("the payload", "an object", &said))?;
    check_types(object, &[TYPE])?;
    let text = |name: &str| said.get(name).and_then(Json::as_str).unwrap_or_default();
    let organization = text("verifier").parse().map_err(|_| malformed("verifier", "a DID", &said))?;
    let at = time::parse(text("at"), Round::Down).ok_or_else(|| malformed("at", "a time", &said))?;
    Ok(About { organization, key: NoteKey::parse(text("key"))?, at })
}

/// Checks what is said of a log by the organization's DID document. The key that signed it is judged as of then.
///
/// # Errors
/// [`AboutError`].
pub fn verify(secured: &str, organization: &Document) -> Result<About, AboutError> {
    let about = read(secured)?;
    if about.organization != *organization.id() {
        let (expected, found) = (organization.id().clone(), about.organization.to_string());
        return Err(AboutError::Organization { expected, found });
    }
    let parts = jws::split(secured.trim()).map_err(CredentialError::from)?;
    let header = jws::read_header(parts.header, MEDIA_TYPE, &Algorithm::ALL, LIMITS);
    let header = header.map_err(CredentialError::from)?;
    let algorithm = header.algorithm;
    let key_id = header.required_key_id().map_err(CredentialError::from)?;
    let wanted = KeyUse { id: &key_id, algorithm, purpose: Purpose::AssertionMethod, now: about.at };
    let key = organization.key(wanted)?;
    let signature = jws::read_signature(parts.signature).map_err(CredentialError::from)?;
    key.verify(parts.signing_input.as_bytes(), &signature).map_err(|_| AboutError::Signature)?;
    Ok(about)
}
