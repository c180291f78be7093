//! The two canonical forms of a card: what a signature covers (A2A §8.4.1).
//!
//! Both start from a projection onto the A2A 1.0 schema: a member that it does
//! not know is not signed, is dropped, and never reaches anybody. Servers inject such members
//! after signing, for clients of version 0.3: `url`, `preferredTransport`, `security`, the `type` of
//! a scheme.

use crate::{
    error::CardError,
    schema::{Field, Kind, Message, Presence},
};
use core::{convert::Infallible, fmt};
use legation_keys::{
    Json, jcs,
    json::{MAX_INTEGER, Object},
};
use serde_json::{Number, Value};

/// Which of the two canonical forms a signature covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// The specification's (A2A §5.7, §8.4.1): REQUIRED members stay even if empty, explicit
    /// `optional` ones whenever they are set, all others only with another value than their default.
    Spec,
    /// What the official Python and JavaScript SDKs sign: the spec form without empty strings,
    /// nulls, empty arrays and empty objects, at every depth. **Weaker**: a security requirement
    /// without scopes vanishes from it, so that removing one goes unseen.
    Sdk,
}

impl Form {
    /// Both forms, in the order in which a verifier tries them.
    pub const ALL: [Self; 2] = [Self::Spec, Self::Sdk];
}

impl fmt::Display for Form {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Spec => "spec",
            Self::Sdk => "sdk",
        })
    }
}

/// Projects a message onto its schema and leaves the members that its spec form has.
///
/// A member that is absent stays absent, even if REQUIRED: the form says what a card has, not
/// whether it is complete. `null` is absent, as in ProtoJSON, except inside a `Struct`.
pub(crate) fn spec<'a>(json: Json<'a>, schema: &'static Message) -> Result<Json<'a>, CardError> {
    let Json::Object(object) = json else { return Err(wrong(&json, "an object")) };
    let object = object.try_filter_map(|name, value| match schema.field(name) {
        Some(field) if value != Json::Null => {
            let value = typed(value, field.kind).map_err(|error| error.within(name))?;
            Ok::<_, CardError>(stays(&value, field).then_some(value))
        }
        _ => Ok(None),
    })?;
    if schema.one_of && object.len() > 1 {
        return Err(CardError::OneOf { at: String::new(), message: schema.name });
    }
    Ok(Json::Object(object))
}

/// Checks a value against its kind, and projects the messages in it.
fn typed(json: Json<'_>, kind: Kind) -> Result<Json<'_>, CardError> {
    match (kind, json) {
        (Kind::Text, json @ Json::String(_))
        | (Kind::Bool, json @ Json::Bool(_))
        | (Kind::Struct, json @ Json::Object(_)) => Ok(json),
        (Kind::Message(schema), json) => spec(json, schema),
        (Kind::Texts, json) => list(json, Kind::Text),
        (Kind::Messages(schema), json) => list(json, Kind::Message(schema)),
        (Kind::TextMap, json) => map(json, Kind::Text),
        (Kind::MessageMap(schema), json) => map(json, Kind::Message(schema)),
        (Kind::Text, json) => Err(wrong(&json, "a string")),
        (Kind::Bool, json) => Err(wrong(&json, "a boolean")),
        (Kind::Struct, json) => Err(wrong(&json, "an object")),
    }
}

fn list(json: Json<'_>, kind: Kind) -> Result<Json<'_>, CardError> {
    let Json::Array(elements) = json else { return Err(wrong(&json, "an array")) };
    let elements = elements
        .into_iter()
        .enumerate()
        .map(|(index, element)| typed(element, kind).map_err(|error| error.within(&index.to_string())));
    Ok(Json::Array(elements.collect::<Result<_, _>>()?))
}

fn map(json: Json<'_>, kind: Kind) -> Result<Json<'_>, CardError> {
    let Json::Object(object) = json else { return Err(wrong(&json, "an object")) };
    let object = object
        .try_filter_map(|name, value| typed(value, kind).map(Some).map_err(|error| error.within(name)))?;
    Ok(Json::Object(object))
}

fn wrong(found: &Json<'_>, expected: &'static str) -> CardError {
    CardError::Kind { at: String::new(), expected, found: found.kind() }
}

/// Whether a member is in the spec form. A single message is when it is set, even if it is empty:
/// proto3 tells the two apart.
fn stays(value: &Json<'_>, field: &Field) -> bool {
    let default = match (field.kind, value) {
        (Kind::Text, Json::String(text)) => text.is_empty(),
        (Kind::Bool, Json::Bool(value)) => !value,
        (Kind::Texts | Kind::Messages(_), Json::Array(elements)) => elements.is_empty(),
        (Kind::TextMap | Kind::MessageMap(_), Json::Object(object)) => object.is_empty(),
        _ => false,
    };
    field.presence != Presence::Implicit || !default
}

/// The SDK form of a spec form. An empty card is an empty object.
pub(crate) fn sdk<'a>(spec: &Json<'a>) -> Json<'a> {
    without_empty(spec.clone()).unwrap_or_else(|| Json::Object(Object::default()))
}

fn without_empty(json: Json<'_>) -> Option<Json<'_>> {
    match json {
        Json::Null => None,
        Json::String(text) if text.is_empty() => None,
        Json::Array(elements) => {
            let left: Vec<_> = elements.into_iter().filter_map(without_empty).collect();
            (!left.is_empty()).then_some(Json::Array(left))
        }
        Json::Object(object) => {
            let left = object.try_filter_map(|_, value| Ok::<_, Infallible>(without_empty(value)));
            left.ok().filter(|left| !left.is_empty()).map(Json::Object)
        }
        other => Some(other),
    }
}

/// A form as text (JCS): what is signed.
pub(crate) fn text(form: &Json<'_>) -> String {
    jcs::canonicalize(form)
}

/// A form as a value to hand on. Numbers are those of the canonical text: an integer that came
/// as `3.0` is `3`.
pub(crate) fn value(form: &Json<'_>) -> Value {
    match form {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Integer(value) => Value::Number((*value).into()),
        Json::OtherNumber(double) => number(double.value()),
        Json::String(text) => Value::String(text.clone().into_owned()),
        Json::Array(elements) => Value::Array(elements.iter().map(value).collect()),
        Json::Object(object) => {
            Value::Object(object.iter().map(|(name, member)| (name.to_owned(), value(member))).collect())
        }
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
fn number(value: f64) -> Value {
    // Up to 2^53 − 1 a double that is whole is that integer exactly.
    if value.fract() == 0.0 && value.abs() <= MAX_INTEGER as f64 {
        Value::Number((value as i64).into())
    } else {
        Number::from_f64(value).map_or(Value::Null, Value::Number)
    }
}
