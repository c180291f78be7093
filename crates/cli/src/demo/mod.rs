//! `legation demo`: the whole story on this machine, in seconds.
//!
//! Everything in it is real: each organization serves its own did:web over HTTP, agents meet by a
//! domain name, each request is signed, the services fetch what they need to judge it, and every
//! attack is made against them. What is expected of each step is stated beside it and checked; where
//! somebody answers otherwise, the demo says so and fails.
//!
//! | module | what it holds |
//! |---|---|
//! | [`story`] | what happens, top to bottom |
//! | [`attacks`] | what should be refused, by whom and with which code |
//! | [`organization`] | an organization that runs: its gateway, in front of a model |
//! | [`audit`] | what it decided, in a log that an auditor holds against it |
//! | [`shop`] | the services that are called: the part that a partner would write |
//! | [`calls`] | the caller's side: meet, sign, send, check the receipt |
//! | [`mallory`] | the server of an attacker who stands between two others |
//! | [`mandate`] | who may do what, as words and as delegations |
//! | [`world`], [`site`] | organizations, agents and keys; folders and servers |
//! | [`report`] | what came of it, as text and as JSON |

mod attacks;
mod audit;
mod calls;
mod mallory;
mod mandate;
mod organization;
mod report;
mod shop;
mod site;
mod story;
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
