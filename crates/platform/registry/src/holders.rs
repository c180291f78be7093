//! Teams and agents: added, suspended, resumed, retired.

use crate::{
    configured,
    error::RegistryError,
    links, names,
    profile::{ALL_GROUPS, Profile, capability_name, tag_name},
    proof,
    registry::{FIRST_TEAM, MOST, Registry, must_be_active, named},
    restored, status,
};
use legation_did::Did;
use legation_keys::PublicKey;
use legation_signer::Client;
use legation_store::{
    Store, StoreError, holder,
    holder::{Holder, Kind, State},
    link, organization,
};
use serde_json::json;
use std::sync::Arc;

/// How long a team's delegation lives: a year, in seconds. Those of its agents are renewed within.
const TEAM_VALID_FOR: i64 = 365 * 86_400;

/// What has a name below the domain that nothing else may have.
pub(crate) const ANOTHER: &str = "another organization";

/// Makes an organization: its row, its key, its status lists and its first team, which may call all models.
///
/// # Errors
/// [`RegistryError`]; [`legation_store::StoreError::Exists`] where there is one of that domain; [`RegistryError::Taken`] where it
/// would be published in the place of something else.
pub fn init(store: Arc<Store>, signer: Client, domain: &str, now: i64) -> Result<Registry, RegistryError> {
    make((store, signer), domain, false, now)
}

/// As [`init`], with a did:webvh beside the did:web: a log of all versions of its document ([`crate::webvh`]).
///
/// # Errors
/// As [`init`].
pub fn init_with_history(
    store: Arc<Store>,
    signer: Client,
    domain: &str,
    now: i64,
) -> Result<Registry, RegistryError> {
    make((store, signer), domain, true, now)
}

fn make(
    (store, signer): (Arc<Store>, Client),
    domain: &str,
    with_history: bool,
    now: i64,
) -> Result<Registry, RegistryError> {
    let did = names::organization(domain)?;
    let id = uuid::Uuid::now_v7().to_string();
    let domain = did.method_specific_id().to_owned();
    // The row is there before anything refers to it; all of it is kept in one transaction.
    let registry = Registry::of(store, signer, id, did);
    registry.store.write(|tx| -> Result<(), RegistryError> {
        may_be_made(tx, &registry.did)?;
        organization::add(tx, &registry.id, &domain, now)?;
        let profile = Profile { valid_for: TEAM_VALID_FOR, ..Profile::default() };
        let top = registry.add_holder(tx, (Kind::Organization, &domain, None), (&profile, None), now)?;
        registry.tell(tx, ("organization.added", &domain), &json!({"did": top.did}), now)?;
        // Its agents may make narrower ones of what they have, where they are given that.
        let team = Profile { groups: vec![ALL_GROUPS.to_owned()], max_depth: 1, ..profile };
        registry.add_team_in(tx, (FIRST_TEAM, &top), &team, now)?;
        if with_history {
            registry.begin_history(tx, now)?;
        }
        registry.link_domain(tx, now)
    })?;
    Ok(registry)
}

/// Holds that there is room for one more organization, and that nothing of the one at its domain is in the place of one by a name.
fn may_be_made(tx: &mut legation_store::Tx<'_>, did: &Did) -> Result<(), RegistryError> {
    organization::alone(tx)?;
    let many = organization::all(tx, MOST)?.len();
    if i64::try_from(many).is_ok_and(|many| many >= MOST) {
        let reason = format!("there are {MOST} organizations in this store already; use another one");
        return Err(RegistryError::Value { what: "further organization", found: names::host(did), reason });
    }
    let Some((domain, name)) = did.method_specific_id().split_once(':') else { return Ok(()) };
    let Some(above) = organization::by_domain(tx, domain)? else { return Ok(()) };
    // Its agents and routes stay as they are meanwhile.
    organization::lock_closed(tx, &above.id)?;
    let taken = |by: String| Err(RegistryError::Taken { found: name.to_owned(), by });
    match holder::by_name(tx, &above.id, Kind::Agent, name) {
        Ok(_) => return taken("an agent".to_owned()),
        Err(StoreError::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    match configured::routes_below(tx, &above.id, name)?.first() {
        Some(route) => taken(format!("the route `{route}`")),
        None => Ok(()),
    }
}

/// What of a holder is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The holder.
    pub holder: Holder,
    /// What is written down of it.
    pub profile: Profile,
    /// The name of the team or organization above it.
    pub parent: Option<String>,
    /// Until when its current delegation is valid, Unix seconds; `None` where it has none.
    pub valid_until: Option<i64>,
}

/// What teams and agents are found by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Find<'a> {
    /// How the name begins.
    pub begins: &'a str,
    /// A tag that it has.
    pub tag: Option<&'a str>,
    /// Else a capability.
    pub capability: Option<&'a str>,
}

impl Registry {
    pub(crate) fn add_team_in(
        &self,
        tx: &mut legation_store::Tx<'_>,
        (name, top): (&str, &Holder),
        profile: &Profile,
        now: i64,
    ) -> Result<Holder, RegistryError> {
        names::check(Kind::Team, name)?;
        let team = self.add_holder(tx, (Kind::Team, name, Some(top)), (profile, None), now)?;
        self.issue(tx, &team, now)?;
        self.tell(tx, ("team.added", name), &json!({"did": team.did}), now)?;
        Ok(team)
    }

    /// Adds a team, with a delegation of the organization.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn add_team(&self, name: &str, profile: &Profile, now: i64) -> Result<Holder, RegistryError> {
        self.change(|tx| {
            let top = self.top(tx)?;
            self.add_team_in(tx, (name, &top), profile, now)
        })
    }

    /// Adds an agent in custody, with a delegation of its team.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Wider`] where its team has less than that.
    pub fn add_agent(
        &self,
        name: &str,
        team: &str,
        profile: &Profile,
        now: i64,
    ) -> Result<Holder, RegistryError> {
        self.add_agent_of((name, team), profile, None, now)
    }

    /// Adds an agent that keeps its own key, which is published in its document. `proof` shows that whoever adds it holds
    /// the private part ([`crate::proof::prove`]).
    ///
    /// # Errors
    /// As [`Registry::add_agent`]; [`RegistryError::Value`] where the proof does not hold.
    pub fn add_agent_with_key(
        &self,
        name: &str,
        team: &str,
        profile: &Profile,
        proof: &str,
        now: i64,
    ) -> Result<Holder, RegistryError> {
        let key = proof::proved(proof, &self.did, name, now)?;
        self.add_agent_of((name, team), profile, Some(&key), now)
    }

    fn add_agent_of(
        &self,
        (name, team): (&str, &str),
        profile: &Profile,
        key: Option<&PublicKey>,
        now: i64,
    ) -> Result<Holder, RegistryError> {
        self.change(|tx| self.add_agent_in(tx, (name, team), profile, key, now))
    }

    pub(crate) fn add_agent_in(
        &self,
        tx: &mut legation_store::Tx<'_>,
        (name, team): (&str, &str),
        profile: &Profile,
        key: Option<&PublicKey>,
        now: i64,
    ) -> Result<Holder, RegistryError> {
        names::check(Kind::Agent, name)?;
        if self.below(tx)?.iter().any(|taken| taken == name) {
            return Err(RegistryError::Taken { found: name.to_owned(), by: ANOTHER.to_owned() });
        }
        let (team, _) = named(tx, &self.id, Kind::Team, team)?;
        must_be_active(&team)?;
        let agent = self.add_holder(tx, (Kind::Agent, name, Some(&team)), (profile, key), now)?;
        self.issue(tx, &agent, now)?;
        self.tell(tx, ("agent.added", name), &json!({"did": agent.did, "team": team.name}), now)?;
        Ok(agent)
    }

    /// Holders of a kind whose names come after `after`, in the order of their names, at most so many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn list(&self, kind: Kind, after: &str, most: i64) -> Result<Vec<Shown>, RegistryError> {
        self.store.read(|tx| {
            let holders = holder::list(tx, &self.id, kind, after, most)?;
            holders.into_iter().map(|holder| self.shown(tx, holder)).collect()
        })
    }

    /// As [`Registry::list`], those whose names begin so, and that have a tag or a capability where one is given.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn find(
        &self,
        kind: Kind,
        find: Find<'_>,
        after: &str,
        most: i64,
    ) -> Result<Vec<Shown>, RegistryError> {
        let tag = find.tag.map(tag_name).or_else(|| find.capability.map(capability_name));
        let by = holder::Find { begins: find.begins, tag: tag.as_deref() };
        self.store.read(|tx| {
            let holders = holder::find(tx, &self.id, kind, by, (after, most))?;
            holders.into_iter().map(|holder| self.shown(tx, holder)).collect()
        })
    }

    /// As [`Registry::list`], the agents of one team.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn list_of_team(&self, team: &str, after: &str, most: i64) -> Result<Vec<Shown>, RegistryError> {
        self.store.read(|tx| {
            let team = holder::by_name(tx, &self.id, Kind::Team, team)?;
            let holders = holder::children(tx, &self.id, &team.id, after, most)?;
            holders.into_iter().map(|holder| self.shown(tx, holder)).collect()
        })
    }

    /// A holder by its name.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn show(&self, kind: Kind, name: &str) -> Result<Shown, RegistryError> {
        self.store.read(|tx| {
            let holder = holder::by_name(tx, &self.id, kind, name)?;
            self.shown(tx, holder)
        })
    }

    pub(crate) fn shown(
        &self,
        tx: &mut legation_store::Tx<'_>,
        holder: Holder,
    ) -> Result<Shown, RegistryError> {
        let profile = Profile::read(&holder.body, &holder.name)?;
        let parent = holder.parent.as_ref().map(|id| holder::get(tx, &self.id, id)).transpose()?;
        let valid_until = link::current(tx, &self.id, &holder.id).ok().map(|link| link.valid_until);
        Ok(Shown { holder, profile, parent: parent.map(|parent| parent.name), valid_until })
    }

    /// Suspends a holder: from the next call on, it and all below it is refused, until it is resumed.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn suspend(&self, kind: Kind, name: &str, now: i64) -> Result<Holder, RegistryError> {
        self.set_state((kind, name), State::Suspended, now)
    }

    /// Resumes a suspended holder.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn resume(&self, kind: Kind, name: &str, now: i64) -> Result<Holder, RegistryError> {
        self.set_state((kind, name), State::Active, now)
    }

    /// Retires a holder for good: its delegation is revoked, and with it all that descends from it.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn retire(&self, kind: Kind, name: &str, now: i64) -> Result<Holder, RegistryError> {
        self.set_state((kind, name), State::Retired, now)
    }

    fn set_state(&self, of: (Kind, &str), state: State, now: i64) -> Result<Holder, RegistryError> {
        self.change(|tx| self.set_state_in(tx, of, state, None, now))
    }

    /// The same within a transaction; `quarantine` says which rule did it, and why.
    pub(crate) fn set_state_in(
        &self,
        tx: &mut legation_store::Tx<'_>,
        (kind, name): (Kind, &str),
        state: State,
        quarantine: Option<&serde_json::Value>,
        now: i64,
    ) -> Result<Holder, RegistryError> {
        let (holder, _) = named(tx, &self.id, kind, name)?;
        if holder.state == State::Retired && state != State::Retired {
            must_be_active(&holder)?;
        }
        if holder.unconfirmed.is_some() && state == State::Active {
            return Err(restored::unconfirmed(format!("the {} `{name}`", kind.name())));
        }
        if holder.state == state {
            return Ok(holder);
        }
        holder::change(tx, &self.id, &holder.id, (state, &holder.body), now)?;
        // Those that were renewed, too: whoever signs by itself may still hold them.
        for link in links::alive(tx, &self.id, &holder, now)? {
            match state {
                State::Retired => self.end(tx, &link, "retired", now)?,
                State::Suspended => status::set(self, tx, link.position, status::SUSPENSION, true, now)?,
                State::Active => status::set(self, tx, link.position, status::SUSPENSION, false, now)?,
            }
        }
        if kind == Kind::Agent && state != State::Suspended {
            self.end_quarantine(tx, &holder.id, now)?;
        }
        let what =
            format!("{}.{}", kind.name(), if state == State::Active { "resumed" } else { state.name() });
        let mut told = json!({"did": holder.did});
        if let (Some(why), Some(told)) = (quarantine, told.as_object_mut()) {
            told.insert("quarantine".to_owned(), why.clone());
        }
        self.tell(tx, (&what, name), &told, now)?;
        Ok(holder::get(tx, &self.id, &holder.id)?)
    }
}
