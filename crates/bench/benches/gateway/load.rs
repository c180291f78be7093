//! Load: so many connections, each with one call at a time.

use crate::{
    Plan, machine,
    peer::{Client, Peer},
    report::Report,
    upstream,
};
use std::{
    collections::BTreeMap,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

/// What a load came to.
#[derive(Default)]
pub(crate) struct Load {
    /// How long each call took that was answered as it should, in microseconds, in order.
    pub(crate) micros: Vec<f64>,
    /// What was not, by its status; 0 where there was no answer.
    pub(crate) failed: BTreeMap<u16, usize>,
    pub(crate) seconds: f64,
}

impl Load {
    pub(crate) fn per_second(&self) -> f64 {
        as_f64(self.micros.len()) / self.seconds
    }

    /// The latency that a share of the calls kept.
    pub(crate) fn at(&self, share: f64) -> f64 {
        share_of(&self.micros, share)
    }

    pub(crate) fn failures(&self) -> usize {
        self.failed.values().sum()
    }
}

/// A value of a sorted list, by how many are below it.
pub(crate) fn share_of(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let index = (as_f64(last) * share).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

pub(crate) fn as_f64(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

pub(crate) fn run(peer: &Peer, delay: u64, connections: usize, each: Duration) -> Load {
    run_all((0..connections).map(|number| peer.client(number, delay)).collect(), each)
}

pub(crate) fn run_all(clients: Vec<Client>, each: Duration) -> Load {
    let barrier = Barrier::new(clients.len());
    let (mut load, mut longest) = (Load::default(), Duration::ZERO);
    thread::scope(|scope| {
        let barrier = &barrier;
        let threads: Vec<_> = clients
            .into_iter()
            .map(|mut client| {
                scope.spawn(move || {
                    let mut own = Load::default();
                    // The connection, and what comes with it on the other side.
                    let _ = client.call();
                    barrier.wait();
                    let started = Instant::now();
                    while started.elapsed() < each {
                        let sent = Instant::now();
                        match client.call() {
                            Ok((200, _)) => own.micros.push(sent.elapsed().as_secs_f64() * 1e6),
                            Ok((status, _)) => *own.failed.entry(status).or_default() += 1,
                            Err(_) => *own.failed.entry(0).or_default() += 1,
                        }
                    }
                    (own, started.elapsed())
                })
            })
            .collect();
        for thread in threads {
            let (own, took) = thread.join().unwrap();
            load.micros.extend(own.micros);
            own.failed.iter().for_each(|(status, count)| *load.failed.entry(*status).or_default() += count);
            longest = longest.max(took);
        }
    });
    load.seconds = longest.as_secs_f64();
    load.micros.sort_by(f64::total_cmp);
    load
}

pub(crate) fn throughput(
    peer: &Peer,
    (round, connections): (usize, usize),
    plan: &Plan,
    report: &mut Report,
) {
    let waited = machine::wait_until_quiet();
    let load = run(peer, upstream::AT_ONCE, connections, plan.each);
    let values = [
        ("calls/s", load.per_second()),
        ("p50 µs", load.at(0.5)),
        ("p99 µs", load.at(0.99)),
        ("failed", as_f64(load.failures())),
        ("waited s", waited),
    ];
    report.add(&format!("throughput {connections}"), &peer.name, round, &values);
}

pub(crate) fn latency(peer: &Peer, round: usize, plan: &Plan, report: &mut Report) {
    let waited = machine::wait_until_quiet();
    let load = run(peer, upstream::USUAL, 8, plan.each);
    let values = [
        ("p50 µs", load.at(0.5)),
        ("p99 µs", load.at(0.99)),
        ("calls/s", load.per_second()),
        ("failed", as_f64(load.failures())),
        ("waited s", waited),
    ];
    report.add("latency", &peer.name, round, &values);
}
