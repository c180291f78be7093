//! One secret key in one file.

use crate::{
    file::{Access, Overwrite, WriteError, read_at_most, refuse_existing, write_new},
    passphrase::Passphrase,
};
use age::{
    DecryptError, Decryptor, Encryptor,
    armor::{ArmoredReader, ArmoredWriter, Format},
    scrypt::{Identity, Recipient},
};
use legation_keys::{SecretKey, secret::SecretKeyError};
use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Most bytes of a key file. An encrypted P-256 key takes about 700; the chain of an agent file 48 KiB at most, and a
/// third more where it is encrypted.
pub const MAX_BYTES: usize = 96 * 1024;

/// The scrypt work of a new file, as log2 of N: 64 MiB of memory and about a quarter of a
/// second for each guess, and as long for each load.
pub const WORK_FACTOR: u8 = 16;

/// The most scrypt work that a file may ask of its reader, as log2 of N: 256 MiB and about a
/// second. It is what the `age` command itself writes.
pub const MAX_WORK_FACTOR: u8 = 18;

/// How a key file is protected.
#[derive(Clone, Copy, Debug)]
pub enum Protection<'a> {
    /// Encrypted; whoever loads it needs the passphrase.
    Passphrase(&'a Passphrase),
    /// Not at all: whoever reads the file, or a backup of it, has the key.
    InsecurePlaintext,
}

/// Why a key was not saved. No file is left behind, and what was there is unchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaveError {
    /// The file can't be written, or exists already.
    #[error("{0}")]
    Write(#[from] WriteError),
    /// The key does not give its private part away.
    #[error("the key can't be exported: {0}")]
    Key(#[from] SecretKeyError),
    /// The delegations are not in compact form.
    #[error("the delegations are no links in compact form, joined by `~`")]
    Chain,
    /// What is there is no file of that key any more.
    #[error("the file holds another key by now, or can't be opened; it is left as it is")]
    AnotherKey,
    /// The encryption failed.
    #[error("the key could not be encrypted: {reason}")]
    Encrypt {
        /// What went wrong; never anything of the key.
        reason: String,
    },
}

/// Why a key was not loaded. It never holds anything of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// There is no such file, or it may not be read.
    #[error("the key file `{}` can't be opened: {reason}", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// Larger than [`MAX_BYTES`].
    #[error("`{}` has more than {MAX_BYTES} bytes, so it is no key file; name another", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is encrypted, and no passphrase was given.
    #[error("the key file `{}` is encrypted; give its passphrase", .path.display())]
    NeedsPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase is another one.
    #[error("the passphrase does not open the key file `{}`; try another", .path.display())]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// The file asks for more than [`MAX_WORK_FACTOR`].
    #[error(
        "the key file `{}` asks for scrypt work 2^{required}, at most 2^{MAX_WORK_FACTOR} is done; encrypt it anew with less",
        .path.display()
    )]
    TooMuchWork {
        /// The file.
        path: PathBuf,
        /// What it asks for, as log2 of N.
        required: u8,
    },
    /// The file is encrypted, but cut short, changed, or not for a passphrase.
    #[error("the key file `{}` is damaged: {reason}; restore it from a backup", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file, after decryption, holds something else than a private key.
    #[error("`{}` is no key file: {error}", .path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with what it holds.
        error: SecretKeyError,
    },
}

/// Writes a key file that only its owner may read.
///
/// # Errors
/// [`SaveError`].
pub fn save(
    path: &Path,
    key: &SecretKey,
    protection: Protection<'_>,
    overwrite: Overwrite,
) -> Result<(), SaveError> {
    refuse_existing(path, overwrite)?;
    let bytes = protected(&key.to_jwk()?, protection)?;
    write_new(path, &bytes, Access::Private, overwrite)?;
    Ok(())
}

/// A secret encrypted by a passphrase: a text in ASCII armor, which `age --decrypt` reads too.
///
/// # Errors
/// [`SaveError::Encrypt`].
pub fn encrypt_text(secret: &[u8], passphrase: &Passphrase) -> Result<String, SaveError> {
    let sealed = encrypt(secret, passphrase, WORK_FACTOR)?;
    String::from_utf8(sealed).map_err(|error| SaveError::Encrypt { reason: error.to_string() })
}

/// The secret in such a text, which `of` names in errors.
///
/// # Errors
/// [`LoadError::WrongPassphrase`], [`LoadError::TooMuchWork`], [`LoadError::Damaged`].
pub fn decrypt_text(text: &str, passphrase: &Passphrase, of: &Path) -> Result<Zeroizing<Vec<u8>>, LoadError> {
    decrypt(text.as_bytes(), passphrase, of)
}

/// A secret text as it stands in a file.
pub(crate) fn protected(text: &str, protection: Protection<'_>) -> Result<Zeroizing<Vec<u8>>, SaveError> {
    Ok(Zeroizing::new(match protection {
        Protection::InsecurePlaintext => [text.as_bytes(), b"\n"].concat(),
        Protection::Passphrase(passphrase) => encrypt(text.as_bytes(), passphrase, WORK_FACTOR)?,
    }))
}

fn encrypt(secret: &[u8], passphrase: &Passphrase, work_factor: u8) -> Result<Vec<u8>, SaveError> {
    let mut recipient = Recipient::new(passphrase.secret());
    recipient.set_work_factor(work_factor);
    let encryptor = Encryptor::with_recipients(core::iter::once(&recipient as &dyn age::Recipient))
        .map_err(|error| SaveError::Encrypt { reason: error.to_string() })?;
    let write = || {
        let armor = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
        let mut stream = encryptor.wrap_output(armor)?;
        stream.write_all(secret)?;
        stream.finish()?.finish()
    };
    write().map_err(|error: io::Error| SaveError::Encrypt { reason: error.to_string() })
}

/// Reads a key file, encrypted or not; for one that is not, the passphrase is not used. Of an agent file it is the key.
///
/// # Errors
/// [`LoadError`].
pub fn load(path: &Path, passphrase: Option<&Passphrase>) -> Result<SecretKey, LoadError> {
    crate::load_agent(path, passphrase).map(|agent| agent.key)
}

/// As [`load`], the private JWK as the file has it: for whoever knows more kinds of keys.
///
/// # Errors
/// [`LoadError`], [`LoadError::NotAKey`] only for what is no text.
pub fn load_jwk(path: &Path, passphrase: Option<&Passphrase>) -> Result<Zeroizing<String>, LoadError> {
    let at = || path.to_owned();
    let bytes = read_at_most(path, MAX_BYTES)
        .map_err(|error| LoadError::Open { path: at(), reason: error.to_string() })?
        .ok_or_else(|| LoadError::TooLarge { path: at() })?;
    let jwk = match (is_encrypted(&bytes), passphrase) {
        (false, _) => bytes,
        (true, None) => return Err(LoadError::NeedsPassphrase { path: at() }),
        (true, Some(passphrase)) => decrypt(&bytes, passphrase, path)?,
    };
    let text = core::str::from_utf8(&jwk);
    let text = text.map_err(|_| LoadError::NotAKey { path: at(), error: SecretKeyError::NotAKey })?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Whether the bytes start as an age file does, in armor or without.
fn is_encrypted(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----")
        || bytes.starts_with(b"age-encryption.org/")
}

fn decrypt(bytes: &[u8], passphrase: &Passphrase, path: &Path) -> Result<Zeroizing<Vec<u8>>, LoadError> {
    let at = || path.to_owned();
    let damaged = |reason: String| LoadError::Damaged { path: at(), reason };
    let decryptor = Decryptor::new(ArmoredReader::new(bytes)).map_err(|error| damaged(error.to_string()))?;
    if !decryptor.is_scrypt() {
        return Err(damaged("it is encrypted to a recipient, not by a passphrase".to_owned()));
    }
    let mut identity = Identity::new(passphrase.secret());
    identity.set_max_work_factor(MAX_WORK_FACTOR);
    let mut reader = decryptor.decrypt(core::iter::once(&identity as &dyn age::Identity)).map_err(
        |error| match error {
            DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => {
                LoadError::WrongPassphrase { path: at() }
            }
            DecryptError::ExcessiveWork { required, .. } => LoadError::TooMuchWork { path: at(), required },
            other => damaged(other.to_string()),
        },
    )?;
    // What is decrypted is never longer than the file, so the buffer never grows and leaves no
    // copy behind.
    let mut secret = Zeroizing::new(Vec::with_capacity(bytes.len().saturating_mul(2)));
    reader.read_to_end(&mut secret).map_err(|error| damaged(error.to_string()))?;
    Ok(secret)
}
