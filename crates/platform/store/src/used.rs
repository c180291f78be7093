//! What agents spent, minute by minute of the last day, and which tools each has used: what rules of quarantine look at, summed up
//! from receipts by whoever follows them.

use crate::{error::StoreError, tx::Tx, value::Value};

/// For how long it is known what was spent, seconds: the longest window of a rule.
pub const KNOWN: i64 = 86_400;
/// Seconds of a minute, in which what was spent is summed up.
pub const MINUTE: i64 = 60;
/// Most tools of one agent that are known: one that it uses beyond them is not new.
const MOST_TOOLS: i64 = 1000;

/// Something that an agent spent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spent {
    /// The agent's DID.
    pub agent: String,
    /// The currency.
    pub currency: String,
    /// When the minute began, Unix seconds.
    pub minute: i64,
}

/// A tool, a skill or a model that an agent used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Used {
    /// The agent's DID.
    pub agent: String,
    /// What it did, such as `mcp:tools/call:NAME`.
    pub action: String,
    /// With what.
    pub resource: String,
}

/// Adds to what was spent in a minute, millionths of a minor unit.
///
/// # Errors
/// [`StoreError`].
pub fn add_spent(tx: &mut Tx<'_>, organization: &str, spent: &Spent, amount: i64) -> Result<(), StoreError> {
    let Spent { agent, currency, minute } = spent;
    tx.execute(
        "INSERT INTO spent (organization, agent, currency, minute, amount) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (organization, agent, currency, minute) DO UPDATE SET amount = spent.amount + excluded.amount",
        &[organization.into(), agent.into(), currency.into(), (*minute).into(), amount.into()],
    )
    .map(drop)
}

/// What an agent spent in the minutes that began after a moment (Unix seconds), millionths of a minor unit.
///
/// # Errors
/// [`StoreError`].
pub fn spent(
    tx: &mut Tx<'_>,
    organization: &str,
    (agent, currency): (&str, &str),
    after: i64,
) -> Result<i64, StoreError> {
    let rows = tx.query(
        "SELECT amount FROM spent WHERE organization = $1 AND agent = $2 AND currency = $3 AND minute > $4",
        &[organization.into(), agent.into(), currency.into(), after.into()],
    )?;
    rows.iter().try_fold(0_i64, |sum, row| Ok(sum.saturating_add(row.int(0)?)))
}

/// Notes that an agent used something, at a moment (Unix seconds), where that is not known already and there is room for it.
///
/// # Errors
/// [`StoreError`].
pub fn add_used(tx: &mut Tx<'_>, organization: &str, used: &Used, at: i64) -> Result<(), StoreError> {
    let Used { agent, action, resource } = used;
    let full = tx.query(
        "SELECT first_at FROM tool_used WHERE organization = $1 AND agent = $2 LIMIT 1 OFFSET $3",
        &[organization.into(), agent.into(), MOST_TOOLS.into()],
    )?;
    if !full.is_empty() {
        return Ok(());
    }
    tx.execute(
        "INSERT INTO tool_used (organization, agent, action, resource, first_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (organization, agent, action, resource) DO NOTHING",
        &[organization.into(), agent.into(), action.into(), resource.into(), at.into()],
    )
    .map(drop)
}

/// The first thing that an agent used after a moment (Unix seconds) for the first time, and when; at or after `from`.
///
/// # Errors
/// [`StoreError`].
pub fn new_of(
    tx: &mut Tx<'_>,
    organization: &str,
    agent: &str,
    (after, from): (i64, i64),
) -> Result<Option<(Used, i64)>, StoreError> {
    let rows = tx.query(
        "SELECT action, resource, first_at FROM tool_used WHERE organization = $1 AND agent = $2 AND first_at > $3 \
         AND first_at >= $4 ORDER BY first_at, action, resource LIMIT 1",
        &[organization.into(), agent.into(), after.into(), from.into()],
    )?;
    let Some(row) = rows.first() else { return Ok(None) };
    let used = Used { agent: agent.to_owned(), action: row.text(0)?, resource: row.text(1)? };
    Ok(Some((used, row.int(2)?)))
}

/// Since when an agent is known to use anything, Unix seconds.
///
/// # Errors
/// [`StoreError`].
pub fn known_since(tx: &mut Tx<'_>, organization: &str, agent: &str) -> Result<Option<i64>, StoreError> {
    let rows = tx.query(
        "SELECT MIN(first_at) FROM tool_used WHERE organization = $1 AND agent = $2",
        &[organization.into(), agent.into()],
    )?;
    rows.first().map_or(Ok(None), |row| row.maybe_int(0))
}

/// The agents that spent something, or used something for the first time, after a moment (Unix seconds), at most so many of either.
///
/// # Errors
/// [`StoreError`].
pub fn active_after(
    tx: &mut Tx<'_>,
    organization: &str,
    after: i64,
    most: i64,
) -> Result<Vec<String>, StoreError> {
    let values: [Value; 3] = [organization.into(), after.into(), most.into()];
    let mut rows = tx.query(
        "SELECT DISTINCT agent FROM spent WHERE organization = $1 AND minute > $2 ORDER BY agent LIMIT $3",
        &values,
    )?;
    rows.extend(tx.query(
        "SELECT DISTINCT agent FROM tool_used WHERE organization = $1 AND first_at > $2 ORDER BY agent LIMIT $3",
        &values,
    )?);
    rows.iter().map(|row| row.text(0)).collect()
}

/// Whether there is something of that.
///
/// # Errors
/// [`StoreError`].
pub fn is_due(tx: &mut Tx<'_>, organization: &str, now: i64) -> Result<bool, StoreError> {
    let rows = tx.query(
        "SELECT minute FROM spent WHERE organization = $1 AND minute < $2 LIMIT 1",
        &[organization.into(), now.saturating_sub(KNOWN).into()],
    )?;
    Ok(!rows.is_empty())
}

/// Forgets what was spent so long ago that no rule asks for it any more at `now` (Unix seconds).
///
/// # Errors
/// [`StoreError`].
pub fn forget(tx: &mut Tx<'_>, organization: &str, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM spent WHERE organization = $1 AND minute < $2",
        &[organization.into(), now.saturating_sub(KNOWN).into()],
    )
    .map(drop)
}
