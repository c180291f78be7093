//! What is asked of the ledger, and what it answers. Several of them go in one transaction.

use crate::{
    error::StoreError,
    ledger::{self, Head, LATER},
    quarantine::{self, Counting, Denied},
    receipt::{self, NewReceipt},
    synced::Synced,
    tx::Tx,
};
use core::fmt;
use legation_verifier::{
    Actual, Committed, Denial, MemoryLedger, Permit, Settled, VerifiedChain, ledger::parts::Names,
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, mpsc::Sender},
};
use tokio::sync::oneshot;

/// Within how many seconds a denial that repeats is counted and not kept again.
const REPEATS: i64 = 60;
/// How often what has ended is looked for, in seconds: it costs two queries.
const SWEEP_EVERY: i64 = 10;
/// Most denials whose repetitions are known.
const REPEATING: usize = 10_000;

/// Why a permit was not committed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// A rule is broken: it was used before, or there is no room left in a total. The receipt of that is kept; one that
    /// repeats within a minute is counted.
    #[error("{0}")]
    Denied(Denial),
    /// The organization has changed since it was decided: decide again, on what holds now.
    #[error("what was decided on has changed: it was decided at epoch {decided}, now it is {now}")]
    Stale {
        /// The epoch that it was decided at.
        decided: i64,
        /// The organization's.
        now: i64,
    },
    /// Nobody knows. Nothing opens.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// What was committed.
#[derive(Debug)]
pub struct Done<T> {
    /// The outcome.
    pub outcome: T,
    /// The number of the receipt. One that was committed in memory has none yet: a negative number stands for it.
    pub receipt: i64,
    /// SHA-256 of the receipt's text; zeros where there is none.
    pub digest: [u8; 32],
    /// When it is on the disk.
    pub synced: Synced,
}

/// Writes the receipt of a commit, or of its denial.
pub type WriteReceipt = Box<dyn FnOnce(Result<&Committed, &Denial>) -> NewReceipt + Send>;
/// Writes the receipt of a settlement.
pub type WriteSettlement = Box<dyn FnOnce(&Settled) -> NewReceipt + Send>;

/// A permit to commit.
pub struct Commit {
    /// Whose it is.
    pub organization: Arc<str>,
    /// What was permitted.
    pub permit: Permit,
    /// Whether its cost is known only afterwards ([`MemoryLedger::reserve`]).
    pub reserving: bool,
    /// The epoch that it was decided at.
    pub epoch: i64,
    /// Unix seconds.
    pub now: i64,
    /// Writes the receipt.
    pub receipt: WriteReceipt,
}

impl fmt::Debug for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Commit")
            .field("organization", &self.organization)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// A committed permit to settle.
pub struct Settle {
    /// Whose it is.
    pub organization: Arc<str>,
    /// What was committed.
    pub committed: Committed,
    /// What it really cost.
    pub actual: Actual,
    /// Unix seconds.
    pub now: i64,
    /// Writes the receipt.
    pub receipt: WriteSettlement,
}

impl fmt::Debug for Settle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settle")
            .field("organization", &self.organization)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

type Answer<T> = oneshot::Sender<Result<Done<T>, CommitError>>;

pub(crate) enum Job {
    Commit(Box<Commit>, Answer<Committed>),
    Settle(Box<Settle>, Answer<Settled>),
    Nonce {
        organization: Arc<str>,
        chain: Box<VerifiedChain>,
        until: i64,
        now: i64,
        answer: Answer<()>,
    },
    Deny {
        organization: Arc<str>,
        receipt: Box<NewReceipt>,
        answer: Answer<()>,
    },
    /// A batch of receipts that was signed. It goes with what is committed, so that it makes nobody wait.
    Signed {
        organization: Arc<str>,
        batch: receipt::Batch,
        /// Who waits for this may block: signing is a verb.
        answer: Sender<Result<(), StoreError>>,
    },
}

impl Job {
    fn organization(&self) -> &Arc<str> {
        match self {
            Self::Commit(commit, _) => &commit.organization,
            Self::Settle(settle, _) => &settle.organization,
            Self::Nonce { organization, .. }
            | Self::Deny { organization, .. }
            | Self::Signed { organization, .. } => organization,
        }
    }

    /// Whether whoever asked has gone. What was spent is settled all the same.
    fn is_dropped(&self) -> bool {
        match self {
            Self::Commit(_, answer) => answer.is_closed(),
            Self::Nonce { answer, .. } => answer.is_closed(),
            Self::Settle(..) | Self::Deny { .. } | Self::Signed { .. } => false,
        }
    }

    fn now(&self) -> i64 {
        match self {
            Self::Commit(commit, _) => commit.now,
            Self::Settle(settle, _) => settle.now,
            Self::Nonce { now, .. } => *now,
            Self::Deny { receipt, .. } => receipt.at,
            Self::Signed { .. } => 0,
        }
    }

    fn add_names(&self, names: &mut Names) {
        match self {
            Self::Commit(commit, _) => names.add_permit(&commit.permit, commit.reserving),
            Self::Settle(settle, _) => names.add_committed(&settle.committed),
            Self::Nonce { chain, .. } => names.add_chain(chain),
            Self::Deny { .. } | Self::Signed { .. } => {}
        }
    }

    /// Answers that the store can't be used.
    pub(crate) fn fail(self, error: &StoreError) {
        let failed = || CommitError::Store(error.clone());
        match self {
            Self::Commit(_, answer) => drop(answer.send(Err(failed()))),
            Self::Settle(_, answer) => drop(answer.send(Err(failed()))),
            Self::Nonce { answer, .. } | Self::Deny { answer, .. } => drop(answer.send(Err(failed()))),
            Self::Signed { answer, .. } => drop(answer.send(Err(error.clone()))),
        }
    }
}

/// The number of a receipt, and the SHA-256 of its text.
type Numbered = (i64, [u8; 32]);

/// An answer that waits until its transaction has been committed.
pub(crate) struct Ready(Box<dyn FnOnce(Result<Synced, StoreError>) + Send>);

impl Ready {
    pub(crate) fn tell(self, committed: Result<Synced, StoreError>) {
        (self.0)(committed);
    }

    fn new<T: Send + 'static>(answer: Answer<T>, outcome: Result<(T, Numbered), CommitError>) -> Self {
        Self(Box::new(move |committed| {
            let done = committed.map_err(CommitError::Store).and_then(|synced| {
                let (outcome, (receipt, digest)) = outcome?;
                Ok(Done { outcome, receipt, digest, synced })
            });
            // Whoever asked may have gone.
            drop(answer.send(done));
        }))
    }
}

/// A denial as far as it repeats: organization, agent and code. Whoever is denied chooses the resource, and must not
/// fill the store by choosing another one each time.
type Same = (Arc<str>, String, String);

/// Denials that were kept a moment ago, with number and time.
#[derive(Debug, Default)]
struct Repeats(HashMap<Same, (i64, i64)>);

/// What the thread that commits remembers between two transactions. All of it may be lost.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    repeats: Repeats,
    counting: Counting,
    /// Up to which moment each organization's ledger was swept last, Unix seconds.
    swept: HashMap<Arc<str>, i64>,
}

impl Kept {
    /// Up to which moment to forget now; `None` where that was done a moment ago.
    fn sweep(&mut self, organization: &str, now: i64) -> Option<i64> {
        let ended = now.saturating_sub(LATER);
        let last = self.swept.get(organization);
        if last.is_some_and(|last| (0..SWEEP_EVERY).contains(&ended.saturating_sub(*last))) {
            return None;
        }
        self.swept.insert(organization.into(), ended);
        Some(ended)
    }
}

/// Jobs by organization, in the order in which they came.
pub(crate) fn by_organization(jobs: Vec<Job>) -> BTreeMap<Arc<str>, Vec<Job>> {
    let mut all: BTreeMap<Arc<str>, Vec<Job>> = BTreeMap::new();
    for job in jobs.into_iter().filter(|job| !job.is_dropped()) {
        all.entry(Arc::clone(job.organization())).or_default().push(job);
    }
    all
}

/// Does the jobs of one organization within a transaction. The answers are given once that has been committed. Where
/// this fails, nobody has an answer yet, and the jobs that were not reached are still in `jobs`.
pub(crate) fn run(
    tx: &mut Tx<'_>,
    organization: &str,
    jobs: &mut Vec<Job>,
    ready: &mut Vec<Ready>,
    kept: &mut Kept,
) -> Result<(), StoreError> {
    let head = ledger::head(tx, organization)?;
    let mut names = Names::default();
    jobs.iter().for_each(|job| job.add_names(&mut names));
    let ended = kept.sweep(organization, jobs.iter().map(Job::now).max().unwrap_or(0));
    let before = ledger::load(tx, organization, &head, &names, ended)?;
    let mut memory = head.memory(before.clone());
    if let Some(ended) = ended {
        memory.forget(ended);
    }
    let (receipts, repeated, signed, denied) = (receipt::Rows::default(), Vec::new(), Vec::new(), Vec::new());
    let mut batch = Batch { organization, head, memory, receipts, repeated, signed, denied };
    ready.extend(jobs.drain(..).map(|job| batch.one(job, &mut kept.repeats)));
    let Batch { mut head, memory, receipts, repeated, signed, denied, .. } = batch;
    ledger::save(tx, organization, &mut head, &before, &memory)?;
    receipts.insert(tx, organization)?;
    for batch in signed {
        receipt::add_batch(tx, organization, batch)?;
    }
    for (number, at) in repeated {
        receipt::count_again(tx, organization, number, at)?;
    }
    // Behind what was committed, so that what passed in this transaction has passed.
    quarantine::count(tx, organization, denied, &mut kept.counting)?;
    ledger::set_head(tx, organization, &head)
}

/// Some jobs of one organization.
struct Batch<'a> {
    organization: &'a str,
    head: Head,
    memory: MemoryLedger,
    receipts: receipt::Rows,
    /// Numbers of receipts that happened again, and when.
    repeated: Vec<(i64, i64)>,
    /// Batches of receipts that were signed.
    signed: Vec<receipt::Batch>,
    /// Denials that count against somebody.
    denied: Vec<Denied>,
}

impl Batch<'_> {
    fn one(&mut self, job: Job, repeats: &mut Repeats) -> Ready {
        match job {
            Job::Commit(commit, answer) => Ready::new(answer, self.commit(*commit, repeats)),
            Job::Settle(settle, answer) => {
                let Settle { committed, actual, now, receipt, .. } = *settle;
                let settled = self.memory.settle(committed, &actual, now);
                let number = self.keep(&receipt(&settled));
                Ready::new(answer, Ok((settled, number)))
            }
            Job::Nonce { chain, until, now, answer, .. } => {
                let outcome = self.memory.commit_nonce(&chain, until, now);
                Ready::new(answer, outcome.map(|()| ((), (0, [0; 32]))).map_err(CommitError::Denied))
            }
            Job::Deny { organization, receipt, answer } => {
                let number = self.deny(&organization, *receipt, repeats);
                Ready::new(answer, Ok(((), number)))
            }
            Job::Signed { batch, answer, .. } => {
                self.signed.push(batch);
                Ready(Box::new(move |committed| drop(answer.send(committed.map(drop)))))
            }
        }
    }

    fn commit(
        &mut self,
        commit: Commit,
        repeats: &mut Repeats,
    ) -> Result<(Committed, Numbered), CommitError> {
        let Commit { organization, permit, reserving, epoch, now, receipt } = commit;
        if epoch != self.head.epoch {
            return Err(CommitError::Stale { decided: epoch, now: self.head.epoch });
        }
        let memory = &mut self.memory;
        let outcome = if reserving { memory.reserve(permit, now) } else { memory.commit(permit, now) };
        let written = receipt(outcome.as_ref());
        match outcome {
            Ok(done) => Ok((done, self.keep(&written))),
            Err(denial) => {
                self.deny(&organization, written, repeats);
                Err(CommitError::Denied(denial))
            }
        }
    }

    fn deny(&mut self, organization: &Arc<str>, receipt: NewReceipt, repeats: &mut Repeats) -> Numbered {
        let at = receipt.at;
        if let Some(proved) = &receipt.proved {
            self.denied.push(Denied { proved: (**proved).clone(), code: receipt.code.clone(), at });
        }
        let name = (Arc::clone(organization), receipt.agent.clone(), receipt.code.clone());
        if let Some((number, first)) = repeats.0.get(&name)
            && at.saturating_sub(*first) < REPEATS
        {
            self.repeated.push((*number, at));
            return (*number, receipt.body.digest());
        }
        if repeats.0.len() >= REPEATING {
            repeats.0.clear();
        }
        let number = self.keep(&receipt);
        repeats.0.insert(name, (number.0, at));
        number
    }

    fn keep(&mut self, receipt: &NewReceipt) -> Numbered {
        self.head.receipts = self.head.receipts.saturating_add(1);
        self.receipts.push(self.organization, self.head.receipts, receipt.of, receipt);
        (self.head.receipts, receipt.body.digest())
    }
}
