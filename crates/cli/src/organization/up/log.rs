//! The log, carried on while an organization is up. Any number of processes of one organization may do it, each in a folder
//! of its own; of those of one folder one does.

use crate::{
    files,
    organization::data_dir::failed,
    output::{Failure, complain},
};
use legation_log::{WriteError, Writer};
use legation_registry::{Registry, RegistryError};
use legation_store::StoreError;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

/// How often it is looked whether there is more.
const LOOK: Duration = Duration::from_millis(500);

/// Carries on the log of a folder on a thread of its own, which ends with the process. What fails is told once, and tried
/// again.
pub(super) fn start(registry: &Arc<Registry>, folder: PathBuf) -> Result<(), Failure> {
    // A store that is older than its log is a second budget and an amnesty: this closes it, before anybody asks.
    let mut writer = open(registry, &folder).map_err(|error| failed(&error))?;
    let registry = Arc::clone(registry);
    let work = move || {
        let mut told = String::new();
        loop {
            let failure = carry(&registry, &folder, &mut writer).err().unwrap_or_default();
            if !failure.is_empty() && failure != told {
                complain(&format!("the log could not be carried on, and it is tried again: {failure}\n"));
            }
            told = failure;
            thread::sleep(LOOK);
        }
    };
    thread::Builder::new()
        .name("log".to_owned())
        .spawn(work)
        .map(|_| ())
        .map_err(|error| Failure::network("runtime", format!("a thread did not start: {error}")))
}

/// The log, where it can be written now: another process of this folder may do it, and what was put back is closed until
/// somebody opens it.
fn open(registry: &Registry, folder: &Path) -> Result<Option<Writer>, RegistryError> {
    match registry.open_log(folder, files::now()) {
        Ok(open) => Ok(Some(open)),
        Err(
            RegistryError::Log(WriteError::Busy { .. }) | RegistryError::Store(StoreError::Restored { .. }),
        ) => Ok(None),
        Err(error) => Err(error),
    }
}

fn carry(registry: &Registry, folder: &Path, writer: &mut Option<Writer>) -> Result<(), String> {
    // What failed is opened again: it goes on from what is on the disk.
    let open = match writer.take() {
        Some(open) => Some(open),
        None => open(registry, folder).map_err(|error| error.to_string())?,
    };
    let Some(mut open) = open else { return Ok(()) };
    match registry.carry(&mut open, files::now()) {
        Ok(carried) if carried.is_closed => {}
        Ok(_) => *writer = Some(open),
        Err(RegistryError::Store(StoreError::Restored { .. })) => {}
        Err(error) => return Err(error.to_string()),
    }
    Ok(())
}
