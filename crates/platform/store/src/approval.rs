//! Requests that wait for somebody's approval, and what was answered to them.

use crate::{error::StoreError, tx::Tx, value::Row};

/// A request that was held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its id.
    pub id: String,
    /// The digest of what is approved, base64url: one request is held once.
    pub digest: String,
    /// Who asks, by its DID.
    pub agent: String,
    /// The organization's own agent that it counts for, by its DID.
    pub holder: String,
    /// `pending`, `granted`, `refused` or `used`.
    pub state: String,
    /// When it was asked for, Unix seconds.
    pub asked: i64,
    /// Until when it can be decided, and what was decided counts, Unix seconds.
    pub until: i64,
    /// What is approved, as JSON.
    pub request: String,
    /// Why it needs an approval.
    pub why: String,
    /// Who decided last, by a DID, where that is known.
    pub decided_by: String,
    /// Why it was refused.
    pub reason: String,
}

const COLUMNS: &str = "id, digest, agent, holder, state, asked, until, request, why, decided_by, reason";

fn read(row: &Row) -> Result<Held, StoreError> {
    Ok(Held {
        id: row.text(0)?,
        digest: row.text(1)?,
        agent: row.text(2)?,
        holder: row.text(3)?,
        state: row.text(4)?,
        asked: row.int(5)?,
        until: row.int(6)?,
        request: row.text(7)?,
        why: row.text(8)?,
        decided_by: row.text(9)?,
        reason: row.text(10)?,
    })
}

/// Writes one, in place of one of the same digest.
///
/// # Errors
/// [`StoreError`].
pub fn put(tx: &mut Tx<'_>, organization: &str, held: &Held) -> Result<(), StoreError> {
    let Held { id, digest, agent, holder, state, asked, until, request, why, decided_by, reason } = held;
    tx.execute(
        "INSERT INTO approval (organization, id, digest, agent, holder, state, asked, until, request, why, decided_by, reason) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         ON CONFLICT (organization, digest) DO UPDATE SET id = excluded.id, state = excluded.state, \
         asked = excluded.asked, until = excluded.until, request = excluded.request, why = excluded.why, \
         decided_by = excluded.decided_by, reason = excluded.reason",
        &[
            organization.into(),
            id.into(),
            digest.into(),
            agent.into(),
            holder.into(),
            state.into(),
            (*asked).into(),
            (*until).into(),
            request.into(),
            why.into(),
            decided_by.into(),
            reason.into(),
        ],
    )
    .map(drop)
}

fn one(tx: &mut Tx<'_>, organization: &str, column: &str, value: &str) -> Result<Option<Held>, StoreError> {
    let text = format!("SELECT {COLUMNS} FROM approval WHERE organization = $1 AND {column} = $2");
    tx.query(&text, &[organization.into(), value.into()])?.first().map(read).transpose()
}

/// One by its id.
///
/// # Errors
/// [`StoreError`].
pub fn get(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<Option<Held>, StoreError> {
    one(tx, organization, "id", id)
}

/// One by the digest of what is approved.
///
/// # Errors
/// [`StoreError`].
pub fn of(tx: &mut Tx<'_>, organization: &str, digest: &str) -> Result<Option<Held>, StoreError> {
    one(tx, organization, "digest", digest)
}

/// Those in a state whose ids come after `after`, in their order, which is that of time; at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn list(
    tx: &mut Tx<'_>,
    (organization, state): (&str, &str),
    (after, most): (&str, i64),
) -> Result<Vec<Held>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS} FROM approval WHERE organization = $1 AND state = $2 AND id > $3 ORDER BY id LIMIT $4"
    );
    let rows = tx.query(&text, &[organization.into(), state.into(), after.into(), most.into()])?;
    rows.iter().map(read).collect()
}

/// How many wait at a moment (Unix seconds) that count for an agent, counted up to `most`.
///
/// # Errors
/// [`StoreError`].
pub fn waiting(
    tx: &mut Tx<'_>,
    organization: &str,
    holder: &str,
    (now, most): (i64, i64),
) -> Result<usize, StoreError> {
    let rows = tx.query(
        "SELECT id FROM approval WHERE organization = $1 AND holder = $2 AND state = 'pending' AND until > $3 LIMIT $4",
        &[organization.into(), holder.into(), now.into(), most.into()],
    )?;
    Ok(rows.len())
}

/// Forgets those that count for an agent and ended before a moment.
///
/// # Errors
/// [`StoreError`].
pub fn forget(tx: &mut Tx<'_>, organization: &str, holder: &str, before: i64) -> Result<(), StoreError> {
    let of = [organization.into(), holder.into(), before.into()];
    tx.execute(
        "DELETE FROM approval_given WHERE organization = $1 AND id IN \
         (SELECT id FROM approval WHERE organization = $1 AND holder = $2 AND until < $3)",
        &of,
    )?;
    tx.execute("DELETE FROM approval WHERE organization = $1 AND holder = $2 AND until < $3", &of).map(drop)
}

/// Keeps what an approver signed; a second one of the same takes the place of the first.
///
/// # Errors
/// [`StoreError`].
pub fn give(
    tx: &mut Tx<'_>,
    organization: &str,
    (id, approver, secured): (&str, &str, &str),
    now: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO approval_given (organization, id, approver, secured, at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (organization, id, approver) DO UPDATE SET secured = excluded.secured, at = excluded.at",
        &[organization.into(), id.into(), approver.into(), secured.into(), now.into()],
    )
    .map(drop)
}

/// What approvers signed of one, at most sixteen.
///
/// # Errors
/// [`StoreError`].
pub fn given(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<Vec<(String, String)>, StoreError> {
    let rows = tx.query(
        "SELECT approver, secured FROM approval_given WHERE organization = $1 AND id = $2 ORDER BY approver LIMIT 16",
        &[organization.into(), id.into()],
    )?;
    rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect()
}
