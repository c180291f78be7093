//! Connecting to a socket, and who is at its other end.

use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect as connect_to, socket_with,
    sockopt::{Timeout, set_socket_timeout},
};
use std::{io, os::unix::net::UnixStream, path::Path, time::Duration};

/// Connects to a Unix socket. Where whoever listens does not accept, it waits for so long and no longer: a process
/// that is stopped would hold its callers up for ever.
pub(crate) fn connect(path: &Path, time: Duration) -> io::Result<UnixStream> {
    let address = SocketAddrUnix::new(path)?;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // `connect` waits as long as a send does (unix(7) says nothing of it, socket(7) of SO_SNDTIMEO does).
    set_socket_timeout(&socket, Timeout::Send, Some(time))?;
    connect_to(&socket, &address)?;
    Ok(UnixStream::from(socket))
}

/// The user at the other end.
#[cfg(target_os = "linux")]
pub(crate) fn user(stream: &UnixStream) -> io::Result<u32> {
    Ok(rustix::net::sockopt::socket_peercred(stream)?.uid.as_raw())
}

/// Elsewhere than on Linux the folder, which nobody else gets into, says it alone.
#[cfg(not(target_os = "linux"))]
pub(crate) fn user(_: &UnixStream) -> io::Result<u32> {
    Ok(own_user())
}

/// The user that this process runs as.
pub(crate) fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The user at the other end, where it is not our own: theirs and ours.
pub(crate) fn other_user(stream: &UnixStream) -> io::Result<Option<(u32, u32)>> {
    let (peer, own) = (user(stream)?, own_user());
    Ok((peer != own).then_some((peer, own)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use rustix::net::{bind, listen};
    use std::time::Instant;

    #[test]
    fn connecting_to_a_process_that_accepts_nobody_ends_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stopped.sock");
        let socket =
            socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
        bind(&socket, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        listen(&socket, 0).unwrap();
        let time = Duration::from_millis(100);
        let began = Instant::now();
        let mut waiting = Vec::new();
        let refused = loop {
            match connect(&path, time) {
                Ok(stream) => waiting.push(stream),
                Err(refused) => break refused,
            }
            assert!(waiting.len() < 10, "the backlog was to be full");
        };
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
        assert!(began.elapsed() >= time && began.elapsed() < Duration::from_secs(5));
    }
}
