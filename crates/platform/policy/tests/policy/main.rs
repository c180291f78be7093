//! Policies: what is read, what is decided, and that a slice decides as the whole.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod decided;
mod hostile;
mod many;
mod readme;
mod slices;
mod texts;
mod world;
