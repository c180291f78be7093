//! Passphrases.

use crate::file::read_at_most;
use age::secrecy::{ExposeSecret, SecretString};
use core::fmt;
use std::path::{Path, PathBuf};

/// Most bytes of a passphrase. A long sentence has a hundred; a file of more is another file.
pub const MAX_LENGTH: usize = 1024;

/// A passphrase in memory. Its memory is zeroed when it is dropped, and it never prints.
#[derive(Clone)]
pub struct Passphrase(SecretString);

/// Why there is no passphrase. It never holds any of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PassphraseError {
    /// The file can't be opened or read.
    #[error("the passphrase file `{}` can't be read: {reason}", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// No character at all: encrypting with it would protect from nobody.
    #[error("the passphrase is empty; write at least one character")]
    Empty,
    /// More than [`MAX_LENGTH`] bytes.
    #[error("a passphrase has at most {MAX_LENGTH} bytes; is this the right file?")]
    TooLong,
    /// The file is no text.
    #[error("the passphrase is not UTF-8 text; is this the right file?")]
    NotText,
}

impl Passphrase {
    /// Takes a passphrase exactly as it is, spaces included.
    ///
    /// # Errors
    /// [`PassphraseError::Empty`], [`PassphraseError::TooLong`].
    ///
    /// ```
    /// use legation_keystore::{Passphrase, PassphraseError};
    /// assert_eq!(format!("{:?}", Passphrase::new("open sesame")?), "a passphrase");
    /// assert_eq!(Passphrase::new("").unwrap_err(), PassphraseError::Empty);
    /// # Ok::<(), PassphraseError>(())
    /// ```
    pub fn new(text: &str) -> Result<Self, PassphraseError> {
        match text.len() {
            0 => Err(PassphraseError::Empty),
            1..=MAX_LENGTH => Ok(Self(SecretString::from(text))),
            _ => Err(PassphraseError::TooLong),
        }
    }

    /// The copy that the encryption takes for itself, which zeroes it as well.
    pub(crate) fn secret(&self) -> SecretString {
        SecretString::from(self.0.expose_secret())
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a passphrase")
    }
}

/// Reads a passphrase from a file. One line ending at its end is not part of it, since editors
/// and `echo` write one; everything else is.
///
/// # Errors
/// [`PassphraseError`].
pub fn read_passphrase_file(path: &Path) -> Result<Passphrase, PassphraseError> {
    let bytes = read_at_most(path, MAX_LENGTH + 2)
        .map_err(|error| PassphraseError::Open { path: path.to_owned(), reason: error.to_string() })?
        .ok_or(PassphraseError::TooLong)?;
    let text = core::str::from_utf8(&bytes).map_err(|_| PassphraseError::NotText)?;
    let line = text.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    Passphrase::new(line.unwrap_or(text))
}

/// Reads a secret of one line from a file, such as a PIN, as [`read_passphrase_file`] does.
///
/// # Errors
/// [`PassphraseError`].
pub fn read_secret_line(path: &Path) -> Result<zeroize::Zeroizing<String>, PassphraseError> {
    let line = read_passphrase_file(path)?;
    Ok(zeroize::Zeroizing::new(line.0.expose_secret().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<String, PassphraseError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        read_passphrase_file(file.path()).map(|passphrase| passphrase.0.expose_secret().to_owned())
    }

    #[test]
    fn exactly_one_line_ending_is_not_part_of_the_passphrase() {
        assert_eq!(read(b"a b ").unwrap(), "a b ");
        assert_eq!(read(b"a\n").unwrap(), "a");
        assert_eq!(read(b"a\r\n").unwrap(), "a");
        assert_eq!(read(b"a\n\n").unwrap(), "a\n");
        assert_eq!(read(b"a\r").unwrap(), "a\r");
        assert_eq!(read(&[b'a'; MAX_LENGTH]).unwrap().len(), MAX_LENGTH);
    }

    #[test]
    fn a_file_that_holds_no_passphrase_is_refused() {
        for empty in [b"".as_slice(), b"\n", b"\r\n"] {
            assert_eq!(read(empty), Err(PassphraseError::Empty));
        }
        assert_eq!(read(&[b'a'; MAX_LENGTH + 1]), Err(PassphraseError::TooLong));
        assert_eq!(read(&[b'a'; 10_000]), Err(PassphraseError::TooLong));
        assert_eq!(read(&[0xff]), Err(PassphraseError::NotText));
        let missing = read_passphrase_file(Path::new("no/such/file"));
        assert!(matches!(missing, Err(PassphraseError::Open { .. })));
    }
}
