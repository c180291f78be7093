//! `bare/D`: the signatures of a mutual handshake over a chain of D links and nothing else: three are
//! made (challenge, presentation, receipt), D + 3 are verified, with parsed keys, over the same bytes.
//! `mutual/D`: the whole handshake, both sides, from hello to `Met`, network aside.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use legation_bench::{AUDIENCE, Chain, NOW};
use legation_did::{Did, Document, key, method_id, web};
use legation_handshake::{Callee, ChallengeKey, Ended, Peer, begin, conclude};
use legation_keys::{SecretKey, Signer, jws};
use legation_verifier::{Evidence, MemoryLedger, receipt, verify};
use std::hint::black_box;

const ENDPOINT: &str = "https://shop.example/handshake";
const CARD: [u8; 32] = [7; 32];
const SEED: [u8; 32] = [200; 32];

struct Shop {
    key: SecretKey,
    key_id: String,
    document: Document,
    callee: Callee,
}

fn shop() -> Shop {
    let key = SecretKey::from_ed25519_seed(&SEED).unwrap();
    let did: Did = AUDIENCE.parse().unwrap();
    let document = web::document(&did, &[key.public_key().clone()]);
    let key_id = method_id(&did, key.public_key());
    let callee = Callee::new(did, ENDPOINT.to_owned(), CARD, ChallengeKey::generate().unwrap());
    Shop { key, key_id, document, callee }
}

/// Both sides, and the compact JWS that went between them: challenge, presentation, receipt.
fn meet(shop: &Shop, chain: &Chain, ledger: &mut MemoryLedger) -> [String; 3] {
    let (agent, agent_key) = chain.agent().unwrap();
    let links: Vec<&str> = chain.links.iter().map(String::as_str).collect();
    let key_id = key::method_id(&agent);
    let begun = begin(agent).unwrap();
    let challenge = shop.callee.challenge(begun.hello(), &shop.key_id, &shop.key, NOW).unwrap();
    let peer = Peer { document: &shop.document, endpoint: ENDPOINT, card: CARD };
    let challenged = begun.receive(&challenge, peer, 60, NOW).unwrap();
    let answered = challenged.answer(&links, &key_id, agent_key, NOW).unwrap();
    let answer = answered.message().clone();

    let opened = shop.callee.open(&answer, &chain.trust, NOW).unwrap();
    let presentation = opened.presentation();
    let outcome = verify(presentation, &chain.trust, &Evidence::new(), presentation.nonce(), NOW);
    let concluded = conclude(outcome, &answer, &chain.trust, ledger, NOW);
    let receipt = receipt::sign(&concluded.receipt, &shop.key_id, &shop.key).unwrap();

    let Ended::Met(met) = answered.finish(&receipt, &shop.document).unwrap() else { panic!("refused") };
    black_box(met);
    [challenge, answer.presentation, receipt]
}

struct Signed {
    key: VerifyingKey,
    message: Vec<u8>,
    signature: Signature,
}

fn signed(text: &str, seed: [u8; 32]) -> Signed {
    let parts = jws::split(text).unwrap();
    Signed {
        key: SigningKey::from_bytes(&seed).verifying_key(),
        message: parts.signing_input.as_bytes().to_vec(),
        signature: Signature::from_bytes(&jws::read_signature(parts.signature).unwrap()),
    }
}

fn handshakes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("handshake");
    for depth in [1, 3] {
        let (shop, chain) = (shop(), Chain::new(depth).unwrap());
        // A memory that no number of iterations fills; the nonce of each is new.
        let limits = legation_verifier::LedgerLimits {
            nonces: usize::MAX,
            nonces_per_key: usize::MAX,
            nonces_per_root: usize::MAX,
            ..Default::default()
        };
        let mut ledger = MemoryLedger::with_limits(limits);
        let [challenge, presentation, receipt] = meet(&shop, &chain, &mut ledger);
        // The key of each link is its issuer's, and the seeds count up from the root.
        let seed = |index: usize| [u8::try_from(index + 1).unwrap(); 32];
        let mut all: Vec<Signed> =
            chain.links.iter().enumerate().map(|(index, link)| signed(link, seed(index))).collect();
        let agent = seed(chain.links.len());
        all.extend([signed(&challenge, SEED), signed(&presentation, agent), signed(&receipt, SEED)]);
        let signers: Vec<SigningKey> = [SEED, agent, SEED].iter().map(SigningKey::from_bytes).collect();
        let made = all.len() - 3;
        group.bench_function(BenchmarkId::new("bare", depth), |bencher| {
            bencher.iter(|| {
                for (signer, one) in signers.iter().zip(&all[made..]) {
                    black_box(signer.sign(black_box(&one.message)));
                }
                for one in &all {
                    one.key.verify_strict(black_box(&one.message), &one.signature).unwrap();
                }
            });
        });
        group.bench_function(BenchmarkId::new("mutual", depth), |bencher| {
            bencher.iter(|| black_box(meet(&shop, &chain, &mut ledger)));
        });
    }
    group.finish();
}

criterion_group!(benches, handshakes);
criterion_main!(benches);
