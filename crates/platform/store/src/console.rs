//! Codes by which somebody signs in to the console: each is good once.

use crate::{error::StoreError, tx::Tx};

/// Most codes of one maker that may still be typed.
const MOST: i64 = 100;

/// A code that somebody may still type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// The SHA-256 of the code, base64url.
    pub digest: String,
    /// What whoever types it becomes.
    pub role: String,
    /// Who made it.
    pub made_by: String,
    /// Until when it may be typed, Unix seconds.
    pub until: i64,
}

/// Keeps a code, and says whether there was room for it: those that have ended go first.
///
/// # Errors
/// [`StoreError`].
pub fn put(tx: &mut Tx<'_>, organization: &str, code: &Code, now: i64) -> Result<bool, StoreError> {
    tx.execute(
        "DELETE FROM console_code WHERE organization = $1 AND until <= $2",
        &[organization.into(), now.into()],
    )?;
    let rows = tx.query(
        "SELECT COUNT(*) FROM console_code WHERE organization = $1 AND made_by = $2",
        &[organization.into(), code.made_by.as_str().into()],
    )?;
    if rows.first().map_or(Ok(0), |row| row.int(0))? >= MOST {
        return Ok(false);
    }
    tx.execute(
        "INSERT INTO console_code (organization, digest, role, made_by, until) VALUES ($1, $2, $3, $4, $5)",
        &[
            organization.into(),
            code.digest.as_str().into(),
            code.role.as_str().into(),
            code.made_by.as_str().into(),
            code.until.into(),
        ],
    )?;
    Ok(true)
}

/// A code, where it may still be typed.
///
/// # Errors
/// [`StoreError`].
pub fn get(tx: &mut Tx<'_>, organization: &str, digest: &str, now: i64) -> Result<Option<Code>, StoreError> {
    let rows = tx.query(
        "SELECT role, made_by, until FROM console_code WHERE organization = $1 AND digest = $2 AND until > $3",
        &[organization.into(), digest.into(), now.into()],
    )?;
    let code = |row: &crate::value::Row| {
        Ok(Code { digest: digest.to_owned(), role: row.text(0)?, made_by: row.text(1)?, until: row.int(2)? })
    };
    rows.first().map(code).transpose()
}

/// Takes a code away. Whether it was there says who of two that type it at once is in.
///
/// # Errors
/// [`StoreError`].
pub fn take(tx: &mut Tx<'_>, organization: &str, digest: &str) -> Result<bool, StoreError> {
    let taken = tx.execute(
        "DELETE FROM console_code WHERE organization = $1 AND digest = $2",
        &[organization.into(), digest.into()],
    )?;
    Ok(taken == 1)
}
