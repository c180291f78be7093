//! Carrying over: what a till took, and its receipts, into the store, in one transaction.

use super::{
    LEASE, Till,
    journal::Pending,
    lock,
    table::{self, Process},
};
use crate::{
    connection::{Connection, Location, Sync},
    error::StoreError,
    ledger,
    log::Log,
    receipt::Rows,
    tx::Tx,
};
use legation_verifier::ledger::{
    aside::{Carried, Change},
    parts::Names,
};
use std::{
    collections::{HashMap, VecDeque},
    time::Instant,
};

/// Most receipts that are carried over at a time.
const TOGETHER: usize = 4096;
/// Most receipts whose numbers are known to those that settle them.
const OPEN: usize = 100_000;
/// For how long what is set aside may be used after it was carried over, in seconds.
const USABLE: i64 = 2;

/// What carries over, with its connection.
pub(super) struct Carrier {
    location: Location,
    connection: Option<Connection>,
    round: i64,
    /// Up to which number of the journal receipts are in the store.
    written: u64,
    /// Whether the store takes this process for one that decides in memory.
    is_known: bool,
    /// What was to be carried over when the store gave no answer: nobody knows whether it was.
    doubt: Option<Load>,
    log: Option<Log>,
    /// The numbers of receipts whose calls are not settled, by what they were called before they had one.
    open: HashMap<i64, i64>,
}

/// What is carried over at a time.
struct Load {
    changes: Vec<Change>,
    pending: VecDeque<Pending>,
    /// Up to which entry `changes` tell.
    number: u64,
    /// Nothing is left to decide on.
    rests: bool,
    now: i64,
}

/// What came of it.
struct Carry {
    epoch: i64,
    carried: Vec<Carried>,
}

impl Carrier {
    pub(super) fn new(location: Location) -> Self {
        let log = match &location {
            // Without it whoever commits shortens it, late.
            Location::Sqlite(path) => Log::keep_short(path.clone()).ok(),
            Location::Postgres(_) => None,
        };
        Self {
            location,
            connection: None,
            round: 0,
            written: 0,
            is_known: false,
            doubt: None,
            log,
            open: HashMap::new(),
        }
    }

    pub(super) fn is_in_doubt(&self) -> bool {
        self.doubt.is_some()
    }

    pub(super) fn is_known(&self) -> bool {
        self.is_known
    }

    /// Whether the epoch is another one than the till's.
    pub(super) fn has_changed(&mut self, till: &Till) -> bool {
        let known = lock(&till.state).epoch;
        let organization = till.organization.as_ref().into();
        let found = self.connect().and_then(|connection| {
            connection.query("SELECT epoch FROM organization WHERE id = $1", &[organization])
        });
        match found.map(|rows| rows.first().map(|row| row.int(0))) {
            Ok(Some(Ok(found))) => found != known,
            _ => {
                self.connection = None;
                false
            }
        }
    }

    /// Carries over what there is. `false` where the store can't be used.
    pub(super) fn carry(&mut self, till: &Till, closing: bool) -> bool {
        let none = core::mem::take(&mut lock(&till.state).none);
        let done = self.carry_all(till, none || closing, closing);
        if none {
            till.given_back.send_modify(|count| *count = count.saturating_add(1));
        }
        done
    }

    fn carry_all(&mut self, till: &Till, none: bool, closing: bool) -> bool {
        if self.doubt.is_some() && self.resolve(till).is_err() {
            self.connection = None;
            return false;
        }
        loop {
            let load = Self::load(till, none, closing);
            let began = Instant::now();
            match self.transaction(till, &load, closing) {
                Ok(carry) => {
                    if let Some(log) = &mut self.log {
                        log.grew_by(load.pending.len());
                    }
                    self.done(till, load, &carry, began);
                }
                Err(error) => {
                    self.failed(till, load, error);
                    return false;
                }
            }
            if !closing || till.journal.waiting() == 0 {
                break;
            }
        }
        if closing && lock(&till.state).aside.is_settled() {
            // The row goes last: a journal without one is of another store.
            till.journal.remove();
            // A row that stays says that nothing is decided, and keeps nobody waiting.
            self.forget(till).unwrap_or_default();
        }
        true
    }

    /// What there is to carry over, as of now.
    fn load(till: &Till, none: bool, closing: bool) -> Load {
        till.journal.drain();
        till.journal.turn();
        let pending = till.journal.take(TOGETHER);
        let mut state = lock(&till.state);
        let changes = state.aside.plan(none);
        let rests = closing || state.aside.is_empty();
        if rests {
            state.until = None;
        }
        Load { changes, pending, number: state.number, rests, now: state.now }
    }

    fn transaction(&mut self, till: &Till, load: &Load, closing: bool) -> Result<Carry, (StoreError, bool)> {
        let (organization, round) = (till.organization.clone(), self.round + 1);
        let written = load.pending.iter().map(|one| one.written).max().unwrap_or(0).max(self.written);
        let open = core::mem::take(&mut self.open);
        let mut carrying = Carrying { till, load, open: open.clone() };
        let begun = self.connect().and_then(|connection| connection.begin(true));
        let done = begun.and_then(|()| {
            let connection = self.connect()?;
            let tx = &mut Tx::new(connection);
            let carry = carrying.run(tx)?;
            let epoch = if load.rests || closing { table::NONE } else { carry.epoch };
            let number = i64::try_from(load.number).unwrap_or(i64::MAX);
            let written = i64::try_from(written).unwrap_or(i64::MAX);
            table::set(tx, &organization, &till.process, &Process { epoch, round, number, written })?;
            Ok(carry)
        });
        let carry = match done {
            Ok(carry) => carry,
            Err(error) => {
                self.open = open;
                let rolled = self.connection.as_mut().map(|connection| connection.batch("ROLLBACK"));
                if rolled.is_none_or(|rolled| rolled.is_err()) {
                    self.connection = None;
                }
                return Err((error, false));
            }
        };
        // Whoever raised the epoch goes on once this is committed: from before that on nothing is decided by the old one.
        {
            let mut state = lock(&till.state);
            if state.epoch != carry.epoch {
                state.until = None;
            }
        }
        // From here on nobody knows, where there is no answer.
        match self.connect().and_then(|connection| connection.batch("COMMIT")) {
            Ok(()) => {
                (self.round, self.written, self.open) = (round, written, carrying.open);
                self.is_known = !load.rests;
                Ok(carry)
            }
            Err(error) => {
                self.open = open;
                Err((error, true))
            }
        }
    }

    fn done(&self, till: &Till, load: Load, carry: &Carry, began: Instant) {
        let mut state = lock(&till.state);
        state.aside.take_over(&load.changes, &carry.carried, load.now.saturating_add(USABLE));
        state.epoch = carry.epoch;
        state.until = (!load.rests && !state.closing).then(|| began + LEASE);
        drop(state);
        till.journal.progress.reach(self.written);
        till.journal.is_carried(self.written);
    }

    fn failed(&mut self, till: &Till, load: Load, (_, is_in_doubt): (StoreError, bool)) {
        if is_in_doubt {
            self.connection = None;
            lock(&till.state).until = None;
            self.doubt = Some(load);
            return;
        }
        lock(&till.state).aside.take_back();
        till.journal.put_back(load.pending);
    }

    /// Finds out whether what is in doubt was carried over.
    fn resolve(&mut self, till: &Till) -> Result<(), StoreError> {
        let (organization, process) = (till.organization.clone(), till.process.clone());
        let connection = self.connect()?;
        let tx = &mut Tx::new(connection);
        let found = table::get(tx, &organization, &process)?;
        let parts = table::parts(tx, &organization, &process)?;
        let Some(load) = self.doubt.take() else { return Ok(()) };
        if found.as_ref().is_some_and(|found| found.round > self.round) {
            let counted: Vec<_> = parts.iter().map(|part| (part.name, part.moment, part.amount)).collect();
            lock(&till.state).aside.resume(&counted);
            let written = load.pending.iter().map(|one| one.written).max().unwrap_or(0);
            self.round = found.map_or(self.round, |found| found.round);
            self.written = self.written.max(written);
            till.journal.progress.reach(self.written);
        } else {
            lock(&till.state).aside.take_back();
            till.journal.put_back(load.pending);
        }
        Ok(())
    }

    /// The process is no more.
    fn forget(&mut self, till: &Till) -> Result<(), StoreError> {
        let (organization, process) = (till.organization.clone(), till.process.clone());
        let connection = self.connect()?;
        connection.begin(true)?;
        table::remove(&mut Tx::new(connection), &organization, &process)?;
        connection.batch("COMMIT")
    }

    fn connect(&mut self) -> Result<&mut Connection, StoreError> {
        match &mut self.connection {
            Some(connection) => Ok(connection),
            none => Ok(none.insert(Connection::open(&self.location, Sync::Often)?)),
        }
    }
}

/// One transaction.
struct Carrying<'a> {
    till: &'a Till,
    load: &'a Load,
    open: HashMap<i64, i64>,
}

impl Carrying<'_> {
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<Carry, StoreError> {
        let (organization, process) = (&*self.till.organization, &*self.till.process);
        let mut head = ledger::head(tx, organization)?;
        let carried = if self.load.changes.is_empty() {
            Vec::new()
        } else {
            let mut names = Names::default();
            names.add_changes(&self.load.changes);
            let before = ledger::load(tx, organization, &head, &names, None)?;
            let mut memory = head.memory(before.clone());
            let (now, processes) = (self.load.now, table::count(tx, organization)?);
            let carried = memory.carry(&self.load.changes, now, now.saturating_add(USABLE), processes);
            ledger::save(tx, organization, &mut head, &before, &memory)?;
            table::set_parts(tx, (organization, process), &self.load.changes, &carried)?;
            carried
        };
        self.receipts(tx, &mut head.receipts)?;
        ledger::set_head(tx, organization, &head)?;
        Ok(Carry { epoch: head.epoch, carried })
    }

    fn receipts(&mut self, tx: &mut Tx<'_>, last: &mut i64) -> Result<(), StoreError> {
        let organization = &*self.till.organization;
        let mut rows = Rows::default();
        for Pending { number, receipt, .. } in &self.load.pending {
            *last = last.saturating_add(1);
            let name = i64::try_from(*number).unwrap_or(i64::MAX).saturating_neg();
            // One that settles is of a receipt that had no number when it was written.
            match receipt.of {
                None => {
                    // Some are settled by nobody.
                    if self.open.len() >= OPEN {
                        self.open.clear();
                    }
                    self.open.insert(name, *last);
                    rows.push(organization, *last, receipt.of, receipt);
                }
                Some(of) => rows.push(organization, *last, self.open.remove(&of), receipt),
            }
        }
        rows.insert(tx, organization)
    }
}
