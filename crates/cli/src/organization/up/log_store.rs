//! The logs of all years, put into an S3-compatible store while an organization is up.

use crate::{
    args::NetworkArgs,
    log,
    output::{Failure, complain},
};
use legation_log_store::{Push, PushError};
use std::{
    collections::{HashMap, hash_map::Entry},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// How often it is looked whether there is more.
const LOOK: Duration = Duration::from_secs(5);

/// Puts the logs into a store on a thread of its own, which ends with the process: the log goes on whatever the store
/// does. What fails is told once, and tried again.
pub(super) fn start(url: String, logs: PathBuf, network: NetworkArgs) -> Result<(), Failure> {
    // What is wrong with the URL is told before anything is served.
    log::bucket(&url, &network)?;
    let failed = |reason: String| Failure::network("runtime", format!("the log can't be stored: {reason}"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let work = move || {
        let (mut told, mut pushes) = (String::new(), HashMap::new());
        loop {
            let failure =
                runtime.block_on(round(&url, &logs, &network, &mut pushes)).err().unwrap_or_default();
            if !failure.is_empty() && failure != told {
                complain(&format!(
                    "note: the log was not put into `{url}`, and it is tried again: {failure}\n"
                ));
            }
            told = failure;
            thread::sleep(LOOK);
        }
    };
    let started = thread::Builder::new().name("log-store".to_owned()).spawn(work);
    started.map(drop).map_err(|error| failed(error.to_string()))
}

async fn round(
    url: &str,
    logs: &Path,
    network: &NetworkArgs,
    pushes: &mut HashMap<PathBuf, Push>,
) -> Result<(), String> {
    // That of last year has an end, too, which came after this year's began.
    for folder in log::all(logs).into_iter().filter(|folder| folder.join("checkpoint").exists()) {
        let push = match pushes.entry(folder.clone()) {
            Entry::Occupied(push) => push.into_mut(),
            Entry::Vacant(none) => {
                none.insert(log::push_of(url, &folder, network).map_err(|failure| failure.message)?)
            }
        };
        match push.push(&folder).await {
            // Another machine was first; the next round looks at what it did.
            Ok(_) | Err(PushError::Moved) => {}
            Err(error) => return Err(format!("{error} ({})", error.code())),
        }
    }
    Ok(())
}
