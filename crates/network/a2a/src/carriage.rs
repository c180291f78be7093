//! A handshake's message in an A2A message, and out of it.

use a2a::{Part, Role};
use legation_agent_card::extension::DELEGATION;
use legation_credential::error::{malformed, text};
use legation_handshake::Message;
use legation_keys::json::{self, Json, JsonLimits};
use legation_verifier::{Code, Denial, error::misleads};
use serde_json::json;
use std::collections::HashMap;

/// The extension's URI: the key in the metadata and the value of the header.
pub const URI: &str = DELEGATION;
/// Most bytes of what is carried. Chains beyond it have their own, smaller limit.
pub const MAX_CARRIED: usize = 1 << 20;
/// Most bytes of a refusal's code.
const MAX_CODE: usize = 64;
/// Most bytes of a refusal's reason.
const MAX_REASON: usize = 4096;
/// Levels of what is carried: one object of texts.
const DEPTH: usize = 4;

/// What an A2A message carries under the extension's [`URI`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// A message of the handshake.
    Message(Message),
    /// Why there is none; only agents send it.
    Refusal(Refusal),
}

/// Why an agent does not answer. It is not signed: whoever reads it learns why this exchange ended and
/// nothing about the agent. A chain that does not hold is no refusal but a receipt that says so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} ({code})")]
pub struct Refusal {
    /// The stable code, such as `nonce_mismatch`.
    pub code: String,
    /// What was expected and found, for a person.
    pub reason: String,
}

impl From<legation_agent::Refusal> for Refusal {
    fn from(refusal: legation_agent::Refusal) -> Self {
        Self { code: refusal.code().to_owned(), reason: refusal.to_string() }
    }
}

/// Puts `carried` into an A2A message, in place of what may be there.
///
/// ```
/// use a2a::{Message, Part, Role};
/// use legation_a2a::{Carried, Refusal, carry, find};
/// let refusal = Carried::Refusal(Refusal { code: "malformed".into(), reason: "no hello".into() });
/// let message = carry(&refusal, Message::new(Role::Agent, vec![Part::text("No.")]));
/// assert_eq!(find(&message)?, Some(refusal));
/// assert_eq!(find(&Message::new(Role::User, vec![Part::text("Hi.")]))?, None);
/// # Ok::<(), legation_verifier::Denial>(())
/// ```
#[must_use]
pub fn carry(carried: &Carried, mut message: a2a::Message) -> a2a::Message {
    let value = match carried {
        Carried::Message(message) => message.to_json(),
        Carried::Refusal(refusal) => {
            let (code, reason) = (shorten(&refusal.code, MAX_CODE), shorten(&refusal.reason, MAX_REASON));
            json!({"type": "refusal", "code": code, "reason": reason})
        }
    };
    message.metadata.get_or_insert_with(HashMap::new).insert(URI.to_owned(), value);
    let extensions = message.extensions.get_or_insert_with(Vec::new);
    if !extensions.iter().any(|uri| uri == URI) {
        extensions.push(URI.to_owned());
    }
    message
}

/// A whole A2A message of one side that carries `carried`. A2A wants a part in it: a line for people
/// who read along.
pub(crate) fn message(carried: &Carried, role: Role) -> a2a::Message {
    let kind = match carried {
        Carried::Message(message) => message.kind(),
        Carried::Refusal(_) => "refusal",
    };
    carry(carried, a2a::Message::new(role, vec![Part::text(format!("Legation handshake: {kind}."))]))
}

/// Finds what an A2A message carries; `None` where it has nothing of the extension.
///
/// It is read strictly, as from the network. The A2A library has read the whole before and has kept
/// one of two members of the same name: which one stood on the wire twice is not told any more, so
/// prefer [`find_in`] where the bytes are at hand. Nothing follows from it but a refusal, since all
/// that counts are signed texts inside, which are read from their own bytes.
///
/// # Errors
/// A [`Denial`] with one of the byte codes.
pub fn find(message: &a2a::Message) -> Result<Option<Carried>, Denial> {
    let Some(value) = message.metadata.as_ref().and_then(|metadata| metadata.get(URI)) else {
        return Ok(None);
    };
    let text = value.to_string();
    let limits = JsonLimits { bytes: MAX_CARRIED, depth: DEPTH };
    let json = json::parse(text.as_bytes(), limits).map_err(legation_credential::CredentialError::from)?;
    read(&json).map(Some)
}

/// As [`find`], in an A2A message as JSON that was read strictly and within limits.
///
/// # Errors
/// As [`find`].
pub fn find_in(message: &Json<'_>) -> Result<Option<Carried>, Denial> {
    message.get("metadata").and_then(|metadata| metadata.get(URI)).map(read).transpose()
}

fn read(json: &Json<'_>) -> Result<Carried, Denial> {
    if json.get("type").and_then(Json::as_str) != Some("refusal") {
        return Message::from_json(json).map(Carried::Message);
    }
    let object = json.as_object().ok_or_else(|| malformed("the message", "an object", json))?;
    let known = ["type", "code", "reason"];
    if let Some(name) = object.unknown_member(&known) {
        return Err(Denial::new(Code::UnknownMember, known.join(", "), name));
    }
    let (code, reason) = (text(object, "code")?, text(object, "reason")?);
    let is_code = code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if code.is_empty() || code.len() > MAX_CODE || !is_code {
        let expected = format!("1 to {MAX_CODE} of `a-z` and `_` as `code`");
        return Err(Denial::new(Code::Malformed, expected, shorten(code, MAX_CODE)));
    }
    if reason.len() > MAX_REASON {
        let expected = format!("at most {MAX_REASON} bytes as `reason`");
        return Err(Denial::new(Code::Malformed, expected, format!("{} bytes", reason.len())));
    }
    Ok(Carried::Refusal(Refusal { code: code.to_owned(), reason: shorten(reason, MAX_REASON) }))
}

/// The first characters of a text that fit into `most` bytes, without those that mislead a reader.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    let mut kept = String::new();
    for character in text.chars().filter(|character| !misleads(*character)) {
        if kept.len() + character.len_utf8() > most {
            break;
        }
        kept.push(character);
    }
    kept
}
