//! A token verified, and its chain found, beside the signature alone (ES256, by the library that verifies all of ours).

use crate::world::{HERE, World, now};
use legation_credential::{Authority, Delegation};
use legation_keys::{
    PublicKey,
    json::{self, JsonLimits},
    jws,
};
use legation_registry::issued;
use legation_token::{JwkSet, Shown, SignedToken, TokenAlgorithm, signed};
use legation_verifier::{Evidence, Presentation, Trust, Verifier, Vouched};
use std::{
    collections::HashMap,
    hint::black_box,
    time::{Duration, Instant},
};

const TOKENS: usize = 400;
const ROUNDS: usize = 9;

/// The median of several rounds, microseconds for each token.
fn median(mut round: impl FnMut() -> Duration) -> f64 {
    let mut all: Vec<f64> = (0..ROUNDS).map(|_| round().as_secs_f64() * 1e6 / TOKENS as f64).collect();
    all.sort_by(f64::total_cmp);
    all[ROUNDS / 2]
}

fn timed(tokens: &[String], mut each: impl FnMut(&str)) -> Duration {
    let began = Instant::now();
    tokens.iter().for_each(|token| each(token));
    began.elapsed()
}

pub(crate) async fn run(world: &World) {
    let mut tokens = Vec::new();
    for _ in 0..TOKENS {
        tokens.push(world.token().await);
    }
    tokio::task::block_in_place(|| measure(world, &tokens));
}

fn measure(world: &World, tokens: &[String]) {
    let registry = &world.registry;
    let jwks = serde_json::json!({"keys": registry.token_jwks(now()).unwrap()}).to_string();
    let keys = JwkSet::parse(jwks.as_bytes()).unwrap();
    let limits = JsonLimits { bytes: 1 << 16, depth: 8 };
    let parsed = json::parse(jwks.as_bytes(), limits).unwrap();
    let jwk = parsed.get("keys").and_then(|keys| keys.as_array()).unwrap()[0].as_object().unwrap();
    let key = PublicKey::from_jwk(jwk).unwrap();
    let origin = registry.origin();
    let verified = |token: &str| -> SignedToken {
        let held = signed(token, &keys, (&origin, &TokenAlgorithm::ALL)).unwrap();
        held.shown((token, Shown::Bearer), HERE, now()).unwrap();
        held
    };
    let bare = || {
        timed(tokens, |token| {
            let parts = jws::split(token).unwrap();
            let signature = jws::read_signature(parts.signature).unwrap();
            key.verify(black_box(parts.signing_input.as_bytes()), &signature).unwrap();
        })
    };
    let (verifier, evidence, chain) = evidence(world);
    let vouched = |known_by: &str| {
        let vouched = Vouched { agent: &world.agent, known_by, at: now() };
        let presentation = verifier.parse_vouched(&chain, vouched).unwrap();
        verifier.verify(&presentation, &evidence, presentation.nonce(), now()).unwrap()
    };
    let one = vouched("token:1");
    // Those that a gateway has seen: by the digest of their text, with the chain as it was verified.
    let known: HashMap<[u8; 32], (SignedToken, _)> = tokens
        .iter()
        .map(|token| (legation_token::about::digest(token), (verified(token), one.clone())))
        .collect();
    let bare_us = median(bare);
    let rows = [
        ("the bare signature", bare_us),
        ("a token verified", median(|| timed(tokens, |token| drop(black_box(verified(token)))))),
        (
            "… and its chain found, which was verified before",
            median(|| {
                timed(tokens, |token| {
                    let held = verified(token);
                    let found = registry.issued_token(&issued::digest(&held.claims().id)).unwrap().unwrap();
                    black_box((found.chain == chain).then_some(&one)).unwrap();
                })
            }),
        ),
        (
            "… and the chain verified anew, its links known",
            median(|| {
                timed(tokens, |token| {
                    let held = verified(token);
                    let id = issued::digest(&held.claims().id);
                    registry.issued_token(&id).unwrap().unwrap();
                    drop(black_box(
                        vouched(&format!("token:{id}")).narrow(&held.claims().authority).unwrap(),
                    ));
                })
            }),
        ),
        (
            "a token that was shown before, with its chain",
            median(|| {
                timed(tokens, |token| {
                    let (held, chain) = &known[&legation_token::about::digest(token)];
                    held.shown((token, Shown::Bearer), HERE, now()).unwrap();
                    black_box(chain);
                })
            }),
        ),
    ];
    println!("{:<52} {:>9} {:>8}", "", "µs", "÷ bare");
    for (what, us) in rows {
        println!("{what:<52} {us:>9.1} {:>8.2}", us / bare_us);
    }
    println!("bar: a token verified and mapped to its chain ≤ 1.3 × the bare signature\n");
}

/// A verifier as a gateway has it, the organization's evidence, and the chain as it was kept.
fn evidence(world: &World) -> (Verifier, Evidence, String) {
    let registry = &world.registry;
    let mut trust = Trust::new(registry.did().as_str());
    trust.roots.insert(registry.did().clone(), Authority::everything());
    trust.vouched = true;
    let entries = trust.limits.status_entries;
    let verifier = Verifier::new(trust);
    let chain = world.chain.join("~");
    let vouched = Vouched { agent: &world.agent, known_by: "token", at: now() };
    let presentation: Presentation = verifier.parse_vouched(&chain, vouched).unwrap();
    let claims: Vec<Delegation> = presentation.claims().cloned().collect();
    let mut evidence = Evidence::new();
    for link in &claims {
        for did in [&link.issuer, &link.terms.subject] {
            let document = registry.document(did.as_str()).unwrap().to_json().to_string();
            evidence.add_document(did, document.as_bytes(), now()).unwrap();
        }
        for entry in &link.terms.status {
            let number = entry.list.rsplit('/').next().unwrap().parse().unwrap();
            let list = registry.status_list(number).unwrap();
            evidence.add_status_list(&entry.list, &list, now(), entries);
        }
    }
    (verifier, evidence, chain)
}
