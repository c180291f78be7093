//! Holders by their tags, and by how their names begin.

use super::{COLUMNS, Holder, Kind, read};
use crate::{error::StoreError, tx::Tx, value::Value};

/// What holders are found by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Find<'a> {
    /// How the name begins.
    pub begins: &'a str,
    /// A tag that it has, as [`set_tags`] wrote it.
    pub tag: Option<&'a str>,
}

/// As [`list`](super::list), those that are found.
///
/// # Errors
/// [`StoreError`].
pub fn find(
    tx: &mut Tx<'_>,
    organization: &str,
    kind: Kind,
    find: Find<'_>,
    (after, most): (&str, i64),
) -> Result<Vec<Holder>, StoreError> {
    let length = i64::try_from(find.begins.len()).unwrap_or(i64::MAX);
    let mut parameters: Vec<Value> = vec![organization.into(), kind.name().into(), after.into(), most.into()];
    // Names are of ASCII. How a database orders them is its own, so that no name is the last that begins so.
    let mut begins = |table: &str| {
        if find.begins.is_empty() {
            return String::new();
        }
        parameters.extend([find.begins.into(), length.into()]);
        format!("AND {table}name >= $5 AND substr({table}name, 1, CAST(CAST($6 AS BIGINT) AS INTEGER)) = $5")
    };
    let sql = match find.tag {
        None => {
            format!("{COLUMNS} AND kind = $2 AND name > $3 {} ORDER BY name LIMIT $4", begins(""))
        }
        Some(tag) => {
            let begins = begins("holder_tag.");
            parameters.push(tag.into());
            let number = parameters.len();
            format!(
                "SELECT holder.id, holder.kind, holder.parent, holder.name, holder.did, holder.state, holder.version, \
                 holder.created, holder.body, holder.unconfirmed FROM holder_tag JOIN holder \
                 ON holder.organization = holder_tag.organization AND holder.kind = holder_tag.kind \
                 AND holder.name = holder_tag.name WHERE holder_tag.organization = $1 AND holder_tag.kind = $2 \
                 AND holder_tag.tag = ${number} AND holder_tag.name > $3 {begins} ORDER BY holder_tag.name LIMIT $4"
            )
        }
    };
    let rows = tx.query(&sql, &parameters)?;
    rows.iter().map(read).collect()
}

/// How tags are written: what stands before the rows, and what after.
pub(super) const TAG: (&str, &str) = (
    "INSERT INTO holder_tag (organization, kind, tag, name)",
    "ON CONFLICT (organization, kind, tag, name) DO NOTHING",
);

/// Writes the tags of a holder in place of those before.
///
/// # Errors
/// [`StoreError`].
pub fn set_tags(
    tx: &mut Tx<'_>,
    organization: &str,
    (kind, name): (Kind, &str),
    tags: &[String],
) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM holder_tag WHERE organization = $1 AND kind = $2 AND name = $3",
        &[organization.into(), kind.name().into(), name.into()],
    )?;
    let row = |tag: &String| vec![organization.into(), kind.name().into(), tag.into(), name.into()];
    tx.insert_all(TAG.0, tags.iter().map(row).collect(), TAG.1)
}
