//! DIDs: who somebody is, and with which keys.
//!
//! | module | what it holds |
//! |---|---|
//! | [`syntax`] | [`Did`], checked once when it is read |
//! | [`document`] | [`Document`]: verification methods and what each key may do ([`Purpose`]) |
//! | [`key`] | did:key: the DID is the key |
//! | [`web`] | did:web: where the document is published, and how to write one |
//!
//! All of it is pure: fetching a did:web document is the work of `legation-resolver`.
//!
//! ```
//! use legation_did::{KeyUse, Purpose, key};
//! use legation_keys::{Algorithm, SecretKey, Signer};
//!
//! let secret = SecretKey::generate(Algorithm::EdDsa)?;
//! let did = key::did(secret.public_key());
//! let document = key::document(&did)?;
//! let wanted = KeyUse {
//!     id: &key::method_id(&did),
//!     algorithm: Algorithm::EdDsa,
//!     purpose: Purpose::AssertionMethod,
//!     now: 1_795_255_200,
//! };
//! assert_eq!(document.key(wanted)?, secret.public_key());
//! assert_eq!(did, did.as_str().parse()?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod document;
pub mod key;
mod service;
pub mod syntax;
pub mod web;

pub use document::{Document, DocumentError, KeyLookupError, KeyUse, Purpose};
pub use syntax::{Did, DidError, one_spelling};

use legation_keys::PublicKey;

/// The DID URL that names `key` in the document of `did`, as Legation writes documents: the
/// Multikey for did:key, the RFC 7638 thumbprint for every other method.
#[must_use]
pub fn method_id(did: &Did, key: &PublicKey) -> String {
    match did.method() {
        "key" => key::method_id(did),
        _ => format!("{did}#{}", key.thumbprint()),
    }
}
