//! When what was committed is on the disk.

use crate::error::StoreError;
use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::Duration,
};
use tokio::sync::watch;

/// What was committed survives the death of the process; by this it can be waited until it survives that of the
/// machine, too.
#[derive(Clone, Debug)]
pub struct Synced(Option<(u64, watch::Receiver<u64>)>);

impl Synced {
    /// It is on the disk already.
    pub(crate) fn already() -> Self {
        Self(None)
    }

    pub(crate) fn by(number: u64, synced: watch::Receiver<u64>) -> Self {
        Self(Some((number, synced)))
    }

    /// Waits until it is on the disk.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the disk could not be written.
    pub async fn wait(self) -> Result<(), StoreError> {
        let Some((number, mut synced)) = self.0 else { return Ok(()) };
        let done = synced.wait_for(|up_to| *up_to >= number).await;
        done.map(|_| ()).map_err(|_| StoreError::unavailable("the disk can't be written"))
    }
}

/// Syncs the write-ahead log of a SQLite file whenever a number comes, and tells up to which one it did. One sync is
/// for all that came meanwhile. It ends when the first one fails: what was not written once may never be, and nothing
/// that comes after it may count as written.
pub(crate) fn keep_synced(path: &Path, numbers: &Receiver<u64>, told: &watch::Sender<u64>) {
    let log = log_of(path);
    loop {
        let first = match numbers.recv_timeout(Duration::from_secs(1)) {
            Ok(number) => number,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let latest = numbers.try_iter().last().unwrap_or(first);
        if File::open(&log).and_then(|file| file.sync_data()).is_err() {
            return;
        }
        told.send_replace(latest);
    }
}

fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}
