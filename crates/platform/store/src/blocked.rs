//! Delegations that are blocked by their digest: those that were made offline, which no list has a place for.

use crate::{
    error::StoreError,
    tx::Tx,
    value::{Row, Value},
};

/// One that is blocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The SHA-256 of its text, or of what was signed, base64url.
    pub digest: String,
    /// Why, for people.
    pub reason: String,
    /// Since when, Unix seconds.
    pub at: i64,
}

fn read(row: &Row) -> Result<Blocked, StoreError> {
    Ok(Blocked { digest: row.text(0)?, reason: row.text(1)?, at: row.int(2)? })
}

/// Blocks one. `false` where it was.
///
/// # Errors
/// [`StoreError`].
pub fn add(tx: &mut Tx<'_>, organization: &str, blocked: &Blocked) -> Result<bool, StoreError> {
    let Blocked { digest, reason, at } = blocked;
    let added = tx.execute(
        "INSERT INTO blocked_link (organization, digest, reason, at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (organization, digest) DO NOTHING",
        &[organization.into(), digest.into(), reason.into(), (*at).into()],
    )?;
    Ok(added > 0)
}

/// One by its digest, where it is blocked.
///
/// # Errors
/// [`StoreError`].
pub fn get(tx: &mut Tx<'_>, organization: &str, digest: &str) -> Result<Option<Blocked>, StoreError> {
    let rows = tx.query(
        "SELECT digest, reason, at FROM blocked_link WHERE organization = $1 AND digest = $2",
        &[organization.into(), digest.into()],
    )?;
    rows.first().map(read).transpose()
}

/// Which of some digests are blocked.
///
/// # Errors
/// [`StoreError`].
pub fn among(tx: &mut Tx<'_>, organization: &str, digests: &[String]) -> Result<Vec<String>, StoreError> {
    let keys: Vec<Value> = digests.iter().map(Value::from).collect();
    let rows = tx.query_in(
        "SELECT digest FROM blocked_link WHERE organization = $1 AND digest",
        organization,
        &keys,
    )?;
    rows.iter().map(|row| row.text(0)).collect()
}

/// Those whose digests come after `after`, in their order, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn list(tx: &mut Tx<'_>, organization: &str, after: &str, most: i64) -> Result<Vec<Blocked>, StoreError> {
    let rows = tx.query(
        "SELECT digest, reason, at FROM blocked_link WHERE organization = $1 AND digest > $2 \
         ORDER BY digest LIMIT $3",
        &[organization.into(), after.into(), most.into()],
    )?;
    rows.iter().map(read).collect()
}
