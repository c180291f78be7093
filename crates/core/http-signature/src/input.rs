//! `Signature-Input` (RFC 9421 §4.1): what each signature of a request says it covers.

use crate::{
    MAX_NONCE, MAX_SIGNATURES, Message,
    error::{BaseError, ReadError, shorten},
    field::{self, Item, Params, Value},
    message::SIGNATURE_INPUT,
};
use legation_keys::{Algorithm, base64url};
use sfv::{BareItem, Key};

/// One member of `Signature-Input`.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) label: Key,
    pub(crate) components: Vec<Item>,
    pub(crate) params: Params,
}

/// Reads the whole header. Signatures of others are held to its form and the bounds only.
pub(crate) fn read_all(message: &Message<'_>) -> Result<Vec<Input>, BaseError> {
    let dictionary = message.dictionary(SIGNATURE_INPUT)?;
    let wrong = |reason: String| BaseError::Field { header: SIGNATURE_INPUT.to_owned(), reason };
    if dictionary.len() > MAX_SIGNATURES {
        return Err(wrong(format!("more than {MAX_SIGNATURES} signatures")));
    }
    let read = |(label, member): (Key, field::Member)| {
        let Value::List(components) = member.value else {
            return Err(wrong(format!("`{}` is no list of components", shorten(label.as_str()))));
        };
        Ok(Input { label, components, params: member.params })
    };
    dictionary.into_iter().map(read).collect()
}

/// The parameters of a signature (RFC 9421 §2.3), as far as a proof tells them.
pub(crate) struct Parameters {
    pub(crate) created: i64,
    pub(crate) expires: i64,
    pub(crate) nonce: String,
    pub(crate) key_thumbprint: String,
    pub(crate) algorithm: Option<Algorithm>,
}

/// Parameters that the RFC does not define are refused, though they are signed as well: they might limit the signature
/// in a way that is not understood here, as to one audience. The RFC says of them neither that they count nor that they
/// don't.
pub(crate) fn check_known(params: &Params) -> Result<(), ReadError> {
    let known = ["created", "expires", "nonce", "alg", "keyid", "tag"];
    match params.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        Some((name, _)) => Err(ReadError::UnknownParameter { name: shorten(name.as_str()) }),
        None => Ok(()),
    }
}

/// Reads the parameters and judges each by itself.
pub(crate) fn parameters(params: &Params) -> Result<Parameters, ReadError> {
    check_known(params)?;
    let algorithm = text(params, "alg")?.map(algorithm).transpose()?;
    text(params, "tag")?;
    let nonce = text(params, "nonce")?.unwrap_or_default();
    if nonce.is_empty() || nonce.len() > MAX_NONCE {
        let expected = "1 to 128 characters";
        return Err(ReadError::Parameter { name: "nonce", expected, found: shorten(nonce) });
    }
    let key = text(params, "keyid")?.unwrap_or_default();
    if base64url::decode_array::<32>(key).is_err() {
        let expected = "the SHA-256 thumbprint of a key, base64url";
        return Err(ReadError::Parameter { name: "keyid", expected, found: shorten(key) });
    }
    let (created, expires) = (integer(params, "created")?, integer(params, "expires")?);
    let (Some(created), Some(expires)) = (created, expires) else {
        return Err(ReadError::Lifetime { created, expires });
    };
    if !lives_well(created, expires) {
        return Err(ReadError::Lifetime { created: Some(created), expires: Some(expires) });
    }
    Ok(Parameters { created, expires, nonce: nonce.to_owned(), key_thumbprint: key.to_owned(), algorithm })
}

/// Whether a signature lives for a while, and not for longer than it may.
pub(crate) fn lives_well(created: i64, expires: i64) -> bool {
    expires.checked_sub(created).is_some_and(|lifetime| (1..=crate::MAX_LIFETIME).contains(&lifetime))
}

/// The names of RFC 9421 §6.2.2 for the two algorithms.
pub(crate) fn algorithm_name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::EdDsa => "ed25519",
        Algorithm::Es256 => "ecdsa-p256-sha256",
    }
}

pub(crate) fn algorithm(name: &str) -> Result<Algorithm, ReadError> {
    let known = Algorithm::ALL.into_iter().find(|known| algorithm_name(*known) == name);
    known.ok_or_else(|| ReadError::Algorithm { found: shorten(name) })
}

fn find<'p>(params: &'p Params, name: &str) -> Option<&'p BareItem> {
    params.iter().find(|(key, _)| key.as_str() == name).map(|(_, value)| value)
}

pub(crate) fn text<'p>(params: &'p Params, name: &'static str) -> Result<Option<&'p str>, ReadError> {
    match find(params, name) {
        None => Ok(None),
        Some(BareItem::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(ReadError::Parameter { name, expected: "a string", found: "another kind".to_owned() }),
    }
}

pub(crate) fn integer(params: &Params, name: &'static str) -> Result<Option<i64>, ReadError> {
    match find(params, name) {
        None => Ok(None),
        Some(BareItem::Integer(seconds)) => Ok(Some(i64::from(*seconds))),
        Some(_) => {
            Err(ReadError::Parameter { name, expected: "an integer", found: "another kind".to_owned() })
        }
    }
}
