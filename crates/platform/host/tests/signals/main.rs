//! Streams of Security Event Tokens, by real receivers: whoever polls, and whoever is sent to.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod alerts;
mod delivered;
mod managed;
mod sent;
mod world;
