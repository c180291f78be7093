//! The master key, and what is sealed by it.

use crate::{
    rotation,
    token::{self, Token},
};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    error::Unspecified,
    rand,
};
use core::fmt;
use legation_keys::base64url;
use legation_keystore::{Access, Overwrite, WriteError, open_to_others, write_new};
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Bytes of a master key: AES-256.
const KEY_LEN: usize = 32;
/// Bytes of a GCM tag.
const TAG_LEN: usize = 16;
/// Most bytes of a master key's file: 43 of base64url and one line ending, or what names a token.
const MOST_IN_FILE: usize = 16 * 1024;
/// The first byte of a sealed blob: which key, cipher and place text it is by.
const VERSION: u8 = 1;

/// The master key of a signer. What it seals opens only by it. It is zeroed when it is dropped, and never prints.
///
/// With nonces of 96 random bits it may seal 2^32 times (NIST SP 800-38D §8.3): a million agents could have
/// four thousand keys each.
///
/// While it is replaced by another one ([`crate::rotation`]) there are two: the new one seals, and either opens.
pub struct Master {
    /// The one that seals, and those that open, too.
    keys: (RandomizedNonceKey, Vec<RandomizedNonceKey>),
}

/// Where something sealed belongs. It is bound to it: a blob that is moved to another place does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// A private key.
    Key {
        /// Whose it is.
        organization: &'a str,
        /// What the key is called.
        key_id: &'a str,
    },
    /// A secret for an upstream.
    Secret {
        /// Whose it is.
        organization: &'a str,
        /// What the secret is called.
        name: &'a str,
        /// The only origin that it is sent to, such as `https://api.example.com`.
        origin: &'a str,
    },
    /// A private key, as a process of one user of this machine has it signed with.
    ProcessKey {
        /// Whose it is.
        organization: &'a str,
        /// What the key is called.
        key_id: &'a str,
        /// The user that the process runs as.
        user: u32,
    },
}

/// Why there is no master key. It never holds anything of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MasterError {
    /// The file can't be written, or there is one already.
    #[error("{0}")]
    Write(#[from] WriteError),
    /// There is no such file, or it may not be read.
    #[error("the master key `{}` can't be opened: {reason}", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// Others than its owner may read or write the file.
    #[error(
        "the master key `{}` has the mode {mode:03o}, so that others can read or change it; expected 600: \
         run `chmod 600` on it, and make a new one if others may have read it",
        .path.display()
    )]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// The last nine bits of its mode.
        mode: u32,
    },
    /// The file holds something else.
    #[error("`{}` is no master key, which is one line of 43 characters; restore it from a backup", .path.display())]
    NotAMaster {
        /// The file.
        path: PathBuf,
    },
    /// The master key before the one there is was not moved away.
    #[error(
        "`{}` is there, which opens what was backed up before: keep it with those backups, or destroy it, before the master \
         key is replaced once more",
        .path.display()
    )]
    Before {
        /// The file.
        path: PathBuf,
    },
    /// The token that holds its key did not open it.
    #[error("the master key `{}` is not opened by its token: {reason}; see to the token and its PIN", .path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// What the token says; never its PIN.
        reason: String,
    },
    /// The system gave no randomness, or the library took no key.
    #[error("no master key could be made: the system's random source failed")]
    Random,
}

impl MasterError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Write(WriteError::Exists { .. }) => "master_exists",
            Self::Write(WriteError::Io { .. }) => "master_not_written",
            Self::Open { .. } => "master_not_opened",
            Self::OpenToOthers { .. } => "master_open_to_others",
            Self::NotAMaster { .. } => "master_malformed",
            Self::Before { .. } => "master_before",
            Self::Token { .. } => "master_token",
            Self::Random => "random_failed",
        }
    }
}

/// Nothing was sealed: the system gave no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it could not be sealed: the system's random source failed")]
pub struct SealError;

impl SealError {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        "random_failed"
    }
}

/// Why something sealed was not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is by a later version, or no sealed blob at all.
    #[error("what is sealed is of version {found}, expected {VERSION}; it is by a later signer, or damaged")]
    Version {
        /// Its first byte.
        found: u8,
    },
    /// It is too short to be a sealed blob.
    #[error("what is sealed has {found} bytes, expected at least {expected}", expected = 1 + NONCE_LEN + TAG_LEN)]
    TooShort {
        /// How many bytes it has.
        found: usize,
    },
    /// It was sealed for another place or by another master key, or it was changed. Which of these, nobody can tell.
    #[error(
        "it does not open here: it was sealed for another organization, name or origin or by another master key, \
         or it was changed"
    )]
    Mismatch,
    /// It can't be sealed anew: the system gave no randomness.
    #[error("it could not be sealed anew: the system's random source failed")]
    Random,
}

impl OpenError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Version { .. } | Self::TooShort { .. } => "sealed_malformed",
            Self::Mismatch => "sealed_mismatch",
            Self::Random => "random_failed",
        }
    }
}

impl Master {
    /// Makes a new master key in a new file of mode 0600: one line of base64url.
    ///
    /// Without it nothing that it sealed opens again. Keep a copy where a backup of what it sealed is not.
    ///
    /// # Errors
    /// [`MasterError`]; a file that is there stays as it is.
    pub fn create(path: &Path) -> Result<Self, MasterError> {
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        rand::fill(bytes.as_mut_slice()).map_err(|_| MasterError::Random)?;
        write(path, &bytes)?;
        Self::from_bytes(&bytes)
    }

    /// Reads the master key of a file.
    ///
    /// # Errors
    /// [`MasterError`], also where others than its owner may read or write the file.
    pub fn load(path: &Path) -> Result<Self, MasterError> {
        let bytes = Self::read(path)?;
        let mut master = Self::from_bytes(&bytes)?;
        for (end, seals) in [(rotation::NEXT, true), (rotation::BEFORE, false)] {
            let other = rotation::beside(path, end);
            if other.exists() {
                let bytes = Self::read(&other)?;
                let other = key(&bytes)?;
                if seals {
                    let current = core::mem::replace(&mut master.keys.0, other);
                    master.keys.1.push(current);
                } else {
                    master.keys.1.push(other);
                }
            }
        }
        Ok(master)
    }

    fn read(path: &Path) -> Result<Zeroizing<[u8; KEY_LEN]>, MasterError> {
        let text = Self::text_of(path)?;
        let not_a_master = |_| MasterError::NotAMaster { path: path.to_owned() };
        if text.starts_with('{') {
            let master = token::unwrap(path, &text)?;
            let wrong = |_| MasterError::NotAMaster { path: path.to_owned() };
            return Ok(Zeroizing::new(master.as_slice().try_into().map_err(wrong)?));
        }
        Ok(Zeroizing::new(base64url::decode_array(&text).map_err(not_a_master)?))
    }

    /// What stands in the file.
    fn line(path: &Path) -> Result<Zeroizing<String>, MasterError> {
        if let Some(mode) = open_to_others(path) {
            return Err(MasterError::OpenToOthers { path: path.to_owned(), mode });
        }
        let not_a_master = || MasterError::NotAMaster { path: path.to_owned() };
        let not_opened = |error: io::Error| {
            let reason = error.to_string();
            MasterError::Open { path: path.to_owned(), reason }
        };
        // Opening what is no file, such as a pipe, could wait for ever.
        if !fs::metadata(path).map_err(not_opened)?.is_file() {
            return Err(not_a_master());
        }
        let mut line = Zeroizing::new(Vec::with_capacity(MOST_IN_FILE + 1));
        let most = u64::try_from(MOST_IN_FILE + 1).unwrap_or_default();
        File::open(path).and_then(|file| file.take(most).read_to_end(&mut line)).map_err(not_opened)?;
        let text = core::str::from_utf8(&line).map_err(|_| not_a_master())?;
        let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// The text of a master key's file, once it was found to be one: for a copy that is encrypted elsewhere.
    ///
    /// # Errors
    /// As [`Master::load`].
    pub fn text_of(path: &Path) -> Result<Zeroizing<String>, MasterError> {
        let text = Self::line(path)?;
        must_be_one(path, &text)?;
        Ok(text)
    }

    /// Makes a new master key in a new file, as [`Master::create`], whose key a token holds where one is given.
    ///
    /// # Errors
    /// [`MasterError`].
    pub fn create_in(path: &Path, token: Option<&Token>) -> Result<(), MasterError> {
        let Some(token) = token else { return Self::create(path).map(drop) };
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        rand::fill(bytes.as_mut_slice()).map_err(|_| MasterError::Random)?;
        let text = token::wrap(path, token, bytes.as_slice())?;
        Ok(write_new(path, format!("{text}\n").as_bytes(), Access::Private, Overwrite::Refuse)?)
    }

    /// The token that holds the key of a file's master key; `None` where the file is the master key.
    ///
    /// # Errors
    /// As [`Master::load`].
    pub fn token_of(path: &Path) -> Result<Option<Token>, MasterError> {
        Ok(token::of_file(&Self::text_of(path)?))
    }

    /// Writes a master key from such a text into a new file.
    ///
    /// # Errors
    /// [`MasterError`]; a file that is there stays as it is.
    pub fn write_text(path: &Path, text: &[u8]) -> Result<(), MasterError> {
        let not_a_master = || MasterError::NotAMaster { path: path.to_owned() };
        let text = core::str::from_utf8(text).map_err(|_| not_a_master())?;
        must_be_one(path, text)?;
        let line = Zeroizing::new([text.as_bytes(), b"\n"].concat());
        Ok(write_new(path, &line, Access::Private, Overwrite::Refuse)?)
    }

    fn from_bytes(bytes: &[u8; KEY_LEN]) -> Result<Self, MasterError> {
        Ok(Self { keys: (key(bytes)?, Vec::new()) })
    }

    /// Seals bytes for one place: a version byte, a random nonce, then AES-256-GCM's ciphertext and tag, 29 bytes
    /// more than there were. It tells its length and nothing else.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(&self, place: Place<'_>, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        // As long as it becomes, so that it never moves and leaves no copy behind.
        let mut body = Zeroizing::new(Vec::with_capacity(plain.len().saturating_add(TAG_LEN)));
        body.extend_from_slice(plain);
        let nonce = self.keys.0.seal_in_place_append_tag(Aad::from(place.text()), &mut *body);
        let nonce = nonce.map_err(|_: Unspecified| SealError)?;
        Ok([&[VERSION], nonce.as_ref().as_slice(), body.as_slice()].concat())
    }

    /// Opens what was sealed for that place.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (seals, others) = &self.keys;
        let mut opened = open_by(seals, place, sealed);
        for other in others {
            if opened != Err(OpenError::Mismatch) {
                break;
            }
            opened = open_by(other, place, sealed);
        }
        opened
    }

    /// Seals anew what was sealed for a place by a key that is being replaced; `None` where the one that seals sealed it.
    ///
    /// # Errors
    /// [`OpenError`]. Where there is no randomness, it is [`OpenError::Random`].
    pub fn reseal(&self, place: Place<'_>, sealed: &[u8]) -> Result<Option<Vec<u8>>, OpenError> {
        if open_by(&self.keys.0, place, sealed).is_ok() {
            return Ok(None);
        }
        let plain = self.open(place, sealed)?;
        self.seal(place, &plain).map(Some).map_err(|SealError| OpenError::Random)
    }
}

/// Holds that a text is a master key, or one that a token opens.
fn must_be_one(path: &Path, text: &str) -> Result<(), MasterError> {
    let plain = || base64url::decode_array::<KEY_LEN>(text).map(Zeroizing::new).is_ok();
    if token::of_file(text).is_some() || plain() {
        return Ok(());
    }
    Err(MasterError::NotAMaster { path: path.to_owned() })
}

fn key(bytes: &[u8; KEY_LEN]) -> Result<RandomizedNonceKey, MasterError> {
    RandomizedNonceKey::new(&AES_256_GCM, bytes).map_err(|_| MasterError::Random)
}

fn open_by(
    key: &RandomizedNonceKey,
    place: Place<'_>,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let too_short = OpenError::TooShort { found: sealed.len() };
    let Some((version, rest)) = sealed.split_first() else { return Err(too_short) };
    if *version != VERSION {
        return Err(OpenError::Version { found: *version });
    }
    let (nonce, body) =
        rest.split_first_chunk::<NONCE_LEN>().filter(|(_, body)| body.len() >= TAG_LEN).ok_or(too_short)?;
    let mut body = Zeroizing::new(body.to_vec());
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let opened = key.open_in_place(nonce, Aad::from(place.text()), &mut body);
    let length = opened.map_err(|_: Unspecified| OpenError::Mismatch)?.len();
    body.truncate(length);
    Ok(body)
}

fn write(path: &Path, bytes: &[u8; KEY_LEN]) -> Result<(), MasterError> {
    let text = Zeroizing::new(base64url::encode(bytes));
    let line = Zeroizing::new([text.as_bytes(), b"\n"].concat());
    Ok(write_new(path, &line, Access::Private, Overwrite::Refuse)?)
}

impl fmt::Debug for Master {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a master key")
    }
}

impl Place<'_> {
    /// The text that a seal is bound to. Two places have two texts: its kind is said, and each part with its length.
    fn text(self) -> String {
        let parts = |kind: &str, parts: &[&str]| {
            let mut text = format!("legation sealed {VERSION} {kind}");
            for part in parts {
                text.push_str(&format!(" {}:{part}", part.len()));
            }
            text
        };
        match self {
            Self::Key { organization, key_id } => parts("key", &[organization, key_id]),
            Self::Secret { organization, name, origin } => parts("secret", &[organization, name, origin]),
            Self::ProcessKey { organization, key_id, user } => {
                parts("process", &[organization, key_id, &user.to_string()])
            }
        }
    }
}
