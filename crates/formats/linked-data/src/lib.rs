//! Data Integrity with RDF canonicalization: proofs of standalone credentials by `eddsa-rdfc-2022` and
//! `ecdsa-rdfc-2019`, on the JSON-LD of `ssi` and the canonical RDF of `sophia`. Links of a chain are never secured in this way.
//!
//! | module | what it holds |
//! |---|---|
//! | [`contexts`] | the contexts that are compiled in or handed over; none is ever fetched |
//! | [`admit`] | what a document may hold before it is expanded: bounds, and nothing that would be dropped |
//! | [`mod@work`] | what its contexts cost, counted before that |
//! | [`canonical`] | a document as canonical N-Quads, within bounds |
//! | `rdf` | the statements of an expanded document, all of them |
//! | [`suite`] | the cryptosuites: what a proof signs, and a new proof |
//!
//! ```
//! use legation_keys::{Algorithm, SecretKey, Signer, data_integrity::{ProofOptions, proofs}};
//! use legation_keys::json::{JsonLimits, parse};
//! use legation_linked_data::{Contexts, suite::{Suite, add, hashes}};
//!
//! let (key, limits) = (SecretKey::generate(Algorithm::EdDsa)?, JsonLimits { bytes: 4096, depth: 8 });
//! let contexts = Contexts::compiled_in();
//! let credential = parse(br#"{
//!     "@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiableCredential"],
//!     "issuer": "did:example:a", "credentialSubject": {"id": "did:example:b"}
//! }"#, limits)?;
//! let options = ProofOptions { verification_method: "did:example:a#key", purpose: "assertionMethod", ..ProofOptions::default() };
//! let signed = add(credential.as_object().unwrap(), Suite::EddsaRdfc2022, options, &key, contexts)?;
//! let signed = parse(signed.as_bytes(), limits)?;
//! let document = signed.as_object().unwrap();
//! let all = proofs(document)?;
//! assert!(key.public_key().verify(&hashes(document, &all, &all[0], contexts)?, &all[0].signature).is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod admit;
pub mod canonical;
pub mod contexts;
mod error;
mod rdf;
pub mod suite;
pub mod work;

pub use canonical::{canonicalize, check};
pub use contexts::Contexts;
pub use error::LinkedDataError;
pub use suite::Suite;
pub use work::work;
