//! API keys: secrets that stand for an agent's proof of possession. Only their digests are kept.

use crate::{error::StoreError, tx::Tx, value::Row};

/// An API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id, which is no secret.
    pub id: String,
    /// Whose it is: a holder's id.
    pub holder: String,
    /// What its owner calls it.
    pub name: String,
    /// SHA-256 of the key.
    pub digest: [u8; 32],
    /// Its first characters, by which people tell keys apart.
    pub hint: String,
    /// When it was made, Unix seconds.
    pub created: i64,
    /// From when on it is no longer accepted, Unix seconds; `None` where it has no end of its own.
    pub expires: Option<i64>,
    /// `active` or `blocked`.
    pub state: String,
    /// Since when nobody knows whether it still holds, Unix seconds: the store was put back ([`crate::restored`]).
    pub unconfirmed: Option<i64>,
}

const COLUMNS: &str = "SELECT id, holder, name, digest, hint, created, expires, state, unconfirmed FROM api_key \
                       WHERE organization = $1";

fn read(row: &Row) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        id: row.text(0)?,
        holder: row.text(1)?,
        name: row.text(2)?,
        digest: row.digest(3)?,
        hint: row.text(4)?,
        created: row.int(5)?,
        expires: row.maybe_int(6)?,
        state: row.text(7)?,
        unconfirmed: row.maybe_int(8)?,
    })
}

/// Adds a key.
///
/// # Errors
/// [`StoreError`].
pub fn add(tx: &mut Tx<'_>, organization: &str, key: &ApiKey) -> Result<(), StoreError> {
    let ApiKey { id, holder, name, digest, hint, created, expires, state, .. } = key;
    tx.execute(
        "INSERT INTO api_key (organization, id, holder, name, digest, hint, created, expires, state) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            organization.into(),
            id.into(),
            holder.into(),
            name.into(),
            (*digest).into(),
            hint.into(),
            (*created).into(),
            (*expires).into(),
            state.into(),
        ],
    )
    .map(drop)
}

/// A key by the SHA-256 of its secret; `None` where there is none.
///
/// # Errors
/// [`StoreError`].
pub fn by_digest(
    tx: &mut Tx<'_>,
    organization: &str,
    digest: [u8; 32],
) -> Result<Option<ApiKey>, StoreError> {
    let rows = tx.query(&format!("{COLUMNS} AND digest = $2"), &[organization.into(), digest.into()])?;
    rows.first().map(read).transpose()
}

/// A key by its id.
///
/// # Errors
/// [`StoreError`].
pub fn get(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<ApiKey, StoreError> {
    let rows = tx.query(&format!("{COLUMNS} AND id = $2"), &[organization.into(), id.into()])?;
    read(rows.first().ok_or_else(|| StoreError::NotFound { what: format!("API key `{id}`") })?)
}

/// The keys of a holder, or of all, in the order in which they were made, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn list(
    tx: &mut Tx<'_>,
    organization: &str,
    holder: Option<&str>,
    most: i64,
) -> Result<Vec<ApiKey>, StoreError> {
    let rows = match holder {
        Some(holder) => tx.query(
            &format!("{COLUMNS} AND holder = $2 ORDER BY created, id LIMIT $3"),
            &[organization.into(), holder.into(), most.into()],
        )?,
        None => tx.query(
            &format!("{COLUMNS} ORDER BY created, id LIMIT $2"),
            &[organization.into(), most.into()],
        )?,
    };
    rows.iter().map(read).collect()
}

/// Keys of a holder, or of all, whose ids come after `after`, in the order of their ids, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn page(
    tx: &mut Tx<'_>,
    organization: &str,
    holder: Option<&str>,
    after: &str,
    most: i64,
) -> Result<Vec<ApiKey>, StoreError> {
    let rows = match holder {
        Some(holder) => tx.query(
            &format!("{COLUMNS} AND holder = $2 AND id > $3 ORDER BY id LIMIT $4"),
            &[organization.into(), holder.into(), after.into(), most.into()],
        )?,
        None => tx.query(
            &format!("{COLUMNS} AND id > $2 ORDER BY id LIMIT $3"),
            &[organization.into(), after.into(), most.into()],
        )?,
    };
    rows.iter().map(read).collect()
}

/// Active keys that end between two moments (Unix seconds), in the order of their ids, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn ending(
    tx: &mut Tx<'_>,
    organization: &str,
    (from, until): (i64, i64),
    most: i64,
) -> Result<Vec<ApiKey>, StoreError> {
    let rows = tx.query(
        &format!("{COLUMNS} AND state = 'active' AND expires > $2 AND expires <= $3 ORDER BY id LIMIT $4"),
        &[organization.into(), from.into(), until.into(), most.into()],
    )?;
    rows.iter().map(read).collect()
}

/// Writes state and end of a key.
///
/// # Errors
/// [`StoreError`].
pub fn change(
    tx: &mut Tx<'_>,
    organization: &str,
    id: &str,
    state: &str,
    expires: Option<i64>,
) -> Result<(), StoreError> {
    tx.change_one(
        "UPDATE api_key SET state = $3, expires = $4 WHERE organization = $1 AND id = $2",
        &[organization.into(), id.into(), state.into(), expires.into()],
        "such API key",
    )
}
