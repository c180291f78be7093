//! A2A agents behind the gateway: whose a task or a context is.

use crate::{error::StoreError, owned, tx::Tx};

const NAMED: &str = "a2a_named";
/// Most tasks and contexts of one agent that are known: of more the oldest are forgotten.
const MOST: i64 = 10_000;

/// Keeps whose something is, by its digest, and gives that: the first one stays.
///
/// # Errors
/// [`StoreError`].
pub fn begin(
    tx: &mut Tx<'_>,
    organization: &str,
    (digest, agent): (&str, &str),
    now: i64,
) -> Result<Option<String>, StoreError> {
    tx.execute(
        "DELETE FROM a2a_named WHERE organization = $1 AND agent = $2 AND at <= \
         (SELECT at FROM a2a_named WHERE organization = $1 AND agent = $2 ORDER BY at DESC LIMIT 1 OFFSET $3)",
        &[organization.into(), agent.into(), MOST.into()],
    )?;
    owned::begin(tx, NAMED, organization, (digest, agent), now)
}

/// Whose something is, by its digest.
///
/// # Errors
/// [`StoreError`].
pub fn owner(tx: &mut Tx<'_>, organization: &str, digest: &str) -> Result<Option<String>, StoreError> {
    owned::owner(tx, NAMED, organization, digest)
}
