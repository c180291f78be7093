//! What a gateway is made of.

use crate::{
    auth::Callers,
    authorize::Programs,
    balance::Health,
    bodies::Bodies,
    foreign::Foreign,
    known::KnownChains,
    logs::Logs,
    mcp::Sessions,
    models::Catalog,
    refused::Refused,
    resource,
    telling::{Counts, number},
    token::Tokens,
    turns::Turns,
};
use legation_credential::Authority;
use legation_registry::{Registry, RegistryError};
use legation_resolver::{Fetcher, Options, SetupError};
use legation_signer::Client;
use legation_store::Store;
use legation_verifier::{Trust, Verifier};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, atomic::AtomicBool},
    time::{Duration, SystemTime},
};
use tokio::sync::{Notify, Semaphore, watch};

/// Most reads of the store at a time that are not answered from memory.
const READS: usize = 16;
/// Most files that are held at a time, of some 26 MiB each and what is made of them: of those with a key, and of those who sign.
const FILES: usize = 16;
/// Most of them of one agent.
const FILES_OF_ONE: usize = 4;
/// Most lines of batches that are on their way, as far as this process has reserved them.
const BATCH_LINES: usize = 50_000;
/// Most of them of one agent, and of all that it handed its authority on to.
const BATCH_LINES_OF_ONE: usize = 20_000;
/// Most requests of services, sockets among them, that are passed on at a time. Each holds some hundred KiB at its most.
const PASSING: usize = 1024;
/// Most receipts of services that are looked at at a time: for each a document may be fetched.
const THEIRS: usize = 64;
/// For how long an upstream may answer.
const UPSTREAM: Duration = Duration::from_secs(600);
/// For how long a child that an agent made itself may live without a status of its own, seconds: whoever stops the agent
/// stops the child.
const OFFLINE_CHILD: i64 = 4 * 3600;
/// For how long the store is waited for.
pub(crate) const STORE: Duration = Duration::from_secs(10);

/// How many calls go on at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of all agents together.
    pub calls: usize,
    /// Of one agent, and of all that it handed its authority on to.
    pub calls_of_one: usize,
}

impl Default for Limits {
    /// 4096, and an eighth of them of one: half as many as requests of services are passed on at a time.
    fn default() -> Self {
        Self { calls: 4096, calls_of_one: 512 }
    }
}

/// A gateway of one organization. Any number of them may run on one store.
#[derive(Debug)]
pub struct Gateway {
    pub(crate) registry: Arc<Registry>,
    pub(crate) store: Arc<Store>,
    pub(crate) organization: Arc<str>,
    /// The host of its origin.
    pub(crate) host: String,
    pub(crate) verifier: Verifier,
    pub(crate) callers: Callers,
    pub(crate) chains: KnownChains,
    pub(crate) catalog: Catalog,
    pub(crate) fetcher: Fetcher,
    /// What chains of partners are verified by.
    pub(crate) foreign: Foreign,
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
    /// Bodies that arrive.
    pub(crate) bodies: Bodies,
    /// Calls that go on.
    pub(crate) turns: Turns,
    pub(crate) logs: OnceLock<Logs>,
    /// Files that are held, of those with a key.
    pub(crate) files: Turns,
    /// The same of those who sign, whom nobody knows yet when they arrive.
    pub(crate) signed_files: Turns,
    /// Lines of batches that are to be settled.
    pub(crate) batch_lines: Turns,
    /// Batches that are to be settled, by their ids: who asks after one makes them be looked at.
    pub(crate) batches: Mutex<HashMap<String, Arc<Notify>>>,
    /// Sessions with MCP servers, whose they are.
    pub(crate) sessions: Sessions,
    /// What the token endpoint remembers.
    pub(crate) tokens: Tokens,
    /// Tokens that were shown here.
    pub(crate) known_tokens: resource::Tokens,
    /// Programs that tell of themselves, and people who sign in.
    pub(crate) programs: Programs,
    /// SVIDs that were shown here, and the trust domains that they are of.
    pub(crate) known_svids: resource::Svids,
    /// Receipts of services that are being looked at.
    pub(crate) theirs: Arc<Semaphore>,
    /// Requests of services that are passed on, until the end of their answers.
    pub(crate) passing: Arc<Semaphore>,
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
        let limits = Limits::default();
        let options = Options {
            timeout: UPSTREAM,
            http_on_loopback: true,
            allow_private: private,
            ..Options::default()
        };
        let programs = Programs::new(registry.origin().starts_with("http://"))?;
        Ok(Arc::new(Self {
            store: Arc::clone(registry.store()),
            organization: registry.id().into(),
            host: registry.host(),
            registry,
            verifier: Verifier::new(trust),
            callers: Callers::default(),
            chains: KnownChains::default(),
            catalog: Catalog::default(),
            fetcher: Fetcher::new(options)?,
            foreign: Foreign::new(private)?,
            signer: Mutex::new(signer),
            counts: Counts::default(),
            epochs: watch::Sender::new(-1),
            watched: AtomicBool::new(false),
            health: Health::default(),
            reads: Semaphore::new(READS),
            bodies: Bodies::default(),
            turns: Turns::new(limits.calls, limits.calls_of_one),
            logs: OnceLock::new(),
            files: Turns::new(FILES, FILES_OF_ONE),
            signed_files: Turns::new(FILES, FILES),
            batch_lines: Turns::new(BATCH_LINES, BATCH_LINES_OF_ONE),
            batches: Mutex::default(),
            sessions: Sessions::default(),
            tokens: Tokens::default(),
            known_tokens: resource::Tokens::default(),
            programs,
            known_svids: resource::Svids::default(),
            theirs: Arc::new(Semaphore::new(THEIRS)),
            passing: Arc::new(Semaphore::new(PASSING)),
        }))
    }

    /// Sets how many calls may go on at a time; those that do go on.
    pub fn limit(&self, limits: Limits) {
        self.turns.set(limits.calls, limits.calls_of_one);
    }

    /// Makes tokens for none but those who show a proof of a key that the token is bound to (RFC 9449 §5.2), from now on.
    pub fn require_dpop(&self) {
        self.tokens.require_dpop();
    }

    /// Tells of requests in these logs from now on; what was set first stays.
    pub fn log_to(&self, logs: Logs) {
        let _ = self.logs.set(logs);
    }

    /// Writes down what was asked of the administration, by an administrator or by nobody who is known.
    pub fn audit(&self, is_known: bool, act: impl FnOnce() -> serde_json::Value) {
        if let Some(logs) = self.logs.get() {
            logs.audit(is_known, || {
                let mut line = act();
                if let (Some(name), Some(members)) = (&logs.organization, line.as_object_mut()) {
                    members.insert("organization".to_owned(), name.as_str().into());
                }
                line.to_string()
            });
        }
    }

    /// What was decided so far, by outcome, how long that took, and what goes on, in Prometheus' text format.
    #[must_use]
    pub fn metrics(&self) -> String {
        let mut text = self.counts.text();
        let open = u64::try_from(self.turns.taken()).unwrap_or(u64::MAX);
        number(&mut text, ("legation_gateway_calls_open", "Calls that go on.", "gauge"), open);
        let (strangers, lost) = self.logs.get().map_or((0, 0), Logs::missing);
        let of_strangers = "Lines that the access log leaves out, of requests of nobody who is known.";
        number(&mut text, ("legation_gateway_strangers_untold_total", of_strangers, "counter"), strangers);
        let of_lost = "Lines of logs that found no room, or could not be written.";
        number(&mut text, ("legation_gateway_log_lines_lost_total", of_lost, "counter"), lost);
        text
    }

    /// Counts one more of an outcome.
    pub(crate) fn count(&self, outcome: &str) {
        self.counts.add(outcome);
    }

    /// Drops what is remembered of the organization: it has changed.
    pub(crate) fn forget(&self) {
        self.callers.forget();
        self.catalog.forget();
        self.foreign.forget();
        self.known_tokens.forget();
        self.known_svids.forget();
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
