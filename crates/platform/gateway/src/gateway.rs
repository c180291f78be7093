//! What a gateway is made of.

use crate::{
    auth::Callers, balance::Health, known::KnownChains, models::Catalog, refused::Refused, telling::Counts,
};
use legation_credential::Authority;
use legation_registry::{Registry, RegistryError};
use legation_resolver::{Fetcher, Options, SetupError};
use legation_signer::Client;
use legation_store::Store;
use legation_verifier::{Trust, Verifier};
use std::{
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::{Duration, SystemTime},
};
use tokio::sync::{Semaphore, watch};

/// Most reads of the store at a time that are not answered from memory.
const READS: usize = 16;
/// Most bodies of requests that arrive at a time: a quarter of a gigabyte, where each is as large as may be.
const BODIES: usize = 64;
/// For how long an upstream may answer.
const UPSTREAM: Duration = Duration::from_secs(600);
/// For how long a child that an agent made itself may live without a status of its own, seconds: whoever stops the agent
/// stops the child.
const OFFLINE_CHILD: i64 = 4 * 3600;
/// For how long the store is waited for.
pub(crate) const STORE: Duration = Duration::from_secs(10);

/// A gateway of one organization. Any number of them may run on one store.
#[derive(Debug)]
pub struct Gateway {
    pub(crate) registry: Arc<Registry>,
    pub(crate) store: Arc<Store>,
    pub(crate) organization: Arc<str>,
    pub(crate) verifier: Verifier,
    pub(crate) callers: Callers,
    pub(crate) chains: KnownChains,
    pub(crate) catalog: Catalog,
    pub(crate) fetcher: Fetcher,
    /// The signer's door for gateways, which opens secrets of upstreams.
    pub(crate) signer: Mutex<Client>,
    pub(crate) counts: Counts,
    /// The organization's epoch, as far as somebody wants to know of each change.
    pub(crate) epochs: watch::Sender<i64>,
    /// Whether it is looked at.
    pub(crate) watched: AtomicBool,
    /// Targets that could not be reached lately.
    pub(crate) health: Health,
    reads: Semaphore,
    /// Bodies that arrive, of those who showed a key.
    pub(crate) bodies: Semaphore,
    /// Bodies that arrive with a signature, which is over the body: nobody knows yet whose it is.
    pub(crate) signed_bodies: Semaphore,
}

/// Why there is no gateway.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The organization can't be read.
    #[error("{0}")]
    Registry(#[from] RegistryError),
    /// Nothing can be fetched.
    #[error("{0}")]
    Setup(#[from] SetupError),
}

impl Gateway {
    /// A gateway of an organization, with the signer's door for gateways. `private` says whether upstreams may be at addresses
    /// of a private network.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn new(registry: Arc<Registry>, signer: Client, private: bool) -> Result<Arc<Self>, StartError> {
        let mut trust = Trust::new(registry.did().as_str());
        trust.roots.insert(registry.did().clone(), Authority::everything());
        trust.vouched = true;
        trust.max_offline_child = OFFLINE_CHILD;
        let options = Options {
            timeout: UPSTREAM,
            http_on_loopback: true,
            allow_private: private,
            ..Options::default()
        };
        Ok(Arc::new(Self {
            store: Arc::clone(registry.store()),
            organization: registry.id().into(),
            registry,
            verifier: Verifier::new(trust),
            callers: Callers::default(),
            chains: KnownChains::default(),
            catalog: Catalog::default(),
            fetcher: Fetcher::new(options)?,
            signer: Mutex::new(signer),
            counts: Counts::default(),
            epochs: watch::Sender::new(-1),
            watched: AtomicBool::new(false),
            health: Health::default(),
            reads: Semaphore::new(READS),
            bodies: Semaphore::new(BODIES),
            signed_bodies: Semaphore::new(BODIES),
        }))
    }

    /// What was decided so far, by outcome, in Prometheus' text format.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.counts.text()
    }

    /// Counts one more of an outcome.
    pub(crate) fn count(&self, outcome: &str) {
        self.counts.add(outcome);
    }

    /// Drops what is remembered of the organization: it has changed.
    pub(crate) fn forget(&self) {
        self.callers.forget();
        self.catalog.forget();
    }

    /// Runs what blocks on a thread that may.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, RegistryError> {
        let closed = || {
            let reason = "it did not answer in time".to_owned();
            RegistryError::Store(legation_store::StoreError::Unavailable { reason })
        };
        let turn = tokio::time::timeout(STORE, self.reads.acquire()).await;
        let _turn = turn.map_err(|_| closed())?.map_err(|_| closed())?;
        let done = tokio::time::timeout(STORE, tokio::task::spawn_blocking(work)).await;
        done.map_err(|_| closed())?.map_err(|_| closed())
    }

    /// The organization's epoch, read now.
    pub(crate) async fn epoch(self: &Arc<Self>) -> Result<i64, Refused> {
        let gateway = Arc::clone(self);
        let epoch = self.blocking(move || gateway.registry.epoch()).await;
        epoch.and_then(|epoch| epoch).map_err(|error| Refused::of_registry(&error))
    }
}

/// The time, Unix seconds. The one place of the gateway that reads the clock.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or_default()
}
