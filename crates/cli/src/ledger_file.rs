//! A ledger that is kept in a file between two runs of the command: the same that services use.

use crate::{files, output::Failure};
use legation_keystore::{Access, ChangeError, Rules};
use legation_ledger::{FileError, file::MAX_BYTES};
use legation_verifier::{Committed, Denial, MemoryLedger, Permit};
use std::path::Path;

/// Commits a permit to the ledger in a file, which is made where there is none. Other runs wait
/// meanwhile, so that two of them never both find a nonce unused.
pub(crate) fn commit(path: &Path, permit: Permit, now: i64) -> Result<Result<Committed, Denial>, Failure> {
    let rules = Rules { waiting: &files::tell_waiting, ..Rules::new(Access::Private, MAX_BYTES) };
    match legation_ledger::commit(path, rules, permit, now) {
        Ok(committed) => Ok(Ok(committed)),
        Err(FileError::Denied(denial)) => Ok(Err(denial)),
        Err(error) => Err(failure(&error)),
    }
}

/// The ledger in a file as it stands, to look at.
pub(crate) fn look(path: &Path) -> Result<MemoryLedger, Failure> {
    legation_ledger::look(path).map_err(|error| failure(&error))
}

fn failure(error: &FileError) -> Failure {
    match error {
        FileError::Change(ChangeError::Busy { .. }) => Failure::network("busy", error.to_string()),
        FileError::Change(ChangeError::Unsynced { .. }) => Failure::network("storage", error.to_string()),
        _ => Failure::file(error.to_string()),
    }
}
