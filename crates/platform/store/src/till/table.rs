//! Processes that decide in memory, and what was set aside for each.

use crate::{
    error::StoreError,
    tx::Tx,
    value::{Row, Value},
};
use legation_verifier::ledger::{
    aside::{Carried, Change},
    parts::KeptTotal,
};

/// The epoch of a process that decides nothing in memory.
pub(crate) const NONE: i64 = i64::MAX;

/// A process, as it stands in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    /// As of which epoch it decides.
    pub(crate) epoch: i64,
    /// How often it has carried over.
    pub(crate) round: i64,
    /// Up to which of its entries what was set aside is carried over.
    pub(crate) number: i64,
    /// Up to which number of its journal receipts are carried over.
    pub(crate) written: i64,
}

pub(crate) fn get(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<Option<Process>, StoreError> {
    let rows = tx.query(
        "SELECT epoch, round, number, written FROM process WHERE organization = $1 AND id = $2",
        &[organization.into(), id.into()],
    )?;
    let process = |row: &Row| {
        Ok(Process { epoch: row.int(0)?, round: row.int(1)?, number: row.int(2)?, written: row.int(3)? })
    };
    rows.first().map(process).transpose()
}

pub(crate) fn set(tx: &mut Tx<'_>, organization: &str, id: &str, to: &Process) -> Result<(), StoreError> {
    let Process { epoch, round, number, written } = *to;
    tx.execute(
        "INSERT INTO process (organization, id, epoch, round, number, written) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (organization, id) DO UPDATE SET epoch = excluded.epoch, round = excluded.round, \
         number = excluded.number, written = excluded.written",
        &[organization.into(), id.into(), epoch.into(), round.into(), number.into(), written.into()],
    )?;
    Ok(())
}

/// A process is no more, and nothing is set aside for it.
pub(crate) fn remove(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<(), StoreError> {
    for table in ["aside", "process"] {
        let column = if table == "aside" { "process" } else { "id" };
        tx.execute(
            &format!("DELETE FROM {table} WHERE organization = $1 AND {column} = $2"),
            &[organization.into(), id.into()],
        )?;
    }
    Ok(())
}

/// How many processes decide in memory.
pub(crate) fn count(tx: &mut Tx<'_>, organization: &str) -> Result<usize, StoreError> {
    let rows = tx.query(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM process WHERE organization = $1 AND epoch < $2",
        &[organization.into(), NONE.into()],
    )?;
    rows.first().map_or(Ok(0), |row| row.count(0))
}

/// The organizations of a process by its id: one.
pub(crate) fn organization_of(tx: &mut Tx<'_>, id: &str) -> Result<Option<String>, StoreError> {
    let rows = tx.query("SELECT organization FROM process WHERE id = $1", &[id.into()])?;
    rows.first().map(|row| row.text(0)).transpose()
}

/// Processes that still decide as of an epoch before their organization's: organization, id and epoch.
pub(crate) fn behind(tx: &mut Tx<'_>) -> Result<Vec<(String, String, i64)>, StoreError> {
    let rows = tx.query(
        "SELECT process.organization, process.id, process.epoch FROM process \
         JOIN organization ON organization.id = process.organization WHERE process.epoch < organization.epoch",
        &[],
    )?;
    rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?, row.int(2)?))).collect()
}

/// Notes that a process has not said anything for as long as it may decide without.
pub(crate) fn silence(
    tx: &mut Tx<'_>,
    (organization, id, epoch): &(String, String, i64),
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE process SET epoch = $4 WHERE organization = $1 AND id = $2 AND epoch = $3",
        &[organization.into(), id.into(), (*epoch).into(), NONE.into()],
    )?;
    Ok(())
}

/// What is set aside of a total for a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: [u8; 32],
    pub(crate) moment: i64,
    pub(crate) amount: i64,
    pub(crate) open: i64,
    pub(crate) own: bool,
}

pub(crate) fn parts(tx: &mut Tx<'_>, organization: &str, process: &str) -> Result<Vec<Part>, StoreError> {
    let rows = tx.query(
        "SELECT name, moment, amount, open, own FROM aside WHERE organization = $1 AND process = $2",
        &[organization.into(), process.into()],
    )?;
    let part = |row: &Row| {
        Ok(Part {
            name: row.digest(0)?,
            moment: row.int(1)?,
            amount: row.int(2)?,
            open: row.int(3)?,
            own: row.int(4)? != 0,
        })
    };
    rows.iter().map(part).collect()
}

/// Writes what was carried over: `carried` of `changes`.
pub(crate) fn set_parts(
    tx: &mut Tx<'_>,
    (organization, process): (&str, &str),
    changes: &[Change],
    carried: &[Carried],
) -> Result<(), StoreError> {
    let gone = |change: &&Change| {
        !carried.iter().any(|one| one.name == change.name && one.counted.1 != 0) && change.counted.is_some()
    };
    for change in changes.iter().filter(gone) {
        tx.execute(
            "DELETE FROM aside WHERE organization = $1 AND name = $2 AND process = $3",
            &[organization.into(), change.name.into(), process.into()],
        )?;
    }
    let row = |one: &Carried| -> Option<Vec<Value>> {
        let change = changes.iter().find(|change| change.name == one.name)?;
        let (moment, amount) = one.counted;
        let own = i64::from(change.is_own);
        Some(vec![
            organization.into(),
            one.name.into(),
            process.into(),
            moment.into(),
            amount.into(),
            change.open.into(),
            own.into(),
        ])
    };
    tx.insert_all(
        "INSERT INTO aside (organization, name, process, moment, amount, open, own)",
        carried.iter().filter(|one| one.counted.1 != 0).filter_map(row).collect(),
        "ON CONFLICT (organization, name, process) DO UPDATE SET moment = excluded.moment, \
         amount = excluded.amount, open = excluded.open, own = excluded.own",
    )
}

/// Takes out of a total what is set aside of it and free: nobody has spent or reserved that.
pub(crate) fn without_free(
    tx: &mut Tx<'_>,
    organization: &str,
    total: &mut KeptTotal,
) -> Result<(), StoreError> {
    let rows = tx.query(
        "SELECT moment, amount - open FROM aside WHERE organization = $1 AND name = $2 AND own = 0",
        &[organization.into(), total.name.into()],
    )?;
    for row in rows {
        let (moment, free) = (row.int(0)?, row.int(1)?);
        if let Some((_, amount)) = total.moments.iter_mut().find(|(kept, _)| *kept >= moment) {
            *amount = amount.saturating_sub(free.max(0)).max(0);
        }
    }
    Ok(())
}
