//! A person lets a program act: the whole of it over HTTP, and what is refused on the way.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod codes;
mod documents;
mod flow;
mod pages;
mod pushed;
#[allow(dead_code, reason = "a part of it is used here")]
mod world;
