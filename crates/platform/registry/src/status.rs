//! Status lists: a bit for each delegation, in lists that its issuer signs.

use crate::{error::RegistryError, links::read_did, names, registry::Registry};
use legation_credential::status::StatusPurpose;
use legation_signer::{ListTerms, SealedKey};
use legation_store::{Tx, holder, holder::Holder, link, link::StatusList, organization};

/// Delegations of one list: the least that a Bitstring status list has (§6.1: so that nobody is told apart by it).
const PLACES: i64 = 131_072;
/// How long a list is valid, seconds. It is signed anew at half of that.
const LIFE: i64 = 3600;

pub(crate) const REVOCATION: StatusPurpose = StatusPurpose::Revocation;
pub(crate) const SUSPENSION: StatusPurpose = StatusPurpose::Suspension;

/// The lists of a place, by their purposes and numbers, and the index in both.
pub(crate) fn lists_of(place: i64) -> ([(StatusPurpose, i64); 2], usize) {
    let pair = place.div_euclid(PLACES) * 2;
    let index = usize::try_from(place.rem_euclid(PLACES)).unwrap_or_default();
    ([(REVOCATION, pair + 1), (SUSPENSION, pair + 2)], index)
}

/// Takes the next free place in an issuer's lists: a list is signed by who issued the delegations in it, so that every
/// verifier takes it. A place stands for an index in two lists, one for each purpose.
pub(crate) fn take_place(
    registry: &Registry,
    tx: &mut Tx<'_>,
    issuer: &Holder,
    now: i64,
) -> Result<i64, RegistryError> {
    let latest = link::latest_list(tx, registry.id(), &issuer.id, REVOCATION.name())?;
    if let Some(mut list) = latest.filter(|list| list.used < PLACES) {
        let place = (list.number - 1) / 2 * PLACES + list.used;
        list.used += 1;
        link::put_list(tx, registry.id(), &list)?;
        return Ok(place);
    }
    let first = organization::take_lists(tx, registry.id())?;
    for (purpose, number) in [(REVOCATION, first), (SUSPENSION, first + 1)] {
        let list = StatusList {
            number,
            issuer: issuer.id.clone(),
            used: 1,
            purpose: purpose.name().to_owned(),
            url: format!("{}/status/{number}", names::origin(&registry.did)),
            bits: vec![0; usize::try_from(PLACES / 8).unwrap_or_default()],
            secured: String::new(),
            valid_from: now,
            valid_until: now,
        };
        sign(registry, tx, list, now)?;
    }
    Ok((first - 1) / 2 * PLACES)
}

/// Sets a bit, or takes it away, and signs the list.
pub(crate) fn set(
    registry: &Registry,
    tx: &mut Tx<'_>,
    place: i64,
    purpose: StatusPurpose,
    value: bool,
    now: i64,
) -> Result<(), RegistryError> {
    let (lists, index) = lists_of(place);
    let number = lists.into_iter().find(|(other, _)| *other == purpose).map_or(0, |(_, number)| number);
    let mut list = link::list(tx, registry.id(), number)?;
    // The first bit is the highest of the first byte (Bitstring Status List §3.2).
    let mask = 0x80_u8 >> (index % 8);
    let byte = list
        .bits
        .get_mut(index / 8)
        .ok_or_else(|| RegistryError::damaged("the status lists", "one is too short"))?;
    *byte = if value { *byte | mask } else { *byte & !mask };
    sign(registry, tx, list, now)
}

fn sign(registry: &Registry, tx: &mut Tx<'_>, list: StatusList, now: i64) -> Result<(), RegistryError> {
    // Of two lists the later one counts: clocks are set back, and the list must not be.
    let valid_from = now.max(list.valid_from);
    let list = StatusList { valid_from, valid_until: valid_from.saturating_add(LIFE), ..list };
    let secured = secured(registry, tx, &list)?;
    link::put_list(tx, registry.id(), &StatusList { secured, ..list })?;
    Ok(())
}

/// Signs all lists of an issuer anew, by the key that it signs with now.
pub(crate) fn sign_all(
    registry: &Registry,
    tx: &mut Tx<'_>,
    issuer: &Holder,
    now: i64,
) -> Result<(), RegistryError> {
    let lists = link::lists_of(tx, registry.id(), &issuer.id)?;
    lists.into_iter().try_for_each(|list| sign(registry, tx, list, now))
}

/// A list as its issuer's key signs it.
fn secured(registry: &Registry, tx: &mut Tx<'_>, list: &StatusList) -> Result<String, RegistryError> {
    let issuer = holder::get(tx, registry.id(), &list.issuer)?;
    let keys = holder::keys(tx, registry.id(), &issuer.id)?;
    let key = keys.first().ok_or_else(|| RegistryError::damaged(&issuer.name, "it has no key"))?;
    let sealed = key.sealed.as_deref().unwrap_or_default();
    let key = SealedKey { organization: registry.id(), key_id: &key.key_id, sealed };
    let purpose = StatusPurpose::from_name(&list.purpose)
        .ok_or_else(|| RegistryError::damaged("a status list", "its purpose is not known"))?;
    let did = read_did(&issuer.did)?;
    let StatusList { valid_from, valid_until, .. } = *list;
    let terms = ListTerms { issuer: &did, id: &list.url, valid_from, valid_until, purpose, bits: &list.bits };
    Ok(registry.signer().status_list(key, &terms)?)
}

impl Registry {
    /// Signs the status lists anew of which half of their life is over. Gives how many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn renew_lists(&self, now: i64) -> Result<usize, RegistryError> {
        let soon = now.saturating_add(LIFE / 2);
        if self.store.read(|tx| link::lists_ending(tx, &self.id, soon))?.is_empty() {
            return Ok(0);
        }
        self.change(|tx| {
            let due = link::lists_ending(tx, &self.id, soon)?;
            let count = due.len();
            due.into_iter().try_for_each(|list| sign(self, tx, list, now))?;
            // What decisions rest on is read anew, before what is remembered of it becomes too old.
            self.tell(tx, ("status.renewed", "status"), &serde_json::json!({"lists": count}), now)?;
            Ok(count)
        })
    }

    /// Whether the signer opens the keys that are kept here: it signs a status list as it stands, which is thrown away.
    ///
    /// # Errors
    /// [`RegistryError::Signer`] with `sealed_mismatch`, where another master key sealed them.
    pub fn check_keys(&self) -> Result<(), RegistryError> {
        self.store.read(|tx| match link::lists(tx, &self.id)?.first() {
            Some(list) => secured(self, tx, list).map(drop),
            None => Ok(()),
        })
    }

    /// The status lists, in the order of their numbers.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn lists(&self) -> Result<Vec<StatusList>, RegistryError> {
        Ok(self.store.read(|tx| link::lists(tx, &self.id))?)
    }
}
