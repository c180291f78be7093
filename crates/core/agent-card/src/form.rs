//! The two canonical forms of a card: what a signature covers (A2A §8.4.1).
//!
//! Both start from a projection onto the A2A 1.0 schema: a member that it does
//! not know is not signed, is dropped, and never reaches anybody. Servers inject such members
//! after signing, for clients of version 0.3: `url`, `preferredTransport`, `security`, the `type` of
//! a scheme.

use crate::{
    dropped::{Dropped, Path},
    error::CardError,
    loss,
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

/// What a projection does with members that the schema does not know, and what it finds out.
#[derive(Debug, Default)]
pub(crate) struct Projection {
    /// Keep them: what a signer may have signed who knows more than the schema.
    pub(crate) keep_unknown: bool,
    /// Where they stand.
    pub(crate) dropped: Dropped,
    /// The first of them without which the card would say something else about who may call, or where.
    pub(crate) lost: Option<Lost>,
}

/// A member that may not be left out of what is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    /// Where it stands: a JSON Pointer.
    pub(crate) at: String,
    /// The message of the schema that does not know it.
    pub(crate) message: &'static str,
}

impl Projection {
    /// Projects a message onto its schema and leaves the members that its spec form has.
    ///
    /// A member that is absent stays absent, even if REQUIRED: the form says what a card has, not
    /// whether it is complete. `null` is absent, as in ProtoJSON, except inside a `Struct`.
    pub(crate) fn message<'a>(
        &mut self,
        json: Json<'a>,
        schema: &'static Message,
        at: Path<'_>,
    ) -> Result<Json<'a>, CardError> {
        let Json::Object(object) = json else { return Err(wrong(&json, "an object")) };
        let mut unknown = Vec::new();
        let object = object.try_filter_map(|name, value| match schema.field(name) {
            Some(field) if value != Json::Null => {
                let value = self
                    .typed(value, field.kind, Path::Member(&at, name))
                    .map_err(|error| error.within(name))?;
                Ok::<_, CardError>(stays(&value, field).then_some(value))
            }
            Some(_) => Ok(None),
            None => {
                self.dropped.add(Path::Member(&at, name));
                unknown.push((name.to_owned(), loss::is_empty(&value)));
                Ok(self.keep_unknown.then_some(value))
            }
        })?;
        if schema.one_of && object.len() > 1 && !self.keep_unknown {
            return Err(CardError::OneOf { at: String::new(), message: schema.name });
        }
        if self.lost.is_none() {
            let lost = unknown.iter().find(|(name, empty)| loss::loses(schema, name, *empty, &object));
            self.lost =
                lost.map(|(name, _)| Lost { at: Path::Member(&at, name).to_string(), message: schema.name });
        }
        Ok(Json::Object(object))
    }

    /// Checks a value against its kind, and projects the messages in it.
    fn typed<'a>(&mut self, json: Json<'a>, kind: Kind, at: Path<'_>) -> Result<Json<'a>, CardError> {
        match (kind, json) {
            (Kind::Text, json @ Json::String(_))
            | (Kind::Bool, json @ Json::Bool(_))
            | (Kind::Struct, json @ Json::Object(_)) => Ok(json),
            (Kind::Message(schema), json) => self.message(json, schema, at),
            (Kind::Texts, json) => self.list(json, Kind::Text, at),
            (Kind::Messages(schema), json) => self.list(json, Kind::Message(schema), at),
            (Kind::TextMap, json) => self.map(json, Kind::Text, at),
            (Kind::MessageMap(schema), json) => self.map(json, Kind::Message(schema), at),
            (Kind::Text, json) => Err(wrong(&json, "a string")),
            (Kind::Bool, json) => Err(wrong(&json, "a boolean")),
            (Kind::Struct, json) => Err(wrong(&json, "an object")),
        }
    }

    fn list<'a>(&mut self, json: Json<'a>, kind: Kind, at: Path<'_>) -> Result<Json<'a>, CardError> {
        let Json::Array(elements) = json else { return Err(wrong(&json, "an array")) };
        let elements = elements.into_iter().enumerate().map(|(index, element)| {
            self.typed(element, kind, Path::Element(&at, index))
                .map_err(|error| error.within(&index.to_string()))
        });
        Ok(Json::Array(elements.collect::<Result<_, _>>()?))
    }

    fn map<'a>(&mut self, json: Json<'a>, kind: Kind, at: Path<'_>) -> Result<Json<'a>, CardError> {
        let Json::Object(object) = json else { return Err(wrong(&json, "an object")) };
        let object = object.try_filter_map(|name, value| {
            self.typed(value, kind, Path::Member(&at, name)).map(Some).map_err(|error| error.within(name))
        })?;
        Ok(Json::Object(object))
    }
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

/// The SDK form of a spec form, with what it leaves out. An empty card is an empty object.
pub(crate) fn sdk<'a>(spec: &Json<'a>, dropped: &mut Dropped) -> Json<'a> {
    without_empty(spec.clone(), Path::Root, dropped).unwrap_or_else(|| Json::Object(Object::default()))
}

fn without_empty<'a>(json: Json<'a>, at: Path<'_>, dropped: &mut Dropped) -> Option<Json<'a>> {
    let before = dropped.mark();
    let left = match json {
        Json::Null => None,
        Json::String(text) if text.is_empty() => None,
        Json::Array(elements) => {
            let left: Vec<_> = elements
                .into_iter()
                .enumerate()
                .filter_map(|(index, element)| without_empty(element, Path::Element(&at, index), dropped))
                .collect();
            (!left.is_empty()).then_some(Json::Array(left))
        }
        Json::Object(object) => {
            let left = object.try_filter_map(|name, value| {
                Ok::<_, Infallible>(without_empty(value, Path::Member(&at, name), dropped))
            });
            left.ok().filter(|left| !left.is_empty()).map(Json::Object)
        }
        other => Some(other),
    };
    if left.is_none() {
        // Where all of a value goes, it is told of and not what was in it.
        dropped.back_to(before);
        dropped.add(at);
    }
    left
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
