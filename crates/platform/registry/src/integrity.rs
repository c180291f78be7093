//! Whether what is kept is what was written: events by their digests, each in the next one; status lists, delegations, receipts
//! and versions of a did:webvh by their signatures. Whoever can write the database can change a row, and has no key.

use crate::{error::RegistryError, registry::Registry};
use legation_credential::{delegation::MEDIA_TYPE, status::SignedStatusList};
use legation_did::{
    Document,
    document::{KeyUse, Purpose},
};
use legation_keys::{Algorithm, PublicKey, json::JsonLimits, jws};
use legation_store::{
    Tx, holder, link,
    link::{Link, StatusList},
    organization, receipt, webvh,
};
use legation_verifier::batch;
use std::collections::HashMap;

/// Rows that are read at a time.
const PAGE: i64 = 1000;
/// Most entries of a list.
const ENTRIES: usize = 1 << 20;
/// Of what a header of a signature is read.
const LIMITS: JsonLimits = JsonLimits { bytes: 16 * 1024, depth: 8 };

/// What was looked at, and what of it is not what was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Integrity {
    /// Events, status lists, delegations, receipts and versions that were looked at.
    pub looked: usize,
    /// What is wrong, each by its name.
    pub wrong: Vec<String>,
}

/// Documents with all keys that a holder ever had, by the holders' ids.
type Documents = HashMap<String, Document>;

impl Registry {
    /// Looks at all events, all status lists, and at so many of the current delegations and of the latest receipts.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn integrity(&self, most: i64) -> Result<Integrity, RegistryError> {
        self.store.read(|tx| {
            let (mut found, mut documents) = (Integrity::default(), Documents::new());
            self.look_at_events(tx, &mut found)?;
            self.look_at_lists(tx, &mut documents, &mut found)?;
            self.look_at_links(tx, &mut documents, most, &mut found)?;
            self.look_at_receipts(tx, most, &mut found)?;
            self.look_at_history(tx, &mut found)?;
            Ok(found)
        })
    }

    /// The versions of the did:webvh, by their hashes and signatures; that none is missing at the end, by the key of the next one.
    fn look_at_history(&self, tx: &mut Tx<'_>, found: &mut Integrity) -> Result<(), RegistryError> {
        let Some(history) = webvh::get(tx, &self.id)? else { return Ok(()) };
        match self.verified_history(tx, &history) {
            Ok((_, versions, _)) => found.looked += versions.len(),
            Err(RegistryError::Damaged { what, reason }) => {
                found.wrong.push(format!("{what} is not what was signed: {reason}"));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn look_at_events(&self, tx: &mut Tx<'_>, found: &mut Integrity) -> Result<(), RegistryError> {
        let mut last: Option<(i64, [u8; 32])> = None;
        loop {
            let events = tx.events(&self.id, last.map_or(0, |(seq, _)| seq), PAGE)?;
            if events.is_empty() {
                break;
            }
            for event in events {
                found.looked += 1;
                if let Some((seq, digest)) = last {
                    if event.seq != seq + 1 {
                        found.wrong.push(format!("event {} is missing", seq + 1));
                    } else if event.previous != digest {
                        found.wrong.push(format!("event {seq} was changed after it was written"));
                    }
                }
                last = Some((event.seq, event.digest()));
            }
        }
        let (seq, digest) = organization::last_event(tx, &self.id)?;
        match last {
            Some((last, _)) if last < seq => found.wrong.push(format!("event {} is missing", last + 1)),
            Some((_, own)) if own != digest => {
                found.wrong.push(format!("event {seq} was changed after it was written"));
            }
            _ => {}
        }
        Ok(())
    }

    fn document_for<'d>(
        &self,
        tx: &mut Tx<'_>,
        documents: &'d mut Documents,
        id: &str,
    ) -> Result<&'d Document, RegistryError> {
        if !documents.contains_key(id) {
            let holder = holder::get(tx, &self.id, id)?;
            let document = self.document_ever(tx, &holder)?;
            documents.insert(id.to_owned(), document);
        }
        documents.get(id).ok_or_else(|| RegistryError::damaged(id, "it has no document"))
    }

    fn look_at_lists(
        &self,
        tx: &mut Tx<'_>,
        documents: &mut Documents,
        found: &mut Integrity,
    ) -> Result<(), RegistryError> {
        let mut after = 0;
        loop {
            let lists = link::lists(tx, &self.id, after, 64)?;
            let Some(last) = lists.last() else { return Ok(()) };
            after = last.number;
            for list in &lists {
                found.looked += 1;
                let document = self.document_for(tx, documents, &list.issuer)?;
                if !is_signed(list, document) {
                    found.wrong.push(format!("the status list {} is not what was signed", list.url));
                }
            }
        }
    }

    fn look_at_links(
        &self,
        tx: &mut Tx<'_>,
        documents: &mut Documents,
        most: i64,
        found: &mut Integrity,
    ) -> Result<(), RegistryError> {
        let mut after = String::new();
        let mut left = most;
        while left > 0 {
            let links = link::current_after(tx, &self.id, &after, PAGE.min(left))?;
            let Some(last) = links.last() else { break };
            after.clone_from(&last.id);
            left -= i64::try_from(links.len()).unwrap_or(left);
            for link in &links {
                found.looked += 1;
                let issuer = holder::get(tx, &self.id, &link.holder)?.parent.unwrap_or_default();
                let document = self.document_for(tx, documents, &issuer)?;
                if !holds(link, document) {
                    found.wrong.push(format!("the delegation {} is not what was signed", link.id));
                }
            }
        }
        Ok(())
    }

    /// The latest batches of receipts, the latest first.
    fn look_at_receipts(
        &self,
        tx: &mut Tx<'_>,
        most: i64,
        found: &mut Integrity,
    ) -> Result<(), RegistryError> {
        let top = self.top(tx)?;
        let document = self.document_ever(tx, &top)?;
        let (mut next, mut left) = (receipt::batch(tx, &self.id, None)?, most);
        while let Some(of) = next.filter(|_| left > 0) {
            let before = receipt::batch(tx, &self.id, Some(of.first.saturating_sub(1)))?;
            let count = of.last.saturating_sub(of.first).saturating_add(1);
            let all = receipt::after(tx, &self.id, of.first.saturating_sub(1), count)?;
            let bodies: Vec<&[u8]> = all
                .iter()
                .filter(|one| (of.first..=of.last).contains(&one.seq))
                .map(|one| one.body.as_slice())
                .collect();
            left -= count;
            // What was forgotten leaves the text of its last batch.
            if bodies.is_empty() {
                break;
            }
            found.looked += bodies.len();
            let secured = before.as_ref().map(|before| before.secured.as_str()).unwrap_or_default();
            if batch::verify(&of.secured, &document, (of.first, &bodies), secured).is_err() {
                let (first, last) = (of.first, of.last);
                found.wrong.push(format!("one of the receipts {first} to {last} is not what was signed"));
            }
            next = before;
        }
        Ok(())
    }
}

/// The key of a document by its name, whenever it was in it.
fn key(document: &Document, id: &str, algorithm: Algorithm) -> Option<PublicKey> {
    let wanted = KeyUse { id, algorithm, purpose: Purpose::AssertionMethod, now: i64::MIN };
    document.key(wanted).ok().cloned()
}

fn is_signed(list: &StatusList, document: &Document) -> bool {
    let Ok(signed) = SignedStatusList::parse(&list.secured, ENTRIES) else { return false };
    let keys: Option<Vec<PublicKey>> =
        signed.seals.iter().map(|seal| key(document, &seal.key_id, seal.algorithm)).collect();
    let said = &signed.credential;
    let is_meant = said.id.as_deref() == Some(&list.url)
        && said.issuer == *document.id()
        && said.purposes.iter().any(|purpose| purpose.name() == list.purpose);
    // Behind its end nothing is said.
    let entries = list.bits.len().saturating_mul(8);
    let same = said.list.entries() == entries
        && (0..entries).all(|index| said.list.get(index) == Some(crate::status::bit(&list.bits, index)));
    is_meant && same && keys.is_some_and(|keys| signed.verify(&keys).is_ok())
}

fn holds(link: &Link, document: &Document) -> bool {
    let verify = || {
        let parts = jws::split(&link.secured).ok()?;
        let header = jws::read_header(parts.header, MEDIA_TYPE, &Algorithm::ALL, LIMITS).ok()?;
        let key = key(document, header.key_id.as_deref()?, header.algorithm)?;
        let signature = jws::read_signature(parts.signature).ok()?;
        key.verify(parts.signing_input.as_bytes(), &signature).ok()
    };
    verify().is_some()
}
