//! A log's files in an S3-compatible store: tiles, entries, checkpoint, and what stands beside them, as C2SP tlog-tiles names
//! them below a prefix.
//!
//! | module | what it holds |
//! |---|---|
//! | [`bucket`] | [`Bucket`]: the few things that are done with a store, each within the limits of every fetch |
//! | [`mod@push`] | [`Push`]: from a folder into a store, the checkpoint last |
//! | [`mod@pull`] | [`pull()`]: from a store into a folder, to be verified there |
//!
//! Every machine that writes a log writes the same bytes (their order is in the organization's store), so that objects are made
//! once (`If-None-Match`), and what is there is held against what should be. Whoever moves the checkpoint names the one
//! that it was moved from (`If-Match`): two that do so at once go one after the other, and none moves it back.

pub mod bucket;
pub mod pull;
pub mod push;

pub use bucket::{Bucket, BucketError, Settings};
pub use pull::pull;
pub use push::{Push, PushError, Pushed};
