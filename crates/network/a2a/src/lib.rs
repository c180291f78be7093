//! The handshake as an A2A extension: its four messages travel in the metadata of A2A messages.
//!
//! `EXTENSION.md` in this crate's folder is the extension's specification, for implementers in any
//! language. Here are both ends of it, for A2A's JSON-RPC:
//!
//! | module | what it holds |
//! |---|---|
//! | [`carriage`] | [`carry`] and [`find`]: a message of the handshake in an A2A message |
//! | [`mod@layer`] | [`layer()`]: the agent's side, around the interface of any A2A server on axum |
//! | [`client`] | [`meet`] and [`exchange`]: the caller's side, within the resolver's limits |
//!
//! Who is who is judged by `legation-handshake` and
//! `legation-agent`; this crate carries and believes nothing. Types are
//! those of `a2a-lf`, so that other transports of it can carry the same messages with [`carry`] and
//! [`find`].

pub mod carriage;
pub mod client;
pub mod layer;

pub use carriage::{Carried, Refusal, URI, carry, find, find_in};
pub use client::{ExchangeError, Interface, exchange, meet};
pub use layer::{Settings, layer};
