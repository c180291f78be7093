//! base64url without padding (RFC 7515 §2): one encoding for one value.

use base64_simd::{Out, URL_SAFE_NO_PAD};

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
    URL_SAFE_NO_PAD.decode_to_vec(text).map_err(|_| Base64Error::Invalid { position: fault(text) })
}

/// Where a text that is no base64url is wrong: at its end where no text is so long, at a character of another alphabet, or at the
/// last one where that has bits too many.
fn fault(text: &str) -> usize {
    if text.len() % 4 == 1 {
        return text.len();
    }
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    text.bytes().position(|byte| !is_known(byte)).unwrap_or_else(|| text.len().saturating_sub(1))
}

/// Decodes exactly `N` bytes, such as a signature or a digest.
///
/// # Errors
/// [`Base64Error::Invalid`] where the length differs.
pub fn decode_array<const N: usize>(text: &str) -> Result<[u8; N], Base64Error> {
    let mut bytes = [0; N];
    // Another text, too long or too short, is decoded for its own error.
    let fits = text.len() == (N * 8).div_ceil(6)
        && URL_SAFE_NO_PAD
            .decode(text.as_bytes(), Out::from_slice(&mut bytes))
            .is_ok_and(|read| read.len() == N);
    if !fits {
        decode(text)?;
        return Err(Base64Error::Invalid { position: text.len() });
    }
    Ok(bytes)
}

/// Encodes bytes, without padding.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::{BASE64URL_NOPAD, DecodeKind};
    use proptest::prelude::*;

    /// Another decoder, which says where a text is wrong.
    fn slowly(text: &str) -> Result<Vec<u8>, Base64Error> {
        if text.ends_with('=') {
            return Err(Base64Error::Padded);
        }
        BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|error| Base64Error::Invalid {
            position: if error.kind == DecodeKind::Length { text.len() } else { error.position },
        })
    }

    proptest! {
        /// One value has one text, and one text one value, by either decoder.
        #[test]
        fn both_decoders_read_the_same(bytes in prop::collection::vec(any::<u8>(), 0..200), at in any::<usize>(), other in any::<char>()) {
            let text = encode(&bytes);
            prop_assert_eq!(&text, &BASE64URL_NOPAD.encode(&bytes));
            prop_assert_eq!(decode_array::<32>(&text).ok().map(Vec::from), Some(bytes.clone()).filter(|bytes| bytes.len() == 32));
            prop_assert_eq!(decode(&text), Ok(bytes));
            // Any character in the place of one: of the alphabet, of another, or of several bytes.
            let place = at % (text.len() + 1);
            let bent: String = text.chars().take(place).chain([other]).chain(text.chars().skip(place + 1)).collect();
            prop_assert_eq!(decode(&bent), slowly(&bent));
            prop_assert_eq!(decode_array::<32>(&bent).ok().map(Vec::from), slowly(&bent).ok().filter(|bytes| bytes.len() == 32));
        }
    }
}
