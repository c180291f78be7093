//! Whose something is that a server behind the gateway gives a name to: of who names it first, by the digest of the name.

use crate::{error::StoreError, tx::Tx};

/// For how long it is known, seconds. Whoever still has it then begins another.
const KNOWN: i64 = 30 * 86_400;

/// Keeps whose something is, in a table for things of its kind, and gives that: the first one stays, of two at once, too. What its
/// owner names again is known for as long from then on.
pub(crate) fn begin(
    tx: &mut Tx<'_>,
    table: &'static str,
    organization: &str,
    (digest, agent): (&str, &str),
    now: i64,
) -> Result<Option<String>, StoreError> {
    tx.execute(
        &format!("DELETE FROM {table} WHERE organization = $1 AND at < $2"),
        &[organization.into(), now.saturating_sub(KNOWN).into()],
    )?;
    tx.execute(
        &format!(
            "INSERT INTO {table} (organization, digest, agent, at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (organization, digest) DO UPDATE SET at = excluded.at WHERE {table}.agent = excluded.agent"
        ),
        &[organization.into(), digest.into(), agent.into(), now.into()],
    )?;
    owner(tx, table, organization, digest)
}

/// Whose something is, by its digest.
pub(crate) fn owner(
    tx: &mut Tx<'_>,
    table: &'static str,
    organization: &str,
    digest: &str,
) -> Result<Option<String>, StoreError> {
    let rows = tx.query(
        &format!("SELECT agent FROM {table} WHERE organization = $1 AND digest = $2"),
        &[organization.into(), digest.into()],
    )?;
    rows.first().map(|row| row.text(0)).transpose()
}
