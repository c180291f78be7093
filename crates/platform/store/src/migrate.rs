//! The steps by which a database gets its tables. Each runs once, in order, in one transaction for all of them.

use crate::{connection::Connection, error::StoreError};

/// The steps. One that was released is never changed.
const STEPS: [&str; 11] = [
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
    include_str!("../migrations/0011_log.sql"),
];

/// A number that stands for migrating, in PostgreSQL, so that two processes do not do it at once.
const LOCK: i64 = 0x6c65_6761_7469_6f6e;

/// Brings the tables up to date.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    connection.begin(true)?;
    let done = steps(connection);
    connection.batch(if done.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    done
}

fn steps(connection: &mut Connection) -> Result<(), StoreError> {
    if let Connection::Postgres { .. } = connection {
        connection.batch(&format!("SELECT pg_advisory_xact_lock({LOCK})"))?;
    }
    connection.batch("CREATE TABLE IF NOT EXISTS migration (number BIGINT NOT NULL PRIMARY KEY)")?;
    let rows = connection.query("SELECT number FROM migration ORDER BY number DESC LIMIT 1", &[])?;
    let found = rows.first().map_or(Ok(0), |row| row.int(0))?;
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    for (number, step) in (1_i64..).zip(STEPS).filter(|(number, _)| *number > found) {
        connection.batch(step)?;
        connection.execute("INSERT INTO migration (number) VALUES ($1)", &[number.into()])?;
    }
    Ok(())
}
