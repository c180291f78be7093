//! Legation beside other tools, in one process: `cargo bench -p legation-bench --features side-by-side
//! --bench side_by_side`. Ids are `TOOL/N`, N being the number of delegations, one after the other.
//!
//! Each goes from the bytes on the wire to the decision on one request: a payment of $12.00 at
//! `https://shop.example/api/rooms`, by delegations that allow payments to one verifier up to an amount.
//! The root's key is known and parsed, everything else comes out of the bytes. Before anything is timed,
//! each tool has to accept what is right and refuse it with one byte changed, at several places.
//!
//! | id | signatures | what is done |
//! |---|---|---|
//! | `bare` | N + 1 | `ed25519-dalek` `verify_strict` of the links and the presentation, keys and signatures parsed: no decision, no reading |
//! | `aws-lc` | N + 1 | the same by `aws-lc-rs` |
//! | `cold` | N + 1 | a `vp+jwt` of N `vc+jwt` in base64url JSON; keys decoded out of did:key; windows, parents, narrowing, audience, nonce, proof; authorized |
//! | `cold-request` | N + 1 | the same for a chain in compact form and a signed request |
//! | `warm`, `warm-request` | 1 | the same by a `Verifier` that has verified the chain, with a new proof |
//! | `tenuo` | N + 1 | a CBOR stack of N warrants (no base64); dalek's batch verification, which is not strict, of the chain; windows, parents, narrowing; proof of possession over the call; constraints of the last warrant |
//! | `biscuit` | N + 1 | a protobuf token of N blocks (no base64); holder's secret proves the last block, which is no proof to one verifier; the checks of every block by Datalog. Nothing is narrowed, all checks hold at once |
//! | `ssi` | 1 | one `vc+jwt` of the same chain, with a `kid`: key out of did:key, signature, validity. No chain, no authority, no decision |
//! | `ssi-times` | N + 1 | as many of them |
//!
//! None of them looks at a status list or writes to a memory of nonces here. `tenuo` and `biscuit` read the
//! clock themselves.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod bare;
mod biscuit;
mod ours;
mod ssi;
mod warrants;

use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime};
use legation_bench::Chain;

pub(crate) type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// The request: what every tool decides on.
pub(crate) const TOOL: &str = "payments.charge";
pub(crate) const CURRENCY: &str = "USD";
/// The most that the first delegation allows, in cents; each further one a cent less.
pub(crate) const MOST: i64 = 5000;

/// Asserts that a tool accepts these bytes, and refuses them where one of them is another.
pub(crate) fn assert_works(name: &str, bytes: &[u8], accepts: impl Fn(&[u8]) -> bool) {
    assert!(accepts(bytes), "{name} accepts what is right");
    // In the middle of things: the first and last bytes may be framing, or base64 that is cut.
    for part in [5, 25, 50, 75, 95] {
        let mut changed = bytes.to_vec();
        let place = bytes.len() * part / 100;
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        assert!(!accepts(&changed), "{name} refuses another byte at {place} of {}", bytes.len());
    }
}

fn side_by_side(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("side_by_side");
    for depth in [1, 4, 8] {
        let chain = Chain::new(depth).unwrap();
        bare::bench(&mut group, &chain);
        ours::bench(&mut group, &chain);
        warrants::bench(&mut group, depth);
        biscuit::bench(&mut group, depth);
        ssi::bench(&mut group, &chain);
    }
    group.finish();
}

criterion_group!(benches, side_by_side);
criterion_main!(benches);
