//! Timing of single calls.

use legation_bench::{Chain, NOW};
use legation_verifier::{Evidence, Trust, Verifier, parse, verify};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

/// Calls behind a point.
pub(crate) const CALLS: usize = 300;

/// Microseconds.
pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The median time of calls, in µs; what a call needs is made before its time starts.
pub(crate) fn median<T>(mut need: impl FnMut(usize) -> T, mut call: impl FnMut(T)) -> f64 {
    let mut times: Vec<Duration> = (0..CALLS + CALLS / 10)
        .map(|number| {
            let needed = need(number);
            let started = Instant::now();
            call(black_box(needed));
            started.elapsed()
        })
        .skip(CALLS / 10)
        .collect();
    times.sort_unstable();
    micros(times[times.len() / 2])
}

/// Verifies a presentation without memory.
pub(crate) fn cold(presented: &str, trust: &Trust, evidence: &Evidence, nonce: &str) {
    let presentation = parse(presented.as_bytes(), trust).unwrap();
    black_box(verify(&presentation, trust, evidence, nonce, NOW).unwrap());
}

/// Verifies a presentation with memory.
pub(crate) fn warm(presented: &str, verifier: &Verifier, evidence: &Evidence, nonce: &str) {
    let presentation = verifier.parse(presented.as_bytes()).unwrap();
    black_box(verifier.verify(&presentation, evidence, nonce, NOW).unwrap());
}

/// The medians of a chain: cold, warm, and as a signed request that is warm.
pub(crate) fn of_chain(chain: &Chain, evidence: &Evidence) -> [f64; 3] {
    let presented = |number: usize| {
        let nonce = format!("n-{number}");
        (chain.present(&nonce).unwrap(), nonce)
    };
    let verifier = Verifier::new(chain.trust.clone());
    [
        median(presented, |(presented, nonce)| cold(&presented, &chain.trust, evidence, &nonce)),
        median(presented, |(presented, nonce)| warm(&presented, &verifier, evidence, &nonce)),
        median(
            |number| chain.request(&format!("n-{number}")).unwrap(),
            |(compact, proof)| {
                let nonce = proof.nonce.clone();
                let presentation = verifier.parse_request(&compact, proof).unwrap();
                black_box(verifier.verify(&presentation, evidence, &nonce, NOW).unwrap());
            },
        ),
    ]
}
