//! No window of any link ever holds more than its most, whichever of its descendants commits,
//! held against a model that keeps everything.
//!
//! The clock stands, runs, jumps and steps back; moments are merged, totals forgotten, the
//! ledger written and read again, nonces replayed. A case is a sequence of commits; there are
//! 100,000. `LEGATION_CASES` and `LEGATION_FIRST` set others, as for the order of authorities:
//!
//! ```sh
//! LEGATION_CASES=100000000 cargo test --release -p legation-verifier bursts
//! ```

use super::*;
use crate::authorize::LinkDebit;
use crate::window::{BEHIND, part};
use fastrand::Rng;
use legation_credential::{Facts, Measure, Window, window::Period};

/// The links of six chains: the root, its two children, and theirs.
const CHAINS: [&[u8]; 6] = [&[0], &[0, 1], &[0, 2], &[0, 1, 3], &[0, 1, 4], &[0, 2, 5]];
/// What may be limited: words, whether it counts actions, and the window.
const TOTALS: [(&str, bool, Window); 5] = [
    ("spend USD in 100 s", false, Window::Sliding { seconds: 100 }),
    ("spend USD in 10 s", false, Window::Sliding { seconds: 10 }),
    ("actions in 30 s", true, Window::Sliding { seconds: 30 }),
    // Day and month begin at 1,080, shortly after the clock starts.
    ("spend USD in a day", false, Window::Calendar { period: Period::Day, offset: -18 }),
    ("actions in a month", true, Window::Calendar { period: Period::Month, offset: -18 }),
];

/// One link's most of one total.
#[derive(Clone, Copy)]
struct Limit {
    link: u8,
    total: usize,
    most: i64,
}

/// Something that was committed.
struct Event {
    link: u8,
    total: usize,
    at: i64,
    amount: i64,
}

struct World {
    limits: Vec<Limit>,
    ledger: MemoryLedger,
    events: Vec<Event>,
    nonces: Vec<NonceUse>,
    now: i64,
    /// The latest moment of all commits, tried or done.
    latest: i64,
    /// How far the clock was behind it, at most.
    behind: i64,
}

impl World {
    fn new(draw: &mut Rng) -> Self {
        let mut limits = Vec::new();
        let ample = draw.u8(..3) == 0;
        for link in 0..6 {
            for (total, (_, counts, _)) in TOTALS.into_iter().enumerate() {
                if draw.u8(..3) > 0 {
                    let most = if ample {
                        60
                    } else if counts {
                        5
                    } else {
                        12
                    };
                    limits.push(Limit { link, total, most: draw.i64(0..most) });
                }
            }
        }
        let small = draw.u8(..3) == 0;
        let bounds = LedgerLimits {
            moments: if draw.bool() { 4 } else { 1024 },
            totals: if small { draw.usize(1..12) } else { 100 },
            totals_per_root: if small { draw.usize(1..12) } else { 100 },
            ..LedgerLimits::default()
        };
        let ledger = MemoryLedger::with_limits(bounds);
        Self { limits, ledger, events: Vec::new(), nonces: Vec::new(), now: 1_000, latest: 0, behind: 0 }
    }

    fn permit(&self, nonce: NonceUse, chain: &[u8], amount: i64) -> Permit {
        let mut debits = Vec::new();
        for limit in self.limits.iter().filter(|limit| chain.contains(&limit.link)) {
            let (words, counts, window) = TOTALS[limit.total];
            debits.push(LinkDebit {
                account: [limit.link; 32],
                link: chain.iter().position(|link| *link == limit.link),
                limit: words.to_owned(),
                measure: if counts { Measure::Actions } else { Measure::Money },
                window,
                amount: if counts { 1 } else { amount },
                most: limit.most,
            });
        }
        let request = Request::new("a", "https://a.example/", Facts::new()).unwrap();
        Permit {
            request,
            nonce: Some(nonce),
            approvals: Vec::new(),
            approved_by: Vec::new(),
            links: tests::links(chain),
            debits,
            valid_until: i64::MAX,
            shadow: None,
        }
    }

    /// What the events of one total come to in (from, until].
    fn sum(&self, limit: Limit, from: i64, until: i64) -> i64 {
        let own = self.events.iter().filter(|event| (event.link, event.total) == (limit.link, limit.total));
        own.filter(|event| event.at > from && event.at <= until).map(|event| event.amount).sum()
    }

    fn pass_time(&mut self, draw: &mut Rng) {
        self.now += match draw.u8(..20) {
            0..=4 => 0,
            5..=13 => draw.i64(1..30),
            14 => draw.i64(100..400),
            15..=17 => -draw.i64(1..=20),
            _ => -draw.i64(20..200),
        };
        self.latest = self.latest.max(self.now);
        self.behind = self.behind.max(self.latest - self.now);
    }

    fn commit(&mut self, draw: &mut Rng) {
        self.pass_time(draw);
        if draw.u8(..8) == 0 {
            self.ledger = MemoryLedger::from_json(&self.ledger.to_json()).unwrap();
        }
        let chain = CHAINS[draw.usize(..CHAINS.len())];
        let amount = draw.i64(0..6);
        let replayed = draw.u8(..10) == 0 && !self.nonces.is_empty();
        let nonce = if replayed {
            self.nonces[draw.usize(..self.nonces.len())].clone()
        } else {
            let nonce = self.nonces.len().to_string();
            NonceUse {
                key: "k".to_owned(),
                nonce,
                root: [0; 32],
                until: self.now + 300,
                signed_at: 0,
                expires_at: self.now + 300,
            }
        };
        let outcome = self.ledger.commit(self.permit(nonce.clone(), chain, amount), self.now);
        let LedgerLimits { totals, totals_per_root, .. } = self.ledger.limits;
        assert!(
            self.ledger.totals.len() <= totals.min(totals_per_root),
            "more totals than there is room for"
        );
        match outcome {
            Ok(committed) => {
                assert!(!replayed, "a nonce was used twice");
                self.nonces.push(nonce);
                self.take(&committed.debits);
            }
            Err(denial) => self.check_refusal(&denial, replayed, chain, amount),
        }
    }

    /// Writes down what was committed, and looks at every window that holds it.
    fn take(&mut self, debits: &[LinkDebit]) {
        let now = self.now;
        for debit in debits {
            let (link, total) =
                (debit.account[0], TOTALS.iter().position(|(words, ..)| *words == debit.limit).unwrap());
            self.events.push(Event { link, total, at: now, amount: debit.amount });
            let limit = Limit { link, total, most: debit.most };
            let ends = self.events.iter().map(|event| event.at);
            match debit.window {
                Window::Sliding { seconds } => {
                    for end in ends.filter(|end| (now..now + seconds).contains(end)) {
                        let sum = self.sum(limit, end - seconds, end);
                        assert!(sum <= debit.most, "{sum} of {} in the {seconds} s to {end}", debit.most);
                    }
                }
                Window::Calendar { .. } => {
                    // The day before 1,080 s, and the one after.
                    let (from, until) = if now < 1_080 { (i64::MIN, 1_079) } else { (1_079, i64::MAX) };
                    let sum = self.sum(limit, from, until);
                    assert!(sum <= debit.most, "{sum} of {} in the period of {now}", debit.most);
                }
            }
        }
    }

    /// A refusal has its reason: never is more refused than merging and a clock that steps back
    /// account for.
    fn check_refusal(&self, denial: &Denial, replayed: bool, chain: &[u8], amount: i64) {
        if denial.code == Code::NonceReplayed {
            assert!(replayed || self.behind > BEHIND, "{denial}");
            return;
        }
        assert!(!replayed, "a nonce that was used is told first");
        assert!(matches!(denial.code, Code::BudgetExceeded | Code::RateExceeded), "{denial}");
        let crowded = self.ledger.limits.totals < 100 && (denial.found == "none left" || self.behind > 0);
        let full = self.limits.iter().filter(|limit| chain.contains(&limit.link)).any(|limit| {
            let (_, counts, window) = TOTALS[limit.total];
            let from = match window {
                Window::Sliding { seconds } => {
                    let merged = if self.ledger.limits.moments == 4 { part(seconds, 4) } else { 0 };
                    self.now - seconds - merged - self.behind
                }
                // A clock that stepped back has put what it found into the period that is last.
                Window::Calendar { .. } if self.now >= 1_080 && self.behind == 0 => 1_079,
                Window::Calendar { .. } => i64::MIN,
            };
            self.sum(*limit, from, i64::MAX) + if counts { 1 } else { amount } > limit.most
        });
        assert!(full || crowded || self.behind > BEHIND, "{denial}");
    }
}

fn cases() -> core::ops::Range<u64> {
    let set = |name: &str, default: u64| match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is `{text}`, and no number")),
        Err(_) => default,
    };
    let first = set("LEGATION_FIRST", 0);
    first..first + set("LEGATION_CASES", 100_000)
}

#[test]
fn no_window_of_any_link_holds_more_than_its_most() {
    struct Told(u64);
    impl Drop for Told {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("to repeat it: LEGATION_FIRST={} LEGATION_CASES=1", self.0);
            }
        }
    }
    for case in cases() {
        let _told = Told(case);
        let draw = &mut Rng::with_seed(case);
        let mut world = World::new(draw);
        for _ in 0..draw.usize(2..20) {
            world.commit(draw);
        }
    }
}

#[test]
fn the_sequences_reach_what_they_are_to_reach() {
    let (mut committed, mut refused, mut back, mut merged, mut forgotten) = (0, 0, 0, 0, 0);
    for case in 0..1_000 {
        let draw = &mut Rng::with_seed(case);
        let mut world = World::new(draw);
        for _ in 0..19 {
            let before = world.nonces.len();
            world.commit(draw);
            committed += world.nonces.len() - before;
            refused += 1 - (world.nonces.len() - before);
        }
        back += usize::from(world.behind > 0);
        // Merging alone gives a moment at which nothing happened.
        let happened = |at: i64| world.events.iter().any(|event| event.at == at);
        let mut held = world.ledger.totals.values().flat_map(|held| &held.total.moments);
        merged += usize::from(held.any(|(at, _)| !happened(*at)));
        forgotten += usize::from(world.ledger.ended.is_some());
    }
    for count in [committed, refused, back, merged, forgotten] {
        assert!(count >= 20, "{committed} {refused} {back} {merged} {forgotten}");
    }
}
