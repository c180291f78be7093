//! Tokens: what it costs to verify one and to find its chain, beside the bare signature; how many presentations are exchanged for one a second;
//! and for how long one is accepted after what it was made of was revoked.
//!
//! `taskset -c 0,1 cargo bench -p legation-bench --bench token`. `LEGATION_ONLY` names one part (`verify`, `exchange`, `revoked`), `LEGATION_DIR`
//! where the store is written: a real disk, since every commit is synced. `LEGATION_EXCHANGES` sets how many are exchanged (4,000).

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing, missing_docs)]

mod exchange;
mod revoked;
mod verify;
mod world;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let only = std::env::var("LEGATION_ONLY").ok();
    let runs = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let world = std::sync::Arc::new(runtime.block_on(async { world::World::new() }));
    if runs("verify") {
        runtime.block_on(verify::run(&world));
    }
    if runs("exchange") {
        runtime.block_on(exchange::run(&world));
    }
    if runs("revoked") {
        runtime.block_on(revoked::run(&world));
    }
}
