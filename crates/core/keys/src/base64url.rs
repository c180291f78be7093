//! base64url without padding (RFC 7515 §2): one encoding for one value.

use data_encoding::{BASE64URL_NOPAD, DecodeKind};

/// Why a text is not base64url.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Base64Error {
    /// The text ends in `=`, which JOSE forbids (RFC 7515 §2).
    #[error("base64url must have no `=` padding; remove it")]
    Padded,
    /// A character outside the URL-safe alphabet, or bits that a shorter text would not have.
    #[error("not base64url at byte {position}; use A-Z, a-z, 0-9, `-` and `_`")]
    Invalid {
        /// Offset of the offending character, in bytes.
        position: usize,
    },
}

/// Decodes base64url; padding, the standard alphabet (`+`, `/`), white space and
/// non-zero trailing bits are refused.
///
/// # Errors
/// [`Base64Error`] says which of these it met, and where.
///
/// ```
/// use legation_keys::base64url::{Base64Error, decode};
/// assert_eq!(decode("aGk"), Ok(b"hi".to_vec()));
/// assert_eq!(decode("aGk="), Err(Base64Error::Padded));
/// ```
pub fn decode(text: &str) -> Result<Vec<u8>, Base64Error> {
    if text.ends_with('=') {
        return Err(Base64Error::Padded);
    }
    // What is read by vectors has no place for its errors: those are looked for only where there are any.
    base64_simd::URL_SAFE_NO_PAD.decode_to_vec(text).or_else(|_| slowly(text))
}

fn slowly(text: &str) -> Result<Vec<u8>, Base64Error> {
    BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|error| Base64Error::Invalid {
        position: match error.kind {
            DecodeKind::Length => text.len(),
            _ => error.position,
        },
    })
}

/// Decodes exactly `N` bytes, such as a signature or a digest.
///
/// # Errors
/// [`Base64Error::Invalid`] where the length differs.
pub fn decode_array<const N: usize>(text: &str) -> Result<[u8; N], Base64Error> {
    let mut bytes = [0; N];
    // Another text, too long or too short, is decoded for its own error.
    if BASE64URL_NOPAD.decode_len(text.len()) != Ok(N)
        || BASE64URL_NOPAD.decode_mut(text.as_bytes(), &mut bytes).is_err()
    {
        decode(text)?;
        return Err(Base64Error::Invalid { position: text.len() });
    }
    Ok(bytes)
}

/// Encodes bytes, without padding.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// One value has one text, and one text one value, by either decoder.
        #[test]
        fn both_decoders_read_the_same(bytes in prop::collection::vec(any::<u8>(), 0..200), at in any::<usize>(), other in any::<char>()) {
            let text = encode(&bytes);
            prop_assert_eq!(decode(&text), Ok(bytes));
            // Any character in the place of one: of the alphabet, of another, or of several bytes.
            let place = at % (text.len() + 1);
            let bent: String = text.chars().take(place).chain([other]).chain(text.chars().skip(place + 1)).collect();
            let by_vectors = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(&bent).ok();
            prop_assert_eq!(by_vectors, slowly(&bent).ok());
        }
    }
}
