//! The store: connections for verbs, and the thread that commits.

use crate::{
    connection::{Connection, Location, Sync},
    error::StoreError,
    job::{Commit, CommitError, Done, Job, Settle},
    log,
    mark::{self, Compared, Mark, Point},
    migrate::migrate,
    receipt::{Batch, NewReceipt},
    synced::Synced,
    till::{self, LEASE, Tills, table},
    tx::{Traces, Tx},
    writer::Line,
};
use legation_verifier::{Committed, Settled, VerifiedChain};
use std::{
    fs::{DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tokio::{runtime::Handle, sync::oneshot};

/// How often it is looked whether all have heard of an epoch.
const HEARD: Duration = Duration::from_millis(5);
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
    tills: Tills,
    /// What several verbs ([`Store::together`]) leave for others to notice.
    traces: Mutex<Traces>,
    /// What is known of it outside of the database, where there is a folder for that.
    mark: Option<Mark>,
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
        let beside = match &location {
            Location::Sqlite(path) => {
                let mut folder = path.as_os_str().to_owned();
                folder.push("-aside");
                Some(folder.into())
            }
            Location::Postgres(_) => None,
        };
        Self::open_with(location, beside)
    }

    /// As [`Store::open`], with a folder on a disk of this machine, where what is committed in memory is written before anybody
    /// is told: beside a SQLite file there is one in any case. Without it every call is committed in the database.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open_with(location: Location, journals: Option<PathBuf>) -> Result<Arc<Self>, StoreError> {
        if let Location::Sqlite(path) = &location {
            make_private(path).map_err(|error| {
                StoreError::unavailable(format!("`{}` can't be made: {error}", path.display()))
            })?;
        }
        let mut connection = Connection::open(&location, Sync::Always)?;
        migrate(&mut connection)?;
        if let Some(folder) = &journals {
            till::recover::all(&mut connection, folder)?;
        }
        let (line, writer) = Line::start(location.clone())?;
        let mark = journals.as_deref().map(Mark::beside);
        if let Some(mark) = &mark {
            mark.hold_against(&mut connection)?;
        }
        Ok(Arc::new(Self {
            tills: Tills::new(location.clone(), journals),
            traces: Mutex::default(),
            mark,
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
            tills: Tills::new(self.location.clone(), None),
            traces: Mutex::default(),
            mark: None,
            location: self.location.clone(),
            idle: Mutex::default(),
            line: None,
            writer: None,
            held: Some(Mutex::new(Some(connection))),
        });
        let outcome = verbs(&one);
        let held = one.held.as_ref().and_then(take_held);
        match held {
            Some(connection) => {
                let traces = *one.traces.lock().unwrap_or_else(PoisonError::into_inner);
                self.end(connection, outcome, traces)
            }
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
            let mut tx = Tx::new(&mut connection);
            let outcome = verb(&mut tx);
            self.traces.lock().unwrap_or_else(PoisonError::into_inner).add(tx.traces);
            // A change that failed halfway must not be kept with the others.
            if outcome.is_ok() || !writes {
                *held.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
            }
            return outcome;
        }
        let mut connection = self.take(writes)?;
        let mut tx = Tx::new(&mut connection);
        let outcome = verb(&mut tx);
        let traces = tx.traces;
        self.end(connection, outcome, traces)
    }

    /// Commits what was done, or takes it back. Where the epoch was raised, all who decide in memory have heard it once this returns, or
    /// decide no more.
    fn end<T, E: From<StoreError>>(
        &self,
        mut connection: Connection,
        outcome: Result<T, E>,
        traces: Traces,
    ) -> Result<T, E> {
        // What is read before it is committed is on the disk afterwards.
        let mark = self.mark.as_ref().filter(|_| traces.told && outcome.is_ok());
        let points = mark.map(|_| mark::points(&mut connection)).transpose()?;
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
        drop(idle);
        let marked = mark.zip(points).map_or(Ok(()), |(mark, points)| mark.raise(&points));
        if traces.raised && outcome.is_ok() {
            self.wait_until_heard();
        }
        // It was done, and whoever asked is not told so: what is known of it is behind.
        marked?;
        outcome
    }

    /// Looks whether the database is behind what was known of it, and closes it then; else keeps what is known of it now, outside
    /// of it. Whoever runs for long does so every few seconds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn keep_mark(&self) -> Result<(), StoreError> {
        let Some(mark) = &self.mark else { return Ok(()) };
        let points = self.read(|tx| mark::points(tx.connection()))?;
        match mark.compare(&points)? {
            Compared::Same => Ok(()),
            Compared::Behind => {
                let mut connection = self.take(false)?;
                connection.batch("COMMIT")?;
                mark.hold_against(&mut connection)
            }
            Compared::Further => {
                if let Location::Sqlite(path) = &self.location {
                    // Until then a receipt may be lost with the machine, and must not be missed.
                    log::sync(path).map_err(StoreError::unavailable)?;
                }
                mark.raise(&points)
            }
        }
    }

    pub(crate) fn location(&self) -> &Location {
        &self.location
    }

    /// What was known of an organization outside of the database; `None` where nothing was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn known(&self, organization: &str) -> Result<Option<Point>, StoreError> {
        self.mark.as_ref().map_or(Ok(None), |mark| mark.get(organization))
    }

    fn wait_until_heard(&self) {
        self.tills.ask();
        let began = Instant::now();
        loop {
            // Where nothing can be read, nobody renews a lease either.
            let behind = self.read(table::behind);
            if behind.as_ref().is_ok_and(Vec::is_empty) {
                return;
            }
            if began.elapsed() >= LEASE {
                let all = behind.unwrap_or_default();
                let silent = |tx: &mut Tx<'_>| all.iter().try_for_each(|one| table::silence(tx, one));
                // Where it is not noted, the next one waits as long.
                self.write(silent).unwrap_or_default();
                return;
            }
            thread::sleep(HEARD);
        }
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

    /// Commits a permit, with its receipt. Once it is answered, both survive the death of this process.
    ///
    /// Where calls of the organization come thick, those that are neither signed nor approved are committed in memory, out of
    /// what was set aside for this process. Where nothing else is being committed to a SQLite file, it is done when the future is
    /// first polled, on that thread: some hundred microseconds.
    ///
    /// # Errors
    /// [`CommitError`].
    pub async fn commit(&self, mut commit: Commit) -> Result<Done<Committed>, CommitError> {
        let is_plain = commit.permit.nonce().is_none() && commit.permit.approvals().is_empty();
        if !is_plain {
            return self.commit_there(commit).await;
        }
        let (till, is_thick) = self.tills.count(&commit.organization);
        if let Some(till) = &till {
            match till.commit(commit) {
                Ok(here) => return till.write(here).await,
                Err(not_here) => {
                    if not_here.is_in_the_way {
                        till.give_back().await;
                    }
                    commit = not_here.commit;
                }
            }
        }
        let now = commit.now;
        let done = self.commit_there(commit).await?;
        if let Some(till) = till.filter(|_| is_thick) {
            till.want(&done.outcome, now);
        }
        Ok(done)
    }

    /// Commits a permit in the database.
    async fn commit_there(&self, commit: Commit) -> Result<Done<Committed>, CommitError> {
        let (answer, asked) = oneshot::channel();
        let (line, job) = (self.line()?, Job::Commit(Box::new(commit), answer));
        // Where a disk hangs, one thread hangs with it: another one has to go on.
        let others = Handle::try_current().is_ok_and(|runtime| runtime.metrics().num_workers() > 1);
        if others { line.put_or_do(job) } else { line.put(job, true) }?;
        asked.await.map_err(ended)?
    }

    /// Commits in memory from so many calls of an organization in a tenth of a second on; 5 by default.
    pub fn commit_in_memory_from(&self, calls: u32) {
        self.tills.set_thick(calls);
    }

    /// Settles what was committed, with its receipt. It is done even where the future is dropped. Of what was committed in
    /// memory the receipt has no number yet (0), and is carried over in a moment.
    ///
    /// # Errors
    /// [`CommitError::Store`]: what was taken stays taken.
    pub async fn settle(&self, settle: Settle) -> Result<Done<Settled>, CommitError> {
        match self.settle_here(settle) {
            Ok(settled) => {
                Ok(Done { outcome: settled, receipt: 0, digest: [0; 32], synced: Synced::already() })
            }
            Err(settle) => self.ask(|answer| Job::Settle(settle, answer)).await,
        }
    }

    /// Asks for a settlement, and does not wait for it: where there is nobody left to tell. Gives whether it will be done;
    /// where too many wait, it is not, and what was taken stays taken.
    #[must_use]
    pub fn settle_later(&self, settle: Settle) -> bool {
        let Err(settle) = self.settle_here(settle) else { return true };
        let (answer, _) = oneshot::channel();
        let job = Job::Settle(settle, answer);
        self.line.as_ref().is_some_and(|line| line.put(job, false).is_ok())
    }

    /// Settles what was committed in memory there; `Err` where it was not.
    fn settle_here(&self, settle: Settle) -> Result<Settled, Box<Settle>> {
        match self.tills.get(&settle.organization) {
            Some(till) => till.settle(settle),
            None => Err(Box::new(settle)),
        }
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

    /// Does what waits and nobody waits for, such as settlements: whoever ends does that before it says that it has. It blocks.
    pub fn do_waiting(&self) {
        self.line.iter().for_each(|line| line.do_waiting());
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
        self.tills.close();
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
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path).map(drop)
}
