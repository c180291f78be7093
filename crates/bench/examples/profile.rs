//! A loop for a profiler: `profile parse|verify|warm|request [DEPTH] [TIMES]`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use legation_bench::{Chain, NOW};
use legation_verifier::{Evidence, Verifier, parse, verify};
use std::{hint::black_box, time::Instant};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let depth = arguments.next().map_or(3, |text| text.parse().unwrap());
    let times: u32 = arguments.next().map_or(2000, |text| text.parse().unwrap());
    let chain = Chain::new(depth).unwrap();
    let presented = chain.present("n-1").unwrap();
    let (compact, proof) = chain.request("n-1").unwrap();
    let (evidence, verifier) = (Evidence::new(), Verifier::new(chain.trust.clone()));
    let started = Instant::now();
    for _ in 0..times {
        match what.as_str() {
            "parse" => drop(black_box(parse(black_box(presented.as_bytes()), &chain.trust).unwrap())),
            "verify" => {
                let presentation = parse(black_box(presented.as_bytes()), &chain.trust).unwrap();
                black_box(verify(&presentation, &chain.trust, &evidence, "n-1", NOW).unwrap());
            }
            "warm" => {
                let presentation = verifier.parse(black_box(presented.as_bytes())).unwrap();
                black_box(verifier.verify(&presentation, &evidence, "n-1", NOW).unwrap());
            }
            _ => {
                let presentation = verifier.parse_request(black_box(&compact), proof.clone()).unwrap();
                black_box(verifier.verify(&presentation, &evidence, "n-1", NOW).unwrap());
            }
        }
    }
    println!("{what} {depth}: {:?} each; {} bytes", started.elapsed() / times, presented.len());
}
