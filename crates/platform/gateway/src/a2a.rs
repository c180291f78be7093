//! A2A agents by JSON-RPC and by HTTP+JSON: each message is an action, `a2a:skill:NAME` where it names a skill; a task belongs to who began it.
//!
//! | module | what it does |
//! |---|---|
//! | `asked` | what a request is: a message, or the agent's card |
//! | `named` | whose the tasks and contexts are that it names, and which requests wait for an approval |
//! | `push` | where an agent may be made to tell of a task |
//! | `forward` | to the agent, with the gateway's own key, and what comes back |
//! | `judge` | what the agent answers, message by message |
//! | `card` | its card, byte for byte |
//! | `told` | a refusal in the shape that A2A clients read; a task that waits |

mod asked;
mod card;
mod forward;
mod judge;
mod named;
mod push;
mod told;

pub(crate) use asked::{Asked, Wire, read, request};
pub(crate) use forward::{Going, forward};
pub(crate) use told::refused;
