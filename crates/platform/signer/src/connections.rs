//! The connections that there are.

use crate::door::Door;
use std::{
    collections::BTreeMap,
    io,
    net::Shutdown,
    os::unix::net::UnixStream,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// Most connections at each door at a time. Each has a thread, and what one door is asked keeps nobody from the other.
pub const MAX_CONNECTIONS: usize = 64;
/// Most of them that one user has at the door for agents, so that nobody's processes keep those of others out.
pub(crate) const MAX_OF_USER: usize = 8;
/// How long connections may go on when the process is to stop.
const GRACE: Duration = Duration::from_secs(2);

/// The connections that there are, by which they are counted and ended.
#[derive(Default)]
pub(crate) struct Connections {
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    streams: BTreeMap<u64, (Door, u32, UnixStream)>,
}

/// The place of one connection among them.
pub(crate) struct Place<'c> {
    connections: &'c Connections,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.connections.lock().streams.remove(&self.number);
    }
}

impl Connections {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place at a door for a user; `None` where it is full.
    pub(crate) fn enter(&self, door: Door, user: u32, stream: &UnixStream) -> io::Result<Option<Place<'_>>> {
        let stream = stream.try_clone()?;
        let mut open = self.lock();
        let at_door = || open.streams.values().filter(|(other, ..)| *other == door);
        let own = || at_door().filter(|(_, other, _)| *other == user);
        if at_door().count() >= MAX_CONNECTIONS || (door == Door::Agents && own().count() >= MAX_OF_USER) {
            return Ok(None);
        }
        let number = open.next;
        open.next = open.next.wrapping_add(1);
        open.streams.insert(number, (door, user, stream));
        Ok(Some(Place { connections: self, number }))
    }

    /// Ends them: what is being answered is answered, what takes longer than that is cut off.
    pub(crate) fn end(&self) {
        let shut = |how| {
            let open = self.lock();
            open.streams.values().for_each(|(.., stream)| drop(stream.shutdown(how)));
            open.streams.is_empty()
        };
        let since = Instant::now();
        while !shut(Shutdown::Read) && since.elapsed() < GRACE {
            thread::sleep(Duration::from_millis(5));
        }
        shut(Shutdown::Both);
    }
}
