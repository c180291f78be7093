//! The Verifiable Credentials Data Model 2.0: whether a document is a credential or a presentation at all, whoever
//! secured it. Pure JSON; whether its terms mean something is the question of JSON-LD. What has the context of the
//! first data model is read by it: its times are called `issuanceDate`, which is required, and `expirationDate`.
//!
//! A rule names the section that it comes from. The first that is broken is told.

use crate::{
    delegation::{CONTEXT_CREDENTIALS, check_types, moment},
    error::{CredentialError, malformed},
    pattern::shorten,
    presentation::{ENVELOPED, TYPE},
};
use legation_keys::{
    json::{Json, Object},
    time::Round,
};

/// The context of the first data model, 1.0 and 1.1, whose credentials are still met; none is issued as a delegation.
pub const CONTEXT_CREDENTIALS_V1: &str = "https://www.w3.org/2018/credentials/v1";
/// The type of every credential.
pub const CREDENTIAL: &str = "VerifiableCredential";
/// The type of a presentation that stands in its secured form (§4.13.2).
pub const ENVELOPED_PRESENTATION: &str = "EnvelopedVerifiablePresentation";
/// Most elements of a member that may have several.
const MOST: usize = 1024;

/// Checks that a document is a credential (§4.2 to §5.6).
///
/// # Errors
/// [`CredentialError`].
///
/// ```
/// use legation_credential::model::check_credential;
/// use legation_keys::json::{JsonLimits, parse};
/// let limits = JsonLimits { bytes: 1000, depth: 8 };
/// let text = br#"{"@context": ["https://www.w3.org/ns/credentials/v2"], "type": "VerifiableCredential",
///     "issuer": "did:example:a", "credentialSubject": {"id": "did:example:b"}}"#;
/// assert!(check_credential(parse(text, limits)?.as_object().unwrap()).is_ok());
/// let text = br#"{"@context": ["https://www.w3.org/ns/credentials/v2"], "type": "VerifiableCredential",
///     "issuer": "nobody", "credentialSubject": {"id": "did:example:b"}}"#;
/// assert_eq!(check_credential(parse(text, limits)?.as_object().unwrap()).unwrap_err().code(), "malformed");
/// # Ok::<(), legation_keys::json::JsonError>(())
/// ```
pub fn check_credential(credential: &Object<'_>) -> Result<(), CredentialError> {
    check_contexts(credential)?;
    check_id(credential, "id")?;
    check_type_values(credential)?;
    check_types(credential, &[CREDENTIAL])?;
    for member in ["name", "description"] {
        check_words(credential, member)?;
    }
    check_party(credential, "issuer")?;
    check_subjects(credential)?;
    check_validity(credential)?;
    each(credential, "credentialStatus", &|status| check_kind(status, false))?;
    each(credential, "credentialSchema", &|schema| check_kind(schema, true))?;
    for member in ["refreshService", "termsOfUse", "evidence"] {
        each(credential, member, &|value| check_kind(value, false))?;
    }
    check_related_resources(credential)
}

/// Checks that a document is a presentation (§4.13). The credentials in it are objects; each is a document of
/// its own, to be checked as such, but for an envelope, which is a part of the presentation (§4.13.1).
///
/// # Errors
/// [`CredentialError`].
pub fn check_presentation(presentation: &Object<'_>) -> Result<(), CredentialError> {
    check_contexts(presentation)?;
    check_id(presentation, "id")?;
    check_type_values(presentation)?;
    check_types(presentation, &[TYPE])?;
    if presentation.get("holder").is_some() {
        check_party(presentation, "holder")?;
    }
    each(presentation, "termsOfUse", &|value| check_kind(value, false))?;
    each(presentation, "verifiableCredential", &|credential| {
        if check_types(credential, &[ENVELOPED]).is_ok() {
            check_id(credential, "id")?;
            envelope(credential, ENVELOPED)?;
        }
        Ok(())
    })
}

/// The secured text in an envelope: what stands behind the comma of its `data:` URL, and the media type (§4.13.1,
/// §4.13.2); `None` where the document is no envelope of this type.
///
/// # Errors
/// [`CredentialError`] for an envelope whose context or `id` is not as it must be.
pub fn envelope<'o>(
    document: &'o Object<'_>,
    kind: &'static str,
) -> Result<Option<(&'o str, &'o str)>, CredentialError> {
    if check_types(document, &[kind]).is_err() {
        return Ok(None);
    }
    let single = document.get("@context").and_then(Json::as_str) == Some(CONTEXT_CREDENTIALS);
    if !single {
        check_contexts(document)?;
    }
    let id = crate::error::text(document, "id")?;
    let parts = id.strip_prefix("data:").and_then(|rest| rest.split_once(','));
    parts.map(Some).ok_or_else(|| wrong("id", "a `data:` URL with what is secured behind a comma", id))
}

/// Whether a document is in the secured form of a credential or of a presentation.
#[must_use]
pub fn is_enveloped(document: &Object<'_>) -> bool {
    [ENVELOPED, ENVELOPED_PRESENTATION].into_iter().any(|kind| check_types(document, &[kind]).is_ok())
}

fn wrong(member: &str, expected: &'static str, found: &str) -> CredentialError {
    CredentialError::Malformed { member: member.to_owned(), expected, found: shorten(found) }
}

/// An ordered set of which the first is the base context (§4.3); the rest are URLs and objects.
fn check_contexts(document: &Object<'_>) -> Result<(), CredentialError> {
    let all = document.get("@context").and_then(Json::as_array).unwrap_or_default();
    let first = all.first().and_then(Json::as_str);
    if first != Some(CONTEXT_CREDENTIALS) && first != Some(CONTEXT_CREDENTIALS_V1) {
        let found = all.first().and_then(Json::as_str).unwrap_or("none in an array");
        let expected = format!("an array that starts with {CONTEXT_CREDENTIALS}");
        return Err(CredentialError::Context { expected, found: shorten(found) });
    }
    for (index, context) in all.iter().enumerate() {
        let known = match context {
            Json::String(url) => is_url(url),
            other => other.as_object().is_some(),
        };
        if !known {
            return Err(malformed("@context", "URLs and objects", context));
        }
        if all.iter().take(index.min(MOST)).any(|before| before == context) {
            return Err(malformed("@context", "each context once", context));
        }
    }
    if all.len() > MOST { Err(wrong("@context", "fewer contexts", "more than 1024")) } else { Ok(()) }
}

/// An absolute URL as far as its form goes: a scheme, and no character that a URL has encoded.
fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(known);
    let forbidden = |one: char| one.is_whitespace() || one.is_control() || "<>\"{}|\\^`".contains(one);
    scheme && !rest.is_empty() && !rest.contains(forbidden)
}

/// One URL, where the member is present (§4.4).
fn check_id(object: &Object<'_>, member: &'static str) -> Result<(), CredentialError> {
    match object.get(member) {
        None => Ok(()),
        Some(Json::String(id)) if is_url(id) => Ok(()),
        Some(Json::String(id)) => Err(wrong(member, "one URL, without spaces and line breaks", id)),
        Some(other) => Err(malformed(member, "one URL", other)),
    }
}

/// One or more terms or URLs (§4.5).
fn check_type_values(object: &Object<'_>) -> Result<(), CredentialError> {
    let expected = "one or more terms or URLs";
    let value = object.get("type").unwrap_or(&Json::Null);
    let all = value.as_array().unwrap_or_else(|| core::slice::from_ref(value));
    let is_type = |one: &&Json<'_>| {
        let name = one.as_str().filter(|text| !text.is_empty() && !text.contains(char::is_whitespace));
        name.is_some_and(|text| !text.contains(':') || is_url(text))
    };
    match all.iter().find(|one| !is_type(one)) {
        None if !all.is_empty() => Ok(()),
        found => Err(malformed("type", expected, found.unwrap_or(value))),
    }
}

/// A text, a language value object, or several of them (§4.6, §11.1).
fn check_words(object: &Object<'_>, member: &'static str) -> Result<(), CredentialError> {
    let expected = "a text, or objects with `@value` and perhaps `@language` and `@direction`";
    let Some(value) = object.get(member) else { return Ok(()) };
    let text = |object: &Object<'_>, name| object.get(name).is_none_or(|value| value.as_str().is_some());
    let is_word = |one: &Json<'_>| match one {
        Json::String(_) => true,
        Json::Object(word) => {
            let known = word.unknown_member(&["@value", "@language", "@direction"]).is_none();
            let direction = word.get("@direction").and_then(Json::as_str);
            known
                && word.get("@value").is_some_and(|value| value.as_str().is_some())
                && text(word, "@language")
                && text(word, "@direction")
                && direction.is_none_or(|direction| ["ltr", "rtl"].contains(&direction))
        }
        _ => false,
    };
    let all = value.as_array().unwrap_or_else(|| core::slice::from_ref(value));
    match all.iter().find(|one| !is_word(one)) {
        None if !all.is_empty() => Ok(()),
        found => Err(malformed(member, expected, found.unwrap_or(value))),
    }
}

/// A URL, or an object whose `id` is one (§4.7, §4.13).
fn check_party(object: &Object<'_>, member: &'static str) -> Result<(), CredentialError> {
    let expected = "a URL, or an object whose `id` is one";
    let value = object.get(member).unwrap_or(&Json::Null);
    let id = match value {
        Json::Object(party) => {
            for words in ["name", "description"] {
                check_words(party, words)?;
            }
            party.get("id").unwrap_or(&Json::Null)
        }
        other => other,
    };
    match id {
        Json::String(id) if is_url(id) => Ok(()),
        Json::String(id) => Err(wrong(member, expected, id)),
        other => Err(malformed(member, expected, other)),
    }
}

/// One object or several, each of which says something (§4.8).
fn check_subjects(credential: &Object<'_>) -> Result<(), CredentialError> {
    if credential.get("credentialSubject").is_none() {
        return Err(wrong("credentialSubject", "one object or several", "nothing"));
    }
    each(credential, "credentialSubject", &|subject| {
        if subject.is_empty() {
            return Err(wrong("credentialSubject", "objects with at least one member", "an empty one"));
        }
        check_id(subject, "id")
    })
}

/// Whether a document has the context of the first data model.
fn is_v1(document: &Object<'_>) -> bool {
    let contexts = document.get("@context").and_then(Json::as_array).unwrap_or_default();
    contexts.first().and_then(Json::as_str) == Some(CONTEXT_CREDENTIALS_V1)
}

/// The time of a credential, Unix seconds: from and until when it is valid, as far as it says. Fractions are rounded so
/// that it is valid for less.
///
/// # Errors
/// [`CredentialError::Malformed`] for a text that is no time with a zone.
pub fn validity(credential: &Object<'_>) -> Result<(Option<i64>, Option<i64>), CredentialError> {
    rounded(credential, Round::Up, Round::Down)
}

/// From and until when, Unix seconds.
type Validity = (Option<i64>, Option<i64>);

fn rounded(credential: &Object<'_>, begins: Round, ends: Round) -> Result<Validity, CredentialError> {
    let (from, until) = times(credential);
    let read = |member: &'static str, round| {
        credential.get(member).map(|_| moment(credential, member, round)).transpose()
    };
    Ok((read(from, begins)?, read(until, ends)?))
}

/// What the beginning and the end are called.
fn times(credential: &Object<'_>) -> (&'static str, &'static str) {
    if is_v1(credential) { ("issuanceDate", "expirationDate") } else { ("validFrom", "validUntil") }
}

/// Times with zones; the end is not before the beginning (§4.9).
fn check_validity(credential: &Object<'_>) -> Result<(), CredentialError> {
    // Rounded the same way: else an end in the second of the beginning would stand before it.
    match rounded(credential, Round::Down, Round::Down)? {
        (Some(from), Some(until)) if until < from => {
            Err(wrong(times(credential).1, "a time that is not before the beginning", "an earlier one"))
        }
        (None, _) if is_v1(credential) => Err(wrong("issuanceDate", "a time", "nothing")),
        _ => Ok(()),
    }
}

/// Each object of a member that may be absent, one or several; nothing but objects is taken.
fn each(
    object: &Object<'_>,
    member: &'static str,
    check: &dyn Fn(&Object<'_>) -> Result<(), CredentialError>,
) -> Result<(), CredentialError> {
    let Some(value) = object.get(member) else { return Ok(()) };
    let all = value.as_array().unwrap_or_else(|| core::slice::from_ref(value));
    if all.is_empty() || all.len() > MOST {
        return Err(malformed(member, "one object or several, at most 1024", value));
    }
    all.iter().try_for_each(|one| match one.as_object() {
        Some(object) => check(object).map_err(|error| within(member, error)),
        None => Err(malformed(member, "one object or several", one)),
    })
}

/// A member's error, told with the member that it stands in.
fn within(place: &'static str, error: CredentialError) -> CredentialError {
    match error {
        CredentialError::Malformed { member, expected, found } if member != place => {
            CredentialError::Malformed { member: format!("{place}.{member}"), expected, found }
        }
        CredentialError::Context { expected, found } => {
            CredentialError::Context { expected: format!("{expected} in `{place}`"), found }
        }
        other => other,
    }
}

/// An object of some kind: its `type` is required, and its `id` a URL, which is required of some (§4.10, §4.11,
/// §5.4 to §5.6).
fn check_kind(object: &Object<'_>, needs_id: bool) -> Result<(), CredentialError> {
    check_type_values(object)?;
    if needs_id && object.get("id").is_none() {
        return Err(wrong("id", "one URL", "nothing"));
    }
    check_id(object, "id")
}

/// Each resource is named once and has a digest (§5.3). Whether the digest fits is for whoever has the resource.
fn check_related_resources(credential: &Object<'_>) -> Result<(), CredentialError> {
    let member = "relatedResource";
    each(credential, member, &|resource| {
        if resource.get("id").is_none() {
            return Err(wrong("id", "one URL", "nothing"));
        }
        check_id(resource, "id")?;
        let digests = ["digestSRI", "digestMultibase"].map(|name| resource.get(name));
        if digests.iter().all(Option::is_none) {
            return Err(wrong("digestSRI", "a digest, or `digestMultibase`", "neither"));
        }
        match digests.into_iter().flatten().find(|digest| digest.as_str().is_none()) {
            Some(other) => Err(malformed("digestSRI", "a text", other)),
            None => Ok(()),
        }
    })?;
    let value = credential.get(member).unwrap_or(&Json::Null);
    let all = value.as_array().unwrap_or_default();
    let mut ids: Vec<&str> = all.iter().filter_map(|one| one.get("id")?.as_str()).collect();
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair.first() == pair.last()) {
        Some([twice, ..]) => Err(wrong("relatedResource.id", "each resource once", twice)),
        _ => Ok(()),
    }
}
