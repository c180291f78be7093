//! Files that are written whole or not at all, and files that are read up to a limit.

use crate::{change::folder, lock::beside};
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

/// Who may read a new file. Elsewhere than on Unix the folder's own rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Only its owner (mode 0600): keys, and whatever grants something to its bearer.
    Private,
    /// Everybody (mode 0644, less what the umask withholds): DID documents, status lists.
    Public,
}

/// What to do where the file is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// Leave it as it is and fail.
    Refuse,
    /// Put the new file in its place.
    Replace,
}

/// Why a file was not written. Whatever stood at its path stands there unchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// There is a file of that name, and [`Overwrite::Refuse`] was asked for.
    #[error("`{}` exists already and is left as it is; name another file or remove it first", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The folder is missing, may not be written, or is full.
    #[error("`{}` can't be written: {reason}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
}

/// Writes a file in one step: readers see either nothing (or what was there) or all of it.
///
/// The bytes go into a temporary file in the same folder, reach the disk, and are then moved to
/// `path`. With [`Overwrite::Refuse`] the move itself fails where a file exists, so that of two
/// writers at the same time only one succeeds.
///
/// # Errors
/// [`WriteError`]; the temporary file is gone then.
pub fn write_new(path: &Path, bytes: &[u8], access: Access, overwrite: Overwrite) -> Result<(), WriteError> {
    refuse_existing(path, overwrite)?;
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => WriteError::Exists { path: path.to_owned() },
        _ => WriteError::Io { path: path.to_owned(), reason: error.to_string() },
    };
    let file = written(path, bytes, access, None).map_err(failed)?;
    match overwrite {
        Overwrite::Refuse => file.persist_noclobber(path),
        Overwrite::Replace => file.persist(path),
    }
    .map_err(|error| failed(error.error))?;
    // The file is there; that its name is on the disk as well cannot be had on every system.
    let _ = sync_folder(path);
    Ok(())
}

/// Puts a new file in the place of one that is locked, as [`crate::change()`] does it. A public file keeps the mode
/// that it had, and either its owner, where the system lets. Whether its name reached the disk is the inner result.
pub(crate) fn replace(path: &Path, bytes: &[u8], access: Access) -> Result<io::Result<()>, WriteError> {
    let failed = |error: io::Error| WriteError::Io { path: path.to_owned(), reason: error.to_string() };
    let before = fs::metadata(path).ok();
    let file = written(path, bytes, access, before.as_ref()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(sync_folder(path))
}

/// A file beside `path` that holds the bytes, on the disk.
fn written(
    path: &Path,
    bytes: &[u8],
    access: Access,
    before: Option<&fs::Metadata>,
) -> io::Result<NamedTempFile> {
    let mut file = temporary(path, access)?;
    if let Some(before) = before {
        keep(file.as_file(), before, access)?;
    }
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Gives a file to whom the one before it belonged, open to whom that was open.
#[cfg(unix)]
fn keep(file: &File, before: &fs::Metadata, access: Access) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let made = file.metadata()?;
    if (made.uid(), made.gid()) != (before.uid(), before.gid()) {
        // Most may not give files away. Then it is theirs, as every file is that they make.
        let _ = fchown(file, Some(before.uid()), Some(before.gid()));
    }
    match access {
        Access::Private => Ok(()),
        Access::Public => file.set_permissions(fs::Permissions::from_mode(before.mode() & 0o666)),
    }
}

#[cfg(not(unix))]
fn keep(_: &File, _: &fs::Metadata, _: Access) -> io::Result<()> {
    Ok(())
}

/// Makes the names in the folder of a file reach the disk, where the system knows that of a folder.
fn sync_folder(path: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    match File::open(folder(path)).and_then(|folder| folder.sync_all()) {
        // File systems that have no such thing, and a folder in which one may write and not read.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied
            ) =>
        {
            Ok(())
        }
        other => other,
    }
}

/// How the name of a file ends that is not whole yet.
pub(crate) const BEGUN: &str = ".new";

/// Fails early where [`write_new`] would fail at its end, for callers whose bytes are costly.
pub(crate) fn refuse_existing(path: &Path, overwrite: Overwrite) -> Result<(), WriteError> {
    // A symbolic link that leads nowhere is something that stands there, too.
    match overwrite {
        Overwrite::Refuse if fs::symlink_metadata(path).is_ok() => {
            Err(WriteError::Exists { path: path.to_owned() })
        }
        _ => Ok(()),
    }
}

fn temporary(path: &Path, access: Access) -> io::Result<NamedTempFile> {
    let name = beside(path, ".");
    let mut builder = tempfile::Builder::new();
    builder.prefix(name.file_name().unwrap_or_default()).suffix(BEGUN);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Given at creation: at no time can somebody else open a private file.
        builder.permissions(fs::Permissions::from_mode(match access {
            Access::Private => 0o600,
            Access::Public => 0o644,
        }));
    }
    #[cfg(not(unix))]
    let _ = access;
    builder.tempfile_in(folder(path))
}

/// The mode of a file that others than its owner may read or write, the last nine bits of it; `None` where they may
/// not, where it is no file, and elsewhere than on Unix.
#[must_use]
pub fn open_to_others(path: &Path) -> Option<u32> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let found = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        let mode = found.permissions().mode() & 0o777;
        (mode & 0o066 != 0).then_some(mode)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// Reads at most `limit` bytes; `None` where there are more.
pub(crate) fn read_at_most(path: &Path, limit: usize) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    // The buffer never grows, so that no copy of a secret stays behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit.saturating_add(1)));
    let mut rest = File::open(path)?.take(u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1));
    let mut chunk = Zeroizing::new([0; 4096]);
    loop {
        match rest.read(chunk.as_mut_slice()) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(chunk.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok((bytes.len() <= limit).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn an_existing_file_is_replaced_only_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_new(&path, b"one", Access::Public, Overwrite::Refuse).unwrap();
        let refused = write_new(&path, b"two", Access::Public, Overwrite::Refuse);
        assert_eq!(refused, Err(WriteError::Exists { path: path.clone() }));
        assert_eq!(fs::read(&path).unwrap(), b"one");
        write_new(&path, b"two", Access::Public, Overwrite::Replace).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("no/such/folder/a");
        let refused = write_new(&missing, b"x", Access::Private, Overwrite::Refuse);
        assert!(matches!(refused, Err(WriteError::Io { .. })));
        fs::create_dir(folder.path().join("taken")).unwrap();
        fs::write(folder.path().join("taken/inside"), b"").unwrap();
        let taken = folder.path().join("taken");
        assert!(write_new(&taken, b"x", Access::Private, Overwrite::Replace).is_err());
        assert_eq!(names(folder.path()), ["taken"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_neither_followed_nor_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path().join("target"), &link).unwrap();
        let refused = write_new(&link, b"x", Access::Private, Overwrite::Refuse);
        assert!(matches!(refused, Err(WriteError::Exists { .. })));
        assert_eq!(names(folder.path()), ["link"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str, access| {
            let path = folder.path().join(name);
            write_new(&path, b"x", access, Overwrite::Refuse).unwrap();
            fs::metadata(path).unwrap().permissions().mode() & 0o777
        };
        assert_eq!(mode("private", Access::Private), 0o600);
        // The umask of whoever runs the test may withhold more.
        assert_eq!(mode("public", Access::Public) & 0o700, 0o600);
        assert_eq!(mode("public-too", Access::Public) & 0o133, 0);
        // A private file that takes the place of a public one is private.
        let path = folder.path().join("public");
        write_new(&path, b"x", Access::Private, Overwrite::Replace).unwrap();
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_or_change_is_told() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, b"x").unwrap();
        for (mode, open) in
            [(0o600, false), (0o400, false), (0o711, false), (0o640, true), (0o604, true), (0o620, true)]
        {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(open_to_others(&path), open.then_some(mode), "{mode:o}");
        }
        assert_eq!(open_to_others(folder.path()), None);
    }

    #[test]
    fn of_two_writers_at_once_one_succeeds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let successes = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| write_new(&path, b"x", Access::Private, Overwrite::Refuse).is_ok()))
                .collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).filter(|ok| *ok).count()
        });
        assert_eq!(successes, 1);
    }
}
