//! Agents that keep their own keys, and programs that can't sign: agent files, narrower ones made offline, the proxy, `run`.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

#[path = "../common/mod.rs"]
mod common;
mod custody;
mod door;
mod narrow;
mod passing;
mod programs;
#[path = "../up/running.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod running;
mod smuggling;
mod svid;
mod token;
mod world;
mod wrapped;
