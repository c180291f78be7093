//! What should be refused. Each attack is made for real, over HTTP, by somebody who holds all
//! that such an attacker can hold and nothing else.
//!
//! | module | what is attacked |
//! |---|---|
//! | [`between`] | messages, by Mallory who stands between two that talk |
//! | [`cards`] | who an agent is: its card and the keys of its document |
//! | [`chains`] | who an agent acts for: links made up, roots that confer nothing |
//! | [`limits`] | what an agent may do, by the agent itself |

pub(super) mod between;
pub(super) mod cards;
pub(super) mod chains;
pub(super) mod limits;

use super::{
    calls::{Caller, Signed},
    story::Chain,
    world::World,
};

/// What an attack needs: everybody, the honest chain, and an agent that uses it.
pub(super) struct Scene<'a> {
    pub(super) world: &'a World,
    pub(super) chain: &'a Chain,
    /// Clerk, who has met Shop.
    pub(super) clerk: &'a Caller<'a>,
    /// Clerk's first order, as it was sent.
    pub(super) captured: &'a Signed,
}
