//! What was used up, in a file.
//!
//! | module | what it holds |
//! |---|---|
//! | [`file`](mod@file) | [`commit`], [`look`]: a ledger in a file, changed by one process at a time |
//! | [`service`] | [`FileLedger`]: the same for a [`Desk`](legation_agent::Desk), on any number of processes of one machine |
//!
//! The whole file is read and written for each commit, and synced: it is for the command, and for services that
//! have some requests a second.

pub mod file;
pub mod service;

pub use file::{FileError, commit, limits, look};
pub use service::FileLedger;
