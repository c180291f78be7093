//! What somebody who holds a valid delegation, publishes a status list or embeds the verifier might
//! get away with: each test is named for the hole.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod approvals;
mod ledger;
mod receipt;
mod remedy;
mod request;
mod shared;
mod status;
mod trust;
mod vouched;
mod window;
mod world;
