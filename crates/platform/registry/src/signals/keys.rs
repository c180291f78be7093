//! The RSA keys that sign events: made when the first is needed, published as a JWK set, replaced with the organization's own.

use crate::{error::RegistryError, registry::Registry};
use legation_store::{Tx, organization, signal, signal::Key};
use serde_json::{Value, json};

/// For how long a key that was replaced is published on, seconds: what it signed is taken for an hour.
const OVERLAP: i64 = 2 * 3600;

impl Registry {
    /// The JWK set of what the organization signs for others than verifiers of chains (RFC 7517 §5): the keys of its events and of
    /// its agents' tokens. Of either one is made where there is none.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn jwks(&self, now: i64) -> Result<Value, RegistryError> {
        let read = |tx: &mut Tx<'_>| {
            organization::must_be_open(tx, &self.id)?;
            signal::keys(tx, &self.id)
        };
        let mut keys = self.store.read(read)?;
        if keys.is_empty() {
            keys = self.change(|tx| {
                self.signal_key(tx, now)?;
                Ok(signal::keys(tx, &self.id)?)
            })?;
        }
        let wrong = |error: serde_json::Error| RegistryError::damaged("a key of events", error);
        let is_published = |key: &&Key| key.until.is_none_or(|until| now < until);
        let keys = keys.iter().filter(is_published).map(|key| serde_json::from_str(&key.public_jwk));
        let mut keys: Vec<Value> = keys.collect::<Result<_, _>>().map_err(wrong)?;
        keys.extend(self.token_jwks(now)?);
        Ok(json!({ "keys": keys }))
    }

    /// The key that signs events now; made where there is none. The organization is locked by whoever calls this.
    pub(crate) fn signal_key(&self, tx: &mut Tx<'_>, now: i64) -> Result<Key, RegistryError> {
        let found = signal::keys(tx, &self.id)?.into_iter().find(|key| key.until.is_none());
        if let Some(key) = found {
            return Ok(key);
        }
        let key_id = format!("{}#signals-{}", self.origin(), uuid::Uuid::now_v7());
        let made = self.signer().generate_rsa(&self.id, &key_id)?;
        let key = Key { key_id, public_jwk: made.public_jwk, sealed: made.sealed, created: now, until: None };
        signal::add_key(tx, &self.id, &key)?;
        let kid = serde_json::from_str::<Value>(&key.public_jwk).unwrap_or_default();
        let told = json!({"kid": kid.get("kid"), "alg": kid.get("alg")});
        self.note(tx, ("signals.key-made", &key.key_id), &told, now)?;
        Ok(key)
    }

    /// Replaces the key that signs events, where there is one. What waits is signed by the new one. The old one is published
    /// a while longer, unless others may have it.
    pub(crate) fn renew_signal_key(
        &self,
        tx: &mut Tx<'_>,
        compromised: bool,
        now: i64,
    ) -> Result<(), RegistryError> {
        signal::end_keys(tx, &self.id, now)?;
        if signal::keys(tx, &self.id)?.is_empty() {
            return Ok(());
        }
        signal::retire_keys(tx, &self.id, (!compromised).then(|| now.saturating_add(OVERLAP)))?;
        self.signal_key(tx, now).map(drop)
    }
}
