//! Domains that an organization says are its own, and whether that was seen.

use crate::{error::StoreError, tx::Tx, value::Row};

/// Such a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its name.
    pub name: String,
    /// What has to be found there.
    pub token: String,
    /// `pending`, `verified` or `lost`.
    pub state: String,
    /// How it was found last; empty where it never was.
    pub method: String,
    /// When it was added, Unix seconds.
    pub added: i64,
    /// When it was found last, Unix seconds.
    pub seen: Option<i64>,
    /// When it was looked for last, Unix seconds.
    pub looked: Option<i64>,
    /// How often it was not found since.
    pub failures: i64,
    /// The credential that says so, and until when it is valid, Unix seconds.
    pub secured: Option<(String, i64)>,
}

const COLUMNS: &str = "SELECT name, token, state, method, added, seen, looked, failures, secured, valid_until FROM domain \
                       WHERE organization = $1";

fn read(row: &Row) -> Result<Domain, StoreError> {
    Ok(Domain {
        name: row.text(0)?,
        token: row.text(1)?,
        state: row.text(2)?,
        method: row.text(3)?,
        added: row.int(4)?,
        seen: row.maybe_int(5)?,
        looked: row.maybe_int(6)?,
        failures: row.int(7)?,
        secured: row.maybe_text(8)?.zip(row.maybe_int(9)?),
    })
}

/// Writes a domain, a new one or what is known of one now.
///
/// # Errors
/// [`StoreError`].
pub fn put(tx: &mut Tx<'_>, organization: &str, domain: &Domain) -> Result<(), StoreError> {
    let Domain { name, token, state, method, added, seen, looked, failures, secured } = domain;
    tx.execute(
        "INSERT INTO domain (organization, name, token, state, method, added, seen, looked, failures, secured, valid_until) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         ON CONFLICT (organization, name) DO UPDATE SET token = excluded.token, state = excluded.state, \
         method = excluded.method, seen = excluded.seen, looked = excluded.looked, failures = excluded.failures, \
         secured = excluded.secured, valid_until = excluded.valid_until",
        &[
            organization.into(),
            name.into(),
            token.into(),
            state.into(),
            method.into(),
            (*added).into(),
            (*seen).into(),
            (*looked).into(),
            (*failures).into(),
            secured.as_ref().map(|(secured, _)| secured.clone()).into(),
            secured.as_ref().map(|(_, until)| *until).into(),
        ],
    )
    .map(drop)
}

/// A domain by its name.
///
/// # Errors
/// [`StoreError`].
pub fn get(tx: &mut Tx<'_>, organization: &str, name: &str) -> Result<Domain, StoreError> {
    let rows = tx.query(&format!("{COLUMNS} AND name = $2"), &[organization.into(), name.into()])?;
    read(rows.first().ok_or_else(|| StoreError::NotFound { what: format!("domain `{name}`") })?)
}

/// The domains of an organization in the order of their names, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn list(tx: &mut Tx<'_>, organization: &str, most: i64) -> Result<Vec<Domain>, StoreError> {
    let rows = tx.query(&format!("{COLUMNS} ORDER BY name LIMIT $2"), &[organization.into(), most.into()])?;
    rows.iter().map(read).collect()
}

/// Removes a domain.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn remove(tx: &mut Tx<'_>, organization: &str, name: &str) -> Result<(), StoreError> {
    tx.change_one(
        "DELETE FROM domain WHERE organization = $1 AND name = $2",
        &[organization.into(), name.into()],
        &format!("domain `{name}`"),
    )
}
