//! What the claims of a link say beside its credential (RFC 7519 §4.1, RFC 7800): by whom, about whom, for whom, and who
//! may use it. Each that is there counts: it can refuse a link, and never gives it anything.

use crate::{Code, Denial, Trust, chain::Walk, presentation::Link, stop::Stop};
use legation_credential::error::{malformed, text};
use legation_did::{Did, Document, key, one_spelling};
use legation_keys::{Json, PublicKey, base64url, json::Object};
use std::sync::Arc;

/// Most audiences of one link.
const MAX_AUDIENCES: usize = 256;

/// The claims of one link that are not its credential's.
#[derive(Clone, Debug)]
pub(crate) struct Claims {
    /// `iss`.
    pub(crate) issuer: Option<String>,
    /// `sub`.
    pub(crate) subject: Option<String>,
    /// `aud`: for nobody else than these.
    pub(crate) audience: Option<Vec<String>>,
    /// `cnf`: the holder's key, by each name that is given.
    pub(crate) confirmation: Vec<Confirmation>,
}

/// How `cnf` names the key of who may use a link.
#[derive(Clone, Debug)]
pub(crate) enum Confirmation {
    /// The key itself (`jwk`, RFC 7800 §3.2) or its thumbprint (`jkt`, RFC 9449 §6.1).
    Thumbprint(String),
    /// A verification method of the holder's document (`kid`, RFC 7800 §3.4).
    Name(String),
}

impl Claims {
    /// Reads them. Few links have any, so that all of them take the room of one.
    pub(crate) fn read(claims: &Json<'_>) -> Result<Option<Box<Self>>, Denial> {
        let Some(object) = claims.as_object() else { return Ok(None) };
        if ["iss", "sub", "aud", "cnf"].into_iter().all(|name| object.get(name).is_none()) {
            return Ok(None);
        }
        let name = |member: &'static str| object.get(member).map(|_| text(object, member)).transpose();
        Ok(Some(Box::new(Self {
            issuer: claimed_issuer(object)?,
            subject: name("sub")?.map(|name| one_spelling(name).into_owned()),
            audience: object.get("aud").map(audience).transpose()?,
            confirmation: object.get("cnf").map(confirmation).transpose()?.unwrap_or_default(),
        })))
    }
}

impl Link {
    /// `iss`, where it stands.
    pub(crate) fn claimed_issuer(&self) -> Option<&str> {
        self.claims.as_ref()?.issuer.as_deref()
    }

    /// `aud`, where it stands.
    fn audience(&self) -> Option<&[String]> {
        self.claims.as_ref()?.audience.as_deref()
    }

    /// Whether it is for somebody of this name.
    pub(crate) fn is_for(&self, audience: &str) -> bool {
        self.audience().is_none_or(|all| all.iter().any(|one| one == audience))
    }
}

/// `iss`, which must be the issuer or holder where it stands (VC-JOSE-COSE §4.1.2).
pub(crate) fn claimed_issuer(object: &Object<'_>) -> Result<Option<String>, Denial> {
    let issuer = object.get("iss").map(|_| text(object, "iss")).transpose()?;
    Ok(issuer.map(|name| one_spelling(name).into_owned()))
}

/// A text or several (RFC 7519 §4.1.3).
fn audience(value: &Json<'_>) -> Result<Vec<String>, Denial> {
    let all = value.as_array().unwrap_or_else(|| core::slice::from_ref(value));
    let names: Option<Vec<String>> =
        all.iter().map(|one| Some(one_spelling(one.as_str()?).into_owned())).collect();
    names
        .filter(|names| names.len() <= MAX_AUDIENCES)
        .ok_or_else(|| malformed("aud", "a text, or an array of at most 256 texts", value).into())
}

/// The names of one key. Members that are not understood are ignored (RFC 7800 §3.1), but one has to be.
fn confirmation(value: &Json<'_>) -> Result<Vec<Confirmation>, Denial> {
    let wrong = || malformed("cnf", "an object with the key by `jwk`, `jkt` or `kid`", value);
    let object = value.as_object().ok_or_else(wrong)?;
    let mut all = Vec::new();
    if let Some(jwk) = object.get("jwk") {
        let key = jwk.as_object().and_then(|jwk| PublicKey::from_jwk(jwk).ok()).ok_or_else(wrong)?;
        all.push(Confirmation::Thumbprint(key.thumbprint()));
    }
    if let Some(thumbprint) = object.get("jkt") {
        let thumbprint = thumbprint.as_str().filter(|text| base64url::decode_array::<32>(text).is_ok());
        all.push(Confirmation::Thumbprint(thumbprint.ok_or_else(wrong)?.to_owned()));
    }
    if object.get("kid").is_some() {
        all.push(Confirmation::Name(text(object, "kid")?.to_owned()));
    }
    if all.is_empty() { Err(wrong().into()) } else { Ok(all) }
}

/// The link is not for somebody else (RFC 7519 §4.1.3).
pub(crate) fn check_audience(link: &Link, trust: &Trust) -> Result<(), Denial> {
    if link.is_for(&trust.audience) {
        return Ok(());
    }
    let found = link.audience().unwrap_or_default().join(", ");
    let found = format!("`aud` {}", found.chars().take(120).collect::<String>());
    Err(Denial::new(Code::AudienceMismatch, trust.audience.as_str(), found))
}

/// `sub` is the subject.
pub(crate) fn check_subject(link: &Link) -> Result<(), Denial> {
    let subject = link.delegation.terms.subject.as_str();
    let claimed = link.claims.as_ref().and_then(|claims| claims.subject.as_deref());
    match claimed.filter(|claimed| *claimed != subject) {
        None => Ok(()),
        Some(claimed) => {
            let found: String = claimed.chars().take(120).collect();
            Err(Denial::new(Code::HolderMismatch, format!("`sub` {subject}"), found))
        }
    }
}

/// The key by which the subject of a link signs is the one that the link confirms, where it does: whoever issued it wanted
/// it to be of no use with another.
pub(crate) fn check_confirmed(
    link: Option<&Arc<Link>>,
    key: PublicKey,
    walk: &Walk<'_>,
) -> Result<PublicKey, Stop> {
    let Some((link, claims)) = link.and_then(|link| Some((link, link.claims.as_ref()?))) else {
        return Ok(key);
    };
    let holder = &link.delegation.terms.subject;
    let names = |name: &Confirmation| match name {
        Confirmation::Thumbprint(thumbprint) => key.thumbprint() == *thumbprint,
        Confirmation::Name(name) => is_named(holder, &key, name, walk),
    };
    let expected = match claims.confirmation.iter().find(|name| !names(name)) {
        None => return Ok(key),
        Some(Confirmation::Thumbprint(name) | Confirmation::Name(name)) => name.chars().take(120),
    };
    let expected = format!("the key of `cnf`, {}", expected.collect::<String>());
    Err(Denial::new(Code::KeyNotFound, expected, format!("a signature by {}", key.thumbprint())).into())
}

/// A verifier that vouches for an agent has seen no key, and so can't tell whether it is the one that the link confirms.
pub(crate) fn check_unconfirmed(link: Option<&Arc<Link>>) -> Result<(), Stop> {
    let claims = link.and_then(|link| link.claims.as_ref());
    if claims.is_none_or(|claims| claims.confirmation.is_empty()) {
        return Ok(());
    }
    let expected = "a signature by the key of `cnf`";
    Err(Denial::new(Code::KeyNotFound, expected, "none: the verifier vouches for the agent").into())
}

/// Whether the holder's document has the key under this name.
fn is_named(holder: &Did, key: &PublicKey, name: &str, walk: &Walk<'_>) -> bool {
    let has = |document: &Document| {
        let url = document.id().resolve(name);
        document.methods_of(key).any(|id| id == url)
    };
    match holder.method() {
        "key" => key::document(holder).is_ok_and(|document| has(&document)),
        _ => walk
            .evidence
            .document(holder)
            .and_then(|held| held.item.as_ref().ok())
            .is_some_and(|held| has(held)),
    }
}
