//! What the cost is of a service that many come to.

use crate::{Line, Panel, clock, clock::micros, linear, log};
use legation_bench::{Chain, LIST, NOW, Plan, Random, publish};
use legation_verifier::{CacheLimits, Evidence, Trust, Verifier};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

fn real(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

/// Chains of so many links, each by a principal of its own, and the trust in all of them.
fn principals(count: usize, links: u8) -> (Vec<Chain>, Trust) {
    let chain = |number: usize| {
        let number = u64::try_from(number).unwrap();
        Chain::of(&Plan { principal: number, agents: number, ..Plan::ordinary(links) }).unwrap()
    };
    let mut chains: Vec<Chain> = (0..count).map(chain).collect();
    let mut trust = chains.first().unwrap().trust.clone();
    for chain in &mut chains {
        // `append` would build the whole map again for each.
        trust.roots.extend(core::mem::take(&mut chain.trust.roots));
    }
    (chains, trust)
}

/// The mean time of calls, each of a chain picked at random.
fn mean(chains: &[Chain], calls: usize, call: impl Fn(&str, &str)) -> f64 {
    let mut random = Random::new(7);
    let mut sum = Duration::ZERO;
    for number in 0..calls {
        let nonce = format!("m-{number}");
        let presented = chains.get(random.below(chains.len())).unwrap().present(&nonce).unwrap();
        let started = Instant::now();
        call(black_box(&presented), &nonce);
        sum += started.elapsed();
    }
    micros(sum) / real(calls)
}

pub(crate) fn issuers() -> Vec<Panel> {
    const SAMPLE: usize = 2000;
    let names = ["cold", "warm by default", "warm with room for all"];
    let mut lines = names.map(|name| Line { name, points: Vec::new() });
    for count in [1, 10, 100, 1000, 10_000, 100_000] {
        let (chains, trust) = principals(count, 1);
        let evidence = Evidence::new();
        let large = CacheLimits { chains: 1_000_000, bytes: 1 << 30 };
        let verifiers = [Verifier::new(trust.clone()), Verifier::with_limits(trust, large)];
        for (number, chain) in chains.iter().enumerate() {
            let nonce = format!("n-{number}");
            let presented = chain.present(&nonce).unwrap();
            verifiers.iter().for_each(|verifier| clock::warm(&presented, verifier, &evidence, &nonce));
        }
        let [default, large] = &verifiers;
        let trust = default.trust();
        let measured = [
            mean(&chains, SAMPLE, |presented, nonce| clock::cold(presented, trust, &evidence, nonce)),
            mean(&chains, SAMPLE, |presented, nonce| clock::warm(presented, default, &evidence, nonce)),
            mean(&chains, SAMPLE, |presented, nonce| clock::warm(presented, large, &evidence, nonce)),
        ];
        lines.iter_mut().zip(measured).for_each(|(line, y)| line.points.push((real(count), y)));
    }
    vec![Panel {
        title: "Principals with one delegation each",
        x: log("trusted principals"),
        y: linear("µs per verification"),
        lines: lines.into(),
    }]
}

const ENTRIES: [usize; 4] = [131_072, 1_000_000, 10_000_000, 100_000_000];

/// What a check costs, and what loading a list costs once.
pub(crate) fn status_lists() -> Vec<Panel> {
    let mut chain = Chain::of(&Plan { status: Some(LIST.to_owned()), ..Plan::ordinary(1) }).unwrap();
    chain.trust.limits.status_entries = 1 << 27;
    let mut checks = ["cold", "warm"].map(|name| Line { name, points: Vec::new() });
    let mut loads = Line { name: "a hundredth of it revoked", points: Vec::new() };
    for entries in ENTRIES {
        let (list, mut evidence) = (publish(entries).unwrap(), Evidence::new());
        let started = Instant::now();
        evidence.add_status_list(LIST, &list, NOW, chain.trust.limits.status_entries);
        loads.points.push((real(entries), micros(started.elapsed()) / 1000.0));
        let [cold, warm, _] = clock::of_chain(&chain, &evidence);
        checks.iter_mut().zip([cold, warm]).for_each(|(line, y)| line.points.push((real(entries), y)));
    }
    let y = linear("µs per verification");
    let checks = Panel { title: "Status list: a check", x: log("entries"), y, lines: checks.into() };
    let y = log("ms per list");
    vec![checks, Panel { title: "Status list: loading it once", x: log("entries"), y, lines: vec![loads] }]
}

pub(crate) fn hit_rate() -> Vec<Panel> {
    const CALLS: usize = 400;
    let (known, mut next) = (64, 64);
    let chain = |number: u64| Chain::of(&Plan { agents: number, ..Plan::ordinary(3) }).unwrap();
    let chains: Vec<Chain> = (0..known).map(chain).collect();
    let verifier = Verifier::new(chains.first().unwrap().trust.clone());
    let evidence = Evidence::new();
    for visit in 0..5 {
        for chain in &chains {
            let nonce = format!("w-{visit}");
            clock::warm(&chain.present(&nonce).unwrap(), &verifier, &evidence, &nonce);
        }
    }
    let mut random = Random::new(3);
    let mut at = |percent: u8| {
        let mut sum = Duration::ZERO;
        for number in 0..CALLS {
            let nonce = format!("n-{percent}-{number}");
            let presented = if random.below(100) < usize::from(percent) {
                chains.get(random.below(chains.len())).unwrap().present(&nonce).unwrap()
            } else {
                next += 1;
                chain(next).present(&nonce).unwrap()
            };
            let started = Instant::now();
            clock::warm(black_box(&presented), &verifier, &evidence, &nonce);
            sum += started.elapsed();
        }
        (f64::from(percent), micros(sum) / real(CALLS))
    };
    let points = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100].map(&mut at).into();
    vec![Panel {
        title: "Chains known before (depth 3)",
        x: linear("% of calls"),
        y: linear("µs per verification"),
        lines: vec![Line { name: "mean of all calls", points }],
    }]
}

pub(crate) fn threads() -> Vec<Panel> {
    const PRESENTED: usize = 2000;
    const LASTING: Duration = Duration::from_secs(1);
    let (chains, trust) = principals(64, 3);
    let verifier = Verifier::new(trust);
    let evidence = Evidence::new();
    let presented: Vec<(String, String)> = (0..PRESENTED)
        .map(|number| {
            let nonce = format!("n-{number}");
            (chains.get(number % chains.len()).unwrap().present(&nonce).unwrap(), nonce)
        })
        .collect();
    presented.iter().for_each(|(presented, nonce)| clock::warm(presented, &verifier, &evidence, nonce));
    let run = |start: usize, known: bool| {
        let started = Instant::now();
        let mut calls = 0_u32;
        for (presented, nonce) in presented.iter().cycle().skip(start) {
            if known {
                clock::warm(presented, &verifier, &evidence, nonce);
            } else {
                clock::cold(presented, verifier.trust(), &evidence, nonce);
            }
            calls += 1;
            if started.elapsed() >= LASTING {
                break;
            }
        }
        f64::from(calls) / started.elapsed().as_secs_f64() / 1000.0
    };
    let at = |threads: usize, known: bool| {
        let all: f64 = std::thread::scope(|scope| {
            let run = &run;
            let spawn = |thread| scope.spawn(move || run(thread * PRESENTED / 2, known));
            let running: Vec<_> = (0..threads).map(spawn).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        (real(threads), all)
    };
    let line = |name, known| Line { name, points: vec![at(1, known), at(2, known)] };
    vec![Panel {
        title: "Threads with one verifier (depth 3)",
        x: linear("threads"),
        y: linear("thousand verifications per second"),
        lines: vec![line("cold", false), line("warm", true)],
    }]
}
