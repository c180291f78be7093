//! Agents in shadow: for a while, what their own delegation, policies or budgets deny is recorded and goes through all the same, up
//! to what their team has ([`legation_verifier::shadow`]). Whoever is not in shadow is enforced.

use crate::{
    error::RegistryError,
    registry::{Registry, must_be_active, named},
};
use legation_keys::time;
use legation_store::{StoreError, Tx, configuration, holder::Kind};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

/// Longest that an agent may be in shadow at a time: 30 days, in seconds.
pub const LONGEST: i64 = 30 * 86_400;
/// Most agents in shadow: each gateway keeps them at hand.
const MOST: usize = 10_000;
/// The kind of their items.
const SHADOW: &str = "shadow";

/// An agent that is in shadow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shadowed {
    /// Its name.
    pub agent: String,
    /// Since when, Unix seconds.
    pub since: i64,
    /// From when on it is enforced again, Unix seconds.
    pub until: i64,
}

impl Registry {
    /// Puts an agent in shadow until a moment (Unix seconds), from its next call on; one that is in it already gets another end.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn shadow(&self, agent: &str, until: i64, now: i64) -> Result<Shadowed, RegistryError> {
        if until <= now || until > now.saturating_add(LONGEST) {
            return Err(RegistryError::Value {
                what: "end of a shadow",
                found: time::format(until),
                reason: "give a time within the next 30 days".to_owned(),
            });
        }
        self.change(|tx| {
            let (holder, _) = named(tx, &self.id, Kind::Agent, agent)?;
            must_be_active(&holder)?;
            let mut known = self.all_shadows(tx)?;
            // Whose time has run out makes room.
            let ended: Vec<String> =
                known.iter().filter(|(_, one)| one.until <= now).map(|(did, _)| did.clone()).collect();
            for did in &ended {
                configuration::remove(tx, &self.id, SHADOW, did)?;
                known.remove(did);
            }
            let before = known.get(&holder.did);
            if before.is_none() && known.len() >= MOST {
                let reason =
                    format!("{MOST} agents are in shadow; `legation migrate enforce` some of them first");
                return Err(RegistryError::Value { what: "agent", found: agent.to_owned(), reason });
            }
            let since = before.map_or(now, |before| before.since);
            let shadowed = Shadowed { agent: holder.name.clone(), since, until };
            let body =
                serde_json::to_string(&shadowed).map_err(|error| RegistryError::damaged(agent, error))?;
            configuration::put(tx, &self.id, SHADOW, &holder.did, &body)?;
            let told = json!({"did": holder.did, "until": until});
            self.tell(tx, ("agent.shadowed", agent), &told, now)?;
            Ok(shadowed)
        })
    }

    /// Ends the shadow of an agent: from its next call on it is enforced. Gives whether it was in shadow.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn enforce(&self, agent: &str, now: i64) -> Result<bool, RegistryError> {
        self.change(|tx| {
            let (holder, _) = named(tx, &self.id, Kind::Agent, agent)?;
            match configuration::remove(tx, &self.id, SHADOW, &holder.did) {
                Ok(()) => {}
                Err(StoreError::NotFound { .. }) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
            self.tell(tx, ("agent.enforced", agent), &json!({"did": holder.did}), now)?;
            Ok(true)
        })
    }

    /// The agents that are in shadow at a moment (Unix seconds), by their DIDs.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn shadows(&self, now: i64) -> Result<BTreeMap<String, Shadowed>, RegistryError> {
        let mut all = self.store.read(|tx| self.all_shadows(tx))?;
        all.retain(|_, one| now < one.until);
        Ok(all)
    }

    fn all_shadows(&self, tx: &mut Tx<'_>) -> Result<BTreeMap<String, Shadowed>, RegistryError> {
        let read = |item: configuration::Item| {
            let shadowed = serde_json::from_str(&item.body)
                .map_err(|error| RegistryError::damaged(&item.name, error))?;
            Ok((item.name, shadowed))
        };
        configuration::list(tx, &self.id, SHADOW)?.into_iter().map(read).collect()
    }
}
