//! Tenuo: warrants, each passed on by its holder.

use crate::{CURRENCY, Group, MOST, TOOL, assert_works};
use criterion::{BatchSize, BenchmarkId};
use legation_bench::{AMOUNT, RESOURCE};
use std::{collections::HashMap, hint::black_box, time::Duration};
use tenuo::{
    Authorizer, ConstraintSet, ConstraintValue, Exact, Range, Signature, SigningKey, UrlPattern, Warrant,
    wire,
};

fn allowed(most: i64) -> ConstraintSet {
    let mut all = ConstraintSet::new();
    let most = f64::from(i32::try_from(most).unwrap());
    all.insert("amount", Range::new(None, Some(most)).unwrap());
    all.insert("currency", Exact::new(CURRENCY));
    all.insert("resource", UrlPattern::new("https://shop.example/api/*").unwrap());
    all
}

fn arguments() -> HashMap<String, ConstraintValue> {
    HashMap::from([
        ("amount".to_owned(), AMOUNT.into()),
        ("currency".to_owned(), CURRENCY.into()),
        ("resource".to_owned(), RESOURCE.into()),
    ])
}

/// Warrants, root first, and the key of the last holder.
fn chain(depth: u8, root: &SigningKey) -> (Vec<Warrant>, SigningKey) {
    let mut holder = SigningKey::generate();
    let first = Warrant::builder()
        .capability(TOOL, allowed(MOST))
        .holder(holder.public_key())
        .ttl(Duration::from_secs(3600))
        .build(root)
        .unwrap();
    let mut warrants = vec![first];
    for index in 1..depth {
        let next = SigningKey::generate();
        let parent = warrants.last().unwrap();
        let child = parent
            .attenuate()
            .capability(TOOL, allowed(MOST - i64::from(index)))
            .holder(next.public_key())
            .build(&holder)
            .unwrap();
        warrants.push(child);
        holder = next;
    }
    (warrants, holder)
}

pub(crate) fn bench(group: &mut Group<'_>, depth: u8) {
    let root = SigningKey::generate();
    let (warrants, holder) = chain(depth, &root);
    let leaf = warrants.last().unwrap().clone();
    let stack = wire::encode_stack(&wire::WarrantStack::new(warrants)).unwrap();
    let authorizer = Authorizer::new().with_trusted_root(root.public_key());
    // A proof is good for half a minute to a minute, and each further window costs the verifier a signature.
    let prove = || leaf.sign(&holder, TOOL, &arguments()).unwrap().to_bytes();
    let permits = |stack: &[u8], proof: &[u8; 64]| {
        let Ok(chain) = wire::decode_stack(stack) else { return false };
        let Ok(proof) = Signature::from_bytes(proof) else { return false };
        authorizer.check_chain(&chain.0, TOOL, &arguments(), Some(&proof), &[]).is_ok()
    };
    assert_works("tenuo", &stack, |stack| permits(stack, &prove()));
    assert_works("tenuo's proof", &prove(), |proof| permits(&stack, proof.try_into().unwrap()));
    group.bench_function(BenchmarkId::new("tenuo", depth), |bencher| {
        bencher.iter_batched(
            prove,
            |proof| assert!(permits(black_box(&stack), &proof)),
            BatchSize::SmallInput,
        );
    });
}
