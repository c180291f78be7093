//! What requests that wait for an approval cost: `cargo run --release -p legation-bench --example approvals`.
//!
//! Each verb of an approval with a hundred that wait and with a hundred thousand, of a thousand agents: a request is held, asked
//! after, listed and shown, approved by a signature, and used. On SQLite, and on PostgreSQL where there is one. Milliseconds.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing, missing_docs)]

use legation_credential::{Approval, ApprovalRequest, Request, Securing, approve};
use legation_did::{Did, key, method_id};
use legation_keys::{Algorithm, SecretKey, Signer as _};
use legation_registry::{Registry, init};
use legation_signer::Door;
use legation_store::{Location, Store, StoreError, approval};
use legation_tests::{postgres, signer::Signer};
use std::time::{Duration, Instant, SystemTime};

const ROUNDS: usize = 300;
const AGENTS: usize = 1000;
const WHAT: [&str; 6] = ["hold", "ask after", "list twenty", "show", "approve", "use"];

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

fn asked(agent: &Did, number: usize) -> ApprovalRequest {
    let number = i64::try_from(number).unwrap();
    let facts = [("amount".to_owned(), number.into()), ("currency".to_owned(), "USD".into())].into();
    ApprovalRequest {
        request: Request::new("mcp:tools/call:pay", "https://shop.example/mcp", facts).unwrap(),
        agent: agent.clone(),
        delegation: [7; 32],
        audience: "did:web:acme.example".to_owned(),
    }
}

/// Keeps so many that wait, some thousand in one transaction.
fn fill(registry: &Registry, from: usize, to: usize) {
    let mut at = from;
    while at < to {
        let until = (at + 2000).min(to);
        let kept = registry.store().write(|tx| {
            for number in at..until {
                let agent: Did = format!("did:web:acme.example:bot-{}", number % AGENTS).parse().unwrap();
                let asked = asked(&agent, number);
                let held = approval::Held {
                    id: format!("00000000-0000-7000-8000-{number:012}"),
                    digest: legation_keys::base64url::encode(&asked.digest()),
                    agent: agent.to_string(),
                    holder: agent.to_string(),
                    state: "pending".to_owned(),
                    asked: now(),
                    until: now() + 3600,
                    request: asked.to_json().to_string(),
                    why: "above the limit".to_owned(),
                    decided_by: String::new(),
                    reason: String::new(),
                };
                approval::put(tx, registry.id(), &held)?;
            }
            Ok::<_, StoreError>(())
        });
        kept.unwrap();
        at = until;
    }
}

/// Each verb, of agents of whom nothing waits.
fn measure(registry: &Registry, from: usize) -> [Vec<Duration>; 6] {
    let boss = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let issuer = key::did(boss.public_key());
    let mut took: [Vec<Duration>; 6] = Default::default();
    for round in 0..ROUNDS {
        let agent: Did = format!("did:web:acme.example:other-{}", from + round).parse().unwrap();
        let asked = asked(&agent, round);
        let approval = Approval {
            issuer: issuer.clone(),
            agent: agent.clone(),
            request: asked.digest(),
            valid_from: now() - 1,
            valid_until: now() + 600,
        };
        let signed =
            approve(Securing::Jwt, &approval, &method_id(&issuer, boss.public_key()), &boss).unwrap();
        let (mut number, mut since) = (0, Instant::now());
        let mut done = || {
            took[number].push(since.elapsed());
            (number, since) = (number + 1, Instant::now());
        };
        let held = registry.hold(&asked, (&agent, "above the limit"), now()).unwrap();
        done();
        assert_eq!(registry.held_request(&asked.digest(), now()).unwrap().unwrap().0.id, held.id);
        done();
        assert!(!registry.approvals("pending", "", 20).unwrap().is_empty());
        done();
        assert_eq!(registry.approval(&held.id).unwrap().0.state, "pending");
        done();
        assert_eq!(registry.grant_approval(&held.id, &signed, now()).unwrap().state, "granted");
        done();
        registry.use_approval(&asked.digest(), now()).unwrap();
        done();
    }
    took.each_mut().iter_mut().for_each(|all| all.sort());
    took
}

fn engine(name: &str, location: Location) {
    let folder = tempfile::tempdir().unwrap();
    let signer = Signer::start(folder.path()).unwrap();
    let store = Store::open(location).unwrap();
    let registry = init(store, signer.client(Door::Registry).unwrap(), "acme.example", now()).unwrap();
    let mut tables = Vec::new();
    for (from, to) in [(0, 100), (100, 100_000)] {
        fill(&registry, from, to);
        tables.push(measure(&registry, from));
    }
    for (what, (few, many)) in WHAT.iter().zip(tables[0].iter().zip(&tables[1])) {
        let at = |all: &[Duration], percent: usize| {
            all[(all.len() * percent / 100).min(all.len() - 1)].as_secs_f64() * 1000.0
        };
        let medians = at(many, 50) / at(few, 50);
        println!(
            "{name}, {what}: median {:.2} with 100 that wait, {:.2} with 100,000 ({medians:.2}); p99 {:.2}, {:.2}",
            at(few, 50),
            at(many, 50),
            at(few, 99),
            at(many, 99),
        );
    }
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    engine("SQLite", Location::Sqlite(folder.path().join("store.sqlite")));
    if postgres::is_at_hand() {
        engine("PostgreSQL", Location::Postgres(postgres::shared().unwrap().database("approvals").unwrap()));
    } else {
        println!("PostgreSQL: not measured, it is not installed");
    }
}
