//! What the gateway costs, and what its refusals let through, beside LiteLLM's proxy, nginx and Envoy in the same run:
//! `crates/bench/gateway/run`, which installs these first; `cargo bench -p legation-bench --bench gateway` alone, where
//! they are there. Some twelve minutes; `-- --trial` takes five and keeps nothing.
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
//! | `mcp` | how long a call of a tool takes, with a server that answers at once, over one connection and over eight; `-- mcp` measures nothing else |
//! | `streams` | a thousand streamed answers at a time: how long after the provider a piece is there, and what memory they take |
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, clippy::panic)]

mod at_once;
mod bare;
mod block;
mod legation;
mod litellm;
mod load;
mod machine;
mod mcp;
mod peer;
mod process;
mod proxies;
mod report;
mod streams;
mod upstream;
mod wire;

use legation::Legation;
use litellm::{LiteLlm, Workers};
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

const WHOLE: Plan = Plan { rounds: 3, each: Duration::from_secs(3), repeats: 3, keep: true };
const TRIAL: Plan = Plan { rounds: 1, each: Duration::from_secs(2), repeats: 1, keep: false };

/// The command's, so that the gateway with its checks off differs in nothing else.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["upstream", port] => upstream::serve(port.parse().unwrap()),
        ["bare", port, upstream] => bare::serve(port.parse().unwrap(), upstream.parse().unwrap()),
        ["legation"] => run(&WHOLE, true),
        ["mcp"] => run_mcp(&WHOLE),
        ["--trial"] => run(&TRIAL, false),
        ["--trial", "legation"] => run(&TRIAL, true),
        [] => run(&WHOLE, false),
        _ => panic!("expected nothing, `--trial`, `legation`, both, or `mcp`"),
    }
}

/// Calls of tools alone, which are told and not kept.
fn run_mcp(plan: &Plan) {
    let folders = Folders::new();
    let upstream = upstream::start(&folders);
    let mut report = Report::new(false);
    report.note(&machine::told());
    let database = legation_tests::postgres::Postgres::start_with(&["shared_buffers=256MB"]).unwrap();
    let url = database.database("bench").unwrap();
    let sqlite = Legation::start(&folders, "SQLite", upstream.address, None, 1);
    let postgres = Legation::start(&folders, "PostgreSQL", upstream.address, Some(&url), 1);
    mcp::measure(
        &Peer::plain("the server alone", upstream.address),
        &[&sqlite, &postgres],
        plan,
        &mut report,
    );
    println!("{}", report.finish());
}

fn run(plan: &Plan, only_legation: bool) {
    let folders = Folders::new();
    let upstream = upstream::start(&folders);
    let mut report = Report::new(plan.keep);
    report.note(&machine::told());
    let direct = Peer::plain("direct", upstream.address);
    let database = legation_tests::postgres::Postgres::start_with(&["shared_buffers=256MB"]).unwrap();
    let sqlite = Legation::start(&folders, "SQLite", upstream.address, None, 1);
    let url = database.database("bench").unwrap();
    let postgres = Legation::start(&folders, "PostgreSQL", upstream.address, Some(&url), 2);
    let bare = bare::start(&folders, upstream.address);
    let others = if only_legation { Vec::new() } else { proxies::start(&folders, upstream.address) };
    let litellm =
        |workers| if only_legation { None } else { LiteLlm::start(&folders, upstream.address, workers) };
    let (one, sharing) = (litellm(Workers::One), litellm(Workers::Sharing));
    let mut peers = vec![direct.clone(), bare.peer.clone()];
    peers.extend(others.iter().map(|one| one.peer.clone()));
    peers.push(sqlite.peer("Legation, SQLite", 1));
    let (proxied, _agent_proxy) = sqlite.proxied(&folders, "Legation, SQLite, through the agent proxy");
    peers.push(proxied);
    peers.push(postgres.peer("Legation, PostgreSQL", 1));
    peers.extend(one.iter().map(|one| one.peer("LiteLLM, 1 worker, no budget", "free")));
    peers.extend(one.iter().map(|one| one.peer(one.name, "load")));
    peers.extend(sharing.iter().map(|two| two.peer(two.name, "load")));
    for peer in &peers {
        peer.warm_up();
    }
    for round in 0..plan.rounds {
        report.note(&format!("load before round {round}: {}", machine::load()));
        for connections in [1, 16, 64] {
            for peer in &peers {
                load::throughput(peer, (round, connections), plan, &mut report);
            }
        }
        for peer in &peers {
            load::latency(peer, round, plan, &mut report);
        }
    }
    let apart = litellm(Workers::Apart);
    apart.iter().for_each(|two| two.peer(two.name, "load").warm_up());
    let theirs = [one.as_ref(), sharing.as_ref(), apart.as_ref()];
    at_once::measure(&[&sqlite, &postgres], &theirs, plan, &mut report);
    block::measure(&[&sqlite, &postgres], plan, &mut report);
    mcp::measure(&direct, &[&sqlite, &postgres], plan, &mut report);
    streams::measure(&direct, &[&sqlite], plan, &mut report);
    report.note(&format!("load when it ended: {}", machine::load()));
    println!("{}", report.finish());
}
