//! The thread that commits: as many jobs at once as wait, in one transaction for each organization.

use crate::{
    connection::{Connection, Location, Sync},
    error::StoreError,
    job::{self, Job, Kept, Ready},
    synced::{Synced, keep_synced},
    tx::Tx,
};
use std::{
    sync::mpsc::{self, Receiver, Sender, SyncSender},
    thread,
};
use tokio::sync::watch;

/// Most jobs that wait. More are refused at once.
const WAITING: usize = 4096;
/// Most jobs of one transaction.
const TOGETHER: usize = 256;

/// Starts the thread. It ends when the sender is dropped and what waits has been done.
pub(crate) fn start(location: Location) -> Result<(SyncSender<Job>, thread::JoinHandle<()>), StoreError> {
    let (sender, jobs) = mpsc::sync_channel(WAITING);
    let syncing = match &location {
        Location::Postgres(_) => None,
        Location::Sqlite(path) => {
            let (numbers, received) = mpsc::channel();
            let (told, synced) = watch::channel(0);
            let path = path.clone();
            spawn("legation-sync", move || keep_synced(&path, &received, &told))?;
            Some(Syncing { numbers, synced, last: 0 })
        }
    };
    let writer = Writer { location, connection: None, syncing, kept: Kept::default() };
    let handle = spawn("legation-ledger", move || writer.work(&jobs))?;
    Ok((sender, handle))
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<thread::JoinHandle<()>, StoreError> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map_err(StoreError::unavailable)
}

struct Syncing {
    numbers: Sender<u64>,
    synced: watch::Receiver<u64>,
    last: u64,
}

struct Writer {
    location: Location,
    /// `None` at first, and after it failed.
    connection: Option<Connection>,
    syncing: Option<Syncing>,
    kept: Kept,
}

impl Writer {
    fn work(mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let together = core::iter::once(first).chain(jobs.try_iter().take(TOGETHER - 1)).collect();
            for (organization, jobs) in job::by_organization(together) {
                self.commit(&organization, jobs);
            }
        }
    }

    fn commit(&mut self, organization: &str, mut jobs: Vec<Job>) {
        let mut ready: Vec<Ready> = Vec::new();
        let committed = self.transaction(organization, &mut jobs, &mut ready);
        if let Err(error) = &committed {
            self.kept = Kept::default();
            // Of a connection that failed nobody knows in what state it is. No such organization is no failure of it.
            if matches!(error, StoreError::Unavailable { .. }) {
                self.connection = None;
            }
            jobs.into_iter().for_each(|job| job.fail(error));
        }
        for one in ready {
            one.tell(committed.clone());
        }
    }

    fn transaction(
        &mut self,
        organization: &str,
        jobs: &mut Vec<Job>,
        ready: &mut Vec<Ready>,
    ) -> Result<Synced, StoreError> {
        if self.syncing.as_ref().is_some_and(|syncing| syncing.synced.has_changed().is_err()) {
            return Err(StoreError::unavailable(
                "the disk can't be written; start the process again once it can",
            ));
        }
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(Connection::open(&self.location, Sync::Later)?),
        };
        connection.begin(true)?;
        let done = job::run(&mut Tx::new(connection), organization, jobs, ready, &mut self.kept);
        if let Err(error) = done {
            connection.batch("ROLLBACK").unwrap_or_default();
            return Err(error);
        }
        connection.batch("COMMIT")?;
        Ok(match &mut self.syncing {
            None => Synced::already(),
            Some(syncing) => {
                syncing.last += 1;
                let by = Synced::by(syncing.last, syncing.synced.clone());
                // Where nobody syncs any more, whoever waits is told so.
                syncing.numbers.send(syncing.last).unwrap_or_default();
                by
            }
        })
    }
}
