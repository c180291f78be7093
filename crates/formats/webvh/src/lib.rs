//! did:webvh 1.0: a did:web that keeps its history, so that "which key was valid then" has an answer.
//!
//! Beside the document a domain publishes a log, `did.jsonl`: each version of the document with the time from which it
//! holds, chained by hashes to the first, which the DID itself names (its SCID), and signed by a key that the version
//! before allowed. Whoever takes over the domain can stop publishing the log, and can't rewrite it.
//!
//! | module | what it does |
//! |---|---|
//! | [`log`](mod@log) | [`verify`]: a log's bytes become the document [of a moment](At), or one error |
//! | [`write`](mod@write) | [`create`] and [`update`]: the log of a new DID, and its next entry |
//! | [`fetch`](mod@fetch) | [`resolve`]: the log and its witnesses' proofs, fetched within limits and verified |
//! | [`error`] | [`LogError`], [`ResolveError`]: one variant per rule, each with a stable code |
//!
//! The log's rules are those of `didwebvh-rs`; around it stand what it leaves to its caller: bounds, strict JSON, hosts that
//! a did:web may have too, hashes and proofs over all that a line says, and our own fetching. `didwebvh-rs` reads the clock,
//! to refuse entries of the future.
//!
//! An entry may have several proofs: each has to verify as it stands, by a key that may sign the entry.
//!
//! ```
//! use legation_did::Document;
//! use legation_keys::{Algorithm, SecretKey, Signer};
//! use legation_webvh::{At, Content, create, update, verify};
//!
//! let key = || SecretKey::generate(Algorithm::EdDsa);
//! let (update_key, first, second) = (key()?, key()?, key()?);
//! let monday = 1_790_000_000;
//! let made = create("acme.example", &Content::new(&[first.public_key().clone()]), &update_key, monday)?;
//! let change = Content::new(&[second.public_key().clone()]);
//! let log = update(&made.did, &made.log, &change, &update_key, monday + 86_400)?;
//!
//! let then = verify(&made.did, log.as_bytes(), None, &At::Time(monday + 60))?;
//! let then = Document::parse(then.document.to_string().as_bytes())?;
//! assert!(then.methods_of(first.public_key()).next().is_some());
//! let now = verify(&made.did, log.as_bytes(), None, &At::Latest)?;
//! let now = Document::parse(now.document.to_string().as_bytes())?;
//! assert!(now.methods_of(second.public_key()).next().is_some());
//! assert!(now.methods_of(first.public_key()).next().is_none());
//! // A log that somebody has rewritten is no log of this DID.
//! let forged = log.replace("assertionMethod\":[", "assertionMethod\":[\"did:example:mallory#1\",");
//! assert_eq!(verify(&made.did, forged.as_bytes(), None, &At::Latest).unwrap_err().code(), "log_invalid");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod error;
pub mod fetch;
pub mod log;
mod whole;
mod witnesses;
pub mod write;

pub use error::{LogError, ResolveError, WriteError};
pub use fetch::resolve;
pub use log::{At, Resolved, verify};
pub use write::{Content, Created, create, deactivate, update};

/// Most bytes of a log, and of its witnesses' proofs: some thousand versions of an ordinary document.
pub const MAX_LOG_BYTES: usize = 1024 * 1024;
/// Most entries of a log. Each costs a signature and a canonicalization.
pub const MAX_ENTRIES: usize = 1024;
/// The file that holds the log, beside `did.json` of the did:web of the same place.
pub const LOG_FILE: &str = "did.jsonl";
/// The file that holds the witnesses' proofs, where a log names witnesses.
pub const WITNESS_FILE: &str = "did-witness.json";
