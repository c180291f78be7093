//! [`VerifiedChain`] × [`Request`] → [`Decision`]: pure, and listing what the permit consumes.

use crate::{
    Code, Committed, Denial, VerifiedChain, VerifiedLink,
    approval::{ApprovalUse, Approvals, approval_request},
    evidence::Used,
    presentation::Account,
    shadow::Shadow,
};
use legation_credential::{
    Authority, Measure, Possession, Request, Situation, Value, Violation, Window, money::money,
};
use legation_did::Did;
use legation_keys::time::{self, Clock};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Yes or no to one request. Not a `Result`: a denial is an answer to record, not an error
/// to pass up.
// One is made for a request and handed on at once: a box would cost more than the room it saves.
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
#[must_use]
pub enum Decision {
    /// Within the effective authority. It opens nothing until a ledger has committed it.
    Permit(Permit),
    /// Outside it.
    Deny(Denial),
}

impl Decision {
    /// The permit, for callers that treat a denial as an error of their own.
    ///
    /// # Errors
    /// The [`Denial`].
    pub fn into_permit(self) -> Result<Permit, Denial> {
        match self {
            Self::Permit(permit) => Ok(permit),
            Self::Deny(denial) => Err(denial),
        }
    }
}

/// A permitted request and what it consumes. It can't be copied; committing uses it up.
#[derive(Debug)]
pub struct Permit {
    pub(crate) request: Request,
    pub(crate) nonce: Option<NonceUse>,
    /// Through whom it comes, root first.
    pub(crate) links: Arc<[VerifiedLink]>,
    pub(crate) approvals: Vec<ApprovalUse>,
    /// The evidence by which they hold.
    pub(crate) approved_by: Vec<Used>,
    pub(crate) debits: Vec<LinkDebit>,
    pub(crate) valid_until: i64,
    /// Of an agent that is only watched ([`crate::shadow`]).
    pub(crate) shadow: Option<Shadow>,
}

impl Permit {
    /// The request that is permitted.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The nonce that committing consumes; `None` where the verifier vouches for the agent: nothing was signed
    /// that could come a second time, and each call is a new one.
    #[must_use]
    pub fn nonce(&self) -> Option<&NonceUse> {
        self.nonce.as_ref()
    }

    /// The approvals that committing uses up.
    #[must_use]
    pub fn approvals(&self) -> &[ApprovalUse] {
        &self.approvals
    }

    /// What committing takes from totals.
    #[must_use]
    pub fn debits(&self) -> &[LinkDebit] {
        &self.debits
    }

    /// From which moment on it opens nothing any more, Unix seconds.
    #[must_use]
    pub fn valid_until(&self) -> i64 {
        self.valid_until
    }

    /// The permit as committed at `now` (Unix seconds), for whoever keeps a ledger of another kind than
    /// [`crate::MemoryLedger`], such as one in a database. It is on your word, and doors open on it, that before this
    /// is called, all at once and so that it outlives your process:
    ///
    /// 1. `now` was before [`Permit::valid_until`];
    /// 2. the [nonce](Permit::nonce) was new for its key, and is remembered until its `until`. One that was signed
    ///    before the ledger knew of anything is not new, nor one that [expires](NonceUse::expires_at) no later than
    ///    one that was forgotten: a clock's difference that is raised makes it pass again;
    /// 3. each [approval](Permit::approvals) was new, as a nonce has to be: it goes by its digest, and was signed when it
    ///    became valid;
    /// 4. each [debit](Permit::debits) found room for its amount within its most, in its window at `now`, on its
    ///    account and limit, and was taken.
    ///
    /// Where one of them fails nothing is taken, and the answer is the denial that [`crate::MemoryLedger::commit`]
    /// gives: `expired`, `nonce_replayed`, `presentation_stale`, `budget_exceeded`, `rate_exceeded`. Settle it by
    /// [`Committed::debits`]; a [`crate::MemoryLedger`] has nothing of it to settle.
    ///
    /// ```
    /// # use legation_verifier::{Committed, Denial, Permit};
    /// # struct Store;
    /// # impl Store { fn consume(&self, _: &Permit, _: i64) -> Result<(), Denial> { Ok(()) } }
    /// fn commit(store: &Store, permit: Permit, now: i64) -> Result<Committed, Denial> {
    ///     store.consume(&permit, now)?; // one transaction: permit.nonce(), permit.approvals(), permit.debits()
    ///     Ok(permit.consumed(now))
    /// }
    /// ```
    #[must_use]
    pub fn consumed(self, now: i64) -> Committed {
        let Self { request, nonce, approvals, approved_by, debits, shadow, .. } = self;
        let shadow = shadow.and_then(|shadow| shadow.denied);
        let (taken, aside) = (Vec::new(), None);
        Committed { request, nonce, approvals, approved_by, debits, taken, at: now, aside, shadow }
    }
}

/// A nonce and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NonceUse {
    /// The agent's key, as a Multikey.
    pub key: String,
    /// The nonce.
    pub nonce: String,
    /// The root link of the agent's chain, whose quota of a ledger's memory is used.
    pub root: Account,
    /// Until when it must be remembered, Unix seconds: the presentation can't pass later.
    pub until: i64,
    /// When what it stands in was signed, by its own word, Unix seconds.
    pub signed_at: i64,
    /// From when on what it stands in is no longer valid, by its own word and no clock's difference, Unix seconds.
    pub expires_at: i64,
}

impl NonceUse {
    /// The nonce of a chain, as a handshake consumes it, which authorizes nothing; `None` where the verifier vouches
    /// for the agent, which has signed nothing.
    #[must_use]
    pub fn of(chain: &VerifiedChain) -> Option<Self> {
        (chain.possession() == Possession::Signed).then(|| Self {
            key: chain.agent_key.clone(),
            nonce: chain.nonce.clone(),
            root: root_of(chain),
            until: chain.nonce_until,
            signed_at: chain.signed_at,
            expires_at: chain.nonce_until.saturating_sub(chain.clock_skew),
        })
    }
}

/// What a permit takes from one total of one link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkDebit {
    /// What it is counted on in the ledger: the link's account; the ceiling has one of its own per root.
    pub account: Account,
    /// Index of the link; `None` for the ceiling.
    pub link: Option<usize>,
    /// Which limit, in words that name it apart from every other limit of the link.
    pub limit: String,
    /// What is summed, and in which unit the two numbers are: money in millionths of a minor unit.
    pub measure: Measure,
    /// The window that it is summed over.
    pub window: Window,
    /// What is taken.
    pub amount: i64,
    /// Most that the window may hold.
    pub most: i64,
}

impl LinkDebit {
    /// The code of a denial by this total.
    pub(crate) fn code(&self) -> Code {
        match self.measure {
            Measure::Actions => Code::RateExceeded,
            Measure::Money | Measure::Fact(_) => Code::BudgetExceeded,
        }
    }

    /// So much of what is summed, in words: of money in the currency of the request that is debited.
    pub(crate) fn words(&self, amount: i64, request: &Request) -> String {
        match (&self.measure, request.facts().get("currency")) {
            (Measure::Money, Some(Value::Text(currency))) => money(amount, currency),
            _ => amount.to_string(),
        }
    }
}

/// Decides on a request by a verified chain, at `now` (Unix seconds).
///
/// Totals are not judged here. They are listed in the permit, for every link of the chain, so
/// that neither a sibling nor a re-encoded signature has a total of its own.
pub fn authorize(chain: &VerifiedChain, request: &Request, now: i64) -> Decision {
    authorize_approved(chain, request, &Approvals::none(), now)
}

/// As [`authorize`], with the approvals that came with the request and hold ([`crate::verify_approvals`]). A permit
/// uses up each of them; approvals of another request count for nothing.
pub fn authorize_approved(
    chain: &VerifiedChain,
    request: &Request,
    approvals: &Approvals,
    now: i64,
) -> Decision {
    // A chain may be kept while a service does its work; its links end all the same.
    if (Clock { now, skew: chain.clock_skew }).has_ended(chain.valid_until) {
        let expected = format!("before {}", time::format(chain.valid_until));
        return Decision::Deny(Denial::new(Code::Expired, expected, format!("now is {}", time::format(now))));
    }
    let counted = counted(chain, request, approvals, now);
    let approvers: Vec<Did> = counted.iter().map(|one| one.approver.clone()).collect();
    let situation = Situation { approvers: &approvers, ..chain.situation() };
    if let Err(violation) = chain.effective.permits_in(request, situation) {
        return Decision::Deny(deny(&violation, &approvers, approvals));
    }
    let ends = counted.iter().map(|one| one.valid_until).chain([chain.valid_until]).min();
    let debits = debits(chain, request);
    Decision::Permit(Permit {
        request: request.clone(),
        nonce: NonceUse::of(chain),
        links: Arc::clone(&chain.links),
        approvals: counted,
        approved_by: approvals.used.clone(),
        debits,
        valid_until: ends.unwrap_or(chain.valid_until).saturating_add(chain.clock_skew),
        shadow: None,
    })
}

/// What a request takes from totals, of the ceiling and of each link.
pub(crate) fn debits(chain: &VerifiedChain, request: &Request) -> Vec<LinkDebit> {
    let mut debits = Vec::new();
    collect(&chain.ceiling, ceiling_account(chain), None, request, &mut debits);
    for (index, link) in chain.links.iter().enumerate() {
        collect(&link.authority, link.account, Some(index), request, &mut debits);
    }
    debits
}

/// The approvals that are of this request and still valid.
fn counted(chain: &VerifiedChain, request: &Request, approvals: &Approvals, now: i64) -> Vec<ApprovalUse> {
    if approvals.approved.is_empty() || approvals.request != approval_request(chain, request).digest() {
        return Vec::new();
    }
    let clock = Clock { now, skew: chain.clock_skew };
    let lives = |one: &&ApprovalUse| !clock.has_ended(one.valid_until);
    approvals.approved.iter().filter(lives).cloned().collect()
}

/// The root link of a chain, under whose quotas of a ledger's memory it stands.
fn root_of(chain: &VerifiedChain) -> Account {
    chain.links.first().map_or_else(|| ceiling_account(chain), |root| root.signed)
}

/// The ceiling's account: one for each root.
fn ceiling_account(chain: &VerifiedChain) -> Account {
    Sha256::digest(format!("ceiling of {}", chain.principal)).into()
}

/// The debits of one link. What it inherits is debited where it was first said: whatever passes
/// this link passes those before it too.
fn collect(
    authority: &Authority,
    account: Account,
    link: Option<usize>,
    request: &Request,
    debits: &mut Vec<LinkDebit>,
) {
    debits.extend(authority.debits(request).map(|debit| LinkDebit {
        account,
        link,
        limit: debit.key.total(),
        measure: debit.measure(),
        window: debit.window,
        amount: debit.amount,
        most: debit.most,
    }));
}

pub(crate) fn deny(violation: &Violation, approvers: &[Did], approvals: &Approvals) -> Denial {
    let code = match violation {
        Violation::NotGranted { .. } => Code::NotGranted,
        Violation::MissingFact { .. } => Code::MissingFact,
        Violation::Constraint { .. } => Code::ConstraintViolated,
        Violation::ApprovalRequired { .. } => Code::ApprovalRequired,
    };
    let expected = match violation {
        Violation::NotGranted { granted, .. } => granted.clone(),
        Violation::MissingFact { name, limit } => format!("the fact `{name}`, since {limit}"),
        Violation::Constraint { limit, .. } | Violation::ApprovalRequired { limit, .. } => limit.to_string(),
    };
    let mut found = violation.found();
    if code == Code::ApprovalRequired {
        approvers.iter().for_each(|did| found.push_str(&format!("; approved by {did}")));
        let refused = approvals.refused.iter();
        refused.for_each(|why| found.push_str(&format!("; an approval does not count: expected {why}")));
    }
    Denial::new(code, expected, found)
}
