//! Settling: what a call really cost, once it is known.

use super::{Committed, MemoryLedger, TotalName};
use crate::authorize::LinkDebit;
use legation_credential::Measure;
use std::collections::BTreeMap;

/// What a call really cost. What it does not name stays as it was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actual {
    /// Money, in millionths of a minor unit of the currency that the request named.
    pub amount: Option<u64>,
    /// The facts that a `total` sums, by their names.
    pub facts: BTreeMap<String, u64>,
}

impl Actual {
    /// So much money, in millionths of a minor unit.
    #[must_use]
    pub fn of_money(micros: u64) -> Self {
        Self { amount: Some(micros), ..Self::default() }
    }

    /// What it says of a debit, in the debit's unit; `None` where it does not name it. Actions were done, whatever they
    /// cost.
    #[must_use]
    pub fn cost(&self, debit: &LinkDebit) -> Option<i64> {
        let cost = match &debit.measure {
            Measure::Actions => None,
            Measure::Money => self.amount,
            Measure::Fact(fact) => self.facts.get(fact).copied(),
        };
        cost.map(|cost| i64::try_from(cost).unwrap_or(i64::MAX))
    }
}

/// What came of settling.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// The debits whose cost is above what was taken. It was debited all the same: whoever lets calls through by
    /// what it expects them to cost should let none through where this happens.
    pub over: Vec<Overrun>,
}

/// A cost above what was taken for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overrun {
    /// What was taken.
    pub debit: LinkDebit,
    /// What it cost, in the debit's unit.
    pub cost: i64,
    /// By how much the total is above its most now, in the debit's unit; 0 where it is not.
    pub beyond: i64,
}

impl MemoryLedger {
    /// Lowers what a commit took to what it really cost, at `now` (Unix seconds), in every total that it took from.
    /// A committed permit is settled once, since it is used up. One that is never settled stays as it was taken.
    ///
    /// Nothing of what was committed out of what was set aside ([`super::aside`]) is here to settle, nor is it lowered.
    ///
    /// A cost above what was taken is debited all the same, as of now, even beyond a most, and told. What was
    /// [reserved](MemoryLedger::reserve) no longer counts for the agent's share. How often was acted stays.
    ///
    /// ```
    /// # use legation_verifier::{Committed, MemoryLedger, ledger::Actual};
    /// fn after_the_call(ledger: &mut MemoryLedger, committed: Committed, micros: u64, now: i64) {
    ///     let settled = ledger.settle(committed, &Actual::of_money(micros), now);
    ///     assert!(settled.over.is_empty(), "the price list is wrong: {settled:?}");
    /// }
    /// ```
    pub fn settle(&mut self, committed: Committed, actual: &Actual, now: i64) -> Settled {
        let mut settled = Settled::default();
        if committed.aside.is_some() {
            return settled;
        }
        let Committed { debits, taken, .. } = committed;
        for (debit, taken) in debits.into_iter().zip(taken) {
            if let Some((own, moment)) = taken.own {
                self.lower(&own, moment, debit.amount);
            }
            let Some(cost) = actual.cost(&debit) else { continue };
            let excess = cost.saturating_sub(debit.amount);
            if excess <= 0 {
                self.lower(&taken.name, taken.moment, debit.amount.saturating_sub(cost));
                continue;
            }
            // There is room for it in any case: what was spent is not forgotten for want of memory.
            self.add(&debit, taken.name, excess, &[], now);
            let held = self.sum(&taken.name, (debit.window, &debit.measure), now);
            let beyond = held.saturating_sub(debit.most).max(0);
            settled.over.push(Overrun { debit, cost, beyond });
        }
        settled
    }

    fn lower(&mut self, name: &TotalName, moment: i64, by: i64) {
        if let Some(held) = self.totals.get_mut(name) {
            held.total.lower(moment, by);
        }
    }
}
