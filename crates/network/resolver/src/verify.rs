//! All rounds of a verification in one call: ask the verifier what it needs, fetch it, ask again.
//!
//! Whoever holds a delegation can pass it on, and name documents and status lists as it does. So what
//! one root link's chains make a service fetch is bounded: in lists of one verification, in
//! verifications that fetch at a time, in what is kept of it, and a failure is not tried again at once.
//!
//! Whoever has not shown a trusted root's signature makes a service fetch nothing but that root's document,
//! and that once in a while, whoever asks; and is told nothing of roots and ceilings.

mod root;

use crate::{FetchError, Fetcher, shared::SharedEvidence};
use legation_verifier::{
    Code, Denial, Evidence, Need, Presentation, Progress, Trust, VerifiedChain, Verifier, advance, sponsor,
};
use std::collections::HashSet;
use tokio::sync::OwnedSemaphorePermit;

/// Seconds for which what was fetched or tried serves the next verification, whatever came of it. A
/// caller that repeats itself must not make us repeat ourselves; an issuer that has just mended its
/// list does not wait long.
const RETRY_AFTER: i64 = 10;

/// Verifies a presentation, fetching the evidence that is missing or too old.
///
/// `evidence` keeps what was fetched, so that the next call with the same one fetches only
/// what has aged. It stays within `trust.limits.evidence_bytes`.
/// `now` is Unix seconds.
///
/// Every fetch is one that the verifier asked for after authenticating what led to it: at most
/// one document per link, one for the agent and one per status issuer that is trusted, and as many
/// status lists as a chain may have links (`trust.limits.chain_links`).
///
/// # Errors
/// The [`Denial`]. What could not be fetched is told in it.
pub async fn verify(
    presentation: &Presentation,
    trust: &Trust,
    fetcher: &Fetcher,
    evidence: &mut Evidence,
    nonce: &str,
    now: i64,
) -> Result<VerifiedChain, Denial> {
    let own = evidence.excerpt(presentation);
    let work =
        Work { presentation, trust, memory: None, fetcher, now, own, turn: None, lists: 0, shown: false };
    work.run(&mut Store::Own(evidence), nonce).await
}

/// As [`verify`], for a service that answers many at a time: the evidence is locked for moments only,
/// never while something is fetched, parsed or verified. What was fetched or tried some seconds ago is
/// not fetched again, whatever came of it.
///
/// # Errors
/// As [`verify`]; but whoever has not shown a trusted root's signature is told nothing of roots and ceilings:
/// what it is told instead is that the signature does not fit, where the root is one that is trusted.
pub async fn verify_shared(
    presentation: &Presentation,
    verifier: &Verifier,
    fetcher: &Fetcher,
    evidence: &SharedEvidence,
    nonce: &str,
    now: i64,
) -> Result<VerifiedChain, Denial> {
    let own = evidence.read().excerpt(presentation);
    let (trust, memory) = (verifier.trust(), Some(verifier));
    let work = Work { presentation, trust, memory, fetcher, now, own, turn: None, lists: 0, shown: false };
    work.run(&mut Store::Shared { evidence, anew: false }, nonce).await
}

/// As [`verify_shared`], with everything fetched anew: what was revoked a moment ago is denied, at the
/// cost of these fetches. Of `evidence` it takes which status lists were seen, so that an older one is
/// refused; what it fetches serves the others.
///
/// It is all for whoever shows a trusted root's signature, by the document at hand or, where that does not say
/// so, by one that is fetched. That one fetch is made once in ten seconds, whoever asks.
///
/// # Errors
/// As [`verify_shared`].
pub async fn verify_anew(
    presentation: &Presentation,
    verifier: &Verifier,
    fetcher: &Fetcher,
    evidence: &SharedEvidence,
    nonce: &str,
    now: i64,
) -> Result<VerifiedChain, Denial> {
    let mut own = Evidence::new();
    own.note_seen(&evidence.read().excerpt(presentation), now);
    let (trust, memory) = (verifier.trust(), Some(verifier));
    let work = Work { presentation, trust, memory, fetcher, now, own, turn: None, lists: 0, shown: false };
    work.run(&mut Store::Shared { evidence, anew: true }, nonce).await
}

/// Where evidence is kept for the next verification.
pub(crate) enum Store<'a> {
    Own(&'a mut Evidence),
    Shared { evidence: &'a SharedEvidence, anew: bool },
}

impl Store<'_> {
    /// How often something was dropped of what is shared.
    fn drops(&self) -> u64 {
        match self {
            Self::Own(_) => 0,
            Self::Shared { evidence, .. } => evidence.drops(),
        }
    }

    /// As [`Store::change`], where nothing was dropped since.
    fn add(&mut self, drops: u64, change: impl FnOnce(&mut Evidence)) {
        match self {
            Self::Own(evidence) => change(evidence),
            Self::Shared { evidence, .. } => {
                let mut shared = evidence.write();
                if evidence.drops() == drops {
                    change(&mut shared);
                }
            }
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut Evidence)) {
        match self {
            Self::Own(evidence) => change(evidence),
            Self::Shared { evidence, .. } => change(&mut evidence.write()),
        }
    }
}

/// One verification, with evidence of its own: what others bring pushes nothing out of it.
pub(crate) struct Work<'a> {
    pub(crate) presentation: &'a Presentation,
    pub(crate) trust: &'a Trust,
    /// The verifier of that trust, where there is one that remembers.
    pub(crate) memory: Option<&'a Verifier>,
    pub(crate) fetcher: &'a Fetcher,
    pub(crate) now: i64,
    pub(crate) own: Evidence,
    /// The turn of its root link, held to the end: so many fetch, and hold what they have fetched.
    pub(crate) turn: Option<OwnedSemaphorePermit>,
    pub(crate) lists: usize,
    /// Whether the root's signature was shown by a document that is at hand.
    pub(crate) shown: bool,
}

impl Work<'_> {
    async fn run(mut self, store: &mut Store<'_>, nonce: &str) -> Result<VerifiedChain, Denial> {
        let outcome = self.rounds(store, nonce).await;
        // Also after a denial: the list that tells of a revocation is the newest one. But not before
        // all signatures have verified, or anybody could note something for a root link of its making.
        if outcome.as_ref().map_or_else(|denial| denial.code >= Code::StatusMissing, |_| true) {
            store.change(|evidence| evidence.note_seen_for(self.presentation, &self.own, self.now));
        }
        match (outcome, store) {
            (Err(denial), Store::Shared { evidence, .. }) => Err(self.told(denial, evidence).await),
            (outcome, _) => outcome,
        }
    }

    async fn rounds(&mut self, store: &mut Store<'_>, nonce: &str) -> Result<VerifiedChain, Denial> {
        let mut tried = HashSet::new();
        loop {
            if let Store::Shared { evidence, .. } = store {
                // What others have seen meanwhile.
                let seen = evidence.read().excerpt(self.presentation);
                self.own.note_seen(&seen, self.now);
            }
            let needs = match self.look(nonce)? {
                Progress::Needs(needs) => needs,
                Progress::Verified(chain) => {
                    for used in chain.evidence() {
                        if let Some(made) = used.valid_from {
                            self.own.note_status_list(&used.id, made);
                        }
                    }
                    return Ok(chain);
                }
            };
            let fresh: Vec<Need> = needs.into_iter().filter(|need| tried.insert(need.clone())).collect();
            if fresh.is_empty() {
                // All was tried, so that this says why not.
                return legation_verifier::verify(self.presentation, self.trust, &self.own, nonce, self.now);
            }
            for need in fresh {
                self.meet(&need, store).await;
            }
        }
    }

    fn look(&self, nonce: &str) -> Result<Progress, Denial> {
        match self.memory {
            Some(verifier) => verifier.advance(self.presentation, &self.own, nonce, self.now),
            None => advance(self.presentation, self.trust, &self.own, nonce, self.now),
        }
    }

    /// Meets a need, or notes why nothing does.
    pub(crate) async fn meet(&mut self, need: &Need, store: &mut Store<'_>) {
        if let Store::Shared { evidence, anew: true } = store
            && self.is_of_root(need)
            && !self.show(need, evidence).await
        {
            return;
        }
        let sponsor = sponsor(need, self.presentation, self.trust);
        let mut passing = None;
        if let Store::Shared { evidence, anew } = store {
            if !sponsor.trusted && self.turn.is_none() {
                self.turn = evidence.turn(sponsor.account).await;
            } else if sponsor.trusted && !*anew {
                passing = evidence.turn(sponsor.account).await;
            }
            // Whoever had the turn before may have fetched it.
            if !*anew && self.own.take_since(need, &evidence.read(), self.now.saturating_sub(RETRY_AFTER)) {
                return;
            }
        }
        if let Err(reason) = self.count(need) {
            // For this denial only: another verification may fetch it.
            return self.own.add_failure(need, &reason, self.now);
        }
        let mut drops = store.drops();
        let mut found = obtain(need, self.fetcher).await;
        if store.drops() != drops {
            // Somebody told meanwhile that it has changed: what was under way may be what was before.
            drops = store.drops();
            found = obtain(need, self.fetcher).await;
        }
        // What fails for one who asks anew takes nothing from those who do not.
        let keeps = found.is_ok() || !matches!(store, Store::Shared { anew: true, .. });
        keep(need, found, self.trust, &mut self.own, self.now);
        if keeps {
            store.add(drops, |evidence| {
                evidence.add_for(need, self.presentation, &self.own, self.trust, self.now);
            });
        }
        drop(passing);
    }

    /// Counts a status list that is to be fetched, unless that is one too many. Documents need no
    /// bound of their own: there is one for each link, the agent and each trusted status issuer.
    fn count(&mut self, need: &Need) -> Result<(), String> {
        // One for each link of the longest chain; a link may name several entries, of several lists.
        let most = self.trust.limits.chain_links;
        if matches!(need, Need::StatusList(_)) {
            if self.lists >= most {
                return Err(format!("not fetched: {most} status lists are the most for one verification"));
            }
            self.lists += 1;
        }
        Ok(())
    }
}

/// A piece of evidence as it was fetched.
enum Found {
    Document(Vec<u8>),
    StatusList(String),
}

async fn obtain(need: &Need, fetcher: &Fetcher) -> Result<Found, FetchError> {
    match need {
        Need::Document(did) => fetcher.document_bytes(did).await.map(|(_, bytes)| Found::Document(bytes)),
        Need::StatusList(url) => fetcher.status_list(url).await.map(Found::StatusList),
    }
}

/// Keeps what meets a need, or why nothing does.
fn keep(need: &Need, found: Result<Found, FetchError>, trust: &Trust, evidence: &mut Evidence, now: i64) {
    match (need, found) {
        (Need::Document(did), Ok(Found::Document(bytes))) => {
            // It was parsed a moment ago; what still fails would be told as a denial.
            let _ = evidence.add_document(did, &bytes, now);
        }
        (Need::StatusList(url), Ok(Found::StatusList(secured))) => {
            evidence.add_status_list(url, &secured, now, trust.limits.status_entries);
        }
        // Each need is met with its own kind.
        (_, Ok(_)) => {}
        (need, Err(error)) => evidence.add_failure(need, &error.to_string(), now),
    }
}
