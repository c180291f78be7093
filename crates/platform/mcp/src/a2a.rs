//! The Agent2Agent protocol (A2A) as requests that can be decided on: the JSON-RPC binding of both generations, 0.3 and 1.0, and the
//! HTTP+JSON binding of 1.0. What one does has one name in actions, so that what is granted or forbidden of it holds in all.
//!
//! | module | what it does |
//! |---|---|
//! | [`operation`] | what can be asked for, by the names that both generations have for it |
//! | [`http`] | the HTTP+JSON binding: paths and queries as the same messages |
//! | [`message`] | what a client sends, read strictly: skill, facts, the tasks and contexts that it names |
//! | [`reply`] | what an agent answers: the tasks and contexts that it tells of, lists of tasks |
//! | [`told`] | a denial as an error, or as a task that waits for an approval |
//!
//! ```
//! let body = br#"{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"messageId":"m","role":"ROLE_USER",
//!     "metadata":{"skillId":"book"},"parts":[{"data":{"nights":2}}]}}}"#;
//! let message = legation_mcp::a2a::message::read(body)?;
//! assert_eq!(message.action(), "a2a:skill:book");
//! assert_eq!(message.facts["nights"], 2.into());
//! # Ok::<(), legation_mcp::MessageError>(())
//! ```

pub mod http;
pub mod message;
pub mod operation;
mod parts;
pub mod reply;
pub mod told;

pub use message::{Binding, Message};
pub use operation::{Generation, Operation};
