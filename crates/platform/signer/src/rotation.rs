//! The master key's file while it is replaced by another one.
//!
//! | file | what it holds |
//! |---|---|
//! | `master.key` | the master key |
//! | `master.key.new` | the next one, which seals from when it is there; all that was sealed is sealed anew by it |
//! | `master.key.old` | the one before, which opens what an older backup holds |
//!
//! A signer that runs looks at these files for each request, so that it need not be started again.

use crate::{
    master::{Master, MasterError},
    token::Token,
};
use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// How the name of the next one ends.
pub const NEXT: &str = ".new";
/// How the name of the one before ends.
pub const BEFORE: &str = ".old";

/// A file beside a master key's.
#[must_use]
pub fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name: OsString = path.into();
    name.push(end);
    name.into()
}

/// Makes the next master key, where there is none yet; its key is held by the token that is given, else by the one that holds that
/// of the one there is, if any. Gives whether there was one: a rotation that was begun goes on.
///
/// # Errors
/// [`MasterError`]; [`MasterError::Before`] where the one before is still there.
pub fn begin(path: &Path, token: Option<&Token>) -> Result<bool, MasterError> {
    let current = Master::text_of(path)?;
    let before = beside(path, BEFORE);
    if before.exists() && Master::text_of(&before)? != current {
        return Err(MasterError::Before { path: before });
    }
    let next = beside(path, NEXT);
    if next.exists() {
        Master::text_of(&next)?;
        return Ok(true);
    }
    let own = Master::token_of(path)?;
    Master::create_in(&next, token.or(own.as_ref()))?;
    Ok(false)
}

/// The next master key takes the place of the one there is, which is kept beside it. All that was sealed has to be sealed
/// anew before.
///
/// # Errors
/// [`MasterError`].
pub fn end(path: &Path) -> Result<(), MasterError> {
    let failed = |error: io::Error| MasterError::Open { path: path.to_owned(), reason: error.to_string() };
    let before = beside(path, BEFORE);
    if !before.exists() {
        fs::hard_link(path, &before).map_err(failed)?;
        sync(path).map_err(failed)?;
    }
    fs::rename(beside(path, NEXT), path).and_then(|()| sync(path)).map_err(failed)
}

fn sync(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// By what a file is known to be the same.
type Stamp = Option<(u64, u64, i64, i64, u64)>;

/// Where a signer has its master key from.
#[derive(Debug)]
pub struct Source {
    /// `None` where it is the one that was given.
    path: Option<PathBuf>,
    kept: Mutex<([Stamp; 3], Arc<Master>)>,
}

impl From<Master> for Source {
    fn from(master: Master) -> Self {
        Self { path: None, kept: Mutex::new(([None; 3], Arc::new(master))) }
    }
}

impl Source {
    /// The master key of a file, and what stands beside it while it is replaced.
    ///
    /// # Errors
    /// As [`Master::load`].
    pub fn of(path: &Path) -> Result<Self, MasterError> {
        let stamps = stamps(path);
        let master = Arc::new(Master::load(path)?);
        Ok(Self { path: Some(path.to_owned()), kept: Mutex::new((stamps, master)) })
    }

    /// The master key as the files are now. Where they can't be read, it is the one that was read before.
    pub(crate) fn current(&self) -> Arc<Master> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = &self.path {
            let now = stamps(path);
            if now != kept.0
                && let Ok(master) = Master::load(path)
            {
                *kept = (now, Arc::new(master));
            }
        }
        Arc::clone(&kept.1)
    }
}

fn stamps(path: &Path) -> [Stamp; 3] {
    let stamp = |path: &Path| {
        let found = fs::metadata(path).ok()?;
        Some((found.dev(), found.ino(), found.mtime(), found.mtime_nsec(), found.size()))
    };
    [stamp(path), stamp(&beside(path, NEXT)), stamp(&beside(path, BEFORE))]
}
