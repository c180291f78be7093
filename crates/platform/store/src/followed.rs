//! How far an organization's events were followed, and what was told within a time. Each has a name.

use crate::{error::StoreError, tx::Tx};

/// Where something stands; `None` where it has not begun.
///
/// # Errors
/// [`StoreError`].
pub fn get(tx: &mut Tx<'_>, organization: &str, name: &str) -> Result<Option<i64>, StoreError> {
    let rows = tx.query(
        "SELECT seq FROM followed WHERE organization = $1 AND name = $2",
        &[organization.into(), name.into()],
    )?;
    rows.first().map(|row| row.int(0)).transpose()
}

/// The same, kept from all others until the transaction ends.
///
/// # Errors
/// [`StoreError`].
pub fn lock(tx: &mut Tx<'_>, organization: &str, name: &str) -> Result<Option<i64>, StoreError> {
    let rows = tx.locked(
        "SELECT seq FROM followed WHERE organization = $1 AND name = $2",
        &[organization.into(), name.into()],
    )?;
    rows.first().map(|row| row.int(0)).transpose()
}

/// Writes where something stands now.
///
/// # Errors
/// [`StoreError`].
pub fn set(tx: &mut Tx<'_>, organization: &str, name: &str, seq: i64) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO followed (organization, name, seq) VALUES ($1, $2, $3) \
         ON CONFLICT (organization, name) DO UPDATE SET seq = excluded.seq",
        &[organization.into(), name.into(), seq.into()],
    )
    .map(drop)
}

/// Moves it on by so many, from 0 where it has not begun. Gives where it stands then. Others wait until the transaction ends.
///
/// # Errors
/// [`StoreError`].
pub fn advance(tx: &mut Tx<'_>, organization: &str, name: &str, by: i64) -> Result<i64, StoreError> {
    let rows = tx.query(
        "INSERT INTO followed (organization, name, seq) VALUES ($1, $2, $3) \
         ON CONFLICT (organization, name) DO UPDATE SET seq = followed.seq + excluded.seq RETURNING seq",
        &[organization.into(), name.into(), by.into()],
    )?;
    let row = rows.first().ok_or_else(|| StoreError::unavailable("nothing was counted"))?;
    row.int(0)
}

/// Notes that something is told, so that it is not told again before `until` (Unix seconds). Gives whether it had not been.
///
/// # Errors
/// [`StoreError`].
pub fn tell_once(
    tx: &mut Tx<'_>,
    organization: &str,
    name: &str,
    (now, until): (i64, i64),
) -> Result<bool, StoreError> {
    // A row of before is told again where its time is over.
    let changed = tx.execute(
        "INSERT INTO alerted (organization, name, until) VALUES ($1, $2, $3) \
         ON CONFLICT (organization, name) DO UPDATE SET until = excluded.until WHERE alerted.until <= $4",
        &[organization.into(), name.into(), until.into(), now.into()],
    )?;
    Ok(changed > 0)
}

/// Whether something was told, and is not to be told again yet.
///
/// # Errors
/// [`StoreError`].
pub fn was_told(tx: &mut Tx<'_>, organization: &str, name: &str, now: i64) -> Result<bool, StoreError> {
    let rows = tx.query(
        "SELECT until FROM alerted WHERE organization = $1 AND name = $2 AND until > $3",
        &[organization.into(), name.into(), now.into()],
    )?;
    Ok(!rows.is_empty())
}

/// Forgets what was told, and may be told again at `now` (Unix seconds).
///
/// # Errors
/// [`StoreError`].
pub fn forget(tx: &mut Tx<'_>, organization: &str, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM alerted WHERE organization = $1 AND until <= $2",
        &[organization.into(), now.into()],
    )
    .map(drop)
}
