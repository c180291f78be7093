//! Receipts: signed after they were written, shown, summed up; and events.

use crate::{error::RegistryError, registry::Registry};
use legation_signer::SealedKey;
use legation_store::{
    Event, StoreError, holder,
    holder::Kind,
    logs, receipt,
    receipt::{Batch, Receipt, Spent},
};
use legation_verifier::batch;
use std::collections::{BTreeMap, BTreeSet};

impl Registry {
    /// Signs receipts that are not signed yet, at most so many, as one batch, by the organization's key, at `now` (Unix
    /// seconds). Gives how many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn sign_receipts(&self, most: i64, now: i64) -> Result<usize, RegistryError> {
        let (before, receipts) = self.store.read(|tx| -> Result<_, StoreError> {
            let before = receipt::batch(tx, &self.id, None)?;
            let after = before.as_ref().map_or(0, |before| before.last);
            Ok((before, receipt::bodies(tx, &self.id, after, most)?))
        })?;
        let count = receipts.len();
        let Some(more) = i64::try_from(count).ok().filter(|count| *count > 0) else { return Ok(0) };
        let first = before.as_ref().map_or(0, |before| before.last).saturating_add(1);
        let before = before.map_or(String::new(), |before| before.secured);
        let receipts: Vec<&[u8]> = receipts.iter().map(Vec::as_slice).collect();
        let batch = batch::of_receipts(self.did.as_str(), first, &receipts, &before, now);
        let secured = self.sign_receipt(&batch)?;
        let last = first.saturating_add(more).saturating_sub(1);
        // No event: what is signed says nothing that was not there.
        self.store.keep_signed(&self.id.as_str().into(), Batch { first, last, secured })?;
        Ok(count)
    }

    /// A receipt by its number as a compact JWS of the organization, for whoever was not given all of them. It is made where
    /// the receipt is what was signed with others; `None` where that was not done yet.
    ///
    /// # Errors
    /// [`RegistryError`]; [`RegistryError::Damaged`] where a receipt of its batch is not what was signed.
    pub fn signed_receipt(&self, seq: i64) -> Result<Option<String>, RegistryError> {
        let read = self.store.read(|tx| -> Result<_, RegistryError> {
            let Some(of) = receipt::batch(tx, &self.id, Some(seq))? else { return Ok(None) };
            let before = receipt::batch(tx, &self.id, Some(of.first.saturating_sub(1)))?;
            let most = of.last.saturating_sub(of.first).saturating_add(1);
            let receipts = receipt::bodies(tx, &self.id, of.first.saturating_sub(1), most)?;
            let erased = logs::erased_hashes(tx, &self.id, (of.first.saturating_sub(1), of.last))?;
            let top = self.top(tx)?;
            Ok(Some((of, before, (receipts, erased), self.document_ever(tx, &top)?)))
        });
        let Some((of, before, (receipts, erased), document)) = read? else { return Ok(None) };
        let texts: Vec<&[u8]> = receipts.iter().map(Vec::as_slice).collect();
        let before = before.map_or(String::new(), |before| before.secured);
        let damaged = |error: String| RegistryError::damaged(&format!("receipt {seq}"), error);
        let hash =
            |(seq, text): (i64, &&[u8])| erased.get(&seq).copied().unwrap_or_else(|| batch::leaf_hash(text));
        let hashes: Vec<[u8; 32]> = (of.first..).zip(&texts).map(hash).collect();
        batch::verify_hashes(&of.secured, &document, (of.first, &hashes), &before)
            .map_err(|error| damaged(error.to_string()))?;
        let place = usize::try_from(seq.saturating_sub(of.first)).ok();
        let body = place.and_then(|place| texts.get(place));
        let body = body.ok_or_else(|| damaged("its batch ends before it".to_owned()))?;
        self.sign_receipt(body).map(Some)
    }

    /// Signs a receipt, a batch of them or what is said of a log, by the organization's key.
    pub(crate) fn sign_receipt(&self, body: &[u8]) -> Result<String, RegistryError> {
        let key = self.store.read(|tx| -> Result<_, RegistryError> {
            let top = self.top(tx)?;
            Ok(holder::keys(tx, &self.id, &top.id)?.into_iter().next())
        })?;
        let key = key.ok_or_else(|| RegistryError::damaged("the organization", "it has no key"))?;
        let sealed = key.sealed.as_deref().unwrap_or_default();
        let text = core::str::from_utf8(body).map_err(|error| RegistryError::damaged("a receipt", error))?;
        let key = SealedKey { organization: &self.id, key_id: &key.key_id, sealed };
        Ok(self.signer().receipt(key, text)?)
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

    /// The teams of agents, by their DIDs. Whoever is none of the organization's has none: a child that an agent made itself.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn teams_of(&self, agents: &BTreeSet<&str>) -> Result<BTreeMap<String, String>, RegistryError> {
        self.store.read(|tx| {
            let mut teams = BTreeMap::new();
            for did in agents {
                let agent = match holder::by_did(tx, &self.id, did) {
                    Ok(agent) => agent,
                    Err(StoreError::NotFound { .. }) => continue,
                    Err(error) => return Err(error.into()),
                };
                if let Some(team) = agent.parent {
                    teams.insert((*did).to_owned(), holder::get(tx, &self.id, &team)?.name);
                }
            }
            Ok(teams)
        })
    }

    /// What was spent since a moment (Unix seconds), by agent, resource and currency.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn spent(&self, since: i64) -> Result<Vec<Spent>, RegistryError> {
        Ok(self.store.read(|tx| receipt::spent(tx, &self.id, since))?)
    }

    /// The same by end user, too: at most `most` lines, the dearest.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn spent_by_end_user(&self, since: i64, most: i64) -> Result<Vec<Spent>, RegistryError> {
        Ok(self.store.read(|tx| receipt::spent_by_end_user(tx, &self.id, since, most))?)
    }
}
