//! Many agents at once.

use crate::{error::RegistryError, profile::Profile, registry::Registry};
use legation_signer::ClientError;
use legation_store::{
    StoreError, Tx, holder,
    holder::{Holder, Kind},
};

/// An agent that is to be there.
#[derive(Clone, Debug, PartialEq)]
pub struct NewAgent {
    /// Its name.
    pub name: String,
    /// Its team.
    pub team: String,
    /// What it is for, and what it may do.
    pub profile: Profile,
}

/// What became of one.
#[derive(Clone, Debug, PartialEq)]
pub enum Imported {
    /// It was added, in custody.
    Added(Holder),
    /// It is there, and as it should be: an import that broke off is begun again from the start.
    There(Holder),
    /// It is not there, or otherwise.
    Refused(RegistryError),
}

impl Registry {
    /// Adds agents in one transaction: each that can't be added is refused by itself, and the others are kept.
    ///
    /// # Errors
    /// [`RegistryError`] where nobody can be added: nothing is kept.
    pub fn import_agents(&self, agents: &[NewAgent], now: i64) -> Result<Vec<Imported>, RegistryError> {
        self.change(|tx| agents.iter().map(|agent| self.import(tx, agent, now)).collect())
    }

    fn import(&self, tx: &mut Tx<'_>, agent: &NewAgent, now: i64) -> Result<Imported, RegistryError> {
        let NewAgent { name, team, profile } = agent;
        match holder::by_name(tx, &self.id, Kind::Agent, name) {
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
            Ok(known) => {
                let of = match holder::by_name(tx, &self.id, Kind::Team, team) {
                    Ok(team) => Some(team.id),
                    Err(StoreError::NotFound { .. }) => None,
                    Err(error) => return Err(error.into()),
                };
                // What is raised for a while is no part of what an agent is.
                let there = Profile { raises: Vec::new(), ..Profile::read(&known.body, name)? };
                let is_same = known.parent == of && there == *profile;
                let other =
                    || StoreError::Exists { what: format!("the agent `{name}`, otherwise than here") };
                return Ok(if is_same { Imported::There(known) } else { Imported::Refused(other().into()) });
            }
        }
        match tx.attempt(|tx| self.add_agent_in(tx, (name, team), profile, None, now))? {
            Ok(holder) => Ok(Imported::Added(holder)),
            Err(error) if is_of_all(&error) => Err(error),
            Err(error) => Ok(Imported::Refused(error)),
        }
    }
}

/// Whether the next one would fail in the same way.
fn is_of_all(error: &RegistryError) -> bool {
    match error {
        RegistryError::Store(error) => matches!(error, StoreError::Unavailable { .. }),
        RegistryError::Signer(error) => !matches!(error, ClientError::Refused { .. }),
        _ => false,
    }
}
