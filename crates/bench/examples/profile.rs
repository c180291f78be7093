//! A loop for a profiler: `profile parse|verify [DEPTH] [TIMES]`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]
use legation_bench::{Chain, NOW};
use legation_verifier::{Evidence, parse, verify};
use std::hint::black_box;
fn main() {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let depth = arguments.next().map_or(3, |text| text.parse().unwrap());
    let times: u32 = arguments.next().map_or(2000, |text| text.parse().unwrap());
    let chain = Chain::new(depth).unwrap();
    let presented = chain.present("n-1").unwrap();
    let evidence = Evidence::new();
    let started = std::time::Instant::now();
    for _ in 0..times {
        let presentation = parse(black_box(presented.as_bytes()), &chain.trust).unwrap();
        if what == "verify" {
            black_box(verify(&presentation, &chain.trust, &evidence, "n-1", NOW).unwrap());
        }
    }
    println!("{what} {depth}: {:?} each, {} bytes", started.elapsed() / times, presented.len());
}
