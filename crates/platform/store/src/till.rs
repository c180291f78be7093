//! Deciding in memory: what a process commits of totals of which something was set aside for it.
//!
//! An organization whose calls come thick gets a till in each process. What a call takes is judged and taken in memory
//! ([`Aside`]), written to the process's journal, and carried over to the store every so often, with its receipt. What
//! does not fit goes through the store, as every call does that is signed, approved, or comes alone.
//!
//! A till decides only while it holds its lease: a second from when it last heard the organization's epoch. Whoever raises
//! the epoch waits until all have heard it, or their leases have ended.

mod carry;
mod journal;
mod record;
pub(crate) mod recover;
pub(crate) mod table;

use crate::{
    connection::Location,
    error::StoreError,
    job::{Commit, CommitError, Done, Settle},
    synced::WHILE,
};
use carry::Carrier;
use journal::Journal;
use legation_verifier::{Committed, Settled, ledger::aside::Aside};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// For how long a till decides after it heard the epoch.
pub(crate) const LEASE: Duration = Duration::from_secs(1);
/// How often it asks whether the epoch has changed.
const ASK: Duration = Duration::from_millis(20);
/// How often what it took is carried over.
const CARRY: Duration = Duration::from_millis(100);
/// From how many entries on they are carried over at once.
const MANY: usize = 256;
/// In which time calls are counted.
const SLOT: Duration = Duration::from_millis(100);
/// After how long one that could not be started is tried again.
const AGAIN: Duration = Duration::from_secs(5);
/// So many calls of an organization in that time are thick.
const THICK: u32 = 5;

/// How thick calls come.
#[derive(Debug)]
struct Pace {
    since: Instant,
    count: u32,
    before: u32,
}

impl Pace {
    fn new() -> Self {
        Self { since: Instant::now(), count: 0, before: 0 }
    }

    /// Counts a call, and gives whether there are `thick` of them.
    fn is_thick(&mut self, thick: u32) -> bool {
        let elapsed = self.since.elapsed();
        if elapsed >= SLOT {
            self.before = if elapsed < SLOT * 2 { self.count } else { 0 };
            (self.since, self.count) = (Instant::now(), 0);
        }
        self.count = self.count.saturating_add(1);
        self.count.max(self.before) >= thick
    }
}

/// A till of an organization.
pub(crate) struct Till {
    organization: Arc<str>,
    process: String,
    journal: Journal,
    state: Mutex<State>,
    bell: Condvar,
    /// Whether somebody waits until what is written is in the store.
    is_eager: bool,
    /// How often what was free was given back.
    given_back: watch::Sender<u64>,
    carrying: Mutex<Option<JoinHandle<()>>>,
}

struct State {
    aside: Aside,
    /// The number of the last entry.
    number: u64,
    epoch: i64,
    /// When the lease ends.
    until: Option<Instant>,
    /// By the clock of whoever called last, Unix seconds.
    now: i64,
    /// Nothing is to stay free.
    none: bool,
    /// The epoch may have changed.
    ask: bool,
    /// When that was asked last.
    asked: Instant,
    closing: bool,
}

/// The tills of a process.
pub(crate) struct Tills {
    location: Location,
    /// Where their journals are; without it there are none.
    folder: Option<PathBuf>,
    thick: AtomicU32,
    all: Mutex<HashMap<Arc<str>, Slot>>,
}

impl core::fmt::Debug for Tills {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Tills")
    }
}

struct Slot {
    pace: Pace,
    till: Option<Arc<Till>>,
    /// When one could not be started.
    failed: Option<Instant>,
}

impl Tills {
    pub(crate) fn new(location: Location, folder: Option<PathBuf>) -> Self {
        Self { location, folder, thick: AtomicU32::new(THICK), all: Mutex::default() }
    }

    pub(crate) fn set_thick(&self, thick: u32) {
        self.thick.store(thick, Ordering::Relaxed);
    }

    /// Counts a call of an organization. Gives its till, and whether what it calls is to be committed there from now on.
    pub(crate) fn count(&self, organization: &Arc<str>) -> (Option<Arc<Till>>, bool) {
        let Some(folder) = &self.folder else { return (None, false) };
        let mut all = lock(&self.all);
        let slot = all.entry(Arc::clone(organization)).or_insert_with(|| Slot {
            pace: Pace::new(),
            till: None,
            failed: None,
        });
        let is_thick = slot.pace.is_thick(self.thick.load(Ordering::Relaxed));
        let may_try = slot.failed.is_none_or(|failed| failed.elapsed() > AGAIN);
        if is_thick && slot.till.is_none() && may_try {
            match Till::start(organization, &self.location, folder) {
                Ok(till) => slot.till = Some(till),
                Err(_) => slot.failed = Some(Instant::now()),
            }
        }
        (slot.till.clone(), is_thick)
    }

    pub(crate) fn get(&self, organization: &str) -> Option<Arc<Till>> {
        lock(&self.all).get(organization).and_then(|slot| slot.till.clone())
    }

    /// The epoch of an organization has changed.
    pub(crate) fn ask(&self) {
        lock(&self.all).values().filter_map(|slot| slot.till.as_ref()).for_each(|till| till.ask());
    }

    pub(crate) fn close(&self) {
        let all = core::mem::take(&mut *lock(&self.all));
        all.into_values().filter_map(|slot| slot.till).for_each(|till| till.close());
    }
}

/// Why it was not committed here.
pub(crate) struct NotHere {
    pub(crate) commit: Commit,
    /// What is set aside here is in the way of it.
    pub(crate) is_in_the_way: bool,
}

/// What was committed here, and has to be written before anybody is told.
pub(crate) struct Here {
    committed: Committed,
    number: u64,
    receipt: crate::job::WriteReceipt,
}

impl Till {
    /// Starts one, with its journal in a folder of journals.
    pub(crate) fn start(
        organization: &Arc<str>,
        location: &Location,
        folder: &Path,
    ) -> Result<Arc<Self>, StoreError> {
        let process = uuid::Uuid::now_v7().simple().to_string();
        // PostgreSQL is on another machine: what is carried over survives this one.
        let is_eager = matches!(location, Location::Postgres(_));
        let journal = Journal::create(folder.join(&process), !is_eager)?;
        let state = State {
            aside: Aside::new(crate::ledger::limits().share_percent),
            number: 0,
            epoch: 0,
            until: None,
            now: 0,
            none: false,
            ask: false,
            asked: Instant::now(),
            closing: false,
        };
        let till = Arc::new(Self {
            organization: Arc::clone(organization),
            process,
            journal,
            state: Mutex::new(state),
            bell: Condvar::new(),
            is_eager,
            given_back: watch::Sender::new(0),
            carrying: Mutex::default(),
        });
        if is_eager {
            let own = Arc::downgrade(&till);
            till.journal.progress.ring_when_wanted(move || {
                if let Some(till) = own.upgrade() {
                    till.bell.notify_one();
                }
            });
        }
        let (own, carrier) = (Arc::clone(&till), Carrier::new(location.clone()));
        let thread = thread::Builder::new()
            .name("legation-till".to_owned())
            .spawn(move || own.work(carrier))
            .map_err(StoreError::unavailable)?;
        *lock(&till.carrying) = Some(thread);
        Ok(till)
    }

    /// Commits what fits into what is set aside here.
    pub(crate) fn commit(&self, commit: Commit) -> Result<Here, Box<NotHere>> {
        let mut state = lock(&self.state);
        state.now = commit.now;
        let holds = state.until.is_some_and(|until| Instant::now() < until);
        if !holds || state.epoch != commit.epoch || state.closing || !self.journal.takes() {
            return Err(Box::new(NotHere { commit, is_in_the_way: false }));
        }
        let Commit { organization, permit, reserving, epoch, now, receipt } = commit;
        match state.aside.commit(permit, reserving, now) {
            Ok(committed) => {
                state.number += 1;
                Ok(Here { committed, number: state.number, receipt })
            }
            Err(not_here) => {
                let commit = Commit { organization, permit: not_here.permit, reserving, epoch, now, receipt };
                Err(Box::new(NotHere { commit, is_in_the_way: not_here.is_in_the_way }))
            }
        }
    }

    /// Writes what was committed here. Where that can't be done, it was not committed.
    pub(crate) async fn write(&self, here: Here) -> Result<Done<Committed>, CommitError> {
        let Here { committed, number, receipt } = here;
        let receipt = receipt(Ok(&committed));
        let digest = receipt.body.digest();
        match self.journal.append(number, committed.from_aside().collect(), receipt).await {
            Ok(synced) => {
                self.ring();
                let receipt = i64::try_from(number).unwrap_or(i64::MAX).saturating_neg();
                Ok(Done { outcome: committed, receipt, digest, synced })
            }
            Err(error) => {
                lock(&self.state).aside.undo(&committed);
                Err(error.into())
            }
        }
    }

    /// Settles what was committed here; `Err` where it was not.
    pub(crate) fn settle(&self, settle: Settle) -> Result<Settled, Box<Settle>> {
        let Settle { organization, committed, actual, now, receipt } = settle;
        let costs = committed.debits().iter().map(|debit| actual.cost(debit).unwrap_or(debit.amount));
        let used: Vec<_> =
            committed.from_aside().zip(costs).map(|((name, was), is)| (name, is - was)).collect();
        let (settled, number) = {
            let mut state = lock(&self.state);
            match state.aside.settle(committed, &actual, now) {
                Err(committed) => {
                    return Err(Box::new(Settle {
                        organization,
                        committed: *committed,
                        actual,
                        now,
                        receipt,
                    }));
                }
                Ok(settled) => {
                    state.number += 1;
                    (settled, state.number)
                }
            }
        };
        let (told, is_over) = (settled.clone(), !settled.over.is_empty());
        self.journal.append_later(number, used, Box::new(move || receipt(&told)));
        if is_over {
            self.journal.drain();
        }
        self.ring();
        Ok(settled)
    }

    /// A permit was committed in the store: calls come so thick that the next ones should be committed here.
    pub(crate) fn want(&self, committed: &Committed, now: i64) {
        let mut state = lock(&self.state);
        state.now = now;
        state.aside.want(committed);
        self.bell.notify_one();
    }

    /// Gives back what is free, and waits until that is done, or can't be.
    pub(crate) async fn give_back(&self) {
        let mut given_back = self.given_back.subscribe();
        let before = *given_back.borrow_and_update();
        {
            let mut state = lock(&self.state);
            state.none = true;
            self.bell.notify_one();
        }
        let done = given_back.wait_for(|count| *count > before);
        drop(tokio::time::timeout(LEASE, done).await);
    }

    /// The epoch may have changed.
    pub(crate) fn ask(&self) {
        lock(&self.state).ask = true;
        self.bell.notify_one();
    }

    /// Carries over what there is, and ends.
    pub(crate) fn close(&self) {
        lock(&self.state).closing = true;
        self.bell.notify_one();
        let thread = lock(&self.carrying).take();
        if let Some(thread) = thread {
            drop(thread.join());
        }
    }

    fn ring(&self) {
        if self.is_eager || self.journal.waiting() >= MANY {
            self.bell.notify_one();
        }
    }

    fn work(&self, mut carrier: Carrier) {
        let mut last: Option<Instant> = None;
        loop {
            let next = self.wait(&carrier, last);
            self.journal.drain();
            match next {
                Next::Ask if carrier.has_changed(self) => last = None,
                Next::Ask => {}
                Next::Carry | Next::Close => {
                    last = Some(Instant::now());
                    let done = carrier.carry(self, next == Next::Close);
                    if next == Next::Close {
                        return;
                    }
                    if !done {
                        thread::sleep(CARRY);
                    }
                }
            }
        }
    }

    /// Waits until there is something to do; `last` is when it was carried over last, `None` where that does not count any more.
    fn wait(&self, carrier: &Carrier, last: Option<Instant>) -> Next {
        let mut state = lock(&self.state);
        loop {
            let waiting = self.journal.waiting();
            let rests = waiting == 0 && !self.journal.has_more() && !carrier.is_in_doubt();
            let is_idle = rests && state.aside.is_empty();
            let since = last.map_or(CARRY, |last| last.elapsed());
            let is_wanted =
                self.is_eager && waiting > 0 && (since >= WHILE || self.journal.progress.is_wanted());
            let is_due = since >= CARRY || waiting >= MANY || is_wanted;
            if state.closing {
                return Next::Close;
            }
            // Who decides no more says so, and nobody waits for it.
            if state.none || (is_due && !is_idle) || (is_idle && carrier.is_known()) {
                return Next::Carry;
            }
            if is_idle {
                state = self.bell.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            if core::mem::take(&mut state.ask) || state.asked.elapsed() >= ASK {
                state.asked = Instant::now();
                return Next::Ask;
            }
            let patience = if self.is_eager && waiting > 0 { WHILE } else { ASK };
            let patience = patience.min(CARRY.saturating_sub(since));
            state = self.bell.wait_timeout(state, patience).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// What a till has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Ask,
    Carry,
    Close,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
