//! Keys that sign what others verify by a JWK set, of one table or another: sealed anew, replaced, and taken out of the set.

use crate::{error::StoreError, tx::Tx};

/// Writes a key as it is sealed now.
pub(crate) fn set_sealed(
    tx: &mut Tx<'_>,
    table: &'static str,
    (organization, key_id): (&str, &str),
    sealed: Vec<u8>,
) -> Result<(), StoreError> {
    tx.change_one(
        &format!("UPDATE {table} SET sealed = $3 WHERE organization = $1 AND key_id = $2"),
        &[organization.into(), key_id.into(), sealed.into()],
        "such key",
    )
}

/// Publishes the keys that sign until `until` (Unix seconds), and no longer signs by them; with `None` all keys are gone at once,
/// also those that were replaced before.
pub(crate) fn retire(
    tx: &mut Tx<'_>,
    table: &'static str,
    organization: &str,
    until: Option<i64>,
) -> Result<(), StoreError> {
    match until {
        Some(until) => tx.execute(
            &format!("UPDATE {table} SET until = $2 WHERE organization = $1 AND until IS NULL"),
            &[organization.into(), until.into()],
        ),
        None => tx.execute(&format!("DELETE FROM {table} WHERE organization = $1"), &[organization.into()]),
    }
    .map(drop)
}

/// Takes away keys that are no longer published at `now` (Unix seconds).
pub(crate) fn end(
    tx: &mut Tx<'_>,
    table: &'static str,
    organization: &str,
    now: i64,
) -> Result<(), StoreError> {
    tx.execute(
        &format!("DELETE FROM {table} WHERE organization = $1 AND until IS NOT NULL AND until <= $2"),
        &[organization.into(), now.into()],
    )
    .map(drop)
}
