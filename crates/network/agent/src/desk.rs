//! What a service verifies with: its trust, the evidence it has fetched, what was used up, and the
//! chains it has met. Handshakes and requests share one desk.

use crate::{
    Identity, clock,
    known::{KnownChains, KnownLimits, KnownLink},
    ledger::{Ledger, LedgerError, Memory},
    records::{Decided, RecordError, Records},
    signals::{Heeded, Subject},
};
use core::time::Duration;
use legation_did::Did;
use legation_resolver::{Asked, Fetcher, SharedEvidence, approvals_shared, verify_anew, verify_shared};
use legation_verifier::{
    Approvals, Code, Committed, Denial, LedgerLimits, Permit, Presentation, SignalSource, Trust,
    VerifiedChain, Verifier,
};
use std::sync::{Arc, Mutex, PoisonError};

/// How long one verification may take, all its fetches together; and how long a ledger may take.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// A service's side of every verification.
#[derive(Debug)]
pub struct Desk {
    pub(crate) identity: Identity,
    pub(crate) verifier: Verifier,
    fetcher: Fetcher,
    evidence: SharedEvidence,
    ledger: Arc<dyn Ledger>,
    records: Option<Arc<dyn Records>>,
    known: Mutex<KnownChains>,
}

/// The trust is not that of the identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the trust's audience is `{audience}`, and the service is `{did}`; they must be the same")]
pub struct DeskError {
    /// What the trust says.
    pub audience: String,
    /// Who the service is.
    pub did: String,
}

impl Desk {
    /// A desk with the default bounds. What is used up is remembered in memory: a process that starts anew has
    /// forgotten it, counts totals from zero, and refuses what was signed before it began by `presentation_stale`.
    /// Where a budget has to outlive the process, or several share it, hand in a ledger by [`Desk::with_ledger`].
    ///
    /// # Errors
    /// [`DeskError`].
    pub fn new(identity: Identity, trust: Trust, fetcher: Fetcher) -> Result<Self, DeskError> {
        Self::with_limits(identity, trust, fetcher, LedgerLimits::default(), KnownLimits::default())
    }

    /// A desk with bounds of its own, and else as [`Desk::new`] has it.
    ///
    /// # Errors
    /// [`DeskError`].
    pub fn with_limits(
        identity: Identity,
        trust: Trust,
        fetcher: Fetcher,
        ledger: LedgerLimits,
        known: KnownLimits,
    ) -> Result<Self, DeskError> {
        let ledger = Arc::new(Memory::begin(ledger, clock::now()));
        Self::with_ledger(identity, trust, fetcher, ledger, known)
    }

    /// A desk that remembers in a ledger of its own what is used up. All desks of a service share one, on all its
    /// machines, or each of them lets as much through as one alone should.
    ///
    /// # Errors
    /// [`DeskError`].
    pub fn with_ledger(
        identity: Identity,
        trust: Trust,
        fetcher: Fetcher,
        ledger: Arc<dyn Ledger>,
        known: KnownLimits,
    ) -> Result<Self, DeskError> {
        if trust.audience != identity.did().as_str() {
            return Err(DeskError { audience: trust.audience, did: identity.did().to_string() });
        }
        Ok(Self {
            identity,
            verifier: Verifier::new(trust),
            fetcher,
            evidence: SharedEvidence::new(),
            ledger,
            records: None,
            known: Mutex::new(KnownChains::new(known)),
        })
    }

    /// The same desk, which keeps each decision before it is told. Where one can't be kept the service is closed.
    #[must_use]
    pub fn with_records(self, records: Arc<dyn Records>) -> Self {
        Self { records: Some(records), ..self }
    }

    /// Who the service is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whom it trusts.
    #[must_use]
    pub fn trust(&self) -> &Trust {
        self.verifier.trust()
    }

    /// Verifies a presentation with its own nonce, which the caller of this has held against its
    /// challenge, or which the ledger will hold against those before it. `anew` fetches all evidence,
    /// however fresh the desk's own is.
    pub(crate) async fn verify(
        &self,
        presentation: &Presentation,
        anew: bool,
        now: i64,
    ) -> Result<VerifiedChain, Denial> {
        let (verifier, fetcher, evidence) = (&self.verifier, &self.fetcher, &self.evidence);
        let nonce = presentation.nonce();
        let verified = async {
            if anew {
                verify_anew(presentation, verifier, fetcher, evidence, nonce, now).await
            } else {
                verify_shared(presentation, verifier, fetcher, evidence, nonce, now).await
            }
        };
        tokio::time::timeout(DEADLINE, verified).await.unwrap_or_else(|_| {
            let expected = format!("all evidence within {} s", DEADLINE.as_secs());
            Err(Denial::new(Code::DidUnresolved, expected, "servers that take longer"))
        })
    }

    /// The approvals of a request that hold. Whose documents can't be had within [`DEADLINE`] have approved nothing.
    pub(crate) async fn approvals(
        &self,
        presented: &[&str],
        asked: Asked<'_>,
        anew: bool,
        now: i64,
    ) -> Approvals {
        if presented.is_empty() {
            return Approvals::none();
        }
        let (trust, fetcher, evidence) = (self.trust(), &self.fetcher, &self.evidence);
        let verified = approvals_shared(presented, asked, trust, fetcher, evidence, anew, now);
        tokio::time::timeout(DEADLINE, verified).await.unwrap_or_default()
    }

    pub(crate) async fn commit(&self, permit: Permit, now: i64) -> Result<Committed, LedgerError> {
        in_time(self.ledger.commit(permit, now)).await
    }

    pub(crate) async fn commit_nonce(
        &self,
        chain: &VerifiedChain,
        until: i64,
        now: i64,
    ) -> Result<(), LedgerError> {
        in_time(self.ledger.commit_nonce(chain, until, now)).await
    }

    /// Keeps a decision, where decisions are kept. One that takes longer than [`DEADLINE`] may have been; nobody is told of it.
    pub(crate) async fn keep(&self, decided: Decided) -> Result<(), RecordError> {
        let Some(records) = &self.records else { return Ok(()) };
        tokio::time::timeout(DEADLINE, records.keep(decided)).await.unwrap_or_else(|_| {
            let reason = format!("no answer within {} s", DEADLINE.as_secs());
            Err(RecordError::Unavailable { reason })
        })
    }

    pub(crate) fn known(&self, digest: &[u8; 32]) -> Option<(Arc<str>, bool)> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(digest)
    }

    pub(crate) fn remember(&self, digest: [u8; 32], text: &str, chain: &VerifiedChain, met: bool) {
        let Some(root) = chain.links().first() else { return };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.remember(digest, text, (root.account, || KnownLink::all(chain)), met);
    }

    /// What fetches here.
    pub(crate) fn fetcher(&self) -> &Fetcher {
        &self.fetcher
    }

    /// Drops what is remembered of those of whom a transmitter has told something, as far as they are its own to speak of:
    /// chains that are known, the documents of those who were named, and the status lists of all that is its own, since
    /// which of them has changed is not told. Nothing is permitted by it: whoever is verified next is, by what is fetched.
    pub(crate) fn heed(&self, source: &SignalSource, of: &Subject, now: i64) -> Heeded {
        let named = |did: &Did| source.speaks_of(did) && of.names(did);
        let is_meant = |link: &KnownLink| {
            source.speaks_of(&link.issuer)
                && (of.link == Some(link.digest) || of.names(&link.subject) || of.names(&link.issuer))
        };
        let chains = self.known.lock().unwrap_or_else(PoisonError::into_inner).forget_of(is_meant);
        let evidence = self.evidence.drop_of(&|did| source.speaks_of(did), &named, now);
        Heeded { chains, evidence }
    }
}

/// What a ledger answers in time. One that takes longer may have consumed; nothing opens.
async fn in_time<T>(answer: impl Future<Output = Result<T, LedgerError>>) -> Result<T, LedgerError> {
    tokio::time::timeout(DEADLINE, answer).await.unwrap_or_else(|_| {
        let reason = format!("no answer within {} s", DEADLINE.as_secs());
        Err(LedgerError::Unavailable { reason })
    })
}
