//! A request that an agent signs: HTTP Message Signatures (RFC 9421) and the header
//! `Agent-Delegation`.
//!
//! The agent's side: [`join`] the links of its chain, put them (or, once the service knows the
//! chain, its [digest](AgentDelegation::digest)) into `Agent-Delegation`, [`sign()`], and
//! [apply](Signed::apply) what comes out. The service's side: [`AgentDelegation::parse`] and
//! [`read()`], whose [`Proof`](legation_verifier::Proof) the verifier judges together with the chain.
//!
//! | module | what it holds |
//! |---|---|
//! | [`message`] | [`Message`]: a request as its signature sees it, and the values of its components |
//! | [`delegation_header`] | [`AgentDelegation`]: the chain in one header |
//! | [`base`](mod@base) | [`signature_base`]: the text that is signed |
//! | `read_base` | [`read_base()`]: what such a text says, for whoever signs it for another process |
//! | [`mod@sign`], [`mod@read`] | a request becomes a signed one; a signed one gives a proof |
//! | [`web_bot_auth`] | a request as one of Web Bot Auth: the key directory, `Signature-Agent`, and others' requests verified |
//! | [`error`] | one enum per verb |
//!
//! Nothing here opens a socket or reads a clock.
//!
//! ```
//! use http::HeaderMap;
//! use legation_http_signature::{AgentDelegation, Message, Signing, join, read, sign};
//! use legation_keys::{Algorithm, SecretKey, Signer};
//!
//! let key = SecretKey::generate(Algorithm::EdDsa)?;
//! let mut headers = HeaderMap::new();
//! let chain = AgentDelegation::Chain(join(&["eyJh.eyJp.c2ln"])?);
//! headers.insert("agent-delegation", chain.to_header());
//! let (method, target_uri, body) = ("POST", "https://shop.example/rooms?night=2", br#"{"beds":2}"#);
//!
//! let occasion = Signing { created: 1_795_255_200, expires: 1_795_255_260, nonce: "n-1", agent: None };
//! let signed = sign(&Message { method, target_uri, headers: &headers, body }, occasion, &key)?;
//! signed.apply(&mut headers);
//!
//! // The service's side.
//! let message = Message { method, target_uri, headers: &headers, body };
//! assert_eq!(AgentDelegation::parse(&headers)?, chain);
//! let proof = read(&message)?;
//! assert_eq!((proof.nonce.as_str(), proof.key_thumbprint), ("n-1", key.public_key().thumbprint()));
//! assert!(key.public_key().verify(proof.signing_input.as_bytes(), &proof.signature).is_ok());
//!
//! let other = Message { body: br#"{"beds":9}"#, ..message };
//! assert_eq!(read(&other).unwrap_err().code(), "request_binding_mismatch");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod approval_header;
pub mod base;
pub mod delegation_header;
mod digest;
pub mod error;
mod field;
mod input;
pub mod message;
pub mod read;
mod read_base;
pub mod sign;
pub mod web_bot_auth;

pub use approval_header::{read_approvals, write_approvals};
pub use base::signature_base;
pub use delegation_header::{AgentDelegation, CompactChain, join};
pub use error::{BaseError, DigestError, HeaderError, ReadBaseError, ReadError, SignError};
pub use message::Message;
pub use read::read;
pub use read_base::{RequestBase, read_base};
pub use sign::{Signed, Signing, sign};

/// The label under which [`sign()`] puts its signature. [`read()`] takes any.
pub const LABEL: &str = "legation";
/// The header by which a service answers with the receipt that it signed of what it decided, a compact JWS.
pub const RECEIPT: &str = "legation-receipt";
/// Most bytes of `Agent-Delegation`: 48 KiB, some thirty links, as much as servers are known to take.
pub const MAX_DELEGATION_BYTES: usize = 48 * 1024;
/// Most bytes of the target and of any other header that is covered or read: 16 KiB.
pub const MAX_FIELD_BYTES: usize = 16 * 1024;
/// Most signatures of a request, those of others included.
pub const MAX_SIGNATURES: usize = 8;
/// Most components that one signature covers, and most items of any inner list.
pub const MAX_COMPONENTS: usize = 32;
/// Longest lifetime of a signature, in seconds: nonces are remembered for as long.
pub const MAX_LIFETIME: i64 = 300;
/// Most characters of a nonce.
pub const MAX_NONCE: usize = legation_verifier::presentation::MAX_NONCE;
