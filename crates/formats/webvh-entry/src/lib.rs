//! Entries of did:webvh 1.0 logs, without anything that weighs: written, hashed, signed, and held against the rules by which
//! they were written here.
//!
//! Whoever reads the logs of others needs all of the method, and takes `legation-webvh`. Whoever keeps a log of its own needs
//! what is here: [`begin`] and [`go_on`] write lines, [`check()`] says whether lines are what was written. In a log that is kept
//! so each entry names the hash of the key that signs the next one (pre-rotation), and a key signs one entry: whoever steals
//! the keys of today can write no other yesterday.
//!
//! | module | what it does |
//! |---|---|
//! | [`mod@write`] | [`begin`], [`go_on`]: the first entry and each further one |
//! | [`hashed`] | hashes of entries and keys, the proofs that count |
//! | [`mod@check`] | [`check()`]: a log of ours, held against its rules |
//! | [`error`] | [`EntryError`] |
//!
//! ```
//! use legation_did::web;
//! use legation_keys::{Algorithm, SecretKey, Signer};
//! use legation_webvh_entry::{New, Parameters, begin, check, go_on, unnamed};
//!
//! let key = || SecretKey::generate(Algorithm::EdDsa);
//! let (first, second, third) = (key()?, key()?, key()?);
//! let says = |own: &SecretKey, next: &SecretKey| Parameters {
//!     update_keys: Some(vec![own.public_key().to_multikey()]),
//!     next_keys: Some(vec![next.public_key().to_multikey()]),
//!     deactivated: false,
//! };
//! let document = web::document(&unnamed(&web::did("acme.example")?)?, &[]).to_json().to_string();
//! let monday = 1_790_000_000;
//! let begun = begin(&document, New { time: monday, parameters: &says(&first, &second), key: &first })?;
//! let versions = check(&begun.did, [begun.line.as_str()])?;
//! let parameters = says(&second, &third);
//! let new = New { time: monday + 60, parameters: &parameters, key: &second };
//! let line = go_on(&begun.did, &versions[0].version_id, &document, new)?;
//! assert_eq!(check(&begun.did, [begun.line.as_str(), &line])?.len(), 2);
//! // What was changed is not what was written.
//! let other = begun.line.replace("assertionMethod\":[]", "assertionMethod\":[\"did:example:mallory#1\"]");
//! assert!(other != begun.line && check(&begun.did, [other.as_str(), &line]).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod check;
pub mod error;
pub mod hashed;
pub mod write;

pub use check::{Version, check, read};
pub use error::EntryError;
pub use write::{Begun, New, Parameters, begin, go_on, named, scid_of, unnamed};

/// What entries say of the method.
pub const METHOD: &str = "did:webvh:1.0";
/// What stands for the SCID in the text that gives it.
pub const SCID: &str = "{SCID}";
