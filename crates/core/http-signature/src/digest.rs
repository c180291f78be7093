//! `Content-Digest` (RFC 9530): what ties the body to the signature.

use crate::{
    Message,
    error::{DigestError, ReadError, shorten},
    field::{self, Item, Member, Value},
    input::Input,
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

/// Holds the body against what a signature covers of `Content-Digest`, whosever it is (RFC 9421 §7.2.8): covered and not
/// compared, it would say nothing of the body. Every digest that is known must be that of the body, and at least one that
/// is known must be covered (RFC 9530 §2; those of its registry that are broken count as unknown, §5). A signature that
/// covers none is for its reader to judge. All of this is public, so that the comparison may take as long as it takes.
pub(crate) fn check(message: &Message<'_>, input: &Input) -> Result<(), ReadError> {
    let names =
        |name: &str, item: &&Item| matches!(&item.value, BareItem::String(own) if own.as_str() == name);
    let covered: Vec<&Item> = input.components.iter().filter(|item| names(CONTENT_DIGEST, item)).collect();
    if covered.is_empty() {
        return Ok(());
    }
    // The whole field, or members of it by their keys (§2.1.2).
    let covers = |member: &str, item: &&Item| match item.params.as_slice() {
        [] => true,
        [(name, BareItem::String(key))] => name.as_str() == "key" && key.as_str() == member,
        _ => false,
    };
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
        known |= covered.iter().any(|item| covers(algorithm, item));
    }
    if known {
        return Ok(());
    }
    let names: Vec<_> = dictionary
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| covered.iter().any(|item| covers(name, item)))
        .collect();
    Err(DigestError::Unknown { found: shorten(&names.join("`, `")) }.into())
}
