//! What the gateway costs, and what its refusals let through, beside LiteLLM's proxy, nginx and Envoy in the same run:
//! `crates/bench/gateway/run`, which installs these first; `cargo bench -p legation-bench --bench gateway` alone, where
//! they are there. Some fifteen minutes; `-- --trial` takes four and keeps nothing.
//!
//! Everything runs on this machine: the load, the upstream, whatever is measured. All are measured by turns, several
//! rounds; a table holds the medians of the rounds. Writes `gateway/raw.csv`, a line for each measurement, and
//! `gateway/table.md`, beside this crate's manifest.
//!
//! | measurement | what |
//! |---|---|
//! | `throughput` | calls in a second, over 1, 16 and 64 connections, with an upstream that answers at once |
//! | `latency` | how much longer a call takes than without anything in between, over 8 connections, with an upstream of 20 ms |
//! | `at once` | 64 calls at once by a key that was never used and whose budget is for ten: how many pass |
//! | `block` | a key is blocked under load: what passes after the command has returned |
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, clippy::panic)]

mod at_once;
mod bare;
mod block;
mod legation;
mod litellm;
mod load;
mod machine;
mod peer;
mod process;
mod proxies;
mod report;
mod upstream;
mod wire;

use machine::Folders;
use peer::Peer;
use report::Report;
use std::{env, time::Duration};

/// How much is measured.
pub(crate) struct Plan {
    rounds: usize,
    /// How long a measurement takes. Longer than receipts wait for their signature, so that this is in it.
    each: Duration,
    /// How often calls are made at once, and how many keys are blocked.
    repeats: usize,
    keep: bool,
}

const WHOLE: Plan = Plan { rounds: 5, each: Duration::from_secs(4), repeats: 5, keep: true };
const TRIAL: Plan = Plan { rounds: 1, each: Duration::from_secs(2), repeats: 1, keep: false };

fn main() {
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["upstream", port] => upstream::serve(port.parse().unwrap()),
        ["bare", port, upstream] => bare::serve(port.parse().unwrap(), upstream.parse().unwrap()),
        ["legation"] => run(&WHOLE, true),
        ["--trial"] => run(&TRIAL, false),
        [] => run(&WHOLE, false),
        _ => panic!("expected nothing, `--trial` or `legation`"),
    }
}

fn run(plan: &Plan, only_legation: bool) {
    let folders = Folders::new();
    let upstream = upstream::start(&folders);
    let mut report = Report::new(plan.keep);
    report.note(&machine::told());
    let direct = Peer::plain("direct", upstream.address);
    let database = legation_tests::postgres::Postgres::start_with(&["shared_buffers=256MB"]).unwrap();
    let sqlite = legation::Legation::start(&folders, "sqlite", upstream.address, None, 1);
    let url = database.database("bench").unwrap();
    let postgres = legation::Legation::start(&folders, "postgres", upstream.address, Some(&url), 2);
    let bare = bare::start(&folders, upstream.address);
    let others = if only_legation { Vec::new() } else { proxies::start(&folders, upstream.address) };
    let alone = litellm::LiteLlm::start(&folders, upstream.address, false).filter(|_| !only_legation);
    let shared = litellm::LiteLlm::start(&folders, upstream.address, true).filter(|_| !only_legation);
    let mut peers = vec![direct.clone(), bare.peer.clone()];
    peers.extend(others.iter().map(|one| one.peer.clone()));
    peers.push(sqlite.peer("Legation, SQLite", 1));
    peers.push(postgres.peer("Legation, PostgreSQL", 1));
    peers.extend(alone.iter().map(|one| one.peer("LiteLLM, 1 worker", "load")));
    peers.extend(shared.iter().map(|one| one.peer("LiteLLM, 2 workers, Redis", "load")));
    for peer in &peers {
        peer.warm_up();
    }
    for round in 0..plan.rounds {
        for connections in [1, 16, 64] {
            for peer in &peers {
                load::throughput(peer, (round, connections), plan, &mut report);
            }
        }
        for peer in &peers {
            load::latency(peer, round, plan, &mut report);
        }
    }
    at_once::measure(&[&sqlite, &postgres], &[alone.as_ref(), shared.as_ref()], plan, &mut report);
    block::measure(&[&sqlite, &postgres], plan, &mut report);
    report.note(&format!("load when it ended: {}", machine::load()));
    println!("{}", report.finish());
}
