//! What agents have let a provider keep: files and batches. Each belongs to the agent that made it, and to nobody else.

use crate::{
    error::StoreError,
    tx::Tx,
    value::{Row, Value},
};

/// An object that a provider keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The provider's id of it.
    pub id: String,
    /// `file` or `batch`.
    pub kind: String,
    /// The DID of the agent that made it.
    pub agent: String,
    /// The organization's name of the model that it is for.
    pub model: String,
    /// The base URL of the target that keeps it.
    pub base_url: String,
    /// When it was made, Unix seconds.
    pub created: i64,
}

const COLUMNS: &str = "SELECT id, kind, agent, model, base_url, created FROM kept_object";

fn read(row: &Row) -> Result<Kept, StoreError> {
    Ok(Kept {
        id: row.text(0)?,
        kind: row.text(1)?,
        agent: row.text(2)?,
        model: row.text(3)?,
        base_url: row.text(4)?,
        created: row.int(5)?,
    })
}

/// Notes an object. `false` where there is one of that id, whosesoever it is.
///
/// # Errors
/// [`StoreError`].
pub fn add(tx: &mut Tx<'_>, organization: &str, kept: &Kept) -> Result<bool, StoreError> {
    let Kept { id, kind, agent, model, base_url, created } = kept;
    let added = tx.execute(
        "INSERT INTO kept_object (organization, id, kind, agent, model, base_url, created) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (organization, id) DO NOTHING",
        &[
            organization.into(),
            id.into(),
            kind.into(),
            agent.into(),
            model.into(),
            base_url.into(),
            (*created).into(),
        ],
    )?;
    Ok(added > 0)
}

/// An agent's object by its id. One of another agent is not there.
///
/// # Errors
/// [`StoreError`].
pub fn get(
    tx: &mut Tx<'_>,
    organization: &str,
    (agent, kind): (&str, &str),
    id: &str,
) -> Result<Option<Kept>, StoreError> {
    let rows = tx.query(
        &format!("{COLUMNS} WHERE organization = $1 AND id = $2 AND agent = $3 AND kind = $4"),
        &[organization.into(), id.into(), agent.into(), kind.into()],
    )?;
    rows.first().map(read).transpose()
}

/// An agent's objects, the latest first: at most `most` of those behind `after`.
///
/// # Errors
/// [`StoreError`].
pub fn list(
    tx: &mut Tx<'_>,
    organization: &str,
    (agent, kind): (&str, &str),
    after: Option<&Kept>,
    most: i64,
) -> Result<Vec<Kept>, StoreError> {
    let (created, id): (i64, &str) = after.map_or((i64::MAX, ""), |kept| (kept.created, &kept.id));
    let values: [Value; 6] =
        [organization.into(), agent.into(), kind.into(), created.into(), id.into(), most.into()];
    let rows = tx.query(
        &format!(
            "{COLUMNS} WHERE organization = $1 AND agent = $2 AND kind = $3 \
             AND (created < $4 OR (created = $4 AND id < $5)) ORDER BY created DESC, id DESC LIMIT $6"
        ),
        &values,
    )?;
    rows.iter().map(read).collect()
}

/// How many objects of a kind an agent has.
///
/// # Errors
/// [`StoreError`].
pub fn count(tx: &mut Tx<'_>, organization: &str, (agent, kind): (&str, &str)) -> Result<i64, StoreError> {
    let rows = tx.query(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM kept_object WHERE organization = $1 AND agent = $2 AND kind = $3",
        &[organization.into(), agent.into(), kind.into()],
    )?;
    rows.first().map_or(Ok(0), |row| row.int(0))
}

/// Forgets an agent's objects of a kind that were made before a moment (Unix seconds).
///
/// # Errors
/// [`StoreError`].
pub fn forget_before(
    tx: &mut Tx<'_>,
    organization: &str,
    (agent, kind): (&str, &str),
    before: i64,
) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM kept_object WHERE organization = $1 AND agent = $2 AND kind = $3 AND created < $4",
        &[organization.into(), agent.into(), kind.into(), before.into()],
    )
    .map(drop)
}

/// Forgets an agent's object.
///
/// # Errors
/// [`StoreError`].
pub fn remove(tx: &mut Tx<'_>, organization: &str, agent: &str, id: &str) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM kept_object WHERE organization = $1 AND agent = $2 AND id = $3",
        &[organization.into(), agent.into(), id.into()],
    )
    .map(drop)
}
