//! The delegations that a proxy holds. They are renewed while it runs, where the gateway has newer ones of the same agent.

use super::Proxy;
use crate::{Agent, CallError, Carry, Identity, clock::now};
use http::HeaderMap;
use legation_credential::{Delegation, issue::effective};
use legation_resolver::{Call, Fetcher, call::Method};
use serde::Deserialize;
use std::{
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::sync::Notify;

/// Where a gateway gives an agent its delegations.
const PATH: &str = "/v1/self/delegation";
/// How often it is looked whether they end soon.
const LOOK: Duration = Duration::from_secs(20);
/// How long nobody asks again after a denial led to asking, seconds.
const PAUSE: i64 = 5;
/// Most bytes of an answer.
const MAX_ANSWER: usize = 256 << 10;

/// What is held.
#[derive(Debug)]
pub(crate) struct Holding {
    now: RwLock<Arc<Held>>,
    /// When a denial last led to asking for newer ones.
    asked: AtomicI64,
    /// Those that came since, for whoever keeps them.
    renewed: Mutex<Option<String>>,
    /// Told of these.
    told: Notify,
}

/// Delegations, and an agent that signs with them.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) agent: Agent,
    chain: String,
    /// Whether the gateway has verified them, so that their digest will do.
    pub(crate) known: AtomicBool,
    /// From when on they are renewed, Unix seconds: when a third of the life of the last is left.
    due: i64,
}

impl Held {
    fn new(identity: &Identity, chain: &[&str], fetcher: &Fetcher) -> Result<Self, CallError> {
        let agent = Agent::new(identity.clone(), chain, fetcher.clone())?;
        let last = chain.last().and_then(|link| Delegation::read_unverified(link).ok());
        let due = last.map_or(i64::MAX, |last| {
            let (from, until) = (last.terms.valid_from, last.terms.valid_until);
            until.saturating_sub(until.saturating_sub(from) / 3)
        });
        Ok(Self { agent, chain: chain.join("~"), known: AtomicBool::new(false), due })
    }
}

impl Holding {
    pub(crate) fn new(identity: &Identity, chain: &[&str], fetcher: &Fetcher) -> Result<Self, CallError> {
        let held = Held::new(identity, chain, fetcher)?;
        let asked = AtomicI64::new(0);
        Ok(Self { now: RwLock::new(Arc::new(held)), asked, renewed: Mutex::default(), told: Notify::new() })
    }

    pub(crate) fn now(&self) -> Arc<Held> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a gateway answers.
#[derive(Deserialize)]
struct Answer {
    chain: Vec<String>,
}

impl Proxy {
    /// Renews the delegations before they end, for as long as it runs. `keep` gets those that are new, in compact form:
    /// who holds a file of them puts them there.
    pub async fn renew_forever(&self, keep: impl Fn(&str)) {
        loop {
            if now() >= self.holding.now().due {
                // Where it does not come about it is tried again; calls go on with what is there.
                let _ = self.renew().await;
            }
            let renewed = self.holding.renewed.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(chain) = renewed {
                keep(&chain);
            }
            // Whichever is first; that nobody told in time is no fault.
            let _ = tokio::time::timeout(LOOK, self.holding.told.notified()).await;
        }
    }

    /// Asks for newer delegations after a denial: an organization that changes what an agent may do issues new ones and
    /// revokes those before. `true` where there are some.
    pub(crate) async fn renew_after_denial(&self, denied: &Arc<Held>) -> bool {
        if !Arc::ptr_eq(denied, &self.holding.now()) {
            return true;
        }
        let (now, asked) = (now(), self.holding.asked.load(Ordering::Relaxed));
        if now.saturating_sub(asked).abs() < PAUSE {
            return false;
        }
        self.holding.asked.store(now, Ordering::Relaxed);
        self.renew().await
    }

    /// Asks the gateway for the agent's delegations. `true` where they are others than those that are held.
    async fn renew(&self) -> bool {
        let held = self.holding.now();
        let mut headers = HeaderMap::new();
        let target = format!("{}{PATH}", self.gateway.origin);
        if held.agent.sign("GET", &target, &mut headers, b"", Carry::Chain, now()).is_err() {
            return false;
        }
        let url = format!("{}{PATH}", self.gateway.url);
        let call = Call { method: Method::GET, url: &url, headers, body: Vec::new() };
        let Ok(reply) = self.fetcher.call(call).await else { return false };
        if reply.status != 200 || reply.body.len() > MAX_ANSWER {
            return false;
        }
        let Ok(answer) = serde_json::from_slice::<Answer>(&reply.body) else { return false };
        let chain: Vec<&str> = answer.chain.iter().map(String::as_str).collect();
        // Whoever answers may be nobody whom to believe: what is taken is a chain to this very agent, and it is good for
        // nothing unless the organization has signed it.
        let is_own = effective(&chain).is_ok_and(|(last, _)| last.terms.subject == *self.identity.did());
        let Ok(new) = Held::new(&self.identity, &chain, &self.fetcher) else { return false };
        if !is_own || new.chain == held.chain {
            return false;
        }
        *self.holding.renewed.lock().unwrap_or_else(PoisonError::into_inner) = Some(new.chain.clone());
        self.holding.told.notify_one();
        *self.holding.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        true
    }
}
