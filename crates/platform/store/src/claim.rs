//! The code by which an organization's first admin is made.

use crate::{error::StoreError, tx::Tx};

/// A code that somebody may still type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// SHA-256 of the code.
    pub digest: [u8; 32],
    /// Until when it may be used, Unix seconds.
    pub until: i64,
    /// How often another one was typed.
    pub tries: i64,
}

/// Writes a claim in place of the one before.
///
/// # Errors
/// [`StoreError`].
pub fn put(tx: &mut Tx<'_>, organization: &str, claim: &Claim) -> Result<(), StoreError> {
    let Claim { digest, until, tries } = *claim;
    tx.execute(
        "INSERT INTO claim (organization, digest, until, tries) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (organization) DO UPDATE SET digest = excluded.digest, until = excluded.until, tries = excluded.tries",
        &[organization.into(), digest.into(), until.into(), tries.into()],
    )
    .map(drop)
}

/// The claim of an organization; `None` where there is none.
///
/// # Errors
/// [`StoreError`].
pub fn get(tx: &mut Tx<'_>, organization: &str) -> Result<Option<Claim>, StoreError> {
    let rows =
        tx.query("SELECT digest, until, tries FROM claim WHERE organization = $1", &[organization.into()])?;
    let claim = |row: &crate::value::Row| {
        Ok(Claim { digest: row.digest(0)?, until: row.int(1)?, tries: row.int(2)? })
    };
    rows.first().map(claim).transpose()
}

/// Takes the claim of an organization away, where there is one.
///
/// # Errors
/// [`StoreError`].
pub fn remove(tx: &mut Tx<'_>, organization: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM claim WHERE organization = $1", &[organization.into()]).map(drop)
}
