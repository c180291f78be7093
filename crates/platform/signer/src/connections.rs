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
    streams: BTreeMap<u64, (Door, UnixStream)>,
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

    /// A place at a door; `None` where it is full.
    pub(crate) fn enter(&self, door: Door, stream: &UnixStream) -> io::Result<Option<Place<'_>>> {
        let stream = stream.try_clone()?;
        let mut open = self.lock();
        if open.streams.values().filter(|(other, _)| *other == door).count() >= MAX_CONNECTIONS {
            return Ok(None);
        }
        let number = open.next;
        open.next = open.next.wrapping_add(1);
        open.streams.insert(number, (door, stream));
        Ok(Some(Place { connections: self, number }))
    }

    /// Ends them: what is being answered is answered, what takes longer than that is cut off.
    pub(crate) fn end(&self) {
        let shut = |how| {
            let open = self.lock();
            open.streams.values().for_each(|(_, stream)| drop(stream.shutdown(how)));
            open.streams.is_empty()
        };
        let since = Instant::now();
        while !shut(Shutdown::Read) && since.elapsed() < GRACE {
            thread::sleep(Duration::from_millis(5));
        }
        shut(Shutdown::Both);
    }
}
