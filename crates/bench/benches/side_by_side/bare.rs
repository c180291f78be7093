//! The signatures of a chain and nothing else, by two libraries.

use crate::{Group, assert_works};
use aws_lc_rs::signature::{ED25519, ParsedPublicKey};
use criterion::BenchmarkId;
use ed25519_dalek::{Signature, VerifyingKey};
use legation_bench::{Chain, bare};
use std::hint::black_box;

struct Signed {
    key: VerifyingKey,
    other: ParsedPublicKey,
    message: Vec<u8>,
    signature: Signature,
}

pub(crate) fn bench(group: &mut Group<'_>, chain: &Chain) {
    let presented = chain.present("n-1").unwrap();
    let parse = |one: bare::Signed| Signed {
        key: VerifyingKey::from_bytes(one.key_bytes.as_slice().try_into().unwrap()).unwrap(),
        other: ParsedPublicKey::new(&ED25519, &one.key_bytes).unwrap(),
        message: one.message,
        signature: Signature::from_bytes(&one.signature),
    };
    let all: Vec<Signed> = chain.signatures(&presented).unwrap().into_iter().map(parse).collect();
    for one in &all {
        assert_works("bare", &one.message, |bytes| one.key.verify_strict(bytes, &one.signature).is_ok());
        let signature = one.signature.to_bytes();
        assert_works("aws-lc", &one.message, |bytes| one.other.verify_sig(bytes, &signature).is_ok());
    }
    let depth = chain.links.len();
    group.bench_function(BenchmarkId::new("bare", depth), |bencher| {
        bencher.iter(|| {
            for one in &all {
                one.key.verify_strict(black_box(&one.message), &one.signature).unwrap();
            }
        });
    });
    group.bench_function(BenchmarkId::new("aws-lc", depth), |bencher| {
        bencher.iter(|| {
            for one in &all {
                one.other.verify_sig(black_box(&one.message), &one.signature.to_bytes()).unwrap();
            }
        });
    });
}
