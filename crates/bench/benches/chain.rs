//! `bare/N`: N single verifications, `verify_strict` with parsed keys, over the same signing inputs.
//! `equations/N`: the same N signatures by our rule, keys parsed, as one equation.
//! `cold/D`: parse and verify a presentation of D links by D + 1 did:keys, nothing known before. What it takes
//! beyond `equations/D+1` is everything but signatures, decoding of keys included.
//! `proof/D`: one single verification, of the presentation's own signature: what `warm/D` can't go below
//! without tables of keys.
//! `warm/D`: the same chain with a new proof, by a verifier that has verified it once.
//! `request/D`: the same as the compact chain of a signed request.
//!
//! Group `es256`, all keys P-256: `bare/N` by `aws-lc-rs`, keys parsed; `unparsed/N` the same from the points
//! as a did:key has them, compressed; `cold/D` and `warm/D` as above.
#![allow(missing_docs, clippy::unwrap_used)]

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ed25519_dalek::{Signature, VerifyingKey};
use legation_bench::{Chain, NOW, Plan, bare};
use legation_keys::{Algorithm, public::Signed, verify_all};
use legation_verifier::{Evidence, Verifier, parse, verify};
use std::hint::black_box;

const DEPTHS: [u8; 5] = [1, 3, 4, 8, 16];

fn dalek(one: &bare::Signed) -> (VerifyingKey, &[u8], Signature) {
    let key = VerifyingKey::from_bytes(one.key_bytes.as_slice().try_into().unwrap()).unwrap();
    (key, &one.message, Signature::from_bytes(&one.signature))
}

fn ours(one: &bare::Signed) -> Signed<'_> {
    Signed { key: &one.key, message: &one.message, sha256: None, signature: &one.signature }
}

fn chains(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("chain");
    for depth in DEPTHS {
        let chain = Chain::new(depth).unwrap();
        let presented = chain.present("n-1").unwrap();
        let signatures = chain.signatures(&presented).unwrap();
        let bare: Vec<_> = signatures.iter().map(dalek).collect();
        let equations: Vec<_> = signatures.iter().map(ours).collect();
        group.bench_function(BenchmarkId::new("bare", bare.len()), |bencher| {
            bencher.iter(|| {
                for (key, message, signature) in &bare {
                    key.verify_strict(black_box(message), signature).unwrap();
                }
            });
        });
        group.bench_function(BenchmarkId::new("equations", equations.len()), |bencher| {
            bencher.iter(|| verify_all(black_box(&equations)).unwrap());
        });
        let evidence = Evidence::new();
        let check = |presented: &str, nonce: &str| {
            let presentation = parse(black_box(presented.as_bytes()), &chain.trust).unwrap();
            verify(&presentation, &chain.trust, &evidence, nonce, NOW).unwrap()
        };
        group.bench_function(BenchmarkId::new("cold", depth), |bencher| {
            bencher.iter(|| black_box(check(&presented, "n-1")));
        });
        let (key, message, signature) = bare.last().unwrap();
        group.bench_function(BenchmarkId::new("proof", depth), |bencher| {
            bencher.iter(|| key.verify_strict(black_box(message), signature).unwrap());
        });
        let again = chain.present("n-2").unwrap();
        let verifier = Verifier::new(chain.trust.clone());
        let check = |presented: &str, nonce: &str| {
            let presentation = verifier.parse(black_box(presented.as_bytes())).unwrap();
            verifier.verify(&presentation, &evidence, nonce, NOW).unwrap()
        };
        let _ = check(&presented, "n-1");
        group.bench_function(BenchmarkId::new("warm", depth), |bencher| {
            bencher.iter(|| black_box(check(&again, "n-2")));
        });
        let (compact, proof) = chain.request("n-3").unwrap();
        group.bench_function(BenchmarkId::new("request", depth), |bencher| {
            bencher.iter(|| {
                let presentation = verifier.parse_request(black_box(&compact), proof.clone()).unwrap();
                black_box(verifier.verify(&presentation, &evidence, "n-3", NOW).unwrap())
            });
        });
    }
    group.finish();
}

fn es256(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("es256");
    for depth in [1, 3] {
        let chain = Chain::of(&Plan { algorithm: Algorithm::Es256, ..Plan::ordinary(depth) }).unwrap();
        let presented = chain.present("n-1").unwrap();
        let signatures = chain.signatures(&presented).unwrap();
        let parse_key = |point: &[u8]| ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).unwrap();
        let keys: Vec<_> = signatures.iter().map(|one| parse_key(&one.key_bytes)).collect();
        group.bench_function(BenchmarkId::new("bare", keys.len()), |bencher| {
            bencher.iter(|| {
                for (one, key) in signatures.iter().zip(&keys) {
                    key.verify_sig(black_box(&one.message), &one.signature).unwrap();
                }
            });
        });
        let compressed: Vec<_> = signatures.iter().map(|one| bare::compressed(&one.key_bytes)).collect();
        group.bench_function(BenchmarkId::new("unparsed", keys.len()), |bencher| {
            bencher.iter(|| {
                for (one, point) in signatures.iter().zip(&compressed) {
                    parse_key(black_box(point)).verify_sig(black_box(&one.message), &one.signature).unwrap();
                }
            });
        });
        let evidence = Evidence::new();
        group.bench_function(BenchmarkId::new("cold", depth), |bencher| {
            bencher.iter(|| {
                let presentation = parse(black_box(presented.as_bytes()), &chain.trust).unwrap();
                black_box(verify(&presentation, &chain.trust, &evidence, "n-1", NOW).unwrap())
            });
        });
        let verifier = Verifier::new(chain.trust.clone());
        group.bench_function(BenchmarkId::new("warm", depth), |bencher| {
            bencher.iter(|| {
                let presentation = verifier.parse(black_box(presented.as_bytes())).unwrap();
                black_box(verifier.verify(&presentation, &evidence, "n-1", NOW).unwrap())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, chains, es256);
criterion_main!(benches);
