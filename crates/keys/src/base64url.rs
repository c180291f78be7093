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
    let bytes = decode(text)?;
    <[u8; N]>::try_from(bytes.as_slice()).map_err(|_| Base64Error::Invalid { position: text.len() })
}

/// Encodes bytes, without padding.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}
