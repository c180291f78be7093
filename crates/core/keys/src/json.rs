//! Strict JSON, as a borrowed tree.
//!
//! Every byte that comes from outside and is JSON is read here. Against plain
//! `serde_json` it is stricter in four ways: bytes and depth are bounded, a member name
//! may stand once in an object at any depth (RFC 8259 §4 leaves that open, and readers
//! that differ in it have been a way to smuggle claims), and only integers up to
//! 2^53 − 1 are numbers one can use (RFC 7493 §2.2). Any other number keeps its value as a
//! [`Double`], so that it can be canonicalized ([`crate::jcs`]), and nothing else.
//!
//! Cargo may switch on `serde_json/arbitrary_precision` for a whole build. With it a number
//! reaches a visitor as a map with one magic key, which an attacker can write as well. The two
//! are told apart here (`Name`), so that the same bytes give the same tree either way.

use core::{cell::Cell, fmt};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;

/// The largest integer that every JSON reader agrees on: 2^53 − 1 (RFC 7493 §2.2).
pub const MAX_INTEGER: i64 = 9_007_199_254_740_991;

/// The key under which `serde_json` hands over a number with `arbitrary_precision` on.
const NUMBER_TOKEN: &str = "$serde_json::private::Number";

/// A JSON value that borrows from its text wherever no escape stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer of at most [`MAX_INTEGER`] either way.
    Integer(i64),
    /// A number that is not written as such an integer, `3.0` among them: it is JSON, but
    /// nothing here computes with it.
    OtherNumber(Double),
    /// A string, unescaped.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Json<'a>>),
    /// An object.
    Object(Object<'a>),
}

/// A finite number as RFC 8785 §3.2.2.3 sees every number: the IEEE 754 double nearest to its
/// text. Two are equal when their bits are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Double(u64);

impl Double {
    /// The double of a value; `None` for an infinity or NaN, which JSON does not have.
    ///
    /// ```
    /// use legation_keys::json::Double;
    /// assert_eq!(Double::new(1.5).map(Double::value), Some(1.5));
    /// assert_eq!(Double::new(f64::NAN), None);
    /// ```
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self(value.to_bits()))
    }

    /// The value, which is finite.
    #[must_use]
    pub fn value(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// The members of an object in the order of the text; no name stands twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object<'a> {
    members: Vec<(Cow<'a, str>, Json<'a>)>,
}

/// Bounds on a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonLimits {
    /// Most bytes of the whole text.
    pub bytes: usize,
    /// Most arrays and objects inside one another. Above 100 it has no effect: the parser
    /// stops there by itself.
    pub depth: usize,
}

/// Why a text is not the JSON that is read here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// More bytes than allowed.
    #[error("{found} bytes, at most {limit} are read")]
    TooLarge {
        /// Most bytes.
        limit: usize,
        /// Bytes there are.
        found: usize,
    },
    /// Arrays and objects nested deeper than allowed.
    #[error("nested deeper than {limit} levels")]
    TooDeep {
        /// Most levels.
        limit: usize,
    },
    /// One object has two members of the same name.
    #[error("the member `{name}` stands twice in one object")]
    Duplicate {
        /// The name, after unescaping.
        name: String,
    },
    /// Not JSON, or not UTF-8.
    #[error("not JSON: {reason}")]
    Malformed {
        /// What was wrong and where (line and column).
        reason: String,
    },
}

impl JsonError {
    /// The stable code, as a denial has it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "input_too_large",
            Self::TooDeep { .. } => "json_too_deep",
            Self::Duplicate { .. } => "duplicate_member",
            Self::Malformed { .. } => "malformed",
        }
    }
}

/// Reads one JSON value that fills the whole text.
///
/// # Errors
/// [`JsonError`], one variant per rule.
///
/// ```
/// use legation_keys::json::{JsonError, JsonLimits, parse};
/// let limits = JsonLimits { bytes: 1000, depth: 8 };
/// let json = parse(br#"{"a": [1, "x"]}"#, limits)?;
/// assert_eq!(json.get("a").and_then(|a| a.as_array()).map(<[_]>::len), Some(2));
/// assert!(matches!(parse(br#"{"a":1,"a":2}"#, limits), Err(JsonError::Duplicate { .. })));
/// # Ok::<(), JsonError>(())
/// ```
pub fn parse(text: &[u8], limits: JsonLimits) -> Result<Json<'_>, JsonError> {
    if text.len() > limits.bytes {
        return Err(JsonError::TooLarge { limit: limits.bytes, found: text.len() });
    }
    let refused = Cell::new(None);
    let seed = Value { left: limits.depth.min(100), limit: limits.depth.min(100), refused: &refused };
    // Once for the whole text is faster than for each string by itself.
    let text = core::str::from_utf8(text).map_err(|error| JsonError::Malformed {
        reason: format!("no UTF-8 at byte {}", error.valid_up_to()),
    })?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = seed.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value
        .map_err(|error| refused.take().unwrap_or_else(|| JsonError::Malformed { reason: error.to_string() }))
}

impl<'a> Json<'a> {
    /// The member of that name, where this is an object that has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.as_object()?.get(name)
    }

    /// The object, where this is one.
    #[must_use]
    pub fn as_object(&self) -> Option<&Object<'a>> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }

    /// The elements, where this is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Json<'a>]> {
        if let Self::Array(elements) = self { Some(elements) } else { None }
    }

    /// The text, where this is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The number, where this is an integer of at most [`MAX_INTEGER`] either way.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    /// What kind of value this is, for a message.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::OtherNumber(_) => "a number that is no integer up to 2^53-1",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

impl<'a> Object<'a> {
    /// The member of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.members.iter().find(|(member, _)| member == name).map(|(_, value)| value)
    }

    /// All members in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json<'a>)> {
        self.members.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// Each member's value replaced by what `keep` makes of it, or the member dropped. Names
    /// can't be changed, so that none stands twice afterwards either.
    ///
    /// # Errors
    /// The first one of `keep`.
    pub fn try_filter_map<E>(
        self,
        mut keep: impl FnMut(&str, Json<'a>) -> Result<Option<Json<'a>>, E>,
    ) -> Result<Self, E> {
        let mut members = Vec::with_capacity(self.members.len());
        for (name, value) in self.members {
            if let Some(value) = keep(&name, value)? {
                members.push((name, value));
            }
        }
        Ok(Self { members })
    }

    /// With a member of that name, in place of the one that it has.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'a, str>>, value: Json<'a>) -> Self {
        let name = name.into();
        self.members.retain(|(member, _)| *member != name);
        self.members.push((name, value));
        self
    }

    /// Without the member of that name.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        Self { members: self.members.iter().filter(|(member, _)| member != name).cloned().collect() }
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The first member whose name is not in `known`.
    #[must_use]
    pub fn unknown_member(&self, known: &[&str]) -> Option<&str> {
        self.iter().map(|(name, _)| name).find(|name| !known.contains(name))
    }
}

/// Reads one value; `left` is how many levels may still be opened.
#[derive(Clone, Copy)]
struct Value<'r> {
    left: usize,
    limit: usize,
    refused: &'r Cell<Option<JsonError>>,
}

impl Value<'_> {
    fn refuse<E: serde::de::Error>(self, error: JsonError) -> E {
        self.refused.set(Some(error));
        E::custom("refused")
    }

    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.left.checked_sub(1) {
            Some(left) => Ok(Self { left, ..self }),
            None => Err(self.refuse(JsonError::TooDeep { limit: self.limit })),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = Json<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    // The nearest double is what RFC 8785 §3.2.2.3 wants of a larger integer.
    #[allow(clippy::cast_precision_loss)]
    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Json<'de>, E> {
        match i64::try_from(value) {
            Ok(value) => integer(value),
            Err(_) => double(value as f64),
        }
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Json<'de>, E> {
        integer(value)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Json<'de>, E> {
        double(value)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        let inner = self.inner()?;
        let mut elements = Vec::new();
        while let Some(element) = items.next_element_seed(inner)? {
            elements.push(element);
        }
        Ok(Json::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        let mut members = Vec::new();
        let mut inner = None;
        while let Some(name) = items.next_key_seed(NAME)? {
            let Name::Member(name) = name else {
                return number(&items.next_value::<String>()?);
            };
            let seed = match inner {
                Some(seed) => seed,
                None => *inner.insert(self.inner()?),
            };
            members.push((name, items.next_value_seed(seed)?));
        }
        if inner.is_none() {
            self.inner()?;
        }
        match duplicate(&members) {
            Some(name) => Err(self.refuse(JsonError::Duplicate { name: name.to_owned() })),
            None => Ok(Json::Object(Object { members })),
        }
    }
}

#[allow(clippy::cast_precision_loss)]
fn integer<'a, E: serde::de::Error>(value: i64) -> Result<Json<'a>, E> {
    if (-MAX_INTEGER..=MAX_INTEGER).contains(&value) {
        Ok(Json::Integer(value))
    } else {
        double(value as f64)
    }
}

fn double<'a, E: serde::de::Error>(value: f64) -> Result<Json<'a>, E> {
    Double::new(value).map(Json::OtherNumber).ok_or_else(|| E::custom("number out of range"))
}

/// A number as `arbitrary_precision` hands it over: its text, already known to be JSON.
/// It gives what the same text gives without that feature, where `serde_json/float_roundtrip`
/// makes its parser as exact as the standard library's.
fn number<'a, E: serde::de::Error>(text: &str) -> Result<Json<'a>, E> {
    match text.parse::<i64>() {
        // Without the feature `-0` is the float negative zero.
        Ok(0) if text == "-0" => double(-0.0),
        Ok(value) => integer(value),
        Err(_) => double(text.parse().unwrap_or(f64::NAN)),
    }
}

/// The first name that stands twice. Small objects, which nearly all are, are compared
/// pair by pair; large ones are sorted, so that the cost stays near linear.
fn duplicate<'m>(members: &'m [(Cow<'_, str>, Json<'_>)]) -> Option<&'m str> {
    if members.len() <= 8 {
        return members.iter().enumerate().find_map(|(index, (name, _))| {
            members.iter().take(index).any(|(earlier, _)| earlier == name).then_some(name.as_ref())
        });
    }
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    names.windows(2).find_map(|pair| match pair {
        [a, b] if a == b => Some(*a),
        _ => None,
    })
}

/// A member name of the text, or the mark of a number.
enum Name<'de> {
    Member(Cow<'de, str>),
    Number,
}

/// Reads a name. A name of the text is asked for as a newtype, which the map's key reader
/// answers by handing itself over; the number's mark answers with its string at once.
#[derive(Clone, Copy)]
struct NameSeed {
    from_text: bool,
}

const NAME: NameSeed = NameSeed { from_text: false };

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Name<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Name<'de>, D::Error> {
        deserializer.deserialize_newtype_struct("Name", self)
    }
}

impl<'de> Visitor<'de> for NameSeed {
    type Value = Name<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a member name")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, key: D) -> Result<Name<'de>, D::Error> {
        key.deserialize_str(Self { from_text: true })
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, name: &'de str) -> Result<Name<'de>, E> {
        if self.from_text {
            Ok(Name::Member(Cow::Borrowed(name)))
        } else if name == NUMBER_TOKEN {
            Ok(Name::Number)
        } else {
            Err(E::custom("expected a member name"))
        }
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Name<'de>, E> {
        Ok(Name::Member(Cow::Owned(name.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: JsonLimits = JsonLimits { bytes: 100_000, depth: 16 };

    fn read(text: &str) -> Result<Json<'_>, JsonError> {
        parse(text.as_bytes(), LIMITS)
    }

    fn other(value: f64) -> Json<'static> {
        Json::OtherNumber(Double::new(value).unwrap())
    }

    #[test]
    fn a_duplicate_member_is_found_at_any_depth_and_under_any_spelling() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"[[{"x":{"a":1,"b":2,"a":3}}]]"#,
            "{\"a\":1,\"\\u0061\":2}",
            r#"{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"a":2}"#,
        ] {
            assert_eq!(read(text), Err(JsonError::Duplicate { name: "a".into() }), "{text}");
        }
    }

    #[test]
    fn ten_thousand_arrays_are_refused_for_their_depth() {
        let text = "[".repeat(10_000);
        assert_eq!(read(&text), Err(JsonError::TooDeep { limit: 16 }));
        assert!(read(&format!("{}{}", "[".repeat(16), "]".repeat(16))).is_ok());
        assert_eq!(
            read(&format!("{}{}", "[".repeat(17), "]".repeat(17))),
            Err(JsonError::TooDeep { limit: 16 })
        );
        assert_eq!(
            read(&format!("{}{{}}{}", "[".repeat(16), "]".repeat(16))),
            Err(JsonError::TooDeep { limit: 16 })
        );
    }

    #[test]
    fn only_integers_up_to_two_to_the_53_can_be_used() {
        for (text, wanted) in [
            ("0", Json::Integer(0)),
            ("-1", Json::Integer(-1)),
            ("9007199254740991", Json::Integer(MAX_INTEGER)),
            ("9007199254740992", other(9_007_199_254_740_992.0)),
            ("9007199254740993", other(9_007_199_254_740_992.0)),
            ("-9007199254740992", other(-9_007_199_254_740_992.0)),
            ("18446744073709551616", other(18_446_744_073_709_551_616.0)),
            ("123456789012345678901234567890", other(123_456_789_012_345_678_901_234_567_890.0)),
            ("1.0", other(1.0)),
            ("1e2", other(100.0)),
            ("1E400", Json::Null),
            ("-0", other(-0.0)),
            ("-0.0", other(-0.0)),
        ] {
            match read(text) {
                Ok(found) => assert_eq!(found, wanted, "{text}"),
                Err(error) => {
                    assert!(matches!(error, JsonError::Malformed { .. }), "{text}: {error}");
                    assert_eq!(wanted, Json::Null, "{text}: {error}");
                }
            }
        }
    }

    #[test]
    fn the_magic_number_key_is_an_ordinary_member() {
        let json = read(r#"{"$serde_json::private::Number":"7"}"#).unwrap();
        assert_eq!(json.get(NUMBER_TOKEN), Some(&Json::String("7".into())));
        let json = read(r#"{"a":7,"$serde_json::private::Number":1}"#).unwrap();
        assert_eq!(json.get("a"), Some(&Json::Integer(7)));
    }

    #[test]
    fn what_is_not_json_is_malformed() {
        for text in
            ["", "{", "[1,]", "{\"a\":1}x", "nul", "01", "+1", "NaN", "'a'", "\"\\ud800\"", "\"\n\"", "{a:1}"]
        {
            assert!(matches!(read(text), Err(JsonError::Malformed { .. })), "{text}");
        }
        assert!(matches!(parse(b"\"\xff\"", LIMITS), Err(JsonError::Malformed { .. })));
        let limits = JsonLimits { bytes: 3, depth: 4 };
        assert_eq!(parse(b"[1,2]", limits), Err(JsonError::TooLarge { limit: 3, found: 5 }));
    }

    #[test]
    fn a_string_without_escapes_borrows_from_the_text() {
        let json = read(r#"{"a":"plain","b":"esc\naped"}"#).unwrap();
        assert!(matches!(json.get("a"), Some(Json::String(Cow::Borrowed("plain")))));
        assert!(matches!(json.get("b"), Some(Json::String(Cow::Owned(_)))));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = parse(&bytes, LIMITS);
        }
    }
}
