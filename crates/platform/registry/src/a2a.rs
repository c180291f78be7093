//! A2A agents behind the gateway: whose a task or a context is.

use crate::{error::RegistryError, registry::Registry};
use legation_did::Did;
use legation_keys::base64url;
use legation_store::{a2a, approval::Held};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// What an agent gives names to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A task.
    Task,
    /// A context, in which tasks and messages stand together.
    Context,
}

impl Registry {
    /// Keeps that tasks or contexts of a route's agent are a caller's, and says whether all of them are: one may be another
    /// caller's already, of two at once, too. Those before it are kept.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn begin_a2a(
        &self,
        route: &str,
        named: &[(Named, String)],
        caller: &Did,
        now: i64,
    ) -> Result<bool, RegistryError> {
        // In one order, so that no two wait for each other.
        let digests: BTreeSet<String> = named.iter().map(|one| digest(route, one)).collect();
        self.store.write(|tx| {
            for digest in &digests {
                let owner = a2a::begin(tx, &self.id, (digest, caller.as_str()), now)?;
                if owner.is_some_and(|owner| owner != caller.as_str()) {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }

    /// Whose tasks or contexts are; `None` of those that are nobody's here.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn a2a_owners(
        &self,
        route: &str,
        named: &[(Named, String)],
    ) -> Result<Vec<Option<String>>, RegistryError> {
        let digests: Vec<String> = named.iter().map(|one| digest(route, one)).collect();
        let owners =
            self.store.read(|tx| digests.iter().map(|digest| a2a::owner(tx, &self.id, digest)).collect());
        Ok(owners?)
    }

    /// A request of an agent that was held for an approval, by the approval's id; `None` where it has none of that id.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn held_of(&self, agent: &Did, id: &str) -> Result<Option<Held>, RegistryError> {
        let held = self.store.read(|tx| legation_store::approval::get(tx, &self.id, id))?;
        Ok(held.filter(|held| held.agent == agent.as_str()))
    }
}

/// What something is kept by: its id opens it, and stays with who has it.
fn digest(route: &str, (named, id): &(Named, String)) -> String {
    let kind = match named {
        Named::Task => "task",
        Named::Context => "context",
    };
    let hash = Sha256::new().chain_update(route).chain_update([0]).chain_update(kind).chain_update([0]);
    base64url::encode(&hash.chain_update(id).finalize())
}
