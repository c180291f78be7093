//! Admins: who may change the organization from afar. Each holds a delegation of the organization itself, for actions
//! `admin:…` on its `/v1`, which is judged, revoked and renewed as any other.

use crate::{Profile, Shown, error::RegistryError, registry::Registry};
use legation_did::Did;
use legation_store::{
    StoreError, Tx, holder,
    holder::{Holder, Kind, State},
    link::{self, Link},
};
use serde_json::json;

/// What the actions of admins begin with.
pub const PREFIX: &str = "admin:";
/// How long an admin's delegation lives: a year, in seconds.
const VALID_FOR: i64 = 365 * 86_400;
/// Most actions of one admin.
const MOST_ACTIONS: usize = 128;

/// An admin with its delegation.
#[derive(Clone, Debug, PartialEq)]
pub struct Admin {
    /// Who it is, by its DID, and what it may do.
    pub shown: Shown,
    /// Its delegation; `None` where it was removed, or the delegation revoked.
    pub link: Option<Link>,
}

impl Registry {
    /// What admins act on: a pattern of the URLs of the organization's `/v1`, as delegations name them.
    #[must_use]
    pub fn administered(&self) -> String {
        format!("https://{}/v1/*", self.host())
    }

    /// Makes somebody an admin who may do `actions` (`admin:*`, `admin:agents.add`), and delegates to it. One that was
    /// removed may become one again.
    ///
    /// # Errors
    /// [`RegistryError`]; [`StoreError::Exists`] where it is one already.
    pub fn add_admin(&self, did: &Did, actions: &[String], now: i64) -> Result<Admin, RegistryError> {
        let wrong = |what, found: &str, reason: &str| {
            Err(RegistryError::Value { what, found: found.to_owned(), reason: reason.to_owned() })
        };
        // Nothing is fetched to know an admin: its DID is its key.
        if legation_did::key::public_key(did).is_err() {
            return wrong(
                "DID of an admin",
                did.as_str(),
                "write a did:key, as `legation key generate` prints it",
            );
        }
        if actions.is_empty() || actions.len() > MOST_ACTIONS {
            return wrong("action of an admin", "nothing", "name 1 to 128 of them, or `admin:*` for all");
        }
        if let Some(other) = actions.iter().find(|action| !action.starts_with(PREFIX)) {
            return wrong("action of an admin", other, "write `admin:*`, or such as `admin:agents.add`");
        }
        let profile = self.admin_profile(actions);
        self.change(|tx| self.add_admin_in(tx, did, &profile, now))
    }

    /// What an admin may do.
    pub(crate) fn admin_profile(&self, actions: &[String]) -> Profile {
        Profile {
            actions: actions.to_vec(),
            resources: vec![self.administered()],
            valid_for: VALID_FOR,
            ..Profile::default()
        }
    }

    pub(crate) fn add_admin_in(
        &self,
        tx: &mut Tx<'_>,
        did: &Did,
        profile: &Profile,
        now: i64,
    ) -> Result<Admin, RegistryError> {
        let holder = self.put_admin(tx, did, profile, now)?;
        let link = self.issue(tx, &holder, now)?;
        self.tell(tx, ("admin.added", did.as_str()), &json!({"actions": profile.actions}), now)?;
        let shown = self.shown(tx, holder)?;
        Ok(Admin { shown, link: Some(link) })
    }

    fn put_admin(
        &self,
        tx: &mut Tx<'_>,
        did: &Did,
        profile: &Profile,
        now: i64,
    ) -> Result<Holder, RegistryError> {
        match holder::by_name(tx, &self.id, Kind::Admin, did.as_str()) {
            Ok(known) if known.state == State::Retired => {
                holder::change(tx, &self.id, &known.id, (State::Active, &profile.write()?), now)?;
                return Ok(holder::get(tx, &self.id, &known.id)?);
            }
            Ok(_) => return Err(StoreError::Exists { what: format!("the admin `{did}`") }.into()),
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let top = self.top(tx)?;
        let holder = Holder {
            id: uuid::Uuid::now_v7().to_string(),
            kind: Kind::Admin,
            parent: Some(top.id),
            name: did.to_string(),
            did: did.to_string(),
            state: State::Active,
            version: 1,
            created: now,
            body: profile.write()?,
            unconfirmed: None,
        };
        holder::add(tx, &self.id, &holder)?;
        Ok(holder)
    }

    /// Tells that more was asked of the administration than may be: by an admin (its DID), from `addresses`, or of what is
    /// `open`; whose request was the last, and how many were refused since it was told before.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn limited(&self, of: &str, last: &str, times: u64, now: i64) -> Result<(), RegistryError> {
        self.change(|tx| self.note(tx, ("admin.limited", of), &json!({"last": last, "times": times}), now))
    }

    /// An admin by its DID.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn admin(&self, did: &str) -> Result<Admin, RegistryError> {
        self.store.read(|tx| {
            let holder = holder::by_name(tx, &self.id, Kind::Admin, did)?;
            self.admin_of(tx, holder)
        })
    }

    /// Admins whose DIDs come after `after`, in the order of their DIDs, at most so many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn list_admins(&self, after: &str, most: i64) -> Result<Vec<Admin>, RegistryError> {
        self.store.read(|tx| {
            let all = holder::list(tx, &self.id, Kind::Admin, after, most)?;
            all.into_iter().map(|holder| self.admin_of(tx, holder)).collect()
        })
    }

    fn admin_of(&self, tx: &mut Tx<'_>, holder: Holder) -> Result<Admin, RegistryError> {
        let link = match link::current(tx, &self.id, &holder.id) {
            Ok(link) => Some(link),
            Err(StoreError::NotFound { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Admin { shown: self.shown(tx, holder)?, link })
    }

    /// Takes an admin's authority away: its delegations are revoked, and its next call is refused. What it did stays.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn remove_admin(&self, did: &str, now: i64) -> Result<Admin, RegistryError> {
        self.change(|tx| {
            let holder = holder::by_name(tx, &self.id, Kind::Admin, did)?;
            if holder.state != State::Retired {
                self.retire_admin(tx, &holder, ("admin.removed", "removed"), now)?;
            }
            let holder = holder::get(tx, &self.id, &holder.id)?;
            self.admin_of(tx, holder)
        })
    }

    pub(crate) fn retire_admin(
        &self,
        tx: &mut Tx<'_>,
        holder: &Holder,
        (event, why): (&str, &str),
        now: i64,
    ) -> Result<(), RegistryError> {
        holder::change(tx, &self.id, &holder.id, (State::Retired, &holder.body), now)?;
        for link in crate::links::alive(tx, &self.id, holder, now)? {
            self.end(tx, &link, why, now)?;
        }
        self.tell(tx, (event, &holder.name), &json!({}), now)?;
        self.end_sessions_of(tx, &holder.name, now)
    }
}
