//! What an organization keeps: every table, query and migration, on SQLite and on PostgreSQL. Nobody else writes SQL.
//!
//! | module | what it holds |
//! |---|---|
//! | [`store`] | [`Store`]: opened once for a process; verbs in transactions, and what the gateway commits |
//! | [`tx`] | [`Tx`]: a transaction as verbs see it, and the numbered events of an organization |
//! | [`job`] | [`Commit`], [`Settle`]: what goes through the durable ledger |
//! | `till` | what is committed in memory where calls come thick: its judgement, its journal, and how it gets into the tables |
//! | `ledger` | the durable ledger, which judges by the verifier's own |
//! | [`receipt`] | what was decided, as it is kept |
//! | [`organization`], [`holder`], [`link`], [`blocked`], [`api_key`], [`claim`], [`console`], [`card`], [`linkage`], [`domain`], [`configuration`], [`mcp`], [`approval`] | the tables of the registry |
//! | [`subscription`], [`signal`], [`followed`] | who is told of events, by which tokens and keys, and how far |
//! | [`token`], [`issued`] | the keys that sign agents' tokens; tokens that were issued: of which chain, and whether they stand |
//! | [`webvh`] | the did:webvh of an organization: the lines of its log, and the key that signs the next one |
//! | `signing_key` | what keys that are published have in common, of one table or another |
//! | [`logs`] | logs that receipts and events are carried over to, and in which order |
//! | [`kept`] | what agents have let a provider keep, and whose it is |
//! | [`quarantine`], [`used`] | denials that count against an agent, each once; whom a rule has suspended; what agents spent and used |
//! | [`foreign`] | what other organizations told of their delegations, and who is shut out for it |
//! | [`policy`] | policies in versions, and whom they are bound to |
//! | [`rotation`], [`retention`] | when keys are replaced; for how long receipts and events are kept |
//! | [`idempotency`] | what was answered to writes that carry a key |
//! | [`synced`] | when what was committed is on the disk |
//! | `connection`, `value` | the two engines behind one text of SQL |
//! | `migrate` | how a database gets its tables |
//! | [`backup`] | all of it in one file, and back into either engine |
//! | [`restored`] | what was put back: closed, until it is said what holds; what was not confirmed since |
//! | [`mark`] | how far it was known to be, outside of the database: one that is behind is noticed |
//! | `writer`, `queue` | who commits, and what waits for it |
//! | `log` | the write-ahead log of a SQLite file, kept short |
//!
//! **The two engines.** `rusqlite` and `postgres` run the same text of SQL over integers, texts and bytes; what differs
//! is in `connection`: how a parameter is written, and how a row is locked. They are 72 crates; `sqlx` has the code
//! once by its `Any` and is 137, three times the build, and needs Rust 1.94; `diesel` checks queries at compile time,
//! needs libpq to build and has its own language for what is a page of SQL here. All tests run on both engines.
//!
//! **Epochs.** Every commit is held against the organization's epoch in the same transaction, under the lock of the
//! organization's row. A change that decisions depend on raises it under the same lock. So whatever was blocked is
//! denied on the next call in every process at once, and a process that is cut off from the store allows nothing. What is
//! committed in memory is held against the epoch as it was heard within the last second, and who raises it waits until
//! all have heard of it: the same holds once the verb has returned.

pub mod a2a;
pub mod api_key;
pub mod approval;
pub mod backup;
pub mod blocked;
pub mod card;
pub mod claim;
pub mod configuration;
mod connection;
pub mod consent;
pub mod console;
pub mod domain;
pub mod error;
pub mod followed;
pub mod foreign;
pub mod holder;
pub mod idempotency;
pub mod issued;
pub mod job;
pub mod kept;
mod ledger;
pub mod link;
pub mod linkage;
mod log;
pub mod logs;
pub mod mark;
pub mod mcp;
mod migrate;
pub mod organization;
mod owned;
pub mod person;
pub mod policy;
pub mod quarantine;
mod queue;
pub mod receipt;
pub mod restored;
pub mod retention;
pub mod rotation;
pub mod signal;
mod signing_key;
pub mod store;
pub mod subscription;
pub mod synced;
pub mod theirs;
mod till;
pub mod token;
pub mod tx;
pub mod used;
mod value;
pub mod webvh;
mod writer;

pub use connection::Location;
pub use error::StoreError;
pub use job::{Commit, CommitError, Done, Settle};
pub use ledger::{limits, total, unknown};
pub use receipt::NewReceipt;
pub use store::Store;
pub use synced::Synced;
pub use tx::{Event, NewEvent, Tx};
