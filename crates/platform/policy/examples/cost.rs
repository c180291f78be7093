//! What policies cost beside the authority's own decision: `cargo run --release -p legation-policy --example cost`, half a minute.
//!
//! The calls that are compared take turns, twenty of each at a time, so that whatever slows the machine down slows all of them; of these
//! twenties one is told than which a tenth were faster. All policies are bound to the organization; one of them is of the model that is
//! called. `conditions` are policies whose scope names nothing, so that each is looked at.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

use legation_bench::{Chain, NOW, charge};
use legation_credential::{Facts, Possession, Request};
use legation_policy::{Asked, Bound, Document, Kind, Principal, Set, Target};
use legation_verifier::{Evidence, VerifiedChain, authorize, parse, verify};
use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

const ROUNDS: usize = 200;
/// Calls of one kind that follow each other.
const CALLS: u32 = 20;

/// What is called, with its name.
type Called = (String, Box<dyn Fn()>);

fn quietest(calls: &[Called]) -> Vec<f64> {
    let mut times: Vec<Vec<Duration>> = calls.iter().map(|_| Vec::with_capacity(ROUNDS)).collect();
    for _ in 0..ROUNDS {
        for ((_, call), times) in calls.iter().zip(&mut times) {
            call();
            let started = Instant::now();
            (0..CALLS).for_each(|_| call());
            times.push(started.elapsed() / CALLS);
        }
    }
    let tenth = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times[ROUNDS / 10].as_secs_f64() * 1e6
    };
    times.into_iter().map(tenth).collect()
}

fn set(count: usize, text: impl Fn(usize) -> String) -> Set {
    let one = |number: usize| Bound {
        document: Arc::new(Document::read(&format!("p{number}"), 1, &text(number)).unwrap()),
        target: Target::Organization,
    };
    Set::of((0..count).map(one))
}

fn permitted(chain: &VerifiedChain, request: &Request) {
    authorize(black_box(chain), black_box(request), NOW).into_permit().unwrap();
}

fn main() {
    let chain = Chain::new(3).unwrap();
    let presentation = parse(chain.present("n-1").unwrap().as_bytes(), &chain.trust).unwrap();
    let verified = verify(&presentation, &chain.trust, &Evidence::new(), "n-1", NOW).unwrap();
    let charge = charge().unwrap();

    let facts = Facts::from([
        ("amountMicros".to_owned(), 1_000_000.into()),
        ("currency".to_owned(), "USD".into()),
        ("max_tokens".to_owned(), 100.into()),
        ("model".to_owned(), "model-3".into()),
    ]);
    let request = Request::new("model:chat", "https://acme.example/models/standard/model-3", facts).unwrap();
    let did = "did:web:acme.example:bot";
    let bot = Principal {
        name: "bot".to_owned(),
        team: Some("sales".to_owned()),
        tags: vec!["eu".to_owned(), "pii".to_owned()],
        ..Principal::of_did(Kind::Agent, did)
    };
    let decide = move |set: &Set| {
        let asked = Asked {
            host: "acme.example",
            organization: "did:web:acme.example",
            principals: std::slice::from_ref(&bot),
            agent: did,
            root: "did:web:acme.example",
            links: 2,
            possession: Possession::Vouched,
            status_age: Some(3),
            request: &request,
            at: NOW,
        };
        assert!(black_box(set.decide(black_box(&asked))).is_through());
    };
    let decide = Arc::new(decide);
    let scoped = |number: usize| {
        format!(
            "forbid (principal, action, resource == Model::\"model-{number}\") when {{ context.number.hasTag(\"max_tokens\") && context.number.getTag(\"max_tokens\") > 1000 }};"
        )
    };
    let open =
        |number: usize| format!("forbid (principal, action, resource) when {{ context.at < {number} }};");
    let mut calls: Vec<Called> =
        vec![("authorize, 3 links".to_owned(), Box::new(move || permitted(&verified, &charge)))];
    for count in [0, 1, 10, 1000, 10_000] {
        let begun = Instant::now();
        let (set, decide) = (set(count, scoped), Arc::clone(&decide));
        println!("{count} policies read and put together in {:?}", begun.elapsed());
        calls.push((format!("{count} policies by model"), Box::new(move || decide(&set))));
    }
    for count in [10, 100] {
        let (set, decide) = (set(count, open), Arc::clone(&decide));
        calls.push((format!("{count} conditions"), Box::new(move || decide(&set))));
    }
    let times = quietest(&calls);
    for ((name, _), time) in calls.iter().zip(&times) {
        println!("{name:>24} {time:9.2} µs, {:6.2} × authorize", time / times[0]);
    }
    println!("10,000 beside 10 policies: {:.2}", times[5] / times[3]);
}
