//! The signer: the process that holds the keys of an organization. Nobody else sees a private key or the master key.
//!
//! Keys and upstream secrets are kept by others, sealed: a sealed blob opens only here, and only in the place that it
//! was sealed for. The signer keeps one secret, the master key, and no state. Who is of the same user asks it over two
//! Unix sockets, the [`Door`]s, each of which does only what those who knock there need. At a third one, where it is asked for,
//! processes of agents, which run as other users, have their requests signed by keys that were sealed for them.
//!
//! | module | what it holds |
//! |---|---|
//! | [`master`] | [`Master`]: the master key in its file; [`Place`]; sealing and opening |
//! | [`rotation`] | the files of a master key that is replaced; [`Source`], which a signer reads it from |
//! | [`token`] | a master key that a token holds the key of, by PKCS #11 |
//! | [`door`] | [`Door`]: the sockets, and what is done at each |
//! | `ask`, `frame` | what is asked and answered, as JSON; how it is framed |
//! | `refused` | why something was not done, with its code |
//! | `process` | requests of agents, signed for their processes |
//! | `verbs`, `signing`, `event`, `access_token`, `svid`, `webvh` | what is done; what signs; security events and alerts; identity tokens; JWT-SVIDs; entries of did:webvh logs |
//! | `rsa` | RSA keys, for what others read by RS256 alone |
//! | [`server`], `connections` | [`serve()`]: the process; how many it talks with |
//! | `folder`, `socket`, `hidden` | who may knock; connecting; no core dump, no debugger |
//! | [`client`] | [`Client`]: asking, with one method for each thing that is done |
//!
//! # The wire
//!
//! A frame is its length, 4 bytes, big-endian, and as many bytes of JSON, at most 1 MiB. A request is an object of one
//! member, whose name is the verb: `{"ping":{}}`. So is an answer: `{"pong":{"version":1}}`, or
//! `{"refused":{"code":"…","message":"…"}}`. A member that is not known is refused. On one connection requests are
//! answered in turn.

#![cfg(unix)]

mod access_token;
mod ask;
pub mod client;
mod client_error;
mod connections;
pub mod door;
mod event;
mod folder;
mod frame;
mod hidden;
pub mod master;
mod process;
mod refused;
pub mod rotation;
mod rsa;
mod serve_error;
pub mod server;
mod signing;
mod socket;
mod svid;
pub mod token;
mod verbs;
mod webvh;

pub use client::{
    Ask, Client, ClientError, DomainTerms, EntryTerms, EventTerms, Generated, GeneratedRsa, ListTerms,
    ProcessKey, SealedKey, Told,
};
pub use door::Door;
pub use hidden::hide_memory;
pub use master::{Master, MasterError, OpenError, Place, SealError};
pub use rotation::Source;
pub use server::{ServeError, serve};
pub use token::Token;
