//! Reading the JSON of a request strictly: what is there, and what should be.

use crate::{
    openai::{
        ChatError,
        refusal::shorten,
        request::{LIMITS, MAX_VALUES},
    },
    weight::Weight,
};
use legation_keys::{
    Json,
    json::{self, JsonError, MAX_INTEGER, Object},
};

/// Reads the object that a body is, within the bounds that hold for all.
pub(crate) fn read_object<T>(
    body: &[u8],
    read: impl FnOnce(&Object<'_>) -> Result<T, ChatError>,
) -> Result<T, ChatError> {
    if body.len() > LIMITS.bytes {
        return Err(JsonError::TooLarge { limit: LIMITS.bytes, found: body.len() }.into());
    }
    // Before a tree is built of them.
    let found = Weight::of(body).values;
    if found > MAX_VALUES {
        return Err(ChatError::TooManyValues { limit: MAX_VALUES, found });
    }
    let json = json::parse(body, LIMITS)?;
    read(object(&json, "body")?)
}

/// A member that is there and not `null`.
pub(crate) fn member<'j, 'a>(request: &'j Object<'a>, name: &str) -> Option<&'j Json<'a>> {
    request.get(name).filter(|value| **value != Json::Null)
}

/// The name of the model that is asked.
pub(crate) fn needed_model(request: &Object<'_>) -> Result<String, ChatError> {
    let expected = "the name of a model, such as `models.list()` gives them";
    match member(request, "model") {
        None => Err(ChatError::Missing { member: "model".to_owned(), expected }),
        Some(Json::String(name)) if (1..=256).contains(&name.len()) => Ok(name.clone().into_owned()),
        Some(Json::String(_)) => {
            Err(ChatError::Wrong { member: "model".to_owned(), found: "empty or too long", expected })
        }
        Some(found) => Err(wrong("model", found, expected)),
    }
}

pub(crate) fn boolean(request: &Object<'_>, name: &str) -> Result<Option<bool>, ChatError> {
    match member(request, name) {
        None => Ok(None),
        Some(Json::Bool(value)) => Ok(Some(*value)),
        Some(found) => Err(wrong(name, found, "a boolean")),
    }
}

/// A whole number within a range.
pub(crate) fn integer(
    request: &Object<'_>,
    name: &str,
    (least, most): (u64, u64),
) -> Result<Option<u64>, ChatError> {
    let Some(value) = member(request, name) else { return Ok(None) };
    let found = value.as_integer().ok_or_else(|| wrong(name, value, "an integer"))?;
    let whole = |number: u64| i64::try_from(number).unwrap_or(MAX_INTEGER);
    match u64::try_from(found) {
        Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
        _ => Err(ChatError::OutOfRange {
            member: name.to_owned(),
            found,
            least: whole(least),
            most: whole(most),
        }),
    }
}

pub(crate) fn array<'j, 'a>(json: &'j Json<'a>, path: &str) -> Result<&'j [Json<'a>], ChatError> {
    json.as_array().ok_or_else(|| wrong(path, json, "an array"))
}

pub(crate) fn object<'j, 'a>(json: &'j Json<'a>, path: &str) -> Result<&'j Object<'a>, ChatError> {
    json.as_object().ok_or_else(|| wrong(path, json, "an object"))
}

pub(crate) fn only(object: &Object<'_>, path: &str, known: &[&str]) -> Result<(), ChatError> {
    match object.unknown_member(known) {
        Some(name) => Err(ChatError::Unknown { member: format!("{path}.{}", shorten(name)) }),
        None => Ok(()),
    }
}

pub(crate) fn string(object: &Object<'_>, path: &str, name: &str) -> Result<(), ChatError> {
    match object.get(name) {
        Some(Json::String(_)) => Ok(()),
        _ => Err(needed(object, path, name, "a text")),
    }
}

/// That the type of something is missing, or another one.
pub(crate) fn kind_needed(object: &Object<'_>, path: &str, expected: &'static str) -> ChatError {
    needed(object, path, "type", expected)
}

/// That a member is missing, or is something else.
pub(crate) fn needed(object: &Object<'_>, path: &str, name: &str, expected: &'static str) -> ChatError {
    let member = format!("{path}.{name}");
    match object.get(name) {
        None => ChatError::Missing { member, expected },
        Some(Json::String(_)) => ChatError::Wrong { member, found: "another text", expected },
        Some(found) => wrong(&member, found, expected),
    }
}

pub(crate) fn wrong(member: &str, found: &Json<'_>, expected: &'static str) -> ChatError {
    ChatError::Wrong { member: member.to_owned(), found: found.kind(), expected }
}
