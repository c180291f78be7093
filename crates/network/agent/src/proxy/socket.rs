//! A unix socket that its owner alone may use.

use axum::serve::Listener;
use legation_keys::{base64url, secret::random};
use std::{
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::{
        fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt},
        net::UnixStream as Blocking,
    },
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::net::{UnixListener, UnixStream, unix::SocketAddr};

/// How long nothing is accepted when a connection could not be, as where files have run out.
const PAUSE: Duration = Duration::from_millis(100);

/// Such a socket. It is removed when this is dropped.
#[derive(Debug)]
pub struct OwnSocket {
    listener: UnixListener,
    path: PathBuf,
    /// Who made it.
    owner: u32,
}

/// Why there is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SocketError {
    /// Somebody listens there.
    #[error("another process listens at `{}`; stop it first, or name another socket", .path.display())]
    Taken {
        /// The socket.
        path: PathBuf,
    },
    /// Something else stands there.
    #[error("`{}` is there and is no socket; it is left as it is: name another", .path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// It can't be made.
    #[error("the socket `{}` can't be made: {reason}", .path.display())]
    Failed {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
}

impl SocketError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Taken { .. } => "already_running",
            Self::NotASocket { .. } => "not_a_socket",
            Self::Failed { .. } => "socket_not_made",
        }
    }
}

impl OwnSocket {
    /// Listens at a path, with mode 0600 from the first moment on. A socket on which nobody listens any more is replaced.
    /// It is for within a tokio runtime.
    ///
    /// # Errors
    /// [`SocketError`].
    pub fn bind(path: &Path) -> Result<Self, SocketError> {
        let failed =
            |error: io::Error| SocketError::Failed { path: path.to_owned(), reason: error.to_string() };
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
            Ok(found) if !found.file_type().is_socket() => {
                return Err(SocketError::NotASocket { path: path.to_owned() });
            }
            Ok(_) => match Blocking::connect(path) {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                _ => return Err(SocketError::Taken { path: path.to_owned() }),
            },
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // In a folder that nobody else gets into, until it has its mode.
        let name = random::<6>().map_err(|error| failed(io::Error::other(error)))?;
        let hidden = folder.join(format!(".{}", base64url::encode(&name)));
        DirBuilder::new().mode(0o700).create(&hidden).map_err(failed)?;
        let made = Self::make(&hidden.join("s"), path);
        let _ = fs::remove_file(hidden.join("s"));
        let _ = fs::remove_dir(&hidden);
        made.map_err(failed)
    }

    fn make(hidden: &Path, path: &Path) -> io::Result<Self> {
        let listener = UnixListener::bind(hidden)?;
        fs::set_permissions(hidden, Permissions::from_mode(0o600))?;
        let owner = fs::symlink_metadata(hidden)?.uid();
        fs::rename(hidden, path)?;
        Ok(Self { listener, path: path.to_owned(), owner })
    }
}

impl Drop for OwnSocket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Listener for OwnSocket {
    type Io = UnixStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (UnixStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                // The mode keeps others out, and so does this where the mode was changed.
                Ok((stream, address)) if stream.peer_cred().is_ok_and(|peer| peer.uid() == self.owner) => {
                    return (stream, address);
                }
                Ok(_) => {}
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
