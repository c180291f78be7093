//! What can be wrong: one enum per verb, one variant per rule, each with a stable code.

use crate::{LABEL, MAX_LIFETIME, MAX_NONCE};
use legation_keys::secret;
use legation_verifier::{Code, Denial};

/// Why there is no signature base for a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaseError {
    /// The method is no token (RFC 9110 §9.1).
    #[error("`{found}` is no method")]
    Method {
        /// What it is, shortened.
        found: String,
    },
    /// The target is no plain http or https URL.
    #[error("`{found}` is no http or https URL in ASCII, without user and fragment")]
    TargetUri {
        /// What it is, shortened.
        found: String,
    },
    /// More bytes than are read.
    #[error("`{name}` has {bytes} bytes, {most} are read")]
    TooLarge {
        /// The header, or `@target-uri`.
        name: String,
        /// How many it has.
        bytes: usize,
        /// How many are read.
        most: usize,
    },
    /// A header that is needed or covered is not there.
    #[error("the request has no header `{header}`")]
    Missing {
        /// Which.
        header: String,
    },
    /// A covered header has bytes that a signature base can't hold.
    #[error("the header `{header}` has characters outside ASCII")]
    NotAscii {
        /// Which.
        header: String,
    },
    /// A header is not the structured field that it should be.
    #[error("the header `{header}` is no such dictionary: {reason}")]
    Field {
        /// Which.
        header: String,
        /// What is wrong, and where.
        reason: String,
    },
    /// A covered member of a dictionary is not there.
    #[error("the header `{header}` has no member `{key}`")]
    NoMember {
        /// The header.
        header: String,
        /// The member.
        key: String,
    },
    /// A component that is not evaluated here.
    #[error("the component `{component}` is not understood here")]
    Component {
        /// Its identifier, with its parameters.
        component: String,
    },
    /// A component that is listed twice (RFC 9421 §2).
    #[error("the component `{component}` stands twice")]
    Twice {
        /// Its identifier.
        component: String,
    },
    /// There is no signature of that label.
    #[error("`Signature-Input` has no `{label}`")]
    NoLabel {
        /// The label.
        label: String,
    },
}

impl BaseError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "input_too_large",
            Self::Missing { .. } | Self::NoMember { .. } => "request_binding_mismatch",
            _ => "malformed",
        }
    }
}

/// Why there is no chain in a header, or no header for a chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The request has no `Agent-Delegation`.
    #[error("the request has no header `Agent-Delegation`")]
    Missing,
    /// More than one line: readers would differ in which one counts.
    #[error("the header `Agent-Delegation` stands more than once")]
    Repeated,
    /// More bytes than are read.
    #[error("`Agent-Delegation` has {bytes} bytes, {most} are read; present fewer links, or the digest")]
    TooLarge {
        /// How many it has.
        bytes: usize,
        /// How many are read.
        most: usize,
    },
    /// No Token or Byte Sequence without parameters.
    #[error("`Agent-Delegation` is no token or byte sequence: {reason}")]
    Shape {
        /// What is wrong.
        reason: String,
    },
    /// A digest that is no SHA-256.
    #[error("the digest in `Agent-Delegation` has {bytes} bytes, a SHA-256 has 32")]
    Digest {
        /// How many it has.
        bytes: usize,
    },
    /// A chain without links.
    #[error("a chain has at least one link")]
    Empty,
    /// A link is no compact JWS and no document with proofs.
    #[error("link {index} is neither a compact JWS nor the base64url of a document")]
    Link {
        /// Its place, 0 at the root.
        index: usize,
    },
    /// A member of `Agent-Approval` that is no String of a compact JWS or of a document.
    #[error(
        "member {index} of `Agent-Approval` is no string of a compact JWS or of the base64url of a document"
    )]
    Approval {
        /// Its place, counted from 0.
        index: usize,
    },
    /// More approvals than are read.
    #[error("`Agent-Approval` has {found} approvals or more, {} are read", legation_verifier::MAX_APPROVALS)]
    TooManyApprovals {
        /// How many were seen.
        found: usize,
    },
}

impl HeaderError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing | Self::Empty => "chain_empty",
            Self::TooLarge { .. } | Self::TooManyApprovals { .. } => "input_too_large",
            _ => "malformed",
        }
    }
}

/// Why a `Content-Digest` is not that of the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// A digest that is no byte sequence.
    #[error("`{algorithm}` in `Content-Digest` is no byte sequence")]
    Shape {
        /// Whose.
        algorithm: &'static str,
    },
    /// A digest of something else than the body.
    #[error("`{algorithm}` in `Content-Digest` is not that of the body")]
    Differs {
        /// Which.
        algorithm: &'static str,
    },
    /// No algorithm that is known.
    #[error("`Content-Digest` has `{found}`; use `sha-256` or `sha-512`")]
    Unknown {
        /// What it has, shortened.
        found: String,
    },
}

/// Why a request was not signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The header `Agent-Delegation` is missing or unusable; add it first.
    #[error("{0}")]
    Delegation(#[from] HeaderError),
    /// Something that would be covered is missing or unusable.
    #[error("{0}")]
    Base(#[from] BaseError),
    /// The signature would not live, or for too long.
    #[error("a signature from {created} to {expires} does not live 1 to {MAX_LIFETIME} seconds")]
    Lifetime {
        /// From when, Unix seconds.
        created: i64,
        /// Until when, Unix seconds.
        expires: i64,
    },
    /// The nonce is empty, too long, or no printable ASCII.
    #[error("a nonce has 1 to {MAX_NONCE} printable ASCII characters")]
    Nonce,
    /// What should say where the signer's keys are, for Web Bot Auth, does not.
    #[error("`{found}` is no https URL of a key directory")]
    Agent {
        /// What it is, shortened.
        found: String,
    },
    /// The request has such a signature already; sign it as it was without.
    #[error("the request is signed already; take the old signature off first")]
    AlreadySigned,
    /// The signer's member can't be added to the `Signature-Agent` that the request has; take that off first.
    #[error("`Signature-Agent` can't have a member `{LABEL}` more: {reason}")]
    SignatureAgent {
        /// Why.
        reason: String,
    },
    /// What was signed does not fit into a header; no known input does this.
    #[error("the signature does not fit into a header")]
    Header,
    /// The signer did not sign.
    #[error("{0}")]
    Signer(#[from] secret::SignError),
}

impl SignError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Delegation(error) => error.code(),
            Self::Base(error) => error.code(),
            Self::Lifetime { .. } => "presentation_stale",
            Self::Nonce | Self::Agent { .. } | Self::Header => "malformed",
            Self::AlreadySigned | Self::SignatureAgent { .. } => "already_signed",
            Self::Signer(_) => "signer_failed",
        }
    }
}

/// Why a text is no signature base of a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadBaseError {
    /// It is written otherwise (RFC 9421 §2.5).
    #[error("it is no signature base: {reason}")]
    Form {
        /// What is wrong.
        reason: String,
    },
    /// What it covers, or its parameters, are not those of an agent's request.
    #[error("{0}")]
    Read(#[from] ReadError),
}

impl ReadBaseError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Form { .. } => "malformed",
            Self::Read(error) => error.code(),
        }
    }
}

/// Why the signature of a request is no proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// `Agent-Delegation` stands more than once.
    #[error("{0}")]
    Delegation(#[from] HeaderError),
    /// A header is missing or unusable, or a component is.
    #[error("{0}")]
    Base(#[from] BaseError),
    /// A component that must be covered is not.
    #[error("no signature that covers `{component}`")]
    Uncovered {
        /// Which.
        component: &'static str,
    },
    /// Two signatures cover `agent-delegation`: readers would differ in which one counts.
    #[error("more than one signature covers `agent-delegation`")]
    Several,
    /// A parameter that RFC 9421 does not define.
    #[error("the parameter `{name}` is not understood here")]
    UnknownParameter {
        /// Which.
        name: String,
    },
    /// A parameter is missing, of another kind or out of range.
    #[error("`{name}` is `{found}`, expected {expected}")]
    Parameter {
        /// Which.
        name: &'static str,
        /// What would do.
        expected: &'static str,
        /// What there is, shortened; empty where it is missing.
        found: String,
    },
    /// An algorithm that is not used here.
    #[error("the algorithm `{found}` is not allowed; use `ed25519` or `ecdsa-p256-sha256`")]
    Algorithm {
        /// What `alg` says, shortened.
        found: String,
    },
    /// `created` or `expires` is missing, or the time between them is none or too long.
    #[error("created at {}, expires at {}, must live 1 to {MAX_LIFETIME} seconds", time(.created), time(.expires))]
    Lifetime {
        /// From when, Unix seconds.
        created: Option<i64>,
        /// Until when, Unix seconds.
        expires: Option<i64>,
    },
    /// The body is not the one that was signed.
    #[error("{0}")]
    Digest(#[from] DigestError),
    /// `Signature` holds no 64 bytes under the label.
    #[error("the signature `{label}` is {found}, expected 64 bytes")]
    Signature {
        /// The label.
        label: String,
        /// What there is.
        found: String,
    },
}

fn time(seconds: &Option<i64>) -> String {
    seconds.map_or("no time".to_owned(), |seconds| seconds.to_string())
}

impl ReadError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Delegation(error) => error.code(),
            Self::Base(error) => error.code(),
            Self::Uncovered { .. } => "request_binding_mismatch",
            Self::Algorithm { .. } => "algorithm_not_allowed",
            Self::Lifetime { .. } => "presentation_stale",
            Self::Digest(DigestError::Shape { .. }) => "malformed",
            Self::Digest(_) => "request_binding_mismatch",
            Self::Several
            | Self::UnknownParameter { .. }
            | Self::Parameter { .. }
            | Self::Signature { .. } => "malformed",
        }
    }
}

impl From<ReadError> for Denial {
    fn from(error: ReadError) -> Self {
        denial(error.code(), error.to_string())
    }
}

impl From<HeaderError> for Denial {
    fn from(error: HeaderError) -> Self {
        denial(error.code(), error.to_string())
    }
}

fn denial(code: &str, found: String) -> Denial {
    // Every code of a reading error is in the list; a test walks through them.
    let code = Code::from_name(code).unwrap_or(Code::Malformed);
    let expected = match code {
        Code::InputTooLarge => "no more bytes than the limit",
        Code::ChainEmpty => "a chain, or the digest of one, in `Agent-Delegation`",
        Code::AlgorithmNotAllowed => "an allowed algorithm",
        Code::PresentationStale => "a lifetime of at most 300 seconds",
        Code::RequestBindingMismatch => "a signature that covers the request as it was sent",
        _ => "the format of a signed request",
    };
    Denial::new(code, expected, found)
}

/// At most 80 characters of a text, for a message.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
