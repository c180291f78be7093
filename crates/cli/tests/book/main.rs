//! The pages of the repository, and the site that is made of them: links, sentences, code, and what is generated of the
//! command and the API. `cargo test -p legation-cli --test book` writes the site into `target/book`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)] // tests

mod links;
mod pages;
mod prose;
mod reference;
mod site;
