//! `legation demo`: the whole story on this machine, in seconds.
//!
//! Everything in it is real: each organization serves its own did:web over HTTP, each call
//! carries a signed presentation, the shop fetches what it needs to judge it, and every attack
//! is made against the shop. What is expected of each call is stated beside it and checked;
//! where the shop answers otherwise, the demo says so and fails.
//!
//! | module | what it holds |
//! |---|---|
//! | [`story`] | what happens, top to bottom |
//! | [`attacks`] | what should be refused, and with which code |
//! | [`shop`] | the service that is called: the part that a partner would write |
//! | [`wire`] | what caller and shop send one another |
//! | [`agent`] | the caller's side: ask for a challenge, present, check the receipt |
//! | [`mandate`] | who may do what, as words and as delegations |
//! | [`world`] | organizations, agents, keys, folders and servers |
//! | [`report`] | what came of it, as text and as JSON |

mod agent;
mod attacks;
mod mandate;
mod report;
mod shop;
mod story;
mod wire;
mod world;

use crate::{
    network,
    output::{Failure, Output},
};
use report::Report;
use std::time::Instant;
use world::World;

pub(crate) fn run() -> Result<Output, Failure> {
    let start = Instant::now();
    let report = network::wait("playing the demo", async {
        tokio::select! {
            // First, so that it listens before there is a folder. Leaving by this door drops the
            // world, which removes the folder.
            biased;
            _ = tokio::signal::ctrl_c() => Err(Failure::network("interrupted", "interrupted")),
            report = play() => report,
        }
    })??;
    Ok(report.finish(start.elapsed()))
}

async fn play() -> Result<Report, Failure> {
    let world = World::new().await?;
    let mut report = Report::default();
    let told = story::tell(&world, &mut report).await;
    world.end().await;
    told.map(|()| report)
}
