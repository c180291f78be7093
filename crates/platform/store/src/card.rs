//! Agent cards, signed, in all their versions.

use crate::{error::StoreError, tx::Tx, value::Row};

/// A version of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Its number; they have no gaps.
    pub version: i64,
    /// Since when, Unix seconds.
    pub at: i64,
    /// The card with its signatures, as it is published; empty where it was taken away.
    pub secured: String,
}

/// A holder's card as of a moment (Unix seconds); `None` where it had none.
///
/// # Errors
/// [`StoreError`].
pub fn at(
    tx: &mut Tx<'_>,
    organization: &str,
    holder: &str,
    moment: i64,
) -> Result<Option<Card>, StoreError> {
    let rows = tx.query(
        "SELECT version, at, secured FROM card WHERE organization = $1 AND holder = $2 AND at <= $3 \
         ORDER BY version DESC LIMIT 1",
        &[organization.into(), holder.into(), moment.into()],
    )?;
    let card = |row: &Row| -> Result<Card, StoreError> {
        Ok(Card { version: row.int(0)?, at: row.int(1)?, secured: row.text(2)? })
    };
    Ok(rows.first().map(card).transpose()?.filter(|card| !card.secured.is_empty()))
}

/// Keeps a new version of a holder's card, empty where it has none from now on. Gives its number.
///
/// # Errors
/// [`StoreError`].
pub fn set(
    tx: &mut Tx<'_>,
    organization: &str,
    holder: &str,
    (secured, now): (&str, i64),
) -> Result<i64, StoreError> {
    let rows = tx.query(
        "SELECT COALESCE(MAX(version), 0) FROM card WHERE organization = $1 AND holder = $2",
        &[organization.into(), holder.into()],
    )?;
    let version = rows.first().map_or(Ok(0), |row| row.int(0))?.saturating_add(1);
    tx.execute(
        "INSERT INTO card (organization, holder, version, at, secured) VALUES ($1, $2, $3, $4, $5)",
        &[organization.into(), holder.into(), version.into(), now.into(), secured.into()],
    )?;
    Ok(version)
}
