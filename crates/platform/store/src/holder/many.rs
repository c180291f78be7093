//! Many holders at once.

use super::{HOLDER, Holder, Key, Kind, found::TAG, row};
use crate::{error::StoreError, tx::Tx, value::Value};

/// Whether a holder of a kind has one of some names.
///
/// # Errors
/// [`StoreError`].
pub fn any_named<'n>(
    tx: &mut Tx<'_>,
    organization: &str,
    kind: Kind,
    names: impl Iterator<Item = &'n str>,
) -> Result<bool, StoreError> {
    let names: Vec<Value> = names.map(Value::from).collect();
    let head =
        format!("SELECT name FROM holder WHERE organization = $1 AND kind = '{}' AND name", kind.name());
    Ok(!tx.query_in(&head, organization, &names)?.is_empty())
}

/// Adds holders of one kind, each with its tags.
///
/// # Errors
/// [`StoreError::Exists`] where a name or a DID of one is taken.
pub fn add_all(
    tx: &mut Tx<'_>,
    organization: &str,
    holders: &[(&Holder, Vec<String>)],
) -> Result<(), StoreError> {
    let rows = holders.iter().map(|(holder, _)| row(organization, holder)).collect();
    tx.insert_all(HOLDER, rows, "")?;
    let version = |(holder, _): &(&Holder, _)| {
        let Holder { id, version, created, state, body, .. } = holder;
        vec![
            organization.into(),
            id.into(),
            (*version).into(),
            (*created).into(),
            state.name().into(),
            body.into(),
        ]
    };
    tx.insert_all(
        "INSERT INTO holder_version (organization, holder, version, at, state, body)",
        holders.iter().map(version).collect(),
        "",
    )?;
    let tags = holders.iter().flat_map(|(holder, tags)| {
        tags.iter().map(|tag| {
            vec![organization.into(), holder.kind.name().into(), tag.into(), (&holder.name).into()]
        })
    });
    tx.insert_all(TAG.0, tags.collect(), TAG.1)
}

/// Adds keys.
///
/// # Errors
/// [`StoreError`].
pub fn add_keys(tx: &mut Tx<'_>, organization: &str, keys: Vec<Key>) -> Result<(), StoreError> {
    let row = |key: Key| {
        let Key { key_id, holder, public_jwk, sealed, created } = key;
        vec![
            organization.into(),
            key_id.into(),
            holder.into(),
            public_jwk.into(),
            sealed.map_or(Value::Null, Value::from),
            "active".into(),
            created.into(),
        ]
    };
    tx.insert_all(
        "INSERT INTO holder_key (organization, key_id, holder, public_jwk, sealed, state, created)",
        keys.into_iter().map(row).collect(),
        "",
    )
}
