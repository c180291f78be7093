//! `Content-Digest` (RFC 9530): what ties the body to the signature.

use crate::{
    Message,
    error::{DigestError, ReadError, shorten},
    field::{self, Member, Value},
    message::CONTENT_DIGEST,
};
use http::HeaderValue;
use sfv::BareItem;
use sha2::{Digest, Sha256, Sha512};

/// The header for a body: its SHA-256.
pub(crate) fn header(body: &[u8]) -> Option<HeaderValue> {
    let value = Value::Item(BareItem::ByteSequence(Sha256::digest(body).to_vec()));
    let text = field::dictionary_text(sfv::key_ref("sha-256"), &Member { value, params: Vec::new() });
    HeaderValue::from_str(&text).ok()
}

/// Every digest that is known must be that of the body, and at least one must be known. All of
/// this is public, so that the comparison may take as long as it takes.
pub(crate) fn check(message: &Message<'_>) -> Result<(), ReadError> {
    let dictionary = message.dictionary(CONTENT_DIGEST)?;
    let mut known = false;
    for (name, member) in &dictionary {
        let (algorithm, actual) = match name.as_str() {
            "sha-256" => ("sha-256", Sha256::digest(message.body).to_vec()),
            "sha-512" => ("sha-512", Sha512::digest(message.body).to_vec()),
            _ => continue,
        };
        let Value::Item(BareItem::ByteSequence(claimed)) = &member.value else {
            return Err(DigestError::Shape { algorithm }.into());
        };
        if *claimed != actual {
            return Err(DigestError::Differs { algorithm }.into());
        }
        known = true;
    }
    if known {
        return Ok(());
    }
    let names: Vec<_> = dictionary.iter().map(|(name, _)| name.as_str()).collect();
    Err(DigestError::Unknown { found: shorten(&names.join("`, `")) }.into())
}
