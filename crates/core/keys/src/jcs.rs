//! Canonical JSON (RFC 8785, JCS): one text for one value, so that it can be signed.
//!
//! Written here on the strict tree, in sixty lines, instead of with a crate: those that exist
//! write `serde_json::Value`, into which a text with duplicate members or the magic key of
//! `serde_json/arbitrary_precision` can't be read faithfully. Numbers are the work of `ryu-js`,
//! and the tests hold every byte against another implementation.

use crate::json::Json;
use core::{cmp::Ordering, fmt::Write};

/// The canonical text of a value. It cannot fail: a [`Json`] has no duplicate member, no lone
/// surrogate and no number that is not finite.
///
/// ```
/// use legation_keys::{jcs, json::{JsonLimits, parse}};
/// let json = parse(br#"{ "b": 3.0, "a": "\u20ac" }"#, JsonLimits { bytes: 100, depth: 4 })?;
/// assert_eq!(jcs::canonicalize(&json), r#"{"a":"€","b":3}"#);
/// # Ok::<(), legation_keys::json::JsonError>(())
/// ```
#[must_use]
pub fn canonicalize(json: &Json<'_>) -> String {
    let mut out = String::new();
    write(json, &mut out);
    out
}

/// The recursion is as deep as the value, which the parser bounds.
fn write(json: &Json<'_>, out: &mut String) {
    match json {
        Json::Null => out.push_str("null"),
        Json::Bool(true) => out.push_str("true"),
        Json::Bool(false) => out.push_str("false"),
        // Writing into a text can't fail.
        Json::Integer(value) => write!(out, "{value}").unwrap_or_default(),
        // ECMAScript's Number::toString, which RFC 8785 §3.2.2.3 asks for; negative zero is `0`.
        Json::OtherNumber(double) => out.push_str(ryu_js::Buffer::new().format_finite(double.value())),
        Json::String(text) => quote(text, out),
        Json::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(element, out);
            }
            out.push(']');
        }
        Json::Object(object) => write_members(object.iter().collect(), out),
    }
}

/// The canonical text of an object of these members, whose names differ.
pub(crate) fn members<'m>(members: impl Iterator<Item = (&'m str, &'m Json<'m>)>) -> String {
    let mut out = String::new();
    write_members(members.collect(), &mut out);
    out
}

fn write_members(mut members: Vec<(&str, &Json<'_>)>, out: &mut String) {
    // By UTF-16 code units (RFC 8785 §3.2.3): a character beyond the BMP goes before
    // U+E000 to U+FFFF, other than in the order of Rust's strings.
    members.sort_unstable_by(|(a, _), (b, _)| by_utf16(a, b));
    out.push('{');
    for (index, (name, value)) in members.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        quote(name, out);
        out.push(':');
        write(value, out);
    }
    out.push('}');
}

/// The order of names. Of ASCII alone, as most are, it is that of the bytes.
fn by_utf16(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}

/// A string (RFC 8785 §3.2.2.2): only `"`, `\` and control characters are escaped, and what is between them is taken as it is.
fn quote(text: &str, out: &mut String) {
    out.reserve(text.len().saturating_add(2));
    out.push('"');
    let mut rest = text;
    // Each byte of another character is beyond 0x7f.
    let escaped = |byte: u8| matches!(byte, b'"' | b'\\' | ..=0x1f);
    while let Some((plain, from)) =
        rest.bytes().position(escaped).and_then(|place| rest.split_at_checked(place))
    {
        out.push_str(plain);
        let mut from = from.chars();
        from.next().into_iter().for_each(|character| escape(character, out));
        rest = from.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

fn escape(character: char, out: &mut String) {
    match character {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{8}' => out.push_str("\\b"),
        '\t' => out.push_str("\\t"),
        '\n' => out.push_str("\\n"),
        '\u{c}' => out.push_str("\\f"),
        '\r' => out.push_str("\\r"),
        other => write!(out, "\\u{:04x}", u32::from(other)).unwrap_or_default(),
    }
}
