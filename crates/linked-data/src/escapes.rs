//! Percent-encoding that the IRI library does not expect.
//!
//! It compares and hashes IRIs by what their escapes stand for, and takes that to be UTF-8. RFC 3987 §3.2 lets an IRI
//! hold other escapes; a document with one is refused, before the library panics.

use crate::LinkedDataError;
use legation_keys::json::Json;

/// Whether every text that may become an IRI, or a part of one, has escapes that stand for UTF-8.
///
/// Which texts those are is known only after expansion. A text with a space is none; of any other, a name and a value
/// alike, the escapes have to be UTF-8 by themselves, so that those of what is put together of them are. In a context,
/// whose texts are the beginnings of others, they also have to be whole.
///
/// # Errors
/// [`LinkedDataError::Escape`].
pub(crate) fn check(json: &Json<'_>) -> Result<(), LinkedDataError> {
    walk(json, false)
}

fn walk(json: &Json<'_>, in_context: bool) -> Result<(), LinkedDataError> {
    match json {
        Json::String(text) => check_text(text, in_context),
        Json::Array(all) => all.iter().try_for_each(|one| walk(one, in_context)),
        Json::Object(object) => object.iter().try_for_each(|(name, value)| {
            check_text(name, in_context)?;
            walk(value, in_context || name == "@context")
        }),
        _ => Ok(()),
    }
}

fn check_text(text: &str, whole: bool) -> Result<(), LinkedDataError> {
    if !text.contains('%') || text.contains(char::is_whitespace) {
        return Ok(());
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    let mut fits = true;
    while let Some((byte, after)) = rest.split_first() {
        let escape = (*byte == b'%').then(|| after.split_first_chunk::<2>()).flatten();
        match escape.and_then(|(digits, after)| Some((octet(*digits)?, after))) {
            Some((octet, after)) => {
                decoded.push(octet);
                rest = after;
            }
            None => {
                fits &= *byte != b'%' || !whole;
                decoded.push(*byte);
                rest = after;
            }
        }
    }
    match fits && String::from_utf8(decoded).is_ok() {
        true => Ok(()),
        false => Err(LinkedDataError::Escape { found: text.chars().take(120).collect() }),
    }
}

fn octet([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}
