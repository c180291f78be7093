//! Who holds a delegation of an organization: the organization itself, its teams, its agents; and their keys.

use crate::{
    error::StoreError,
    tx::Tx,
    value::{Row, Value},
};
use std::collections::BTreeSet;

mod found;
mod many;

pub use found::{Find, find, set_tags};
pub use many::{add_all, add_keys, any_named};

/// Which kind of holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The organization, with which each chain begins.
    Organization,
    /// A team.
    Team,
    /// An agent.
    Agent,
    /// An admin, by its DID: who may change the organization.
    Admin,
}

impl Kind {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Team => "team",
            Self::Agent => "agent",
            Self::Admin => "admin",
        }
    }

    fn from_name(name: &str) -> Result<Self, StoreError> {
        [Self::Organization, Self::Team, Self::Agent, Self::Admin]
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| StoreError::unavailable(format!("a holder is of no known kind: `{name}`")))
    }
}

/// In which state a holder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It may act.
    Active,
    /// It may not act until it is resumed.
    Suspended,
    /// It never acts again.
    Retired,
}

impl State {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Retired => "retired",
        }
    }

    fn from_name(name: &str) -> Result<Self, StoreError> {
        [Self::Active, Self::Suspended, Self::Retired]
            .into_iter()
            .find(|state| state.name() == name)
            .ok_or_else(|| StoreError::unavailable(format!("a holder is in no known state: `{name}`")))
    }
}

/// A holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its id, a UUID.
    pub id: String,
    /// Which kind.
    pub kind: Kind,
    /// The id of the holder that delegates to it; `None` of the organization.
    pub parent: Option<String>,
    /// Its name, one of a kind in the organization.
    pub name: String,
    /// Its DID.
    pub did: String,
    /// Its state.
    pub state: State,
    /// How often it was changed, from 1.
    pub version: i64,
    /// When it was made, Unix seconds.
    pub created: i64,
    /// What it may do and is for, as JSON.
    pub body: String,
    /// Since when nobody knows whether it still holds, Unix seconds: the store was put back ([`crate::restored`]). Until
    /// somebody says so it may do nothing, and its document has no keys.
    pub unconfirmed: Option<i64>,
}

const COLUMNS: &str = "SELECT id, kind, parent, name, did, state, version, created, body, unconfirmed FROM holder \
                       WHERE organization = $1";

fn read(row: &Row) -> Result<Holder, StoreError> {
    Ok(Holder {
        id: row.text(0)?,
        kind: Kind::from_name(&row.text(1)?)?,
        parent: row.maybe_text(2)?,
        name: row.text(3)?,
        did: row.text(4)?,
        state: State::from_name(&row.text(5)?)?,
        version: row.int(6)?,
        created: row.int(7)?,
        body: row.text(8)?,
        unconfirmed: row.maybe_int(9)?,
    })
}

fn one(rows: &[Row], what: impl FnOnce() -> String) -> Result<Holder, StoreError> {
    read(rows.first().ok_or_else(|| StoreError::NotFound { what: what() })?)
}

const HOLDER: &str =
    "INSERT INTO holder (organization, id, kind, parent, name, did, state, version, created, body)";

fn row(organization: &str, holder: &Holder) -> Vec<Value> {
    let Holder { id, kind, parent, name, did, state, version, created, body, .. } = holder;
    vec![
        organization.into(),
        id.into(),
        kind.name().into(),
        parent.clone().into(),
        name.into(),
        did.into(),
        state.name().into(),
        (*version).into(),
        (*created).into(),
        body.into(),
    ]
}

/// Adds a holder.
///
/// # Errors
/// [`StoreError::Exists`] where its name or DID is taken.
pub fn add(tx: &mut Tx<'_>, organization: &str, holder: &Holder) -> Result<(), StoreError> {
    let Holder { id, kind, name, created, .. } = holder;
    let added = tx.insert_all(HOLDER, vec![row(organization, holder)], "");
    match added {
        Err(StoreError::Exists { .. }) => {
            Err(StoreError::Exists { what: format!("the {} `{name}`", kind.name()) })
        }
        Err(other) => Err(other),
        Ok(()) => keep_version(tx, organization, id, *created),
    }
}

/// Writes state and body of a holder at `at` (Unix seconds), as its next version. Those before it are kept.
///
/// # Errors
/// [`StoreError`].
pub fn change(
    tx: &mut Tx<'_>,
    organization: &str,
    id: &str,
    (state, body): (State, &str),
    at: i64,
) -> Result<(), StoreError> {
    tx.change_one(
        "UPDATE holder SET state = $3, body = $4, version = version + 1 WHERE organization = $1 AND id = $2",
        &[organization.into(), id.into(), state.name().into(), body.into()],
        "such holder",
    )?;
    keep_version(tx, organization, id, at)
}

fn keep_version(tx: &mut Tx<'_>, organization: &str, id: &str, at: i64) -> Result<(), StoreError> {
    tx.change_one(
        "INSERT INTO holder_version (organization, holder, version, at, state, body) \
         SELECT organization, id, version, CAST($3 AS BIGINT), state, body FROM holder WHERE organization = $1 AND id = $2",
        &[organization.into(), id.into(), at.into()],
        "such holder",
    )
}

/// A holder as it was at `at` (Unix seconds), with the version, the state and the body that it had; `None` where it was not
/// made yet.
///
/// # Errors
/// [`StoreError`].
pub fn as_of(
    tx: &mut Tx<'_>,
    organization: &str,
    holder: &Holder,
    at: i64,
) -> Result<Option<Holder>, StoreError> {
    let rows = tx.query(
        "SELECT version, state, body FROM holder_version WHERE organization = $1 AND holder = $2 AND at <= $3 \
         ORDER BY version DESC LIMIT 1",
        &[organization.into(), (&holder.id).into(), at.into()],
    )?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (version, state, body) = (row.int(0)?, State::from_name(&row.text(1)?)?, row.text(2)?);
    Ok(Some(Holder { version, state, body, ..holder.clone() }))
}

/// A holder by its id.
///
/// # Errors
/// [`StoreError`].
pub fn get(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<Holder, StoreError> {
    let rows = tx.query(&format!("{COLUMNS} AND id = $2"), &[organization.into(), id.into()])?;
    one(&rows, || "such holder".to_owned())
}

/// A holder by its name.
///
/// # Errors
/// [`StoreError`].
pub fn by_name(tx: &mut Tx<'_>, organization: &str, kind: Kind, name: &str) -> Result<Holder, StoreError> {
    let rows = tx.query(
        &format!("{COLUMNS} AND kind = $2 AND name = $3"),
        &[organization.into(), kind.name().into(), name.into()],
    )?;
    one(&rows, || format!("{} `{name}`", kind.name()))
}

/// A holder by its DID.
///
/// # Errors
/// [`StoreError`].
pub fn by_did(tx: &mut Tx<'_>, organization: &str, did: &str) -> Result<Holder, StoreError> {
    let rows = tx.query(&format!("{COLUMNS} AND did = $2"), &[organization.into(), did.into()])?;
    one(&rows, || format!("holder `{did}`"))
}

/// Holders of a kind whose names come after `after`, in the order of their names, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn list(
    tx: &mut Tx<'_>,
    organization: &str,
    kind: Kind,
    after: &str,
    most: i64,
) -> Result<Vec<Holder>, StoreError> {
    let rows = tx.query(
        &format!("{COLUMNS} AND kind = $2 AND name > $3 ORDER BY name LIMIT $4"),
        &[organization.into(), kind.name().into(), after.into(), most.into()],
    )?;
    rows.iter().map(read).collect()
}

/// Those to whom a holder delegates whose names come after `after`, in the order of their names, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn children(
    tx: &mut Tx<'_>,
    organization: &str,
    id: &str,
    after: &str,
    most: i64,
) -> Result<Vec<Holder>, StoreError> {
    let rows = tx.query(
        &format!("{COLUMNS} AND parent = $2 AND name > $3 ORDER BY name LIMIT $4"),
        &[organization.into(), id.into(), after.into(), most.into()],
    )?;
    rows.iter().map(read).collect()
}

/// A key of a holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its DID URL.
    pub key_id: String,
    /// Whose it is: a holder's id.
    pub holder: String,
    /// The public key, a JWK.
    pub public_jwk: String,
    /// The private key as only the signer opens it; `None` where the holder keeps it.
    pub sealed: Option<Vec<u8>>,
    /// When it was made, Unix seconds.
    pub created: i64,
}

/// Adds a key.
///
/// # Errors
/// [`StoreError`].
pub fn add_key(tx: &mut Tx<'_>, organization: &str, key: Key) -> Result<(), StoreError> {
    add_keys(tx, organization, vec![key])
}

/// The keys that a holder signs with, the latest first.
///
/// # Errors
/// [`StoreError`].
pub fn keys(tx: &mut Tx<'_>, organization: &str, holder: &str) -> Result<Vec<Key>, StoreError> {
    keys_in(tx, organization, holder, "AND state = 'active'")
}

/// The keys in a holder's document: those that it signs with, and those that they replaced while something holds that was
/// signed by them.
///
/// # Errors
/// [`StoreError`].
pub fn published_keys(tx: &mut Tx<'_>, organization: &str, holder: &str) -> Result<Vec<Key>, StoreError> {
    keys_in(tx, organization, holder, "AND state IN ('active', 'replaced')")
}

/// All keys that a holder ever had, the latest first.
///
/// # Errors
/// [`StoreError`].
pub fn all_keys(tx: &mut Tx<'_>, organization: &str, holder: &str) -> Result<Vec<Key>, StoreError> {
    keys_in(tx, organization, holder, "")
}

/// The keys that were in a holder's document at `at` (Unix seconds), the latest first.
///
/// # Errors
/// [`StoreError`].
pub fn keys_as_of(
    tx: &mut Tx<'_>,
    organization: &str,
    holder: &str,
    at: i64,
) -> Result<Vec<Key>, StoreError> {
    let rows = tx.query(
        "SELECT key_id, holder, public_jwk, sealed, created FROM holder_key WHERE organization = $1 AND holder = $2 \
         AND created <= $3 AND (ended IS NULL OR ended > $3) ORDER BY created DESC, key_id DESC",
        &[organization.into(), holder.into(), at.into()],
    )?;
    rows.iter().map(read_key).collect()
}

/// The moments at which the keys in a holder's document changed, Unix seconds, in order.
///
/// # Errors
/// [`StoreError`].
pub fn key_moments(tx: &mut Tx<'_>, organization: &str, holder: &str) -> Result<Vec<i64>, StoreError> {
    let rows = tx.query(
        "SELECT created, ended FROM holder_key WHERE organization = $1 AND holder = $2",
        &[organization.into(), holder.into()],
    )?;
    let mut all = BTreeSet::new();
    for row in &rows {
        all.insert(row.int(0)?);
        all.extend(row.maybe_int(1)?);
    }
    Ok(all.into_iter().collect())
}

/// The keys that a holder signs with are replaced: they stay in its document until `until` (Unix seconds).
///
/// # Errors
/// [`StoreError`].
pub fn retire_keys(tx: &mut Tx<'_>, organization: &str, holder: &str, until: i64) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE holder_key SET state = 'replaced', until = $3 WHERE organization = $1 AND holder = $2 AND state = 'active'",
        &[organization.into(), holder.into(), until.into()],
    )
    .map(drop)
}

/// No key that a holder has is in its document any more, from `now` (Unix seconds) on.
///
/// # Errors
/// [`StoreError`].
pub fn drop_keys(tx: &mut Tx<'_>, organization: &str, holder: &str, now: i64) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE holder_key SET state = 'ended', ended = $3 WHERE organization = $1 AND holder = $2 AND state <> 'ended'",
        &[organization.into(), holder.into(), now.into()],
    )
    .map(drop)
}

const ENDED: &str = "WHERE organization = $1 AND state = 'replaced' AND until <= $2";

/// Whether a key that was replaced is in a document longer than by `now` (Unix seconds).
///
/// # Errors
/// [`StoreError`].
pub fn has_ended_keys(tx: &mut Tx<'_>, organization: &str, now: i64) -> Result<bool, StoreError> {
    let rows = tx.query(
        &format!("SELECT key_id FROM holder_key {ENDED} LIMIT 1"),
        &[organization.into(), now.into()],
    )?;
    Ok(!rows.is_empty())
}

/// Takes such keys out of their documents. Gives how many.
///
/// # Errors
/// [`StoreError`].
pub fn end_keys(tx: &mut Tx<'_>, organization: &str, now: i64) -> Result<u64, StoreError> {
    let sql = format!("UPDATE holder_key SET state = 'ended', ended = CAST($2 AS BIGINT) {ENDED}");
    tx.execute(&sql, &[organization.into(), now.into()])
}

/// Keys in custody of all holders whose ids come after `after`, in the order of their ids, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn sealed_after(
    tx: &mut Tx<'_>,
    organization: &str,
    after: &str,
    most: i64,
) -> Result<Vec<Key>, StoreError> {
    let rows = tx.query(
        "SELECT key_id, holder, public_jwk, sealed, created FROM holder_key \
         WHERE organization = $1 AND key_id > $2 AND sealed IS NOT NULL ORDER BY key_id LIMIT $3",
        &[organization.into(), after.into(), most.into()],
    )?;
    rows.iter().map(read_key).collect()
}

/// Writes a key in custody as it is sealed now.
///
/// # Errors
/// [`StoreError`].
pub fn set_sealed(
    tx: &mut Tx<'_>,
    organization: &str,
    key_id: &str,
    sealed: Vec<u8>,
) -> Result<(), StoreError> {
    tx.change_one(
        "UPDATE holder_key SET sealed = $3 WHERE organization = $1 AND key_id = $2",
        &[organization.into(), key_id.into(), sealed.into()],
        "such key",
    )
}

fn read_key(row: &Row) -> Result<Key, StoreError> {
    Ok(Key {
        key_id: row.text(0)?,
        holder: row.text(1)?,
        public_jwk: row.text(2)?,
        sealed: row.maybe_bytes(3)?,
        created: row.int(4)?,
    })
}

fn keys_in(
    tx: &mut Tx<'_>,
    organization: &str,
    holder: &str,
    which: &'static str,
) -> Result<Vec<Key>, StoreError> {
    let rows = tx.query(
        &format!(
            "SELECT key_id, holder, public_jwk, sealed, created FROM holder_key \
             WHERE organization = $1 AND holder = $2 {which} ORDER BY created DESC, key_id DESC"
        ),
        &[organization.into(), holder.into()],
    )?;
    rows.iter().map(read_key).collect()
}
