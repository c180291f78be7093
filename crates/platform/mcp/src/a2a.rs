//! The Agent2Agent protocol (A2A) in its JSON-RPC binding, as requests that can be decided on. Both generations are read, 0.3 and
//! 1.0: what one does has one name in actions, so that what is granted or forbidden of it holds in both.
//!
//! | module | what it does |
//! |---|---|
//! | [`operation`] | what can be asked for, by the names that both generations have for it |
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

pub mod message;
pub mod operation;
mod parts;
pub mod reply;
pub mod told;

pub use message::Message;
pub use operation::{Generation, Operation};
