//! Evidence that all verifications of a service share.

use legation_did::Did;
use legation_verifier::{Account, Evidence};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most verifications of one root link that fetch at a time; the others wait for their turn. So many
/// also hold what they have fetched until they end, each as many lists as a chain may have links.
pub const TURNS: usize = 4;

/// Evidence that many verifications share, and whose turn it is to fetch more of it.
#[derive(Debug, Default)]
pub struct SharedEvidence {
    evidence: RwLock<Evidence>,
    /// How often something was dropped. Changed under the lock of the evidence.
    drops: AtomicU64,
    turns: Mutex<HashMap<Account, Weak<Semaphore>>>,
    /// When each trusted root's document was last asked for on behalf of nobody in particular; held while it is.
    roots: Mutex<HashMap<Did, Arc<tokio::sync::Mutex<Option<i64>>>>>,
}

impl SharedEvidence {
    /// No evidence yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Evidence is only ever added to; what somebody added before failing elsewhere still holds.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Evidence> {
        self.evidence.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Evidence> {
        self.evidence.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops, at `now` (Unix seconds), the status lists of some issuers and the documents of some DIDs, so that whoever needs
    /// them next fetches them, and so that nothing that is being fetched at this moment is kept for others. Gives how many
    /// were dropped.
    pub fn drop_of(&self, lists: &dyn Fn(&Did) -> bool, documents: &dyn Fn(&Did) -> bool, now: i64) -> usize {
        let mut evidence = self.write();
        self.drops.fetch_add(1, Ordering::AcqRel);
        evidence.drop_of(lists, documents, now)
    }

    /// How often something was dropped. It changes only while nobody else has the evidence.
    pub(crate) fn drops(&self) -> u64 {
        self.drops.load(Ordering::Acquire)
    }

    /// Waits for a turn to fetch on somebody's behalf.
    pub(crate) async fn turn(&self, account: Account) -> Option<OwnedSemaphorePermit> {
        // No turn is ever closed, so that there is always one to wait for.
        self.turns_of(account).acquire_owned().await.ok()
    }

    /// When a root's document was last asked for by whoever had shown nothing yet. Only for roots that are
    /// trusted, of which there are few.
    pub(crate) fn asked_for(&self, root: &Did) -> Arc<tokio::sync::Mutex<Option<i64>>> {
        let mut roots = self.roots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(roots.entry(root.clone()).or_default())
    }

    fn turns_of(&self, account: Account) -> Arc<Semaphore> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = turns.get(&account).and_then(Weak::upgrade) {
            return found;
        }
        // Whoever is nobody's turn any more goes: as many stay as root links are fetched for now.
        turns.retain(|_, semaphore| semaphore.strong_count() > 0);
        let new = Arc::new(Semaphore::new(TURNS));
        turns.insert(account, Arc::downgrade(&new));
        new
    }
}
