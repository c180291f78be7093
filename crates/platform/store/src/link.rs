//! Delegations that were issued, and the status lists that say whether they still hold.

use crate::{
    error::StoreError,
    tx::Tx,
    value::{Row, Value},
};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// A delegation that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its id, a URL such as `urn:uuid:…`.
    pub id: String,
    /// To whom: a holder's id.
    pub holder: String,
    /// The id of the link that it passes on; `None` of a root link.
    pub parent: Option<String>,
    /// The credential, as text.
    pub secured: String,
    /// Its place in the order in which its issuer's were issued.
    pub place: i64,
    /// Where its bits stand in the organization's status lists.
    pub position: i64,
    /// First moment of validity, Unix seconds.
    pub valid_from: i64,
    /// The moment from which on it is no longer valid, Unix seconds.
    pub valid_until: i64,
    /// `current`, `replaced` (by a renewed one) or `revoked`.
    pub state: String,
    /// Why it was revoked.
    pub reason: String,
    /// When it was issued, Unix seconds.
    pub issued: i64,
    /// When it was revoked, Unix seconds.
    pub ended: Option<i64>,
}

impl Link {
    /// Whether it held at a moment (Unix seconds), by itself: nothing is said of those above it.
    #[must_use]
    pub fn holds(&self, at: i64) -> bool {
        self.issued <= at && at < self.valid_until && self.ended.is_none_or(|ended| at < ended)
    }
}

const COLUMNS: &str = "SELECT id, holder, parent, secured, place, valid_from, valid_until, state, reason, issued, ended, position FROM link \
                       WHERE organization = $1";

fn read(row: &Row) -> Result<Link, StoreError> {
    Ok(Link {
        id: row.text(0)?,
        holder: row.text(1)?,
        parent: row.maybe_text(2)?,
        secured: row.text(3)?,
        place: row.int(4)?,
        valid_from: row.int(5)?,
        valid_until: row.int(6)?,
        state: row.text(7)?,
        reason: row.text(8)?,
        issued: row.int(9)?,
        ended: row.maybe_int(10)?,
        // Those that are older stand where they were issued.
        position: row.maybe_int(11)?.map_or_else(|| row.int(4), Ok)?,
    })
}

/// Adds a link as the current one of its holder; the one before it is replaced.
///
/// # Errors
/// [`StoreError`].
pub fn add(tx: &mut Tx<'_>, organization: &str, link: &Link) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE link SET state = 'replaced' WHERE organization = $1 AND holder = $2 AND state = 'current'",
        &[organization.into(), (&link.holder).into()],
    )?;
    add_first(tx, organization, core::slice::from_ref(link))
}

/// Adds links of holders that have none yet.
///
/// # Errors
/// [`StoreError`].
pub fn add_first(tx: &mut Tx<'_>, organization: &str, links: &[Link]) -> Result<(), StoreError> {
    let row = |link: &Link| {
        let Link { id, holder, parent, secured, place, valid_from, valid_until, state, .. } = link;
        let Link { reason, issued, ended, position, .. } = link;
        vec![
            organization.into(),
            id.into(),
            holder.into(),
            parent.clone().into(),
            secured.into(),
            (*place).into(),
            (*valid_from).into(),
            (*valid_until).into(),
            state.into(),
            reason.into(),
            (*issued).into(),
            (*ended).into(),
            (*position).into(),
        ]
    };
    tx.insert_all(
        "INSERT INTO link (organization, id, holder, parent, secured, place, valid_from, valid_until, state, reason, \
         issued, ended, position)",
        links.iter().map(row).collect(),
        "",
    )
}

/// Those of some positions of the status lists at which a link stands.
///
/// # Errors
/// [`StoreError`].
pub fn taken_of(tx: &mut Tx<'_>, organization: &str, positions: &[i64]) -> Result<Vec<i64>, StoreError> {
    let positions: Vec<Value> = positions.iter().map(|one| (*one).into()).collect();
    let rows = tx.query_in(
        "SELECT position FROM link WHERE organization = $1 AND position",
        organization,
        &positions,
    )?;
    rows.iter().map(|row| row.int(0)).collect()
}

/// The link of a holder that was its current one at `at` (Unix seconds), if that held then.
///
/// # Errors
/// [`StoreError`].
pub fn as_of(tx: &mut Tx<'_>, organization: &str, holder: &str, at: i64) -> Result<Option<Link>, StoreError> {
    let rows = tx.query(
        &format!("{COLUMNS} AND holder = $2 AND issued <= $3 ORDER BY place DESC LIMIT 1"),
        &[organization.into(), holder.into(), at.into()],
    )?;
    let link = rows.first().map(read).transpose()?;
    Ok(link.filter(|link| link.holds(at)))
}

/// The current link of a holder.
///
/// # Errors
/// [`StoreError::NotFound`] where it has none.
pub fn current(tx: &mut Tx<'_>, organization: &str, holder: &str) -> Result<Link, StoreError> {
    let rows = tx.query(
        &format!("{COLUMNS} AND holder = $2 AND state = 'current'"),
        &[organization.into(), holder.into()],
    )?;
    read(rows.first().ok_or_else(|| StoreError::NotFound { what: "delegation that holds now".to_owned() })?)
}

/// A link by its id.
///
/// # Errors
/// [`StoreError`].
pub fn get(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<Link, StoreError> {
    let rows = tx.query(&format!("{COLUMNS} AND id = $2"), &[organization.into(), id.into()])?;
    read(rows.first().ok_or_else(|| StoreError::NotFound { what: format!("delegation `{id}`") })?)
}

/// All links of a holder, the latest first, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn of_holder(
    tx: &mut Tx<'_>,
    organization: &str,
    holder: &str,
    most: i64,
) -> Result<Vec<Link>, StoreError> {
    let rows = tx.query(
        &format!("{COLUMNS} AND holder = $2 ORDER BY place DESC LIMIT $3"),
        &[organization.into(), holder.into(), most.into()],
    )?;
    rows.iter().map(read).collect()
}

/// Links of a holder whose ids come after `after`, in the order of their ids, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn of_holder_after(
    tx: &mut Tx<'_>,
    organization: &str,
    holder: &str,
    after: &str,
    most: i64,
) -> Result<Vec<Link>, StoreError> {
    let rows = tx.query(
        &format!("{COLUMNS} AND holder = $2 AND id > $3 ORDER BY id LIMIT $4"),
        &[organization.into(), holder.into(), after.into(), most.into()],
    )?;
    rows.iter().map(read).collect()
}

/// Current links of teams and agents whose ids come after `after`, in the order of their ids, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn current_after(
    tx: &mut Tx<'_>,
    organization: &str,
    after: &str,
    most: i64,
) -> Result<Vec<Link>, StoreError> {
    let rows = tx.query(
        &format!(
            "{COLUMNS} AND state = 'current' AND id > $2 AND holder IN \
             (SELECT id FROM holder WHERE organization = $1 AND kind IN ('team', 'agent')) ORDER BY id LIMIT $3"
        ),
        &[organization.into(), after.into(), most.into()],
    )?;
    rows.iter().map(read).collect()
}

/// Links whose ids come after `after`, whatever has become of them, in the order of their ids, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn all_after(
    tx: &mut Tx<'_>,
    organization: &str,
    after: &str,
    most: i64,
) -> Result<Vec<Link>, StoreError> {
    let rows = tx.query(
        &format!("{COLUMNS} AND id > $2 ORDER BY id LIMIT $3"),
        &[organization.into(), after.into(), most.into()],
    )?;
    rows.iter().map(read).collect()
}

/// Current links that end before a moment (Unix seconds), the first to end first, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn ending(tx: &mut Tx<'_>, organization: &str, before: i64, most: i64) -> Result<Vec<Link>, StoreError> {
    let rows = tx.query(
        &format!("{COLUMNS} AND state = 'current' AND valid_until < $2 ORDER BY valid_until LIMIT $3"),
        &[organization.into(), before.into(), most.into()],
    )?;
    rows.iter().map(read).collect()
}

/// Marks a link as revoked at `at` (Unix seconds), by the event that is appended next.
///
/// # Errors
/// [`StoreError`].
pub fn revoke(
    tx: &mut Tx<'_>,
    organization: &str,
    id: &str,
    reason: &str,
    at: i64,
) -> Result<(), StoreError> {
    tx.change_one(
        "UPDATE link SET state = 'revoked', reason = $3, ended = $4, \
         ended_by = (SELECT events + 1 FROM organization WHERE id = $1) WHERE organization = $1 AND id = $2",
        &[organization.into(), id.into(), reason.into(), at.into()],
        "such delegation",
    )
}

/// The links that an event ended, by its number, in the order of their ids, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn ended_by(tx: &mut Tx<'_>, organization: &str, seq: i64, most: i64) -> Result<Vec<Link>, StoreError> {
    let rows = tx.query(
        &format!("{COLUMNS} AND ended_by = $2 ORDER BY id LIMIT $3"),
        &[organization.into(), seq.into(), most.into()],
    )?;
    rows.iter().map(read).collect()
}

/// A status list of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusList {
    /// Its number, from 1; it is in its URL.
    pub number: i64,
    /// Who signs it, and whose delegations are in it: a holder's id.
    pub issuer: String,
    /// How many of its places are taken, as versions before 0011 count them: for those it is full.
    pub used: i64,
    /// What its bits mean: `revocation` or `suspension`.
    pub purpose: String,
    /// Where it is published.
    pub url: String,
    /// The bits, the first place first, the highest bit of a byte first.
    pub bits: Vec<u8>,
    /// The list as it is published, signed.
    pub secured: String,
    /// When it was signed, Unix seconds.
    pub valid_from: i64,
    /// Until when it is valid, Unix seconds.
    pub valid_until: i64,
}

/// Writes a status list, a new one or the next text of one.
///
/// # Errors
/// [`StoreError`].
pub fn put_list(tx: &mut Tx<'_>, organization: &str, list: &StatusList) -> Result<(), StoreError> {
    let StatusList { number, issuer, used, purpose, url, bits, secured, valid_from, valid_until } = list;
    tx.execute(
        "INSERT INTO status_list (organization, number, issuer, used, purpose, url, bits, secured, valid_from, \
         valid_until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (organization, number) DO UPDATE SET used = excluded.used, bits = excluded.bits, \
         secured = excluded.secured, valid_from = excluded.valid_from, valid_until = excluded.valid_until",
        &[
            organization.into(),
            (*number).into(),
            issuer.into(),
            (*used).into(),
            purpose.into(),
            url.into(),
            bits.clone().into(),
            secured.into(),
            (*valid_from).into(),
            (*valid_until).into(),
        ],
    )?;
    // As it was: receipts name it by its digest.
    tx.execute(
        "INSERT INTO status_list_past (organization, digest, url, secured, valid_until, kept) VALUES ($1, $2, $3, $4, $5, 0) \
         ON CONFLICT (organization, digest) DO NOTHING",
        &[
            organization.into(),
            sha256(secured).into(),
            url.into(),
            secured.into(),
            (*valid_until).into(),
        ],
    )
    .map(drop)
}

fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// Status lists as they were, by the SHA-256 of their texts, with their URLs: those of them that are kept.
///
/// # Errors
/// [`StoreError`].
pub fn past_lists(
    tx: &mut Tx<'_>,
    organization: &str,
    digests: &[[u8; 32]],
) -> Result<Vec<(String, String)>, StoreError> {
    let keys: Vec<Value> = digests.iter().map(|digest| (*digest).into()).collect();
    let rows = tx.query_in(
        "SELECT url, secured FROM status_list_past WHERE organization = $1 AND digest",
        organization,
        &keys,
    )?;
    // The last key of a query may stand in it several times.
    let all: BTreeSet<(String, String)> =
        rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect::<Result<_, StoreError>>()?;
    Ok(all.into_iter().collect())
}

/// Keeps lists for good: receipts in the log name them.
///
/// # Errors
/// [`StoreError`].
pub fn keep_lists(tx: &mut Tx<'_>, organization: &str, digests: &[[u8; 32]]) -> Result<(), StoreError> {
    for digest in digests {
        tx.execute(
            "UPDATE status_list_past SET kept = 1 WHERE organization = $1 AND digest = $2 AND kept = 0",
            &[organization.into(), (*digest).into()],
        )?;
    }
    Ok(())
}

/// Forgets lists as they were that nobody keeps and that ended before a moment (Unix seconds), at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn forget_lists(
    tx: &mut Tx<'_>,
    organization: &str,
    (ended, most): (i64, i64),
) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM status_list_past WHERE organization = $1 AND digest IN (SELECT digest FROM status_list_past \
         WHERE organization = $1 AND kept = 0 AND valid_until < $2 ORDER BY valid_until LIMIT $3)",
        &[organization.into(), ended.into(), most.into()],
    )
    .map(drop)
}

const LIST: &str = "SELECT number, issuer, used, purpose, url, bits, secured, valid_from, valid_until FROM status_list \
                    WHERE organization = $1";

fn read_list(row: &Row) -> Result<StatusList, StoreError> {
    Ok(StatusList {
        number: row.int(0)?,
        issuer: row.text(1)?,
        used: row.int(2)?,
        purpose: row.text(3)?,
        url: row.text(4)?,
        bits: row.bytes(5)?,
        secured: row.text(6)?,
        valid_from: row.int(7)?,
        valid_until: row.int(8)?,
    })
}

/// A status list by its number.
///
/// # Errors
/// [`StoreError`].
pub fn list(tx: &mut Tx<'_>, organization: &str, number: i64) -> Result<StatusList, StoreError> {
    let rows = tx.query(&format!("{LIST} AND number = $2"), &[organization.into(), number.into()])?;
    read_list(rows.first().ok_or_else(|| StoreError::NotFound { what: format!("status list {number}") })?)
}

/// The number of an issuer's latest list, and how many of its places are taken; `None` where there is none.
///
/// # Errors
/// [`StoreError`].
pub fn taken(tx: &mut Tx<'_>, organization: &str, issuer: &str) -> Result<Option<(i64, i64)>, StoreError> {
    let rows = tx.query(
        "SELECT number, taken FROM status_taken WHERE organization = $1 AND issuer = $2 ORDER BY number DESC LIMIT 1",
        &[organization.into(), issuer.into()],
    )?;
    rows.first().map(|row| Ok((row.int(0)?, row.int(1)?))).transpose()
}

/// Writes down how many places of an issuer's list are taken.
///
/// # Errors
/// [`StoreError`].
pub fn set_taken(
    tx: &mut Tx<'_>,
    organization: &str,
    issuer: &str,
    (number, taken): (i64, i64),
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO status_taken (organization, issuer, number, taken) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (organization, issuer, number) DO UPDATE SET taken = excluded.taken",
        &[organization.into(), issuer.into(), number.into(), taken.into()],
    )
    .map(drop)
}

/// Status lists that end before a moment (Unix seconds), at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn lists_ending(
    tx: &mut Tx<'_>,
    organization: &str,
    before: i64,
    most: i64,
) -> Result<Vec<StatusList>, StoreError> {
    let rows = tx.query(
        &format!("{LIST} AND valid_until < $2 ORDER BY valid_until, number LIMIT $3"),
        &[organization.into(), before.into(), most.into()],
    )?;
    rows.iter().map(read_list).collect()
}

/// All status lists of an issuer, in the order of their numbers.
///
/// # Errors
/// [`StoreError`].
pub fn lists_of(tx: &mut Tx<'_>, organization: &str, issuer: &str) -> Result<Vec<StatusList>, StoreError> {
    let rows =
        tx.query(&format!("{LIST} AND issuer = $2 ORDER BY number"), &[organization.into(), issuer.into()])?;
    rows.iter().map(read_list).collect()
}

/// The delegation at a position of the status lists; `None` where there is none.
///
/// # Errors
/// [`StoreError`].
pub fn at_position(tx: &mut Tx<'_>, organization: &str, position: i64) -> Result<Option<Link>, StoreError> {
    let rows = tx.query(
        &format!("{COLUMNS} AND (position = $2 OR (position IS NULL AND place = $2))"),
        &[organization.into(), position.into()],
    )?;
    rows.first().map(read).transpose()
}

/// The positions of delegations within a range; with `suspended`, of those that were not revoked and whose holder is suspended.
///
/// # Errors
/// [`StoreError`].
pub fn positions(
    tx: &mut Tx<'_>,
    organization: &str,
    (from, to): (i64, i64),
    suspended: bool,
) -> Result<Vec<i64>, StoreError> {
    let which = if suspended {
        "AND link.state <> 'revoked' AND EXISTS (SELECT id FROM holder WHERE holder.organization = link.organization \
         AND holder.id = link.holder AND holder.state = 'suspended')"
    } else {
        ""
    };
    let rows = tx.query(
        &format!(
            "SELECT COALESCE(position, place) FROM link WHERE organization = $1 AND ((position >= $2 AND position < $3) \
             OR (position IS NULL AND place >= $2 AND place < $3)) {which}"
        ),
        &[organization.into(), from.into(), to.into()],
    )?;
    rows.iter().map(|row| row.int(0)).collect()
}

/// The status lists of an organization after a number, in the order of their numbers, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn lists(
    tx: &mut Tx<'_>,
    organization: &str,
    after: i64,
    most: i64,
) -> Result<Vec<StatusList>, StoreError> {
    let rows = tx.query(
        &format!("{LIST} AND number > $2 ORDER BY number LIMIT $3"),
        &[organization.into(), after.into(), most.into()],
    )?;
    rows.iter().map(read_list).collect()
}
