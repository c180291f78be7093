//! Many agents at once.

use crate::{
    error::RegistryError,
    links::Draft,
    names,
    profile::Profile,
    registry::{Registry, must_be_active, named},
};
use legation_signer::ClientError;
use legation_store::{
    StoreError, Tx, holder,
    holder::{Holder, Kind},
};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    thread,
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

/// An agent that is being added: the holder, what its key is called, and its delegation.
struct Adding<'a> {
    of: &'a NewAgent,
    holder: Holder,
    key: String,
    draft: Draft,
}

impl Registry {
    /// Adds agents in one transaction: each that can't be added is refused by itself, and the others are kept.
    ///
    /// # Errors
    /// [`RegistryError`] where nobody can be added: nothing is kept.
    pub fn import_agents(&self, agents: &[NewAgent], now: i64) -> Result<Vec<Imported>, RegistryError> {
        self.change(|tx| {
            // As a rule all of them can be added, and the signer works while their rows are written.
            let together = tx.attempt(|tx| self.import_together(tx, agents, now))?;
            match together {
                Err(error) if is_of_all(&error) => Err(error),
                Ok(Some(done)) => Ok(done),
                // Each by itself, so that it is known which one can't.
                Ok(None) | Err(_) => agents.iter().map(|agent| self.import(tx, agent, now)).collect(),
            }
        })
    }

    /// Adds all of them, or nobody. `None` where some are there already, or are named twice.
    fn import_together(
        &self,
        tx: &mut Tx<'_>,
        agents: &[NewAgent],
        now: i64,
    ) -> Result<Option<Vec<Imported>>, RegistryError> {
        let names: BTreeSet<&str> = agents.iter().map(|agent| agent.name.as_str()).collect();
        if names.len() != agents.len() {
            return Ok(None);
        }
        let mut teams: BTreeMap<&str, Holder> = BTreeMap::new();
        let (mut adding, mut asks) = (Vec::with_capacity(agents.len()), Vec::with_capacity(2 * agents.len()));
        for agent in agents {
            names::check(Kind::Agent, &agent.name)?;
            if holder::by_name(tx, &self.id, Kind::Agent, &agent.name).is_ok() {
                return Ok(None);
            }
            let team = match teams.entry(&agent.team) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => {
                    let (team, _) = named(tx, &self.id, Kind::Team, &agent.team)?;
                    must_be_active(&team)?;
                    unknown.insert(team)
                }
            };
            let holder = self.new_holder((Kind::Agent, &agent.name, Some(team)), &agent.profile, now)?;
            let draft = self.draft(tx, &holder, now)?;
            let (key, asked) = self.key_ask();
            asks.extend([asked, draft.ask(&self.id)?]);
            adding.push(Adding { of: agent, holder, key, draft });
        }
        let told = thread::scope(|scope| -> Result<_, RegistryError> {
            let told = scope.spawn(|| self.signer().together(&asks));
            for Adding { of, holder, .. } in &adding {
                self.keep_holder(tx, holder, &of.profile)?;
                let data = json!({"did": holder.did, "team": of.team});
                self.tell(tx, ("agent.added", &of.name), &data, now)?;
            }
            let told =
                told.join().map_err(|_| RegistryError::damaged("the answers", "they were not read"))?;
            Ok(told?)
        })?;
        let mut told = told.into_iter();
        let mut done = Vec::with_capacity(adding.len());
        for Adding { holder, key, draft, .. } in adding {
            self.keep_key(tx, &holder, (key, told.next()), now)?;
            draft.keep(tx, &self.id, &holder, told.next())?;
            done.push(Imported::Added(holder));
        }
        Ok(Some(done))
    }

    /// Adds one, where it can be added.
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
