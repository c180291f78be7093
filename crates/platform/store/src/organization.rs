//! Organizations: the tenants of a store.

use crate::{
    connection::Connection,
    error::StoreError,
    migrate,
    tx::Tx,
    value::{Row, Value},
};

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its id, a UUID.
    pub id: String,
    /// Its domain as a did:web writes it, such as `acme.example` or `localhost%3A8080`.
    pub domain: String,
    /// When it was made, Unix seconds.
    pub created: i64,
    /// The number of its last change that decisions depend on.
    pub epoch: i64,
    /// The number of its last event.
    pub events: i64,
    /// The number of its last receipt.
    pub receipts: i64,
    /// Why it is closed; `None` where it is open ([`crate::restored`]).
    pub closed: Option<String>,
    /// How often it was opened again after it was put back.
    pub era: i64,
}

/// The lock of whoever makes an organization, in PostgreSQL.
const ALONE: i64 = 0x6c65_6761_6f72_6773;

fn columns() -> String {
    format!(
        "SELECT id, domain, created, epoch, events, receipts, CASE WHEN closed IS NULL THEN NULL \
         ELSE COALESCE(closed_why, '') END, era, {} FROM organization",
        migrate::COMPATIBLE_FROM
    )
}

fn read(row: &Row) -> Result<Organization, StoreError> {
    migrate::must_be_known(row.int(8)?)?;
    Ok(Organization {
        id: row.text(0)?,
        domain: row.text(1)?,
        created: row.int(2)?,
        epoch: row.int(3)?,
        events: row.int(4)?,
        receipts: row.int(5)?,
        closed: row.maybe_text(6)?,
        era: row.int(7)?,
    })
}

/// Makes an organization. Its ledger knows of nothing, so that what was signed before `created` (Unix seconds) is refused.
///
/// # Errors
/// [`StoreError::Exists`] where the domain is taken.
pub fn add(tx: &mut Tx<'_>, id: &str, domain: &str, created: i64) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO organization (id, domain, created, epoch, events, event_digest, receipts, lists, nonces, totals, begun) \
         VALUES ($1, $2, $3, 1, 0, $4, 0, 0, 0, 0, $3)",
        &[id.into(), domain.into(), created.into(), [0; 32].into()],
    )
    .map(drop)
}

/// All organizations of the store, at most so many, in the order of their domains.
///
/// # Errors
/// [`StoreError`].
pub fn all(tx: &mut Tx<'_>, most: i64) -> Result<Vec<Organization>, StoreError> {
    let rows = tx.query(&format!("{} ORDER BY domain LIMIT $1", columns()), &[most.into()])?;
    rows.iter().map(read).collect()
}

/// The organization of a domain, where there is one.
///
/// # Errors
/// [`StoreError`].
pub fn by_domain(tx: &mut Tx<'_>, domain: &str) -> Result<Option<Organization>, StoreError> {
    let rows = tx.query(&format!("{} WHERE domain = $1", columns()), &[domain.into()])?;
    rows.first().map(read).transpose()
}

/// The names below a domain that organizations have: `sales` of `acme.example:sales`.
///
/// # Errors
/// [`StoreError`].
pub fn below(tx: &mut Tx<'_>, domain: &str) -> Result<Vec<String>, StoreError> {
    let begins = format!("{domain}:");
    // A domain may hold what `LIKE` reads otherwise.
    let sql = "SELECT domain FROM organization WHERE substr(domain, 1, length(CAST($1 AS TEXT))) = CAST($1 AS TEXT) \
               ORDER BY domain";
    let rows = tx.query(sql, &[begins.as_str().into()])?;
    rows.iter().map(|row| Ok(row.text(0)?.split_off(begins.len()))).collect()
}

/// Lets nobody else make an organization until the transaction ends: whoever looks which names are free finds all that are taken.
///
/// # Errors
/// [`StoreError`].
pub fn alone(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    match tx.connection() {
        // Whoever writes is alone.
        Connection::Sqlite(_) => Ok(()),
        one @ Connection::Postgres { .. } => one.batch(&format!("SELECT pg_advisory_xact_lock({ALONE})")),
    }
}

/// An organization by its id.
///
/// # Errors
/// [`StoreError`].
pub fn get(tx: &mut Tx<'_>, id: &str) -> Result<Organization, StoreError> {
    let rows = tx.query(&format!("{} WHERE id = $1", columns()), &[id.into()])?;
    let row = rows.first().ok_or_else(|| StoreError::NotFound { what: "such organization".to_owned() })?;
    read(row)
}

/// Locks an organization until the transaction ends, so that its verbs go one after another.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Restored`] where it is closed.
pub fn lock(tx: &mut Tx<'_>, id: &str) -> Result<Organization, StoreError> {
    let organization = lock_closed(tx, id)?;
    match organization.closed {
        Some(why) => Err(StoreError::Restored { why }),
        None => Ok(organization),
    }
}

/// As [`lock`], also where it is closed: for whoever opens it again.
///
/// # Errors
/// [`StoreError`].
pub fn lock_closed(tx: &mut Tx<'_>, id: &str) -> Result<Organization, StoreError> {
    let rows = tx.locked(&format!("{} WHERE id = $1", columns()), &[id.into()])?;
    let row = rows.first().ok_or_else(|| StoreError::NotFound { what: "such organization".to_owned() })?;
    read(row)
}

/// The number of an organization's last event, and its digest.
///
/// # Errors
/// [`StoreError`].
pub fn last_event(tx: &mut Tx<'_>, id: &str) -> Result<(i64, [u8; 32]), StoreError> {
    let rows = tx.query("SELECT events, event_digest FROM organization WHERE id = $1", &[id.into()])?;
    let row = rows.first().ok_or_else(|| StoreError::NotFound { what: "such organization".to_owned() })?;
    Ok((row.int(0)?, row.digest(1)?))
}

/// The database's clock, and when an event or a receipt was written last by the clock of whoever did, Unix seconds.
///
/// # Errors
/// [`StoreError`].
pub fn clocks(tx: &mut Tx<'_>, id: &str) -> Result<(i64, i64), StoreError> {
    let now = match tx.connection() {
        Connection::Sqlite(_) => "SELECT CAST(strftime('%s', 'now') AS INTEGER)",
        Connection::Postgres { .. } => "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)",
    };
    let rows = tx.query(now, &[])?;
    let now = rows.first().map_or(Ok(0), |row| row.int(0))?;
    let mut last = 0;
    for table in ["event", "receipt"] {
        let sql = format!("SELECT at FROM {table} WHERE organization = $1 ORDER BY seq DESC LIMIT 1");
        let rows = tx.query(&sql, &[id.into()])?;
        last = last.max(rows.first().map_or(Ok(0), |row| row.int(0))?);
    }
    Ok((now, last))
}

/// Refuses what an organization that is closed does not do.
///
/// # Errors
/// [`StoreError::Restored`].
pub fn must_be_open(tx: &mut Tx<'_>, id: &str) -> Result<(), StoreError> {
    match get(tx, id)?.closed {
        Some(why) => Err(StoreError::Restored { why }),
        None => Ok(()),
    }
}

/// Takes the numbers of two new status lists, of which the first is given; numbers begin at 1.
///
/// # Errors
/// [`StoreError`].
pub fn take_lists(tx: &mut Tx<'_>, id: &str) -> Result<i64, StoreError> {
    let rows = tx.query(
        "UPDATE organization SET lists = lists + 2 WHERE id = $1 RETURNING lists",
        &[Value::from(id)],
    )?;
    let row = rows.first().ok_or_else(|| StoreError::NotFound { what: "such organization".to_owned() })?;
    Ok(row.int(0)?.saturating_sub(1))
}
