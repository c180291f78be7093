//! What processes that have ended left in their journals is carried over by whoever opens the store next.

use super::{
    journal::Left,
    table::{self, Part, Process},
};
use crate::{connection::Connection, error::StoreError, ledger, receipt::Rows, tx::Tx};
use legation_verifier::ledger::parts::Names;
use std::{collections::HashMap, path::Path};

/// Carries over what was left in a folder of journals.
pub(crate) fn all(connection: &mut Connection, folder: &Path) -> Result<(), StoreError> {
    let left = Left::all(folder)
        .map_err(|error| StoreError::unavailable(format!("`{}` can't be read: {error}", folder.display())))?;
    for one in left {
        if let Some(organization) = within(connection, |tx| carry_over(tx, &one))? {
            one.remove();
            // Only now: where it is still there after a crash, its row says that nothing of it is left to carry over.
            within(connection, |tx| table::remove(tx, &organization, &one.process))?;
        } else if one.is_empty() {
            one.remove();
        }
    }
    Ok(())
}

fn within<T>(
    connection: &mut Connection,
    verb: impl FnOnce(&mut Tx<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.begin(true)?;
    let done = verb(&mut Tx::new(connection));
    connection.batch(if done.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    done
}

/// Gives whose it is; `None` where the store knows of no such process. Nothing is committed before there is a row, so what stands in
/// such a journal is another store's, or of this one before it was put back: it stays where it is.
fn carry_over(tx: &mut Tx<'_>, left: &Left) -> Result<Option<String>, StoreError> {
    let Some(organization) = table::organization_of(tx, &left.process)? else { return Ok(None) };
    let Some(process) = table::get(tx, &organization, &left.process)? else { return Ok(None) };
    let (mut head, _) = ledger::head_closed(tx, &organization)?;
    let (entries, commons) = left.entries();
    let mut used: HashMap<[u8; 32], i64> = HashMap::new();
    let mut rows = Rows::default();
    let mut open: HashMap<i64, i64> = HashMap::new();
    for (written, entry) in entries {
        let number = i64::try_from(entry.number).unwrap_or(i64::MAX);
        if number > process.number {
            for (name, more) in &entry.used {
                let all = used.entry(*name).or_default();
                *all = all.saturating_add(*more);
            }
        }
        if i64::try_from(written).unwrap_or(i64::MAX) <= process.written {
            continue;
        }
        if let Some(receipt) = entry.receipt(|digest| commons.get(digest).cloned()) {
            head.receipts = head.receipts.saturating_add(1);
            let of = receipt.of.and_then(|of| open.get(&of).copied());
            open.insert(number.saturating_neg(), head.receipts);
            rows.push(&organization, head.receipts, of, &receipt);
        }
    }
    let parts = table::parts(tx, &organization, &left.process)?;
    let mut names = Names::default();
    names.totals.extend(parts.iter().map(|part| part.name).chain(used.keys().copied()));
    let before = ledger::load(tx, &organization, &head, &names, None)?;
    let mut memory = head.memory(before.clone());
    for Part { name, moment, amount, open, own } in parts {
        // What was reserved stays taken, as of any call that nobody settles; it is reserved by nobody.
        let spent = if own { 0 } else { open.saturating_add(used.remove(&name).unwrap_or(0)) };
        memory.take_in(&name, (moment, amount), spent);
    }
    for (name, spent) in used {
        memory.take_in(&name, (i64::MIN, 0), spent);
    }
    ledger::save(tx, &organization, &mut head, &before, &memory)?;
    rows.insert(tx, &organization)?;
    ledger::set_head(tx, &organization, &head)?;
    table::remove(tx, &organization, &left.process)?;
    let done = Process { epoch: table::NONE, number: i64::MAX, written: i64::MAX, ..process };
    table::set(tx, &organization, &left.process, &done)?;
    Ok(Some(organization))
}
