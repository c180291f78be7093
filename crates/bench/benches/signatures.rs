//! `bare/N`: N single `verify_strict` with parsed keys over 2 KB each. `single/N`: the same by our rule, one by
//! one. `all/N`: as one equation.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ed25519_dalek::{Signature, VerifyingKey};
use legation_keys::{Algorithm, SecretKey, Signer, public::Signed, verify_all};
use std::hint::black_box;

fn signatures(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("signatures");
    for count in [1_u8, 2, 4, 5, 9, 17] {
        let keys: Vec<SecretKey> =
            (0..count).map(|_| SecretKey::generate(Algorithm::EdDsa).unwrap()).collect();
        let messages: Vec<Vec<u8>> = (0..count).map(|index| vec![index; 1500]).collect();
        let made: Vec<[u8; 64]> =
            keys.iter().zip(&messages).map(|(key, message)| key.sign(message).unwrap()).collect();
        let all: Vec<Signed<'_>> = keys
            .iter()
            .zip(&messages)
            .zip(&made)
            .map(|((key, message), signature)| Signed {
                key: key.public_key(),
                message,
                sha256: None,
                signature,
            })
            .collect();
        let bare: Vec<(VerifyingKey, &[u8], Signature)> = all
            .iter()
            .map(|one| {
                let jwk = one.key.to_jwk();
                let bytes = legation_keys::base64url::decode_array(jwk["x"].as_str().unwrap()).unwrap();
                (VerifyingKey::from_bytes(&bytes).unwrap(), one.message, Signature::from_bytes(one.signature))
            })
            .collect();
        group.bench_function(BenchmarkId::new("bare", count), |bencher| {
            bencher.iter(|| {
                for (key, message, signature) in &bare {
                    key.verify_strict(black_box(message), signature).unwrap();
                }
            });
        });
        group.bench_function(BenchmarkId::new("single", count), |bencher| {
            bencher.iter(|| {
                for one in &all {
                    one.key.verify(black_box(one.message), one.signature).unwrap();
                }
            });
        });
        group.bench_function(BenchmarkId::new("all", count), |bencher| {
            bencher.iter(|| verify_all(black_box(&all)).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, signatures);
criterion_main!(benches);
