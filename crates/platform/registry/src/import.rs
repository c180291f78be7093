//! Many agents at once.

use crate::{
    error::RegistryError,
    links::{self, Above, Draft},
    names,
    profile::Profile,
    registry::{Registry, must_be_active, named},
    rotation::made_key,
    status::{self, Place},
};
use legation_keys::Algorithm;
use legation_signer::{Ask, ClientError, Told};
use legation_store::{
    NewEvent, StoreError, Tx, holder,
    holder::{Holder, Kind},
    link,
};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::mpsc,
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

/// Agents whose keys and delegations the signer is asked for by two requests.
const PART: usize = 32;
/// Bytes of what is written down of them, so that what is asked, and what is answered, fits into a frame.
const PART_BYTES: usize = 128 << 10;

/// An agent that is being added: the holder, and its delegation.
struct Adding<'a> {
    of: &'a NewAgent,
    holder: Holder,
    draft: Draft,
}

/// A team, what is above its agents, and places for their delegations.
struct Team {
    above: Above,
    places: Vec<Place>,
}

/// Some agents of one team that are next to one another, and what their keys are called.
struct Part<'a> {
    agents: Vec<Adding<'a>>,
    keys: Vec<String>,
}

/// What the signer said to what it was asked for a part.
type Heard = Result<Vec<Result<Told, ClientError>>, ClientError>;

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
        agents.iter().try_for_each(|agent| names::check(Kind::Agent, &agent.name))?;
        let names: BTreeSet<&str> = agents.iter().map(|agent| agent.name.as_str()).collect();
        // Those that can't be added, each is told of by itself.
        let is_taken = self.below(tx)?.iter().any(|taken| names.contains(taken.as_str()));
        if is_taken
            || names.len() != agents.len()
            || holder::any_named(tx, &self.id, Kind::Agent, names.into_iter())?
        {
            return Ok(None);
        }
        let mut teams = self.teams_above(tx, agents, now)?;
        thread::scope(|scope| {
            let (ask, asked) = mpsc::channel::<[Ask; 2]>();
            let (tell, heard) = mpsc::channel::<Heard>();
            scope.spawn(move || {
                // It is locked for each by itself: who makes a new status list needs the signer meanwhile.
                let mut answers = asked.iter().map(|asks| self.signer().together(&asks));
                while answers.next().is_some_and(|told| tell.send(told).is_ok()) {}
            });
            let mut parts = Vec::new();
            let mut left = agents;
            while !left.is_empty() {
                let part = self.part(&mut teams, &mut left, now)?;
                ask.send(self.asks(&teams, &part)?).map_err(|_| unheard())?;
                parts.push(part);
            }
            drop(ask);
            self.keep_agents(tx, &parts, now)?;
            let mut done = Vec::with_capacity(agents.len());
            for part in parts {
                let told = heard.recv().map_err(|_| unheard())??;
                self.keep_part(tx, part, told, &mut done, now)?;
            }
            Ok(Some(done))
        })
    }

    /// The teams of agents, with a place for each.
    fn teams_above<'a>(
        &self,
        tx: &mut Tx<'_>,
        agents: &'a [NewAgent],
        now: i64,
    ) -> Result<BTreeMap<&'a str, Team>, RegistryError> {
        let mut many: BTreeMap<&str, usize> = BTreeMap::new();
        for agent in agents {
            *many.entry(&agent.team).or_default() += 1;
        }
        let team = |(name, many)| -> Result<_, RegistryError> {
            let (team, _) = named(tx, &self.id, Kind::Team, name)?;
            must_be_active(&team)?;
            let path = links::path(tx, &self.id, &team)?;
            let above = Above::of(tx, &self.id, &path)?;
            let mut places = status::take_places(self, tx, &team, many, now)?;
            // The first is taken first.
            places.reverse();
            Ok((name, Team { above, places }))
        };
        many.into_iter().map(team).collect()
    }

    /// The next few of those that are left, drafted.
    fn part<'a>(
        &self,
        teams: &mut BTreeMap<&str, Team>,
        left: &mut &'a [NewAgent],
        now: i64,
    ) -> Result<Part<'a>, RegistryError> {
        let mut part = Part { agents: Vec::with_capacity(PART), keys: Vec::with_capacity(PART) };
        let mut bytes = 0;
        while let Some((of, rest)) = left.split_first() {
            let is_other = part.agents.first().is_some_and(|first| first.of.team != of.team);
            if is_other || part.agents.len() >= PART || bytes >= PART_BYTES {
                break;
            }
            let Team { above, places } = teams.get_mut(of.team.as_str()).ok_or_else(unheard)?;
            let (profile, place) = (&of.profile, places.pop().ok_or_else(unheard)?);
            let holder = self.new_holder((Kind::Agent, &of.name, Some(&above.issuer)), profile, now)?;
            let draft = self.draft(above, (&holder, profile), place, now)?;
            bytes += holder.body.len();
            *left = rest;
            part.agents.push(Adding { of, holder, draft });
            part.keys.push(uuid::Uuid::now_v7().to_string());
        }
        Ok(part)
    }

    fn asks(&self, teams: &BTreeMap<&str, Team>, part: &Part<'_>) -> Result<[Ask; 2], RegistryError> {
        let team = part.agents.first().and_then(|first| teams.get(first.of.team.as_str()));
        let drafts: Vec<&Draft> = part.agents.iter().map(|agent| &agent.draft).collect();
        let keys = Ask::keys(&self.id, part.keys.clone(), Algorithm::EdDsa);
        Ok([keys, team.ok_or_else(unheard)?.above.ask(&self.id, &drafts)?])
    }

    /// Keeps what of agents needs no signature.
    fn keep_agents(&self, tx: &mut Tx<'_>, parts: &[Part<'_>], now: i64) -> Result<(), RegistryError> {
        let all = || parts.iter().flat_map(|part| &part.agents);
        let holders = all().map(|Adding { of, holder, .. }| Ok((holder, of.profile.found_by()?)));
        holder::add_all(tx, &self.id, &holders.collect::<Result<Vec<_>, RegistryError>>()?)?;
        let told =
            |Adding { of, holder, .. }: &Adding<'_>| json!({"did": holder.did, "team": of.team}).to_string();
        let data: Vec<String> = all().map(told).collect();
        let mut events: Vec<NewEvent<'_>> = Vec::with_capacity(data.len());
        for (agent, data) in all().zip(&data) {
            let (subject, actor) = (agent.of.name.as_str(), self.actor.as_str());
            events.push(NewEvent { kind: "agent.added", subject, actor, data, decides: true });
        }
        Ok(tx.append_all(&self.id, &events, now)?)
    }

    /// Keeps the keys and delegations of a part, as the signer made them.
    fn keep_part(
        &self,
        tx: &mut Tx<'_>,
        part: Part<'_>,
        told: Vec<Result<Told, ClientError>>,
        done: &mut Vec<Imported>,
        now: i64,
    ) -> Result<(), RegistryError> {
        let mut told = told.into_iter().map(|told| match told {
            Ok(Told::All(all)) => all,
            one => vec![one],
        });
        let mut next = || told.next().unwrap_or_default().into_iter();
        let (mut made, mut signed) = (next(), next());
        let (mut keys, mut links) = (Vec::with_capacity(part.agents.len()), Vec::new());
        for (Adding { holder, draft, .. }, place) in part.agents.into_iter().zip(part.keys) {
            keys.push(made_key(&holder, (place, made.next()), now)?.0);
            links.push(draft.signed(&holder, signed.next())?);
            done.push(Imported::Added(holder));
        }
        holder::add_keys(tx, &self.id, keys)?;
        Ok(link::add_first(tx, &self.id, &links)?)
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

fn unheard() -> RegistryError {
    RegistryError::damaged("the signer's answers", "one is missing")
}

/// Whether the next one would fail in the same way.
fn is_of_all(error: &RegistryError) -> bool {
    match error {
        RegistryError::Store(error) => matches!(error, StoreError::Unavailable { .. }),
        RegistryError::Signer(error) => !matches!(error, ClientError::Refused { .. }),
        _ => false,
    }
}
