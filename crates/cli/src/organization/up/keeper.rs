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
/// How often it is looked whether there is something to alert of.
const LOOK_OUT: Duration = Duration::from_secs(5);
/// How often what agents did is held against the rules of quarantine.
const QUARANTINE: Duration = Duration::from_secs(1);
/// Most receipts that are signed at a time.
const RECEIPTS: i64 = 256;

/// For how long the thread that signs receipts waits when there are no more.
const NO_MORE: Duration = Duration::from_millis(500);

/// Does what is due, so that decisions go on.
pub(crate) fn look(registry: &Registry) -> Result<(), RegistryError> {
    registry.store().keep_mark()?;
    let now = files::now();
    registry.renew_lists(now)?;
    registry.renew_linkage(now)?;
    registry.renew_due(now)?;
    registry.rotate_due(now)?;
    registry.end_keys(now)?;
    registry.follow_document(now)?;
    registry.forget_old(now)?;
    Ok(())
}

/// Does so on a thread of its own, which ends with the process, and signs receipts on another: however many of them
/// come, nothing else waits for it. What fails is told once, and tried again.
pub(crate) fn start(registry: &Arc<Registry>, signer: &Arc<Mutex<Signer>>) -> Result<(), Failure> {
    let (own, signer) = (Arc::clone(registry), Arc::clone(signer));
    again("keeper", move || {
        thread::sleep(LOOK);
        signer.lock().unwrap_or_else(PoisonError::into_inner).keep().map_err(|error| error.to_string())?;
        look(&own).map_err(|error| error.to_string())
    })?;
    let looks = Arc::clone(registry);
    again("alerts", move || {
        thread::sleep(LOOK_OUT);
        looks.look_out(files::now()).map(drop).map_err(|error| error.to_string())
    })?;
    let holds = Arc::clone(registry);
    again("quarantine", move || {
        thread::sleep(QUARANTINE);
        holds.enforce_quarantine(files::now()).map(drop).map_err(|error| error.to_string())
    })?;
    let registry = Arc::clone(registry);
    again("receipts", move || match registry.sign_receipts(RECEIPTS, files::now()) {
        // A batch that is full is followed by the next.
        Ok(signed) if i64::try_from(signed).is_ok_and(|signed| signed >= RECEIPTS) => Ok(()),
        Ok(_) => {
            thread::sleep(NO_MORE);
            Ok(())
        }
        Err(error) => {
            thread::sleep(LOOK);
            Err(error.to_string())
        }
    })
}

/// Does something again and again on a thread of its own.
fn again(name: &str, work: impl Fn() -> Result<(), String> + Send + 'static) -> Result<(), Failure> {
    let work = move || {
        let mut told = String::new();
        loop {
            let failure = work().err().unwrap_or_default();
            if !failure.is_empty() && failure != told {
                complain(&format!("what is due could not be done, and is tried again: {failure}\n"));
            }
            told = failure;
        }
    };
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map(|_| ())
        .map_err(|error| Failure::network("runtime", format!("a thread did not start: {error}")))
}
