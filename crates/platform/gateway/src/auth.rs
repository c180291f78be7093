//! Who calls: an API key stands for an agent in custody, a signature for whoever signs.

use crate::{
    counted::By,
    decide::{Identified, Undecided, Who},
    gateway::Gateway,
    refused::Refused,
};
use http::{HeaderMap, header::AUTHORIZATION};
use legation_http_signature::Message;
use legation_registry::{Caller, CallerError, adopted, api_keys};
use legation_verifier::{Denial, Evidence, Trust, VerifiedChain, Verifier, Vouched, receipt::Told};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

/// Most callers that are kept. Beyond it all are read anew.
const KEPT: usize = 10_000;
/// Most keys that are known to be nobody's.
const NOBODIES: usize = 10_000;
/// For how long a key that was nobody's is taken to be still nobody's.
const NOBODY: Duration = Duration::from_secs(1);

/// For how long what was read of a caller is used, seconds: well within the age that its status may have.
const FRESH: i64 = 1200;
/// For how long a chain that was verified is used, seconds: within the life of what is vouched for. That it was revoked
/// shows by the epoch, and that it ends is asked for each call.
pub(crate) const VERIFIED: i64 = 30;

/// A chain that was verified, and what receipts say of it, once one was written.
pub(crate) type Seen = (Arc<VerifiedChain>, Arc<OnceLock<Told>>);

/// A caller, with the evidence for its chain.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) caller: Caller,
    evidence: Evidence,
    read_at: i64,
    /// The chain as it was verified last, and when.
    verified: Mutex<Option<(i64, Seen)>>,
}

impl Known {
    fn new(caller: Caller, trust: &Trust, now: i64) -> Self {
        let mut evidence = Evidence::new();
        for (did, document) in &caller.documents {
            // What can't be read is missing, and told as such.
            let _ = evidence.add_document(did, document, now);
        }
        for (url, list) in &caller.lists {
            evidence.add_status_list(url, list, now, trust.limits.status_entries);
        }
        caller.blocked.iter().for_each(|digest| evidence.block(*digest));
        Self { caller, evidence, read_at: now, verified: Mutex::new(None) }
    }

    /// How long ago it was read, seconds.
    pub(crate) fn age(&self, now: i64) -> i64 {
        now.saturating_sub(self.read_at).max(0)
    }

    /// Whether it can be used at `now`; clocks are set back, too.
    fn is_fresh(&self, now: i64) -> bool {
        let ended = self.caller.expires.is_some_and(|expires| now >= expires);
        !ended && (0..FRESH).contains(&now.saturating_sub(self.read_at))
    }

    /// The chain: its delegations, keys and status, verified as of now or a moment ago.
    pub(crate) fn verify(&self, verifier: &Verifier, now: i64) -> Result<Seen, Denial> {
        let kept = self.verified.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, seen)) = kept
            && (0..VERIFIED).contains(&now.saturating_sub(at))
        {
            return Ok(seen);
        }
        let vouched = Vouched { agent: &self.caller.did, known_by: &self.caller.key, at: now };
        let presentation = verifier.parse_vouched(&self.caller.chain, vouched)?;
        let chain = Arc::new(verifier.verify(&presentation, &self.evidence, presentation.nonce(), now)?);
        let seen: Seen = (chain, Arc::default());
        *self.verified.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, seen.clone()));
        Ok(seen)
    }
}

/// Callers by the SHA-256 of their key, as of an epoch.
#[derive(Debug, Default)]
pub(crate) struct Callers {
    kept: Mutex<HashMap<[u8; 32], Arc<Known>>>,
    /// Keys that were nobody's, and when: whoever tries keys must not make the store work for each.
    nobodies: Mutex<HashMap<[u8; 32], Instant>>,
}

impl Callers {
    pub(crate) fn forget(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn kept(&self, digest: &[u8; 32]) -> Option<Arc<Known>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }

    fn keep(&self, digest: [u8; 32], caller: &Arc<Known>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(digest, Arc::clone(caller));
    }

    fn is_nobody(&self, digest: &[u8; 32]) -> bool {
        let nobodies = self.nobodies.lock().unwrap_or_else(PoisonError::into_inner);
        nobodies.get(digest).is_some_and(|since| since.elapsed() < NOBODY)
    }

    fn note_nobody(&self, digest: [u8; 32]) {
        let mut nobodies = self.nobodies.lock().unwrap_or_else(PoisonError::into_inner);
        if nobodies.len() >= NOBODIES {
            nobodies.clear();
        }
        nobodies.insert(digest, Instant::now());
    }
}

/// By what a request shows who makes it: a signature where it has one, else an API key.
pub(crate) fn who<'m>(message: &'m Message<'m>) -> Result<Who<'m>, Refused> {
    if message.headers.contains_key("signature-input") {
        return Ok(Who::Signed(message));
    }
    key_of(message.headers).map(Who::Key)
}

/// The SHA-256 of the API key that a request shows: as its bearer token, as OpenAI's SDKs send it, or as `x-api-key`, as
/// Anthropic's do. Of two that differ nobody knows which one is meant.
pub(crate) fn key_of(headers: &HeaderMap) -> Result<[u8; 32], Refused> {
    let missing = || {
        let message = "an API key is missing: send `Authorization: Bearer legation_…`, or `x-api-key`";
        Refused::new("api_key_missing", message)
    };
    let mut bearers = headers.get_all(AUTHORIZATION).iter();
    let mut keys = headers.get_all("x-api-key").iter();
    let key = match (bearers.next(), bearers.next(), keys.next(), keys.next()) {
        (Some(bearer), None, None, None) => {
            let text = bearer.to_str().map_err(|_| missing())?;
            let (scheme, key) = text.split_once(' ').ok_or_else(missing)?;
            Some(key).filter(|_| scheme.eq_ignore_ascii_case("bearer")).ok_or_else(missing)?
        }
        (None, None, Some(key), None) => key.to_str().map_err(|_| missing())?,
        _ => return Err(missing()),
    };
    // One of another gateway that goes on is long enough not to be guessed, too.
    let key = key.trim();
    api_keys::digest(key).or_else(|| adopted::digest(key)).ok_or_else(unknown)
}

/// Whoever shows no key of ours learns the same, whatever is wrong with it.
fn unknown() -> Refused {
    Refused::new("api_key_unknown", "the API key is not known here; is it whole, and of this organization?")
}

impl Gateway {
    /// Who a key stands for.
    pub(crate) async fn caller(
        self: &Arc<Self>,
        digest: [u8; 32],
        now: i64,
    ) -> Result<Arc<Known>, CallerError> {
        if let Some(caller) = self.callers.kept(&digest)
            && caller.is_fresh(now)
        {
            return Ok(caller);
        }
        if self.callers.is_nobody(&digest) {
            return Err(CallerError::Unknown);
        }
        let gateway = Arc::clone(self);
        let read = self.blocking(move || gateway.registry.caller(digest, now)).await?;
        match read {
            Ok(caller) => {
                let caller = Arc::new(Known::new(caller, self.verifier.trust(), now));
                self.callers.keep(digest, &caller);
                Ok(caller)
            }
            Err(error) => {
                if error == CallerError::Unknown {
                    self.callers.note_nobody(digest);
                }
                Err(error)
            }
        }
    }
}

impl Gateway {
    /// Whoever asks, as of the latest epoch. Nothing is committed, and nothing recorded.
    pub(crate) async fn identify(self: &Arc<Self>, who: Who<'_>, now: i64) -> Result<Identified, Undecided> {
        let key = match who {
            Who::Key(key) => key,
            Who::Signed(message) => return self.by_signature(message, now).await,
            Who::Named { subject, by } => return self.by_name(subject, by, now).await,
            Who::Presented(presentation) => return self.by_presentation(presentation, now).await,
            Who::Asserted(assertion) => return self.by_assertion(assertion, now).await,
            Who::Consented(redeemed) => return self.by_consent(redeemed, now).await,
            Who::Token(presented) => return self.by_token(presented, now).await,
        };
        let caller = self.caller(key, now).await.map_err(|error| refused(&error))?;
        let epoch = caller.caller.epoch;
        if self.epoch().await? != epoch {
            self.forget();
            return Err(Undecided::Changed);
        }
        let (chain, told) = caller.verify(&self.verifier, now).map_err(|denial| Refused::from(&denial))?;
        let principals = Some(Arc::clone(&caller.caller.principals));
        let (status_age, proved) = (caller.age(now), Some(By::Key));
        Ok(Identified { told, status_age, principals, proved, ..Identified::new(epoch, chain) })
    }
}

/// What is told to whoever showed a key that stands for nobody any more.
pub(crate) fn refused(error: &CallerError) -> Refused {
    match error {
        CallerError::Unknown => unknown(),
        CallerError::Registry(error) => Refused::of_registry(error),
        other => Refused::new(other.code(), other.to_string()),
    }
}
