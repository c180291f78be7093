//! The ratios that DESIGN §8 asks for, on a machine that does other things too: `cargo bench -p legation-bench
//! --bench ratios`, half a minute. The calls that are compared take turns, twenty of each at a time as a bench
//! repeats them, so that whatever slows the machine down slows all of them; of these twenties one is told than
//! which a tenth were faster. Names as in `chain.rs`; *the rest* is `cold` without `equations`: everything but
//! signatures, decoding of keys included.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use ed25519_dalek::{Signature, VerifyingKey};
use legation_bench::{Chain, NOW, Plan, bare};
use legation_keys::{Algorithm, public::Signed, verify_all};
use legation_verifier::{Evidence, Verifier, parse, verify};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

const ROUNDS: usize = 300;
/// Calls of one kind that follow each other.
const CALLS: u32 = 20;

/// The time of each call where little disturbed it, in µs: a tenth of the times are shorter.
fn quietest<const N: usize>(calls: [&dyn Fn(); N]) -> [f64; N] {
    let mut times = [(); N].map(|()| Vec::with_capacity(ROUNDS));
    for _ in 0..ROUNDS {
        for (call, times) in calls.iter().zip(&mut times) {
            call();
            let started = Instant::now();
            (0..CALLS).for_each(|_| call());
            times.push(started.elapsed() / CALLS);
        }
    }
    times.map(|mut times: Vec<Duration>| {
        times.sort_unstable();
        times[ROUNDS / 10].as_secs_f64() * 1e6
    })
}

fn ed25519(depth: u8) {
    let chain = Chain::new(depth).unwrap();
    let presented = chain.present("n-1").unwrap();
    let signatures = chain.signatures(&presented).unwrap();
    let dalek = |one: &bare::Signed| {
        let key = VerifyingKey::from_bytes(one.key_bytes.as_slice().try_into().unwrap()).unwrap();
        (key, one.message.clone(), Signature::from_bytes(&one.signature))
    };
    let bare: Vec<_> = signatures.iter().map(dalek).collect();
    let equations: Vec<Signed<'_>> = signatures
        .iter()
        .map(|one| Signed { key: &one.key, message: &one.message, sha256: None, signature: &one.signature })
        .collect();
    let (evidence, verifier) = (Evidence::new(), Verifier::new(chain.trust.clone()));
    let strict = |all: &[(VerifyingKey, Vec<u8>, Signature)]| {
        for (key, message, signature) in all {
            key.verify_strict(black_box(message), signature).unwrap();
        }
    };
    let [all, one, sum, cold, warm] = quietest([
        &|| strict(&bare),
        &|| strict(&bare[bare.len() - 1..]),
        &|| verify_all(black_box(&equations)).unwrap(),
        &|| {
            let presentation = parse(black_box(presented.as_bytes()), &chain.trust).unwrap();
            black_box(verify(&presentation, &chain.trust, &evidence, "n-1", NOW).unwrap());
        },
        &|| {
            let presentation = verifier.parse(black_box(presented.as_bytes())).unwrap();
            black_box(verifier.verify(&presentation, &evidence, "n-1", NOW).unwrap());
        },
    ]);
    let single = all / f64::from(depth + 1);
    println!(
        "ed25519 depth {depth:2}: bare {all:6.0} one {single:4.0} proof {one:4.0} equations {sum:6.0} cold {cold:6.0} \
         warm {warm:5.0} | cold/bare {:.2} warm/proof {:.2} the rest {:5.0} = {:.2} of one",
        cold / all,
        warm / one,
        cold - sum,
        (cold - sum) / single,
    );
}

fn es256(depth: u8) {
    let chain = Chain::of(&Plan { algorithm: Algorithm::Es256, ..Plan::ordinary(depth) }).unwrap();
    let presented = chain.present("n-1").unwrap();
    let signatures = chain.signatures(&presented).unwrap();
    let parsed = |point: &Vec<u8>| ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).unwrap();
    let keys: Vec<_> = signatures.iter().map(|one| parsed(&one.key_bytes)).collect();
    let points: Vec<String> = signatures.iter().map(|one| one.key.to_multikey()).collect();
    let evidence = Evidence::new();
    let compressed: Vec<Vec<u8>> = signatures.iter().map(|one| bare::compressed(&one.key_bytes)).collect();
    let [bare, unparsed, decode, read, cold] = quietest([
        &|| {
            for (one, key) in signatures.iter().zip(&keys) {
                key.verify_sig(black_box(&one.message), &one.signature).unwrap();
            }
        },
        &|| {
            for (one, point) in signatures.iter().zip(&compressed) {
                parsed(black_box(point)).verify_sig(black_box(&one.message), &one.signature).unwrap();
            }
        },
        &|| {
            for point in &points {
                black_box(legation_keys::PublicKey::from_multikey(black_box(point)).unwrap());
            }
        },
        &|| drop(black_box(parse(black_box(presented.as_bytes()), &chain.trust).unwrap())),
        &|| {
            let presentation = parse(black_box(presented.as_bytes()), &chain.trust).unwrap();
            black_box(verify(&presentation, &chain.trust, &evidence, "n-1", NOW).unwrap());
        },
    ]);
    println!(
        "es256 depth {depth}: bare {bare:6.0} unparsed {unparsed:6.0} keys {decode:5.0} reading {read:5.0} cold {cold:6.0} | \
         cold/bare {:.2} cold/unparsed {:.2}",
        cold / bare,
        cold / unparsed,
    );
}

fn main() {
    println!("µs, first tenth of {ROUNDS} times {CALLS} calls");
    [1, 3, 4, 8, 16].into_iter().for_each(ed25519);
    [1, 3].into_iter().for_each(es256);
}
