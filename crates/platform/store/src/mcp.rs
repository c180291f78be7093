//! MCP servers behind the gateway: whose a session is, and what their tools say of themselves.

use crate::{error::StoreError, owned, tx::Tx, value::Row};

const SESSIONS: &str = "mcp_session";
/// Most tools of all routes that are read.
const MOST_TOOLS: i64 = 20_000;

/// Keeps whose a session is, and gives that: the first one stays.
///
/// # Errors
/// [`StoreError`].
pub fn begin_session(
    tx: &mut Tx<'_>,
    organization: &str,
    (digest, agent): (&str, &str),
    now: i64,
) -> Result<Option<String>, StoreError> {
    owned::begin(tx, SESSIONS, organization, (digest, agent), now)
}

/// Whose a session is, by its digest.
///
/// # Errors
/// [`StoreError`].
pub fn session(tx: &mut Tx<'_>, organization: &str, digest: &str) -> Result<Option<String>, StoreError> {
    owned::owner(tx, SESSIONS, organization, digest)
}

/// A tool, as its server described it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// The route to its server.
    pub route: String,
    /// Its name.
    pub name: String,
    /// The digest of the definition that was approved, or seen first; base64url.
    pub digest: String,
    /// The digest of the one that was found last.
    pub found: String,
    /// Whether somebody approved it.
    pub approved: bool,
    /// Whether it has changed since it was approved, or seen first. It stays so until it is approved.
    pub changed: bool,
    /// When it was seen first, changed or approved last, Unix seconds.
    pub at: i64,
}

const COLUMNS: &str = "route, name, digest, found, approved, changed, at";

fn read(row: &Row) -> Result<Tool, StoreError> {
    Ok(Tool {
        route: row.text(0)?,
        name: row.text(1)?,
        digest: row.text(2)?,
        found: row.text(3)?,
        approved: row.int(4)? != 0,
        changed: row.int(5)? != 0,
        at: row.int(6)?,
    })
}

/// The tools of all routes, in the order of routes and names.
///
/// # Errors
/// [`StoreError`].
pub fn tools(tx: &mut Tx<'_>, organization: &str) -> Result<Vec<Tool>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS} FROM mcp_tool WHERE organization = $1 ORDER BY route, name LIMIT {MOST_TOOLS}"
    );
    tx.query(&text, &[organization.into()])?.iter().map(read).collect()
}

/// The tools of a route whose names come after `after`, with the definitions that were found last, at most so many.
///
/// # Errors
/// [`StoreError`].
pub fn defined(
    tx: &mut Tx<'_>,
    (organization, route): (&str, &str),
    (after, most): (&str, i64),
) -> Result<Vec<(Tool, String)>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS}, definition FROM mcp_tool WHERE organization = $1 AND route = $2 AND name > $3 \
         ORDER BY name LIMIT $4"
    );
    let rows = tx.query(&text, &[organization.into(), route.into(), after.into(), most.into()])?;
    rows.iter().map(|row| Ok((read(row)?, row.text(7)?))).collect()
}

/// Writes a tool with its definition, a new one or as it is now.
///
/// # Errors
/// [`StoreError`].
pub fn put_tool(
    tx: &mut Tx<'_>,
    organization: &str,
    tool: &Tool,
    definition: &str,
) -> Result<(), StoreError> {
    let Tool { route, name, digest, found, approved, changed, at } = tool;
    tx.execute(
        "INSERT INTO mcp_tool (organization, route, name, digest, found, definition, approved, changed, at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (organization, route, name) DO UPDATE SET digest = excluded.digest, found = excluded.found, \
         definition = excluded.definition, approved = excluded.approved, changed = excluded.changed, at = excluded.at",
        &[
            organization.into(),
            route.into(),
            name.into(),
            digest.into(),
            found.into(),
            definition.into(),
            i64::from(*approved).into(),
            i64::from(*changed).into(),
            (*at).into(),
        ],
    )
    .map(drop)
}

/// Forgets the tools of a route.
///
/// # Errors
/// [`StoreError`].
pub fn forget_tools(tx: &mut Tx<'_>, organization: &str, route: &str) -> Result<(), StoreError> {
    let text = "DELETE FROM mcp_tool WHERE organization = $1 AND route = $2";
    tx.execute(text, &[organization.into(), route.into()]).map(drop)
}
