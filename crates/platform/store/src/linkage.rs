//! What ties an organization's DID to its domain, signed.

use crate::{error::StoreError, tx::Tx};

/// The credential of a DID, and until when it is valid (Unix seconds); `None` where there is none.
///
/// # Errors
/// [`StoreError`].
pub fn get(tx: &mut Tx<'_>, organization: &str, did: &str) -> Result<Option<(String, i64)>, StoreError> {
    let rows = tx.query(
        "SELECT secured, valid_until FROM linkage WHERE organization = $1 AND did = $2",
        &[organization.into(), did.into()],
    )?;
    rows.first().map(|row| Ok((row.text(0)?, row.int(1)?))).transpose()
}

/// Keeps a credential in place of the one before.
///
/// # Errors
/// [`StoreError`].
pub fn set(
    tx: &mut Tx<'_>,
    organization: &str,
    did: &str,
    (secured, valid_until): (&str, i64),
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO linkage (organization, did, secured, valid_until) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (organization, did) DO UPDATE SET secured = excluded.secured, valid_until = excluded.valid_until",
        &[organization.into(), did.into(), secured.into(), valid_until.into()],
    )?;
    Ok(())
}
