//! Durable commits: permits of four links, each with a budget, through the ledger in a store, beside the one in memory.
//!
//! `cargo bench -p legation-bench --bench store`. Each commit keeps its receipt, and is answered once both survive the
//! process (`written`) or the machine (`synced`): in the database, or in memory out of what was set aside for the process.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing, missing_docs)]

use legation_credential::{Authority, Facts, Request, Terms, Value, issue, pass_on};
use legation_did::key;
use legation_keys::{Algorithm, SecretKey, Signer};
use legation_store::{Commit, Location, NewReceipt, Store, limits, organization};
use legation_tests::postgres;
use legation_verifier::{
    Evidence, MemoryLedger, Trust, VerifiedChain, Vouched, authorize, parse_vouched, verify,
};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

const NOW: i64 = 1_795_255_200;
const ACME: &str = "0190b6a0-0000-7000-8000-000000000001";
const LINKS: usize = 4;
const CALLERS: usize = 64;
const FOR: Duration = Duration::from_secs(4);

/// A chain of four links, each with a budget of its own that is never used up.
fn chain() -> VerifiedChain {
    let keys: Vec<SecretKey> = (0..=LINKS).map(|_| SecretKey::generate(Algorithm::EdDsa).unwrap()).collect();
    let dids: Vec<_> = keys.iter().map(|one| key::did(one.public_key())).collect();
    let mut links: Vec<String> = Vec::new();
    for index in 0..LINKS {
        let authority = format!(
            r#"{{"grants": [{{"actions": ["model:chat"], "resources": ["https://acme.example/models/*"]}}], "constraints":
            [{{"type": "spend", "currency": "USD", "window": {{"calendar": "day", "amount": {}}}}}]}}"#,
            9_000_000_000_000_u64 - u64::try_from(index).unwrap()
        );
        let terms = Terms {
            id: None,
            subject: dids[index + 1].clone(),
            valid_from: NOW - 10,
            valid_until: NOW + 100_000,
            max_depth: u32::try_from(LINKS - index - 1).unwrap(),
            account: None,
            authority: Authority::parse(&authority).unwrap(),
            status: vec![],
        };
        let parents: Vec<&str> = links.iter().map(String::as_str).collect();
        let method = key::method_id(&dids[index]);
        let link = match index {
            0 => issue(terms, &dids[0], &method, &keys[0]).unwrap(),
            _ => pass_on(&parents, terms, &method, &keys[index]).unwrap(),
        };
        links.push(link);
    }
    let mut trust = Trust::new("did:web:acme.example");
    trust.roots.insert(dids[0].clone(), Authority::everything());
    (trust.max_unrevocable, trust.vouched) = (i64::from(u32::MAX), true);
    let vouched = Vouched { agent: &dids[LINKS], known_by: "key", at: NOW };
    let presentation = parse_vouched(&links.join("~"), vouched, &trust).unwrap();
    verify(&presentation, &trust, &Evidence::new(), "", NOW).unwrap()
}

fn request() -> Request {
    let facts: Facts =
        [("amountMicros".to_owned(), Value::Integer(1)), ("currency".to_owned(), Value::from("USD"))].into();
    Request::new("model:chat", "https://acme.example/models/standard/small", facts).unwrap()
}

fn receipt() -> NewReceipt {
    NewReceipt {
        at: NOW,
        kind: "permit",
        code: String::new(),
        agent: "did:web:acme.example:mail".to_owned(),
        resource: "https://acme.example/models/standard/small".to_owned(),
        amount: Some(1),
        currency: Some("USD".to_owned()),
        of: None,
        end_user: None,
        proved: None,
        holder: None,
        // As long as a real one.
        body: vec![b'x'; 1500].into(),
    }
}

/// Commits a second, and the median and 99th percentile of how long one took, in µs.
fn durable(location: Location, journals: &Path, (synced, in_memory): (bool, bool)) -> (f64, u128, u128) {
    let store = Store::open_with(location, Some(journals.to_owned())).unwrap();
    if !in_memory {
        store.commit_in_memory_from(u32::MAX);
    }
    store.write(|tx| organization::add(tx, ACME, "acme.example", NOW - 100)).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let chain = Arc::new(chain());
    let (begin, mut took) = (Instant::now(), Vec::new());
    runtime.block_on(async {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let (store, chain) = (Arc::clone(&store), Arc::clone(&chain));
                tokio::spawn(async move {
                    let mut took = Vec::new();
                    while begin.elapsed() < FOR {
                        let started = Instant::now();
                        let commit = Commit {
                            organization: Arc::from(ACME),
                            permit: authorize(&chain, &request(), NOW).into_permit().unwrap(),
                            reserving: false,
                            epoch: 1,
                            now: NOW,
                            receipt: Box::new(|_| receipt()),
                        };
                        let done = store.commit(commit).await.unwrap();
                        if synced {
                            done.synced.wait().await.unwrap();
                        }
                        took.push(started.elapsed().as_micros());
                    }
                    took
                })
            })
            .collect();
        for caller in callers {
            took.extend(caller.await.unwrap());
        }
    });
    let seconds = begin.elapsed().as_secs_f64();
    took.sort_unstable();
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    let rate = took.len() as f64 / seconds;
    (rate, took[took.len() / 2], took[took.len() * 99 / 100])
}

fn memory() -> f64 {
    let chain = chain();
    let mut ledger = MemoryLedger::with_limits(limits());
    let (begin, mut count) = (Instant::now(), 0_u32);
    while begin.elapsed() < Duration::from_secs(1) {
        let permit = authorize(&chain, &request(), NOW).into_permit().unwrap();
        ledger.commit(permit, NOW).unwrap();
        count += 1;
    }
    f64::from(count) / begin.elapsed().as_secs_f64()
}

fn main() {
    println!(
        "{LINKS} links with a budget each, {CALLERS} callers; commits a second, µs at the median and the 99th percentile"
    );
    println!("{:<30}{:>8.0}", "memory", memory());
    let folder = tempfile::tempdir_in(".").unwrap();
    let kinds = [(false, false), (true, false), (false, true), (true, true)];
    let say = |engine: &str, (synced, in_memory): (bool, bool), (rate, median, high): (f64, u128, u128)| {
        let synced = if synced { "synced" } else { "written" };
        let how = if in_memory { ", in memory" } else { "" };
        println!("{:<30}{rate:>8.0} {median:>7} {high:>7}", format!("{engine} {synced}{how}"));
    };
    for (number, kind) in kinds.into_iter().enumerate() {
        let location = Location::Sqlite(folder.path().join(format!("store-{number}.sqlite")));
        say("SQLite", kind, durable(location, &folder.path().join(format!("journals-{number}")), kind));
    }
    if postgres::is_at_hand() {
        for kind in kinds.into_iter().filter(|(synced, _)| *synced) {
            let url = postgres::shared().unwrap().database("bench").unwrap();
            let done = durable(Location::Postgres(url), &folder.path().join("postgres"), kind);
            say("PostgreSQL", kind, done);
        }
    }
}
