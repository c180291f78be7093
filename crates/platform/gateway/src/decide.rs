//! The decision: verify → authorize → reserve → record. Every way in ends here.

use crate::{
    auth,
    gateway::{Gateway, STORE, now},
    record,
    refused::Refused,
};
use legation_credential::Request;
use legation_http_signature::Message;
use legation_store::{Commit, CommitError, Done};
use legation_verifier::{
    Committed, Denial, VerifiedChain, authorize,
    receipt::{Subject, Told},
};
use std::sync::{Arc, OnceLock};

/// How often a decision is made again because the organization changed meanwhile.
const AGAIN: usize = 4;

/// A request that passes: recorded, and not yet forwarded.
#[derive(Debug)]
pub(crate) struct Passed {
    pub(crate) done: Done<Committed>,
    pub(crate) chain: Arc<VerifiedChain>,
    pub(crate) told: Arc<OnceLock<Told>>,
}

/// By what somebody shows who it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who<'a> {
    /// An API key, by its SHA-256: an agent in custody.
    Key([u8; 32]),
    /// A signature of the request, with a chain.
    Signed(&'a Message<'a>),
}

/// Who asks: a chain that holds, as of an epoch.
#[derive(Debug)]
pub(crate) struct Identified {
    pub(crate) epoch: i64,
    pub(crate) chain: Arc<VerifiedChain>,
    /// What receipts say of the chain, once one was written.
    pub(crate) told: Arc<OnceLock<Told>>,
}

/// What somebody asks for, as of what was configured at an epoch.
pub(crate) type Asked<'a> = &'a (dyn Fn(i64) -> BoxFuture<'a> + Sync);
/// The request that is judged, or why there is none.
pub(crate) type BoxFuture<'a> =
    core::pin::Pin<Box<dyn Future<Output = Result<Request, Undecided>> + Send + 'a>>;

impl Gateway {
    /// Decides on what somebody asks for, and reserves what it may cost. What was decided on an organization that has
    /// changed meanwhile is decided again.
    pub(crate) async fn decide(self: &Arc<Self>, who: Who<'_>, asked: Asked<'_>) -> Result<Passed, Refused> {
        for _ in 0..AGAIN {
            match self.decide_once(who, asked).await {
                Ok(passed) => return Ok(passed),
                Err(Undecided::Changed) => self.forget(),
                Err(Undecided::Refused(refused)) => return Err(refused),
            }
        }
        Err(Refused::new("overloaded", "the organization is changing all the time; try again"))
    }

    async fn decide_once(self: &Arc<Self>, who: Who<'_>, asked: Asked<'_>) -> Result<Passed, Undecided> {
        let now = now();
        let caller = match who {
            Who::Key(key) => self.by_key(key, now).await?,
            Who::Signed(message) => self.by_signature(message, now).await?,
        };
        let request = match asked(caller.epoch).await {
            Ok(request) => request,
            Err(Undecided::Changed) => return Err(Undecided::Changed),
            // It may be refused because of what was remembered.
            Err(Undecided::Refused(refused)) => return Err(self.not_asked(&caller, refused, now).await),
        };
        let permit = match authorize(&caller.chain, &request, now).into_permit() {
            Ok(permit) => permit,
            Err(denial) => return Err(self.denied(&caller, Some(&request), &denial, now).await),
        };
        let (gateway, told, about) = (Arc::clone(self), Arc::clone(&caller.told), request.clone());
        let seen = Arc::clone(&caller.chain);
        let commit = Commit {
            organization: Arc::clone(&self.organization),
            permit,
            // What says no amount is settled by nobody.
            reserving: request.amount().is_some(),
            epoch: caller.epoch,
            now,
            receipt: Box::new(move |outcome| {
                let told = told.get_or_init(|| Told::of(seen));
                record::of_commit(outcome, told, &about, gateway.verifier.trust(), now)
            }),
        };
        let committed = tokio::time::timeout(STORE, self.store.commit(commit)).await;
        match committed.unwrap_or_else(|_| Err(too_late())) {
            Ok(done) => Ok(Passed { done, chain: caller.chain, told: caller.told }),
            Err(CommitError::Denied(denial)) => {
                Err(self.with_time(Refused::from(&denial), &caller.chain, &request, now).await.into())
            }
            Err(CommitError::Stale { .. }) => Err(Undecided::Changed),
            Err(CommitError::Store(error)) => Err(Refused::of_store(&error).into()),
        }
    }

    /// Whoever shows an API key.
    async fn by_key(self: &Arc<Self>, key: [u8; 32], now: i64) -> Result<Identified, Undecided> {
        let known = match self.caller(key, now).await {
            Ok(known) => known,
            Err(error) => {
                if let Some(agent) = error.agent() {
                    let verifier = &self.verifier.trust().audience;
                    self.record_denial(record::of_refusal(agent, error.code(), verifier, now)).await?;
                }
                return Err(auth::refused(&error).into());
            }
        };
        match known.verify(&self.verifier, now) {
            Ok((chain, told)) => Ok(Identified { epoch: known.caller.epoch, chain, told }),
            Err(denial) => {
                let refused = self.unless_changed(known.caller.epoch, Refused::from(&denial)).await;
                if let Undecided::Refused(_) = refused {
                    let subject = Subject { presented: known.caller.chain.as_bytes(), ..Subject::default() };
                    let trust = self.verifier.trust();
                    self.record_denial(record::of_denial(&denial, subject, &known.caller.did, trust, now))
                        .await?;
                }
                Err(refused)
            }
        }
    }

    /// A denial by what was remembered, if that still holds; it is recorded.
    async fn denied(
        self: &Arc<Self>,
        caller: &Identified,
        request: Option<&Request>,
        denial: &Denial,
        now: i64,
    ) -> Undecided {
        let refused = match self.unless_changed(caller.epoch, Refused::from(denial)).await {
            Undecided::Changed => return Undecided::Changed,
            refused @ Undecided::Refused(_) => refused,
        };
        let subject = Subject { presented: b"", chain: Some(&caller.chain), request, transcript: None };
        let receipt = record::of_denial(denial, subject, caller.chain.agent(), self.verifier.trust(), now);
        match self.record_denial(receipt).await {
            Ok(()) => refused,
            Err(refused) => refused.into(),
        }
    }

    /// What a known caller asked for is nothing that could be judged; it is recorded.
    async fn not_asked(self: &Arc<Self>, caller: &Identified, refused: Refused, now: i64) -> Undecided {
        match self.unless_changed(caller.epoch, refused).await {
            Undecided::Changed => Undecided::Changed,
            Undecided::Refused(refused) => {
                let verifier = &self.verifier.trust().audience;
                let receipt = record::of_refusal(caller.chain.agent().as_str(), &refused.code, verifier, now);
                self.record_denial(receipt).await.err().unwrap_or(refused).into()
            }
        }
    }

    async fn unless_changed(self: &Arc<Self>, epoch: i64, refused: Refused) -> Undecided {
        match self.epoch().await {
            Ok(now) if now != epoch => Undecided::Changed,
            Ok(_) => refused.into(),
            Err(refused) => refused.into(),
        }
    }

    async fn record_denial(&self, receipt: legation_store::NewReceipt) -> Result<(), Refused> {
        let kept = tokio::time::timeout(STORE, self.store.deny(&self.organization, receipt)).await;
        kept.unwrap_or_else(|_| Err(too_late())).map(drop).map_err(|error| match error {
            CommitError::Store(error) => Refused::of_store(&error),
            _ => Refused::store(),
        })
    }
}

fn too_late() -> CommitError {
    CommitError::Store(legation_store::StoreError::Unavailable {
        reason: "it did not answer in time".to_owned(),
    })
}

/// Why there is no decision to forward on.
pub(crate) enum Undecided {
    /// What was decided on does not hold any more.
    Changed,
    /// It does not pass.
    Refused(Refused),
}

impl From<Refused> for Undecided {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}
