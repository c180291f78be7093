//! The write-ahead log of a SQLite file, kept short by a thread of its own: whoever commits would otherwise stop, every
//! thousand pages, to write them into the file and sync it.

use crate::{
    connection::{Connection, Location, Sync},
    error::StoreError,
};
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::Duration,
};

/// After how many jobs it is written into the file: some forty megabytes.
const JOBS: usize = 5000;

/// For how long those who commit may be kept from it so that the log begins anew, milliseconds.
const SHORTLY: u64 = 50;

/// What tells the thread. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Log {
    grown: Sender<()>,
    jobs: usize,
}

impl Log {
    /// Starts the thread.
    pub(crate) fn keep_short(path: PathBuf) -> Result<Self, StoreError> {
        let (grown, told) = mpsc::channel();
        let work = move || shorten(&Location::Sqlite(path), &told);
        thread::Builder::new()
            .name("legation-log".to_owned())
            .spawn(work)
            .map_err(StoreError::unavailable)?;
        Ok(Self { grown, jobs: 0 })
    }

    /// So many jobs were committed.
    pub(crate) fn grew_by(&mut self, jobs: usize) {
        self.jobs = self.jobs.saturating_add(jobs);
        if self.jobs >= JOBS {
            self.jobs = 0;
            // Without the thread, the log is shortened by whoever commits, late.
            self.grown.send(()).unwrap_or_default();
        }
    }
}

/// Syncs the write-ahead log of a file: what was read before is on the disk once this returns.
pub(crate) fn sync(path: &Path) -> io::Result<()> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    match File::open(PathBuf::from(log)) {
        Ok(log) => log.sync_data(),
        // All of it is in the file itself, which was synced before the log went.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn shorten(location: &Location, told: &Receiver<()>) {
    let mut connection = None;
    while told.recv().is_ok() {
        while told.try_recv().is_ok() {}
        let done = shorten_once(location, &mut connection);
        if done.is_err() {
            // Whoever commits is told what is wrong with the disk.
            connection = None;
            thread::sleep(Duration::from_secs(1));
        }
    }
}

/// Most of it beside those who commit, and the rest while they wait, so that the log begins anew.
fn shorten_once(location: &Location, connection: &mut Option<Connection>) -> Result<(), StoreError> {
    let connection = match connection {
        Some(connection) => connection,
        none => none.insert(Connection::open(location, Sync::Always)?),
    };
    // Whoever reads for long is not waited for: nobody commits meanwhile. The next time will do.
    connection.query(&format!("PRAGMA busy_timeout = {SHORTLY}"), &[])?;
    connection.query("PRAGMA wal_checkpoint(PASSIVE)", &[])?;
    connection.query("PRAGMA wal_checkpoint(RESTART)", &[])?;
    Ok(())
}
