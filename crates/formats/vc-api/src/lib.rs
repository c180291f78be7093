//! Standalone credentials over HTTP: issued, verified, their status, and DIDs resolved, as the W3C's test suites and
//! clients of the VC API ask for it.
//!
//! | module | what it holds |
//! |---|---|
//! | [`service`] | [`Service`]: the keys, what was issued with a status, the way to the network |
//! | [`router`](mod@router) | [`router()`]: which request is answered by what |
//! | [`access`] | [`Access`]: for whom something is signed, and which requests are answered at all |
//! | [`alone`] | one credential or presentation secured or verified, without HTTP |
//! | [`method`] | [`Method`]: a key that the caller vouches for |
//! | [`key`] | [`SigningKey`], and the algorithms there are |
//! | [`larger`] | those of P-384 and P-521, for a JWS only |
//! | [`did_key`] | the documents of did:keys that nothing here signs or verifies by |
//! | [`problem`] | what is answered where something does not hold |
//!
//! Behind them: `issue` (one way of securing for each issuer path), `verify`, `signers` (whose key signed), `jwt`, `fetched` (what one verification
//! fetches), `aside` (what is worked out on threads of its own), `status`, `token_status`, `resources` (`relatedResource`), `resolution`.

pub mod access;
pub mod alone;
mod aside;
pub mod did_key;
mod fetched;
mod issue;
mod jwt;
pub mod key;
pub mod larger;
pub mod method;
pub mod problem;
mod resolution;
mod resources;
pub mod router;
pub mod service;
mod signers;
mod status;
mod token_status;
mod verify;

pub use access::{Access, BearerToken, Issuing};
pub use key::SigningKey;
pub use legation_linked_data::{Contexts, contexts::ContextError};
pub use method::Method;
pub use problem::Problem;
pub use router::router;
pub use service::Service;
