//! The administration of an organization over HTTP, on both engines, with a signer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod admission;
mod bodies;
mod claims;
mod document;
mod domains;
mod exports;
mod hostile;
mod identity;
mod once;
mod previews;
mod published;
mod stream;
mod verbs;
mod versions;
mod world;
