//! A signer for tests: the real one, on a thread of its own, with a master key of its own.

use legation_signer::{Client, Door, Master, serve};
use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// How long it may take until it listens.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running signer. Dropping it ends it; its folder stays.
#[derive(Debug)]
pub struct Signer {
    sockets: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<(), String>>>,
}

impl Signer {
    /// A new signer: `run/` with its sockets and `master.key` are made in `folder`, which has neither yet.
    ///
    /// # Errors
    ///
    /// What failed, and why.
    pub fn start(folder: &Path) -> Result<Self, String> {
        let sockets = folder.join("run");
        DirBuilder::new().mode(0o700).create(&sockets).map_err(|error| error.to_string())?;
        let master = Master::create(&folder.join("master.key")).map_err(|error| error.to_string())?;
        let stop = Arc::new(AtomicBool::new(false));
        let (served, stopping) = (sockets.clone(), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            serve(&served, None, master, || stopping.load(Ordering::Relaxed))
                .map_err(|error| error.to_string())
        });
        let signer = Self { sockets, stop, thread: Some(thread) };
        let began = Instant::now();
        // Its doors are opened one after another.
        for door in Door::ALL {
            while let Err(error) = signer.client(door) {
                if began.elapsed() > PATIENCE {
                    return Err(error);
                }
                thread::sleep(Duration::from_millis(5));
            }
        }
        Ok(signer)
    }

    /// A client at one of its doors.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn client(&self, door: Door) -> Result<Client, String> {
        Client::connect(&door.socket(&self.sockets)).map_err(|error| error.to_string())
    }
}

impl Drop for Signer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // A signer that ended badly fails the test that stood on it, unless that is failing already.
        let ended = self.thread.take().map(JoinHandle::join);
        if !thread::panicking() {
            assert!(matches!(ended, Some(Ok(Ok(())))), "the signer ended with {ended:?}");
        }
    }
}
