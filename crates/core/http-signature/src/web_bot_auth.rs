//! Web Bot Auth (IETF, draft-ietf-webbotauth-httpsig-protocol-01, which continues
//! draft-meunier-web-bot-auth-architecture): a bot signs its requests by RFC 9421 and publishes its keys at a URL, which
//! `Signature-Agent` names.
//!
//! **Ours.** A request of ours passes as one where [`Signing::agent`](crate::Signing) says where the agent's keys are: the
//! one signature then answers for both.
//!
//! **Others'.** [`agents_of`] says whose keys are asked for and [`directory_url`] where they are; whoever calls fetches and
//! [reads](read_directory) them, within the limits of a hostile network, and [`verify`] holds the request against them. That
//! proves which bot came and nothing more: authority is a delegation's. A URL and a key count only together: whoever
//! verified by the keys of one URL and told of another that the request names would let any bot pass as any other.
//!
//! **Which `Signature-Agent` is read.** A dictionary, whose members are https URLs.
//!
//! - The member that counts is the one that the signature covers, whatever its key: the draft wants the signature's
//!   label there, its own examples have another, and a proxy may change the label but not the covered key. Of several
//!   that are covered it is the one under the label: the others are of signers further back.
//! - A member with parameters is passed over, as the draft says. Until -00 a `type` said how keys were published.
//! - One string in place of the dictionary, as it was until draft-meunier-…-03, is read too: deployed bots send it, and a
//!   signature that covers it says as much. It is never sent.
//! - A header that is there and not covered, or holds something else, is an error: it says whose keys are asked for.
//!
//! ```
//! use http::HeaderMap;
//! use legation_http_signature::{AgentDelegation, Message, Signing, join, sign, web_bot_auth};
//! use legation_keys::{Algorithm, SecretKey, Signer, time::Clock};
//!
//! let key = SecretKey::generate(Algorithm::EdDsa)?;
//! let url = "https://agent.example/.well-known/http-message-signatures-directory";
//! let mut headers = HeaderMap::new();
//! headers.insert("agent-delegation", AgentDelegation::Chain(join(&["eyJh.eyJp.c2ln"])?).to_header());
//! let message = Message { method: "GET", target_uri: "https://shop.example/", headers: &headers, body: b"" };
//! let occasion = Signing { created: 1_795_255_200, expires: 1_795_255_260, nonce: "n-1", agent: Some(url) };
//! sign(&message, occasion, &key)?.apply(&mut headers);
//!
//! // Whoever is asked:
//! let message = Message { method: "GET", target_uri: "https://shop.example/", headers: &headers, body: b"" };
//! let agents = web_bot_auth::agents_of(&message)?;
//! assert_eq!((agents.as_slice(), web_bot_auth::directory_url(&agents[0]).as_deref()), ([url.to_owned()].as_slice(), Some(url)));
//! let published = web_bot_auth::directory(&[key.public_key().clone()]);        // fetched from there
//! let keys = web_bot_auth::read_directory(published.as_bytes())?;
//! let bot = web_bot_auth::verify(&message, Some(&agents[0]), &keys, Clock { now: 1_795_255_201, skew: 60 }, 300)?;
//! assert_eq!(bot.agent.as_deref(), Some(url));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod key_directory;
mod signature_agent;

pub use error::{BotError, DirectoryError};
pub use key_directory::{DIRECTORY_PATH, DIRECTORY_TYPE, directory, directory_url, read_directory};
pub use signature_agent::identifier;
pub(crate) use signature_agent::{header, own_member};

use crate::{
    Message,
    base::base,
    digest,
    error::shorten,
    input::{self, Input, algorithm_name},
    read::{covers, signature},
};
use legation_keys::{PublicKey, time::Clock};
use signature_agent::covered_member;

/// The parameter `tag` of a signature for this use.
pub const TAG: &str = "web-bot-auth";

/// A bot that signed a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bot {
    /// The key, by its RFC 7638 thumbprint.
    pub key_thumbprint: String,
    /// The [`identifier`] of the URL that the keys were said to be of, which the signature covers in whatever spelling;
    /// `None` where the keys were known without one, so that the bot is whoever holds that key and no more (§4.3).
    pub agent: Option<String>,
    /// The nonce, which a service may ask to be new; `None` where there is none.
    pub nonce: Option<String>,
    /// When it was signed, Unix seconds.
    pub created: i64,
    /// When the signature ends, Unix seconds.
    pub expires: i64,
}

/// Verifies that a bot with one of these keys signed a request, by this clock, for at most `most` seconds. A body is held
/// against the `Content-Digest` that a signature covers; one that covers none says nothing of the body.
///
/// `agent` is the URL that the keys are of, as [`agents_of`] gave it or as the caller has it on a list, or its
/// [`identifier`]; then only a signature that covers this URL, in whatever spelling, counts. With `None` the keys are the caller's own business, and the bot is told by its
/// key alone. Of several signatures the first that verifies counts. Whether the nonce is new is the caller's question.
///
/// # Errors
/// [`BotError`], that of the first signature where none verifies.
pub fn verify(
    message: &Message<'_>,
    agent: Option<&str>,
    keys: &[PublicKey],
    clock: Clock,
    most: i64,
) -> Result<Bot, BotError> {
    let wanted = agent.map(identifier);
    let mut failed = None;
    for (input, named) in candidates(message)? {
        let named = named.as_deref().and_then(identifier);
        if wanted.as_ref().is_some_and(|wanted| named.is_none() || named != *wanted) {
            continue;
        }
        match check(message, &input, keys, clock, most) {
            Ok(bot) => return Ok(Bot { agent: wanted.flatten(), ..bot }),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    let other = || BotError::Agent { expected: shorten(agent.unwrap_or_default()) };
    Err(failed.unwrap_or_else(other))
}

/// The URLs that `Signature-Agent` names for the signatures of bots, before anything of it is believed: one of each
/// [`identifier`], in its first spelling, in the order of the signatures. None for a bot that is known by its key only.
///
/// # Errors
/// [`BotError`] where no signature has the tag, or none of them can be read.
pub fn agents_of(message: &Message<'_>) -> Result<Vec<String>, BotError> {
    let (mut agents, mut known) = (Vec::new(), Vec::new());
    for agent in candidates(message)?.into_iter().filter_map(|(_, agent)| agent) {
        let identifier = identifier(&agent);
        if !known.contains(&identifier) {
            known.push(identifier);
            agents.push(agent);
        }
    }
    Ok(agents)
}

/// The signatures with the tag, and whom each names. Each stands for itself (§5.2.2): one that can't be read is passed
/// over where others can.
fn candidates(message: &Message<'_>) -> Result<Vec<(Input, Option<String>)>, BotError> {
    let is_tagged = |input: &Input| matches!(input::text(&input.params, "tag"), Ok(Some(TAG)));
    let (mut found, mut failed) = (Vec::new(), None);
    for input in input::read_all(message)?.into_iter().filter(is_tagged) {
        match covered_member(message, &input) {
            Ok(agent) => found.push((input, agent)),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    if found.is_empty() { Err(failed.unwrap_or(BotError::NoSignature)) } else { Ok(found) }
}

/// One signature, by one of the keys.
fn check(
    message: &Message<'_>,
    input: &Input,
    keys: &[PublicKey],
    clock: Clock,
    most: i64,
) -> Result<Bot, BotError> {
    if !covers(input, "@authority") && !covers(input, "@target-uri") {
        return Err(BotError::Uncovered { component: "@authority" });
    }
    input::check_known(&input.params)?;
    let time = |name| input::integer(&input.params, name);
    let (created, expires) = (time("created")?, time("expires")?);
    let outside = BotError::Time { created, expires, now: clock.now, most };
    let (Some(created), Some(expires)) = (created, expires) else { return Err(outside) };
    let lives = expires.checked_sub(created).is_some_and(|lifetime| (1..=most).contains(&lifetime));
    if !lives || !clock.has_begun(created) || clock.has_ended(expires) {
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
    digest::check(message, input)?;
    let nonce = text("nonce")?.map(str::to_owned);
    Ok(Bot { key_thumbprint: found.to_owned(), agent: None, nonce, created, expires })
}
