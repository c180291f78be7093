//! Web Bot Auth (IETF, draft-meunier-web-bot-auth-architecture): a bot signs its requests by RFC 9421 and publishes its
//! keys in a directory, which `Signature-Agent` names.
//!
//! A request of ours passes as one where [`Signing::agent`](crate::Signing) says where the agent's directory is: the one
//! signature then answers for both. [`verify`] is for requests of others, which prove which bot came and nothing more:
//! authority is a delegation's.

use crate::{
    LABEL, Message,
    base::{base, plain},
    error::{BaseError, ReadError, SignError, shorten},
    field::{self, Item, Member, Value},
    input::{self, Input, algorithm_name},
    message::SIGNATURE_AGENT,
    read::{covers, signature},
};
use http::HeaderValue;
use legation_keys::{
    PublicKey,
    json::{self, Json, JsonError, JsonLimits},
};
use sfv::BareItem;

/// Where a directory is published, below an agent's origin.
pub const DIRECTORY_PATH: &str = "/.well-known/http-message-signatures-directory";
/// The media type of a directory.
pub const DIRECTORY_TYPE: &str = "application/http-message-signatures-directory+json";
/// The parameter `tag` of a signature for this use.
pub const TAG: &str = "web-bot-auth";
/// Most keys of a directory.
const MAX_KEYS: usize = 64;

/// A bot that signed a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bot {
    /// The key, by its RFC 7638 thumbprint.
    pub key_thumbprint: String,
    /// What `Signature-Agent` names, where it does: the origin of its directory, or a directory's URL.
    pub agent: Option<String>,
    /// The nonce, which a service may ask to be new; `None` where there is none.
    pub nonce: Option<String>,
    /// When it was signed, Unix seconds.
    pub created: i64,
    /// When the signature ends, Unix seconds.
    pub expires: i64,
}

/// Why a request is no bot's.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BotError {
    /// No signature has the tag.
    #[error("no signature has the tag `{TAG}`")]
    NoSignature,
    /// The headers or the signed components can't be read.
    #[error("{0}")]
    Base(#[from] BaseError),
    /// A parameter or the signature can't be read.
    #[error("{0}")]
    Read(#[from] ReadError),
    /// A component has to be covered and is not.
    #[error("the signature does not cover `{component}`")]
    Uncovered {
        /// Which one.
        component: &'static str,
    },
    /// The signature says no times, or they are not of now, or it lives for too long.
    #[error("the signature is of {created:?} to {expires:?}, and now is {now}; it may live for {most} s")]
    Time {
        /// `created`, Unix seconds.
        created: Option<i64>,
        /// `expires`, Unix seconds.
        expires: Option<i64>,
        /// Now, Unix seconds.
        now: i64,
        /// The longest life, seconds.
        most: i64,
    },
    /// No key that is known has this thumbprint, or it is for another algorithm.
    #[error("no key of the directory is `{found}`")]
    Key {
        /// What `keyid` says.
        found: String,
    },
    /// The signature does not fit.
    #[error("the signature does not fit")]
    Signature,
}

impl BotError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSignature | Self::Signature => "signature_invalid",
            Self::Base(error) => error.code(),
            Self::Read(error) => error.code(),
            Self::Uncovered { .. } => "request_binding_mismatch",
            Self::Time { .. } => "presentation_stale",
            Self::Key { .. } => "key_not_found",
        }
    }
}

/// A directory of these keys, as JSON: a JWK set, each key with its thumbprint as `kid`.
#[must_use]
pub fn directory(keys: &[PublicKey]) -> String {
    let jwk = |key: &PublicKey| {
        let mut jwk = key.to_jwk();
        if let Some(members) = jwk.as_object_mut() {
            members.insert("kid".to_owned(), key.thumbprint().into());
            members.insert("use".to_owned(), "sig".into());
        }
        jwk.to_string()
    };
    format!(r#"{{"keys":[{}]}}"#, keys.iter().map(jwk).collect::<Vec<_>>().join(","))
}

/// Why bytes are no directory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// Not strict JSON.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// No object with an array `keys` of at most 64.
    #[error("the directory has no array `keys` of at most {MAX_KEYS}")]
    Keys,
}

/// Reads a directory: the keys of it that are of a kind that is used here. Others are passed over.
///
/// # Errors
/// [`DirectoryError`].
pub fn read_directory(bytes: &[u8]) -> Result<Vec<PublicKey>, DirectoryError> {
    let json = json::parse(bytes, JsonLimits { bytes: 64 * 1024, depth: 8 })?;
    let keys = json.get("keys").and_then(Json::as_array).filter(|keys| keys.len() <= MAX_KEYS);
    let keys = keys.ok_or(DirectoryError::Keys)?;
    Ok(keys.iter().filter_map(|key| PublicKey::from_jwk(key.as_object()?).ok()).collect())
}

/// Verifies that a bot with one of these keys signed a request, at `now` (Unix seconds), for at most `most` seconds. The
/// keys are those of the directory that the caller knows or has fetched for [`agent_of`]. Whether the nonce is new is the
/// caller's question.
///
/// # Errors
/// [`BotError`].
pub fn verify(message: &Message<'_>, keys: &[PublicKey], now: i64, most: i64) -> Result<Bot, BotError> {
    let input = tagged(message)?;
    if !covers(&input, "@authority") && !covers(&input, "@target-uri") {
        return Err(BotError::Uncovered { component: "@authority" });
    }
    let agent = named_agent(message, &input)?;
    let time = |name| input::integer(&input.params, name);
    let (created, expires) = (time("created")?, time("expires")?);
    let outside = BotError::Time { created, expires, now, most };
    let (Some(created), Some(expires)) = (created, expires) else { return Err(outside) };
    let lives = expires.checked_sub(created).is_some_and(|lifetime| (1..=most).contains(&lifetime));
    if !lives || created > now || expires <= now {
        return Err(outside);
    }
    let text = |name| input::text(&input.params, name);
    let found = text("keyid")?.unwrap_or_default();
    let named = text("alg")?;
    let fits = |key: &&PublicKey| {
        key.thumbprint() == found && named.is_none_or(|name| name == algorithm_name(key.algorithm()))
    };
    let key = keys.iter().find(fits).ok_or_else(|| BotError::Key { found: shorten(found) })?;
    let base = base(message, &input.components, &input.params)?;
    let bytes = signature(message, input.label.as_str())?;
    key.verify(base.as_bytes(), &bytes).map_err(|_| BotError::Signature)?;
    let nonce = text("nonce")?.map(str::to_owned);
    Ok(Bot { key_thumbprint: found.to_owned(), agent, nonce, created, expires })
}

/// What `Signature-Agent` names for the signature of a bot, before anything of it is believed: for whoever fetches the
/// directory, within the limits of a hostile network.
///
/// # Errors
/// [`BotError`].
pub fn agent_of(message: &Message<'_>) -> Result<Option<String>, BotError> {
    let input = tagged(message)?;
    named_agent(message, &input)
}

/// The first signature with the tag.
fn tagged(message: &Message<'_>) -> Result<Input, BotError> {
    let is_tagged = |input: &Input| matches!(input::text(&input.params, "tag"), Ok(Some(TAG)));
    input::read_all(message)?.into_iter().find(is_tagged).ok_or(BotError::NoSignature)
}

/// The covered member of `Signature-Agent`, or, as the draft had it first, the whole header as one string. A header that
/// is there has to be covered: it says whose keys are asked for.
fn named_agent(message: &Message<'_>, input: &Input) -> Result<Option<String>, BotError> {
    if !message.headers.contains_key(SIGNATURE_AGENT) {
        return Ok(None);
    }
    let of_agent =
        |item: &&Item| matches!(&item.value, BareItem::String(name) if name.as_str() == SIGNATURE_AGENT);
    let uncovered = BotError::Uncovered { component: SIGNATURE_AGENT };
    let covered = input.components.iter().find(of_agent).ok_or(uncovered)?;
    let text = |value: &BareItem| match value {
        BareItem::String(url) => Some(url.as_str().to_owned()),
        _ => None,
    };
    let wrong = |reason: &str| {
        BotError::Base(BaseError::Field { header: SIGNATURE_AGENT.to_owned(), reason: reason.to_owned() })
    };
    let agent = match covered.params.as_slice() {
        [(_, BareItem::String(key))] => {
            let dictionary = message.dictionary(SIGNATURE_AGENT)?;
            match field::member(&dictionary, key.as_str()).map(|member| &member.value) {
                Some(Value::Item(item)) => text(item),
                _ => None,
            }
        }
        _ => {
            let line = message.field(SIGNATURE_AGENT)?;
            field::item(&line).ok().and_then(|item| text(&item.value))
        }
    };
    agent.map(Some).ok_or_else(|| wrong("no string"))
}

/// `Signature-Agent` with the signer's own member.
pub(crate) fn header(agent: &str) -> Result<HeaderValue, SignError> {
    let url = sfv::String::try_from(agent.to_owned()).map_err(|_| SignError::Header)?;
    let member = Member { value: Value::Item(BareItem::String(url)), params: Vec::new() };
    let text = field::dictionary_text(sfv::key_ref(LABEL), &member);
    HeaderValue::try_from(text).map_err(|_| SignError::Header)
}

/// The component that is the signer's own member of `Signature-Agent`.
pub(crate) fn own_member() -> Item {
    let key = (sfv::key_ref("key").to_owned(), BareItem::String(sfv::string_ref(LABEL).to_owned()));
    Item { params: vec![key], ..plain(SIGNATURE_AGENT) }
}
