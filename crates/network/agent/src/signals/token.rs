//! A token read and checked: everything but its signature, which costs a fetch where the key is not known.

use super::{Event, Subject};
use legation_agent_card::CardAlgorithm;
use legation_credential::LinkDigest;
use legation_did::Did;
use legation_keys::{
    base64url,
    json::{self, Json, JsonLimits, Object},
    jws::{self, JwsError},
};
use legation_verifier::{SignalSource, Trust};

/// The `typ` of a token (RFC 8417 §2.3).
const TYPE: &str = "secevent+jwt";
/// Most bytes of a token.
pub(crate) const MAX_SET: usize = 64 * 1024;
const HEADER: JsonLimits = JsonLimits { bytes: 2048, depth: 4 };
const PAYLOAD: JsonLimits = JsonLimits { bytes: MAX_SET, depth: 16 };
/// How long after it was made a token is taken, seconds. What an older one tells, the age of status lists tells by now.
const MAX_AGE: i64 = 3600;
/// Most bytes of a `jti`, and of a `kid`.
const MAX_NAME: usize = 512;
/// That a stream works (SSF 1.0 §8.1.4).
const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";

/// Why a token is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// It is no token, or says what none may say.
    #[error("{reason}")]
    Request {
        /// What is wrong.
        reason: String,
    },
    /// Its key is not one of the transmitter's, or its signature is of another one.
    #[error("{reason}")]
    Key {
        /// What is wrong.
        reason: String,
    },
    /// The trust listens to no such transmitter.
    #[error("nobody here listens to `{found}`")]
    Issuer {
        /// Its `iss`.
        found: String,
    },
    /// It is for somebody else.
    #[error("the token is for `{found}`, and this is `{expected}`")]
    Audience {
        /// Its `aud`.
        found: String,
        /// Who this is.
        expected: String,
    },
    /// Whoever sends it does not show that it may.
    #[error("`Authorization` is not what was agreed on")]
    Authentication,
    /// Too many come from one transmitter, or its keys can't be had now. It is to be sent again.
    #[error("{reason}; send it again later")]
    Later {
        /// What is wrong.
        reason: String,
    },
}

impl SetError {
    /// The code that RFC 8935 §2.4 has for it; `later` where it is to be sent again.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Request { .. } => "invalid_request",
            Self::Key { .. } => "invalid_key",
            Self::Issuer { .. } => "invalid_issuer",
            Self::Audience { .. } => "invalid_audience",
            Self::Authentication => "authentication_failed",
            Self::Later { .. } => "later",
        }
    }

    pub(super) fn request(reason: impl Into<String>) -> Self {
        Self::Request { reason: reason.into() }
    }
}

impl From<JwsError> for SetError {
    fn from(error: JwsError) -> Self {
        Self::request(error.to_string())
    }
}

/// What a token says, before its signature is looked at.
#[derive(Debug)]
pub(super) struct Token<'t> {
    pub(super) signing_input: &'t str,
    pub(super) signature: Vec<u8>,
    pub(super) kid: String,
    pub(super) jti: String,
    /// When it was made, Unix seconds.
    pub(super) issued: i64,
    /// Its events, of those that count.
    pub(super) events: Vec<Event>,
    pub(super) is_verification: bool,
    /// Of whom it is, where that can be somebody of ours.
    pub(super) subject: Option<Subject>,
}

/// Reads a token for whoever has this trust. What is not known of it is ignored, as SSF has it.
pub(super) fn read<'t, 's>(
    set: &'t str,
    trust: &'s Trust,
    now: i64,
) -> Result<(&'s SignalSource, Token<'t>), SetError> {
    if set.len() > MAX_SET {
        return Err(SetError::request(format!("a token has at most {MAX_SET} bytes")));
    }
    let parts = jws::split(set)?;
    // One algorithm: that of the CAEP Interoperability Profile 1.0. Chains never know it.
    let only = |alg: &str| match CardAlgorithm::from_jose(alg) {
        Some(CardAlgorithm::Rs256) => Ok(()),
        _ => Err(CardAlgorithm::Rs256.jose().to_owned()),
    };
    let header = jws::read_header_by(parts.header, TYPE, HEADER, only)?;
    let kid = header.key_id.filter(|kid| kid.len() <= MAX_NAME);
    let kid = kid.ok_or_else(|| SetError::request("the header names no key by `kid`"))?;
    let not_base64 = |_| SetError::request("the token is no base64url");
    let payload = base64url::decode(parts.payload).map_err(not_base64)?;
    let claims = json::parse(&payload, PAYLOAD).map_err(|error| SetError::request(error.to_string()))?;
    let claims = claims.as_object().ok_or_else(|| SetError::request("the claims are no object"))?;
    let (source, issued) = claimed(claims, trust, now)?;
    let jti = text(claims, "jti").filter(|jti| (1..=MAX_NAME).contains(&jti.len()));
    let jti = jti.ok_or_else(|| SetError::request("`jti` is no text of 1 to 512 bytes"))?.to_owned();
    let events = claims.get("events").and_then(Json::as_object);
    let events = events.ok_or_else(|| SetError::request("`events` is no object"))?;
    let has = |event: &str| events.get(event).is_some_and(|said| said.as_object().is_some());
    let token = Token {
        signing_input: parts.signing_input,
        signature: base64url::decode(parts.signature).map_err(not_base64)?,
        kid,
        jti,
        issued,
        events: source.events.iter().filter_map(|name| said(events, name, issued)).collect(),
        is_verification: has(VERIFICATION),
        subject: claims.get("sub_id").and_then(Json::as_object).map(subject),
    };
    Ok((source, token))
}

fn text<'o>(object: &'o Object<'_>, name: &str) -> Option<&'o str> {
    object.get(name).and_then(Json::as_str)
}

/// Whose token it is, for whom and of when; and what must not be in it.
fn claimed<'s>(claims: &Object<'_>, trust: &'s Trust, now: i64) -> Result<(&'s SignalSource, i64), SetError> {
    let shown = |text: &str| text.chars().take(200).collect::<String>();
    let issuer = text(claims, "iss").unwrap_or_default();
    let source = trust.signals.iter().find(|source| source.issuer == issuer);
    let source = source.ok_or_else(|| SetError::Issuer { found: shown(issuer) })?;
    // One or several (RFC 7519 §4.1.3).
    let own = |one: &Json<'_>| one.as_str() == Some(trust.audience.as_str());
    let (is_ours, found) = match claims.get("aud") {
        Some(Json::Array(all)) => (all.iter().any(own), "others"),
        Some(one) => (own(one), one.as_str().unwrap_or_default()),
        None => (false, ""),
    };
    if !is_ours {
        return Err(SetError::Audience { found: shown(found), expected: trust.audience.clone() });
    }
    // So that no ID token and no access token passes for one (SSF 1.0 §4.1.1, §4.1.7).
    if let Some(member) = ["exp", "sub"].into_iter().find(|member| claims.get(member).is_some()) {
        return Err(SetError::request(format!("`{member}` may not be in a security event token")));
    }
    let made = claims.get("iat").and_then(Json::as_integer);
    let made = made.ok_or_else(|| SetError::request("`iat` is no number of seconds"))?;
    let age = now.saturating_sub(made);
    if !(-trust.clock_skew..=MAX_AGE).contains(&age) {
        return Err(SetError::request(format!(
            "`iat` is {age} s ago; expected at most {MAX_AGE} s, and no later than now"
        )));
    }
    Ok((source, made))
}

/// An event of the token, where it is there. When it happened is never later than when that was told (CAEP 1.0 §2).
fn said(events: &Object<'_>, name: &str, issued: i64) -> Option<Event> {
    let said = events.get(name)?.as_object()?;
    let at = said.get("event_timestamp").and_then(Json::as_integer).unwrap_or(issued);
    Some(Event { name: name.to_owned(), at: at.min(issued).max(0), is_worse: is_worse(name, said) })
}

/// Whether an event says that something is worse than it was. What it does not say counts as worse, since nothing is permitted by it.
fn is_worse(name: &str, said: &Object<'_>) -> bool {
    let says = |member: &str, values: &[&str]| text(said, member).is_some_and(|text| values.contains(&text));
    match name.rsplit('/').next().unwrap_or_default() {
        // What the transmitter itself ended is a renewal: the one that replaces it holds.
        "credential-change" => {
            !says("change_type", &["create", "update"]) && !says("initiating_entity", &["system"])
        }
        "risk-level-change" => {
            let has_fallen = says("current_level", &["MEDIUM"]) && says("previous_level", &["HIGH"]);
            !says("current_level", &["LOW"]) && !has_fallen
        }
        "assurance-level-change" => !says("change_direction", &["increase"]),
        "device-compliance-change" => !says("current_status", &["compliant"]),
        _ => true,
    }
}

/// Of whom it is (RFC 9493): DIDs, and the digest of a link as an opaque id. Others are nobody here.
fn subject(id: &Object<'_>) -> Subject {
    let mut subject = Subject::default();
    let member = |name: &str| id.get(name).and_then(Json::as_object);
    if text(id, "format") == Some("complex") {
        subject.dids.extend(member("application").and_then(did));
        subject.link = member("session").and_then(link);
        // For whom somebody acts, where nothing says who.
        if subject == Subject::default() {
            subject.dids.extend(["user", "tenant"].into_iter().filter_map(|name| member(name).and_then(did)));
        }
    } else {
        subject.dids.extend(did(id));
        subject.link = link(id);
    }
    subject
}

fn did(id: &Object<'_>) -> Option<Did> {
    let url = text(id, "url").filter(|_| text(id, "format") == Some("did"))?;
    // A DID URL may name a part of what the DID is of.
    url.split(['#', '?', '/']).next()?.parse().ok()
}

fn link(id: &Object<'_>) -> Option<LinkDigest> {
    let digest = text(id, "id").filter(|_| text(id, "format") == Some("opaque"))?;
    base64url::decode_array(digest).ok()
}
