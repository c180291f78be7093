//! An organization as its verbs see it.

use crate::{error::RegistryError, names, profile::Profile};
use legation_did::Did;
use legation_keys::PublicKey;
use legation_signer::Client;
use legation_store::{
    NewEvent, Store, StoreError, Tx, holder,
    holder::{Holder, Key, Kind, State},
    organization,
    organization::Organization,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Who acts where nobody is named: whoever holds the organization's data.
const OWNER: &str = "owner";
/// Most organizations of a store.
pub const MOST: i64 = 64;
/// The team that an organization starts with.
pub const FIRST_TEAM: &str = "default";

/// One organization of a store, and the signer that holds its keys. All verbs are functions of it; each changes the
/// state and appends its event in one transaction. They block: they are for threads that may wait.
#[derive(Debug)]
pub struct Registry {
    pub(crate) store: Arc<Store>,
    signer: Arc<Mutex<Client>>,
    pub(crate) id: String,
    pub(crate) did: Did,
    pub(crate) actor: String,
}

impl Registry {
    /// The organization of a store; by its domain where there is more than one ([`names::organization`]).
    ///
    /// # Errors
    /// [`RegistryError::Organization`] where there is none, or not that one; [`RegistryError::Several`] where none is named.
    pub fn open(store: Arc<Store>, signer: Client, domain: Option<&str>) -> Result<Self, RegistryError> {
        let all = store.read(|tx| organization::all(tx, MOST))?;
        let named = domain.map(names::organization).transpose()?;
        let missing = "there is no organization in this store; make one with `legation init DOMAIN`";
        let one = match (named, all.as_slice()) {
            (_, []) => return Err(RegistryError::Organization(missing)),
            (None, [one]) => one,
            (Some(did), all) => {
                let named = all.iter().find(|one| one.domain == did.method_specific_id());
                named.ok_or_else(|| several(all, Some(&did)))?
            }
            (None, all) => return Err(several(all, None)),
        };
        Ok(Self::of(store, signer, one.id.clone(), did_of(one)?))
    }

    /// All organizations of a store, in the order of their domains, each with a connection to the signer of its own.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Organization`] where there is none.
    pub fn open_all<E: From<RegistryError>>(
        store: &Arc<Store>,
        signer: impl Fn() -> Result<Client, E>,
    ) -> Result<Vec<Self>, E> {
        let all = store.read(|tx| organization::all(tx, MOST)).map_err(RegistryError::from)?;
        if all.is_empty() {
            return Err(RegistryError::Organization("there is no organization in this store").into());
        }
        all.into_iter()
            .map(|one| Ok(Self::of(Arc::clone(store), signer()?, one.id.clone(), did_of(&one)?)))
            .collect()
    }

    pub(crate) fn of(store: Arc<Store>, signer: Client, id: String, did: Did) -> Self {
        Self { store, signer: Arc::new(Mutex::new(signer)), id, did, actor: OWNER.to_owned() }
    }

    /// The same organization, whose verbs say in their events that `actor` did it: an admin's DID. Where nobody is
    /// named it is `owner`, whoever holds the organization's data.
    #[must_use]
    pub fn by(&self, actor: &str) -> Self {
        Self { actor: actor.to_owned(), ..self.within(&self.store) }
    }

    /// The same organization over another store of the same data.
    pub(crate) fn within(&self, store: &Arc<Store>) -> Self {
        Self {
            store: Arc::clone(store),
            signer: Arc::clone(&self.signer),
            id: self.id.clone(),
            did: self.did.clone(),
            actor: self.actor.clone(),
        }
    }

    /// The organization's id in the store.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The organization's DID.
    #[must_use]
    pub fn did(&self) -> &Did {
        &self.did
    }

    /// Its host as URLs have it, with its path where it has one.
    #[must_use]
    pub fn host(&self) -> String {
        names::host(&self.did)
    }

    /// The URL below which it publishes, such as `https://acme.example` or `https://acme.example/sales`.
    #[must_use]
    pub fn origin(&self) -> String {
        names::origin(&self.did)
    }

    /// Whether a DID is the organization's, or that of one of its teams and agents.
    #[must_use]
    pub fn is_own(&self, did: &Did) -> bool {
        names::is_own(&self.did, did)
    }

    /// The names below its domain that other organizations have.
    pub(crate) fn below(&self, tx: &mut Tx<'_>) -> Result<Vec<String>, RegistryError> {
        // Of an organization by a name there are none.
        match names::path(&self.did) {
            Some(_) => Ok(Vec::new()),
            None => Ok(organization::below(tx, self.did.method_specific_id())?),
        }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    pub(crate) fn signer(&self) -> MutexGuard<'_, Client> {
        self.signer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what only an organization that is open tells.
    pub(crate) fn read_open<T, E: From<StoreError>>(
        &self,
        verb: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.store.read(|tx| {
            organization::must_be_open(tx, &self.id)?;
            verb(tx)
        })
    }

    /// Changes the organization, one verb at a time.
    pub(crate) fn change<T>(
        &self,
        verb: impl FnOnce(&mut Tx<'_>) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        self.store.write(|tx| {
            organization::lock(tx, &self.id)?;
            verb(tx)
        })
    }

    /// Tells a change that decisions depend on.
    pub(crate) fn tell(
        &self,
        tx: &mut Tx<'_>,
        event: (&str, &str),
        data: &serde_json::Value,
        now: i64,
    ) -> Result<(), RegistryError> {
        self.append(tx, event, (data, true), now)
    }

    /// Tells a change that no decision depends on.
    pub(crate) fn note(
        &self,
        tx: &mut Tx<'_>,
        event: (&str, &str),
        data: &serde_json::Value,
        now: i64,
    ) -> Result<(), RegistryError> {
        self.append(tx, event, (data, false), now)
    }

    fn append(
        &self,
        tx: &mut Tx<'_>,
        (kind, subject): (&str, &str),
        (data, decides): (&serde_json::Value, bool),
        now: i64,
    ) -> Result<(), RegistryError> {
        let data = data.to_string();
        tx.append(&self.id, &NewEvent { kind, subject, actor: &self.actor, data: &data, decides }, now)?;
        Ok(())
    }

    /// The organization as a holder, with which all paths begin.
    pub(crate) fn top(&self, tx: &mut Tx<'_>) -> Result<Holder, RegistryError> {
        let first = holder::list(tx, &self.id, Kind::Organization, "", 1)?.into_iter().next();
        first.ok_or_else(|| RegistryError::damaged("the organization", "it is no holder"))
    }

    /// Makes a holder with a key of its own: one that it brought, or one in custody.
    pub(crate) fn add_holder(
        &self,
        tx: &mut Tx<'_>,
        (kind, name, parent): (Kind, &str, Option<&Holder>),
        (profile, brought): (&Profile, Option<&PublicKey>),
        now: i64,
    ) -> Result<Holder, RegistryError> {
        let holder = self.new_holder((kind, name, parent), profile, now)?;
        self.keep_holder(tx, &holder, profile)?;
        match brought {
            None => drop(self.new_key(tx, &holder, now)?),
            Some(public) => {
                let (key_id, public_jwk) = (uuid::Uuid::now_v7().to_string(), public.to_jwk().to_string());
                let key = Key { key_id, holder: holder.id.clone(), public_jwk, sealed: None, created: now };
                holder::add_key(tx, &self.id, key)?;
            }
        }
        Ok(holder)
    }

    /// A holder that is not kept yet.
    pub(crate) fn new_holder(
        &self,
        (kind, name, parent): (Kind, &str, Option<&Holder>),
        profile: &Profile,
        now: i64,
    ) -> Result<Holder, RegistryError> {
        Ok(Holder {
            id: uuid::Uuid::now_v7().to_string(),
            kind,
            parent: parent.map(|parent| parent.id.clone()),
            name: name.to_owned(),
            did: names::holder(&self.did, kind, name)?.to_string(),
            state: State::Active,
            version: 1,
            created: now,
            body: profile.write()?,
            unconfirmed: None,
        })
    }

    /// Keeps a new holder, and what it is found by.
    pub(crate) fn keep_holder(
        &self,
        tx: &mut Tx<'_>,
        holder: &Holder,
        profile: &Profile,
    ) -> Result<(), RegistryError> {
        let tags = profile.found_by()?;
        holder::add(tx, &self.id, holder)?;
        if !tags.is_empty() {
            holder::set_tags(tx, &self.id, (holder.kind, &holder.name), &tags)?;
        }
        Ok(())
    }
}

fn did_of(one: &Organization) -> Result<Did, RegistryError> {
    let did = format!("did:web:{}", one.domain);
    did.parse().map_err(|error| RegistryError::damaged("the organization", error))
}

/// Which organizations there are, where it is not said which one is meant.
fn several(all: &[Organization], named: Option<&Did>) -> RegistryError {
    let domains = all.iter().filter_map(|one| did_of(one).ok()).map(|did| names::host(&did)).collect();
    RegistryError::Several { named: named.map(names::host), domains }
}

/// What can be done to a holder: an agent or a team by its name.
pub(crate) fn named(
    tx: &mut Tx<'_>,
    id: &str,
    kind: Kind,
    name: &str,
) -> Result<(Holder, Profile), RegistryError> {
    let holder = holder::by_name(tx, id, kind, name)?;
    let profile = Profile::read(&holder.body, name)?;
    Ok((holder, profile))
}

/// Refuses what a retired or suspended holder can't do.
pub(crate) fn must_be_active(holder: &Holder) -> Result<(), RegistryError> {
    let remedy = match holder.state {
        State::Active => return Ok(()),
        State::Suspended => "resume it first",
        State::Retired => "what is retired stays so; add another one",
    };
    let what = format!("the {} `{}`", holder.kind.name(), holder.name);
    Err(RegistryError::State { what, state: holder.state.name(), remedy })
}
