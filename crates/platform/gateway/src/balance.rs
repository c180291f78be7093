//! Among several targets of a model: which one is asked first, and which next where nothing could be sent.

use legation_keys::secret::random;
use legation_registry::model::{Model, Target};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// For how long a target that could not be reached is asked last.
const AWAY: Duration = Duration::from_secs(10);
/// After how many failures in a row one is asked last, too, that can be reached.
const FAILURES: u32 = 3;
/// Most targets that are remembered so.
const MOST: usize = 1024;

/// Targets that could not be reached lately, or failed, by their base URL.
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<HashMap<String, One>>);

#[derive(Debug, Default)]
struct One {
    away_since: Option<Instant>,
    /// How often it failed in a row.
    failures: u32,
}

impl Health {
    /// Notes that a target could not be reached.
    pub(crate) fn away(&self, target: &Target) {
        self.change(target, |one| one.away_since = Some(Instant::now()));
    }

    /// Notes that a target was asked and gave no answer. What was sent to it is sent nowhere else; the next is.
    pub(crate) fn failed(&self, target: &Target) {
        self.change(target, |one| {
            one.failures = one.failures.saturating_add(1);
            if one.failures >= FAILURES {
                one.away_since = Some(Instant::now());
            }
        });
    }

    /// Notes what a target answered with: one that says that it fails, fails.
    pub(crate) fn answered(&self, target: &Target, status: u16) {
        if status >= 500 {
            return self.failed(target);
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.is_empty() {
            all.remove(&target.base_url);
        }
    }

    fn change(&self, target: &Target, change: impl FnOnce(&mut One)) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        change(all.entry(target.base_url.clone()).or_default());
    }

    fn is_away(&self, target: &Target) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = all.get(&target.base_url).and_then(|one| one.away_since);
        since.is_some_and(|since| since.elapsed() < AWAY)
    }

    /// The targets of a model in the order in which they are asked: the first as often as its weight says, the others as
    /// they stand, and those that could not be reached lately last. Where none has a weight all are as they stand.
    pub(crate) fn order<'m>(&self, model: &'m Model) -> Vec<&'m Target> {
        if model.targets.len() < 2 {
            return model.targets.iter().collect();
        }
        let (away, there): (Vec<&Target>, Vec<&Target>) =
            model.targets.iter().partition(|one| self.is_away(one));
        let drawn = random::<8>().map_or(0, u64::from_be_bytes);
        [weighted(there, drawn), away].concat()
    }
}

/// Some targets, of which one is first that is drawn by its weight.
fn weighted(mut targets: Vec<&Target>, drawn: u64) -> Vec<&Target> {
    let weights: u64 = targets.iter().filter_map(|one| one.weight).map(u64::from).sum();
    let Some(mut left) = drawn.checked_rem(weights) else { return targets };
    let chosen = targets.iter().position(|one| {
        let weight = one.weight.map_or(0, u64::from);
        let is_it = left < weight;
        left = left.saturating_sub(weight);
        is_it
    });
    if let Some(chosen) = chosen {
        let first = targets.remove(chosen);
        targets.insert(0, first);
    }
    targets
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn one_that_fails_again_and_again_is_asked_last_until_it_answers() {
        let (health, target) = (Health::default(), Target::new("https://a.example/v1", "one"));
        for (status, is_away) in
            [(500, false), (503, false), (200, false), (500, false), (502, false), (529, true), (404, false)]
        {
            health.answered(&target, status);
            assert_eq!(health.is_away(&target), is_away, "{status}");
        }
        health.away(&target);
        assert!(health.is_away(&target), "at once where it can't be reached");
    }

    #[test]
    fn each_is_first_as_often_as_its_weight_says_and_none_is_left_out() {
        let target = |name: &str, weight| Target { weight, ..Target::new("https://a.example/v1", name) };
        let (one, three, none) = (target("one", Some(1)), target("three", Some(3)), target("none", None));
        let all = vec![&none, &one, &three];
        let mut first = HashMap::new();
        for drawn in 0..8 {
            let order = weighted(all.clone(), drawn);
            assert_eq!(order.len(), 3);
            *first.entry(order[0].model.clone()).or_insert(0) += 1;
        }
        assert_eq!((first.get("one"), first.get("three"), first.get("none")), (Some(&2), Some(&6), None));
        assert_eq!(weighted(vec![&none, &none], 7).len(), 2, "as they stand");
    }
}
