//! The log: what was decided, so that nothing can be left out, reordered, back-dated or replaced unnoticed.
//!
//! | module | what it holds |
//! |---|---|
//! | [`tree`], [`proof`] | the Merkle tree of RFC 9162; proofs of inclusion and consistency |
//! | [`tile`] | C2SP tlog-tiles: where hashes and entries are |
//! | [`note`], [`checkpoint`] | C2SP signed notes and checkpoints |
//! | [`about`] | what ties a log's key to an organization's DID |
//! | [`entry`], [`hidden`] | what stands in a leaf; what is left out of it and can be shown or forgotten |
//! | [`verify`], [`audit`] | verifying a folder, an export or a proof; every entry in order, against checkpoints |
//! | [`bundle`], [`export`] | one entry with its proof; many with all that it takes to verify them elsewhere |
//! | [`find`], [`replay`] | entries found and summed up; decided again |
//! | [`index`] | an index beside a log, by which entries are found without reading it |
//! | [`policy`] | which witnesses an auditor asks for |
//! | [`witness`] | C2SP tlog-witness: what is asked of witnesses, and how one judges |
//! | [`writer`] | adding to a log in a folder: whole or not at all, synced, one process at a time |
//! | [`reader`] | reading it |
//! | `disk` | the few things that are done with a disk |
//!
//! Everything but `writer`, `reader`, `index` and `disk` reads no file, and nothing here opens a socket or reads a clock.

pub mod about;
pub mod audit;
pub mod bundle;
pub mod checkpoint;
#[cfg(test)]
mod crash;
mod disk;
pub mod entry;
pub mod export;
pub mod find;
pub mod hidden;
pub mod index;
pub mod note;
pub mod policy;
pub mod proof;
pub mod reader;
pub mod replay;
pub mod tile;
pub mod tree;
pub mod verify;
pub mod witness;
pub mod writer;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use note::{NoteError, NoteKey};
pub use reader::{ReadError, Reader};
pub use writer::{WriteError, Writer};
