//! `legation signer`.

use super::data_dir::DataDir;
use crate::{
    args::SignerArgs,
    output::{Failure, Output},
};
use legation_signer::{MasterError, Source, serve};
use serde_json::json;
use std::{
    io::Read,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

pub(crate) fn run(args: &SignerArgs) -> Result<Output, Failure> {
    let folder = DataDir::whole(&args.data);
    folder.location()?;
    let master = Source::of(&folder.master()).map_err(|error| {
        let hint = match error {
            MasterError::Open { .. } => {
                "; put back the copy that was kept apart, or, where nobody has it, `legation master-key lost`"
            }
            _ => "",
        };
        Failure::file(format!("{error}{hint}"))
    })?;
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = Arc::clone(&stop);
    let until_stdin_ends = args.until_stdin_ends;
    std::thread::spawn(move || {
        if until_stdin_ends {
            // Whoever started it says nothing; it ends when that one does.
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            stopping.store(true, Ordering::Relaxed);
        }
    });
    if !args.until_stdin_ends {
        stop_by_signal(&stop);
    }
    let run = args.run.clone().unwrap_or_else(|| folder.run());
    let served = serve(&run, args.agent_socket.as_deref(), master, || stop.load(Ordering::Relaxed));
    if args.run.is_some() && served.is_ok() {
        // Whoever made it may have died.
        let _ = std::fs::remove_dir_all(&run);
    }
    served.map_err(|error| Failure::network(error.code(), error.to_string()))?;
    Ok(Output::done(json!({"signer": "stopped"}), "stopped"))
}

/// Ends in order by Ctrl-C or a request to end.
fn stop_by_signal(stop: &Arc<AtomicBool>) {
    let stop = Arc::clone(stop);
    std::thread::spawn(move || {
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
            runtime.block_on(crate::serve::stopped());
        }
        stop.store(true, Ordering::Relaxed);
    });
}
