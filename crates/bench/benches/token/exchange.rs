//! Presentations exchanged for tokens: read, verified, decided, recorded and synced, kept, signed by the signer's own thread.

use crate::world::{World, post};
use futures::{StreamExt, stream};
use std::time::Instant;

/// How many are under way at a time.
const TOGETHER: [usize; 3] = [1, 16, 64];

pub(crate) async fn run(world: &World) {
    let count = std::env::var("LEGATION_EXCHANGES").ok().and_then(|count| count.parse().ok()).unwrap_or(4000);
    println!("{:<12} {:>14}", "at a time", "exchanges/s");
    for together in TOGETHER {
        let count: usize = if together == 1 { count / 8 } else { count };
        let mut asking = Vec::new();
        for _ in 0..count {
            asking.push(world.asking().await);
        }
        let began = Instant::now();
        let done = stream::iter(asking)
            .map(|body| async { world.send(0, post("/token", body)).await.0 })
            .buffer_unordered(together)
            .filter(|status| core::future::ready(*status == 200))
            .count()
            .await;
        let took = began.elapsed().as_secs_f64();
        assert_eq!(done, count, "all of them are answered");
        println!("{together:<12} {:>14.0}", count as f64 / took);
    }
    println!("bar: ≥ 2,000/s on two cores\n");
}
