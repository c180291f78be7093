//! The store on both engines.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

mod a2a;
mod backups;
mod commits;
mod engines;
mod events;
mod faults;
mod foreign;
mod memory;
mod property;
mod quarantine;
mod theirs;
mod together;
mod webvh;
mod world;
