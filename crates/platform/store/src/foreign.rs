//! What other organizations told of their own delegations, each token once; whom a rule has shut out for it; and which of their
//! delegations agents of the organization itself call with.

use crate::{
    error::StoreError,
    tx::Tx,
    value::{Row, Value},
};

/// Notes that a transmitter's token has come, by the SHA-256 of its name, at `at` (Unix seconds). `false` where it had.
///
/// # Errors
/// [`StoreError`].
pub fn hear(
    tx: &mut Tx<'_>,
    organization: &str,
    (issuer, jti): (&str, [u8; 32]),
    at: i64,
) -> Result<bool, StoreError> {
    let added = tx.execute(
        "INSERT INTO signal_heard (organization, issuer, jti, at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (organization, issuer, jti) DO NOTHING",
        &[organization.into(), issuer.into(), jti.into(), at.into()],
    )?;
    Ok(added > 0)
}

/// How many tokens of a transmitter are known, counted up to `most`. Those that came before a moment (Unix seconds) are forgotten.
///
/// # Errors
/// [`StoreError`].
pub fn heard(
    tx: &mut Tx<'_>,
    organization: &str,
    issuer: &str,
    (before, most): (i64, i64),
) -> Result<i64, StoreError> {
    tx.execute(
        "DELETE FROM signal_heard WHERE organization = $1 AND issuer = $2 AND at < $3",
        &[organization.into(), issuer.into(), before.into()],
    )?;
    let rows = tx.query(
        "SELECT at FROM signal_heard WHERE organization = $1 AND issuer = $2 LIMIT $3",
        &[organization.into(), issuer.into(), most.into()],
    )?;
    Ok(i64::try_from(rows.len()).unwrap_or(i64::MAX))
}

/// Somebody of another organization, or a delegation of it, that a rule has shut out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShutOut {
    /// What it is called, a UUIDv7.
    pub id: String,
    /// The DID with which the other organization's chains begin.
    pub root: String,
    /// A DID, or the SHA-256 of a delegation, base64url.
    pub subject: String,
    /// The rule.
    pub rule: String,
    /// Why, for people.
    pub reason: String,
    /// Since when, Unix seconds.
    pub at: i64,
}

const COLUMNS: &str = "SELECT id, root, subject, rule, reason, at FROM shut_out WHERE organization = $1";

fn read(row: &Row) -> Result<ShutOut, StoreError> {
    Ok(ShutOut {
        id: row.text(0)?,
        root: row.text(1)?,
        subject: row.text(2)?,
        rule: row.text(3)?,
        reason: row.text(4)?,
        at: row.int(5)?,
    })
}

/// Shuts somebody out. `false` where that was done before.
///
/// # Errors
/// [`StoreError`].
pub fn shut_out(tx: &mut Tx<'_>, organization: &str, one: &ShutOut) -> Result<bool, StoreError> {
    let ShutOut { id, root, subject, rule, reason, at } = one;
    let added = tx.execute(
        "INSERT INTO shut_out (organization, id, root, subject, rule, reason, at) VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (organization, root, subject) DO NOTHING",
        &[
            organization.into(),
            id.into(),
            root.into(),
            subject.into(),
            rule.into(),
            reason.into(),
            (*at).into(),
        ],
    )?;
    Ok(added > 0)
}

/// Those who are shut out whose ids come after `after`, in their order, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn list(tx: &mut Tx<'_>, organization: &str, after: &str, most: i64) -> Result<Vec<ShutOut>, StoreError> {
    let rows = tx.query(
        &format!("{COLUMNS} AND id > $2 ORDER BY id LIMIT $3"),
        &[organization.into(), after.into(), most.into()],
    )?;
    rows.iter().map(read).collect()
}

/// One of them.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn get(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<ShutOut, StoreError> {
    let rows = tx.query(&format!("{COLUMNS} AND id = $2"), &[organization.into(), id.into()])?;
    let what = || StoreError::NotFound { what: format!("entry `{id}` among those that are shut out") };
    read(rows.first().ok_or_else(what)?)
}

/// Lets one in again.
///
/// # Errors
/// [`StoreError`].
pub fn let_in(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM shut_out WHERE organization = $1 AND id = $2", &[organization.into(), id.into()])
        .map(drop)
}

/// Whether somebody is shut out of chains that begin with `root`, of these subjects.
///
/// # Errors
/// [`StoreError`].
pub fn is_shut_out(
    tx: &mut Tx<'_>,
    organization: &str,
    root: &str,
    subjects: &[String],
) -> Result<bool, StoreError> {
    let keys: Vec<Value> = subjects.iter().map(Value::from).collect();
    let rows =
        tx.query_in("SELECT root FROM shut_out WHERE organization = $1 AND subject", organization, &keys)?;
    for row in &rows {
        if row.text(0)? == root {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How many of an organization a rule has shut out after a moment (Unix seconds), who are so still; of any rule where none is named.
/// Counted up to `most`.
///
/// # Errors
/// [`StoreError`].
pub fn count(
    tx: &mut Tx<'_>,
    organization: &str,
    (root, rule): (&str, Option<&str>),
    (after, most): (i64, i64),
) -> Result<i64, StoreError> {
    let of = "SELECT id FROM shut_out WHERE organization = $1 AND root = $2 AND at > $3";
    let mut values: Vec<Value> = vec![organization.into(), root.into(), after.into(), most.into()];
    values.extend(rule.map(Value::from));
    let named = if rule.is_some() { " AND rule = $5" } else { "" };
    let rows = tx.query(&format!("{of}{named} LIMIT $4"), &values)?;
    Ok(i64::try_from(rows.len()).unwrap_or(i64::MAX))
}

/// A delegation of another organization by which, or below which, an agent of the organization itself calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lent {
    /// The organization's own agent, by its DID.
    pub agent: String,
    /// The SHA-256 of the delegation, base64url.
    pub digest: String,
    /// Who issued it.
    pub issuer: String,
    /// The DID with which the chain begins.
    pub root: String,
    /// Until when it is of use, Unix seconds.
    pub until: i64,
}

/// Keeps some of one agent, where it has fewer than `most`; one that is kept stays for the longer of both times. What is of no use any more at `now` (Unix seconds) is forgotten.
///
/// # Errors
/// [`StoreError`].
pub fn lend(
    tx: &mut Tx<'_>,
    organization: &str,
    all: &[Lent],
    (most, now): (i64, i64),
) -> Result<(), StoreError> {
    for Lent { agent, digest, issuer, root, until } in all {
        tx.execute(
            "DELETE FROM lent_link WHERE organization = $1 AND agent = $2 AND until < $3",
            &[organization.into(), agent.into(), now.into()],
        )?;
        let there = tx.query(
            "SELECT until FROM lent_link WHERE organization = $1 AND agent = $2 LIMIT $3",
            &[organization.into(), agent.into(), most.into()],
        )?;
        if i64::try_from(there.len()).unwrap_or(i64::MAX) >= most {
            continue;
        }
        tx.execute(
            "INSERT INTO lent_link (organization, agent, digest, issuer, root, until) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (organization, agent, digest) DO UPDATE SET until = excluded.until \
             WHERE lent_link.until < excluded.until",
            &[
                organization.into(),
                agent.into(),
                digest.into(),
                issuer.into(),
                root.into(),
                (*until).into(),
            ],
        )?;
    }
    Ok(())
}

/// The organization's own agents that call with a delegation of `root`, by its digest or by who issued it, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn lent_to(
    tx: &mut Tx<'_>,
    organization: &str,
    (root, subject): (&str, &str),
    (now, most): (i64, i64),
) -> Result<Vec<String>, StoreError> {
    let rows = tx.query(
        "SELECT DISTINCT agent FROM lent_link WHERE organization = $1 AND root = $2 AND (digest = $3 OR issuer = $3) \
         AND until > $4 ORDER BY agent LIMIT $5",
        &[organization.into(), root.into(), subject.into(), now.into(), most.into()],
    )?;
    rows.iter().map(|row| row.text(0)).collect()
}
