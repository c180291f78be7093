//! `bare/N`: N single verifications, `verify_strict` with parsed keys, over the same signing inputs.
//! `cold/D`: parse and verify a presentation of D links by D + 1 did:keys, nothing known before.
//! `proof/D`: one single verification, of the presentation's own signature: what `warm/D` can't go below
//! without tables of keys.
//! `warm/D`: the same chain with a new proof, by a verifier that has verified it once.
//! `request/D`: the same as the compact chain of a signed request.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ed25519_dalek::{Signature, VerifyingKey};
use legation_bench::{Chain, NOW};
use legation_did::key;
use legation_keys::{base64url, json, jws};
use legation_verifier::{Evidence, Verifier, parse, verify};
use std::hint::black_box;

const DEPTHS: [u8; 5] = [1, 3, 4, 8, 16];

/// One signature with all that bare verification needs.
struct Signed {
    key: VerifyingKey,
    message: Vec<u8>,
    signature: Signature,
}

/// The links and the presentation as bare signatures.
fn signatures(chain: &Chain, presentation: &str) -> Vec<Signed> {
    let texts = chain.links.iter().map(String::as_str).chain([presentation]);
    texts
        .map(|text| {
            let parts = jws::split(text).unwrap();
            let header = base64url::decode(parts.header).unwrap();
            let limits = json::JsonLimits { bytes: 4096, depth: 4 };
            let header = json::parse(&header, limits).unwrap();
            let kid = header.get("kid").and_then(|kid| kid.as_str()).unwrap();
            let did = kid.split_once('#').unwrap().0.parse().unwrap();
            let jwk = key::public_key(&did).unwrap().to_jwk();
            let bytes = base64url::decode_array(jwk["x"].as_str().unwrap()).unwrap();
            Signed {
                key: VerifyingKey::from_bytes(&bytes).unwrap(),
                message: parts.signing_input.as_bytes().to_vec(),
                signature: Signature::from_bytes(&jws::read_signature(parts.signature).unwrap()),
            }
        })
        .collect()
}

fn chains(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("chain");
    for depth in DEPTHS {
        let chain = Chain::new(depth).unwrap();
        let presented = chain.present("n-1").unwrap();
        let signed = signatures(&chain, &presented);
        group.bench_function(BenchmarkId::new("bare", signed.len()), |bencher| {
            bencher.iter(|| {
                for one in &signed {
                    black_box(one.key.verify_strict(black_box(&one.message), &one.signature)).unwrap();
                }
            });
        });
        let evidence = Evidence::new();
        let check = |presented: &str, nonce: &str| {
            let presentation = parse(black_box(presented.as_bytes()), &chain.trust).unwrap();
            verify(&presentation, &chain.trust, &evidence, nonce, NOW).unwrap()
        };
        group.bench_function(BenchmarkId::new("cold", depth), |bencher| {
            bencher.iter(|| black_box(check(&presented, "n-1")));
        });
        let proof = signed.last().unwrap();
        group.bench_function(BenchmarkId::new("proof", depth), |bencher| {
            bencher.iter(|| {
                black_box(proof.key.verify_strict(black_box(&proof.message), &proof.signature)).unwrap()
            });
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

criterion_group!(benches, chains);
criterion_main!(benches);
