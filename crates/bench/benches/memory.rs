//! Whether memory stays flat: `cargo bench -p legation-bench --bench memory`, some five minutes. A million
//! presentations, each with a nonce of its own, are verified, authorized and committed: half of them of a few
//! chains that are known, half of a hundred thousand other chains in turn, more than are remembered. The
//! clock goes on a second with every 400 calls, so that nonces are forgotten as they are in a service. Prints
//! at ten points the memory that the process has (`/proc/self/statm`, Linux), and fails where the second half
//! is higher than the first by more than a twentieth.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use legation_bench::{Chain, NOW, Plan, charge};
use legation_verifier::{Evidence, MemoryLedger, Verifier, authorize};
use std::time::Instant;

const CALLS: usize = 1_000_000;
const POINTS: usize = 10;
/// Chains that come again and again.
const KNOWN: usize = 64;
/// Chains that come so rarely that they are forgotten before they come again.
const OTHERS: usize = 100_000;
/// Calls in a second of the clock.
const A_SECOND: usize = 400;

/// A chain of two links by one principal to other agents for each number. It has no totals, which would run out.
fn chain(number: usize) -> Chain {
    let agents = u64::try_from(number).unwrap();
    Chain::of(&Plan { agents, ..Plan::constrained(2, 0) }).unwrap()
}

fn resident_mib() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u32 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    // Of 4 KiB, on x86-64 and on most of arm64.
    f64::from(pages) / 256.0
}

fn main() {
    let known: Vec<Chain> = (0..KNOWN).map(chain).collect();
    let verifier = Verifier::new(known.first().unwrap().trust.clone());
    let (evidence, mut ledger) = (Evidence::new(), MemoryLedger::new());
    let call = |chain: &Chain, number: usize, ledger: &mut MemoryLedger| {
        let now = NOW + i64::try_from(number / A_SECOND).unwrap();
        let nonce = format!("n-{number}");
        let presented = chain.present_at(&nonce, now).unwrap();
        let presentation = verifier.parse(presented.as_bytes()).unwrap();
        let verified = verifier.verify(&presentation, &evidence, &nonce, now).unwrap();
        let permit = authorize(&verified, &charge().unwrap(), now).into_permit().unwrap();
        ledger.commit(permit, now).unwrap();
    };
    let started = Instant::now();
    let mut points = vec![resident_mib()];
    println!("{:>9} calls {:8.1} MiB", 0, resident_mib());
    for number in 0..CALLS {
        match number % 2 {
            0 => call(known.get(number / 2 % KNOWN).unwrap(), number, &mut ledger),
            _ => call(&chain(KNOWN + number / 2 % OTHERS), number, &mut ledger),
        }
        if (number + 1) % (CALLS / POINTS) == 0 {
            let mib = resident_mib();
            println!("{:>9} calls {mib:8.1} MiB {:5} s", number + 1, started.elapsed().as_secs());
            points.push(mib);
        }
    }
    let highest = |points: &[f64]| points.iter().copied().fold(0.0, f64::max);
    let (first, second) = points.split_at(points.len() / 2 + 1);
    let (first, second) = (highest(first), highest(second));
    assert!(second <= first * 1.05, "{second} MiB in the second half, {first} MiB in the first");
}
