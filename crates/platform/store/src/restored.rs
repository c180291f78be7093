//! What was put back: from a backup, or by other means that left it behind what was known ([`crate::mark`]).
//!
//! It is closed: nothing is decided, published or changed. Whoever has the data opens it again. What was taken of
//! budgets since the backup is not known, nor what was revoked: windows that reach back count as used up, and each holder
//! and each API key is *unconfirmed* until somebody says that it still holds.

use crate::{
    error::StoreError,
    mark::Point,
    tx::{NewEvent, Tx},
    value::Value,
};

/// By how much the epoch is raised when a store is opened again: further than it can have come since the backup, so that no
/// epoch ever comes again with another meaning.
const FURTHER: i64 = 1 << 32;
/// How many numbers of status lists are left out: those that may have been given since the backup.
const LISTS: i64 = 2 << 20;

/// Closes an organization at `at` (Unix seconds). One that is closed stays so.
///
/// # Errors
/// [`StoreError`].
pub fn close(tx: &mut Tx<'_>, organization: &str, why: &str, at: i64) -> Result<(), StoreError> {
    let closed = tx.execute(
        "UPDATE organization SET closed = $2, closed_why = $3 WHERE id = $1 AND closed IS NULL",
        &[organization.into(), at.into(), why.into()],
    )?;
    if closed == 0 {
        return Ok(());
    }
    let data = format!("{{\"why\":{}}}", quoted(why));
    let event =
        NewEvent { kind: "store.closed", subject: "store", actor: "store", data: &data, decides: true };
    tx.append(organization, &event, at).map(drop)
}

/// Opens an organization again at `now` (Unix seconds), where `known` is what was known of it outside of the database: all of
/// its holders and API keys are unconfirmed, nobody knows what was taken before `now`, and what was signed before is not
/// accepted. Its epoch and the numbers of its status lists are beyond what they can have been. It appends no event.
///
/// # Errors
/// [`StoreError`]; [`StoreError::NotFound`] where it is not closed.
pub fn reopen(tx: &mut Tx<'_>, organization: &str, known: Option<Point>, now: i64) -> Result<(), StoreError> {
    let known = known.unwrap_or_default();
    let rows = tx.locked(
        "SELECT epoch, era FROM organization WHERE id = $1 AND closed IS NOT NULL",
        &[organization.into()],
    )?;
    let missing = || StoreError::NotFound { what: "organization that is closed".to_owned() };
    let row = rows.first().ok_or_else(missing)?;
    let epoch = row.int(0)?.max(known.epoch).saturating_add(FURTHER);
    let era = row.int(1)?.max(known.era).saturating_add(1);
    tx.execute(
        "UPDATE organization SET closed = NULL, closed_why = NULL, epoch = $2, era = $3, unknown = $4, begun = $4, \
         lists = lists + $5 WHERE id = $1",
        &[organization.into(), epoch.into(), era.into(), now.into(), LISTS.into()],
    )?;
    // What is delegated from now on stands in lists of its own.
    tx.execute("DELETE FROM status_taken WHERE organization = $1", &[organization.into()])?;
    // Who signed out or showed a code since the backup must not be in again.
    tx.execute("DELETE FROM person_secret WHERE organization = $1", &[organization.into()])?;
    tx.execute("DELETE FROM authorization_code WHERE organization = $1", &[organization.into()])?;
    // Who may be told of events is not known either: tokens that were taken away since the backup must not come back, and
    // what waited then is of no use now.
    for sql in [
        "DELETE FROM pending WHERE organization = $1",
        // Codes that were typed since the backup, too.
        "DELETE FROM console_code WHERE organization = $1",
        "DELETE FROM claim WHERE organization = $1",
        "UPDATE subscription SET waiting = 0 WHERE organization = $1",
        "UPDATE subscription SET state = 'disabled', reason = 'put back from a backup' WHERE organization = $1 AND kind = 'stream'",
    ] {
        tx.execute(sql, &[organization.into()])?;
    }
    tx.execute(
        "UPDATE signal_receiver SET expires = $2 WHERE organization = $1 AND expires > $2",
        &[organization.into(), now.into()],
    )?;
    for sql in [
        "UPDATE holder SET unconfirmed = $2 WHERE organization = $1 AND state <> 'retired'",
        "UPDATE api_key SET unconfirmed = $2 WHERE organization = $1 AND state <> 'blocked'",
        // Who was to be told of events asks anew: one may have been removed.
        "UPDATE signal_receiver SET expires = $2 WHERE organization = $1 AND expires > $2",
    ] {
        tx.execute(sql, &[organization.into(), now.into()])?;
    }
    Ok(())
}

/// A text as JSON has it.
fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|one| match one {
        '"' | '\\' => format!("\\{one}"),
        one if one.is_control() => " ".to_owned(),
        one => one.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// How much is unconfirmed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unconfirmed {
    /// The organization, teams, agents and admins.
    pub holders: i64,
    /// API keys.
    pub api_keys: i64,
}

/// How much of an organization is unconfirmed.
///
/// # Errors
/// [`StoreError`].
pub fn unconfirmed(tx: &mut Tx<'_>, organization: &str) -> Result<Unconfirmed, StoreError> {
    let mut count = |table: &str| {
        let sql = format!(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM {table} WHERE organization = $1 AND unconfirmed IS NOT NULL"
        );
        tx.query(&sql, &[organization.into()])?.first().map_or(Ok(0), |row| row.int(0))
    };
    Ok(Unconfirmed { holders: count("holder")?, api_keys: count("api_key")? })
}

/// Something that is unconfirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// `organization`, `team`, `agent`, `admin` or `api-key`.
    pub kind: String,
    /// Its name; of an API key its id.
    pub name: String,
}

/// What of an organization is unconfirmed: holders by kind and name, then API keys by their ids; at most so many of each.
///
/// # Errors
/// [`StoreError`].
pub fn list(tx: &mut Tx<'_>, organization: &str, most: i64) -> Result<Vec<Open>, StoreError> {
    let mut found = Vec::new();
    for sql in [
        "SELECT kind, name FROM holder WHERE organization = $1 AND unconfirmed IS NOT NULL ORDER BY kind, name LIMIT $2",
        "SELECT 'api-key', id FROM api_key WHERE organization = $1 AND unconfirmed IS NOT NULL ORDER BY id LIMIT $2",
    ] {
        for row in tx.query(sql, &[organization.into(), most.into()])? {
            found.push(Open { kind: row.text(0)?, name: row.text(1)? });
        }
    }
    Ok(found)
}

/// Says that a holder still holds, by its id. Gives whether it was unconfirmed.
///
/// # Errors
/// [`StoreError`].
pub fn confirm_holder(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<bool, StoreError> {
    confirm(tx, "holder", "id = $2", &[organization.into(), id.into()])
}

/// Says that an API key still holds, by its id. Gives whether it was unconfirmed.
///
/// # Errors
/// [`StoreError`].
pub fn confirm_key(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<bool, StoreError> {
    confirm(tx, "api_key", "id = $2", &[organization.into(), id.into()])
}

/// Says that all API keys of a holder still hold. Gives whether one was unconfirmed.
///
/// # Errors
/// [`StoreError`].
pub fn confirm_keys_of(tx: &mut Tx<'_>, organization: &str, holder: &str) -> Result<bool, StoreError> {
    confirm(tx, "api_key", "holder = $2", &[organization.into(), holder.into()])
}

/// Says that all holders and API keys still hold.
///
/// # Errors
/// [`StoreError`].
pub fn confirm_all(tx: &mut Tx<'_>, organization: &str) -> Result<(), StoreError> {
    for table in ["holder", "api_key"] {
        confirm(tx, table, "unconfirmed IS NOT NULL", &[organization.into()])?;
    }
    Ok(())
}

fn confirm(tx: &mut Tx<'_>, table: &str, which: &str, parameters: &[Value]) -> Result<bool, StoreError> {
    let sql = format!(
        "UPDATE {table} SET unconfirmed = NULL WHERE organization = $1 AND {which} AND unconfirmed IS NOT NULL"
    );
    Ok(tx.execute(&sql, parameters)? > 0)
}
