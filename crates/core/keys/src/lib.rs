//! Keys, and what every other room reads and writes with them.
//!
//! | module | what it holds |
//! |---|---|
//! | [`algorithm`] | the two signature algorithms that Legation signs with, and their JOSE names |
//! | [`public`] | [`PublicKey`]: Ed25519 or P-256, from and to Multikey and JWK; strict verification |
//! | [`secret`] | [`SecretKey`], zeroized; [`Signer`], the joint where hardware or a remote key fits |
//! | [`jws`] | compact JWS: read strictly, write |
//! | [`data_integrity`] | Data Integrity proofs: read; made and hashed by `eddsa-jcs-2022` |
//! | [`json`] | strict JSON: bounded, no duplicate member at any depth, integers only |
//! | [`jcs`] | canonical JSON (RFC 8785) |
//! | [`mac`] | HMAC-SHA256 |
//! | [`base64url`] | base64url without padding, as JOSE wants it |
//! | [`time`] | RFC 3339 times to and from Unix seconds |
//!
//! What is done by a library of cryptography stands in `library`: once by `aws-lc-rs`, and once in Rust alone for WebAssembly.
//!
//! Nothing here opens a file or a socket or reads a clock.
//!
//! ```
//! use legation_keys::{Algorithm, SecretKey, Signer};
//!
//! let key = SecretKey::generate(Algorithm::EdDsa)?;
//! let signature = key.sign(b"a message")?;
//! assert!(key.public_key().verify(b"a message", &signature).is_ok());
//! assert!(key.public_key().verify(b"another", &signature).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod algorithm;
mod base58btc;
pub mod base64url;
pub mod data_integrity;
mod ed25519;
pub mod jcs;
pub mod json;
pub mod jws;
#[cfg(not(target_family = "wasm"))]
#[path = "library/native.rs"]
mod library;
#[cfg(target_family = "wasm")]
#[path = "library/portable.rs"]
mod library;
pub mod mac;
pub mod public;
pub mod secret;
pub mod time;

pub use algorithm::Algorithm;
pub use json::Json;
pub use public::{PublicKey, verify_all};
pub use secret::{SecretKey, Signer};
