//! The gateway on both engines, with a signer, and a provider whose words are scripted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod a2a;
mod access;
mod answers;
mod approvals;
mod attacks;
mod authz;
mod budgets;
mod interfaces;
mod kept;
mod keys;
mod limits;
mod mcp;
mod models;
mod own;
mod partners;
mod pictures;
mod policies;
mod quarantine;
mod receipts;
mod resource;
mod routes;
mod secrets;
mod shadow;
mod stopping;
mod stops;
mod svids;
mod theirs;
mod tokens;
mod tokens_about;
mod users;
mod workload;
mod world;
