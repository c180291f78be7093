//! The gateway on both engines, with a signer, and a provider whose words are scripted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod answers;
mod budgets;
mod interfaces;
mod keys;
mod models;
mod own;
mod receipts;
mod routes;
mod secrets;
mod stopping;
mod stops;
mod world;
