//! MCP over streamable HTTP: each message is an action of its own, lists show what the caller may use, and a denial is
//! something that its model can act on.
//!
//! | module | what it does |
//! |---|---|
//! | `asked` | what a request is: a message, a stream of the server's messages, the end of a session |
//! | `forward` | to the server, with the gateway's own key, and what comes back |
//! | `judge` | what the server says, message by message: lists are filtered, what it asks its client for is decided on |
//! | `sessions` | whose a session is, as it was read lately |
//! | `tools` | definitions of tools: one that is new or has changed is kept and told |
//! | `told` | a refusal in the shape that MCP clients read |

mod asked;
mod forward;
mod judge;
mod sessions;
mod told;
mod tools;

pub(crate) use asked::{Asked, DEFINITION, read, request};
pub(crate) use forward::{Going, forward};
pub(crate) use sessions::Sessions;
pub(crate) use told::refused;
pub(crate) use tools::CHANGED;
