//! Receipts of others: what services signed of what agents of the organization sent, and whether that holds.

use crate::{error::StoreError, tx::Tx, value::Row};

/// One, as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theirs {
    /// Its number, from 1; 0 of one that is not kept yet.
    pub seq: i64,
    /// SHA-256 of its text, base64url: an agent has it once.
    pub digest: String,
    /// Whose it is, by its DID: who sent what was answered so, or who handed it in.
    pub agent: String,
    /// Among whose it is counted, by its DID: the agent itself, or that of the organization which it is a child of.
    pub holder: String,
    /// The origin that answered with it; empty where the agent handed it in.
    pub origin: String,
    /// When it arrived, Unix seconds.
    pub at: i64,
    /// Who signed it, by a DID; empty where it does not say.
    pub signer: String,
    /// What it says that was decided, and by which code.
    pub decision: String,
    /// The code of a denial.
    pub code: String,
    /// When it says that this was, Unix seconds.
    pub said_at: Option<i64>,
    /// `verified`, `wrong`, `foreign` or `unresolved`.
    pub state: String,
    /// Why it is not verified.
    pub reason: String,
    /// The receipt, a compact JWS.
    pub secured: String,
}

const COLUMNS: &str =
    "seq, digest, agent, holder, origin, at, signer, decision, code, said_at, state, reason, secured";

fn read(row: &Row) -> Result<Theirs, StoreError> {
    Ok(Theirs {
        seq: row.int(0)?,
        digest: row.text(1)?,
        agent: row.text(2)?,
        holder: row.text(3)?,
        origin: row.text(4)?,
        at: row.int(5)?,
        signer: row.text(6)?,
        decision: row.text(7)?,
        code: row.text(8)?,
        said_at: row.maybe_int(9)?,
        state: row.text(10)?,
        reason: row.text(11)?,
        secured: row.text(12)?,
    })
}

/// The one of an agent with a digest.
///
/// # Errors
/// [`StoreError`].
pub fn of(
    tx: &mut Tx<'_>,
    organization: &str,
    (agent, digest): (&str, &str),
) -> Result<Option<Theirs>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM their_receipt WHERE organization = $1 AND agent = $2 AND digest = $3");
    let rows = tx.query(&sql, &[organization.into(), agent.into(), digest.into()])?;
    rows.first().map(read).transpose()
}

/// Keeps one, in place of one of the same agent and digest, and gives its number. The organization's row is locked.
///
/// # Errors
/// [`StoreError`].
pub fn put(tx: &mut Tx<'_>, organization: &str, theirs: &Theirs) -> Result<i64, StoreError> {
    let last = tx.query(
        "SELECT seq FROM their_receipt WHERE organization = $1 ORDER BY seq DESC LIMIT 1",
        &[organization.into()],
    )?;
    let next = last.first().map_or(Ok(0), |row| row.int(0))?.saturating_add(1);
    let seq = if theirs.seq == 0 { next } else { theirs.seq };
    let Theirs {
        digest,
        agent,
        holder,
        origin,
        at,
        signer,
        decision,
        code,
        said_at,
        state,
        reason,
        secured,
        ..
    } = theirs;
    tx.execute(
        "INSERT INTO their_receipt (organization, seq, digest, agent, holder, origin, at, signer, decision, code, said_at, \
         state, reason, secured) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
         ON CONFLICT (organization, seq) DO UPDATE SET origin = excluded.origin, at = excluded.at, state = excluded.state, \
         reason = excluded.reason",
        &[
            organization.into(),
            seq.into(),
            digest.into(),
            agent.into(),
            holder.into(),
            origin.into(),
            (*at).into(),
            signer.into(),
            decision.into(),
            code.into(),
            (*said_at).into(),
            state.into(),
            reason.into(),
            secured.into(),
        ],
    )?;
    Ok(seq)
}

/// One by its number.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn get(tx: &mut Tx<'_>, organization: &str, seq: i64) -> Result<Theirs, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM their_receipt WHERE organization = $1 AND seq = $2");
    let rows = tx.query(&sql, &[organization.into(), seq.into()])?;
    let missing = || StoreError::NotFound { what: format!("receipt {seq} of others") };
    read(rows.first().ok_or_else(missing)?)
}

/// The latest, of an agent where one is named, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn latest(
    tx: &mut Tx<'_>,
    organization: &str,
    agent: Option<&str>,
    most: i64,
) -> Result<Vec<Theirs>, StoreError> {
    let rows = match agent {
        None => tx.query(
            &format!("SELECT {COLUMNS} FROM their_receipt WHERE organization = $1 ORDER BY seq DESC LIMIT $2"),
            &[organization.into(), most.into()],
        ),
        Some(agent) => tx.query(
            &format!(
                "SELECT {COLUMNS} FROM their_receipt WHERE organization = $1 AND agent = $2 ORDER BY seq DESC LIMIT $3"
            ),
            &[organization.into(), agent.into(), most.into()],
        ),
    };
    rows?.iter().map(read).collect()
}

/// How many of a holder and its children arrived after a moment, counted up to `most`.
///
/// # Errors
/// [`StoreError`].
pub fn since(
    tx: &mut Tx<'_>,
    organization: &str,
    (holder, after): (&str, i64),
    most: i64,
) -> Result<usize, StoreError> {
    let rows = tx.query(
        "SELECT seq FROM their_receipt WHERE organization = $1 AND holder = $2 AND at > $3 LIMIT $4",
        &[organization.into(), holder.into(), after.into(), most.into()],
    )?;
    Ok(rows.len())
}

/// Forgets those that arrived before a moment.
///
/// # Errors
/// [`StoreError`].
pub fn forget(tx: &mut Tx<'_>, organization: &str, before: i64) -> Result<(), StoreError> {
    let of = [organization.into(), before.into()];
    tx.execute("DELETE FROM their_receipt WHERE organization = $1 AND at < $2", &of).map(drop)
}
