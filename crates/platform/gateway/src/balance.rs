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
/// Most targets that are remembered so.
const MOST: usize = 1024;

/// Targets that could not be reached lately, by their base URL.
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<HashMap<String, Instant>>);

impl Health {
    /// Notes that a target could not be reached.
    pub(crate) fn away(&self, target: &Target) {
        let mut away = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if away.len() >= MOST {
            away.clear();
        }
        away.insert(target.base_url.clone(), Instant::now());
    }

    /// Notes that a target was reached.
    pub(crate) fn there(&self, target: &Target) {
        let mut away = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !away.is_empty() {
            away.remove(&target.base_url);
        }
    }

    fn is_away(&self, target: &Target) -> bool {
        let away = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        away.get(&target.base_url).is_some_and(|since| since.elapsed() < AWAY)
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
