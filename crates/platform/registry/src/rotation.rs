//! Keys in custody that are replaced.
//!
//! The new key signs at once. The old one stays in the holder's document until what it signed has ended, so that nobody
//! notices; where others may have it, it goes at once, and what it signed is signed anew.

use crate::{
    error::RegistryError,
    links::{self, MOST, Why},
    registry::{Registry, named},
    status,
};
use legation_keys::{Algorithm, PublicKey, time};
use legation_signer::{Ask, ClientError, Told};
use legation_store::{
    Tx, holder,
    holder::{Holder, Key, Kind, State},
    link,
    rotation::{self as schedule, Schedule},
};
use serde_json::json;

/// For how long an old key stays at the least, seconds: status lists that it signed are valid for an hour.
const LEAST: i64 = 2 * 3600;

/// Least time between two keys of one holder, seconds: an hour.
const SHORTEST: i64 = 3600;
/// What is told of who keeps its own key.
const OWN: &str = "it replaces its key itself; add it anew with the new one";
/// Most keys that are replaced at a time.
const AT_ONCE: i64 = 100;

/// A key that took the place of another one.
#[derive(Clone, Debug, PartialEq)]
pub struct Rotated {
    /// Whose it is.
    pub holder: Holder,
    /// The new key.
    pub key: PublicKey,
    /// Until when the old one is published, Unix seconds; `None` where it no longer is.
    pub until: Option<i64>,
}

impl Registry {
    /// Replaces the key of an agent, a team, or the organization, whose name is its domain. `compromised` says that
    /// others may have the old key: it is taken out of the document at once, and the status lists and delegations that it
    /// signed are signed anew, so that nothing signed by whoever has it holds.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::State`] where the holder is retired, or keeps its own key.
    pub fn rotate(
        &self,
        (kind, name): (Kind, &str),
        compromised: bool,
        now: i64,
    ) -> Result<Rotated, RegistryError> {
        self.change(|tx| {
            let (holder, _) = named(tx, &self.id, kind, name)?;
            self.rotate_in(tx, holder, compromised, now)
        })
    }

    fn rotate_in(
        &self,
        tx: &mut Tx<'_>,
        holder: Holder,
        compromised: bool,
        now: i64,
    ) -> Result<Rotated, RegistryError> {
        self.must_be_in_custody(tx, &holder, OWN)?;
        let (kind, name) = (holder.kind, holder.name.clone());
        let children = holder::children(tx, &self.id, &holder.id, "", MOST)?;
        let mut until = now.saturating_add(LEAST);
        for child in &children {
            let ends = links::alive(tx, &self.id, child, now)?.into_iter().map(|link| link.valid_until);
            until = ends.fold(until, i64::max);
        }
        let until = (!compromised).then_some(until);
        match until {
            Some(until) => holder::retire_keys(tx, &self.id, &holder.id, until)?,
            None => holder::drop_keys(tx, &self.id, &holder.id, now)?,
        }
        let key = self.new_key(tx, &holder, now)?;
        // Beside the signature of the old key, or in place of it.
        if holder.state == State::Active {
            self.renew_card(tx, &holder, compromised, now)?;
        }
        if kind == Kind::Organization {
            self.follow(tx, now)?;
            self.link_domain(tx, now)?;
            self.renew_signal_key(tx, compromised, now)?;
            self.renew_token_keys(tx, compromised, now)?;
        }
        if compromised {
            status::sign_all(self, tx, &holder, now)?;
            for child in children {
                if child.state != State::Retired && link::current(tx, &self.id, &child.id).is_ok() {
                    self.reissue(tx, &child, Why::Changed, now)?;
                }
            }
        }
        let told = json!({"kind": kind.name(), "compromised": compromised, "until": until.map(time::format)});
        self.tell(tx, ("key.rotated", &name), &told, now)?;
        // Whenever it is replaced, the next time is counted from then.
        if let Some(schedule) = schedule::get(tx, &self.id, &holder.id)? {
            let due = now.saturating_add(schedule.every);
            schedule::set(tx, &self.id, &Schedule { due, ..schedule })?;
        }
        Ok(Rotated { holder, key, until })
    }

    /// Has the key of an agent, a team, or the organization replaced by itself again and again, each after so many seconds; `None`
    /// for not any more. The first time is counted from when the key that it has was made. Gives that time (Unix seconds).
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Value`] of less than an hour.
    pub fn rotate_every(
        &self,
        (kind, name): (Kind, &str),
        every: Option<i64>,
        now: i64,
    ) -> Result<Option<i64>, RegistryError> {
        if let Some(short) = every.filter(|every| *every < SHORTEST) {
            let reason = "a key is used for an hour at least".to_owned();
            return Err(RegistryError::Value {
                what: "time between two keys",
                found: format!("{short}s"),
                reason,
            });
        }
        self.change(|tx| {
            let (holder, _) = named(tx, &self.id, kind, name)?;
            self.must_be_in_custody(tx, &holder, OWN)?;
            let due = match every {
                None => {
                    schedule::remove(tx, &self.id, &holder.id)?;
                    None
                }
                Some(every) => {
                    let key = holder::keys(tx, &self.id, &holder.id)?.into_iter().next();
                    let due = key.map_or(now, |key| key.created).saturating_add(every);
                    schedule::set(tx, &self.id, &Schedule { holder: holder.id.clone(), every, due })?;
                    Some(due)
                }
            };
            let told = json!({"kind": kind.name(), "every": every, "due": due.map(time::format)});
            self.note(tx, ("rotation.set", name), &told, now)?;
            Ok(due)
        })
    }

    /// Replaces the keys whose time has come, at `now` (Unix seconds), each once however many processes do this. Gives how many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn rotate_due(&self, now: i64) -> Result<usize, RegistryError> {
        let due = self.store.read(|tx| schedule::due(tx, &self.id, now, AT_ONCE))?;
        let (mut rotated, mut failed) = (0, None);
        for Schedule { holder, .. } in due {
            match self.rotate_if_due(&holder, now) {
                Ok(done) => rotated += usize::from(done),
                // One that can't be replaced keeps none of the others from it.
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(rotated), Err)
    }

    fn rotate_if_due(&self, holder: &str, now: i64) -> Result<bool, RegistryError> {
        self.change(|tx| {
            // Under the lock: another process may have done it.
            let schedule = schedule::get(tx, &self.id, holder)?;
            if schedule.is_none_or(|schedule| schedule.due > now) {
                return Ok(false);
            }
            let found = holder::get(tx, &self.id, holder)?;
            if found.state == State::Retired {
                schedule::remove(tx, &self.id, holder)?;
                return Ok(false);
            }
            self.rotate_in(tx, found, false, now).map(|_| true)
        })
    }

    /// Keys that are to be replaced before a moment (Unix seconds), by kind and name, with when; at most so many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn rotations_due(&self, before: i64, most: i64) -> Result<Vec<(Holder, i64)>, RegistryError> {
        self.store.read(|tx| {
            let due = schedule::due(tx, &self.id, before, most)?;
            due.into_iter().map(|one| Ok((holder::get(tx, &self.id, &one.holder)?, one.due))).collect()
        })
    }

    /// Takes keys out of documents that were replaced, and of which nothing holds any more. Gives how many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn end_keys(&self, now: i64) -> Result<u64, RegistryError> {
        if !self.store.read(|tx| holder::has_ended_keys(tx, &self.id, now))? {
            return Ok(0);
        }
        self.change(|tx| {
            let ended = holder::end_keys(tx, &self.id, now)?;
            self.tell(tx, ("key.ended", "keys"), &json!({"keys": ended}), now)?;
            self.follow(tx, now)?;
            Ok(ended)
        })
    }

    /// Makes a key of a holder in the signer, and keeps it.
    pub(crate) fn new_key(
        &self,
        tx: &mut Tx<'_>,
        holder: &Holder,
        now: i64,
    ) -> Result<PublicKey, RegistryError> {
        let (place, asked) = self.key_ask();
        let told = self.signer().together(&[asked])?.into_iter().next();
        self.keep_key(tx, holder, (place, told), now)
    }

    /// What a new key is called in the signer, and what that is asked. What the key signs names it by the holder's DID and
    /// its thumbprint.
    pub(crate) fn key_ask(&self) -> (String, Ask) {
        let place = uuid::Uuid::now_v7().to_string();
        let asked = Ask::key(&self.id, &place, Algorithm::EdDsa);
        (place, asked)
    }

    /// Keeps a key that the signer made for a holder.
    pub(crate) fn keep_key(
        &self,
        tx: &mut Tx<'_>,
        holder: &Holder,
        (place, told): (String, Option<Result<Told, ClientError>>),
        now: i64,
    ) -> Result<PublicKey, RegistryError> {
        let (key, public) = made_key(holder, (place, told), now)?;
        holder::add_key(tx, &self.id, key)?;
        Ok(public)
    }

    pub(crate) fn must_be_in_custody(
        &self,
        tx: &mut Tx<'_>,
        holder: &Holder,
        remedy: &'static str,
    ) -> Result<(), RegistryError> {
        let what = || format!("the {} `{}`", holder.kind.name(), holder.name);
        if holder.state == State::Retired {
            let remedy = "what is retired signs nothing";
            return Err(RegistryError::State { what: what(), state: "retired", remedy });
        }
        let keys = holder::keys(tx, &self.id, &holder.id)?;
        if keys.iter().any(|key| key.sealed.is_none()) {
            return Err(RegistryError::State { what: what(), state: "the keeper of its own key", remedy });
        }
        Ok(())
    }
}

/// A key that the signer made for a holder, as it is kept, and its public part.
pub(crate) fn made_key(
    holder: &Holder,
    (place, told): (String, Option<Result<Told, ClientError>>),
    now: i64,
) -> Result<(Key, PublicKey), RegistryError> {
    let Some(Told::Key(made)) = told.transpose()? else {
        return Err(RegistryError::damaged(&holder.name, "no key was made for it"));
    };
    let public_jwk = made.public_key.to_jwk().to_string();
    let sealed = Some(made.sealed);
    let key = Key { key_id: place, holder: holder.id.clone(), public_jwk, sealed, created: now };
    Ok((key, made.public_key))
}
