//! What was put back from a backup, or was behind what was known: opened again, and confirmed piece by piece
//! ([`legation_store::restored`]).
//!
//! What was revoked, suspended, blocked or replaced since the backup is not known. So when it is opened, all delegations are
//! suspended in their status lists, DID documents have no keys, and API keys stand for nobody, until somebody who has the data
//! confirms each holder, or all. What is known from lists that were published since is merged first; it only ever adds.

use crate::{error::RegistryError, links, registry::Registry, status};
use legation_credential::status::{PublishedList, StatusPurpose};
use legation_store::{
    Tx, api_key, holder,
    holder::{Holder, Kind, State},
    link,
    link::StatusList,
    organization, restored, webvh,
};
use serde_json::json;
use std::collections::BTreeMap;

pub use legation_store::restored::{Open, Unconfirmed};

/// What there was to learn from lists that were published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// How many lists of the organization there were.
    pub lists: usize,
    /// How many delegations were revoked that the backup did not know as revoked.
    pub revoked: usize,
    /// How many holders were suspended.
    pub suspended: usize,
}

/// What is confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirm<'a> {
    /// A holder by its kind and name, and where `keys`, all its API keys.
    Holder {
        /// Which kind.
        kind: Kind,
        /// Its name; of the organization its domain, of an admin its DID.
        name: &'a str,
        /// Its API keys, too.
        keys: bool,
    },
    /// An API key by its id.
    ApiKey(&'a str),
    /// Everything.
    All,
}

/// Refuses what somebody has to confirm first.
pub(crate) fn unconfirmed(what: String) -> RegistryError {
    let remedy = "the organization's data were restored, and nobody has said yet that it still holds: `legation confirm`";
    RegistryError::State { what, state: "unconfirmed", remedy }
}

impl Registry {
    /// Why the organization is closed; `None` where it is open.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn closed(&self) -> Result<Option<String>, RegistryError> {
        Ok(self.store.read(|tx| organization::get(tx, &self.id))?.closed)
    }

    /// Opens the organization again at `now` (Unix seconds), after it learned what published lists say. Everything is
    /// unconfirmed then; windows that reach back to before now count as used up.
    ///
    /// # Errors
    /// [`RegistryError`]; [`legation_store::StoreError::NotFound`] where it is not closed.
    pub fn reopen(&self, published: &[PublishedList], now: i64) -> Result<Learned, RegistryError> {
        let known = self.store.known(&self.id)?;
        let by_url: BTreeMap<&str, Vec<&PublishedList>> =
            published.iter().fold(BTreeMap::new(), |mut all: BTreeMap<&str, Vec<_>>, list| {
                all.entry(list.id.as_deref().unwrap_or_default()).or_default().push(list);
                all
            });
        self.store.write(|tx| {
            let organization = organization::lock_closed(tx, &self.id)?;
            let mut learned = Learned::default();
            restored::reopen(tx, &self.id, known, now)?;
            // Which of them were replaced since because others had them, nobody knows.
            self.renew_token_keys(tx, true, now)?;
            // Its next entry may have been written since, and there is to be one history only.
            webvh::end(tx, &self.id, now)?;
            let mut change = |tx: &mut Tx<'_>, list: &mut StatusList| {
                for published in by_url.get(list.url.as_str()).into_iter().flatten() {
                    learned.lists += 1;
                    self.learn(tx, list, published, &mut learned, now)?;
                }
                status::close(self, tx, list)
            };
            status::change_all(self, tx, &mut change, now)?;
            let told = json!({
                "why": organization.closed, "lists": learned.lists, "revoked": learned.revoked,
                "suspended": learned.suspended,
            });
            self.tell(tx, ("store.reopened", "store"), &told, now)?;
            Ok(learned)
        })
    }

    /// Adds what a published list says to the one that was put back.
    fn learn(
        &self,
        tx: &mut Tx<'_>,
        list: &mut StatusList,
        published: &PublishedList,
        learned: &mut Learned,
        now: i64,
    ) -> Result<(), RegistryError> {
        let is_meant = |purpose: &StatusPurpose| purpose.name() == list.purpose;
        if !published.purposes.iter().any(is_meant) {
            return Ok(());
        }
        let (first, _) = status::positions(list);
        let entries = published.list.entries().min(list.bits.len().saturating_mul(8));
        let is_new =
            |index: &usize| published.list.get(*index) == Some(true) && !status::bit(&list.bits, *index);
        let new: Vec<usize> = (0..entries).filter(is_new).collect();
        for index in new {
            status::set_bit(&mut list.bits, index);
            let position = first.saturating_add(i64::try_from(index).unwrap_or(i64::MAX));
            // Of one that was given since the backup nothing else is known.
            let Some(found) = link::at_position(tx, &self.id, position)? else { continue };
            if list.purpose == status::REVOCATION.name() {
                if found.state != "revoked" {
                    link::revoke(tx, &self.id, &found.id, "revoked before the store was put back", now)?;
                    learned.revoked += 1;
                }
                continue;
            }
            let holder = holder::get(tx, &self.id, &found.holder)?;
            if holder.state == State::Active {
                holder::change(tx, &self.id, &holder.id, (State::Suspended, &holder.body), now)?;
                learned.suspended += 1;
            }
        }
        Ok(())
    }

    /// How much nobody has confirmed since the organization was opened again.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn unconfirmed(&self) -> Result<Unconfirmed, RegistryError> {
        Ok(self.store.read(|tx| restored::unconfirmed(tx, &self.id))?)
    }

    /// Whether the organization itself holds: it was not put back, or somebody has confirmed it since.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn is_confirmed(&self) -> Result<bool, RegistryError> {
        self.store.read(|tx| Ok(self.top(tx)?.unconfirmed.is_none()))
    }

    /// What nobody has confirmed: holders by kind and name, then API keys by their ids; at most so many of either.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn list_unconfirmed(&self, most: i64) -> Result<Vec<Open>, RegistryError> {
        Ok(self.store.read(|tx| restored::list(tx, &self.id, most))?)
    }

    /// Says that something still holds as it was when the backup was made. Gives whether it was unconfirmed.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn confirm(&self, what: Confirm<'_>, now: i64) -> Result<bool, RegistryError> {
        self.change(|tx| match what {
            Confirm::All => self.confirm_all(tx, now),
            Confirm::ApiKey(id) => {
                api_key::get(tx, &self.id, id)?;
                let is_new = restored::confirm_key(tx, &self.id, id)?;
                if is_new {
                    self.tell(tx, ("api-key.confirmed", id), &json!({}), now)?;
                }
                Ok(is_new)
            }
            Confirm::Holder { kind, name, keys } => {
                let holder = holder::by_name(tx, &self.id, kind, name)?;
                self.confirm_holder(tx, &holder, keys, now)
            }
        })
    }

    fn confirm_holder(
        &self,
        tx: &mut Tx<'_>,
        holder: &Holder,
        keys: bool,
        now: i64,
    ) -> Result<bool, RegistryError> {
        let is_new = restored::confirm_holder(tx, &self.id, &holder.id)?;
        let with_keys = keys && restored::confirm_keys_of(tx, &self.id, &holder.id)?;
        if is_new && holder.state == State::Active {
            for link in links::alive(tx, &self.id, holder, now)? {
                status::set(self, tx, link.position, status::SUSPENSION, false, now)?;
            }
        }
        if is_new || with_keys {
            let told = json!({"keys": with_keys});
            let kind = format!("{}.confirmed", holder.kind.name());
            self.tell(tx, (&kind, &holder.name), &told, now)?;
            if holder.kind == Kind::Organization {
                self.follow(tx, now)?;
            }
        }
        Ok(is_new || with_keys)
    }

    fn confirm_all(&self, tx: &mut Tx<'_>, now: i64) -> Result<bool, RegistryError> {
        let Unconfirmed { holders, api_keys } = restored::unconfirmed(tx, &self.id)?;
        if holders + api_keys == 0 {
            return Ok(false);
        }
        restored::confirm_all(tx, &self.id)?;
        let mut change = |tx: &mut Tx<'_>, list: &mut StatusList| {
            if list.purpose != status::SUSPENSION.name() {
                return Ok(());
            }
            let (first, end) = status::positions(list);
            list.bits.fill(0);
            for position in link::positions(tx, &self.id, (first, end), true)? {
                status::set_bit(&mut list.bits, usize::try_from(position - first).unwrap_or_default());
            }
            Ok(())
        };
        status::change_all(self, tx, &mut change, now)?;
        self.follow(tx, now)?;
        self.tell(tx, ("store.confirmed", "all"), &json!({"holders": holders, "apiKeys": api_keys}), now)?;
        Ok(true)
    }
}
