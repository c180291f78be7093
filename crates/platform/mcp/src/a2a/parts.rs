//! The parts of a message: what they are, and what of them is judged.

use crate::{arguments, message::MessageError};
use legation_credential::Facts;
use legation_keys::{Json, json::Object};

/// What a part may have (A2A 1.0 §4.1.6; 0.3 §6.5).
const MEMBERS: [&str; 10] =
    ["kind", "text", "file", "data", "raw", "url", "metadata", "filename", "mediaType", "name"];
/// Of that what it holds; each part holds one thing.
const CONTENTS: [&str; 5] = ["text", "file", "data", "raw", "url"];

/// A member that is there: `null` is none (ProtoJSON).
pub(super) fn member<'j, 'a>(object: &'j Object<'a>, name: &str) -> Option<&'j Json<'a>> {
    object.get(name).filter(|value| !matches!(value, Json::Null))
}

pub(super) fn form(reason: &'static str) -> MessageError {
    MessageError::Form { reason }
}

pub(super) fn text(object: &Object<'_>, name: &str) -> Result<Option<String>, MessageError> {
    match member(object, name) {
        None => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone().into_owned())),
        Some(_) => Err(form("a member that names something is no text")),
    }
}

/// Holds that an object has no member besides those that are known. What is written in another way than the protocol says
/// (§5.5), such as `task_id`, some readers take and others do not.
pub(super) fn only(object: &Object<'_>, known: &[&str]) -> Result<(), MessageError> {
    match object.unknown_member(known) {
        None => Ok(()),
        Some(found) => Err(MessageError::Member { found: crate::message::shorten(found) }),
    }
}

/// Adds what is judged of the parts of a message: the members of what is data, and how many parts are text, files and data.
pub(super) fn facts(message: &Object<'_>, facts: &mut Facts) -> Result<(), MessageError> {
    let parts = member(message, "parts").and_then(Json::as_array).unwrap_or_default();
    let (mut texts, mut files, mut datas) = (0_i64, 0_i64, 0_i64);
    for part in parts {
        let part = part.as_object().ok_or_else(|| form("a part of the message is no object"))?;
        only(part, &MEMBERS)?;
        match content(part)? {
            ("text", _) => texts = texts.saturating_add(1),
            ("data", data) => {
                datas = datas.saturating_add(1);
                if let Json::Object(data) = data {
                    let unfit = |reason| MessageError::Arguments { reason };
                    arguments::add_facts(facts, data).map_err(unfit)?;
                }
            }
            _ => files = files.saturating_add(1),
        }
    }
    for (name, count) in [("a2a.text", texts), ("a2a.file", files), ("a2a.data", datas)] {
        facts.insert(name.to_owned(), count.into());
    }
    Ok(())
}

/// What a part holds. `kind`, which 0.3 goes by, must not say something else than what is there, which 1.0 goes by.
fn content<'j, 'a>(part: &'j Object<'a>) -> Result<(&'static str, &'j Json<'a>), MessageError> {
    let mut held = CONTENTS.into_iter().filter_map(|name| member(part, name).map(|value| (name, value)));
    let (Some(found), None) = (held.next(), held.next()) else {
        return Err(form("a part holds one of `text`, `file`, `data`, `raw`, `url`"));
    };
    match member(part, "kind") {
        None => Ok(found),
        Some(Json::String(kind)) if kind.as_ref() == found.0 => Ok(found),
        Some(_) => Err(form("the `kind` of a part says something else than what it holds")),
    }
}
