//! Processes of agents that run as other users of the signer's machine, and have their requests signed there.

use crate::{
    error::RegistryError,
    links::{chain, path},
    registry::{Registry, must_be_active, named},
};
use legation_signer::SealedKey;
use legation_store::holder::{self, Holder, Kind};
use serde_json::json;

/// What an agent's process needs to have its requests signed.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentProcess {
    /// The agent.
    pub holder: Holder,
    /// The organization that its key is sealed for.
    pub organization: String,
    /// What the signer knows its key by.
    pub key_id: String,
    /// The key's public part, a JSON text.
    pub public_jwk: String,
    /// The key, sealed for that user alone.
    pub sealed: Vec<u8>,
    /// Its delegations as they hold now, root first.
    pub chain: Vec<String>,
}

impl Registry {
    /// Seals an agent's key for the processes of one user of the signer's machine, by its number. These have requests signed at the
    /// signer's door for agents, and nothing else. It holds until the key is replaced.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::State`] where the agent is not active, or keeps its own key.
    pub fn agent_process(&self, name: &str, user: u32, now: i64) -> Result<AgentProcess, RegistryError> {
        self.change(|tx| {
            let (holder, _) = named(tx, &self.id, Kind::Agent, name)?;
            must_be_active(&holder)?;
            self.must_be_in_custody(tx, &holder, "it signs by itself")?;
            let key = holder::keys(tx, &self.id, &holder.id)?.into_iter().next();
            let key = key.ok_or_else(|| RegistryError::damaged(name, "it has no key"))?;
            let sealed = key.sealed.as_deref().unwrap_or_default();
            let of = SealedKey { organization: &self.id, key_id: &key.key_id, sealed };
            let sealed = self.signer().process_key(of, user)?;
            let path = path(tx, &self.id, &holder)?;
            let chain = chain(tx, &self.id, &path)?.into_iter().map(|link| link.secured).collect();
            self.note(tx, ("agent.process", name), &json!({"user": user, "key": key.key_id}), now)?;
            let (organization, key_id, public_jwk) = (self.id.clone(), key.key_id, key.public_jwk);
            Ok(AgentProcess { holder, organization, key_id, public_jwk, sealed, chain })
        })
    }
}
