//! Where a service remembers what was used up: nonces, and what was taken of totals.
//!
//! One [`Ledger`] is handed to each [`Desk`](crate::Desk) of a service, on all its machines. [`Memory`] is for one
//! process that may forget; what has to outlive a process, or is shared by several, is in a file or a store.

use core::{fmt::Debug, future::ready, pin::Pin};
use legation_verifier::{
    Committed, Denial, LedgerLimits, MemoryLedger, Permit, VerifiedChain,
    ledger::{Actual, Settled},
};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a ledger is waited for.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, LedgerError>> + Send + 'a>>;

/// Remembers what was used up, so that it is used up once: all of a permit or nothing, and for good before it
/// answers. [`Permit::consumed`] says what an implementation promises by a [`Committed`].
///
/// A future that is dropped before it is ready may have consumed or not; nothing opens in either case.
pub trait Ledger: Debug + Send + Sync {
    /// Consumes what a permit needs, at `now` (Unix seconds). As [`MemoryLedger::commit`].
    fn commit(&self, permit: Permit, now: i64) -> Answer<'_, Committed>;

    /// The same for a call whose cost is known only afterwards. As [`MemoryLedger::reserve`].
    fn reserve(&self, permit: Permit, now: i64) -> Answer<'_, Committed>;

    /// Lowers what was taken to what it really cost, once, at `now` (Unix seconds). As [`MemoryLedger::settle`].
    /// Where the ledger is unavailable it stays as it was taken.
    fn settle(&self, committed: Committed, actual: Actual, now: i64) -> Answer<'_, Settled>;

    /// Consumes the nonce of a chain that was verified for nothing but who is there, at `now` (Unix seconds), and
    /// remembers it at least until `until`. As [`MemoryLedger::commit_nonce`].
    fn commit_nonce<'a>(&'a self, chain: &'a VerifiedChain, until: i64, now: i64) -> Answer<'a, ()>;
}

/// Why nothing was consumed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// A rule is broken: it was used before, or there is no room left in a total.
    #[error("{0}")]
    Denied(#[from] Denial),
    /// The ledger can't be reached or does not answer, so that nobody knows. Nothing opens.
    #[error("the ledger can't be used: {reason}")]
    Unavailable {
        /// What is wrong, for whoever runs the service; callers are not told.
        reason: String,
    },
}

/// A ledger in the memory of one process. What it knows is gone with the process: totals start at zero, and
/// what was signed before it began is refused by `presentation_stale`, since nobody knows whether it was used
/// ([`MemoryLedger::begin`]).
#[derive(Debug)]
pub struct Memory(Mutex<MemoryLedger>);

impl Memory {
    /// An empty ledger of a process that begins at `now` (Unix seconds).
    #[must_use]
    pub fn begin(limits: LedgerLimits, now: i64) -> Self {
        Self(Mutex::new(MemoryLedger::with_limits(limits).begin(now)))
    }

    fn lock(&self) -> MutexGuard<'_, MemoryLedger> {
        // A ledger judges all before it takes any, so that it is whole whenever it is unlocked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger for Memory {
    fn commit(&self, permit: Permit, now: i64) -> Answer<'_, Committed> {
        Box::pin(ready(self.lock().commit(permit, now).map_err(LedgerError::from)))
    }

    fn reserve(&self, permit: Permit, now: i64) -> Answer<'_, Committed> {
        Box::pin(ready(self.lock().reserve(permit, now).map_err(LedgerError::from)))
    }

    fn settle(&self, committed: Committed, actual: Actual, now: i64) -> Answer<'_, Settled> {
        Box::pin(ready(Ok(self.lock().settle(committed, &actual, now))))
    }

    fn commit_nonce<'a>(&'a self, chain: &'a VerifiedChain, until: i64, now: i64) -> Answer<'a, ()> {
        Box::pin(ready(self.lock().commit_nonce(chain, until, now).map_err(LedgerError::from)))
    }
}
