//! What an agent does against what it did: its last day beside the days before.

use crate::{error::RegistryError, holders::Shown, quarantine, registry::Registry};
use legation_store::{holder::Kind, receipt, receipt::Receipt};
use std::collections::{BTreeMap, BTreeSet};

/// A day, in seconds.
pub const DAY: i64 = 86_400;
/// Most days before the last one.
pub const MOST_DAYS: i64 = 30;
/// Receipts that are read at a time, and at most.
const PAGE: i64 = 1000;
const MOST: usize = 200_000;
/// Most actions on resources that are told apart.
const MOST_USED: usize = 1000;

/// What an agent did in some time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deeds {
    /// How many calls passed.
    pub calls: i64,
    /// How many were denied, by code.
    pub denied: BTreeMap<String, i64>,
    /// What was spent, by currency, millionths of a minor unit.
    pub spent: BTreeMap<String, i64>,
    /// What passed: action and resource, and how often.
    pub used: BTreeMap<(String, String), i64>,
}

/// What an agent does, and did.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    /// The agent.
    pub shown: Shown,
    /// Within the last 24 hours.
    pub last: Deeds,
    /// In the days before.
    pub before: Deeds,
    /// How many days before there are: as many as were asked for, or since it was added, rounded up.
    pub days: i64,
    /// What it did in the last 24 hours and never in the days before.
    pub new: BTreeSet<(String, String)>,
    /// Not all was read: there is too much of it.
    pub is_cut: bool,
}

impl Registry {
    /// What an agent did within the last 24 hours at `now` (Unix seconds), and in so many days before, 1 to 30.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn activity(&self, name: &str, days: i64, now: i64) -> Result<Activity, RegistryError> {
        let shown = self.show(Kind::Agent, name)?;
        let days = days.clamp(1, MOST_DAYS);
        let today = now.saturating_sub(DAY);
        let from = today.saturating_sub(days.saturating_mul(DAY));
        let (mut last, mut before) = (Deeds::default(), Deeds::default());
        let (mut seq, mut read, mut is_cut) = (i64::MAX, 0_usize, false);
        loop {
            let page = self.store.read(|tx| receipt::before(tx, &self.id, &shown.holder.did, (seq, PAGE)))?;
            let Some(end) = page.last() else { break };
            (seq, read) = (end.seq, read.saturating_add(page.len()));
            let is_old = end.last_at < from;
            for one in page.iter().filter(|one| one.last_at >= from) {
                let deeds = if one.last_at >= today { &mut last } else { &mut before };
                self.add(deeds, one);
            }
            is_cut = read >= MOST && !is_old;
            if is_old || is_cut {
                break;
            }
        }
        let old = today.saturating_sub(shown.holder.created).max(0);
        let days = old.saturating_add(DAY - 1).div_euclid(DAY).min(days);
        let new = last.used.keys().filter(|used| !before.used.contains_key(*used)).cloned().collect();
        Ok(Activity { shown, last, before, days, new, is_cut })
    }

    fn add(&self, deeds: &mut Deeds, one: &Receipt) {
        if let Some((amount, currency)) = self.spent_by(one) {
            let sum = deeds.spent.entry(currency).or_default();
            *sum = sum.saturating_add(amount);
        }
        match one.kind.as_str() {
            "permit" => deeds.calls = deeds.calls.saturating_add(1),
            "deny" => {
                let times = deeds.denied.entry(one.code.clone()).or_default();
                *times = times.saturating_add(one.times);
                return;
            }
            _ => return,
        }
        let used = (quarantine::action(one).unwrap_or_default(), one.resource.clone());
        if deeds.used.len() < MOST_USED || deeds.used.contains_key(&used) {
            let times = deeds.used.entry(used).or_default();
            *times = times.saturating_add(1);
        }
    }
}
