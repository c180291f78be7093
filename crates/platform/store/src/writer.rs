//! What commits: as many jobs at once as wait, in one transaction for each organization.
//!
//! A thread does what waits. Where nothing is being done, whoever asks of SQLite does it at once on its own thread: handing a
//! job over and waking up again costs more than the transaction.

use crate::{
    connection::{Connection, Location, Sync},
    error::StoreError,
    job::{self, Job, Kept, Ready},
    log::Log,
    queue::Queue,
    synced::{Progress, Synced, keep_synced},
    tx::Tx,
};
use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        mpsc::{self, Sender},
    },
    thread,
};

/// Most jobs of one transaction.
const TOGETHER: usize = 256;
/// Most jobs that somebody who asks does with its own.
const ALONG: usize = 16;

/// A store's writer, and what waits for it.
pub(crate) struct Line {
    queue: Queue,
    writer: Mutex<Writer>,
}

impl Line {
    /// Starts the thread. It ends when the line is closed and what waits has been done.
    pub(crate) fn start(location: Location) -> Result<(Arc<Self>, thread::JoinHandle<()>), StoreError> {
        let syncing = match &location {
            Location::Postgres(_) => None,
            Location::Sqlite(path) => {
                let (numbers, received) = mpsc::channel();
                let synced = Arc::<Progress>::default();
                let told = Arc::clone(&synced);
                let (path, log) = (path.clone(), path.clone());
                spawn("legation-sync", move || keep_synced(&path, &received, &told))?;
                Some(Syncing { numbers, synced, last: 0, log: Log::keep_short(log)? })
            }
        };
        let writer = Writer { location, connection: None, syncing, kept: Kept::default() };
        let line = Arc::new(Self { queue: Queue::default(), writer: Mutex::new(writer) });
        let own = Arc::clone(&line);
        let handle = spawn("legation-ledger", move || own.work())?;
        Ok((line, handle))
    }

    /// What comes from now on is refused; what waits is done.
    pub(crate) fn close(&self) {
        self.queue.close();
    }

    /// Has a job done by the thread. Where nobody waits for it, it goes with what somebody waits for, or in a moment.
    pub(crate) fn put(&self, job: Job, is_awaited: bool) -> Result<(), StoreError> {
        self.queue.put(job, is_awaited)
    }

    /// Does a job at once where that takes no waiting, else as [`Line::put`].
    pub(crate) fn put_or_do(&self, job: Job) -> Result<(), StoreError> {
        let Ok(mut writer) = self.writer.try_lock() else { return self.put(job, true) };
        if !writer.is_quick() {
            return self.put(job, true);
        }
        let Some(mut jobs) = self.queue.take_if_few(ALONG) else { return self.put(job, true) };
        jobs.push(job);
        let left = writer.work(jobs, Patience::None);
        drop(writer);
        self.queue.put_back(left);
        Ok(())
    }

    /// Does all that waits, on this thread.
    pub(crate) fn do_waiting(&self) {
        loop {
            let mut writer = self.writer();
            let jobs = self.queue.take(TOGETHER);
            if jobs.is_empty() {
                return;
            }
            writer.work(jobs, Patience::Usual);
        }
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(|poisoned| {
            // Whoever made a mistake left a transaction open.
            let mut writer = poisoned.into_inner();
            (writer.connection, writer.kept) = (None, Kept::default());
            self.writer.clear_poison();
            writer
        })
    }

    fn work(&self) {
        let _closing = Closing(self);
        while self.queue.wait() {
            let mut writer = self.writer();
            // Whoever did it meanwhile may have left nothing.
            let jobs = self.queue.take(TOGETHER);
            writer.work(jobs, Patience::Usual);
        }
    }
}

/// Where the thread ends, also by a mistake, nothing more is taken. The connection ends here, since one to PostgreSQL blocks
/// meanwhile.
struct Closing<'a>(&'a Line);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
        self.0.writer().connection = None;
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<thread::JoinHandle<()>, StoreError> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map_err(StoreError::unavailable)
}

struct Syncing {
    numbers: Sender<u64>,
    synced: Arc<Progress>,
    last: u64,
    log: Log,
}

/// Whether another process's transaction is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    Usual,
    None,
}

struct Writer {
    location: Location,
    /// `None` at first, and after it failed.
    connection: Option<Connection>,
    syncing: Option<Syncing>,
    kept: Kept,
}

impl Writer {
    /// Whether a job can be done on a thread that runs futures: a file, that is open.
    fn is_quick(&self) -> bool {
        matches!(self.connection, Some(Connection::Sqlite(_)))
    }

    /// Does jobs. Gives those that another process's transaction is in the way of, where that is not waited for.
    fn work(&mut self, jobs: Vec<Job>, patience: Patience) -> Vec<Job> {
        let mut left = Vec::new();
        for (organization, jobs) in job::by_organization(jobs) {
            left.extend(self.commit(&organization, jobs, patience));
        }
        left
    }

    fn commit(&mut self, organization: &str, mut jobs: Vec<Job>, patience: Patience) -> Vec<Job> {
        let mut ready: Vec<Ready> = Vec::new();
        let count = jobs.len();
        let committed = match self.transaction(organization, &mut jobs, &mut ready, patience) {
            Ok(Some(synced)) => Ok(synced),
            Ok(None) => return jobs,
            Err(error) => Err(error),
        };
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
        if let Some(syncing) = &mut self.syncing {
            syncing.log.grew_by(count);
        }
        Vec::new()
    }

    /// `None` where another process's transaction is in the way, and that is not waited for.
    fn transaction(
        &mut self,
        organization: &str,
        jobs: &mut Vec<Job>,
        ready: &mut Vec<Ready>,
        patience: Patience,
    ) -> Result<Option<Synced>, StoreError> {
        if self.syncing.as_ref().is_some_and(|syncing| syncing.synced.has_ended()) {
            return Err(StoreError::unavailable(
                "the disk can't be written; start the process again once it can",
            ));
        }
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(Connection::open(&self.location, Sync::Later)?),
        };
        match patience {
            Patience::Usual => connection.begin(true)?,
            Patience::None if !connection.begin_at_once()? => return Ok(None),
            Patience::None => {}
        }
        let done = job::run(&mut Tx::new(connection), organization, jobs, ready, &mut self.kept);
        if let Err(error) = done {
            connection.batch("ROLLBACK").unwrap_or_default();
            return Err(error);
        }
        connection.batch("COMMIT")?;
        Ok(Some(match &mut self.syncing {
            None => Synced::already(),
            Some(syncing) => {
                syncing.last += 1;
                let by = Synced::by(syncing.last, &syncing.synced);
                // Where nobody syncs any more, whoever waits is told so.
                syncing.numbers.send(syncing.last).unwrap_or_default();
                by
            }
        }))
    }
}

impl core::fmt::Debug for Line {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Line")
    }
}
