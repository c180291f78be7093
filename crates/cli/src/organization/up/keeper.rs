//! What has to be done again and again while an organization is up: the signer started again where it ended, status
//! lists signed anew, delegations renewed, receipts signed. Any number of processes of one organization may do it.

use crate::{
    files,
    organization::data_dir::Signer,
    output::{Failure, complain},
};
use legation_registry::{Registry, RegistryError};
use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

/// How often it is looked whether something is due.
const LOOK: Duration = Duration::from_secs(2);
/// Most receipts that are signed at a time.
const RECEIPTS: i64 = 256;

/// Does what is due.
pub(crate) fn look(registry: &Registry) -> Result<(), RegistryError> {
    let now = files::now();
    registry.renew_lists(now)?;
    registry.renew_due(now)?;
    while registry.sign_receipts(RECEIPTS)? > 0 {}
    Ok(())
}

/// Does so on a thread of its own, which ends with the process. What fails is told once, and tried again.
pub(crate) fn start(registry: &Arc<Registry>, signer: &Arc<Mutex<Signer>>) -> Result<(), Failure> {
    let (registry, signer) = (Arc::clone(registry), Arc::clone(signer));
    let work = move || {
        let mut told = String::new();
        loop {
            thread::sleep(LOOK);
            let kept = signer.lock().unwrap_or_else(PoisonError::into_inner).keep();
            let done = kept.map_err(|error| error.to_string());
            let done = done.and_then(|()| look(&registry).map_err(|error| error.to_string()));
            let failure = done.err().unwrap_or_default();
            if !failure.is_empty() && failure != told {
                complain(&format!("what is due could not be done, and is tried again: {failure}\n"));
            }
            told = failure;
        }
    };
    thread::Builder::new()
        .name("keeper".to_owned())
        .spawn(work)
        .map(|_| ())
        .map_err(|error| Failure::network("runtime", format!("a thread did not start: {error}")))
}
