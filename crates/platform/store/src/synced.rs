//! When what was committed is on the disk.

use crate::error::StoreError;
use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, mpsc::Receiver},
    thread,
    time::Duration,
};
use tokio::sync::oneshot;

/// After how long it is written to the disk though nobody waits for it.
pub(crate) const WHILE: Duration = Duration::from_millis(5);
/// For how long it is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// How far something is on the disk, by number.
#[derive(Default)]
pub(crate) struct Progress {
    state: Mutex<State>,
    /// Rung when somebody waits.
    wanted: Condvar,
    /// Who else is told that somebody waits.
    ring: OnceLock<Box<dyn Fn() + Send + core::marker::Sync>>,
}

impl core::fmt::Debug for Progress {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Progress")
    }
}

#[derive(Debug, Default)]
struct State {
    reached: u64,
    /// Nothing more will be.
    ended: bool,
    /// Each is told when it is reached, and nobody else.
    waiting: Vec<(u64, oneshot::Sender<()>)>,
}

impl Progress {
    /// All up to a number is on the disk.
    pub(crate) fn reach(&self, number: u64) {
        let mut state = self.state();
        state.reached = state.reached.max(number);
        let reached = state.reached;
        let told: Vec<_> = state.waiting.extract_if(.., |(number, _)| *number <= reached).collect();
        drop(state);
        // Whoever waited may have gone.
        told.into_iter().for_each(|(_, tell)| tell.send(()).unwrap_or_default());
    }

    /// Nothing more will be written: whoever waits is told so.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.ended = true;
        state.waiting.clear();
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.state().ended
    }

    /// Has this called whenever somebody waits.
    pub(crate) fn ring_when_wanted(&self, ring: impl Fn() + Send + core::marker::Sync + 'static) {
        self.ring.set(Box::new(ring)).unwrap_or_default();
    }

    pub(crate) fn is_wanted(&self) -> bool {
        !self.state().waiting.is_empty()
    }

    /// Waits until somebody waits, or a while has passed: what takes its time upstream need not be on the disk at once.
    pub(crate) fn wait_until_wanted(&self) {
        let state = self.state();
        let wait = |state: &mut State| state.waiting.is_empty();
        drop(self.wanted.wait_timeout_while(state, WHILE, wait));
    }

    fn wait(&self, number: u64) -> Option<oneshot::Receiver<()>> {
        let mut state = self.state();
        if state.reached >= number {
            return None;
        }
        let (tell, told) = oneshot::channel();
        if !state.ended {
            state.waiting.push((number, tell));
        }
        drop(state);
        self.wanted.notify_all();
        if let Some(ring) = self.ring.get() {
            ring();
        }
        Some(told)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was committed survives the death of the process; by this it can be waited until it survives that of the
/// machine, too.
#[derive(Clone, Debug)]
pub struct Synced(Option<(u64, Arc<Progress>)>);

impl Synced {
    /// It is on the disk already.
    pub(crate) fn already() -> Self {
        Self(None)
    }

    pub(crate) fn by(number: u64, progress: &Arc<Progress>) -> Self {
        Self(Some((number, Arc::clone(progress))))
    }

    /// Waits until it is on the disk, for ten seconds at most.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the disk could not be written.
    pub async fn wait(self) -> Result<(), StoreError> {
        let Some(told) = self.0.and_then(|(number, progress)| progress.wait(number)) else { return Ok(()) };
        let failed = || StoreError::unavailable("the disk can't be written");
        tokio::time::timeout(PATIENCE, told).await.map_err(|_| failed())?.map_err(|_| failed())
    }
}

/// For each that was written between two syncs, the next one is awaited for so long: one sync is for all that come meanwhile,
/// and costs as much as several calls do.
const EACH: Duration = Duration::from_micros(25);
/// At most so long.
const MOST: Duration = Duration::from_micros(1500);

/// Waits for more, where many came of late.
pub(crate) fn gather(came: u64) {
    // A lone call waits for nothing.
    let came = u32::try_from(came.saturating_sub(2)).unwrap_or(u32::MAX);
    thread::sleep(EACH.saturating_mul(came).min(MOST));
}

/// Syncs the write-ahead log of a SQLite file whenever a number comes, and tells up to which one it did. One sync is
/// for all that came meanwhile. It ends when the first one fails: what was not written once may never be, and nothing
/// that comes after it may count as written.
pub(crate) fn keep_synced(path: &Path, numbers: &Receiver<u64>, progress: &Progress) {
    let log = log_of(path);
    let (mut came, mut before) = (0, 0);
    while let Ok(first) = numbers.recv() {
        progress.wait_until_wanted();
        gather(came);
        let latest = numbers.try_iter().last().unwrap_or(first);
        (came, before) = (latest.saturating_sub(before), latest);
        if File::open(&log).and_then(|file| file.sync_data()).is_err() {
            break;
        }
        progress.reach(latest);
    }
    progress.end();
}

fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}
