//! Policies: versions, which never change, and whom they were bound to.

use crate::{error::StoreError, tx::Tx, value::Row};

/// A version of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The policy's name.
    pub name: String,
    /// Its number, from 1.
    pub version: i64,
    /// SHA-256 of the text.
    pub digest: [u8; 32],
    /// SHA-256 of the schema that the text was held against.
    pub held_to: [u8; 32],
    /// The text.
    pub text: String,
    /// When it was made, Unix seconds.
    pub created: i64,
    /// Who made it.
    pub actor: String,
}

/// A version that was bound to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// `organization`, `team`, `tag` or `agent`.
    pub kind: String,
    /// The name of team, tag or agent; empty of the organization.
    pub target: String,
    /// The policy's name.
    pub name: String,
    /// Which version.
    pub version: i64,
    /// Since when, Unix seconds.
    pub bound: i64,
    /// Until when, Unix seconds; `None` while it is.
    pub ended: Option<i64>,
}

const VERSIONS: &str =
    "SELECT name, version, digest, held_to, text, created, actor FROM policy_version WHERE organization = $1";
const BINDINGS: &str =
    "SELECT kind, target, name, version, bound, ended FROM policy_binding WHERE organization = $1";

fn read_version(row: &Row) -> Result<Version, StoreError> {
    Ok(Version {
        name: row.text(0)?,
        version: row.int(1)?,
        digest: row.digest(2)?,
        held_to: row.digest(3)?,
        text: row.text(4)?,
        created: row.int(5)?,
        actor: row.text(6)?,
    })
}

fn read_binding(row: &Row) -> Result<Binding, StoreError> {
    Ok(Binding {
        kind: row.text(0)?,
        target: row.text(1)?,
        name: row.text(2)?,
        version: row.int(3)?,
        bound: row.int(4)?,
        ended: row.maybe_int(5)?,
    })
}

/// Adds a version.
///
/// # Errors
/// [`StoreError::Exists`] where there is one of that number.
pub fn add(tx: &mut Tx<'_>, organization: &str, version: &Version) -> Result<(), StoreError> {
    let Version { name, version, digest, held_to, text, created, actor } = version;
    tx.execute(
        "INSERT INTO policy_version (organization, name, version, digest, held_to, text, created, actor) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            organization.into(),
            name.into(),
            (*version).into(),
            (*digest).into(),
            (*held_to).into(),
            text.into(),
            (*created).into(),
            actor.into(),
        ],
    )
    .map(drop)
}

/// A version of a policy, the last one where none is named.
///
/// # Errors
/// [`StoreError::NotFound`].
pub fn version(
    tx: &mut Tx<'_>,
    organization: &str,
    name: &str,
    version: Option<i64>,
) -> Result<Version, StoreError> {
    // Of a number that no version has there is none, and the last is at most the largest number.
    let (least, most) = version.map_or((1, i64::MAX), |version| (version, version));
    let rows = tx.query(
        &format!(
            "{VERSIONS} AND name = $2 AND version >= $3 AND version <= $4 ORDER BY version DESC LIMIT 1"
        ),
        &[organization.into(), name.into(), least.into(), most.into()],
    )?;
    let which = version.map_or(String::new(), |version| format!(" of version {version}"));
    let missing = || StoreError::NotFound { what: format!("policy `{name}`{which}") };
    read_version(rows.first().ok_or_else(missing)?)
}

/// All versions of a policy, the first first, at most ten thousand.
///
/// # Errors
/// [`StoreError`].
pub fn versions(tx: &mut Tx<'_>, organization: &str, name: &str) -> Result<Vec<Version>, StoreError> {
    let rows = tx.query(
        &format!("{VERSIONS} AND name = $2 ORDER BY version LIMIT 10000"),
        &[organization.into(), name.into()],
    )?;
    rows.iter().map(read_version).collect()
}

/// The last version of each policy whose name comes after `after`, in the order of their names, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn last_versions(
    tx: &mut Tx<'_>,
    organization: &str,
    after: &str,
    most: i64,
) -> Result<Vec<Version>, StoreError> {
    let rows = tx.query(
        &format!(
            "{VERSIONS} AND name > $2 AND version = (SELECT MAX(version) FROM policy_version AS other \
             WHERE other.organization = policy_version.organization AND other.name = policy_version.name) \
             ORDER BY name LIMIT $3"
        ),
        &[organization.into(), after.into(), most.into()],
    )?;
    rows.iter().map(read_version).collect()
}

/// All that is bound now, in the order of names; or that was at a moment (Unix seconds).
///
/// # Errors
/// [`StoreError`].
pub fn bound(tx: &mut Tx<'_>, organization: &str, at: Option<i64>) -> Result<Vec<Binding>, StoreError> {
    let order = "ORDER BY name, version, kind, target";
    let rows = match at {
        None => tx.query(&format!("{BINDINGS} AND ended IS NULL {order}"), &[organization.into()])?,
        Some(at) => tx.query(
            &format!("{BINDINGS} AND bound <= $2 AND (ended IS NULL OR ended > $2) {order}"),
            &[organization.into(), at.into()],
        )?,
    };
    rows.iter().map(read_binding).collect()
}

/// How many policies are bound to somebody.
///
/// # Errors
/// [`StoreError`].
pub fn count_bound(tx: &mut Tx<'_>, organization: &str) -> Result<i64, StoreError> {
    let rows = tx.query(
        "SELECT CAST(COUNT(DISTINCT name) AS BIGINT) FROM policy_binding WHERE organization = $1 AND ended IS NULL",
        &[organization.into()],
    )?;
    rows.first().map_or(Ok(0), |row| row.int(0))
}

/// All that a policy was ever bound to, the first first, at most ten thousand.
///
/// # Errors
/// [`StoreError`].
pub fn bindings(tx: &mut Tx<'_>, organization: &str, name: &str) -> Result<Vec<Binding>, StoreError> {
    let rows = tx.query(
        &format!("{BINDINGS} AND name = $2 ORDER BY bound, id LIMIT 10000"),
        &[organization.into(), name.into()],
    )?;
    rows.iter().map(read_binding).collect()
}

/// What a policy is bound to now.
///
/// # Errors
/// [`StoreError`].
pub fn bound_of(tx: &mut Tx<'_>, organization: &str, name: &str) -> Result<Vec<Binding>, StoreError> {
    let rows = tx.query(
        &format!("{BINDINGS} AND name = $2 AND ended IS NULL ORDER BY bound, id"),
        &[organization.into(), name.into()],
    )?;
    rows.iter().map(read_binding).collect()
}

/// Binds a version; `id` is the binding's own.
///
/// # Errors
/// [`StoreError::Exists`] where one of its versions is bound there.
pub fn bind(tx: &mut Tx<'_>, organization: &str, id: &str, binding: &Binding) -> Result<(), StoreError> {
    let Binding { kind, target, name, version, bound, .. } = binding;
    tx.execute(
        "INSERT INTO policy_binding (organization, id, kind, target, name, version, bound) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            organization.into(),
            id.into(),
            kind.into(),
            target.into(),
            name.into(),
            (*version).into(),
            (*bound).into(),
        ],
    )
    .map(drop)
}

/// Ends what binds a policy to somebody, at a moment (Unix seconds). `false` where nothing does.
///
/// # Errors
/// [`StoreError`].
pub fn unbind(
    tx: &mut Tx<'_>,
    organization: &str,
    (name, kind, target): (&str, &str, &str),
    at: i64,
) -> Result<bool, StoreError> {
    let ended = tx.execute(
        "UPDATE policy_binding SET ended = $5 WHERE organization = $1 AND name = $2 AND kind = $3 AND target = $4 \
         AND ended IS NULL",
        &[organization.into(), name.into(), kind.into(), target.into(), at.into()],
    )?;
    Ok(ended > 0)
}
