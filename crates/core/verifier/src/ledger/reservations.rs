//! Reservations, their shares and their settlement: by example, and random histories against a model that keeps
//! everything.

use super::{tests::links, *};
use fastrand::Rng;
use legation_credential::{Facts, Measure, Window, window::Period};
use std::sync::Mutex;

const MINUTE: Window = Window::Sliding { seconds: 60 };

fn debit(link: Option<usize>, account: u8, amount: i64, most: i64) -> LinkDebit {
    LinkDebit {
        account: [account; 32],
        link,
        limit: "spend USD in 60 s".to_owned(),
        measure: Measure::Money,
        window: MINUTE,
        amount,
        most,
    }
}

fn permit(nonce: impl ToString, chain: &[u8], debits: Vec<LinkDebit>) -> Permit {
    let nonce = NonceUse {
        key: "k".to_owned(),
        nonce: nonce.to_string(),
        root: [0; 32],
        until: 100_000,
        signed_at: 0,
        expires_at: 100_000,
    };
    let request = Request::new("a", "https://a.example/", Facts::new()).unwrap();
    Permit {
        request,
        nonce: Some(nonce),
        approvals: Vec::new(),
        approved_by: Vec::new(),
        links: links(chain),
        debits,
        valid_until: i64::MAX,
        shadow: None,
    }
}

/// An agent that reserves 10 of the 100 of the first link of its chain.
fn ten(nonce: impl ToString, chain: &[u8]) -> Permit {
    permit(nonce, chain, vec![debit(Some(0), chain[0], 10, 100)])
}

#[test]
fn of_calls_at_once_just_those_pass_that_fit_the_agent_s_own_budget() {
    let ledger = Mutex::new(MemoryLedger::new());
    let passed = std::thread::scope(|scope| {
        let call = |number: usize| {
            let permit = permit(number, &[1, 2], vec![debit(Some(1), 2, 10, 75)]);
            ledger.lock().unwrap().reserve(permit, 0).is_ok()
        };
        let calls: Vec<_> = (0..20).map(|number| scope.spawn(move || call(number))).collect();
        calls.into_iter().map(|call| usize::from(call.join().unwrap())).sum::<usize>()
    });
    assert_eq!(passed, 7);
}

#[test]
fn a_child_leaves_its_siblings_as_much_as_it_has_reserved() {
    let mut ledger = MemoryLedger::new();
    let mut held = Vec::new();
    for number in 0..5 {
        held.push(ledger.reserve(ten(number, &[1, 2]), 0).unwrap());
    }
    let denial = ledger.reserve(ten(5, &[1, 2]), 0).unwrap_err();
    assert_eq!((denial.code, denial.link), (Code::BudgetExceeded, Some(0)));
    assert!(denial.expected.contains("its share"), "{denial}");
    assert!(denial.expected.contains("as its calls are settled"), "{denial}");
    assert!(ledger.commit(ten(6, &[1, 2]), 0).is_ok(), "what is spent at once is no reservation");
    // 40 are left: the first of each passes, and more of it within its share.
    assert!(ledger.reserve(ten(7, &[1, 3]), 0).is_ok());
    assert!(ledger.reserve(ten(8, &[1, 3]), 0).is_ok());
    assert!(ledger.reserve(ten(9, &[1, 3]), 0).is_err());
    assert!(ledger.reserve(ten(10, &[1, 4]), 0).is_ok());
    // What is settled is reserved no more: here it cost nothing, so that it is left to all, too.
    for committed in held {
        assert!(ledger.settle(committed, &Actual::of_money(0), 1).over.is_empty());
    }
    assert!(ledger.reserve(ten(11, &[1, 2]), 1).is_ok());
    // What is never settled is reserved until it leaves the window.
    let mut ledger = MemoryLedger::from_json(&ledger.to_json()).unwrap();
    let third = |nonce: usize| ten(nonce, &[1, 3]);
    assert!(ledger.reserve(third(12), 59).is_ok());
    let first_left = ledger.reserve(third(13), 60);
    assert!(first_left.is_ok(), "{first_left:?}");
}

#[test]
fn passing_a_delegation_on_gives_no_further_share() {
    let mut ledger = MemoryLedger::new();
    for number in 0..5 {
        assert!(ledger.reserve(ten(number, &[1, 2, 10 + number]), 0).is_ok(), "{number}");
    }
    assert!(ledger.reserve(ten(5, &[1, 2, 20]), 0).is_err(), "an agent that has reserved nothing itself");
    assert!(ledger.reserve(ten(6, &[1, 3, 20]), 0).is_ok(), "but is below another link");
    // A ceiling's holders are the root links.
    let ceiling = |nonce: u8, chain: &[u8]| permit(nonce, chain, vec![debit(None, 99, 10, 100)]);
    for number in 10..15 {
        assert!(ledger.reserve(ceiling(number, &[1, number]), 0).is_ok(), "{number}");
    }
    assert!(ledger.reserve(ceiling(15, &[1]), 0).is_err());
    assert!(ledger.reserve(ceiling(16, &[2]), 0).is_ok());
}

#[test]
fn a_cost_above_what_was_reserved_is_debited_and_told() {
    let mut ledger = MemoryLedger::new();
    let mut tokens = debit(Some(1), 2, 5, 50);
    (tokens.limit, tokens.measure) =
        ("total \"tokens\" in 60 s".to_owned(), Measure::Fact("tokens".to_owned()));
    let mut rate = debit(Some(1), 2, 1, 2);
    (rate.limit, rate.measure) = ("actions in 60 s".to_owned(), Measure::Actions);
    let all =
        |nonce: &str| permit(nonce, &[1, 2], vec![debit(Some(0), 1, 10, 20), tokens.clone(), rate.clone()]);
    let committed = ledger.reserve(all("a"), 0).unwrap();
    assert_eq!(committed.debits().len(), 3);
    let actual = Actual { amount: Some(25), facts: [("tokens".to_owned(), 3)].into() };
    let settled = ledger.settle(committed, &actual, 1);
    let [over] = settled.over.as_slice() else { panic!("{settled:?}") };
    assert_eq!((over.debit.amount, over.cost, over.beyond), (10, 25, 5));
    let left = |debit: LinkDebit| ledger.left(&debit, 1);
    assert_eq!(left(debit(Some(0), 1, 0, 20)), -5);
    assert_eq!((left(tokens.clone()), left(rate.clone())), (47, 1), "the action was done");
    assert!(ledger.commit(all("b"), 1).is_err());
    // Settled with nothing said of it, it stays as it was taken, and is reserved no more.
    let mut ledger = MemoryLedger::new();
    let committed = ledger.reserve(all("a"), 0).unwrap();
    assert_eq!(ledger.settle(committed, &Actual::default(), 1), Settled::default());
    assert_eq!(ledger.left(&debit(Some(0), 1, 0, 20), 1), 10);
    assert!(ledger.reserve(all("b"), 1).is_ok(), "all that is left, since nothing is reserved");
}

#[test]
fn a_link_has_its_share_of_nonces_and_totals_only() {
    let limits = LedgerLimits { nonces_per_root: 16, totals_per_root: 16, ..LedgerLimits::default() };
    let mut ledger = MemoryLedger::with_limits(limits);
    let mut taken = |chain: &[u8], count: usize, costs: i64| {
        let mut passed = 0;
        for number in 0..count {
            let name = format!("{chain:?} {number}");
            let mut own = debit(Some(chain.len() - 1), *chain.last().unwrap(), costs, 100);
            own.limit = name.clone();
            passed += usize::from(ledger.commit(permit(name, chain, vec![own]), 0).is_ok());
        }
        passed
    };
    assert_eq!(taken(&[1, 2], 20, 0), 8, "half of the nonces that its parent may have");
    assert_eq!(taken(&[1, 3, 4], 20, 0), 2, "half of the half that is left to the link before it");
    assert_eq!(taken(&[1, 3, 5], 20, 0), 1);
    assert!(taken(&[1, 6], 20, 0) >= 1, "a sibling that has none yet");
    let mut ledger =
        MemoryLedger::with_limits(LedgerLimits { totals_per_root: 16, ..LedgerLimits::default() });
    let mut total = |chain: &[u8], number: u8| {
        let mut own = debit(Some(1), chain[1], 1, 100);
        own.limit = format!("{number}");
        ledger.commit(permit(format!("{chain:?} {number}"), chain, vec![own]), 0)
    };
    assert_eq!((0..20).filter(|number| total(&[1, 2], *number).is_ok()).count(), 8);
    let denial = total(&[1, 2], 30).unwrap_err();
    assert!(denial.expected.contains("below link 1, its share"), "{denial}");
    assert!(total(&[1, 3], 0).is_ok());
}

/// The links of six chains: the root, its two children, and theirs.
const CHAINS: [&[u8]; 6] = [&[0], &[0, 1], &[0, 2], &[0, 1, 3], &[0, 1, 4], &[0, 2, 5]];
/// What a ceiling is counted on.
const CEILING: u8 = 99;
/// A calendar whose day begins at 1,080.
const DAY: Window = Window::Calendar { period: Period::Day, offset: -18 };

fn kinds() -> [(&'static str, Measure, Window); 3] {
    [
        ("money", Measure::Money, Window::Sliding { seconds: 100 }),
        ("tokens", Measure::Fact("tokens".to_owned()), DAY),
        ("actions", Measure::Actions, Window::Sliding { seconds: 30 }),
    ]
}

/// What was taken from one total: so much of it counts, so much of that is reserved.
struct Event {
    account: u8,
    kind: usize,
    holder: Option<u8>,
    at: i64,
    amount: i64,
    reserved: i64,
}

struct World {
    ledger: MemoryLedger,
    mosts: HashMap<(u8, usize), i64>,
    events: Vec<Event>,
    /// What may be settled yet, with its events.
    open: Vec<(Committed, Vec<usize>)>,
    now: i64,
    latest: i64,
    /// Whether the ledger counts as exactly as the model.
    exact: bool,
    calls: usize,
}

impl World {
    fn new(draw: &mut Rng) -> Self {
        let mut mosts = HashMap::new();
        for account in [0, 1, 2, 3, 4, 5, CEILING] {
            for kind in 0..3 {
                if draw.u8(..3) > 0 {
                    mosts.insert((account, kind), draw.i64(3..60));
                }
            }
        }
        let moments = if draw.u8(..4) == 0 { 4 } else { 1024 };
        let ledger = MemoryLedger::with_limits(LedgerLimits { moments, ..LedgerLimits::default() });
        let exact = moments > 4;
        let (events, open) = (Vec::new(), Vec::new());
        Self { ledger, mosts, events, open, now: 1_000, latest: 1_000, exact, calls: 0 }
    }

    fn pass_time(&mut self, draw: &mut Rng) {
        self.now += match draw.u8(..16) {
            0..=6 => 0,
            7..=13 => draw.i64(1..30),
            14 => draw.i64(60..200),
            _ if draw.u8(..6) == 0 => -draw.i64(1..150),
            _ => 1,
        };
        self.exact &= self.now >= self.latest;
        self.latest = self.latest.max(self.now);
        match draw.u8(..16) {
            0 => self.ledger = MemoryLedger::from_json(&self.ledger.to_json()).unwrap(),
            1 => self.ledger.forget_totals(self.now),
            _ => {}
        }
    }

    /// What counts now, and what of it a holder has reserved.
    fn sums(&self, (account, kind): (u8, usize), holder: Option<u8>) -> (i64, i64) {
        let counts = |event: &&Event| {
            (event.account, event.kind) == (account, kind)
                && match kinds()[kind].2 {
                    Window::Sliding { seconds } => event.at > self.now - seconds && event.at <= self.now,
                    Window::Calendar { .. } => (event.at < 1_080) == (self.now < 1_080),
                }
        };
        let all = || self.events.iter().filter(counts);
        let own = all().filter(|event| holder.is_some() && event.holder == holder);
        (all().map(|event| event.amount).sum(), own.map(|event| event.reserved).sum())
    }

    fn call(&mut self, draw: &mut Rng) {
        let chain = CHAINS[draw.usize(..CHAINS.len())];
        let (amounts, reserving) = ([draw.i64(0..12), draw.i64(0..12), 1], draw.bool());
        let mut debits = Vec::new();
        let mut fits = true;
        for (at, account) in core::iter::once((None, CEILING))
            .chain(chain.iter().enumerate().map(|(at, link)| (Some(at), *link)))
        {
            for (kind, (name, measure, window)) in kinds().into_iter().enumerate() {
                let Some(most) = self.mosts.get(&(account, kind)) else { continue };
                let holder = chain.get(at.map_or(0, |at| at + 1)).copied().filter(|_| reserving);
                let (held, own) = self.sums((account, kind), holder);
                let (amount, left) = (amounts[kind], most - held);
                fits &= amount <= left;
                if own > 0 && amount > 0 {
                    fits &= 2 * (own + amount) <= left + own;
                }
                debits.push(LinkDebit {
                    account: [account; 32],
                    link: at,
                    limit: name.to_owned(),
                    measure,
                    window,
                    amount,
                    most: *most,
                });
            }
        }
        self.calls += 1;
        let permit = permit(self.calls, chain, debits);
        let outcome = if reserving {
            self.ledger.reserve(permit, self.now)
        } else {
            self.ledger.commit(permit, self.now)
        };
        match outcome {
            Ok(committed) => {
                assert!(self.exact || self.is_within(&committed), "more than the most");
                assert!(!self.exact || fits, "it was to be refused: {:?}", committed.debits);
                self.take(committed, chain, reserving);
            }
            Err(denial) => assert!(!self.exact || !fits, "it was to pass: {denial}"),
        }
    }

    /// Whether everything that was taken is within its most, with what was before.
    fn is_within(&self, committed: &Committed) -> bool {
        committed.debits.iter().all(|debit| {
            let kind = kinds().iter().position(|(name, ..)| *name == debit.limit).unwrap();
            self.sums((debit.account[0], kind), None).0 + debit.amount <= debit.most
        })
    }

    fn take(&mut self, committed: Committed, chain: &[u8], reserving: bool) {
        let first = self.events.len();
        for debit in &committed.debits {
            let holder = chain.get(debit.link.map_or(0, |at| at + 1)).copied().filter(|_| reserving);
            self.events.push(Event {
                account: debit.account[0],
                kind: kinds().iter().position(|(name, ..)| *name == debit.limit).unwrap(),
                holder,
                at: self.now,
                amount: debit.amount,
                reserved: if holder.is_some() { debit.amount } else { 0 },
            });
        }
        self.open.push((committed, (first..self.events.len()).collect()));
    }

    fn settle(&mut self, draw: &mut Rng) {
        if self.open.is_empty() {
            return;
        }
        let (committed, events) = self.open.swap_remove(draw.usize(..self.open.len()));
        let mut actual = Actual::default();
        // Rarely more than was reserved.
        let cost = |draw: &mut Rng| if draw.u8(..20) == 0 { draw.u64(0..30) } else { draw.u64(0..4) };
        if draw.u8(..5) > 0 {
            actual.amount = Some(cost(draw));
        }
        if draw.u8(..5) > 0 {
            actual.facts.insert("tokens".to_owned(), cost(draw));
        }
        let mut over = 0;
        for index in events {
            let event = &mut self.events[index];
            event.reserved = 0;
            let cost = [actual.amount, actual.facts.get("tokens").copied(), None][event.kind];
            let Some(cost) = cost.map(|cost| i64::try_from(cost).unwrap()) else { continue };
            let (taken, account, kind) = (event.amount, event.account, event.kind);
            event.amount = taken.min(cost);
            if cost > taken {
                over += 1;
                let (at, amount) = (self.now, cost - taken);
                self.events.push(Event { account, kind, holder: None, at, amount, reserved: 0 });
            }
        }
        assert_eq!(self.ledger.settle(committed, &actual, self.now).over.len(), over);
        // Never is less counted than was spent.
        for ((account, kind), most) in &self.mosts {
            let (name, measure, window) = kinds()[*kind].clone();
            let debit = LinkDebit {
                account: [*account; 32],
                link: None,
                limit: name.to_owned(),
                measure,
                window,
                amount: 0,
                most: *most,
            };
            let (left, held) = (self.ledger.left(&debit, self.now), self.sums((*account, *kind), None).0);
            assert!(left <= most - held, "{left} are left of {most}, and {held} are gone");
            assert!(!self.exact || left == most - held, "{left} are left of {most}, and {held} are gone");
        }
    }
}

#[test]
fn random_histories_are_counted_as_a_model_counts_them() {
    let (mut exact, mut settled) = (0, 0);
    for case in 0..2_000 {
        let draw = &mut Rng::with_seed(case);
        let mut world = World::new(draw);
        for _ in 0..60 {
            world.pass_time(draw);
            if draw.u8(..3) == 0 {
                settled += usize::from(!world.open.is_empty());
                world.settle(draw);
            } else {
                world.call(draw);
            }
        }
        exact += usize::from(world.exact);
    }
    assert!(exact > 250 && exact < 1_750 && settled > 10_000, "{exact} {settled}");
}
