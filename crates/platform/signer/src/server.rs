//! The process: it listens at its doors, with a thread for each connection.

use crate::{
    ask::Answer,
    connections::{Connections, MAX_OF_USER, Place},
    door::Door,
    folder,
    frame::{self, FrameError, Timed},
    hidden::hide_memory,
    refused::Refused,
    rotation::Source,
    socket::{own_user, user},
    verbs,
};
pub use crate::{connections::MAX_CONNECTIONS, serve_error::ServeError};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use std::{
    io::{self, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    thread,
    time::Duration,
};

/// How long a connection may wait for its next request, and take for it; and how long its answer may take.
const TIME: Duration = Duration::from_secs(30);
/// The same of a process of an agent, which asks at once.
const SHORT: Duration = Duration::from_secs(2);
/// How often it is asked whether to stop.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
/// How long nothing is accepted when the system has no room for another connection.
const BREATH: Duration = Duration::from_millis(50);

/// Serves at the doors of a folder until `stop` says so, which is asked some 20 times a second. The folder is ours and of mode
/// 0700; the sockets in it are removed at the end, and so are those that a process that is dead has left. Where `agents` is the path
/// of a socket, processes of agents are answered there, whoever they run as: on Linux, which says who that is.
///
/// From then on the process leaves no core dump and can't be debugged. Connections end 30 s after their last
/// request; a request or an answer that takes longer ends its connection.
///
/// # Errors
/// [`ServeError`]; nothing is served then.
pub fn serve(
    folder: &Path,
    agents: Option<&Path>,
    master: impl Into<Source>,
    stop: impl Fn() -> bool,
) -> Result<(), ServeError> {
    hide_memory().map_err(|error| ServeError::CoreDumps { reason: error.to_string() })?;
    let sockets = folder::open(folder, agents)?;
    let connections = Connections::default();
    let (master, connections) = (&master.into(), &connections);
    thread::scope(|scope| {
        let take = |door, stream: UnixStream| {
            let Some((stream, user, place)) = admit(door, stream, connections) else { return };
            let work = move || {
                converse(&stream, (door, user), master);
                drop(place);
            };
            // Where there is no thread to be had, the connection ends with what was to run.
            let _ = thread::Builder::new().name(format!("signer {}", door.name())).spawn_scoped(scope, work);
        };
        let ended = accept(&sockets, &stop, take);
        connections.end();
        ended
    })
}

/// Accepts connections until it is to stop.
fn accept(
    sockets: &folder::Sockets,
    stop: &impl Fn() -> bool,
    take: impl Fn(Door, UnixStream),
) -> Result<(), ServeError> {
    while !stop() {
        let mut waited: Vec<_> =
            sockets.doors.iter().map(|open| PollFd::new(&open.listener, PollFlags::IN)).collect();
        match poll(&mut waited, Some(&LOOK)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(ServeError::Wait { reason: error.to_string() }),
        }
        for open in &sockets.doors {
            match next(&open.listener) {
                Ok(Some(stream)) => take(open.door, stream),
                Ok(None) => {}
                // Too many open files, or no memory: it will pass, and those who are connected go on.
                Err(_) => thread::sleep(BREATH),
            }
        }
    }
    Ok(())
}

fn next(listener: &UnixListener) -> io::Result<Option<UnixStream>> {
    match listener.accept() {
        Ok((stream, _)) => Ok(Some(stream)),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => {
                Ok(None)
            }
            _ => Err(error),
        },
    }
}

/// Lets a connection in, where it is of our own user or at the door for others, and there is room for it; another one is told why
/// not.
fn admit<'c>(
    door: Door,
    stream: UnixStream,
    connections: &'c Connections,
) -> Option<(UnixStream, u32, Place<'c>)> {
    stream.set_nonblocking(false).ok()?;
    let (found, expected) = (user(&stream).ok()?, own_user());
    let refused = if found != expected && door != Door::Agents {
        Refused::NotOurs { found, expected }
    } else {
        match connections.enter(door, found, &stream).ok()? {
            Some(place) => return Some((stream, found, place)),
            None => Refused::Busy { most: if door == Door::Agents { MAX_OF_USER } else { MAX_CONNECTIONS } },
        }
    };
    // It fits into the buffer of a connection that is new, and does not wait.
    let _ = tell(&stream, &Answer::from(&refused));
    None
}

/// Answers the requests of one connection, in turn.
fn converse(stream: &UnixStream, at: (Door, u32), master: &Source) {
    // An agent's process asks once for each connection, so that none is kept from others, or handed on and outlives its owner.
    let is_once = at.0 == Door::Agents;
    let time = if is_once { SHORT } else { TIME };
    loop {
        let (answer, is_last) = match frame::read(&mut Timed::new(stream, time)) {
            Ok(frame) => (verbs::answer(&frame, at, &master.current()), is_once),
            // Where the next frame begins, nobody knows.
            Err(FrameError::Length { found }) => (Answer::from(&Refused::FrameLength { found }), true),
            Err(_) => return,
        };
        if tell(stream, &answer).is_err() || is_last {
            return;
        }
    }
}

fn tell(stream: &UnixStream, answer: &Answer) -> Result<(), FrameError> {
    let frame = match frame::of(answer) {
        Err(FrameError::Length { .. }) => frame::of(&Answer::from(&Refused::AnswerTooLarge)),
        other => other,
    };
    Ok(Timed::new(stream, TIME).write_all(&frame?)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use rustix::{
        process::{Uid, geteuid},
        thread::set_thread_res_uid,
    };
    use std::{fs::Permissions, io::Read, os::unix::fs::PermissionsExt};

    /// Only root can be somebody else for a moment. The folder keeps others out; this is about a folder that did not.
    #[test]
    fn another_user_is_not_let_in_and_takes_no_place() {
        let open_to_all = |mode| Permissions::from_mode(mode);
        let folder = tempfile::Builder::new().permissions(open_to_all(0o755)).tempdir().unwrap();
        let path = folder.path().join("open.sock");
        let listener = UnixListener::bind(&path).unwrap();
        std::fs::set_permissions(&path, open_to_all(0o777)).unwrap();
        let connect_as = |user: Uid| {
            let as_user = || {
                set_thread_res_uid(user, user, user).unwrap();
                UnixStream::connect(&path).unwrap()
            };
            thread::scope(|scope| scope.spawn(as_user).join().unwrap())
        };
        let connections = Connections::default();
        let _ours = connect_as(geteuid());
        let first = admit(Door::Registry, next(&listener).unwrap().unwrap(), &connections);
        assert!(first.is_some());
        if !geteuid().is_root() {
            return;
        }
        let mut theirs = connect_as(Uid::from_raw(65_534));
        for _ in 0..MAX_CONNECTIONS - 1 {
            let again = connect_as(Uid::from_raw(65_534));
            assert!(admit(Door::Registry, next(&listener).unwrap().unwrap(), &connections).is_none());
            drop(again);
        }
        assert!(admit(Door::Registry, next(&listener).unwrap().unwrap(), &connections).is_none());
        let mut told = String::new();
        theirs.read_to_string(&mut told).unwrap();
        assert!(told.contains("not_ours") && told.contains("65534"), "{told}");
        let _ours = connect_as(geteuid());
        assert!(admit(Door::Registry, next(&listener).unwrap().unwrap(), &connections).is_some());
    }
}
