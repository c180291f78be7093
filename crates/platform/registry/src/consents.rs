//! Consent is a delegation: what a person lets a program do is delegated by the person's own key to an agent that acts for the program
//! and nothing else. Its key is in custody, since such programs have none. So the order of delegations holds the person to its ceiling,
//! and a consent that is taken back is a delegation that is revoked.

use crate::{
    Budget, Profile,
    error::RegistryError,
    holders::Shown,
    people::team_of,
    registry::{Registry, must_be_active, named},
};
use legation_store::{
    StoreError, Tx, consent,
    consent::Consent,
    holder::{self, Kind, State},
    link,
};
use serde_json::{Value, json};

/// What a person lets a program do.
#[derive(Clone, Debug)]
pub struct Given<'g> {
    /// Who lets it.
    pub person: &'g str,
    /// The `client_id` of the program, and what it is called.
    pub client: (&'g str, &'g str),
    /// The service that it is for.
    pub audience: &'g str,
    /// What it may do, as a delegation writes grants.
    pub grants: Vec<Value>,
    /// Within which limits beside the person's own, as a delegation writes constraints.
    pub constraints: Vec<Value>,
    /// What it may spend.
    pub budget: Option<Budget>,
    /// For how long, seconds.
    pub lasts: i64,
}

/// A consent as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct Consented {
    /// Who let which program act.
    pub consent: Consent,
    /// The agent that acts by it.
    pub agent: Shown,
}

fn missing(id: &str) -> RegistryError {
    StoreError::NotFound { what: format!("consent `{id}`") }.into()
}

impl Registry {
    /// Delegates what a person lets a program do. Whoever let it act at this service before says so anew, and what was said before
    /// ends.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Wider`] where the person itself has less.
    pub fn consent(&self, given: &Given<'_>, now: i64) -> Result<Consented, RegistryError> {
        let (client, client_name) = given.client;
        let profile = Profile {
            purpose: format!("acts for {client_name} (`{client}`), as {} lets it", given.person),
            owner: given.person.to_owned(),
            grants: given.grants.clone(),
            constraints: given.constraints.clone(),
            budgets: given.budget.iter().cloned().collect(),
            valid_for: given.lasts,
            until: Some(now.saturating_add(given.lasts)),
            ..Profile::default()
        };
        self.by_person(given.person).change(|tx| {
            let own = self.by_person(given.person);
            self.person_in(tx, given.person)?;
            let before =
                consent::of(tx, &self.id, (given.person, client, given.audience))?.into_iter().next();
            if let Some(before) = before {
                let (agent, _) = named(tx, &self.id, Kind::Agent, &before.id)?;
                if agent.state != State::Retired {
                    // Who was suspended is not there again by being asked for anew.
                    must_be_active(&agent)?;
                    consent::changed(tx, &self.id, (&before.id, client_name), now)?;
                    own.keep_profile(tx, &agent, &profile, ("consent.changed", json!({})), now)?;
                    if link::current(tx, &self.id, &agent.id).is_err() {
                        let agent = holder::get(tx, &self.id, &agent.id)?;
                        own.issue(tx, &agent, now)?;
                    }
                    return self.consented(tx, &before.id);
                }
            }
            let id = uuid::Uuid::now_v7().simple().to_string();
            let id = format!("consent-{}", &id.get(..32).unwrap_or(&id));
            let kept = Consent {
                id: id.clone(),
                person: given.person.to_owned(),
                client: client.to_owned(),
                client_name: client_name.to_owned(),
                audience: given.audience.to_owned(),
                created: now,
                changed: now,
            };
            own.add_agent_in(tx, (&id, &team_of(given.person)), &profile, None, now)?;
            consent::add(tx, &self.id, &kept)?;
            let told = json!({"person": given.person, "client": client, "audience": given.audience});
            own.tell(tx, ("consent.given", &id), &told, now)?;
            self.consented(tx, &id)
        })
    }

    pub(crate) fn consented(&self, tx: &mut Tx<'_>, id: &str) -> Result<Consented, RegistryError> {
        let consent = consent::get(tx, &self.id, id)?.ok_or_else(|| missing(id))?;
        let agent = holder::by_name(tx, &self.id, Kind::Agent, id)?;
        Ok(Consented { consent, agent: self.shown(tx, agent)? })
    }

    /// A consent by its id.
    ///
    /// # Errors
    /// [`RegistryError`]; [`StoreError::NotFound`].
    pub fn consent_of(&self, id: &str) -> Result<Consented, RegistryError> {
        self.store.read(|tx| self.consented(tx, id))
    }

    /// Consents whose ids come after `after`, in the order of their ids, at most so many; of one person where it is named.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn consents(&self, person: Option<&str>, page: (&str, i64)) -> Result<Vec<Consented>, RegistryError> {
        self.store.read(|tx| {
            let found = consent::list(tx, &self.id, person, page)?;
            found.iter().map(|one| self.consented(tx, &one.id)).collect()
        })
    }

    /// The actions that a person lets a program do at a service now.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn given_before(
        &self,
        person: &str,
        client: &str,
        audience: &str,
    ) -> Result<Vec<String>, RegistryError> {
        self.read_open(|tx| {
            let before = consent::of(tx, &self.id, (person, client, audience))?.into_iter().next();
            let Some(before) = before else { return Ok(Vec::new()) };
            let agent = self.consented(tx, &before.id)?.agent;
            let is_there = agent.holder.state == State::Active;
            let grants = agent.profile.grants.iter().filter(|_| is_there);
            let actions = grants.filter_map(|grant| grant.get("actions").and_then(Value::as_array)).flatten();
            Ok(actions.filter_map(|action| action.as_str().map(str::to_owned)).collect())
        })
    }

    /// Takes a consent back: its delegation is revoked, from the next call on. Gives whether it held until then.
    ///
    /// # Errors
    /// [`RegistryError`]; [`StoreError::NotFound`].
    pub fn revoke_consent(&self, id: &str, now: i64) -> Result<bool, RegistryError> {
        self.end_consent(id, None, now)
    }

    /// The same, by the person who has given it; those of others are not there.
    ///
    /// # Errors
    /// [`RegistryError`]; [`StoreError::NotFound`].
    pub fn take_back(&self, person: &str, id: &str, now: i64) -> Result<bool, RegistryError> {
        self.by_person(person).end_consent(id, Some(person), now)
    }

    fn end_consent(&self, id: &str, by: Option<&str>, now: i64) -> Result<bool, RegistryError> {
        self.change(|tx| {
            let before = self.consented(tx, id)?;
            if by.is_some_and(|person| before.consent.person != person) {
                return Err(missing(id));
            }
            if before.agent.holder.state == State::Retired {
                return Ok(false);
            }
            self.set_state_in(tx, (Kind::Agent, id), State::Retired, None, now)?;
            self.tell(tx, ("consent.revoked", id), &json!({"person": before.consent.person}), now)?;
            Ok(true)
        })
    }
}
