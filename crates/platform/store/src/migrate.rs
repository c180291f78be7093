//! The steps by which a database gets its tables. Each runs once, in order, in one transaction for all of them.

use crate::{connection::Connection, error::StoreError};

/// The steps. One that was released is never changed.
const STEPS: [&str; 30] = [
    include_str!("../migrations/0001_first.sql"),
    include_str!("../migrations/0002_idempotency.sql"),
    include_str!("../migrations/0003_batches.sql"),
    include_str!("../migrations/0004_history.sql"),
    include_str!("../migrations/0005_keys.sql"),
    include_str!("../migrations/0006_common.sql"),
    include_str!("../migrations/0007_aside.sql"),
    include_str!("../migrations/0008_card.sql"),
    include_str!("../migrations/0009_tag.sql"),
    include_str!("../migrations/0010_linkage.sql"),
    include_str!("../migrations/0011_position.sql"),
    include_str!("../migrations/0012_restored.sql"),
    include_str!("../migrations/0013_signals.sql"),
    include_str!("../migrations/0014_blocked.sql"),
    include_str!("../migrations/0015_log.sql"),
    include_str!("../migrations/0016_keepers.sql"),
    include_str!("../migrations/0017_alerts.sql"),
    include_str!("../migrations/0018_status_past.sql"),
    include_str!("../migrations/0019_claim.sql"),
    include_str!("../migrations/0020_kept.sql"),
    include_str!("../migrations/0021_policy.sql"),
    include_str!("../migrations/0022_mcp.sql"),
    include_str!("../migrations/0023_approval.sql"),
    include_str!("../migrations/0024_domain.sql"),
    include_str!("../migrations/0025_end_user.sql"),
    include_str!("../migrations/0026_a2a.sql"),
    include_str!("../migrations/0027_quarantine.sql"),
    include_str!("../migrations/0028_token.sql"),
    include_str!("../migrations/0029_console.sql"),
    include_str!("../migrations/0032_their_receipt.sql"),
];

/// A number that stands for migrating, in PostgreSQL, so that two processes do not do it at once.
const LOCK: i64 = 0x6c65_6761_7469_6f6e;

/// Brings the tables up to date.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    connection.begin(true)?;
    let done = steps(connection, None);
    connection.batch(if done.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    done
}

/// The first so many steps, in a database that is empty.
pub(crate) fn first(connection: &mut Connection, migration: i64) -> Result<(), StoreError> {
    connection.begin(true)?;
    let done = steps(connection, Some(migration));
    connection.batch(if done.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    done
}

/// The number of the last step that is known here.
pub(crate) fn known() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// The number of the last step that was done.
pub(crate) fn found(connection: &mut Connection) -> Result<i64, StoreError> {
    let rows = connection.query("SELECT number FROM migration ORDER BY number DESC LIMIT 1", &[])?;
    rows.first().map_or(Ok(0), |row| row.int(0))
}

/// Whether nothing was ever made in a database.
pub(crate) fn is_empty(connection: &mut Connection) -> Result<bool, StoreError> {
    let tables = match connection {
        Connection::Sqlite(_) => "SELECT name FROM sqlite_master LIMIT 1",
        Connection::Postgres { .. } => {
            "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = current_schema() LIMIT 1"
        }
    };
    Ok(connection.query(tables, &[])?.is_empty())
}

/// The steps that were not done yet, within a transaction; up to a number, where one is given.
pub(crate) fn steps(connection: &mut Connection, up_to: Option<i64>) -> Result<(), StoreError> {
    if let Connection::Postgres { .. } = connection {
        connection.batch(&format!("SELECT pg_advisory_xact_lock({LOCK})"))?;
    }
    connection.batch("CREATE TABLE IF NOT EXISTS migration (number BIGINT NOT NULL PRIMARY KEY)")?;
    let (found, known) = (found(connection)?, known());
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    let due = found.saturating_add(1)..=up_to.unwrap_or(known);
    for (number, step) in (1_i64..).zip(STEPS).filter(|(number, _)| due.contains(number)) {
        connection.batch(step)?;
        connection.execute("INSERT INTO migration (number) VALUES ($1)", &[number.into()])?;
    }
    Ok(())
}
