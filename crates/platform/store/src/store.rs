//! The store: connections for verbs, and the thread that commits.

use crate::{
    connection::{Connection, Location, Sync},
    error::StoreError,
    job::{Commit, CommitError, Done, Job, Settle},
    migrate::migrate,
    receipt::{Batch, NewReceipt},
    tx::Tx,
    writer::Line,
};
use legation_verifier::{Committed, Settled, VerifiedChain};
use std::{
    fs::{DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::JoinHandle,
};
use tokio::{runtime::Handle, sync::oneshot};

/// Most connections for verbs that are kept while nobody uses them.
const IDLE: usize = 4;

/// What an organization keeps, in SQLite or PostgreSQL. Any number of processes may have the same one open.
///
/// Verbs ([`Store::read`], [`Store::write`]) run on the caller's thread and block it: call them from a thread that may
/// wait. What the gateway asks for each call ([`Store::commit`] and its kin) is a future, mostly done by one thread that
/// commits as many at once as wait.
#[derive(Debug)]
pub struct Store {
    location: Location,
    idle: Mutex<Vec<Connection>>,
    line: Option<Arc<Line>>,
    writer: Option<JoinHandle<()>>,
    /// The one connection of a store that is a single transaction ([`Store::together`]); `None` inside while it is used, and
    /// after it failed.
    held: Option<Mutex<Option<Connection>>>,
}

impl core::fmt::Debug for Connection {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Connection")
    }
}

impl Store {
    /// Opens a store, makes it where there is none, and brings its tables up to date. A SQLite file is made for its
    /// owner alone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(location: Location) -> Result<Arc<Self>, StoreError> {
        if let Location::Sqlite(path) = &location {
            make_private(path).map_err(|error| {
                StoreError::unavailable(format!("`{}` can't be made: {error}", path.display()))
            })?;
        }
        let mut connection = Connection::open(&location, Sync::Always)?;
        migrate(&mut connection)?;
        let (line, writer) = Line::start(location.clone())?;
        Ok(Arc::new(Self {
            location,
            idle: Mutex::new(vec![connection]),
            line: Some(line),
            writer: Some(writer),
            held: None,
        }))
    }

    /// Runs several verbs in one transaction: each reads and changes through the store that it is given, and all of it is
    /// kept, and synced, once this returns `Ok`, and nothing where it is `Err`, or where one of the changes failed.
    ///
    /// # Errors
    /// Those of the verbs, and [`StoreError`].
    pub fn together<T, E: From<StoreError>>(
        &self,
        verbs: impl FnOnce(&Arc<Self>) -> Result<T, E>,
    ) -> Result<T, E> {
        let connection = self.take(true)?;
        let one = Arc::new(Self {
            location: self.location.clone(),
            idle: Mutex::default(),
            line: None,
            writer: None,
            held: Some(Mutex::new(Some(connection))),
        });
        let outcome = verbs(&one);
        let held = one.held.as_ref().and_then(take_held);
        match held {
            Some(connection) => self.end(connection, outcome),
            // It went with its connection, which takes it back.
            None => outcome.and_then(|_| Err(StoreError::unavailable("a change of several failed").into())),
        }
    }

    /// Reads in one transaction, so that all that is read belongs together.
    ///
    /// # Errors
    /// Those of the verb, and [`StoreError`].
    pub fn read<T, E: From<StoreError>>(
        &self,
        verb: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.transaction(false, verb)
    }

    /// Changes in one transaction: all of it is kept, and synced, once this returns `Ok`, and nothing where it is `Err`.
    ///
    /// # Errors
    /// Those of the verb, and [`StoreError`]. Where the connection is lost in the moment of committing, it may have been kept all the same.
    pub fn write<T, E: From<StoreError>>(
        &self,
        verb: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.transaction(true, verb)
    }

    fn transaction<T, E: From<StoreError>>(
        &self,
        writes: bool,
        verb: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        if let Some(held) = &self.held {
            let within = || StoreError::unavailable("it is in a transaction that is used, or that failed");
            let mut connection = take_held(held).ok_or_else(within)?;
            let outcome = verb(&mut Tx::new(&mut connection));
            // A change that failed halfway must not be kept with the others.
            if outcome.is_ok() || !writes {
                *held.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
            }
            return outcome;
        }
        let mut connection = self.take(writes)?;
        let outcome = verb(&mut Tx::new(&mut connection));
        self.end(connection, outcome)
    }

    /// Commits what was done, or takes it back.
    fn end<T, E: From<StoreError>>(&self, mut connection: Connection, outcome: Result<T, E>) -> Result<T, E> {
        match &outcome {
            Ok(_) => connection.batch("COMMIT")?,
            Err(_) => {
                // A connection that can't even take back is dropped, which does.
                if connection.batch("ROLLBACK").is_err() {
                    return outcome;
                }
            }
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(connection);
        }
        outcome
    }

    /// A connection in a transaction that has just begun. One that was kept may have died meanwhile.
    fn take(&self, writes: bool) -> Result<Connection, StoreError> {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(mut connection) = kept
            && connection.begin(writes).is_ok()
        {
            return Ok(connection);
        }
        let mut connection = Connection::open(&self.location, Sync::Always)?;
        connection.begin(writes)?;
        Ok(connection)
    }

    /// Commits a permit, with its receipt. Once it is answered, both survive the death of this process. Where nothing else
    /// is being committed to a SQLite file, it is done when the future is first polled, on that thread: some hundred microseconds.
    ///
    /// # Errors
    /// [`CommitError`].
    pub async fn commit(&self, commit: Commit) -> Result<Done<Committed>, CommitError> {
        let (answer, asked) = oneshot::channel();
        let (line, job) = (self.line()?, Job::Commit(Box::new(commit), answer));
        // Where a disk hangs, one thread hangs with it: another one has to go on.
        let others = Handle::try_current().is_ok_and(|runtime| runtime.metrics().num_workers() > 1);
        if others { line.put_or_do(job) } else { line.put(job, true) }?;
        asked.await.map_err(ended)?
    }

    /// Settles what was committed, with its receipt. It is done even where the future is dropped.
    ///
    /// # Errors
    /// [`CommitError::Store`]: what was taken stays taken.
    pub async fn settle(&self, settle: Settle) -> Result<Done<Settled>, CommitError> {
        self.ask(|answer| Job::Settle(Box::new(settle), answer)).await
    }

    /// Asks for a settlement, and does not wait for it: where there is nobody left to tell. Gives whether it will be done;
    /// where too many wait, it is not, and what was taken stays taken.
    #[must_use]
    pub fn settle_later(&self, settle: Settle) -> bool {
        let (answer, _) = oneshot::channel();
        let job = Job::Settle(Box::new(settle), answer);
        self.line.as_ref().is_some_and(|line| line.put(job, false).is_ok())
    }

    /// Keeps the receipt of a denial. One of an agent with a code that repeats within a minute is counted.
    ///
    /// # Errors
    /// [`CommitError::Store`].
    pub async fn deny(&self, organization: &Arc<str>, receipt: NewReceipt) -> Result<Done<()>, CommitError> {
        let (organization, receipt) = (Arc::clone(organization), Box::new(receipt));
        self.ask(|answer| Job::Deny { organization, receipt, answer }).await
    }

    /// Keeps a batch of receipts that was signed. It blocks, as verbs do.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn keep_signed(&self, organization: &Arc<str>, batch: Batch) -> Result<(), StoreError> {
        let (answer, asked) = mpsc::channel();
        self.line()?.put(Job::Signed { organization: Arc::clone(organization), batch, answer }, false)?;
        asked.recv().map_err(ended)?
    }

    /// Consumes the nonce of a chain that was verified for nothing but who is there, and remembers it until `until`
    /// (Unix seconds) at least.
    ///
    /// # Errors
    /// [`CommitError`].
    pub async fn commit_nonce(
        &self,
        organization: &Arc<str>,
        chain: &VerifiedChain,
        until: i64,
        now: i64,
    ) -> Result<Done<()>, CommitError> {
        let (organization, chain) = (Arc::clone(organization), Box::new(chain.clone()));
        self.ask(|answer| Job::Nonce { organization, chain, until, now, answer }).await
    }

    async fn ask<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<Done<T>, CommitError>>) -> Job,
    ) -> Result<Done<T>, CommitError> {
        let (answer, asked) = oneshot::channel();
        self.line()?.put(job(answer), true)?;
        asked.await.map_err(ended)?
    }

    fn line(&self) -> Result<&Line, StoreError> {
        self.line
            .as_deref()
            .ok_or_else(|| StoreError::unavailable("it is one transaction, and commits nothing"))
    }
}

fn ended<E>(_: E) -> StoreError {
    StoreError::unavailable("its thread has ended")
}

fn take_held(held: &Mutex<Option<Connection>>) -> Option<Connection> {
    held.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl Drop for Store {
    /// What waits is done first.
    fn drop(&mut self) {
        self.line.iter().for_each(|line| line.close());
        let idle = core::mem::take(self.idle.get_mut().unwrap_or_else(PoisonError::into_inner));
        // A client of PostgreSQL blocks when it is dropped, which a thread that runs futures must not.
        if !idle.is_empty() {
            drop(std::thread::spawn(move || drop(idle)).join());
        }
        if let Some(writer) = self.writer.take() {
            drop(writer.join());
        }
    }
}

/// SQLite makes its other files with the permissions of the first.
fn make_private(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path).map(drop)
}
