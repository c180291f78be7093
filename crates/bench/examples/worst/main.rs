//! What somebody whom nobody trusts can make a verifier do: presentations of an accepted size whose signatures
//! are worthless, each made to cost as much as can be in one way, beside an ordinary one that verifies.
//!
//! Each is made of 1 to 16 links and as large as the default limits of a [`Trust`] let it be, so that none of them
//! is refused for its size: where one can't be fitted, that is a failure.
//!
//! `cargo run --release -p legation-bench --example worst` prints them, the worst first. With the name of one and
//! a number it repeats that one, for a profiler.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing)]

mod cases;
mod forge;

use cases::{Case, Sent, cases};
use forge::{actor, presented, presented_document, proof, trust};
use legation_bench::{Chain, NOW};
use legation_credential::secured::to_token;
use legation_did::Document;
use legation_keys::Signer;
use legation_verifier::{Evidence, Presentation, Trust, parse, parse_request, verify};
use serde_json::json;
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (only, times) = (arguments.next(), arguments.next().map_or(0, |times| times.parse().unwrap()));
    let chain = Chain::new(3).unwrap();
    let ordinary = Input::Presented(chain.present("n-1").unwrap());
    let typical = cost(&ordinary, &chain.trust);
    let (trust, mut all) = (trust(), Vec::new());
    for case in cases().into_iter().filter(|case| only.as_ref().is_none_or(|only| *only == case.name)) {
        let fitted = fitted(&case, &trust);
        assert!(!fitted.is_empty(), "{}: none is accepted", case.name);
        let costs = fitted.iter().map(|(links, size, input)| (*links, *size, input, cost(input, &trust)));
        let worst = costs.max_by_key(|(.., cost)| cost.parse + cost.verify).unwrap();
        for _ in 0..times {
            black_box(judged(black_box(worst.2), &trust));
        }
        let form = if matches!(worst.2, Input::Presented(_)) { "vp" } else { "request" };
        all.push((case.name, format!("{} {} {form}", worst.0, worst.1), worst.3));
    }
    all.sort_by_key(|(_, _, cost)| core::cmp::Reverse(cost.parse + cost.verify));
    println!(
        "{:>48} {:>18} {:>6} {:>8} {:>9} {:>6}",
        "case", "links, size, form", "bytes", "parse µs", "verify µs", "ratio"
    );
    let row = |name: &str, size: &str, cost: &Cost| {
        let (parse, verify) = (micros(cost.parse), micros(cost.verify));
        let ratio = (parse + verify) / (micros(typical.parse) + micros(typical.verify));
        println!("{name:>48} {size:>18} {:>6} {parse:>8.0} {verify:>9.0} {ratio:>6.1}", cost.bytes);
    };
    row("ordinary, valid", "3", &typical);
    all.iter().for_each(|(name, size, cost)| row(name, size, cost));
    if only.is_none() {
        documents(&typical);
    }
}

/// What arrives.
enum Input {
    Presented(String),
    /// A compact chain, with a signed request, and how many links it has.
    Request(String, usize),
}

/// The largest that is accepted, for each number of links and in both forms.
fn fitted(case: &Case, trust: &Trust) -> Vec<(usize, usize, Input)> {
    let mut found = Vec::new();
    for links in [1, 2, 4, 8, 16] {
        for compact in [false, true] {
            let make = |size| input((case.make)(links, size), compact);
            let fits = |size: &usize| make(*size).is_some_and(|input| judged(&input, trust).2);
            // Whatever is accepted is so at every smaller size.
            let (mut low, mut high) = (0, case.most);
            while low < high {
                let middle = (low + high).div_ceil(2);
                if fits(&middle) { low = middle } else { high = middle - 1 }
            }
            found.extend(make(low).filter(|_| fits(&low)).map(|input| (links, low, input)));
        }
    }
    found
}

/// What is sent, in one of the forms; none where only the presentation has something to say.
fn input(sent: Sent, compact: bool) -> Option<Input> {
    let Sent { links, more, signed } = sent;
    match compact {
        // A chain of documents is presented by one, which is read without a base64 around it.
        false if links.iter().all(|link| link.starts_with('{')) => {
            Some(Input::Presented(presented_document(&links, &more)))
        }
        false => Some(Input::Presented(presented(&links, &more, signed.1))),
        true if links.iter().all(|link| link.starts_with('{')) => {
            let tokens: Vec<_> = links.iter().map(|link| to_token(link)).collect();
            Some(Input::Request(tokens.join("~"), links.len()))
        }
        true if more.is_empty() && !signed.1 => Some(Input::Request(links.join("~"), links.len())),
        true => None,
    }
}

struct Cost {
    bytes: usize,
    parse: Duration,
    verify: Duration,
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// The least of some runs: what others do on the machine only adds to it.
fn cost(input: &Input, trust: &Trust) -> Cost {
    let (Input::Presented(text) | Input::Request(text, _)) = input;
    let mut best = Cost { bytes: text.len(), parse: Duration::MAX, verify: Duration::MAX };
    for _ in 0..15 {
        let (parse, verify, _) = judged(input, trust);
        best.parse = best.parse.min(parse);
        best.verify = best.verify.min(verify);
    }
    best
}

/// How long reading and verifying take, and whether it came as far as the signatures.
fn judged(input: &Input, trust: &Trust) -> (Duration, Duration, bool) {
    let proof = if let Input::Request(_, links) = input { Some(proof(*links)) } else { None };
    let started = Instant::now();
    let presentation = match (input, proof) {
        (Input::Request(chain, _), Some(proof)) => parse_request(chain, proof, trust),
        (Input::Presented(text) | Input::Request(text, _), _) => parse(text.as_bytes(), trust),
    };
    let parsed = started.elapsed();
    let started = Instant::now();
    let verify = |one: Presentation| verify(&one, trust, &Evidence::new(), "n-1", NOW).map(drop);
    let outcome = presentation.and_then(verify);
    let verified = started.elapsed();
    let accepted = outcome.map_or_else(|denial| denial.code.as_str() == "signature_invalid", |()| true);
    (parsed, verified, accepted)
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
    println!(
        "{:>48} {:>18} {:>6} {each:>8.0} {:>9} {ratio:>6.1}",
        "a document of 64 keys",
        "",
        text.len(),
        ""
    );
}
