//! For how long receipts and events are kept, and what is forgotten.
//!
//! Receipts go by whole batches, so that what is left verifies: each batch names the one before it, whose text is kept. Events
//! go from the first on; the first that is left says the digest of the one before it. What is not in the log yet stays. Totals of
//! budgets are no part of either.

use crate::{error::StoreError, logs, tx::Tx};

/// For how long something is kept, seconds; `None` where it is kept for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Receipts.
    pub receipts: Option<i64>,
    /// Events.
    pub events: Option<i64>,
}

/// What is kept of an organization, and for how long.
///
/// # Errors
/// [`StoreError`].
pub fn get(tx: &mut Tx<'_>, organization: &str) -> Result<Retention, StoreError> {
    let rows = tx
        .query("SELECT keep_receipts, keep_events FROM organization WHERE id = $1", &[organization.into()])?;
    let row = rows.first().ok_or_else(|| StoreError::NotFound { what: "such organization".to_owned() })?;
    Ok(Retention { receipts: row.maybe_int(0)?, events: row.maybe_int(1)? })
}

/// Writes it.
///
/// # Errors
/// [`StoreError`].
pub fn set(tx: &mut Tx<'_>, organization: &str, retention: Retention) -> Result<(), StoreError> {
    let Retention { receipts, events } = retention;
    tx.change_one(
        "UPDATE organization SET keep_receipts = $2, keep_events = $3 WHERE id = $1",
        &[organization.into(), receipts.into(), events.into()],
        "such organization",
    )
}

/// Whether the first receipt or the first event is from before a moment (Unix seconds) of its own.
///
/// # Errors
/// [`StoreError`].
pub fn is_due(
    tx: &mut Tx<'_>,
    organization: &str,
    (receipts, events): (Option<i64>, Option<i64>),
) -> Result<bool, StoreError> {
    for (table, before) in [("receipt", receipts), ("event", events)] {
        let Some(before) = before else { continue };
        let sql = format!("SELECT at FROM {table} WHERE organization = $1 ORDER BY seq LIMIT 1");
        let rows = tx.query(&sql, &[organization.into()])?;
        if rows.first().is_some_and(|row| row.int(0).is_ok_and(|at| at < before)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Forgets the receipts of the first so many signed batches, as far as all in them are from before a moment (Unix seconds). Gives
/// how many receipts that were.
///
/// # Errors
/// [`StoreError`].
pub fn forget_receipts(
    tx: &mut Tx<'_>,
    organization: &str,
    before: i64,
    batches: i64,
) -> Result<u64, StoreError> {
    // The last batch stays: the next one names it, and what is not behind it is signed.
    let found = tx.query(
        "SELECT first, last FROM receipt_batch WHERE organization = $1 AND last < \
         (SELECT MAX(last) FROM receipt_batch WHERE organization = $1) ORDER BY first LIMIT $2",
        &[organization.into(), batches.saturating_add(1).into()],
    )?;
    let (_, logged) = logs::published(tx, organization)?.unwrap_or((i64::MAX, i64::MAX));
    let mut forgotten = 0;
    let mut kept: Option<i64> = None;
    for row in &found {
        let (first, last) = (row.int(0)?, row.int(1)?);
        if last > logged {
            break;
        }
        let young = tx.query(
            "SELECT seq FROM receipt WHERE organization = $1 AND seq >= $2 AND seq <= $3 AND (at >= $4 OR last_at >= $4) \
             LIMIT 1",
            &[organization.into(), first.into(), last.into(), before.into()],
        )?;
        if !young.is_empty() {
            break;
        }
        forgotten += tx.execute(
            "DELETE FROM receipt WHERE organization = $1 AND seq >= $2 AND seq <= $3",
            &[organization.into(), first.into(), last.into()],
        )?;
        // Of those before it nothing is asked any more.
        if let Some(before) = kept.replace(first) {
            tx.execute(
                "DELETE FROM receipt_batch WHERE organization = $1 AND first = $2",
                &[organization.into(), before.into()],
            )?;
        }
    }
    Ok(forgotten)
}

/// Forgets the first so many events, as far as they are from before a moment (Unix seconds). The last one stays. Gives how many
/// that were.
///
/// # Errors
/// [`StoreError`].
pub fn forget_events(tx: &mut Tx<'_>, organization: &str, before: i64, most: i64) -> Result<u64, StoreError> {
    let first = tx.query(
        "SELECT seq FROM event WHERE organization = $1 ORDER BY seq LIMIT 1",
        &[organization.into()],
    )?;
    let Some(first) = first.first().map(|row| row.int(0)).transpose()? else { return Ok(0) };
    let (logged, _) = logs::published(tx, organization)?.unwrap_or((i64::MAX, i64::MAX));
    let end = first.saturating_add(most).min(logged.saturating_add(1));
    let young = tx.query(
        "SELECT seq FROM event WHERE organization = $1 AND seq < $2 AND at >= $3 ORDER BY seq LIMIT 1",
        &[organization.into(), end.into(), before.into()],
    )?;
    let end = young.first().map_or(Ok(end), |row| row.int(0))?;
    tx.execute(
        "DELETE FROM event WHERE organization = $1 AND seq < $2 AND seq < \
         (SELECT events FROM organization WHERE id = $1)",
        &[organization.into(), end.into()],
    )
}
