//! What was answered to a write that carries an idempotency key, so that whoever asks again is answered the same.

use crate::{error::StoreError, tx::Tx, value::Value};

/// By what a write is known again: a key of one admin, for one verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    /// Who asked: a DID.
    pub admin: &'a str,
    /// What was asked for, such as `admin:agents.add`.
    pub verb: &'a str,
    /// The key that the admin chose.
    pub key: &'a str,
}

/// What is kept of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// SHA-256 of the request.
    pub request: [u8; 32],
    /// What was answered; `None` where a secret stood in it.
    pub answer: Option<String>,
}

fn parameters(organization: &str, name: &Name<'_>) -> Vec<Value> {
    vec![organization.into(), name.admin.into(), name.verb.into(), name.key.into()]
}

/// What is kept of a write; `None` where nothing is.
///
/// # Errors
/// [`StoreError`].
pub fn get(tx: &mut Tx<'_>, organization: &str, name: &Name<'_>) -> Result<Option<Kept>, StoreError> {
    let rows = tx.query(
        "SELECT request, answer FROM idempotency \
         WHERE organization = $1 AND admin = $2 AND verb = $3 AND name = $4",
        &parameters(organization, name),
    )?;
    rows.first().map(|row| Ok(Kept { request: row.digest(0)?, answer: row.maybe_text(1)? })).transpose()
}

/// Keeps a write, at `at` (Unix seconds).
///
/// # Errors
/// [`StoreError::Exists`] where one of that name is kept.
pub fn add(
    tx: &mut Tx<'_>,
    organization: &str,
    name: &Name<'_>,
    kept: &Kept,
    at: i64,
) -> Result<(), StoreError> {
    let mut values = parameters(organization, name);
    values.extend([kept.request.into(), kept.answer.clone().into(), at.into()]);
    tx.execute(
        "INSERT INTO idempotency (organization, admin, verb, name, request, answer, at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &values,
    )
    .map(drop)
}

/// Forgets what was kept before a moment, Unix seconds.
///
/// # Errors
/// [`StoreError`].
pub fn forget(tx: &mut Tx<'_>, organization: &str, before: i64) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM idempotency WHERE organization = $1 AND at < $2",
        &[organization.into(), before.into()],
    )
    .map(drop)
}
