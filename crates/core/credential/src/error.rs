//! Why a credential can't be read, and the small readers that say so.

use crate::pattern::PatternError;
use legation_keys::{
    base64url::Base64Error,
    data_integrity::ProofError,
    json::{Json, JsonError, Object},
    jws::JwsError,
    time::{Round, numeric_date},
};

/// Why bytes are not a credential, an authority or a status list that is used here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Not strict JSON.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// Not a compact JWS with a header that is allowed.
    #[error("{0}")]
    Jws(#[from] JwsError),
    /// No Data Integrity proofs that are allowed.
    #[error("{0}")]
    Proof(#[from] ProofError),
    /// A document over which too much would be hashed: each of its proofs is over the whole of it.
    #[error("{proofs} proofs over {bytes} bytes: together at most {most} bytes are hashed")]
    TooMuchToHash {
        /// How many proofs it has.
        proofs: usize,
        /// How many bytes the document has.
        bytes: usize,
        /// How many bytes are hashed at most, for all proofs together.
        most: usize,
    },
    /// A member is missing, of the wrong kind or out of its range.
    #[error("`{member}`: expected {expected}, found {found}")]
    Malformed {
        /// Which one.
        member: String,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// The `@context` is not the one that gives the members their meaning.
    #[error("`@context` must be {expected}, found {found}")]
    Context {
        /// The contexts, in order.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// The `type` does not name what is expected.
    #[error("`type` must name {expected}, found {found}")]
    Type {
        /// The type.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A member inside `delegation` that is not known. It might limit something.
    #[error("the member `{member}` is not known in a {place}")]
    UnknownMember {
        /// Its name.
        member: String,
        /// In which object.
        place: &'static str,
    },
    /// A constraint of a type that is not known. It certainly limits something.
    #[error("the constraint type `{found}` is not known; known are {}", crate::constraint::TYPES.join(", "))]
    UnknownConstraint {
        /// Its type.
        found: String,
    },
    /// An action or a resource that is no pattern.
    #[error("{0}")]
    Pattern(#[from] PatternError),
}

impl CredentialError {
    /// The stable code, as a denial has it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(error) => error.code(),
            Self::Jws(error) => match error {
                JwsError::Base64(Base64Error::Padded) => "padded_base64",
                JwsError::Json(error) => error.code(),
                JwsError::Algorithm { .. } => "algorithm_not_allowed",
                JwsError::Type { .. } => "type_mismatch",
                JwsError::Critical { .. } => "critical_header",
                JwsError::KeyInHeader { .. } => "header_key_forbidden",
                JwsError::Parts { .. }
                | JwsError::Base64(_)
                | JwsError::HeaderShape
                | JwsError::NoKeyId
                | JwsError::SignatureLength => "malformed",
            },
            Self::Proof(error) => error.code(),
            Self::TooMuchToHash { .. } => "input_too_large",
            Self::Malformed { .. } | Self::Pattern(PatternError::Action { .. }) => "malformed",
            Self::Context { .. } => "context_mismatch",
            Self::Type { .. } => "type_mismatch",
            Self::UnknownMember { .. } => "unknown_member",
            Self::UnknownConstraint { .. } => "unknown_constraint",
            Self::Pattern(PatternError::Resource { .. }) => "resource_not_normalized",
        }
    }
}

/// A member that is not what it should be.
pub fn malformed(member: &str, expected: &'static str, found: &Json<'_>) -> CredentialError {
    CredentialError::Malformed { member: member.to_owned(), expected, found: found.kind().to_owned() }
}

fn missing(member: &str, expected: &'static str) -> CredentialError {
    CredentialError::Malformed { member: member.to_owned(), expected, found: "nothing".to_owned() }
}

/// A required text.
///
/// # Errors
/// [`CredentialError::Malformed`].
pub fn text<'o>(object: &'o Object<'_>, member: &'static str) -> Result<&'o str, CredentialError> {
    let value = object.get(member).ok_or_else(|| missing(member, "a text"))?;
    value.as_str().ok_or_else(|| malformed(member, "a text", value))
}

/// A required integer up to 2^53 − 1.
///
/// # Errors
/// [`CredentialError::Malformed`].
pub fn integer(object: &Object<'_>, member: &'static str) -> Result<i64, CredentialError> {
    let expected = "an integer of at most 2^53-1";
    let value = object.get(member).ok_or_else(|| missing(member, expected))?;
    value.as_integer().ok_or_else(|| malformed(member, expected, value))
}

/// A required NumericDate (RFC 7519 §2), in Unix seconds.
///
/// # Errors
/// [`CredentialError::Malformed`].
pub fn seconds(object: &Object<'_>, member: &'static str, round: Round) -> Result<i64, CredentialError> {
    let expected = "seconds since 1970 as a number";
    let value = object.get(member).ok_or_else(|| missing(member, expected))?;
    numeric_date(value, round).ok_or_else(|| malformed(member, expected, value))
}

/// A required array of at most so many elements.
///
/// # Errors
/// [`CredentialError::Malformed`].
pub fn list<'o, 'a>(
    object: &'o Object<'a>,
    member: &'static str,
    most: usize,
) -> Result<&'o [Json<'a>], CredentialError> {
    let value = object.get(member).ok_or_else(|| missing(member, "an array"))?;
    match value.as_array() {
        Some(elements) if elements.len() <= most => Ok(elements),
        Some(elements) => Err(CredentialError::Malformed {
            member: member.to_owned(),
            expected: "a shorter array",
            found: format!("{} elements, at most {most} are read", elements.len()),
        }),
        None => Err(malformed(member, "an array", value)),
    }
}

/// Refuses members that are not known: inside `delegation` every member could be a limit.
pub(crate) fn members(
    object: &Object<'_>,
    place: &'static str,
    known: &[&str],
) -> Result<(), CredentialError> {
    match object.unknown_member(known) {
        None => Ok(()),
        Some(member) => {
            Err(CredentialError::UnknownMember { member: crate::pattern::shorten(member), place })
        }
    }
}
