//! The one way to change a file: whatever is read, changed and written back goes through [`change`].

use crate::{
    file::{Access, WriteError, replace},
    lock::{self, LockError},
};
use core::time::Duration;
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

/// How long [`Rules::new`] waits for another writer. Writers hold a lock for milliseconds; one that holds it
/// longer has been stopped, or its disk hangs, and somebody should know.
pub const WAIT: Duration = Duration::from_secs(10);

/// Most symbolic links that are followed from a name to its file, as Linux has it.
const MAX_LINKS: usize = 40;

/// How a file is changed.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// Who may read it. A private file gets mode 0600 whatever it had; a public one that is there keeps its mode.
    pub access: Access,
    /// Most bytes that are read of it.
    pub most_bytes: usize,
    /// How long to wait for another writer.
    pub wait: Duration,
    /// Is told, once and with the lock file, that there is another writer to wait for.
    pub waiting: &'a dyn Fn(&Path),
}

impl Rules<'_> {
    /// Rules for a file of so many bytes: wait for [`WAIT`], and tell nobody.
    #[must_use]
    pub fn new(access: Access, most_bytes: usize) -> Self {
        Self { access, most_bytes, wait: WAIT, waiting: &|_| {} }
    }
}

/// Why a file was not changed. But for [`ChangeError::Unsynced`] it is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError<E> {
    /// Another writer holds the lock.
    #[error(
        "another process has been changing `{}` for {} s; try again, or remove `{}` if no such process runs",
        .path.display(), .waited.as_secs(), .lock.display()
    )]
    Busy {
        /// The file.
        path: PathBuf,
        /// The lock file, which belongs to whoever has it open.
        lock: PathBuf,
        /// How long was waited.
        waited: Duration,
    },
    /// The lock file can't be made, so that nothing says whether another process writes.
    #[error("`{}` can't be locked: {reason}", .lock.display())]
    Lock {
        /// The lock file.
        lock: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The file is there and can't be read.
    #[error("`{}` can't be read: {reason}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// Larger than [`Rules::most_bytes`].
    #[error("`{}` has more than {most} bytes; name another file", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How many are read.
        most: usize,
    },
    /// Whoever looked at the file does not want it changed.
    #[error("{0}")]
    Refused(E),
    /// The new file can't be written.
    #[error("{0}")]
    Write(#[from] WriteError),
    /// The new file is in its place, but may not outlive a failure of power.
    #[error("`{}` is changed, but whether that reached the disk is not known: {reason}", .path.display())]
    Unsynced {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
}

/// Changes a file, or makes it: locks it, reads it, asks what it shall be, and puts that in its place whole.
///
/// Of any number of processes and threads that change a file in this way each sees what the one before it
/// wrote. Readers need no lock: they find the old file or the new one. A process that is killed at any
/// moment leaves one of the two, and nobody waits for it.
///
/// A symbolic link is followed first, and the lock belongs to the file that it leads to: two names of one file
/// are one file. The lock file, `.NAME.lock`, stands beside that file while it is being changed; only its owner can
/// open it, so that nobody else can hold it. What `change` gives is bytes for the file and whatever the
/// caller wants to know; it is called at most once, with `None` where there is no file.
///
/// # Errors
/// [`ChangeError`].
///
/// ```
/// use legation_keystore::{Access, Rules, change};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("count");
/// let more = |found: Option<&[u8]>| {
///     let count = found.map_or(0, <[u8]>::len) + 1;
///     if count > 2 { Err("it is full") } else { Ok((vec![b'|'; count], count)) }
/// };
/// let rules = Rules::new(Access::Public, 100);
/// assert_eq!(change(&path, rules, more)?, 1);
/// assert_eq!(change(&path, rules, more)?, 2);
/// assert_eq!(change(&path, rules, more).unwrap_err().to_string(), "it is full");
/// assert_eq!(std::fs::read(&path)?, b"||");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn change<T, E>(
    path: &Path,
    rules: Rules<'_>,
    change: impl FnOnce(Option<&[u8]>) -> Result<(Vec<u8>, T), E>,
) -> Result<T, ChangeError<E>> {
    let unreadable =
        |error: io::Error| ChangeError::Read { path: path.to_owned(), reason: error.to_string() };
    let path = resolve(path).map_err(unreadable)?;
    let lock = lock::take(&path, rules.wait, rules.waiting).map_err(|error| match error {
        LockError::Busy { lock, waited } => ChangeError::Busy { path: path.clone(), lock, waited },
        LockError::Io { lock, error } => ChangeError::Lock { lock, reason: error.to_string() },
    })?;
    let found = read(&path, rules.most_bytes).map_err(unreadable)?;
    if found.as_ref().is_some_and(|found| found.len() > rules.most_bytes) {
        return Err(ChangeError::TooLarge { path, most: rules.most_bytes });
    }
    let (bytes, told) = change(found.as_deref()).map_err(ChangeError::Refused)?;
    let synced = replace(&path, &bytes, rules.access)?;
    drop(lock);
    synced.map_err(|error| ChangeError::Unsynced { path, reason: error.to_string() })?;
    Ok(told)
}

/// What a file holds, up to one byte more than is wanted; `None` where there is none.
fn read(path: &Path, most: usize) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    file.take(u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1)).read_to_end(&mut found)?;
    Ok(Some(found))
}

/// The file that a name leads to, which may not be there yet.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = folder(&path).join(target),
            // No symbolic link: a file, or nothing. Its folder may be a link, too.
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::NotFound) => {
                let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
                return Ok(folder(&path).canonicalize()?.join(name));
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "too many symbolic links"))
}

/// The folder of a file.
pub(crate) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
