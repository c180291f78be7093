//! Biscuit: one token, a block for each delegation.

use crate::{CURRENCY, Group, MOST, assert_works};
use biscuit_auth::{
    AuthorizerLimits, Biscuit, KeyPair, PublicKey,
    macros::{authorizer, biscuit, block},
};
use criterion::BenchmarkId;
use legation_bench::{ACTION, AMOUNT, AUDIENCE, RESOURCE};
use std::{
    hint::black_box,
    time::{Duration, SystemTime},
};

/// The token, each block with all limits of a delegation, as one check.
fn token(depth: u8, root: &KeyPair) -> Vec<u8> {
    let until = SystemTime::now() + Duration::from_secs(3600);
    let mut token = biscuit!(
        r#"check if operation($o), resource($r), amount($a), currency({currency}), audience({audience}), time($t),
             $o.starts_with("mcp:tools/call:payments."), $r.starts_with("https://shop.example/api/"),
             $a <= {most}, $t <= {until};"#,
        currency = CURRENCY,
        audience = AUDIENCE,
        most = MOST,
        until = until,
    )
    .build(root)
    .unwrap();
    for index in 1..depth {
        let narrower = block!(
            r#"check if operation($o), resource($r), amount($a), currency({currency}), audience({audience}), time($t),
                 $o.starts_with("mcp:tools/call:payments."), $r.starts_with("https://shop.example/api/"),
                 $a <= {most}, $t <= {until};"#,
            currency = CURRENCY,
            audience = AUDIENCE,
            most = MOST - i64::from(index),
            until = until,
        );
        token = token.append(narrower).unwrap();
    }
    token.to_vec().unwrap()
}

fn permits(token: &[u8], root: PublicKey) -> bool {
    let Ok(token) = Biscuit::from(token, root) else { return false };
    let now = SystemTime::now();
    let request = authorizer!(
        "operation({operation}); resource({resource}); amount({amount}); currency({currency});
         audience({audience}); time({now}); allow if true;",
        operation = ACTION,
        resource = RESOURCE,
        amount = AMOUNT,
        currency = CURRENCY,
        audience = AUDIENCE,
        now = now,
    );
    let Ok(mut request) = request.build(&token) else { return false };
    // A millisecond by default, which a busy machine may miss.
    let limits = AuthorizerLimits { max_time: Duration::from_secs(1), ..Default::default() };
    request.authorize_with_limits(limits).is_ok()
}

pub(crate) fn bench(group: &mut Group<'_>, depth: u8) {
    let root = KeyPair::new();
    let token = token(depth, &root);
    assert_works("biscuit", &token, |token| permits(token, root.public()));
    group.bench_function(BenchmarkId::new("biscuit", depth), |bencher| {
        bencher.iter(|| assert!(permits(black_box(&token), root.public())));
    });
}
