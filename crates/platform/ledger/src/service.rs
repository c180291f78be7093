//! The ledger of a service, in a file.

use crate::file::{FileError, Missing, in_file, rules};
use legation_agent::ledger::{Answer, Ledger, LedgerError};
use legation_verifier::{
    Committed, MemoryLedger, Permit, VerifiedChain,
    ledger::{Actual, Settled},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::Mutex;

/// A ledger in a file, for a [`Desk`](legation_agent::Desk): a process that starts anew knows what was used up, and
/// several on one machine share it. A file that can't be used closes the service: 503.
///
/// The file must lie on this machine's own disk; locks of network file systems can't be relied on.
#[derive(Debug)]
pub struct FileLedger {
    path: Arc<Path>,
    /// One at a time in this process: those that wait for the file's lock would each hold a thread.
    turn: Mutex<()>,
}

impl FileLedger {
    /// The ledger in this file, at `now` (Unix seconds). Where there is none, one is made that knows of nothing, so
    /// that what was signed before `now` is refused. It reads and writes the file: call it before the service serves.
    ///
    /// # Errors
    /// [`FileError`], also where the file can't be written.
    pub fn open(path: impl Into<PathBuf>, now: i64) -> Result<Self, FileError> {
        let path: PathBuf = path.into();
        in_file(&path, rules(), Missing::Begin(now), |_| Ok(()))?;
        Ok(Self { path: path.into(), turn: Mutex::new(()) })
    }

    fn using<'a, T: Send + 'static>(
        &'a self,
        using: impl FnOnce(&mut MemoryLedger) -> Result<T, FileError> + Send + 'static,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            let _turn = self.turn.lock().await;
            let path = Arc::clone(&self.path);
            let used = tokio::task::spawn_blocking(move || in_file(&path, rules(), Missing::Refuse, using));
            match used.await {
                Ok(Ok(outcome)) => Ok(outcome),
                Ok(Err(FileError::Denied(denial))) => Err(denial.into()),
                Ok(Err(error)) => Err(LedgerError::Unavailable { reason: error.to_string() }),
                Err(error) => Err(LedgerError::Unavailable { reason: error.to_string() }),
            }
        })
    }
}

impl Ledger for FileLedger {
    fn commit(&self, permit: Permit, now: i64) -> Answer<'_, Committed> {
        self.using(move |ledger| Ok(ledger.commit(permit, now)?))
    }

    fn reserve(&self, permit: Permit, now: i64) -> Answer<'_, Committed> {
        self.using(move |ledger| Ok(ledger.reserve(permit, now)?))
    }

    fn settle(&self, committed: Committed, actual: Actual, now: i64) -> Answer<'_, Settled> {
        self.using(move |ledger| Ok(ledger.settle(committed, &actual, now)))
    }

    fn commit_nonce<'a>(&'a self, chain: &'a VerifiedChain, until: i64, now: i64) -> Answer<'a, ()> {
        let chain = chain.clone();
        self.using(move |ledger| Ok(ledger.commit_nonce(&chain, until, now)?))
    }
}
