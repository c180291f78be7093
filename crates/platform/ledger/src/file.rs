//! A ledger in a file, changed by one process at a time.

use legation_keystore::{Access, ChangeError, Rules, change};
use legation_verifier::{Committed, Denial, LedgerLimits, MemoryLedger, Permit};
use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Most bytes of a ledger's file: 64 MiB. One that is made here stays below it, by its [`limits`].
pub const MAX_BYTES: usize = 64 << 20;

/// The bounds of a ledger that is made here: a tenth of what a process has in its memory, since the file is
/// read and written whole.
#[must_use]
pub fn limits() -> LedgerLimits {
    LedgerLimits {
        nonces_per_key: 10_000,
        nonces_per_root: 50_000,
        nonces: 100_000,
        totals: 10_000,
        totals_per_root: 5_000,
        moments: 64,
        ..LedgerLimits::default()
    }
}

/// Why nothing was consumed, or it is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// A rule is broken. The file is as it was.
    #[error("{0}")]
    Denied(#[from] Denial),
    /// The file holds something else.
    #[error("`{}` is no ledger; name another file", .path.display())]
    NoLedger {
        /// The file.
        path: PathBuf,
    },
    /// The file is not there, though it was: what it knew is gone.
    #[error("`{}` is not there any more; what was used up before is not known without it", .path.display())]
    Gone {
        /// The file.
        path: PathBuf,
    },
    /// The file can't be changed.
    #[error("{0}")]
    Change(ChangeError<core::convert::Infallible>),
}

/// Commits a permit to the ledger in a file, at `now` (Unix seconds). Where there is no file, one is made. Other
/// processes wait meanwhile, so that no two of them find a nonce unused.
///
/// # Errors
/// [`FileError`].
pub fn commit(path: &Path, rules: Rules<'_>, permit: Permit, now: i64) -> Result<Committed, FileError> {
    in_file(path, rules, Missing::Make, |ledger| Ok(ledger.commit(permit, now)?))
}

/// The ledger in a file as it stands, to look at; an empty one where there is no file.
///
/// # Errors
/// [`FileError`].
pub fn look(path: &Path) -> Result<MemoryLedger, FileError> {
    let unreadable = |error: io::Error| {
        FileError::Change(ChangeError::Read { path: path.to_owned(), reason: error.to_string() })
    };
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(MemoryLedger::with_limits(limits()));
        }
        Err(error) => return Err(unreadable(error)),
    };
    let mut found = Vec::new();
    let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    file.take(most.saturating_add(1)).read_to_end(&mut found).map_err(unreadable)?;
    if found.len() > MAX_BYTES {
        return Err(FileError::Change(ChangeError::TooLarge { path: path.to_owned(), most: MAX_BYTES }));
    }
    read(path, &found)
}

/// What becomes of a file that is not there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Missing {
    /// It is made.
    Make,
    /// It is made, and what was signed before this moment is refused.
    Begin(i64),
    /// It was there.
    Refuse,
}

/// Uses the ledger in a file, and writes it back where that went well.
pub(crate) fn in_file<T>(
    path: &Path,
    rules: Rules<'_>,
    missing: Missing,
    using: impl FnOnce(&mut MemoryLedger) -> Result<T, FileError>,
) -> Result<T, FileError> {
    let changed = change(path, rules, |found| {
        let mut ledger = match (found, missing) {
            (Some(found), _) => read(path, found)?,
            (None, Missing::Make) => MemoryLedger::with_limits(limits()),
            (None, Missing::Begin(now)) => MemoryLedger::with_limits(limits()).begin(now),
            (None, Missing::Refuse) => return Err(FileError::Gone { path: path.to_owned() }),
        };
        let outcome = using(&mut ledger)?;
        Ok((format!("{}\n", ledger.to_json()).into_bytes(), outcome))
    });
    changed.map_err(|error| match error {
        ChangeError::Refused(error) => error,
        ChangeError::Busy { path, lock, waited } => {
            FileError::Change(ChangeError::Busy { path, lock, waited })
        }
        ChangeError::Lock { lock, reason } => FileError::Change(ChangeError::Lock { lock, reason }),
        ChangeError::Read { path, reason } => FileError::Change(ChangeError::Read { path, reason }),
        ChangeError::TooLarge { path, most } => FileError::Change(ChangeError::TooLarge { path, most }),
        ChangeError::Write(error) => FileError::Change(ChangeError::Write(error)),
        ChangeError::Unsynced { path, reason } => FileError::Change(ChangeError::Unsynced { path, reason }),
    })
}

/// How a ledger's file is changed: only its owner reads it, since it tells who did how much.
pub(crate) fn rules() -> Rules<'static> {
    Rules::new(Access::Private, MAX_BYTES)
}

fn read(path: &Path, bytes: &[u8]) -> Result<MemoryLedger, FileError> {
    let json = serde_json::from_slice(bytes).ok();
    json.and_then(|json| MemoryLedger::from_json(&json))
        .ok_or_else(|| FileError::NoLedger { path: path.to_owned() })
}
