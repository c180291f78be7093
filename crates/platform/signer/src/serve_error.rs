//! Why the signer does not serve.

use std::path::PathBuf;

/// Why the signer does not serve.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServeError {
    /// The folder is not there, or is none.
    #[error("the folder `{}` can't be used: {reason}; make it with mode 700", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The folder is another user's, who could put other sockets into it.
    #[error("the folder `{}` belongs to the user {found}, expected {expected}; name one of your own", .path.display())]
    FolderOwner {
        /// The folder.
        path: PathBuf,
        /// Its owner.
        found: u32,
        /// Who runs the signer.
        expected: u32,
    },
    /// Others get into the folder, or its owner does not.
    #[error("the folder `{}` has the mode {mode:03o}, expected 700; run `chmod 700` on it", .path.display())]
    FolderMode {
        /// The folder.
        path: PathBuf,
        /// The last nine bits of its mode.
        mode: u32,
    },
    /// Others could put another socket there than the one for agents.
    #[error(
        "the folder `{}`, in which the socket for agents would be, has the mode {mode:03o}, belongs to another user or is a \
         link; it has to be the signer's own, those above it root's or its own, and none written by others",
        .path.display()
    )]
    AgentsFolder {
        /// The folder.
        path: PathBuf,
        /// The last nine bits of its mode.
        mode: u32,
    },
    /// Another process serves this folder.
    #[error("another process holds `{}`; stop it first, or name another folder", .path.display())]
    Running {
        /// The lock or the socket.
        path: PathBuf,
    },
    /// Something else stands where a socket is to be.
    #[error("`{}` is there and is no socket; it is left as it is: move it away", .path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// A socket can't be made.
    #[error("`{}` can't be made: {reason}", .path.display())]
    Bind {
        /// The socket or the lock.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The memory of the process can't be kept from others.
    #[error("core dumps can't be switched off: {reason}")]
    CoreDumps {
        /// What the system says.
        reason: String,
    },
    /// The sockets can't be waited for.
    #[error("the sockets can't be waited for: {reason}")]
    Wait {
        /// What the system says.
        reason: String,
    },
}

impl ServeError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Folder { .. } => "folder_unusable",
            Self::FolderOwner { .. } => "folder_not_ours",
            Self::FolderMode { .. } | Self::AgentsFolder { .. } => "folder_open_to_others",
            Self::Running { .. } => "already_running",
            Self::NotASocket { .. } => "not_a_socket",
            Self::Bind { .. } => "socket_not_made",
            Self::CoreDumps { .. } => "core_dumps",
            Self::Wait { .. } => "wait_failed",
        }
    }
}
