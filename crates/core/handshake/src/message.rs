//! The four messages, as JSON. They are the same over HTTP and in the metadata of A2A messages.

use legation_credential::{
    CredentialError, delegation,
    error::{malformed, text},
};
use legation_did::Did;
use legation_keys::json::{self, Json, JsonLimits, Object};
use legation_verifier::{Code, Denial, presentation::MAX_NONCE};
use serde_json::{Value, json};

/// Most bytes of a challenge: two DIDs and two URLs of their greatest length, encoded.
pub const MAX_CHALLENGE: usize = 16 << 10;
/// Most bytes of a message beside the presentation in it.
pub const MAX_ENVELOPE: usize = MAX_CHALLENGE + (4 << 10);
/// Fewest bytes of a caller's nonce: 128 random bits take 22 as base64url.
pub const MIN_NONCE: usize = 22;
/// Levels of a message; what it carries is text.
const DEPTH: usize = 4;

/// One message of a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Caller to callee: who calls.
    Hello(Hello),
    /// Callee to caller: a `legation-challenge+jwt`.
    Challenge(String),
    /// Caller to callee: the chain, for this callee and this challenge.
    Presentation(Answer),
    /// Callee to caller: the signed receipt of its decision.
    Receipt(String),
}

/// What a caller begins with. Nothing in it is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Who calls.
    pub caller: Did,
    /// The caller's nonce, [`MIN_NONCE`] to 128 bytes, which the callee signs.
    pub nonce: String,
}

/// The answer to a challenge. The challenge comes along, so that the callee need not remember it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The challenge as it was received.
    pub challenge: String,
    /// The `vp+jwt`, with the challenge's nonce and the SHA-256 of the challenge as `transcript`.
    pub presentation: String,
}

impl Message {
    /// Reads a message: strictly, within `limit` bytes; for a callee that is the presentation's limit
    /// and [`MAX_ENVELOPE`].
    ///
    /// # Errors
    /// A [`Denial`] with one of the byte codes.
    ///
    /// ```
    /// use legation_handshake::Message;
    /// let hello = br#"{"type":"hello","caller":"did:web:acme.example","nonce":"7dZpVbCkP4y0vN1mQx9rTg"}"#;
    /// assert!(matches!(Message::parse(hello, 1000), Ok(Message::Hello(_))));
    /// let twice = br#"{"type":"hello","type":"hello"}"#;
    /// assert_eq!(Message::parse(twice, 1000).unwrap_err().code.as_str(), "duplicate_member");
    /// ```
    pub fn parse(bytes: &[u8], limit: usize) -> Result<Self, Denial> {
        let json =
            json::parse(bytes, JsonLimits { bytes: limit, depth: DEPTH }).map_err(CredentialError::from)?;
        Self::from_json(&json)
    }

    /// Reads a message that is part of a larger text, which was read within limits.
    ///
    /// # Errors
    /// As [`Message::parse`].
    pub fn from_json(json: &Json<'_>) -> Result<Self, Denial> {
        let object = json.as_object().ok_or_else(|| malformed("the message", "an object", json))?;
        let kind = text(object, "type")?;
        let members: &[&str] = match kind {
            "hello" => &["type", "caller", "nonce"],
            "challenge" => &["type", "challenge"],
            "presentation" => &["type", "challenge", "presentation"],
            "receipt" => &["type", "receipt"],
            other => {
                let found = other.chars().take(40).collect::<String>();
                let expected = "`hello`, `challenge`, `presentation` or `receipt` as `type`";
                return Err(Denial::new(Code::Malformed, expected, found));
            }
        };
        check_members(object, members)?;
        let owned = |name| text(object, name).map(str::to_owned);
        Ok(match kind {
            "hello" => {
                Self::Hello(Hello { caller: delegation::did(object, "caller")?, nonce: nonce(object)? })
            }
            "challenge" => Self::Challenge(owned("challenge")?),
            "presentation" => {
                let (challenge, presentation) = (owned("challenge")?, owned("presentation")?);
                Self::Presentation(Answer { challenge, presentation })
            }
            _ => Self::Receipt(owned("receipt")?),
        })
    }

    /// Writes the message.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Hello(hello) => {
                json!({"type": "hello", "caller": hello.caller.as_str(), "nonce": hello.nonce})
            }
            Self::Challenge(challenge) => json!({"type": "challenge", "challenge": challenge}),
            Self::Presentation(answer) => json!({
                "type": "presentation", "challenge": answer.challenge, "presentation": answer.presentation,
            }),
            Self::Receipt(receipt) => json!({"type": "receipt", "receipt": receipt}),
        }
    }

    /// Its `type`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::Challenge(_) => "challenge",
            Self::Presentation(_) => "presentation",
            Self::Receipt(_) => "receipt",
        }
    }
}

/// Refuses members that are not known: the formats here are our own, and unknown means no.
pub(crate) fn check_members(object: &Object<'_>, known: &[&str]) -> Result<(), Denial> {
    match object.unknown_member(known) {
        None => Ok(()),
        Some(name) => Err(Denial::new(Code::UnknownMember, known.join(", "), name)),
    }
}

/// The caller's nonce, long enough not to be met twice.
fn nonce(object: &Object<'_>) -> Result<String, Denial> {
    let nonce = text(object, "nonce")?;
    check_caller_nonce(nonce)?;
    Ok(nonce.to_owned())
}

fn check_caller_nonce(nonce: &str) -> Result<(), Denial> {
    if (MIN_NONCE..=MAX_NONCE).contains(&nonce.len()) {
        return Ok(());
    }
    let expected = format!("a nonce of {MIN_NONCE} to {MAX_NONCE} bytes");
    Err(Denial::new(Code::Malformed, expected, format!("{} bytes", nonce.len())))
}
