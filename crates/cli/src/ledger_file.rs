//! A ledger that is kept in a file between two runs of the command.

use crate::output::Failure;
use legation_keystore::{Access, Overwrite, write_new};
use legation_verifier::{Committed, Denial, MemoryLedger, Permit};
use std::{
    fs::{File, OpenOptions},
    path::{Path, PathBuf},
};

/// Commits a permit to the ledger in a file, which is made where there is none. Other runs wait
/// meanwhile, so that two of them never both find a nonce unused.
pub(crate) fn commit(path: &Path, permit: Permit, now: i64) -> Result<Result<Committed, Denial>, Failure> {
    let _lock = lock(path)?;
    let mut ledger = look(path)?;
    let outcome = ledger.commit(permit, now);
    write_new(path, ledger.to_json().to_string().as_bytes(), Access::Private, Overwrite::Replace)
        .map_err(|error| Failure::network("ledger", error.to_string()))?;
    Ok(outcome)
}

/// The ledger in a file as it stands, to look at.
pub(crate) fn look(path: &Path) -> Result<MemoryLedger, Failure> {
    if path.exists() { read(path) } else { Ok(MemoryLedger::new()) }
}

fn read(path: &Path) -> Result<MemoryLedger, Failure> {
    let json = serde_json::from_slice(&crate::files::read(path)?).ok();
    json.and_then(|json| MemoryLedger::from_json(&json))
        .ok_or_else(|| Failure::file(format!("`{}` is no ledger; name another file", path.display())))
}

/// A lock beside the ledger: the ledger itself is replaced by each commit.
fn lock(path: &Path) -> Result<File, Failure> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let failed =
        |error: std::io::Error| Failure::file(format!("`{}` can't be locked: {error}", name.display()));
    let file = OpenOptions::new().create(true).append(true).open(&name).map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(file)
}
