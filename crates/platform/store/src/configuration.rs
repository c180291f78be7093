//! What an organization configures: models and routes, in versions; and secrets of upstreams, sealed.

use crate::{error::StoreError, tx::Tx, value::Row};

/// Something that was configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its name, one of a kind.
    pub name: String,
    /// How often it was written, from 1.
    pub version: i64,
    /// What it says, as JSON.
    pub body: String,
}

/// Writes an item of a kind (`model`, `route`), a new one or the next version of one.
///
/// # Errors
/// [`StoreError`].
pub fn put(
    tx: &mut Tx<'_>,
    organization: &str,
    kind: &str,
    name: &str,
    body: &str,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO configuration (organization, kind, name, version, body) VALUES ($1, $2, $3, 1, $4) \
         ON CONFLICT (organization, kind, name) DO UPDATE SET version = configuration.version + 1, body = excluded.body",
        &[organization.into(), kind.into(), name.into(), body.into()],
    )
    .map(drop)
}

/// The items of a kind in the order of their names, at most ten thousand.
///
/// # Errors
/// [`StoreError`].
pub fn list(tx: &mut Tx<'_>, organization: &str, kind: &str) -> Result<Vec<Item>, StoreError> {
    let rows = tx.query(
        "SELECT name, version, body FROM configuration WHERE organization = $1 AND kind = $2 ORDER BY name LIMIT 10000",
        &[organization.into(), kind.into()],
    )?;
    let item = |row: &Row| Ok(Item { name: row.text(0)?, version: row.int(1)?, body: row.text(2)? });
    rows.iter().map(item).collect()
}

/// Removes an item.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn remove(tx: &mut Tx<'_>, organization: &str, kind: &str, name: &str) -> Result<(), StoreError> {
    tx.change_one(
        "DELETE FROM configuration WHERE organization = $1 AND kind = $2 AND name = $3",
        &[organization.into(), kind.into(), name.into()],
        &format!("{kind} `{name}`"),
    )
}

/// A secret of an upstream. Only the signer opens it, and only for its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Its name.
    pub name: String,
    /// To which origin it may go.
    pub origin: String,
    /// The secret, sealed.
    pub sealed: Vec<u8>,
    /// When it was set, Unix seconds.
    pub created: i64,
}

/// Writes a secret.
///
/// # Errors
/// [`StoreError`].
pub fn put_secret(tx: &mut Tx<'_>, organization: &str, secret: &Secret) -> Result<(), StoreError> {
    let Secret { name, origin, sealed, created } = secret;
    tx.execute(
        "INSERT INTO secret (organization, name, origin, sealed, created) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (organization, name) DO UPDATE SET origin = excluded.origin, sealed = excluded.sealed, \
         created = excluded.created",
        &[organization.into(), name.into(), origin.into(), sealed.clone().into(), (*created).into()],
    )
    .map(drop)
}

/// The secrets of an organization in the order of their names, at most ten thousand.
///
/// # Errors
/// [`StoreError`].
pub fn secrets(tx: &mut Tx<'_>, organization: &str) -> Result<Vec<Secret>, StoreError> {
    let rows = tx.query(
        "SELECT name, origin, sealed, created FROM secret WHERE organization = $1 ORDER BY name LIMIT 10000",
        &[organization.into()],
    )?;
    let secret = |row: &Row| {
        Ok(Secret { name: row.text(0)?, origin: row.text(1)?, sealed: row.bytes(2)?, created: row.int(3)? })
    };
    rows.iter().map(secret).collect()
}

/// Writes a secret as it is sealed now.
///
/// # Errors
/// [`StoreError`].
pub fn set_sealed(
    tx: &mut Tx<'_>,
    organization: &str,
    name: &str,
    sealed: Vec<u8>,
) -> Result<(), StoreError> {
    tx.change_one(
        "UPDATE secret SET sealed = $3 WHERE organization = $1 AND name = $2",
        &[organization.into(), name.into(), sealed.into()],
        &format!("secret `{name}`"),
    )
}

/// Removes a secret.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn remove_secret(tx: &mut Tx<'_>, organization: &str, name: &str) -> Result<(), StoreError> {
    tx.change_one(
        "DELETE FROM secret WHERE organization = $1 AND name = $2",
        &[organization.into(), name.into()],
        &format!("secret `{name}`"),
    )
}
