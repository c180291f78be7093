//! Status lists: a bit for each delegation, in lists that its issuer signs.

use crate::{error::RegistryError, links::read_did, names, registry::Registry};
use legation_credential::status::StatusPurpose;
use legation_keys::secret::SecretKeyError;
use legation_signer::{ListTerms, SealedKey};
use legation_store::{StoreError, Tx, holder, holder::Holder, link, link::StatusList, organization};
use std::collections::BTreeSet;

/// Places of one list: the least that a Bitstring status list has (§6.1: so that nobody is told apart by it).
const PLACES: i64 = 131_072;
/// Most delegations in one list.
const MOST: i64 = PLACES / 2;
/// How long a list is valid, seconds. It is signed anew at half of that.
const LIFE: i64 = 3600;
/// Lists that are signed in one transaction.
const AT_ONCE: i64 = 32;

pub(crate) const REVOCATION: StatusPurpose = StatusPurpose::Revocation;
pub(crate) const SUSPENSION: StatusPurpose = StatusPurpose::Suspension;

/// The lists of a position, by their purposes and numbers, and the index in both.
pub(crate) fn lists_of(position: i64) -> ([(StatusPurpose, i64); 2], usize) {
    let pair = position.div_euclid(PLACES) * 2;
    let index = usize::try_from(position.rem_euclid(PLACES)).unwrap_or_default();
    ([(REVOCATION, pair + 1), (SUSPENSION, pair + 2)], index)
}

/// Where a delegation is counted, and where its bits stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// In the order in which its issuer's were issued.
    pub(crate) number: i64,
    /// In the status lists: nobody can tell by it which was issued when (Bitstring Status List §6.1).
    pub(crate) position: i64,
}

/// Takes a place in an issuer's lists: a list is signed by who issued the delegations in it, so that every verifier takes
/// it. It stands for an index in two lists, one for each purpose, which is drawn among those that are free.
pub(crate) fn take_place(
    registry: &Registry,
    tx: &mut Tx<'_>,
    issuer: &Holder,
    now: i64,
) -> Result<Place, RegistryError> {
    let place = take_places(registry, tx, issuer, 1, now)?.pop();
    place.ok_or_else(|| RegistryError::damaged("the status lists", "they have no place"))
}

/// As [`take_place`], many at once.
pub(crate) fn take_places(
    registry: &Registry,
    tx: &mut Tx<'_>,
    issuer: &Holder,
    many: usize,
    now: i64,
) -> Result<Vec<Place>, RegistryError> {
    let mut places: Vec<Place> = Vec::with_capacity(many);
    while places.len() < many {
        let latest = link::taken(tx, registry.id(), &issuer.id)?;
        let (number, taken) = match latest.filter(|(_, taken)| *taken < MOST) {
            Some(latest) => latest,
            None => (new_lists(registry, tx, issuer, now)?, 0),
        };
        let room = usize::try_from(MOST - taken).unwrap_or_default();
        let some = room.min(many - places.len());
        let first = (number - 1) / 2 * PLACES;
        let numbers = first + taken..;
        let drawn = draw(registry, tx, first, some)?;
        places.extend(numbers.zip(drawn).map(|(number, position)| Place { number, position }));
        let taken = taken.saturating_add(i64::try_from(some).unwrap_or(i64::MAX));
        link::set_taken(tx, registry.id(), &issuer.id, (number, taken))?;
    }
    Ok(places)
}

/// Draws so many positions of a pair of lists that are free.
fn draw(registry: &Registry, tx: &mut Tx<'_>, first: i64, many: usize) -> Result<Vec<i64>, RegistryError> {
    let (mut drawn, mut seen) = (Vec::with_capacity(many), BTreeSet::new());
    while drawn.len() < many {
        // Half of them stay free, so that two draws are enough at the mean.
        let mut some = Vec::with_capacity(many - drawn.len());
        while some.len() < many - drawn.len() {
            let number: [u8; 4] = legation_keys::secret::random().map_err(no_draw)?;
            let position = first + i64::from(u32::from_be_bytes(number)) % PLACES;
            if seen.insert(position) {
                some.push(position);
            }
        }
        let taken = link::taken_of(tx, registry.id(), &some)?;
        some.retain(|position| !taken.contains(position));
        drawn.append(&mut some);
    }
    Ok(drawn)
}

fn no_draw(error: SecretKeyError) -> RegistryError {
    StoreError::Unavailable { reason: error.to_string() }.into()
}

/// Makes an issuer's next pair of lists; gives the number of the first.
fn new_lists(registry: &Registry, tx: &mut Tx<'_>, issuer: &Holder, now: i64) -> Result<i64, RegistryError> {
    let first = organization::take_lists(tx, registry.id())?;
    for (purpose, number) in [(REVOCATION, first), (SUSPENSION, first + 1)] {
        let list = StatusList {
            number,
            issuer: issuer.id.clone(),
            used: PLACES,
            purpose: purpose.name().to_owned(),
            url: format!("{}/status/{number}", names::origin(&registry.did)),
            bits: vec![0; usize::try_from(PLACES / 8).unwrap_or_default()],
            secured: String::new(),
            valid_from: now,
            valid_until: now,
        };
        sign(registry, tx, list, now)?;
    }
    Ok(first)
}

/// Sets a bit, or takes it away, and signs the list.
pub(crate) fn set(
    registry: &Registry,
    tx: &mut Tx<'_>,
    position: i64,
    purpose: StatusPurpose,
    value: bool,
    now: i64,
) -> Result<(), RegistryError> {
    let (lists, index) = lists_of(position);
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

/// Lists that are read at a time.
const PAGE: i64 = 64;

/// Changes all status lists, one after another, and signs each.
pub(crate) fn change_all(
    registry: &Registry,
    tx: &mut Tx<'_>,
    change: &mut dyn FnMut(&mut Tx<'_>, &mut StatusList) -> Result<(), RegistryError>,
    now: i64,
) -> Result<(), RegistryError> {
    let mut after = 0;
    loop {
        let lists = link::lists(tx, registry.id(), after, PAGE)?;
        let Some(last) = lists.last() else { return Ok(()) };
        after = last.number;
        for mut list in lists {
            change(tx, &mut list)?;
            sign(registry, tx, list, now)?;
        }
    }
}

/// The first position of a list, and the one after its last.
pub(crate) fn positions(list: &StatusList) -> (i64, i64) {
    let first = (list.number - 1).div_euclid(2).saturating_mul(PLACES);
    (first, first.saturating_add(PLACES))
}

/// No delegation of a list holds until it is said anew: those that are known are suspended, and those that may have been given
/// since are revoked, as are all other positions.
pub(crate) fn close(
    registry: &Registry,
    tx: &mut Tx<'_>,
    list: &mut StatusList,
) -> Result<(), RegistryError> {
    if list.purpose == SUSPENSION.name() {
        list.bits.fill(0xff);
        return Ok(());
    }
    let (first, end) = positions(list);
    let revoked = core::mem::take(&mut list.bits);
    list.bits = vec![0xff; revoked.len()];
    for position in link::positions(tx, registry.id(), (first, end), false)? {
        let index = usize::try_from(position.saturating_sub(first)).unwrap_or_default();
        if !bit(&revoked, index) {
            clear_bit(&mut list.bits, index);
        }
    }
    Ok(())
}

/// Takes a bit away, where there is one.
fn clear_bit(bits: &mut [u8], index: usize) {
    if let Some(byte) = bits.get_mut(index / 8) {
        *byte &= !(0x80_u8 >> (index % 8));
    }
}

/// Sets a bit, where there is one: the first is the highest of the first byte (Bitstring Status List §3.2).
pub(crate) fn set_bit(bits: &mut [u8], index: usize) {
    if let Some(byte) = bits.get_mut(index / 8) {
        *byte |= 0x80_u8 >> (index % 8);
    }
}

/// Whether a bit is set.
pub(crate) fn bit(bits: &[u8], index: usize) -> bool {
    bits.get(index / 8).is_some_and(|byte| byte & (0x80_u8 >> (index % 8)) != 0)
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
        let mut renewed = 0;
        while !self.store.read(|tx| link::lists_ending(tx, &self.id, soon, 1))?.is_empty() {
            // A few at a time: whoever else wants to write waits for no more than these.
            let done = self.change(|tx| {
                let due = link::lists_ending(tx, &self.id, soon, AT_ONCE)?;
                let count = due.len();
                if count == 0 {
                    return Ok(0);
                }
                due.into_iter().try_for_each(|list| sign(self, tx, list, now))?;
                // What decisions rest on is read anew, before what is remembered of it becomes too old.
                self.tell(tx, ("status.renewed", "status"), &serde_json::json!({"lists": count}), now)?;
                Ok::<_, RegistryError>(count)
            })?;
            renewed += done;
            if done == 0 {
                break;
            }
        }
        Ok(renewed)
    }

    /// Whether the signer opens the keys that are kept here: it signs a status list as it stands, which is thrown away.
    ///
    /// # Errors
    /// [`RegistryError::Signer`] with `sealed_mismatch`, where another master key sealed them.
    pub fn check_keys(&self) -> Result<(), RegistryError> {
        self.store.read(|tx| match link::lists(tx, &self.id, 0, 1)?.first() {
            Some(list) => secured(self, tx, list).map(drop),
            None => Ok(()),
        })
    }

    /// The status lists after a number, in the order of their numbers, at most so many.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub fn lists(&self, after: i64, most: i64) -> Result<Vec<StatusList>, RegistryError> {
        Ok(self.store.read(|tx| link::lists(tx, &self.id, after, most))?)
    }
}
