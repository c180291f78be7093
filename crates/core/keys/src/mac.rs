//! HMAC-SHA256 (RFC 2104): a tag that only who has the key can make.

use crate::library;

/// The tag of a message.
///
/// ```
/// use legation_keys::mac;
/// let tag = mac::sign(b"a key", b"a message");
/// assert!(mac::fits(b"a key", b"a message", &tag));
/// assert!(!mac::fits(b"another", b"a message", &tag) && !mac::fits(b"a key", b"a message", &tag[..31]));
/// ```
#[must_use]
pub fn sign(key: &[u8], message: &[u8]) -> [u8; 32] {
    library::hmac_sha256(key, message)
}

/// Whether a tag is that of the message, compared in constant time.
#[must_use]
pub fn fits(key: &[u8], message: &[u8], tag: &[u8]) -> bool {
    library::hmac_sha256_fits(key, message, tag)
}
