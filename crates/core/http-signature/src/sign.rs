//! Signing a request.

use crate::{
    AgentDelegation, LABEL, MAX_NONCE, Message,
    base::{base, is_plain, parameter, plain},
    digest,
    error::SignError,
    field::{self, Item, Member, Params, Value},
    input::{self, algorithm_name, lives_well},
    message::{AGENT_DELEGATION, CONTENT_DIGEST, SIGNATURE, SIGNATURE_AGENT, SIGNATURE_INPUT},
    web_bot_auth,
};
use http::{HeaderMap, HeaderValue};
use legation_keys::Signer;
use sfv::{BareItem, Integer};

/// When a request is signed, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Signing<'a> {
    /// Now, Unix seconds.
    pub created: i64,
    /// When the signature ends, Unix seconds; at most [`MAX_LIFETIME`](crate::MAX_LIFETIME) later.
    pub expires: i64,
    /// A value that the key has not signed with before: 1 to [`MAX_NONCE`] printable ASCII
    /// characters, random or counted.
    pub nonce: &'a str,
    /// The https URL of the signer's key directory, which makes the request one of Web Bot Auth as well
    /// ([`crate::web_bot_auth`]); `None` where it has none. Verifiers of the drafts before
    /// draft-ietf-webbotauth-httpsig-protocol-01 want the origin of a directory at
    /// [`DIRECTORY_PATH`](crate::web_bot_auth::DIRECTORY_PATH) in its place.
    pub agent: Option<&'a str>,
}

/// The headers that make a request a signed one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// `Content-Digest`, where there is a body.
    pub content_digest: Option<HeaderValue>,
    /// `Signature-Agent`, where the signer has a key directory.
    pub signature_agent: Option<HeaderValue>,
    /// `Signature-Input`.
    pub signature_input: HeaderValue,
    /// `Signature`.
    pub signature: HeaderValue,
}

impl Signed {
    /// Puts them among the headers of the request. A `Content-Digest` that was there is replaced, signatures of others
    /// and their members of `Signature-Agent` stay, empty lines go.
    pub fn apply(self, headers: &mut HeaderMap) {
        if let Some(digest) = self.content_digest {
            headers.insert(CONTENT_DIGEST, digest);
        }
        if let Some(agent) = self.signature_agent {
            append(headers, SIGNATURE_AGENT, agent);
        }
        append(headers, SIGNATURE_INPUT, self.signature_input);
        append(headers, SIGNATURE, self.signature);
    }
}

/// Adds a line to a dictionary. Empty lines go: a dictionary without members has no line (RFC 9651 §4.1), and
/// joined to another line an empty one is no dictionary.
fn append(headers: &mut HeaderMap, name: &'static str, line: HeaderValue) {
    if is_empty(headers, name) {
        headers.insert(name, line);
    } else {
        headers.append(name, line);
    }
}

fn is_empty(headers: &HeaderMap, name: &str) -> bool {
    headers.get_all(name).iter().all(|line| line.as_bytes().trim_ascii().is_empty())
}

/// Signs a request that has its `Agent-Delegation` already. What is covered: `@method`,
/// `@target-uri`, `content-digest` where there is a body, and `agent-delegation`; for Web Bot Auth also
/// `@authority` and the signer's member of `signature-agent`.
///
/// # Errors
/// [`SignError`].
pub fn sign(message: &Message<'_>, occasion: Signing<'_>, signer: &dyn Signer) -> Result<Signed, SignError> {
    AgentDelegation::parse(message.headers)?;
    check_unsigned(message)?;
    let params = params(occasion, signer)?;
    let content_digest = if message.body.is_empty() { None } else { digest::header(message.body) };
    let mut headers = message.headers.clone();
    let mut components = vec![plain("@method"), plain("@target-uri")];
    if let Some(digest) = &content_digest {
        headers.insert(CONTENT_DIGEST, digest.clone());
        components.push(plain(CONTENT_DIGEST));
    }
    components.push(plain(AGENT_DELEGATION));
    let signature_agent = occasion.agent.map(web_bot_auth::header).transpose()?;
    if let Some(agent) = &signature_agent {
        check_agents(message)?;
        append(&mut headers, SIGNATURE_AGENT, agent.clone());
        components.extend([plain("@authority"), web_bot_auth::own_member()]);
    }

    let base = base(&Message { headers: &headers, ..*message }, &components, &params)?;
    let signature = BareItem::ByteSequence(signer.sign(base.as_bytes())?.to_vec());
    Ok(Signed {
        content_digest,
        signature_agent,
        signature_input: header(Member { value: Value::List(components), params })?,
        signature: header(Member { value: Value::Item(signature), params: Vec::new() })?,
    })
}

/// The parameters, in the order in which they are written.
fn params(occasion: Signing<'_>, signer: &dyn Signer) -> Result<Params, SignError> {
    let Signing { created, expires, nonce, agent } = occasion;
    let lifetime = SignError::Lifetime { created, expires };
    if !lives_well(created, expires) {
        return Err(lifetime);
    }
    let seconds = |time: i64| Integer::try_from(time).map_err(|_| lifetime.clone());
    if nonce.is_empty() || nonce.len() > MAX_NONCE {
        return Err(SignError::Nonce);
    }
    let nonce = sfv::String::try_from(nonce.to_owned()).map_err(|_| SignError::Nonce)?;
    let key = signer.public_key();
    // A thumbprint is base64url, so that it is always a string of the grammar.
    let thumbprint = sfv::String::try_from(key.thumbprint()).map_err(|_| SignError::Header)?;
    let mut params = vec![
        parameter("created", seconds(created)?),
        parameter("expires", seconds(expires)?),
        parameter("nonce", nonce),
        parameter("keyid", thumbprint),
        parameter("alg", sfv::string_ref(algorithm_name(key.algorithm())).to_owned()),
    ];
    params.extend(agent.map(|_| parameter("tag", sfv::string_ref(web_bot_auth::TAG).to_owned())));
    Ok(params)
}

/// With a second signature over `agent-delegation`, no reader would know which one counts.
fn check_unsigned(message: &Message<'_>) -> Result<(), SignError> {
    if !message.headers.contains_key(SIGNATURE_INPUT) && !message.headers.contains_key(SIGNATURE) {
        return Ok(());
    }
    let ours = |components: &[Item]| components.iter().any(|one| is_plain(one, AGENT_DELEGATION));
    let taken = |input: &input::Input| input.label.as_str() == LABEL || ours(&input.components);
    let labels = message.dictionary(SIGNATURE)?;
    if input::read_all(message)?.iter().any(taken) || field::member(&labels, LABEL).is_some() {
        return Err(SignError::AlreadySigned);
    }
    Ok(())
}

/// Beside the members of others ours can stand, and nobody's signature breaks by it.
fn check_agents(message: &Message<'_>) -> Result<(), SignError> {
    if is_empty(message.headers, SIGNATURE_AGENT) {
        return Ok(());
    }
    let refused = |reason: &str| SignError::SignatureAgent { reason: reason.to_owned() };
    let members = message.dictionary(SIGNATURE_AGENT).map_err(|error| refused(&error.to_string()))?;
    if field::member(&members, LABEL).is_some() {
        return Err(refused("it has a member of that name"));
    }
    let named =
        |item: &Item| matches!(&item.value, BareItem::String(name) if name.as_str() == SIGNATURE_AGENT);
    let whole = |item: &Item| named(item) && !item.params.iter().any(|(name, _)| name.as_str() == "key");
    let signed = message.headers.contains_key(SIGNATURE_INPUT);
    let others = if signed { input::read_all(message)? } else { Vec::new() };
    if others.iter().any(|input| input.components.iter().any(whole)) {
        return Err(refused("a signature covers all of it"));
    }
    Ok(())
}

fn header(member: Member) -> Result<HeaderValue, SignError> {
    let text = field::dictionary_text(sfv::key_ref(LABEL), &member);
    HeaderValue::try_from(text).map_err(|_| SignError::Header)
}
