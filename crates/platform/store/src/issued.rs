//! Identity tokens that were issued and have not ended: of which chain each was made, and whether it was revoked. The token itself is
//! not kept, nor its `jti`.

use crate::{error::StoreError, tx::Tx, value::Row};

/// A token that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// SHA-256 of its `jti`, base64url.
    pub id: String,
    /// The agent that it is of, by its DID.
    pub agent: String,
    /// The key by which that agent showed itself, as a Multikey.
    pub key: String,
    /// The chain that it was made of: its links, root first, as they stand in a header.
    pub chain: String,
    /// Until when it holds at most, Unix seconds.
    pub until: i64,
    /// When it was revoked, Unix seconds.
    pub revoked: Option<i64>,
}

/// Keeps a token, and takes away those that ended before `now` (Unix seconds).
///
/// # Errors
/// [`StoreError::Exists`] where there is one with this id.
pub fn add(tx: &mut Tx<'_>, organization: &str, issued: &Issued, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM issued_token WHERE organization = $1 AND until < $2",
        &[organization.into(), now.into()],
    )?;
    let Issued { id, agent, key, chain, until, .. } = issued;
    tx.execute(
        "INSERT INTO issued_token (organization, id, agent, key, chain, until, revoked) \
         VALUES ($1, $2, $3, $4, $5, $6, NULL)",
        &[organization.into(), id.into(), agent.into(), key.into(), chain.into(), (*until).into()],
    )
    .map(drop)
}

/// The token with this id, where it was issued and has not ended long ago.
///
/// # Errors
/// [`StoreError`].
pub fn get(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<Option<Issued>, StoreError> {
    let rows = tx.query(
        "SELECT id, agent, key, chain, until, revoked FROM issued_token WHERE organization = $1 AND id = $2",
        &[organization.into(), id.into()],
    )?;
    let issued = |row: &Row| {
        Ok(Issued {
            id: row.text(0)?,
            agent: row.text(1)?,
            key: row.text(2)?,
            chain: row.text(3)?,
            until: row.int(4)?,
            revoked: row.maybe_int(5)?,
        })
    };
    rows.first().map(issued).transpose()
}

/// Whether a token was issued and is not revoked.
///
/// # Errors
/// [`StoreError`].
pub fn stands(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<bool, StoreError> {
    let rows = tx.query(
        "SELECT until FROM issued_token WHERE organization = $1 AND id = $2 AND revoked IS NULL",
        &[organization.into(), id.into()],
    )?;
    Ok(!rows.is_empty())
}

/// Revokes a token at `now` (Unix seconds). Gives whether it stood until then.
///
/// # Errors
/// [`StoreError`].
pub fn revoke(tx: &mut Tx<'_>, organization: &str, id: &str, now: i64) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE issued_token SET revoked = $3 WHERE organization = $1 AND id = $2 AND revoked IS NULL",
        &[organization.into(), id.into(), now.into()],
    )?;
    Ok(changed > 0)
}

/// Notes that a proof of possession was shown, by what it is known by, until when it could come again (Unix seconds). Gives whether it
/// is the first time.
///
/// # Errors
/// [`StoreError`].
pub fn first_shown(
    tx: &mut Tx<'_>,
    organization: &str,
    (id, until): (&str, i64),
    now: i64,
) -> Result<bool, StoreError> {
    tx.execute(
        "DELETE FROM shown_proof WHERE organization = $1 AND until < $2",
        &[organization.into(), now.into()],
    )?;
    let added = tx.execute(
        "INSERT INTO shown_proof (organization, id, until) VALUES ($1, $2, $3) ON CONFLICT (organization, id) DO NOTHING",
        &[organization.into(), id.into(), until.into()],
    )?;
    Ok(added > 0)
}

/// Whether something that passes once was shown already.
///
/// # Errors
/// [`StoreError`].
pub fn was_shown(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<bool, StoreError> {
    let rows = tx.query(
        "SELECT until FROM shown_proof WHERE organization = $1 AND id = $2",
        &[organization.into(), id.into()],
    )?;
    Ok(!rows.is_empty())
}
