//! When keys in custody are replaced by themselves.

use crate::{error::StoreError, tx::Tx, value::Row};

/// That a holder's key is replaced again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Whose key: a holder's id.
    pub holder: String,
    /// How long a key is used, seconds.
    pub every: i64,
    /// When it is replaced next, Unix seconds.
    pub due: i64,
}

fn read(row: &Row) -> Result<Schedule, StoreError> {
    Ok(Schedule { holder: row.text(0)?, every: row.int(1)?, due: row.int(2)? })
}

/// Writes a schedule, in place of the one that the holder has.
///
/// # Errors
/// [`StoreError`].
pub fn set(tx: &mut Tx<'_>, organization: &str, schedule: &Schedule) -> Result<(), StoreError> {
    let Schedule { holder, every, due } = schedule;
    tx.execute(
        "INSERT INTO rotation (organization, holder, every, due) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (organization, holder) DO UPDATE SET every = excluded.every, due = excluded.due",
        &[organization.into(), holder.into(), (*every).into(), (*due).into()],
    )
    .map(drop)
}

/// Takes the schedule of a holder away. Gives whether there was one.
///
/// # Errors
/// [`StoreError`].
pub fn remove(tx: &mut Tx<'_>, organization: &str, holder: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM rotation WHERE organization = $1 AND holder = $2";
    Ok(tx.execute(sql, &[organization.into(), holder.into()])? > 0)
}

/// The schedule of a holder; `None` where it has none.
///
/// # Errors
/// [`StoreError`].
pub fn get(tx: &mut Tx<'_>, organization: &str, holder: &str) -> Result<Option<Schedule>, StoreError> {
    let rows = tx.query(
        "SELECT holder, every, due FROM rotation WHERE organization = $1 AND holder = $2",
        &[organization.into(), holder.into()],
    )?;
    rows.first().map(read).transpose()
}

/// Schedules that are due before a moment (Unix seconds), the first to be due first, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn due(tx: &mut Tx<'_>, organization: &str, before: i64, most: i64) -> Result<Vec<Schedule>, StoreError> {
    let rows = tx.query(
        "SELECT holder, every, due FROM rotation WHERE organization = $1 AND due <= $2 ORDER BY due, holder LIMIT $3",
        &[organization.into(), before.into(), most.into()],
    )?;
    rows.iter().map(read).collect()
}
