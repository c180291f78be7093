//! Whom an organization tells of its events, and the keys that sign what it tells.

use crate::{error::StoreError, signing_key, tx::Tx, value::Row};

/// Their table.
const KEYS: &str = "signal_key";

/// Somebody who may have a stream of events. Of its token only the digest is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    /// Its id.
    pub id: String,
    /// What the organization calls it.
    pub name: String,
    /// Whom its tokens name.
    pub audience: String,
    /// What it may do, separated by spaces.
    pub scopes: String,
    /// SHA-256 of its token.
    pub digest: [u8; 32],
    /// The token's first characters, by which people tell them apart.
    pub hint: String,
    /// When it was added, Unix seconds.
    pub created: i64,
    /// From when on its token is no longer accepted, Unix seconds.
    pub expires: i64,
}

/// A key that signs events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// What the signer knows it by.
    pub key_id: String,
    /// Its public JWK, a JSON text.
    pub public_jwk: String,
    /// Its private part, which opens in the signer only.
    pub sealed: Vec<u8>,
    /// When it was made, Unix seconds.
    pub created: i64,
    /// Until when it is published, Unix seconds; `None` of the one that signs.
    pub until: Option<i64>,
}

const COLUMNS: &str = "SELECT id, name, audience, scopes, digest, hint, created, expires FROM signal_receiver \
                       WHERE organization = $1";

fn read(row: &Row) -> Result<Receiver, StoreError> {
    Ok(Receiver {
        id: row.text(0)?,
        name: row.text(1)?,
        audience: row.text(2)?,
        scopes: row.text(3)?,
        digest: row.digest(4)?,
        hint: row.text(5)?,
        created: row.int(6)?,
        expires: row.int(7)?,
    })
}

/// Adds a receiver.
///
/// # Errors
/// [`StoreError::Exists`] where there is one of that name.
pub fn add_receiver(tx: &mut Tx<'_>, organization: &str, receiver: &Receiver) -> Result<(), StoreError> {
    let Receiver { id, name, audience, scopes, digest, hint, created, expires } = receiver;
    tx.execute(
        "INSERT INTO signal_receiver (organization, id, name, audience, scopes, digest, hint, created, expires) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            organization.into(),
            id.into(),
            name.into(),
            audience.into(),
            scopes.into(),
            (*digest).into(),
            hint.into(),
            (*created).into(),
            (*expires).into(),
        ],
    )
    .map(drop)
}

/// A receiver by its id.
///
/// # Errors
/// [`StoreError`].
pub fn receiver(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<Receiver, StoreError> {
    let rows = tx.query(&format!("{COLUMNS} AND id = $2"), &[organization.into(), id.into()])?;
    read(rows.first().ok_or_else(|| StoreError::NotFound { what: format!("receiver `{id}`") })?)
}

/// A receiver by the SHA-256 of its token; `None` where there is none.
///
/// # Errors
/// [`StoreError`].
pub fn by_digest(
    tx: &mut Tx<'_>,
    organization: &str,
    digest: [u8; 32],
) -> Result<Option<Receiver>, StoreError> {
    let rows = tx.query(&format!("{COLUMNS} AND digest = $2"), &[organization.into(), digest.into()])?;
    rows.first().map(read).transpose()
}

/// Receivers whose ids come after `after`, in the order of their ids, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn receivers(
    tx: &mut Tx<'_>,
    organization: &str,
    after: &str,
    most: i64,
) -> Result<Vec<Receiver>, StoreError> {
    let rows = tx.query(
        &format!("{COLUMNS} AND id > $2 ORDER BY id LIMIT $3"),
        &[organization.into(), after.into(), most.into()],
    )?;
    rows.iter().map(read).collect()
}

/// Takes a receiver away; its token is worth nothing from then on.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn remove_receiver(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<(), StoreError> {
    tx.change_one(
        "DELETE FROM signal_receiver WHERE organization = $1 AND id = $2",
        &[organization.into(), id.into()],
        &format!("receiver `{id}`"),
    )
}

/// Adds a key, as the one that signs.
///
/// # Errors
/// [`StoreError`].
pub fn add_key(tx: &mut Tx<'_>, organization: &str, key: &Key) -> Result<(), StoreError> {
    let Key { key_id, public_jwk, sealed, created, .. } = key;
    tx.execute(
        "INSERT INTO signal_key (organization, key_id, public_jwk, sealed, created, until) \
         VALUES ($1, $2, $3, $4, $5, NULL)",
        &[organization.into(), key_id.into(), public_jwk.into(), sealed.clone().into(), (*created).into()],
    )
    .map(drop)
}

/// The keys, the one that signs first.
///
/// # Errors
/// [`StoreError`].
pub fn keys(tx: &mut Tx<'_>, organization: &str) -> Result<Vec<Key>, StoreError> {
    let rows = tx.query(
        "SELECT key_id, public_jwk, sealed, created, until FROM signal_key WHERE organization = $1 \
         ORDER BY CASE WHEN until IS NULL THEN 0 ELSE 1 END, created DESC, key_id DESC LIMIT 16",
        &[organization.into()],
    )?;
    let key = |row: &Row| {
        Ok(Key {
            key_id: row.text(0)?,
            public_jwk: row.text(1)?,
            sealed: row.bytes(2)?,
            created: row.int(3)?,
            until: row.maybe_int(4)?,
        })
    };
    rows.iter().map(key).collect()
}

/// Writes a key as it is sealed now.
///
/// # Errors
/// [`StoreError`].
pub fn set_sealed(
    tx: &mut Tx<'_>,
    organization: &str,
    key_id: &str,
    sealed: Vec<u8>,
) -> Result<(), StoreError> {
    signing_key::set_sealed(tx, KEYS, (organization, key_id), sealed)
}

/// Publishes the keys that sign until `until` (Unix seconds), and no longer signs by them; with `None` they are gone at once.
///
/// # Errors
/// [`StoreError`].
pub fn retire_keys(tx: &mut Tx<'_>, organization: &str, until: Option<i64>) -> Result<(), StoreError> {
    signing_key::retire(tx, KEYS, organization, until)
}

/// Takes away keys that are no longer published at `now` (Unix seconds).
///
/// # Errors
/// [`StoreError`].
pub fn end_keys(tx: &mut Tx<'_>, organization: &str, now: i64) -> Result<(), StoreError> {
    signing_key::end(tx, KEYS, organization, now)
}
