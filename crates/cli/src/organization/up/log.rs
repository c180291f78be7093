//! The log, carried on while an organization is up. Any number of processes of one organization may do it, each in a folder
//! of its own; of those of one folder one does.

use crate::{
    files,
    organization::data_dir::failed,
    output::{Failure, complain},
};
use legation_log::Writer;
use legation_registry::{Registry, RegistryError};
use legation_store::StoreError;
use std::{path::PathBuf, sync::Arc, thread, time::Duration};

/// How often it is looked whether there is more.
const LOOK: Duration = Duration::from_millis(500);

/// Carries on the log of a folder on a thread of its own, which ends with the process. What fails is told once, and tried
/// again.
pub(super) fn start(registry: &Arc<Registry>, folder: PathBuf) -> Result<(), Failure> {
    // A store that is older than its log is a second budget and an amnesty: nothing is decided on it.
    let mut writer = match registry.open_log(&folder, files::now()) {
        Ok(writer) => Some(writer),
        Err(error) if is_later(&error) => None,
        Err(error) => return Err(failed(&error)),
    };
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

/// Whether another process of this folder does it, or nothing is decided before the store is opened again.
fn is_later(error: &RegistryError) -> bool {
    matches!(
        error,
        RegistryError::Log(legation_log::WriteError::Busy { .. })
            | RegistryError::Store(StoreError::Restored { .. })
    )
}

fn carry(registry: &Registry, folder: &std::path::Path, writer: &mut Option<Writer>) -> Result<(), String> {
    let mut open = match writer.take() {
        Some(open) => open,
        None => match registry.open_log(folder, files::now()) {
            Ok(open) => open,
            Err(error) if is_later(&error) => return Ok(()),
            Err(error) => return Err(error.to_string()),
        },
    };
    // What failed is opened again: it goes on from what is on the disk.
    registry.carry(&mut open, files::now()).map_err(|error| error.to_string())?;
    *writer = Some(open);
    Ok(())
}
