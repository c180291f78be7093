//! The did:webvh of an organization, where it has one: the lines of its log, and the key that signs the next one.

use crate::{error::StoreError, tx::Tx, value::Row};

/// A did:webvh whose log goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The DID.
    pub did: String,
    /// When its first line was written, Unix seconds.
    pub begun: i64,
    /// What the signer knows the key by that signs the next line.
    pub key_id: String,
    /// That key, a Multikey.
    pub public_key: String,
    /// Its private part, which opens in the signer only.
    pub sealed: Vec<u8>,
}

fn read(row: &Row) -> Result<History, StoreError> {
    Ok(History {
        did: row.text(0)?,
        begun: row.int(1)?,
        key_id: row.text(2)?,
        public_key: row.text(3)?,
        sealed: row.bytes(4)?,
    })
}

/// Keeps a new one; [`end`] the one before first.
///
/// # Errors
/// [`StoreError::Exists`] where there is one that goes on.
pub fn begin(tx: &mut Tx<'_>, organization: &str, new: &History) -> Result<(), StoreError> {
    let History { did, begun, key_id, public_key, sealed } = new;
    tx.execute(
        "INSERT INTO webvh (organization, did, begun, ended, key_id, public_key, sealed) \
         VALUES ($1, $2, $3, NULL, $4, $5, $6)",
        &[
            organization.into(),
            did.into(),
            (*begun).into(),
            key_id.into(),
            public_key.into(),
            sealed.clone().into(),
        ],
    )
    .map(drop)
}

/// The one that goes on; `None` where the organization has none.
///
/// # Errors
/// [`StoreError`].
pub fn get(tx: &mut Tx<'_>, organization: &str) -> Result<Option<History>, StoreError> {
    let rows = tx.query(
        "SELECT did, begun, key_id, public_key, sealed FROM webvh WHERE organization = $1 AND ended IS NULL",
        &[organization.into()],
    )?;
    rows.first().map(read).transpose()
}

/// Whether the organization has or had one.
///
/// # Errors
/// [`StoreError`].
pub fn had(tx: &mut Tx<'_>, organization: &str) -> Result<bool, StoreError> {
    let rows = tx.query("SELECT did FROM webvh WHERE organization = $1 LIMIT 1", &[organization.into()])?;
    Ok(!rows.is_empty())
}

/// The DID of the one that went on at `at` (Unix seconds).
///
/// # Errors
/// [`StoreError`].
pub fn did_as_of(tx: &mut Tx<'_>, organization: &str, at: i64) -> Result<Option<String>, StoreError> {
    let rows = tx.query(
        "SELECT did FROM webvh WHERE organization = $1 AND begun <= $2 AND (ended IS NULL OR ended > $2) \
         ORDER BY begun DESC LIMIT 1",
        &[organization.into(), at.into()],
    )?;
    rows.first().map(|row| row.text(0)).transpose()
}

/// The one that goes on is not gone on with from `now` (Unix seconds).
///
/// # Errors
/// [`StoreError`].
pub fn end(tx: &mut Tx<'_>, organization: &str, now: i64) -> Result<(), StoreError> {
    let sql = "UPDATE webvh SET ended = $2 WHERE organization = $1 AND ended IS NULL";
    tx.execute(sql, &[organization.into(), now.into()]).map(drop)
}

/// Writes the key that signs the next line, in place of the one that has signed.
///
/// # Errors
/// [`StoreError`].
pub fn set_key(tx: &mut Tx<'_>, organization: &str, next: &History) -> Result<(), StoreError> {
    let History { did, key_id, public_key, sealed, .. } = next;
    tx.change_one(
        "UPDATE webvh SET key_id = $3, public_key = $4, sealed = $5 WHERE organization = $1 AND did = $2",
        &[organization.into(), did.into(), key_id.into(), public_key.into(), sealed.clone().into()],
        "such history",
    )
}

/// Appends a line. Numbers begin at 1.
///
/// # Errors
/// [`StoreError::Exists`] where there is a line of that number.
pub fn append(
    tx: &mut Tx<'_>,
    organization: &str,
    did: &str,
    (number, line): (i64, &str),
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO webvh_entry (organization, did, number, line) VALUES ($1, $2, $3, $4)",
        &[organization.into(), did.into(), number.into(), line.into()],
    )
    .map(drop)
}

/// The last line, and its number; `None` where there is none.
///
/// # Errors
/// [`StoreError`].
pub fn last(tx: &mut Tx<'_>, organization: &str, did: &str) -> Result<Option<(i64, String)>, StoreError> {
    let rows = tx.query(
        "SELECT number, line FROM webvh_entry WHERE organization = $1 AND did = $2 ORDER BY number DESC LIMIT 1",
        &[organization.into(), did.into()],
    )?;
    rows.first().map(|row| Ok((row.int(0)?, row.text(1)?))).transpose()
}

/// All lines in their order, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn lines(tx: &mut Tx<'_>, organization: &str, did: &str, most: i64) -> Result<Vec<String>, StoreError> {
    let rows = tx.query(
        "SELECT line FROM webvh_entry WHERE organization = $1 AND did = $2 ORDER BY number LIMIT $3",
        &[organization.into(), did.into(), most.into()],
    )?;
    rows.iter().map(|row| row.text(0)).collect()
}
