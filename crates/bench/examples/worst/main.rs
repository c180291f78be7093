//! What somebody whom nobody trusts can make a verifier do: presentations of an accepted size whose signatures
//! are worthless, each made to cost as much as can be in one way, beside an ordinary one that verifies.
//!
//! `cargo run --release -p legation-bench --example worst` prints them, the worst first. With the name of one and
//! a number it repeats that one, for a profiler.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing)]

mod cases;
mod forge;

use cases::cases;
use forge::{actor, trust};
use legation_bench::{Chain, NOW};
use legation_did::Document;
use legation_keys::Signer;
use legation_verifier::{Evidence, Trust, parse, verify};
use serde_json::json;
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (only, times) = (arguments.next(), arguments.next().map_or(0, |times| times.parse().unwrap()));
    let chain = Chain::new(3).unwrap();
    let ordinary = chain.present("n-1").unwrap();
    let typical = cost(ordinary.as_bytes(), &chain.trust);
    let mut all: Vec<(String, Cost)> = Vec::new();
    for (name, presented) in cases() {
        let trust = trust();
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        let cost = cost(presented.as_bytes(), &trust);
        for _ in 0..times {
            black_box(judged(black_box(presented.as_bytes()), &trust));
        }
        all.push((name, cost));
    }
    all.sort_by_key(|(_, cost)| core::cmp::Reverse(cost.parse + cost.verify));
    println!("{:>44} {:>8} {:>9} {:>9} {:>7}  answer", "case", "bytes", "parse µs", "verify µs", "ratio");
    let row = |name: &str, cost: &Cost| {
        let (parse, verify) = (micros(cost.parse), micros(cost.verify));
        let ratio = (parse + verify) / (micros(typical.parse) + micros(typical.verify));
        println!("{name:>44} {:>8} {parse:>9.0} {verify:>9.0} {ratio:>7.1}  {}", cost.bytes, cost.answer);
    };
    row("ordinary, three links, valid", &typical);
    all.iter().for_each(|(name, cost)| row(name, cost));
    if only.is_none() {
        documents(&typical);
    }
}

struct Cost {
    bytes: usize,
    parse: Duration,
    verify: Duration,
    answer: String,
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// The least of some runs: what others do on the machine only adds to it.
fn cost(presented: &[u8], trust: &Trust) -> Cost {
    let mut best = (Duration::MAX, Duration::MAX);
    let mut answer = String::new();
    for _ in 0..15 {
        let (parse, verify, said) = judged(presented, trust);
        best = (best.0.min(parse), best.1.min(verify));
        answer = said;
    }
    Cost { bytes: presented.len(), parse: best.0, verify: best.1, answer }
}

fn judged(presented: &[u8], trust: &Trust) -> (Duration, Duration, String) {
    let started = Instant::now();
    let presentation = parse(presented, trust);
    let parsed = started.elapsed();
    let started = Instant::now();
    let outcome = presentation.and_then(|one| verify(&one, trust, &Evidence::new(), "n-1", NOW).map(drop));
    let verified = started.elapsed();
    let answer = outcome.map_or_else(
        |denial| {
            format!("{}{}", denial.code, denial.link.map_or(String::new(), |link| format!(" at {link}")))
        },
        |()| "valid".to_owned(),
    );
    (parsed, verified, answer)
}

/// Documents are read after somebody whom the verifier trusts has named them; they cost beside, and once.
fn documents(typical: &Cost) {
    let did = "did:web:a.example";
    let method = |index: usize| {
        let jwk = if index.is_multiple_of(2) {
            json!({"kty": "EC", "crv": "P-256", "x": "qOYF-EwxLo5QoyDlETySjOHZwzcVqSZXenjH3ufL8hQ", "y": "hqzcFhYg4as3THoIX15Akt9DJwt1vYl-5UY1mw9D6zc"})
        } else {
            actor(index).public_key().to_jwk()
        };
        json!({"id": format!("{did}#{index}"), "type": "JsonWebKey", "controller": did, "publicKeyJwk": jwk})
    };
    let ids: Vec<String> = (0..64).map(|index| format!("{did}#{index}")).collect();
    let document = json!({
        "id": did, "verificationMethod": (0..64).map(method).collect::<Vec<_>>(), "assertionMethod": ids, "authentication": ids,
    });
    let text = document.to_string();
    let started = Instant::now();
    for _ in 0..20 {
        assert!(black_box(Document::parse(black_box(text.as_bytes()))).is_ok());
    }
    let each = micros(started.elapsed()) / 20.0;
    let ratio = each / (micros(typical.parse) + micros(typical.verify));
    println!("{:>44} {:>8} {each:>9.0} {:>9} {ratio:>7.1}", "a document of 64 keys", text.len(), "");
}
