//! A ledger that is kept in a file between two runs of the command.

use crate::{files, output::Failure};
use legation_keystore::Access;
use legation_verifier::{Committed, Denial, MemoryLedger, Permit};
use std::path::Path;

/// Commits a permit to the ledger in a file, which is made where there is none. Other runs wait
/// meanwhile, so that two of them never both find a nonce unused.
pub(crate) fn commit(path: &Path, permit: Permit, now: i64) -> Result<Result<Committed, Denial>, Failure> {
    files::change(path, Access::Private, |found| {
        let mut ledger = found.map_or_else(|| Ok(MemoryLedger::new()), |found| read(path, found))?;
        let outcome = ledger.commit(permit, now);
        Ok((ledger.to_json().to_string(), outcome))
    })
}

/// The ledger in a file as it stands, to look at.
pub(crate) fn look(path: &Path) -> Result<MemoryLedger, Failure> {
    if path.exists() { read(path, &files::read(path)?) } else { Ok(MemoryLedger::new()) }
}

fn read(path: &Path, bytes: &[u8]) -> Result<MemoryLedger, Failure> {
    let json = serde_json::from_slice(bytes).ok();
    json.and_then(|json| MemoryLedger::from_json(&json))
        .ok_or_else(|| Failure::file(format!("`{}` is no ledger; name another file", path.display())))
}
