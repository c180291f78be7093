//! The durable ledger and the verifier's own answer alike, whatever happens in whatever order.

use crate::{
    engines::{ACME, CREATED, Engine, both},
    world::{NOW, World, note, permit, request},
};
use legation_credential::Request;
use legation_store::{Commit, CommitError, Settle, limits};
use legation_verifier::{Actual, Code, Committed, Denial, MemoryLedger, VerifiedChain, authorize};
use proptest::prelude::*;
use std::sync::Arc;

/// One thing that happens, `later` seconds after the one before it; clocks are set back, too.
#[derive(Clone, Debug)]
enum Step {
    Call { agent: usize, micros: i64, tokens: i64, reserving: bool, later: i64 },
    Signed { agent: usize, nonce: u8, micros: i64, later: i64 },
    Settle { which: usize, micros: u64, tokens: Option<u64>, later: i64 },
    Nonce { agent: usize, nonce: u8, later: i64 },
}

fn later() -> impl Strategy<Value = i64> {
    prop_oneof![6 => 0..40_i64, 1 => -90..0_i64, 1 => 60..400_i64, 1 => 40_000..100_000_i64]
}

fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), Just(1), 1..90_000_000_i64, Just(80_000_000), Just(79_999_999)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3_usize, amount(), 0..9000_i64, any::<bool>(), later())
            .prop_map(|(agent, micros, tokens, reserving, later)| Step::Call { agent, micros, tokens, reserving, later }),
        3 => (0..3_usize, 0..6_u8, amount(), later())
            .prop_map(|(agent, nonce, micros, later)| Step::Signed { agent, nonce, micros, later }),
        3 => (0..8_usize, 0..120_000_000_u64, proptest::option::of(0..9000_u64), later())
            .prop_map(|(which, micros, tokens, later)| Step::Settle { which, micros, tokens, later }),
        1 => (0..3_usize, 0..6_u8, later()).prop_map(|(agent, nonce, later)| Step::Nonce { agent, nonce, later }),
    ]
}

/// What a ledger answered, in words that can be compared.
fn told<T>(outcome: Result<T, Denial>) -> Result<(), String> {
    outcome.map(drop).map_err(|denial| format!("{denial:?}"))
}

struct Pair<'a> {
    engine: &'a Engine,
    runtime: &'a tokio::runtime::Runtime,
    memory: MemoryLedger,
    /// Up to which moment it was swept last, as the store does it.
    swept: Option<i64>,
    /// The latest moment so far.
    latest: i64,
    /// What both have committed and not settled.
    open: Vec<(Committed, Committed)>,
}

impl Pair<'_> {
    /// What has ended is forgotten a minute late, and every ten seconds.
    fn sweep(&mut self, now: i64) {
        let ended = now - 60;
        if self.swept.is_none_or(|last| !(0..10).contains(&(ended - last))) {
            self.memory.forget(ended);
            self.swept = Some(ended);
        }
    }

    /// Whether two outcomes are as far from one another as they may be: with a clock that was set back one of the two has
    /// forgotten a nonce that the other one has not, and then one refuses to know. From there on they differ.
    fn is_apart<T, U>(&self, expected: &Result<T, Denial>, found: &Result<U, Denial>, now: i64) -> bool {
        let is_replayed = |code: Option<Code>| code == Some(Code::NonceReplayed);
        let expected = is_replayed(expected.as_ref().err().map(|denial| denial.code));
        let found = is_replayed(found.as_ref().err().map(|denial| denial.code));
        expected != found && now < self.latest
    }

    /// `false` where nothing more can be compared.
    fn commit(&mut self, chain: &VerifiedChain, request: &Request, reserving: bool, now: i64) -> bool {
        let permits = (0..2).map(|_| authorize(chain, request, now).into_permit());
        let Ok(permits) = permits.collect::<Result<Vec<_>, _>>() else { return true };
        let [one, other] = <[_; 2]>::try_from(permits).unwrap();
        self.sweep(now);
        let expected = if reserving { self.memory.reserve(one, now) } else { self.memory.commit(one, now) };
        let commit = Commit {
            organization: Arc::from(ACME),
            permit: other,
            reserving,
            epoch: 1,
            now,
            receipt: Box::new(move |_| note("permit", "", now, None)),
        };
        let found = self.runtime.block_on(self.engine.store.commit(commit)).map(|done| done.outcome);
        let found = found.map_err(|error| match error {
            CommitError::Denied(denial) => denial,
            other => panic!("{other}"),
        });
        if self.is_apart(&expected, &found, now) {
            return false;
        }
        match (expected, found) {
            (Ok(one), Ok(other)) => self.open.push((one, other)),
            (expected, found) => assert_eq!(told(expected), told(found), "{}", self.engine.name),
        }
        true
    }

    fn settle(&mut self, which: usize, actual: &Actual, now: i64) {
        if self.open.is_empty() {
            return;
        }
        let (one, other) = self.open.remove(which % self.open.len());
        self.sweep(now);
        let expected = self.memory.settle(one, actual, now);
        let settle = Settle {
            organization: Arc::from(ACME),
            committed: other,
            actual: actual.clone(),
            now,
            receipt: Box::new(move |_| note("settle", "", now, None)),
        };
        let found = self.runtime.block_on(self.engine.store.settle(settle)).unwrap().outcome;
        assert_eq!(expected, found, "{}", self.engine.name);
    }

    /// `false` where nothing more can be compared.
    fn nonce(&mut self, chain: &VerifiedChain, now: i64) -> bool {
        self.sweep(now);
        let expected = self.memory.commit_nonce(chain, now + 30, now);
        let organization = Arc::from(ACME);
        let found = self.engine.store.commit_nonce(&organization, chain, now + 30, now);
        let found = self.runtime.block_on(found).map_err(|error| match error {
            CommitError::Denied(denial) => denial,
            other => panic!("{other}"),
        });
        if self.is_apart(&expected, &found, now) {
            return false;
        }
        assert_eq!(told(expected), told(found), "{}", self.engine.name);
        true
    }
}

fn run(engine: &Engine, runtime: &tokio::runtime::Runtime, world: &World, steps: &[Step]) {
    let memory = MemoryLedger::with_limits(limits()).begin(CREATED);
    // What is set aside for a process has a property of its own (`verifier::ledger::aside`).
    engine.store.commit_in_memory_from(u32::MAX);
    let mut pair = Pair { engine, runtime, memory, swept: None, latest: NOW, open: Vec::new() };
    let mut now = NOW;
    for step in steps {
        match step {
            Step::Call { later, .. }
            | Step::Signed { later, .. }
            | Step::Settle { later, .. }
            | Step::Nonce { later, .. } => {
                // A clock that is set back by more lets the two differ in what they have forgotten by then, and both
                // refuse what they can't know.
                now = (now + later).max(pair.latest - 100);
                pair.latest = pair.latest.max(now);
            }
        }
        let goes_on = match step {
            Step::Call { agent, micros, tokens, reserving, .. } => {
                let chain = world.vouched(*agent, now);
                pair.commit(&chain, &request(*micros, *tokens), *reserving, now)
            }
            Step::Signed { agent, nonce, micros, .. } => {
                let chain = world.signed(*agent, &format!("n-{nonce}"), now);
                pair.commit(&chain, &request(*micros, 1), false, now)
            }
            Step::Settle { which, micros, tokens, .. } => {
                let facts = tokens.iter().map(|tokens| ("tokens".to_owned(), *tokens)).collect();
                pair.settle(*which, &Actual { amount: Some(*micros), facts }, now);
                true
            }
            Step::Nonce { agent, nonce, .. } => {
                pair.nonce(&world.signed(*agent, &format!("n-{nonce}"), now), now)
            }
        };
        if !goes_on {
            return;
        }
    }
}

#[test]
fn it_answers_as_the_ledger_in_memory_does() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cases = std::env::var("LEGATION_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(24);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in proptest::collection::vec(step(), 1..60))| {
        let world = World::new();
        for engine in both() {
            run(&engine, &runtime, &world, &steps);
        }
    });
}

/// The property finds nothing where nothing is denied: these are denied, each by another rule.
#[test]
fn each_rule_is_met_on_both_engines() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = World::new();
    for engine in both() {
        let code = |chain: &VerifiedChain, micros, tokens, now| {
            let mut commit = crate::world::commit(permit(chain, micros, tokens, now), 1, now);
            commit.reserving = false;
            match runtime.block_on(engine.store.commit(commit)) {
                Ok(_) => "permit",
                Err(CommitError::Denied(denial)) => denial.code.as_str(),
                Err(other) => panic!("{other}"),
            }
        };
        let chain = world.vouched(0, NOW);
        assert_eq!(code(&chain, 80_000_000, 1, NOW), "permit", "{}", engine.name);
        assert_eq!(code(&chain, 70_000_001, 1, NOW), "budget_exceeded", "by one millionth");
        assert_eq!(code(&chain, 70_000_000, 1, NOW), "permit", "met exactly");
        assert_eq!(code(&world.vouched(1, NOW), 80_000_000, 8000, NOW), "permit");
        assert_eq!(code(&world.vouched(1, NOW), 1, 8000, NOW), "permit");
        assert_eq!(code(&world.vouched(1, NOW), 1, 8000, NOW), "budget_exceeded", "tokens");
        let signed = world.signed(2, "n", NOW);
        assert_eq!(code(&signed, 1, 1, NOW), "permit");
        assert_eq!(code(&signed, 1, 1, NOW), "nonce_replayed");
        let codes: Vec<&str> = (0..20).map(|_| code(&world.vouched(2, NOW), 0, 1, NOW)).collect();
        assert_eq!(codes.last(), Some(&"rate_exceeded"));
        assert_eq!(code(&world.signed(2, "o", CREATED - 1), 0, 1, NOW - 50), "presentation_stale");
    }
}
