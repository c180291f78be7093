//! Identity tokens of agents, for services that know OAuth and nothing of delegations: access tokens (RFC 9068) that are made
//! of a verified chain, for one audience and minutes, never wider than the chain.
//!
//! | module | what it holds |
//! |---|---|
//! | [`claims`] | [`Claims`]: what a token says, written and read strictly |
//! | [`mod@narrow`] | what of a chain's authority goes into a token for an audience |
//! | [`make`] | claims out of a [`VerifiedChain`](legation_verifier::VerifiedChain), and out of nothing else |
//! | [`mod@verify`] | a service's side: [`VerifiedToken`] comes only out of [`verify()`] |
//! | [`dpop`] | proofs of possession (RFC 9449): made, and checked by all of its §4.3; [`Seen`](dpop::Seen) holds who shows one twice |
//! | [`request`] | what is asked of a token endpoint (RFC 6749, RFC 8693), read strictly |
//! | [`authorize`], [`pkce`], [`redirect`], [`client`] | what a program asks of a person; who may show what comes of it; where it may go; programs that tell of themselves |
//! | [`about`] | what is asked about a token: whether it holds (RFC 7662), that it holds no longer (RFC 7009) |
//! | [`assertion`] | a client that proves itself by its key (`private_key_jwt`, RFC 7523) |
//! | [`nonce`] | nonces that nobody has to remember |
//! | [`refused`] | errors as OAuth has them, each with a code of ours |
//! | [`metadata`] | where all of it is found (RFC 8414, OpenID Connect Discovery) |
//! | [`algorithm`] | the signature algorithms of tokens |
//! | [`svid`] | JWT-SVIDs, for services that know SPIFFE: who a workload is, and nothing of what it may do |
//! | [`wimse`] | workload identity tokens and their proofs, WIT-SVIDs among them |
//!
//! Nothing here opens a socket, reads a clock or holds a key. A token is signed by whoever holds the issuer's key
//! ([`Claims::to_json`] is what it signs), which is the signer.
//!
//! `act` is history: nothing here grants anything by it. What a token lets its holder do stands in `authorization_details`
//! alone.

pub mod about;
pub mod algorithm;
pub mod assertion;
pub mod authorize;
pub mod claims;
pub mod client;
pub mod dpop;
mod header;
pub mod make;
pub mod metadata;
pub mod narrow;
pub mod nonce;
pub mod pkce;
pub mod redirect;
pub mod refused;
pub mod request;
pub mod svid;
pub mod verify;
pub mod wimse;

pub use about::AboutToken;
pub use algorithm::TokenAlgorithm;
pub use assertion::Assertion;
pub use claims::{Claims, ClaimsError};
pub use legation_agent_card::{JwkSet, jwks::JwkSetError};
pub use make::{Issue, MakeError, of_chain};
pub use narrow::{Narrowed, narrow};
pub use nonce::Nonces;
pub use refused::Refused;
pub use request::{Grant, TokenRequest};
pub use svid::{SpiffeId, SpiffeIdError};
pub use verify::{Expected, Shown, SignedToken, TokenError, VerifiedToken, signed, verify};

/// The `typ` of a token (RFC 9068 §2.1).
pub const TYPE: &str = "at+jwt";
/// The type of what a token lets its holder do, among its `authorization_details` (RFC 9396).
pub const DETAIL: &str = "legation_delegation";
/// Longest life of a token, seconds: so long at most it is accepted after what it was made of was revoked.
pub const LIFE: i64 = 300;
/// Most bytes of the claims of a token: with a signature it fits into a header of most servers.
pub const MAX_CLAIMS: usize = 8 << 10;
/// By how many seconds clocks may differ.
pub const SKEW: i64 = 30;
/// What a chain has to grant on an audience, so that a token for it is made of the chain.
pub const ISSUE: &str = "token:issue";
/// What a chain has to grant on an audience, so that whoever has it is told whether a token for that audience holds.
pub const INTROSPECT: &str = "token:introspect";

/// The page's examples.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
