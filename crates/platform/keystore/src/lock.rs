//! The lock of a file that is being changed.

use crate::{change::folder, file::BEGUN};
use core::time::Duration;
use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    thread,
    time::Instant,
};

/// How often a lock that is held is tried again.
const AGAIN: Duration = Duration::from_millis(10);

/// Why there is no lock.
pub(crate) enum LockError {
    Busy { lock: PathBuf, waited: Duration },
    Io { lock: PathBuf, error: io::Error },
}

/// A file is locked as long as this lives. The system ends it with the process, however that ends.
pub(crate) struct Lock {
    path: PathBuf,
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is held, so that the next one either finds it gone or finds that it is another by then.
        // Elsewhere than on Unix that can't be told, and it stays.
        if cfg!(unix) && is_at(&self.file, &self.path) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// What a file that belongs to another while it is changed is called: hidden, so that nobody publishes it.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(ending);
    folder(path).join(name)
}

/// Waits for the lock of a file.
pub(crate) fn take(path: &Path, wait: Duration, waiting: &dyn Fn(&Path)) -> Result<Lock, LockError> {
    let (lock, since) = (beside(path, ".lock"), Instant::now());
    let mut is_told = false;
    loop {
        match attempt(&lock) {
            Ok(Some((file, is_left_over))) => {
                if is_left_over {
                    sweep(path);
                }
                return Ok(Lock { path: lock, file });
            }
            Ok(None) => {}
            Err(error) => return Err(LockError::Io { lock, error }),
        }
        let waited = since.elapsed();
        if waited >= wait {
            return Err(LockError::Busy { lock, waited });
        }
        if !is_told {
            waiting(&lock);
            is_told = true;
        }
        thread::sleep(AGAIN.min(wait.saturating_sub(waited)));
    }
}

/// Takes the lock, if nobody has it. Also whether its file was there, as after a process that was killed.
fn attempt(lock: &Path) -> io::Result<Option<(File, bool)>> {
    let mut options = OpenOptions::new();
    options.write(true);
    let mut new = options.clone();
    new.create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut new, 0o600);
    let (file, was_there) = match new.open(lock) {
        Ok(file) => (file, false),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            match fs::symlink_metadata(lock) {
                Ok(found) if found.is_file() => {}
                // Whoever put a link there wants another file to be opened.
                Ok(_) => return Err(io::Error::other("it is no file; remove it")),
                Err(_) => return Ok(None),
            }
            match options.open(lock) {
                Ok(file) => (file, true),
                // It is gone, or another user has it.
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
        Err(error) => return Err(error),
    };
    match file.try_lock() {
        // Whoever had it before may have removed its file since.
        Ok(()) if is_at(&file, lock) => Ok(Some((file, was_there))),
        Ok(()) | Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether an open file is the one of that name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let same = |one: fs::Metadata, other: fs::Metadata| (one.dev(), one.ino()) == (other.dev(), other.ino());
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => same(open, named),
        _ => false,
    }
}

/// Elsewhere lock files are never removed.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// Removes what a writer that was killed had begun.
fn sweep(path: &Path) {
    let start = beside(path, ".");
    let start = start.file_name().map(|name| name.as_encoded_bytes().to_vec()).unwrap_or_default();
    for entry in fs::read_dir(folder(path)).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let middle = name.as_encoded_bytes().strip_prefix(start.as_slice());
        let middle = middle.and_then(|rest| rest.strip_suffix(BEGUN.as_bytes()));
        // Six letters or digits; what is begun of `NAME.x` starts alike, and is another's.
        if middle.is_some_and(|middle| middle.len() == 6 && middle.iter().all(u8::is_ascii_alphanumeric)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
