//! Receipts: signed after they were written, shown, summed up; and events.

use crate::{error::RegistryError, registry::Registry};
use legation_signer::SealedKey;
use legation_store::{
    Event, StoreError, holder,
    holder::Kind,
    receipt,
    receipt::{Receipt, Spent},
};

impl Registry {
    /// Signs receipts that are not signed yet, at most so many, by the organization's key. Gives how many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn sign_receipts(&self, most: i64) -> Result<usize, RegistryError> {
        let (unsigned, key) = self.store.read(|tx| -> Result<_, RegistryError> {
            let top = self.top(tx)?;
            let key = holder::keys(tx, &self.id, &top.id)?.into_iter().next();
            Ok((receipt::unsigned(tx, &self.id, most)?, key))
        })?;
        let key = key.ok_or_else(|| RegistryError::damaged("the organization", "it has no key"))?;
        let sealed = key.sealed.as_deref().unwrap_or_default();
        let mut signed = Vec::new();
        for one in &unsigned {
            let text = core::str::from_utf8(&one.body)
                .map_err(|error| RegistryError::damaged("a receipt", error))?;
            let key = SealedKey { organization: &self.id, key_id: &key.key_id, sealed };
            signed.push((one.seq, self.signer().receipt(key, text)?));
        }
        // No event: what is signed says nothing that was not there.
        self.store.write(|tx| -> Result<(), RegistryError> {
            for (seq, secured) in &signed {
                receipt::set_secured(tx, &self.id, *seq, secured)?;
            }
            Ok(())
        })?;
        Ok(signed.len())
    }

    /// The latest receipts, the latest first; of one agent where its name is given.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn receipts(&self, agent: Option<&str>, most: i64) -> Result<Vec<Receipt>, RegistryError> {
        self.store.read(|tx| {
            let agent = agent.map(|name| holder::by_name(tx, &self.id, Kind::Agent, name)).transpose()?;
            Ok(receipt::latest(tx, &self.id, agent.as_ref().map(|agent| agent.did.as_str()), most)?)
        })
    }

    /// Receipts after a number, in order, at most so many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn receipts_after(&self, seq: i64, most: i64) -> Result<Vec<Receipt>, RegistryError> {
        Ok(self.store.read(|tx| receipt::after(tx, &self.id, seq, most))?)
    }

    /// Events after a number, in order, at most so many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn events(&self, after: i64, most: i64) -> Result<Vec<Event>, RegistryError> {
        Ok(self.store.read(|tx| tx.events(&self.id, after, most))?)
    }

    /// A receipt by its number.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn receipt(&self, seq: i64) -> Result<Receipt, RegistryError> {
        let found = self.store.read(|tx| receipt::after(tx, &self.id, seq.saturating_sub(1), 1))?;
        let missing = || StoreError::NotFound { what: format!("receipt {seq}") };
        Ok(found.into_iter().find(|receipt| receipt.seq == seq).ok_or_else(missing)?)
    }

    /// What was spent since a moment (Unix seconds), by agent, resource and currency.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn spent(&self, since: i64) -> Result<Vec<Spent>, RegistryError> {
        Ok(self.store.read(|tx| receipt::spent(tx, &self.id, since))?)
    }
}
