//! What can be wrong: one enum per verb, one variant per rule, each with a stable code.

use crate::{Dropped, Form, jwks::JwkError, loss};
use legation_did::{Did, DidError, KeyLookupError};
use legation_keys::{
    base64url::Base64Error,
    json::{JsonError, JsonLimits},
    secret,
};

/// Bounds on a card: known ones take a few KiB and nest a dozen levels.
pub const LIMITS: JsonLimits = JsonLimits { bytes: 256 * 1024, depth: 32 };

/// Why bytes are not a card that is read here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// Not strict JSON within [`LIMITS`].
    #[error("{0}")]
    Json(#[from] JsonError),
    /// A member is of another kind than the A2A 1.0 schema says.
    #[error("{} is {found}, expected {expected}", place(.at))]
    Kind {
        /// Where: names and indexes joined by `.`; empty for the card itself.
        at: String,
        /// What the schema says.
        expected: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// Two alternatives of one message are set, so that readers would differ in which one counts.
    #[error("{} has more than one of the alternatives of {message}", place(.at))]
    OneOf {
        /// Where.
        at: String,
        /// The message of the schema.
        message: &'static str,
    },
    /// A card of A2A 0.3, which is read by [`crate::legacy::read`] and can't be verified.
    #[error("a card of A2A 0.3 (`url`, no `supportedInterfaces`): its signatures can't be verified here")]
    Legacy,
    /// Not a card of A2A 0.3, where one was expected.
    #[error("no card of A2A 0.3: it has `supportedInterfaces` or neither `url` nor `protocolVersion`")]
    NotLegacy,
    /// The identity extension's `params.did` is missing or no DID.
    #[error("the identity extension has no DID in `params.did`{}", .0.as_ref().map(|e| format!(": {e}")).unwrap_or_default())]
    Did(Option<DidError>),
    /// Two declarations of the identity extension: a card has one DID.
    #[error("the identity extension is declared more than once")]
    TwoDids,
    /// The delegation extension's `params.handshake` is no URL that could be called.
    #[error(
        "the delegation extension has {found} in `params.handshake`, expected a URL of `https` with at most {} bytes",
        crate::extension::MAX_HANDSHAKE
    )]
    Handshake {
        /// What stands there: its kind, or the text, shortened.
        found: String,
    },
    /// Two declarations of the delegation extension: readers would differ in which one counts.
    #[error("the delegation extension is declared more than once")]
    TwoDelegations,
}

impl CardError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(error) => error.code(),
            Self::Kind { .. } | Self::OneOf { .. } => "malformed",
            Self::Legacy => "card_legacy",
            Self::NotLegacy => "card_not_legacy",
            Self::Did(_) => "card_did_malformed",
            Self::TwoDids => "card_did_ambiguous",
            Self::Handshake { .. } => "card_handshake_malformed",
            Self::TwoDelegations => "card_delegation_ambiguous",
        }
    }

    /// The same error, met inside the member of that name.
    pub(crate) fn within(mut self, name: &str) -> Self {
        if let Self::Kind { at, .. } | Self::OneOf { at, .. } = &mut self {
            // The name may be of any length: it can be a key of a map.
            let name: String = name.chars().take(60).collect();
            *at = if at.is_empty() { name } else { format!("{name}.{at}") };
        }
        self
    }
}

/// Where something stands in a card.
fn place(at: &str) -> String {
    if at.is_empty() { "the card itself".to_owned() } else { format!("`{at}`") }
}

/// Why a card was not signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// What the card declares in one of the two extensions is unusable.
    #[error("{0}")]
    Card(#[from] CardError),
    /// The card has no identity extension: nobody could tell whose key may sign it.
    #[error("the card declares no DID; add the identity extension first")]
    NoDid,
    /// A member that A2A 1.0 does not know, and so is in no form, without which a security requirement, a
    /// security scheme or an interface would say something else.
    #[error(
        "`{at}` is not known to A2A 1.0's {message} and would not be signed, and without it the card would say \
         something else about who may call and where; write {}, or take the member out",
        loss::instead(.message)
    )]
    Lost {
        /// Where it stands: a JSON Pointer (RFC 6901).
        at: String,
        /// The message of the schema.
        message: &'static str,
    },
    /// The key id is no DID URL of the DID that the card declares.
    #[error("`{key_id}` is no key of `{did}`, which the card declares")]
    KeyId {
        /// The key id.
        key_id: String,
        /// The card's DID.
        did: Did,
    },
    /// With these there would be more signatures than a verifier tries.
    #[error("more than {} signatures; drop some of those that are there", crate::MAX_SIGNATURES)]
    TooMany,
    /// A signature that stays is not one: it lacks `protected` or `signature`.
    #[error("a signature that is already there lacks `protected` or `signature`; drop it first")]
    Malformed,
    /// The signer did not sign.
    #[error("{0}")]
    Signer(#[from] secret::SignError),
}

impl SignError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Card(error) => error.code(),
            Self::NoDid => "card_did_missing",
            Self::Lost { .. } => "card_member_lost",
            Self::KeyId { .. } => "issuer_mismatch",
            Self::TooMany => "card_signatures_too_many",
            Self::Malformed => "malformed",
            Self::Signer(_) => "signer_failed",
        }
    }
}

/// Why a card is not verified.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum VerifyError {
    /// The card has no signatures.
    #[error("the card is not signed")]
    Unsigned,
    /// What the card declares in one of the two extensions is unusable.
    #[error("{0}")]
    Card(#[from] CardError),
    /// The keys are to come from a DID document, and the card declares no DID.
    #[error("the card declares no DID, so that a DID document has no say in it")]
    NoDid,
    /// The document is not that of the DID that the card declares.
    #[error("the card declares `{declared}`, the document is that of `{document}`")]
    DidMismatch {
        /// The card's DID.
        declared: Did,
        /// The document's.
        document: Did,
    },
    /// No signature is valid.
    #[error("none of {signatures} signatures is valid{}", first(.failures))]
    NoneValid {
        /// How many the card has.
        signatures: usize,
        /// What is wrong with the first ones, at most [`crate::MAX_SIGNATURES`].
        failures: Vec<Failure>,
    },
}

fn first(failures: &[Failure]) -> String {
    let Some(Failure { index, reason }) = failures.first() else { return String::new() };
    format!("; number {index}: {reason}")
}

impl VerifyError {
    /// The stable code. Where no signature is valid, the code of the first one that covers what is not
    /// known here, else of the first that failed in its equation, else of the first.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unsigned => "card_unsigned",
            Self::Card(error) => error.code(),
            Self::NoDid => "card_did_missing",
            Self::DidMismatch { .. } => "card_did_mismatch",
            Self::NoneValid { failures, .. } => {
                let beyond = failures.iter().find(|failure| matches!(failure.reason, Refusal::Beyond(_)));
                let invalid = failures.iter().find(|failure| matches!(failure.reason, Refusal::Invalid(_)));
                beyond
                    .or(invalid)
                    .or(failures.first())
                    .map_or("signature_invalid", |failure| failure.reason.code())
            }
        }
    }
}

/// What is wrong with one signature.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Its place among the card's signatures, from 0.
    pub index: usize,
    /// What is wrong with it.
    pub reason: Refusal,
}

/// Why one signature does not count. The variants stand in the order of the checks.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// No object with text in `protected` and `signature`.
    #[error("no object with text in `protected` and `signature`")]
    Shape,
    /// `protected` or `signature` is not base64url.
    #[error("{0}")]
    Base64(#[from] Base64Error),
    /// The protected header is not strict JSON.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// `alg` is missing, unknown, `none` or a shared secret's.
    #[error("the algorithm `{found}` is not allowed")]
    Algorithm {
        /// What `alg` says, shortened.
        found: String,
    },
    /// `typ` names something else than a JWS.
    #[error("`typ` is `{found}`, expected `JOSE`")]
    Type {
        /// What it says, shortened.
        found: String,
    },
    /// Nothing critical is understood (RFC 7515 §4.1.11).
    #[error("the header has the critical member `{member}`, which is not understood")]
    Critical {
        /// `crit` or `b64`.
        member: &'static str,
    },
    /// The header brings its own key.
    #[error("the header member `{member}` would choose its own key")]
    KeyInHeader {
        /// `jwk`, `x5c` or `x5u`.
        member: &'static str,
    },
    /// `kid` is missing or no text.
    #[error("the header has no text in `kid`")]
    NoKeyId,
    /// The DID document has no such key for `assertionMethod`.
    #[error("{0}")]
    Document(Box<KeyLookupError>),
    /// The JWK set has no such key, or an unusable one.
    #[error("{0}")]
    Jwk(#[from] JwkError),
    /// The signature fits none of the accepted forms.
    #[error("the signature fits {}", none_of(.0))]
    Invalid(Vec<Form>),
    /// The signature is the key's, and covers members that A2A 1.0 does not know: what its signer says
    /// by them is not understood here, and without them the card is not what was signed.
    #[error("the signature is good, and covers members that A2A 1.0 does not know: {0}")]
    Beyond(Dropped),
}

fn none_of(tried: &[Form]) -> String {
    match tried {
        [] => "nothing: no form is accepted".to_owned(),
        [one] => format!("not the {one} form"),
        several => {
            let names: Vec<_> = several.iter().map(|form| format!("the {form} form")).collect();
            format!("neither {}", names.join(" nor "))
        }
    }
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Shape | Self::NoKeyId => "malformed",
            Self::Base64(Base64Error::Padded) => "padded_base64",
            Self::Base64(_) => "malformed",
            Self::Json(error) => CardError::Json(error.clone()).code(),
            Self::Algorithm { .. } => "algorithm_not_allowed",
            Self::Type { .. } => "type_mismatch",
            Self::Critical { .. } => "critical_header",
            Self::KeyInHeader { .. } => "header_key_forbidden",
            Self::Document(error) => match **error {
                KeyLookupError::NotFound { .. } | KeyLookupError::Unusable { .. } => "key_not_found",
                KeyLookupError::Algorithm { .. } => "algorithm_key_mismatch",
                KeyLookupError::Purpose { .. } => "key_purpose_mismatch",
                KeyLookupError::Revoked { .. } => "key_revoked",
            },
            Self::Jwk(JwkError::Algorithm { .. }) => "algorithm_key_mismatch",
            Self::Jwk(_) => "key_not_found",
            Self::Invalid(_) => "signature_invalid",
            Self::Beyond(_) => "card_member_unknown",
        }
    }
}

/// Why a verified card is not one of its DID's domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindingError {
    /// The card was verified with a JWK set, which proves no DID.
    #[error("the card was verified with a JWK set, so that no DID is proven")]
    NoDid,
    /// The document is that of another DID.
    #[error("the card's DID is `{card}`, the document is that of `{document}`")]
    Document {
        /// The card's DID.
        card: Did,
        /// The document's.
        document: Did,
    },
    /// The card has no interface at all.
    #[error("the card has no interface")]
    NoInterface,
    /// An interface is somewhere else than the DID's domain and its services.
    #[error(
        "interface {index} is at `{found}`, which is neither the origin of the DID nor one of its services"
    )]
    Origin {
        /// Its place among `supportedInterfaces`, from 0.
        index: usize,
        /// Its origin, or its URL where that has none; shortened.
        found: String,
    },
    /// The handshake is spoken somewhere else than at the DID's domain and its services.
    #[error("the handshake is at `{found}`, which is neither the origin of the DID nor one of its services")]
    Handshake {
        /// Its origin, or its URL where that has none; shortened.
        found: String,
    },
}

impl BindingError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoDid => "card_did_unproven",
            Self::Document { .. } => "card_did_mismatch",
            Self::NoInterface => "card_interface_missing",
            Self::Origin { .. } | Self::Handshake { .. } => "card_origin_mismatch",
        }
    }
}

/// At most 80 characters of a text, for a message.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
