//! The keys that sign agents' identity tokens: one for each algorithm that was asked for, and those before it for a while.

use crate::{error::StoreError, signing_key, tx::Tx, value::Row};

/// Their table.
const KEYS: &str = "token_key";

/// A key that signs tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// What the signer knows it by.
    pub key_id: String,
    /// The `alg` of what it signs.
    pub algorithm: String,
    /// Its public JWK, a JSON text.
    pub public_jwk: String,
    /// Its private part, which opens in the signer only.
    pub sealed: Vec<u8>,
    /// When it was made, Unix seconds.
    pub created: i64,
    /// Until when it is published, Unix seconds; `None` of one that signs.
    pub until: Option<i64>,
}

/// Adds a key, as the one that signs by its algorithm.
///
/// # Errors
/// [`StoreError::Exists`] where another one signs by it.
pub fn add_key(tx: &mut Tx<'_>, organization: &str, key: &Key) -> Result<(), StoreError> {
    let Key { key_id, algorithm, public_jwk, sealed, created, .. } = key;
    tx.execute(
        "INSERT INTO token_key (organization, key_id, algorithm, public_jwk, sealed, created, until) \
         VALUES ($1, $2, $3, $4, $5, $6, NULL)",
        &[
            organization.into(),
            key_id.into(),
            algorithm.into(),
            public_jwk.into(),
            sealed.clone().into(),
            (*created).into(),
        ],
    )
    .map(drop)
}

/// The keys: those that sign first, the one that was made first before the others; then the latest of those that were replaced.
///
/// # Errors
/// [`StoreError`].
pub fn keys(tx: &mut Tx<'_>, organization: &str) -> Result<Vec<Key>, StoreError> {
    let rows = tx.query(
        "SELECT key_id, algorithm, public_jwk, sealed, created, until FROM token_key WHERE organization = $1 \
         ORDER BY CASE WHEN until IS NULL THEN 0 ELSE 1 END, CASE WHEN until IS NULL THEN created ELSE -created END, key_id \
         LIMIT 32",
        &[organization.into()],
    )?;
    let key = |row: &Row| {
        Ok(Key {
            key_id: row.text(0)?,
            algorithm: row.text(1)?,
            public_jwk: row.text(2)?,
            sealed: row.bytes(3)?,
            created: row.int(4)?,
            until: row.maybe_int(5)?,
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

/// Publishes the keys that sign until `until` (Unix seconds), and no longer signs by them; with `None` all keys are gone at once,
/// also those that were replaced before.
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
