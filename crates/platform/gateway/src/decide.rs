//! The decision: verify → authorize → policy → reserve → record. Every way in ends here.

use crate::{
    access, auth,
    counted::By,
    gateway::{Gateway, STORE, now},
    policy::Said,
    record,
    refused::Refused,
    resource::Presented,
};
use legation_credential::Request;
use legation_did::Did;
use legation_http_signature::Message;
use legation_policy::Principal;
use legation_registry::{codes::Redeemed, route::RouteAuth};
use legation_store::{Commit, CommitError, Done, NewReceipt};
use legation_token::Assertion;
use legation_verifier::{
    Code, Committed, Denial, Permit, Presentation, VerifiedChain, approval_request, authorize,
    receipt::{Subject, Told},
};
use std::sync::{Arc, OnceLock};
use tracing::{Instrument, info_span};

/// How often a decision is made again because the organization changed meanwhile.
const AGAIN: usize = 4;

/// A request that passes: recorded, and not yet forwarded.
#[derive(Debug)]
pub(crate) struct Passed {
    pub(crate) done: Done<Committed>,
    pub(crate) caller: Identified,
}

/// By what somebody shows who it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who<'a> {
    /// An API key, by its SHA-256: an agent in custody.
    Key([u8; 32]),
    /// A signature of the request, with a chain.
    Signed(&'a Message<'a>),
    /// A presentation, at the token endpoint, whose nonce was made here.
    Presented(&'a Presentation),
    /// An agent of the organization, by a JWT that its key signed, at the token endpoint.
    Asserted(&'a Assertion),
    /// A program that a person has let act, at the token endpoint, whose code was spent.
    Consented(&'a Redeemed),
    /// An identity token or a JWT-SVID, at a route that takes some.
    Token(&'a Presented),
    /// An agent of the organization, by its DID, that somebody who may say so vouches for (`authzen`).
    Named {
        /// The agent.
        subject: &'a Did,
        /// Who vouches for it.
        by: &'a Did,
    },
}

/// What is known of a cost before the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cost {
    /// As much as is said, which nobody settles.
    Known,
    /// At most that: it is reserved, and settled afterwards.
    AtMost,
}

impl Who<'_> {
    /// What that is called.
    pub(crate) fn told(self) -> &'static str {
        match self {
            Self::Key(_) => "api-key",
            Self::Signed(_) => "signature",
            Self::Named { .. } => "vouched",
            Self::Presented(_) => "presentation",
            Self::Asserted(_) => "assertion",
            Self::Consented(_) => "code",
            Self::Token(presented) if presented.auth() == RouteAuth::Svid => "svid",
            Self::Token(_) => "token",
        }
    }
}

/// Who asks: a chain that holds, as of an epoch.
#[derive(Clone, Debug)]
pub(crate) struct Identified {
    pub(crate) epoch: i64,
    pub(crate) chain: Arc<VerifiedChain>,
    /// What receipts say of the chain, once one was written.
    pub(crate) told: Arc<OnceLock<Told>>,
    /// How old the keys and the status are that it was verified by, seconds. That nothing of them has changed since is held
    /// against the epoch when it is committed.
    pub(crate) status_age: i64,
    /// Who on its path policies are asked for, where that is known already.
    pub(crate) principals: Option<Arc<[Principal]>>,
    /// Until when it is only watched, Unix seconds; `None` where it is enforced.
    pub(crate) shadow: Option<i64>,
    /// By what it has proved that the request is its own; `None` where somebody else says so.
    pub(crate) proved: Option<By>,
    /// The chain itself, where an identity token lets less of it be used.
    pub(crate) whole: Option<Arc<VerifiedChain>>,
    /// Its links as they stand in a header, where they will be needed again.
    pub(crate) secured: Option<Arc<str>>,
}

impl Identified {
    /// Whoever has a chain that was verified just now.
    pub(crate) fn new(epoch: i64, chain: Arc<VerifiedChain>) -> Self {
        let (told, status_age) = (Arc::default(), 0);
        let (principals, shadow, proved, whole, secured) = (None, None, None, None, None);
        Self { epoch, chain, told, status_age, principals, shadow, proved, whole, secured }
    }

    /// Whether a denial is of the token alone: another token of the same chain would let it pass.
    fn lacks_scope(&self, request: &Request, denial: &Denial, now: i64) -> bool {
        let not_granted = |denial: &Denial| denial.code == Code::NotGranted;
        let is_denied = |whole: &Arc<VerifiedChain>| {
            authorize(whole, request, now).into_permit().is_err_and(|denial| not_granted(&denial))
        };
        not_granted(denial) && self.whole.as_ref().is_some_and(|whole| !is_denied(whole))
    }
}

/// What somebody asks for, as of what was configured at an epoch, with the chain of who asks.
pub(crate) type Asked<'a> = &'a (dyn Fn(i64, Arc<VerifiedChain>) -> BoxFuture<'a> + Sync);
/// The request that is judged, or why there is none.
pub(crate) type BoxFuture<'a> =
    core::pin::Pin<Box<dyn Future<Output = Result<Request, Undecided>> + Send + 'a>>;

impl Gateway {
    /// Decides on what somebody asks for, and takes what it costs. What was decided on an organization that has changed
    /// meanwhile is decided again.
    pub(crate) async fn decide(
        self: &Arc<Self>,
        who: Who<'_>,
        cost: Cost,
        asked: Asked<'_>,
    ) -> Result<Passed, Refused> {
        for _ in 0..AGAIN {
            match self.decide_once(who, cost, asked).await {
                Ok(passed) => return Ok(passed),
                Err(Undecided::Changed) => self.forget(),
                Err(Undecided::Refused(refused)) => return Err(refused),
            }
        }
        Err(Refused::new("overloaded", "the organization is changing all the time; try again"))
    }

    async fn decide_once(
        self: &Arc<Self>,
        who: Who<'_>,
        cost: Cost,
        asked: Asked<'_>,
    ) -> Result<Passed, Undecided> {
        let now = now();
        let mut caller = match who {
            Who::Key(key) => self.by_key(key, now).await?,
            Who::Signed(message) => self.by_signature(message, now).await?,
            Who::Named { subject, by } => self.by_name(subject, by, now).await?,
            Who::Presented(presentation) => self.by_presentation(presentation, now).await?,
            Who::Asserted(assertion) => self.by_assertion(assertion, now).await?,
            Who::Consented(redeemed) => self.by_consent(redeemed, now).await?,
            Who::Token(presented) => self.by_token(presented, now).await?,
        };
        access::identified(&caller, who.told(), caller.status_age);
        // What a token leaves out is left out, also of an agent that is only watched.
        if caller.whole.is_none() {
            caller.shadow = self.shadow_of(&caller, now).await?;
        }
        // Whoever has its share of the calls that go on has nothing reserved for one more.
        if let Err(refused) = access::take_turn(self, self.holder(&caller.chain).as_str()) {
            return Err(self.not_asked(&caller, refused, now).await);
        }
        if let Who::Token(presented) = who {
            self.is_first(presented, now).await?;
        }
        let request = match asked(caller.epoch, Arc::clone(&caller.chain)).await {
            Ok(request) => request,
            Err(Undecided::Changed) => return Err(Undecided::Changed),
            // It may be refused because of what was remembered.
            Err(Undecided::Refused(refused)) => return Err(self.not_asked(&caller, refused, now).await),
        };
        access::asked(&request);
        let (judged, policy) = self.judge(&caller, &request, now).await?;
        let permit = match caller.watched(&request, judged, now) {
            Ok(permit) => permit,
            Err(denial) if denial.code == Code::ApprovalRequired => {
                self.approved(&caller, &request, who, now).await?
            }
            Err(denial) => {
                let lacks_scope = caller.lacks_scope(&request, &denial, now);
                if lacks_scope {
                    // Whoever has a narrow token brings nobody into quarantine by what it leaves out.
                    caller.proved = None;
                }
                let undecided = self.denied(&caller, (&request, policy.as_deref()), &denial, now).await;
                return Err(match undecided {
                    Undecided::Refused(refused) if lacks_scope && refused.code == denial.code.as_str() => {
                        refused.lacking(request.action()).into()
                    }
                    undecided => undecided,
                });
            }
        };
        let approved =
            (!permit.approvals().is_empty()).then(|| approval_request(&caller.chain, &request).digest());
        let (gateway, told, about) = (Arc::clone(self), Arc::clone(&caller.told), request.clone());
        let (seen, proved) = (Arc::clone(&caller.chain), caller.proved.clone());
        let commit = Commit {
            organization: Arc::clone(&self.organization),
            permit,
            // What says no amount is settled by nobody.
            reserving: cost == Cost::AtMost && request.amount().is_some(),
            epoch: caller.epoch,
            now,
            receipt: Box::new(move |outcome| {
                let told = told.get_or_init(|| Told::of(seen));
                let trust = gateway.verifier.trust();
                let receipt = record::of_commit(outcome, told, (&about, policy.as_deref()), trust, now);
                let counts = |denial| gateway.counts((told.chain(), proved.as_ref()), &about, denial);
                let holder = gateway.holder_apart(told.chain());
                NewReceipt { proved: outcome.err().and_then(counts), holder, ..receipt }
            }),
        };
        // The receipt is written in the same transaction.
        let committed =
            tokio::time::timeout(STORE, self.store.commit(commit)).instrument(info_span!("reserve")).await;
        match committed.unwrap_or_else(|_| Err(too_late())) {
            Ok(done) => {
                access::permitted(done.receipt, &done.outcome);
                self.note_used(approved);
                Ok(Passed { done, caller })
            }
            Err(CommitError::Denied(denial)) => {
                Err(self.with_time(Refused::from(&denial), &caller.chain, &request, now).await.into())
            }
            Err(CommitError::Stale { .. }) => Err(Undecided::Changed),
            Err(CommitError::Store(error)) => Err(Refused::of_store(&error).into()),
        }
    }

    /// What chain and policies say of a request, and what its receipt says of the policies. Where it lacks an approval, policies are
    /// asked all the same: what is denied anyway is not held for one.
    async fn judge(
        self: &Arc<Self>,
        caller: &Identified,
        request: &Request,
        now: i64,
    ) -> Result<(Result<Permit, Denial>, Option<String>), Undecided> {
        let authorized =
            info_span!("authorize").in_scope(|| authorize(&caller.chain, request, now).into_permit());
        // Of who is only watched it is told what policies say, too.
        let is_denied = authorized.as_ref().is_err_and(|denial| denial.code != Code::ApprovalRequired);
        if is_denied && caller.shadow.is_none() {
            return Ok((authorized, None));
        }
        let said = self.asks_policies(caller, request, now).instrument(info_span!("policy")).await?;
        let Said { receipt, denial, .. } = said;
        Ok((denial.filter(|_| !is_denied).map_or(authorized, Err), receipt))
    }

    /// Whose calls are counted together: the agent of this organization that acts, or that somewhere above handed its
    /// authority on to who does. Whoever makes itself children has no more turns by them.
    pub(crate) fn holder<'c>(&self, chain: &'c VerifiedChain) -> &'c legation_did::Did {
        let own = chain.links().iter().rev().map(|link| &link.subject);
        // All agents of a partner have one share.
        let is_ours = chain.principal() == self.registry.did();
        let other = || if is_ours { chain.agent() } else { chain.principal() };
        own.clone().find(|did| self.registry.is_own(did)).unwrap_or_else(other)
    }

    /// The same, where it is an agent of this organization and not the one that acts.
    pub(crate) fn holder_apart(&self, chain: &VerifiedChain) -> Option<String> {
        let holder = self.holder(chain);
        (holder != chain.agent() && self.registry.is_own(holder)).then(|| holder.to_string())
    }

    /// Whoever shows an API key.
    async fn by_key(self: &Arc<Self>, key: [u8; 32], now: i64) -> Result<Identified, Undecided> {
        let known = match self.caller(key, now).instrument(info_span!("auth")).await {
            Ok(known) => known,
            Err(error) => {
                if let Some(agent) = error.agent() {
                    let verifier = &self.verifier.trust().audience;
                    self.record_denial(record::of_refusal(agent, error.code(), verifier, now)).await?;
                }
                return Err(auth::refused(&error).into());
            }
        };
        match info_span!("verify").in_scope(|| known.verify(&self.verifier, now)) {
            Ok((chain, told)) => {
                let principals = Some(Arc::clone(&known.caller.principals));
                let (epoch, status_age) = (known.caller.epoch, known.age(now));
                let proved = Some(By::Key);
                Ok(Identified { told, status_age, principals, proved, ..Identified::new(epoch, chain) })
            }
            Err(denial) => {
                let refused = self.unless_changed(known.caller.epoch, Refused::from(&denial)).await;
                if let Undecided::Refused(_) = refused {
                    let subject = Subject { presented: known.caller.chain.as_bytes(), ..Subject::default() };
                    let trust = self.verifier.trust();
                    let receipt = record::of_denial(&denial, (subject, None), &known.caller.did, trust, now);
                    self.record_denial(receipt).await?;
                }
                Err(refused)
            }
        }
    }

    /// A denial by what was remembered, if that still holds; it is recorded.
    pub(crate) async fn denied(
        self: &Arc<Self>,
        caller: &Identified,
        (request, policy): (&Request, Option<&str>),
        denial: &Denial,
        now: i64,
    ) -> Undecided {
        let refused = match self.unless_changed(caller.epoch, Refused::from(denial)).await {
            Undecided::Changed => return Undecided::Changed,
            refused @ Undecided::Refused(_) => refused,
        };
        let counts = self.counts((&caller.chain, caller.proved.as_ref()), request, denial);
        let (chain, request) = (Some(&*caller.chain), Some(request));
        let subject = Subject { presented: b"", chain, request, transcript: None };
        let (agent, trust) = (caller.chain.agent(), self.verifier.trust());
        let receipt = record::of_denial(denial, (subject, policy), agent, trust, now);
        match self.record_denial(NewReceipt { proved: counts, ..receipt }).await {
            Ok(()) => refused,
            Err(refused) => refused.into(),
        }
    }

    /// What a known caller asked for is nothing that could be judged; it is recorded.
    pub(crate) async fn not_asked(
        self: &Arc<Self>,
        caller: &Identified,
        refused: Refused,
        now: i64,
    ) -> Undecided {
        match self.unless_changed(caller.epoch, refused).await {
            Undecided::Changed => Undecided::Changed,
            Undecided::Refused(refused) => {
                let verifier = &self.verifier.trust().audience;
                let receipt = record::of_refusal(caller.chain.agent().as_str(), &refused.code, verifier, now);
                self.record_denial(receipt).await.err().unwrap_or(refused).into()
            }
        }
    }

    pub(crate) async fn unless_changed(self: &Arc<Self>, epoch: i64, refused: Refused) -> Undecided {
        match self.epoch().await {
            Ok(now) if now != epoch => Undecided::Changed,
            Ok(_) => refused.into(),
            Err(refused) => refused.into(),
        }
    }

    pub(crate) async fn record_denial(&self, receipt: NewReceipt) -> Result<(), Refused> {
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
