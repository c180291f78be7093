//! Anthropic's messages: what a request asks for, what it costs at most, and what it really cost.
//!
//! | module | what it holds |
//! |---|---|
//! | [`request`] | [`Messages`]: a request, read strictly; what is not listed there does not pass; its bounds and facts |
//! | `content` | which messages and tools pass |
//! | [`usage`] | the tokens that an answer says it took |
//! | [`stream`] | [`Meter`]: the same of a streamed answer, which passes meanwhile |
//! | [`error`] | a refusal as the provider's SDKs read one |
//!
//! Nothing here opens a socket, reads a clock or keeps a prompt. As of the API in 2026, by the types of Anthropic's own SDK
//! for Python (2.x).

mod content;
pub mod error;
pub mod request;
pub mod stream;
pub mod usage;

pub use request::Messages;
pub use stream::Meter;

/// The version of the interface that is spoken here, which each request names.
pub const VERSION: &str = "2023-06-01";
