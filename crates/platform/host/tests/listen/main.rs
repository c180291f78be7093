//! Listening to partners: what another organization tells of its own delegations shuts somebody out here, and nothing else comes of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod bad;
mod forger;
mod told;
mod world;
