//! Requests of services that the gateway passes on, by real connections on both sides: HTTP/1.1, HTTP/2, WebSocket.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod fields;
mod flowing;
mod http2;
mod large;
mod service;
mod smuggled;
mod socket;
mod world;
