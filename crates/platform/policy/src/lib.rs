//! Policies beside the chain: what an organization forbids whatever its delegations permit, written in Cedar.
//!
//! | module | what it holds |
//! |---|---|
//! | [`schema`] | what a policy can speak of: one schema for all of them |
//! | `bounds` | how large a text may be, looked at before Cedar reads it |
//! | [`document`] | [`Document`]: a text that was read and holds against the schema |
//! | [`principal`] | who asks, and whom policies are bound to |
//! | [`asked`] | what is asked, as Cedar sees it |
//! | `index` | which statements could apply to a request |
//! | [`set`] | [`Set`]: all that is bound, which decides |
//! | [`replay`] | what receipts and exports tell of it, so that it is decided again |
//! | [`verdict`] | what was decided, and by which policies |
//!
//! **A policy only narrows.** It is asked after the chain has permitted a request, so nothing here can let through what the chain
//! does not. Where nothing is bound, the chain alone decides. A document without `permit` forbids what its `forbid` say, and
//! nothing else. One that has a `permit` is Cedar as it stands: what none of its `permit` names is denied. Each document that is bound
//! to whoever asks has to let the request through, so that one more can only narrow further. What can't be evaluated denies.

pub mod asked;
mod bounds;
pub mod document;
mod index;
pub mod principal;
pub mod replay;
pub mod schema;
pub mod set;
pub mod verdict;

pub use asked::Asked;
pub use document::{Document, TextError};
pub use principal::{Kind, Principal, Target};
pub use set::{Bound, Set};
pub use verdict::{By, Outcome, Verdict};
