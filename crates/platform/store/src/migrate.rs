//! The steps by which a database gets its tables. Each runs once, in order, in one transaction for all of them.
//!
//! A version of the program and the one before it run side by side while an organization upgrades: the newer one brings the
//! tables up to date, and the older one goes on where all that was done is in [`ADDITIVE`]. Where something is not, the older
//! one stops within a second, since whoever decides reads of its organization together with [`COMPATIBLE_FROM`].

use crate::{connection::Connection, error::StoreError};

/// The steps. One that was released is never changed.
const STEPS: [&str; 35] = [
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
    include_str!("../migrations/0030_compatible.sql"),
    include_str!("../migrations/0031_webvh.sql"),
    include_str!("../migrations/0032_their_receipt.sql"),
    include_str!("../migrations/0033_foreign.sql"),
    include_str!("../migrations/0034_issued_token.sql"),
    include_str!("../migrations/0035_consent.sql"),
];

/// Steps of which a program that does not know them need not know: they make tables, indexes and columns with a default (or
/// none) that it may leave as they are, and that mean nothing for what it decides. Any other step ends the programs before it.
const ADDITIVE: [i64; 0] = [];

/// The first step that says from which one on programs may go on beside it.
const SAID_FROM: i64 = 30;

/// The step that a program must know at least to go on with a database, as a column beside others.
pub(crate) const COMPATIBLE_FROM: &str =
    "(SELECT MAX(COALESCE(compatible_from, number)) FROM migration) AS compatible_from";

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

/// Holds what [`COMPATIBLE_FROM`] says against what is known here.
pub(crate) fn must_be_known(compatible_from: i64) -> Result<(), StoreError> {
    let known = known();
    if compatible_from > known { Err(StoreError::TooNew { found: compatible_from, known }) } else { Ok(()) }
}

/// The step that a program must know to go on beside this one, of those that this program does.
fn compatible_from(number: i64) -> i64 {
    (1..=number).rev().find(|number| !ADDITIVE.contains(number)).unwrap_or(number)
}

/// The steps that were not done yet, within a transaction; up to a number, where one is given.
pub(crate) fn steps(connection: &mut Connection, up_to: Option<i64>) -> Result<(), StoreError> {
    if let Connection::Postgres { .. } = connection {
        connection.batch(&format!("SELECT pg_advisory_xact_lock({LOCK})"))?;
    }
    connection.batch("CREATE TABLE IF NOT EXISTS migration (number BIGINT NOT NULL PRIMARY KEY)")?;
    let (found, known) = (found(connection)?, known());
    if found > known {
        let rows = connection.query(&format!("SELECT {COMPATIBLE_FROM}"), &[])?;
        return must_be_known(rows.first().map_or(Ok(found), |row| row.int(0))?);
    }
    let due = found.saturating_add(1)..=up_to.unwrap_or(known);
    for (number, step) in (1_i64..).zip(STEPS).filter(|(number, _)| due.contains(number)) {
        connection.batch(step)?;
        if number < SAID_FROM {
            connection.execute("INSERT INTO migration (number) VALUES ($1)", &[number.into()])?;
            continue;
        }
        connection.execute(
            "INSERT INTO migration (number, compatible_from) VALUES ($1, $2)",
            &[number.into(), compatible_from(number).into()],
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a step must begin its statements with to be additive.
    fn only_adds(step: &str) -> bool {
        let text: Vec<&str> = step.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
        let text = text.join(" ");
        let mut statements = text.split(';').map(str::trim).filter(|one| !one.is_empty());
        let refused = ["UNIQUE", "CHECK", "REFERENCES", "DROP", "TRIGGER"];
        statements.all(|one| {
            if refused.iter().any(|word| one.contains(word)) {
                return false;
            }
            one.starts_with("CREATE TABLE ")
                || one.starts_with("CREATE INDEX ")
                || (one.starts_with("ALTER TABLE ")
                    && one.contains(" ADD COLUMN ")
                    && (!one.contains("NOT NULL") || one.contains("DEFAULT")))
        })
    }

    #[test]
    fn a_step_that_programs_before_it_may_ignore_only_adds() {
        for (number, step) in (1_i64..).zip(STEPS) {
            assert!(!ADDITIVE.contains(&number) || (number > SAID_FROM && only_adds(step)), "step {number}");
        }
        assert!(only_adds("CREATE TABLE a (b BIGINT NOT NULL); -- c\nALTER TABLE a ADD COLUMN d BIGINT;"));
        for step in [
            "CREATE TABLE a (b TEXT REFERENCES c (d))",
            "ALTER TABLE a ADD COLUMN d BIGINT, DROP COLUMN e",
            "UPDATE a SET b = 1",
            "ALTER TABLE a ADD COLUMN d BIGINT NOT NULL",
            "DROP TABLE a",
        ] {
            assert!(!only_adds(step), "{step}");
        }
    }
}
