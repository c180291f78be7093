//! A master key that a token holds the key of: an HSM or a smart card, asked by PKCS #11.
//!
//! An AES key in the token, which never leaves it, encrypts the master key by AES-GCM; what comes of that is in the master key's
//! file, beside where the token is found and which file holds its PIN. It is opened once, when a signer begins or the file has
//! changed. Whoever has the file and no token has nothing.

use crate::master::MasterError;
use aws_lc_rs::rand;
use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::Error,
    mechanism::{Mechanism, aead::GcmParams},
    object::{Attribute, KeyType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    types::AuthPin,
};
use legation_keys::base64url;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Bytes of a nonce of AES-GCM.
const NONCE: usize = 12;
/// Bits of its tag.
const TAG: u64 = 128;
/// What is encrypted is bound to this.
const BOUND: &[u8] = b"legation master key 1";

/// Where a token is, and which of its keys is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Token {
    /// The token's library, such as `/usr/lib/softhsm/libsofthsm2.so`.
    pub module: PathBuf,
    /// The label of the token.
    pub token: String,
    /// The label of its AES key. It is made where there is none.
    pub key: String,
    /// A file that holds the user's PIN.
    pub pin_file: PathBuf,
}

/// What stands in the master key's file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    pkcs11: Wrapped,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapped {
    at: Token,
    /// Nonce and what was encrypted, base64url.
    wrapped: String,
}

/// The token of a master key's file; `None` where it is no such file.
pub(crate) fn of_file(text: &str) -> Option<Token> {
    serde_json::from_str::<File>(text).ok().map(|file| file.pkcs11.at)
}

/// The master key in the text of a file.
pub(crate) fn unwrap(path: &Path, text: &str) -> Result<Zeroizing<Vec<u8>>, MasterError> {
    let File { pkcs11: Wrapped { at, wrapped } } =
        serde_json::from_str(text).map_err(|_| MasterError::NotAMaster { path: path.to_owned() })?;
    let sealed =
        base64url::decode(&wrapped).map_err(|_| MasterError::NotAMaster { path: path.to_owned() })?;
    let (nonce, body) = sealed
        .split_first_chunk::<NONCE>()
        .ok_or_else(|| MasterError::NotAMaster { path: path.to_owned() })?;
    with_key(path, &at, false, |session, key| {
        let mut nonce = *nonce;
        let by = Mechanism::AesGcm(GcmParams::new(&mut nonce, BOUND, TAG.into())?);
        Ok(Zeroizing::new(session.decrypt(&by, key, body)?))
    })
}

/// The text of a file for a master key that a token holds the key of.
pub(crate) fn wrap(path: &Path, at: &Token, master: &[u8]) -> Result<String, MasterError> {
    let mut nonce = [0; NONCE];
    rand::fill(&mut nonce).map_err(|_| MasterError::Random)?;
    let sealed = with_key(path, at, true, |session, key| {
        let mut own = nonce;
        let by = Mechanism::AesGcm(GcmParams::new(&mut own, BOUND, TAG.into())?);
        session.encrypt(&by, key, master)
    })?;
    let wrapped = base64url::encode(&[&nonce[..], &sealed].concat());
    let file = File { pkcs11: Wrapped { at: at.clone(), wrapped } };
    serde_json::to_string(&file).map_err(|_| MasterError::NotAMaster { path: path.to_owned() })
}

/// Works with the token's key.
fn with_key<T>(
    path: &Path,
    at: &Token,
    may_make: bool,
    work: impl FnOnce(&Session, ObjectHandle) -> Result<T, Error>,
) -> Result<T, MasterError> {
    let wrong = |reason: String| MasterError::Token { path: path.to_owned(), reason };
    let failed = |error: Error| wrong(error.to_string());
    let pin = legation_keystore::read_secret_line(&at.pin_file).map_err(|error| wrong(error.to_string()))?;
    let module = Pkcs11::new(&at.module).map_err(failed)?;
    module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).map_err(failed)?;
    let done = (|| {
        let slots = module.get_slots_with_token().map_err(failed)?;
        let is_meant = |slot: &cryptoki::slot::Slot| {
            module.get_token_info(*slot).is_ok_and(|info| info.label().trim_end() == at.token)
        };
        let slot = slots.into_iter().find(is_meant);
        let slot = slot.ok_or_else(|| wrong(format!("there is no token `{}`", at.token)))?;
        let session = if may_make { module.open_rw_session(slot) } else { module.open_ro_session(slot) };
        let session = session.map_err(failed)?;
        session.login(UserType::User, Some(&AuthPin::new(pin.as_str().into()))).map_err(failed)?;
        let key = find(&session, at).map_err(failed)?;
        let key = match key {
            Some(key) => key,
            None if may_make => make(&session, at).map_err(failed)?,
            None => return Err(wrong(format!("the token `{}` has no AES key `{}`", at.token, at.key))),
        };
        work(&session, key).map_err(failed)
    })();
    // Another one may want it next.
    let _ = module.finalize();
    done
}

fn find(session: &Session, at: &Token) -> Result<Option<ObjectHandle>, Error> {
    let found = session.find_objects(&[
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Label(at.key.clone().into_bytes()),
    ])?;
    Ok(found.into_iter().next())
}

/// Makes the key: it stays in the token.
fn make(session: &Session, at: &Token) -> Result<ObjectHandle, Error> {
    session.generate_key(
        &Mechanism::AesKeyGen,
        &[
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::ValueLen(32.into()),
            Attribute::Label(at.key.clone().into_bytes()),
        ],
    )
}
