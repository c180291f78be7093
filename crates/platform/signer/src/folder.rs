//! The folder of the sockets: who may reach them, and which process answers there.

use crate::{door::Door, serve_error::ServeError, socket};
use rustix::process::geteuid;
use std::{
    fs::{self, File, OpenOptions, Permissions, TryLockError},
    io,
    os::unix::{
        fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    time::Duration,
};

/// How long a socket that is there may take to say whether somebody listens.
const TRIED: Duration = Duration::from_secs(2);
/// What is locked as long as a signer lives.
const LOCK: &str = "signer.lock";

/// The sockets of a folder, which this process alone has until it drops them.
pub(crate) struct Sockets {
    pub(crate) doors: Vec<OpenDoor>,
    /// Dropped last: by then the sockets are gone.
    _lock: File,
}

/// One socket that is listened on. It is removed when it is dropped.
pub(crate) struct OpenDoor {
    pub(crate) door: Door,
    pub(crate) listener: UnixListener,
    path: PathBuf,
}

impl Drop for OpenDoor {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Listens at every door of a folder, and where agents knock.
///
/// # Errors
/// [`ServeError`].
pub(crate) fn open(folder: &Path, agents: Option<&Path>) -> Result<Sockets, ServeError> {
    check(folder)?;
    let lock = lock(&folder.join(LOCK))?;
    let doors = Door::ALL.into_iter().map(|door| bind(door, door.socket(folder), 0o600));
    let agents = agents.map(|path| {
        check_agents(path)?;
        bind(Door::Agents, path.to_owned(), 0o666)
    });
    Ok(Sockets { doors: doors.chain(agents).collect::<Result<_, _>>()?, _lock: lock })
}

/// Nobody else puts another socket there: its folder is ours, those above it are ours or root's, and none is written by others.
fn check_agents(path: &Path) -> Result<(), ServeError> {
    if !cfg!(target_os = "linux") {
        let reason = "this system does not say which user asks".to_owned();
        return Err(ServeError::Bind { path: path.to_owned(), reason });
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unusable = |error: io::Error| ServeError::Bind { path: path.to_owned(), reason: error.to_string() };
    let folder = std::path::absolute(folder).map_err(unusable)?;
    let own = geteuid().as_raw();
    for (above, part) in folder.ancestors().enumerate() {
        // A link, or a folder above that others may rename in, could be turned to somewhere else after it was looked at.
        let found = fs::symlink_metadata(part).map_err(unusable)?;
        let is_sticky = above > 0 && found.mode() & 0o1000 != 0;
        let is_safe = found.is_dir()
            && (found.uid() == own || (above > 0 && found.uid() == 0))
            && (found.mode() & 0o022 == 0 || is_sticky);
        if !is_safe {
            return Err(ServeError::AgentsFolder { path: part.to_owned(), mode: found.mode() & 0o777 });
        }
    }
    Ok(())
}

/// The folder is ours, and nobody else gets into it.
fn check(folder: &Path) -> Result<(), ServeError> {
    let path = || folder.to_owned();
    // A link could be turned to somewhere else after it was looked at.
    let found = fs::symlink_metadata(folder)
        .map_err(|error| ServeError::Folder { path: path(), reason: error.to_string() })?;
    if !found.is_dir() {
        return Err(ServeError::Folder { path: path(), reason: "it is no folder".to_owned() });
    }
    let (owner, expected) = (found.uid(), geteuid().as_raw());
    if owner != expected {
        return Err(ServeError::FolderOwner { path: path(), found: owner, expected });
    }
    let mode = found.mode() & 0o777;
    if mode != 0o700 {
        return Err(ServeError::FolderMode { path: path(), mode });
    }
    Ok(())
}

/// Of two signers that begin at once only one gets on: looking whether a socket is dead and replacing it are two steps.
fn lock(path: &Path) -> Result<File, ServeError> {
    let failed = |error: io::Error| ServeError::Bind { path: path.to_owned(), reason: error.to_string() };
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).mode(0o600).open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ServeError::Running { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn bind(door: Door, path: PathBuf, mode: u32) -> Result<OpenDoor, ServeError> {
    let failed = |error: io::Error| ServeError::Bind { path: path.clone(), reason: error.to_string() };
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(ServeError::NotASocket { path: path.clone() });
        }
        // Nobody listens on the socket of a process that has ended. Whatever else is said, somebody may.
        Ok(_) => match socket::connect(&path, TRIED) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                fs::remove_file(&path).map_err(failed)?;
            }
            _ => return Err(ServeError::Running { path: path.clone() }),
        },
    }
    let listener = UnixListener::bind(&path).map_err(failed)?;
    let open = OpenDoor { door, listener, path: path.clone() };
    // Until here the mode of the folder keeps others out; where agents knock, the umask does, or nobody need be kept out.
    fs::set_permissions(&path, Permissions::from_mode(mode)).map_err(failed)?;
    open.listener.set_nonblocking(true).map_err(failed)?;
    Ok(open)
}
