//! The master key: all that it sealed, sealed anew by the next one; and what is saved where it was lost.

use crate::{error::RegistryError, links::Why, registry::Registry, status};
use legation_signer::SealedKey;
use legation_store::{
    configuration, holder,
    holder::{Holder, Kind, State},
    link, logs, signal, webvh,
};
use serde_json::json;

/// Rows that are sealed anew in one transaction.
const AT_ONCE: i64 = 256;
/// Holders that are read at a time.
const PAGE: i64 = 1000;

/// What was sealed anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Keys.
    pub keys: u64,
    /// Secrets of upstreams.
    pub secrets: u64,
}

/// What was made anew where the master key was lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MadeAnew {
    /// How many keys.
    pub keys: u64,
    /// Whether the organization has another did:webvh.
    pub history_anew: bool,
    /// Secrets that have to be set again, by name and origin.
    pub secrets: Vec<(String, String)>,
}

impl Registry {
    /// Seals all keys and secrets anew by the master key that seals now, some at a time. What is so already stays, so that it can
    /// be begun again wherever it broke off; `progress` is told how many were looked at.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn reseal(&self, progress: &mut dyn FnMut(u64), now: i64) -> Result<Resealed, RegistryError> {
        let (mut all, mut looked) = (Resealed::default(), 0);
        loop {
            // Whoever was in the midst of a verb when the next one came sealed by the one before.
            let keys = self.reseal_keys(&mut looked, progress)?
                + self.reseal_signal_keys()?
                + self.reseal_token_keys()?
                + self.reseal_history_key()?
                + self.reseal_log_keys()?;
            let done = Resealed { keys, secrets: self.reseal_secrets()? };
            all.keys += done.keys;
            all.secrets += done.secrets;
            if done == Resealed::default() {
                break;
            }
        }
        self.change(|tx| {
            let told = json!({"keys": all.keys, "secrets": all.secrets});
            self.note(tx, ("master-key.rotated", "master-key"), &told, now)
        })?;
        Ok(all)
    }

    fn reseal_keys(&self, looked: &mut u64, progress: &mut dyn FnMut(u64)) -> Result<u64, RegistryError> {
        let (mut after, mut resealed) = (String::new(), 0);
        loop {
            let some = self.change(|tx| {
                let keys = holder::sealed_after(tx, &self.id, &after, AT_ONCE)?;
                for key in &keys {
                    let sealed = key.sealed.as_deref().unwrap_or_default();
                    let key = SealedKey { organization: &self.id, key_id: &key.key_id, sealed };
                    if let Some(sealed) = self.signer().reseal_key(key)? {
                        holder::set_sealed(tx, &self.id, key.key_id, sealed)?;
                        resealed += 1;
                    }
                }
                Ok(keys)
            })?;
            *looked += u64::try_from(some.len()).unwrap_or_default();
            progress(*looked);
            let Some(last) = some.last() else { return Ok(resealed) };
            after.clone_from(&last.key_id);
        }
    }

    /// The keys that sign events.
    fn reseal_signal_keys(&self) -> Result<u64, RegistryError> {
        self.change(|tx| {
            let mut resealed = 0;
            for key in signal::keys(tx, &self.id)? {
                let of = SealedKey { organization: &self.id, key_id: &key.key_id, sealed: &key.sealed };
                let sealed = self.signer().reseal_key(of)?;
                if let Some(sealed) = sealed {
                    signal::set_sealed(tx, &self.id, &key.key_id, sealed)?;
                    resealed += 1;
                }
            }
            Ok(resealed)
        })
    }

    /// The keys that sign checkpoints.
    fn reseal_log_keys(&self) -> Result<u64, RegistryError> {
        self.change(|tx| {
            let mut resealed = 0;
            for log in logs::all(tx, &self.id)? {
                let of = SealedKey { organization: &self.id, key_id: &log.key_id, sealed: &log.sealed };
                let sealed = self.signer().reseal_key(of)?;
                if let Some(sealed) = sealed {
                    logs::set_sealed(tx, &self.id, &log.name, sealed)?;
                    resealed += 1;
                }
            }
            Ok(resealed)
        })
    }

    fn reseal_secrets(&self) -> Result<u64, RegistryError> {
        self.change(|tx| {
            let mut resealed = 0;
            for secret in configuration::secrets(tx, &self.id)? {
                let (name, origin) = (&secret.name, &secret.origin);
                let sealed = self.signer().reseal_secret(&self.id, name, origin, &secret.sealed)?;
                if let Some(sealed) = sealed {
                    configuration::set_sealed(tx, &self.id, name, sealed)?;
                    resealed += 1;
                }
            }
            Ok(resealed + self.reseal_streams(tx)?)
        })
    }

    /// Where the master key was lost: makes all keys in custody anew, signs all lists, cards and delegations by them, and takes away
    /// secrets of upstreams, which nobody can open. DIDs, accounts and API keys stay as they are. All of it or nothing.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn make_keys_anew(&self, now: i64) -> Result<MadeAnew, RegistryError> {
        self.change(|tx| {
            let mut made = MadeAnew::default();
            let mut holders = Vec::new();
            for kind in [Kind::Organization, Kind::Team, Kind::Agent] {
                let mut after = String::new();
                loop {
                    let some = holder::list(tx, &self.id, kind, &after, PAGE)?;
                    let Some(last) = some.last() else { break };
                    after.clone_from(&last.name);
                    holders.extend(some);
                }
            }
            let in_custody = |tx: &mut legation_store::Tx<'_>, one: &Holder| -> Result<bool, RegistryError> {
                Ok(holder::keys(tx, &self.id, &one.id)?.iter().any(|key| key.sealed.is_some()))
            };
            for one in &holders {
                if in_custody(tx, one)? {
                    holder::drop_keys(tx, &self.id, &one.id, now)?;
                    self.new_key(tx, one, now)?;
                    made.keys += 1;
                }
            }
            for one in holders.iter().filter(|one| one.state == State::Active) {
                self.renew_card(tx, one, true, now)?;
            }
            status::change_all(self, tx, &mut |_, _| Ok(()), now)?;
            // Nobody signs the next entry of the log that there was: another one begins.
            if webvh::get(tx, &self.id)?.is_some() {
                self.begin_history(tx, now)?;
                made.history_anew = true;
            }
            self.link_domain(tx, now)?;
            self.renew_signal_key(tx, true, now)?;
            self.renew_token_keys(tx, true, now)?;
            let top = self.top(tx)?;
            for child in holder::children(tx, &self.id, &top.id, "", crate::links::MOST)? {
                if child.state != State::Retired && link::current(tx, &self.id, &child.id).is_ok() {
                    self.reissue(tx, &child, Why::Changed, now)?;
                }
            }
            // Nobody signs its checkpoints any more; what follows goes into the next one.
            for log in logs::all(tx, &self.id)?.iter().filter(|log| log.ended.is_none()) {
                self.close_log(tx, log, None, now)?;
            }
            self.forget_headers(tx)?;
            for secret in configuration::secrets(tx, &self.id)? {
                configuration::remove_secret(tx, &self.id, &secret.name)?;
                made.secrets.push((secret.name, secret.origin));
            }
            let told = json!({"keys": made.keys, "secrets": made.secrets.len()});
            self.tell(tx, ("master-key.lost", "master-key"), &told, now)?;
            Ok(made)
        })
    }
}
