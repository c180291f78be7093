//! The console as a browser sees it, over the real administration of an organization.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod delegate;
mod evidence;
mod first;
mod live;
mod pages;
mod policies;
mod world;
