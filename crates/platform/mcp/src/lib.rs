//! The Model Context Protocol (MCP) as requests that can be decided on: each message is an action with facts, lists show
//! what a caller may use, and a denial is something that a model can act on.
//!
//! Nothing here opens a socket. Both generations are read: that of 2026-07-28, which has no sessions and mirrors what is
//! called into headers, and those before it (2025-03-26 to 2025-11-25).
//!
//! | module | what it does |
//! |---|---|
//! | [`message`] | what a client sends: one JSON-RPC message, read strictly |
//! | [`arguments`] | the arguments of a call as facts |
//! | [`name`] | which names of tools and methods can be actions; which two are alike |
//! | [`headers`] | headers that mirror the body, held against it |
//! | [`connecting`] | the actions that every client needs before it calls anything |
//! | [`reply`] | what a server sends: answers, lists that are filtered, what it asks its client for |
//! | [`events`] | a stream of server-sent events, one by one |
//! | [`told`] | a denial as a result that a model reads, or as an error |
//! | [`a2a`] | the same of the Agent2Agent protocol, which has its frame in common |
//!
//! ```
//! let body = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"book","arguments":{"nights":2}}}"#;
//! let message = legation_mcp::message::read(body)?;
//! assert_eq!(message.action().as_deref(), Ok("mcp:tools/call:book"));
//! assert_eq!(message.facts["nights"], 2.into());
//! # Ok::<(), legation_mcp::MessageError>(())
//! ```

pub mod a2a;
pub mod arguments;
pub mod connecting;
pub mod events;
pub mod headers;
pub mod message;
pub mod name;
pub mod reply;
mod rpc;
pub mod told;

pub use message::{Id, Message, MessageError};
