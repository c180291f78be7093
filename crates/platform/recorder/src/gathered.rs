//! What waits to be written, and which denials repeat. All of it is bounded: whoever is denied, or passes its delegation on to
//! thousands, must neither fill the log nor keep others waiting.

use legation_agent::{Decided, RecordError, Who};
use legation_did::Did;
use legation_verifier::{Account, Code};
use std::collections::{BTreeMap, HashMap};

/// Most decisions that wait.
pub(crate) const WAITING: usize = 4096;
/// Within how many seconds a denial that repeats is counted and not written again.
const REPEATS: i64 = 60;
/// Most agents below one root link whose denials are told apart; those of all others count as one.
const AGENTS: usize = 64;
/// Most denials that may repeat which are remembered.
const REPEATING: usize = 16_384;

/// A denial as far as it repeats. Whoever is denied chooses the resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Same {
    root: Account,
    /// `None`: one of many below the root link.
    agent: Option<Did>,
    code: Code,
}

#[derive(Clone, Copy, Debug)]
struct Repeat {
    /// The number of the denial that was written, once it was.
    of: Option<i64>,
    first: i64,
    last: i64,
    times: i64,
}

/// How often a denial happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) of: i64,
    pub(crate) times: i64,
    pub(crate) last: i64,
}

/// What becomes of a decision.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It was counted with one that was written, or as one of nobody known.
    Counted,
    /// It waits to be written; of a denial, by what it is known when it repeats.
    Waits(Option<Same>),
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    waiting: usize,
    by_root: HashMap<Account, usize>,
    repeats: HashMap<Same, Repeat>,
    agents: HashMap<Account, usize>,
    pub(crate) unknown: BTreeMap<&'static str, u64>,
}

impl Gathered {
    /// Takes a decision in.
    pub(crate) fn take(&mut self, decided: &Decided) -> Result<Taken, RecordError> {
        let Some(who) = &decided.who else {
            let code = decided.denied.map_or("permit", Code::as_str);
            let count = self.unknown.entry(code).or_default();
            *count = count.saturating_add(1);
            return Ok(Taken::Counted);
        };
        let same = decided.denied.map(|code| self.name(who, code));
        // As long as the first one is on no disk, nothing may be counted with it.
        if let Some(repeat) = same.as_ref().and_then(|same| self.repeats.get_mut(same))
            && repeat.of.is_some()
            && (0..REPEATS).contains(&decided.at.saturating_sub(repeat.first))
        {
            repeat.times = repeat.times.saturating_add(1);
            repeat.last = repeat.last.max(decided.at);
            return Ok(Taken::Counted);
        }
        // Who has something waiting gets more only up to half of what nobody has taken and its own.
        let own = self.by_root.get(&who.root).copied().unwrap_or(0);
        let free = WAITING.saturating_sub(self.waiting);
        if free == 0 || own > 0 && own >= free.saturating_add(own) / 2 {
            return Err(RecordError::Overloaded);
        }
        self.waiting = self.waiting.saturating_add(1);
        *self.by_root.entry(who.root).or_default() += 1;
        if let Some(same) = &same
            && self.repeats.len() < REPEATING
            && !self.repeats.contains_key(same)
        {
            let repeat = Repeat { of: None, first: decided.at, last: decided.at, times: 1 };
            self.repeats.insert(same.clone(), repeat);
            *self.agents.entry(same.root).or_default() += 1;
        }
        Ok(Taken::Waits(same))
    }

    fn name(&self, who: &Who, code: Code) -> Same {
        let own = Same { root: who.root, agent: Some(who.agent.clone()), code };
        let many = self.agents.get(&who.root).is_some_and(|agents| *agents >= AGENTS);
        if many && !self.repeats.contains_key(&own) { Same { agent: None, ..own } } else { own }
    }

    /// What has waited does so no more: it was written under a number, or not at all.
    pub(crate) fn done(&mut self, root: &Account, same: Option<&Same>, written: Option<i64>) {
        self.waiting = self.waiting.saturating_sub(1);
        if let Some(own) = self.by_root.get_mut(root) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                self.by_root.remove(root);
            }
        }
        let Some(same) = same else { return };
        match (written, self.repeats.get_mut(same)) {
            (Some(number), Some(repeat)) if repeat.of.is_none() => repeat.of = Some(number),
            (None, Some(repeat)) if repeat.of.is_none() => self.forget(same),
            _ => {}
        }
    }

    fn forget(&mut self, same: &Same) {
        if self.repeats.remove(same).is_some()
            && let Some(agents) = self.agents.get_mut(&same.root)
        {
            *agents = agents.saturating_sub(1);
            if *agents == 0 {
                self.agents.remove(&same.root);
            }
        }
    }

    /// Forgets denials that no longer repeat at `now` (Unix seconds), all of them where there is none, and gives those that
    /// did.
    pub(crate) fn ended(&mut self, now: Option<i64>) -> Vec<Count> {
        let is_over = |repeat: &Repeat| {
            repeat.of.is_some()
                && now.is_none_or(|now| !(0..REPEATS).contains(&now.saturating_sub(repeat.first)))
        };
        let over: Vec<(Same, Repeat)> = self
            .repeats
            .iter()
            .filter(|(_, repeat)| is_over(repeat))
            .map(|(same, repeat)| (same.clone(), *repeat))
            .collect();
        over.iter().for_each(|(same, _)| self.forget(same));
        let count = |(_, repeat): &(Same, Repeat)| {
            let of = repeat.of.filter(|_| repeat.times > 1)?;
            Some(Count { of, times: repeat.times, last: repeat.last })
        };
        let mut counts: Vec<Count> = over.iter().filter_map(count).collect();
        counts.sort_unstable_by_key(|count| count.of);
        counts
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use legation_keys::{Algorithm, SecretKey, Signer};

    fn who(root: u8) -> Who {
        let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
        Who { agent: legation_did::key::did(key.public_key()), root: [root; 32] }
    }

    fn decided(who: &Who, denied: Option<Code>, at: i64) -> Decided {
        Decided { at, denied, who: Some(who.clone()), receipt: Vec::new() }
    }

    #[test]
    fn who_floods_with_permits_or_with_thousands_of_agents_closes_the_door_for_itself_alone() {
        let mut gathered = Gathered::default();
        let (flood, honest) = (who(1), who(2));
        let mut waits = 0;
        while gathered.take(&decided(&flood, None, 1)).is_ok() {
            waits += 1;
        }
        assert!((WAITING / 3..=WAITING / 2 + 1).contains(&waits), "{waits}");
        for _ in 0..100 {
            gathered.take(&decided(&honest, None, 1)).unwrap();
        }
        assert_eq!(gathered.take(&decided(&flood, None, 1)).unwrap_err().code(), "log_overloaded");
        gathered.done(&flood.root, None, Some(1));
        // Ten thousand agents below one root link, each denied once.
        let mut gathered = Gathered::default();
        let mut waits = 0;
        for _ in 0..500 {
            let one = who(1);
            if let Taken::Waits(same) = gathered.take(&decided(&one, Some(Code::NotGranted), 1)).unwrap() {
                waits += 1;
                gathered.done(&one.root, same.as_ref(), Some(waits));
            }
        }
        assert_eq!(usize::try_from(waits).unwrap(), AGENTS + 1);
        let counts = gathered.ended(None);
        assert_eq!((counts.len(), counts[0].times), (1, 500 - i64::try_from(AGENTS).unwrap()));
        assert!(gathered.repeats.is_empty() && gathered.agents.is_empty() && gathered.by_root.is_empty());
    }

    #[test]
    fn a_denial_that_was_not_written_is_not_counted_with() {
        let mut gathered = Gathered::default();
        let one = who(1);
        let denied = decided(&one, Some(Code::NotGranted), 100);
        let Taken::Waits(same) = gathered.take(&denied).unwrap() else { panic!("it waits") };
        let Taken::Waits(at_once) = gathered.take(&denied).unwrap() else {
            panic!("the first is on no disk yet")
        };
        gathered.done(&one.root, same.as_ref(), None);
        gathered.done(&one.root, at_once.as_ref(), None);
        assert!(matches!(gathered.take(&denied).unwrap(), Taken::Waits(_)));
    }

    #[test]
    fn a_denial_is_written_again_after_a_minute_and_when_the_clock_was_set_back() {
        let mut gathered = Gathered::default();
        let one = who(1);
        for (at, is_counted) in [(100, false), (159, true), (160, false), (50, false)] {
            let taken = gathered.take(&decided(&one, Some(Code::NotGranted), at)).unwrap();
            assert_eq!(taken == Taken::Counted, is_counted, "{at}");
            if let Taken::Waits(same) = taken {
                gathered.done(&one.root, same.as_ref(), Some(at));
                // The thread forgets it then.
                assert!(at == 100 || same.is_some());
            }
            if at == 159 {
                let ended = gathered.ended(Some(160));
                assert_eq!(ended, [Count { of: 100, times: 2, last: 159 }]);
            }
            if at == 160 {
                assert_eq!(gathered.ended(Some(50)), [], "once only is no count");
            }
        }
    }
}
