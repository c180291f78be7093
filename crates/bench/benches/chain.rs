//! `bare/N`: N single verifications, `verify_strict` with parsed keys, over the same signing inputs.
//! `cold/D`: parse and verify a presentation of D links by D + 1 did:keys, nothing known before.
//! `warm/D`: the same chain with a new proof, after it was verified once. There is no cache of
//! verified chains yet, so that warm costs what cold does; the id is here to show it.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ed25519_dalek::{Signature, VerifyingKey};
use legation_bench::{Chain, NOW};
use legation_did::key;
use legation_keys::{base64url, json, jws};
use legation_verifier::{Evidence, parse, verify};
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
        let again = chain.present("n-2").unwrap();
        let _ = check(&presented, "n-1");
        group.bench_function(BenchmarkId::new("warm", depth), |bencher| {
            bencher.iter(|| black_box(check(&again, "n-2")));
        });
    }
    group.finish();
}

criterion_group!(benches, chains);
criterion_main!(benches);
