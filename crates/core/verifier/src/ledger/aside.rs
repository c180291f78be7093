//! Totals of a ledger in a store, of which something was set aside for one process, which commits in memory what fits
//! into it.
//!
//! What is set aside counts in the store as spent, at a moment up to which it may be used; so whatever becomes of the
//! process, no total ever holds more than its most. Every so often the process [plans](Aside::plan) what has become of
//! it, the ledger in the store [carries](MemoryLedger::carry) that over, and the process [takes](Aside::take_over) what it
//! has from then on. What does not fit, or names a total of which nothing was set aside, is for the ledger in the store.
//!
//! | of a total | |
//! |---|---|
//! | `beside` | what it holds beside what is set aside here, when it was carried over last |
//! | `aside` | set aside: what is open, what was settled, and what is free |
//! | `open` | reserved here, and not settled |
//! | `settled` | spent here, by moment, and not carried over yet |

use super::{
    Actual, Committed, MemoryLedger, Overrun, Settled, TotalName,
    parts::Names,
    totals::{Fit, Taken, fit},
};
use crate::{LinkDebit, Permit};
use std::collections::{BTreeMap, HashMap};

/// Of what is left of a total, one process has set aside the so many-th part at most.
const PART: i64 = 8;
/// Where less than so many calls are left of a total, what is free is given back before the store is asked.
const SHORT: i64 = 16;
/// So many times what was used in a round is set aside for those to come.
const AHEAD: i64 = 10;
/// After so many rounds in which nothing of it was used, a total is let go.
const IDLE: u64 = 10;
/// Most totals of which something is set aside. Others are for the store.
const TOTALS: usize = 8192;

/// What was set aside for a process.
#[derive(Debug, Default)]
pub struct Aside {
    /// Percentage, as of [`LedgerLimits`](super::LedgerLimits::share_percent).
    percent: u8,
    totals: HashMap<TotalName, Share>,
    round: u64,
    /// What is being carried over, to be put back where that fails.
    planned: HashMap<TotalName, BTreeMap<i64, i64>>,
}

#[derive(Debug, Default)]
struct Share {
    is_own: bool,
    most: i64,
    beside: i64,
    aside: i64,
    open: i64,
    settled: BTreeMap<i64, i64>,
    /// The sum of that.
    spent: i64,
    /// Up to which moment it may be used, Unix seconds.
    until: i64,
    /// As what it is counted in the store: moment and amount.
    counted: Option<(i64, i64)>,
    /// How much was used since the last round, and of late; and how much at a time.
    used: i64,
    lately: i64,
    step: i64,
    /// Most that may be free, as the store says.
    limit: i64,
    last_used: u64,
    is_new: bool,
}

impl Share {
    fn free(&self) -> i64 {
        self.aside.saturating_sub(self.open).saturating_sub(self.spent)
    }

    fn is_idle(&self, round: u64) -> bool {
        round.saturating_sub(self.last_used) > IDLE
    }

    fn held(&self) -> i64 {
        self.beside.saturating_add(self.open).saturating_add(self.spent)
    }

    fn spend(&mut self, moment: i64, amount: i64) {
        if amount != 0 {
            let at = self.settled.entry(moment).or_insert(0);
            *at = at.saturating_add(amount);
            self.spent = self.spent.saturating_add(amount);
        }
    }
}

/// Why a permit is not committed here.
#[derive(Debug)]
pub struct NotHere {
    /// The permit, for the ledger in the store.
    pub permit: Permit,
    /// Whether that would refuse it because of what is free here, which should be given back first.
    pub is_in_the_way: bool,
}

/// What is to become of a total in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub name: [u8; 32],
    /// As what the part that is set aside is counted until now: moment and amount.
    pub counted: Option<(i64, i64)>,
    /// What was spent of it, by moment.
    pub settled: Vec<(i64, i64)>,
    /// What is reserved of it.
    pub open: i64,
    /// Whether it is what an agent has reserved of another total: then nothing more is set aside.
    pub is_own: bool,
    /// What has to stay free at least, since it may be used meanwhile.
    keep: i64,
    /// What would be free at most; less than `step` is of no use.
    want: i64,
    step: i64,
    /// Most that the total may hold.
    most: i64,
}

/// What was set aside of a total from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The total.
    pub name: [u8; 32],
    /// As what it is counted in the store: moment and amount.
    pub counted: (i64, i64),
    /// What the total holds beside it.
    pub beside: i64,
    /// Most that should be free.
    pub limit: i64,
}

impl Aside {
    /// Nothing set aside yet; `percent` as of [`LedgerLimits::share_percent`](super::LedgerLimits::share_percent).
    #[must_use]
    pub fn new(percent: u8) -> Self {
        Self { percent, ..Self::default() }
    }

    /// Whether nothing is set aside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.totals.is_empty()
    }

    /// Commits a permit, or reserves what it may cost, at `now` (Unix seconds), where all of it fits into what was set aside.
    ///
    /// # Errors
    /// [`NotHere`] with the permit: it is for the ledger in the store.
    pub fn commit(&mut self, permit: Permit, reserving: bool, now: i64) -> Result<Committed, Box<NotHere>> {
        let mut taken: Vec<Taken> =
            permit.debits.iter().map(|debit| Taken::of(debit, &permit.links, reserving)).collect();
        let is_plain = permit.nonce.is_none() && permit.approvals.is_empty() && now < permit.valid_until;
        let mut done = 0;
        let passes = is_plain
            && permit.debits.iter().zip(&taken).all(|(debit, taken)| {
                let fits = self.take(debit, taken, reserving, now);
                done += usize::from(fits);
                fits
            });
        if !passes {
            for (debit, taken) in permit.debits.iter().zip(&taken).take(done) {
                self.give_back(debit.amount, taken, reserving, now);
            }
            let is_in_the_way = is_plain && self.is_in_the_way(&permit.debits, &taken, now);
            return Err(Box::new(NotHere { permit, is_in_the_way }));
        }
        taken.iter_mut().for_each(|one| one.at(now));
        let Permit { request, nonce, approvals, approved_by, debits, shadow, .. } = permit;
        let (aside, shadow) = (Some(reserving), shadow.and_then(|shadow| shadow.denied));
        Ok(Committed { request, nonce, approvals, approved_by, debits, taken, at: now, aside, shadow })
    }

    /// Takes a debit, where it fits into what is free.
    fn take(&mut self, debit: &LinkDebit, taken: &Taken, reserving: bool, now: i64) -> bool {
        let amount = debit.amount;
        let own = match &taken.own {
            None => None,
            Some((own, _)) => match self.totals.get(own).filter(|own| !own.is_new) {
                Some(own) => Some(own.held()),
                None => return false,
            },
        };
        let (round, percent) = (self.round, self.percent);
        let Some(share) = self.totals.get_mut(&taken.name) else { return false };
        (share.most, share.step) = (debit.most, share.step.max(amount));
        let left = debit.most.saturating_sub(share.held());
        if now > share.until || share.is_new || fit(amount, left, own, percent) != Fit::Yes {
            return false;
        }
        share.used = share.used.saturating_add(amount);
        if amount > share.free() {
            return false;
        }
        share.last_used = round;
        if reserving {
            share.open = share.open.saturating_add(amount);
        } else {
            share.spend(now, amount);
        }
        if let Some((own, _)) = &taken.own
            && let Some(own) = self.totals.get_mut(own)
        {
            (own.open, own.last_used) = (own.open.saturating_add(amount), round);
        }
        true
    }

    /// Whether the store might refuse some debits only because of what is free here: of one total little is left beside that,
    /// and of none there is too little in any case. Whoever asks for more than it may have makes nobody give anything back.
    fn is_in_the_way(&self, debits: &[LinkDebit], taken: &[Taken], now: i64) -> bool {
        let known = debits.iter().zip(taken).filter_map(|(debit, taken)| {
            let share = self.totals.get(&taken.name).filter(|share| !share.is_new && now <= share.until)?;
            Some((debit.amount, debit.most.saturating_sub(share.held()), share.free()))
        });
        let mut is_in_the_way = false;
        for (amount, left, free) in known {
            if amount > left {
                return false;
            }
            // What the store counts may be more than was heard of it last.
            let is_short = left.saturating_sub(free) < amount.saturating_mul(SHORT);
            is_in_the_way |= free > 0 && amount > 0 && is_short;
        }
        is_in_the_way
    }

    fn give_back(&mut self, amount: i64, taken: &Taken, reserving: bool, now: i64) {
        if let Some(share) = self.totals.get_mut(&taken.name) {
            if reserving {
                share.open = share.open.saturating_sub(amount);
            } else {
                share.spend(now, amount.saturating_neg());
            }
        }
        if let Some((own, _)) = &taken.own
            && let Some(own) = self.totals.get_mut(own)
        {
            own.open = own.open.saturating_sub(amount);
        }
    }

    /// Takes back what was committed here and never became anything: nobody was told of it.
    pub fn undo(&mut self, committed: &Committed) {
        for (debit, taken) in committed.debits.iter().zip(&committed.taken) {
            self.give_back(debit.amount, taken, committed.aside == Some(true), committed.at);
        }
    }

    /// Settles what was committed here, as [`MemoryLedger::settle`] does.
    ///
    /// # Errors
    /// The permit, where it was committed elsewhere.
    pub fn settle(
        &mut self,
        committed: Committed,
        actual: &Actual,
        now: i64,
    ) -> Result<Settled, Box<Committed>> {
        let Some(reserving) = committed.aside else { return Err(Box::new(committed)) };
        let Committed { debits, taken, at, .. } = committed;
        let mut settled = Settled::default();
        for (debit, taken) in debits.into_iter().zip(taken) {
            self.give_back(debit.amount, &taken, reserving, at);
            let share = self.totals.entry(taken.name).or_default();
            let cost = actual.cost(&debit).unwrap_or(debit.amount);
            share.spend(at, cost.min(debit.amount));
            let excess = cost.saturating_sub(debit.amount);
            if excess > 0 {
                share.spend(now, excess);
                let beyond = share.held().saturating_sub(debit.most).max(0);
                settled.over.push(Overrun { debit, cost, beyond });
            }
        }
        Ok(settled)
    }

    /// Asks that something be set aside of the totals that a permit was taken from in the store.
    pub fn want(&mut self, committed: &Committed) {
        if committed.aside.is_some() {
            return;
        }
        for (debit, taken) in committed.debits.iter().zip(&committed.taken) {
            let own = taken.own.iter().map(|(own, _)| (*own, true));
            for (name, is_own) in core::iter::once((taken.name, false)).chain(own) {
                if self.totals.len() >= TOTALS && !self.totals.contains_key(&name) {
                    return;
                }
                let is_new = !self.totals.contains_key(&name);
                let share = self.totals.entry(name).or_default();
                (share.is_own, share.most, share.last_used) = (is_own, debit.most, self.round);
                share.step = share.step.max(debit.amount);
                share.used = share.used.saturating_add(debit.amount);
                if is_new {
                    (share.is_new, share.limit) = (true, i64::MAX);
                }
            }
        }
    }

    /// What is to be carried over to the store now. From here on only so much is used as the store will count in any
    /// case. With `none` nothing is to stay free.
    pub fn plan(&mut self, none: bool) -> Vec<Change> {
        self.round = self.round.saturating_add(1);
        let round = self.round;
        let mut changes = Vec::new();
        for (name, share) in &mut self.totals {
            share.lately = share.used.max(share.lately / 4 * 3);
            // Of what is open for long nothing has to be told again.
            let is_idle = share.is_idle(round) && (share.open == 0 || share.free() > 0);
            let is_due = share.is_new || share.used > 0 || !share.settled.is_empty() || is_idle || none;
            let is_own_due = share.is_own && share.counted.map_or(0, |(_, amount)| amount) != share.open;
            if !is_due && !is_own_due {
                continue;
            }
            let want = if none || is_idle || share.is_own {
                0
            } else {
                share.lately.saturating_mul(AHEAD).min(share.limit)
            };
            // Less than a call is of no use here.
            let step = share.step;
            let keep = if share.free() < step { 0 } else { share.free().min(want).max(0) };
            let settled = core::mem::take(&mut share.settled);
            share.beside = share.beside.saturating_add(share.spent);
            (share.spent, share.used, share.step) = (0, 0, step / 4 * 3);
            share.aside = share.open.saturating_add(keep);
            changes.push(Change {
                name: *name,
                counted: share.counted,
                settled: settled.iter().map(|(moment, amount)| (*moment, *amount)).collect(),
                open: share.open,
                is_own: share.is_own,
                keep,
                want,
                step,
                most: share.most,
            });
            self.planned.insert(*name, settled);
        }
        changes
    }

    /// What was planned was carried over, and may be used up to `until` (Unix seconds). A total that ended is not in it.
    pub fn take_over(&mut self, changes: &[Change], carried: &[Carried], until: i64) {
        self.planned.clear();
        let mut now: HashMap<TotalName, &Carried> = carried.iter().map(|one| (one.name, one)).collect();
        for change in changes {
            let Some(share) = self.totals.get_mut(&change.name) else { continue };
            match now.remove(&change.name) {
                None => {
                    (share.counted, share.aside, share.beside) = (None, share.open, 0);
                    share.is_new = true;
                }
                Some(Carried { counted, beside, limit, .. }) => {
                    // What was spent and reserved meanwhile is within what is counted.
                    share.counted = Some(*counted);
                    (share.aside, share.beside, share.limit) = (counted.1, *beside, *limit);
                    (share.until, share.is_new) = (until, false);
                }
            }
            let is_over = share.open == 0 && share.settled.is_empty();
            let counts = share.counted.map_or(0, |(_, amount)| amount);
            if is_over && counts == 0 && share.is_idle(self.round) {
                self.totals.remove(&change.name);
            }
        }
    }

    /// What was planned was carried over, and nobody was told: this is what the store counts since.
    pub fn resume(&mut self, counted: &[([u8; 32], i64, i64)]) {
        self.planned.clear();
        for (name, moment, amount) in counted {
            let share = self.totals.entry(*name).or_default();
            share.counted = Some((*moment, *amount));
            // Nothing of it is used before it was carried over again.
            share.is_new = true;
        }
    }

    /// What was planned was not carried over.
    pub fn take_back(&mut self) {
        for (name, settled) in core::mem::take(&mut self.planned) {
            let share = self.totals.entry(name).or_default();
            for (moment, amount) in settled {
                share.spend(moment, amount);
                share.beside = share.beside.saturating_sub(amount);
                share.aside = share.aside.saturating_add(amount);
            }
            // Nothing of it is used before it was carried over.
            share.is_new = true;
        }
    }

    /// Whether anything is open or spent that the store does not know of as such.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.totals.values().all(|share| share.open == 0 && share.settled.is_empty())
    }
}

impl Names {
    /// Adds what [`MemoryLedger::carry`] looks at.
    pub fn add_changes(&mut self, changes: &[Change]) {
        self.totals.extend(changes.iter().map(|change| change.name));
    }
}

impl MemoryLedger {
    /// Carries over what has become of what was set aside, at `now` (Unix seconds), and sets aside anew what may be used up to
    /// `until`, by one of so many processes. A total of which all has left its window is not in the answer.
    pub fn carry(&mut self, changes: &[Change], now: i64, until: i64, processes: usize) -> Vec<Carried> {
        let moments = self.limits.moments.max(4);
        let part = i64::try_from(processes.max(1)).unwrap_or(i64::MAX).saturating_mul(PART);
        let mut carried = Vec::new();
        for change in changes {
            let Some(held) = self.totals.get_mut(&change.name) else { continue };
            let total = &mut held.total;
            let old = total.end();
            if let Some((moment, amount)) = change.counted {
                total.lower(moment, amount);
            }
            for (moment, amount) in &change.settled {
                if *amount < 0 {
                    total.lower(total.window.moment(*moment), amount.saturating_neg());
                } else {
                    total.insert(*amount, *moment, moments);
                }
            }
            let beside = total.sum(total.window, now);
            let left = change.most.saturating_sub(beside).saturating_sub(change.open).max(0);
            let limit = if change.is_own { 0 } else { left / part };
            let free = change.want.min(limit);
            let free = if free < change.step { 0 } else { free }.max(change.keep);
            let amount = change.open.saturating_add(free);
            let moment = if amount > 0 { total.add(amount, until, moments) } else { until };
            self.ends.change(change.name, Some(old), total.end());
            carried.push(Carried { name: change.name, counted: (moment, amount), beside, limit });
        }
        carried
    }

    /// Of a process that is gone: what was set aside of a total, counted as `counted` (moment and amount), is given back but for
    /// what was `spent` of it.
    pub fn take_in(&mut self, name: &[u8; 32], counted: (i64, i64), spent: i64) {
        let moments = self.limits.moments.max(4);
        let Some(held) = self.totals.get_mut(name) else { return };
        let old = held.total.end();
        let (moment, amount) = counted;
        if amount >= spent {
            held.total.lower(moment, amount.saturating_sub(spent));
        } else {
            let last = held.total.moments.back().map_or(moment, |(last, _)| *last);
            held.total.insert(spent.saturating_sub(amount), last.max(moment), moments);
        }
        self.ends.change(*name, Some(old), held.total.end());
    }
}

#[cfg(test)]
mod tests;
