//! An agent in one file: its key, and the delegations that it acts by.
//!
//! It is a key file whose JWK has one member more, `chain`: the delegations in compact form, root first, joined by `~`, as
//! a request carries them. Members that a reader does not know are ignored (RFC 7517 §4), so that it is a key file for
//! whoever wants only that.

use crate::{
    change::{ChangeError, Rules, change},
    file::{Access, Overwrite, refuse_existing, write_new},
    key_file::{LoadError, MAX_BYTES, Protection, SaveError, load_jwk, protected},
    passphrase::Passphrase,
};
use legation_keys::{
    Json, SecretKey, Signer,
    json::{self, JsonLimits},
    secret::SecretKeyError,
};
use std::path::Path;
use zeroize::Zeroizing;

/// The member that holds the delegations.
const CHAIN: &str = "chain";
const LIMITS: JsonLimits = JsonLimits { bytes: MAX_BYTES, depth: 4 };

/// What an agent file holds.
#[derive(Debug)]
pub struct AgentFile {
    /// The key.
    pub key: SecretKey,
    /// The delegations in compact form, root first, joined by `~`; `None` of a plain key file. Nothing of it is verified.
    pub chain: Option<String>,
}

/// Writes an agent file that only its owner may read. `chain` is in compact form.
///
/// # Errors
/// [`SaveError`].
pub fn save_agent(
    path: &Path,
    (key, chain): (&SecretKey, &str),
    protection: Protection<'_>,
    overwrite: Overwrite,
) -> Result<(), SaveError> {
    refuse_existing(path, overwrite)?;
    let bytes = protected(&text(key, chain)?, protection)?;
    write_new(path, &bytes, Access::Private, overwrite)?;
    Ok(())
}

/// Puts other delegations into an agent file that is there, of the same key, under its lock: they were renewed.
///
/// # Errors
/// [`ChangeError`]; [`SaveError::AnotherKey`] where the file is another agent's by now.
pub fn replace_agent(
    path: &Path,
    (key, chain): (&SecretKey, &str),
    protection: Protection<'_>,
) -> Result<(), ChangeError<SaveError>> {
    let passphrase = match protection {
        Protection::Passphrase(passphrase) => Some(passphrase),
        Protection::InsecurePlaintext => None,
    };
    change(path, Rules::new(Access::Private, MAX_BYTES), |_| {
        let there = load_agent(path, passphrase).map_err(|_| SaveError::AnotherKey)?;
        if there.key.public_key() != key.public_key() {
            return Err(SaveError::AnotherKey);
        }
        let bytes = protected(&text(key, chain)?, protection)?;
        Ok((bytes.to_vec(), ()))
    })
}

fn text(key: &SecretKey, chain: &str) -> Result<Zeroizing<String>, SaveError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    if chain.is_empty() || !chain.bytes().all(fits) {
        return Err(SaveError::Chain);
    }
    let jwk = key.to_jwk()?;
    let mut text = Zeroizing::new(String::with_capacity(jwk.len() + chain.len() + 16));
    let open = jwk.strip_suffix('}').ok_or(SecretKeyError::NotAKey)?;
    [open, r#",""#, CHAIN, r#"":""#, chain, r#""}"#].into_iter().for_each(|part| text.push_str(part));
    Ok(text)
}

/// Reads an agent file, encrypted or not, or a plain key file.
///
/// # Errors
/// [`LoadError`].
pub fn load_agent(path: &Path, passphrase: Option<&Passphrase>) -> Result<AgentFile, LoadError> {
    let text = load_jwk(path, passphrase)?;
    read(&text).map_err(|error| LoadError::NotAKey { path: path.to_owned(), error })
}

fn read(text: &str) -> Result<AgentFile, SecretKeyError> {
    let object = json::parse(text.as_bytes(), LIMITS).map_err(|_| SecretKeyError::NotAKey)?;
    let object = object.as_object().ok_or(SecretKeyError::NotAKey)?;
    let chain = match object.get(CHAIN) {
        None => return Ok(AgentFile { key: SecretKey::from_jwk(text)?, chain: None }),
        Some(Json::String(chain)) => chain.clone().into_owned(),
        Some(_) => return Err(SecretKeyError::NotAKey),
    };
    // The rest is the key: texts that need no escapes, and nothing of it grows and leaves a copy behind.
    let mut jwk = Zeroizing::new(String::with_capacity(text.len()));
    for (name, value) in object.iter().filter(|(name, _)| *name != CHAIN) {
        if let Json::String(value) = value {
            let plain = |text: &str| {
                text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && !b"\"\\".contains(&byte))
            };
            if !plain(name) || !plain(value) {
                return Err(SecretKeyError::NotAKey);
            }
            let before = if jwk.is_empty() { "{" } else { "," };
            [before, "\"", name, "\":\"", value, "\""].into_iter().for_each(|part| jwk.push_str(part));
        }
    }
    jwk.push('}');
    Ok(AgentFile { key: SecretKey::from_jwk(&jwk)?, chain: Some(chain) })
}
