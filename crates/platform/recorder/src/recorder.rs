//! The log of a service: what many wait for is written at once, synced under one checkpoint, and then all are answered.

use crate::{
    gathered::{Count, Gathered, Same, Taken, WAITING},
    kept::Kept as KeptLog,
};
use core::{fmt, time::Duration};
use legation_agent::{Decided, RecordError, Records, records::Kept};
use legation_keys::Signer;
use legation_log::{NoteKey, WriteError, note::Kind};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::sync::oneshot;

/// How often it is looked whether denials no longer repeat.
const LOOK: Duration = Duration::from_secs(1);

/// Whose log it is.
#[derive(Clone)]
pub struct Of {
    /// What its checkpoints call it, such as `shop.example/log/1`.
    pub origin: String,
    /// The log's own key (Ed25519), which signs its checkpoints and nothing else.
    pub signer: Arc<dyn Signer + Send + Sync>,
    /// What the service's DID says of the log ([`legation_log::about`]), signed; empty where its key is known otherwise.
    pub about: String,
}

impl fmt::Debug for Of {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Of").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// Keeps decisions in a log. A log that can't be written closes the door (`log_unavailable`), and is tried again with each
/// decision; after that it goes on by itself.
pub struct Recorder {
    jobs: Option<SyncSender<Job>>,
    gathered: Arc<Mutex<Gathered>>,
    thread: Option<JoinHandle<()>>,
    key: NoteKey,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Recorder").field("key", &self.key.to_string()).finish_non_exhaustive()
    }
}

struct Job {
    decided: Decided,
    same: Option<Same>,
    answer: oneshot::Sender<Result<(), RecordError>>,
}

fn lock(gathered: &Mutex<Gathered>) -> MutexGuard<'_, Gathered> {
    gathered.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recorder {
    /// Opens the log in a folder of its own, which is made where it is missing. It reads and writes: call it before the
    /// service serves.
    ///
    /// # Errors
    /// [`WriteError`]; [`WriteError::Busy`] where another process writes it.
    pub fn open(folder: &Path, of: Of) -> Result<Self, WriteError> {
        let key = NoteKey::new(&of.origin, Kind::Text, of.signer.public_key());
        let key = key.map_err(|error| WriteError::Checkpoint(error.into()))?;
        let log = KeptLog::open(folder, &key, &of)?;
        let gathered = Arc::new(Mutex::new(Gathered::default()));
        let (jobs, taken) = sync_channel(WAITING);
        let mut work = Work {
            folder: folder.to_owned(),
            key: key.clone(),
            of,
            log: Some(log),
            gathered: Arc::clone(&gathered),
            counts: Vec::new(),
        };
        let thread = thread::Builder::new().name("recorder".to_owned()).spawn(move || work.run(&taken));
        let failed =
            |error: io::Error| WriteError::Disk { reason: format!("a thread did not start: {error}") };
        Ok(Self { jobs: Some(jobs), gathered, thread: Some(thread.map_err(failed)?), key })
    }

    /// The key of the log's checkpoints, named as it is.
    #[must_use]
    pub fn key(&self) -> &NoteKey {
        &self.key
    }

    /// How often what came from nobody known was denied, by code, since this was opened.
    #[must_use]
    pub fn unknown(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.gathered).unknown.clone()
    }
}

impl Records for Recorder {
    fn keep(&self, decided: Decided) -> Kept<'_> {
        Box::pin(async move {
            let same = match lock(&self.gathered).take(&decided)? {
                Taken::Counted => return Ok(()),
                Taken::Waits(same) => same,
            };
            let gone = || RecordError::Unavailable { reason: "the thread that writes has ended".to_owned() };
            let (answer, answered) = oneshot::channel();
            // There is room: what waits is counted.
            let sent = self.jobs.as_ref().ok_or_else(gone)?.try_send(Job { decided, same, answer });
            sent.map_err(|_| gone())?;
            answered.await.unwrap_or_else(|_| Err(gone()))
        })
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // What was counted is written before it ends.
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the thread has.
struct Work {
    folder: PathBuf,
    key: NoteKey,
    of: Of,
    log: Option<KeptLog>,
    gathered: Arc<Mutex<Gathered>>,
    /// Those that are on no disk yet.
    counts: Vec<Count>,
}

impl Work {
    fn run(&mut self, jobs: &Receiver<Job>) {
        loop {
            let mut all = match jobs.recv_timeout(LOOK) {
                Ok(first) => vec![first],
                Err(RecvTimeoutError::Timeout) => Vec::new(),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            all.extend(jobs.try_iter().take(WAITING));
            self.write(all, Some(now()));
        }
        self.write(Vec::new(), None);
        // What is not noted is read by whoever opens it next.
        let _ = self.log.as_mut().map(KeptLog::note);
    }

    /// Writes what has come, with denials that no longer repeat at `now`, and answers.
    fn write(&mut self, jobs: Vec<Job>, now: Option<i64>) {
        let done = self.try_write(&jobs, now);
        if done.is_err() {
            // What is on the disk is gone on from.
            self.log = None;
        }
        for (at, job) in jobs.into_iter().enumerate() {
            let number = done.as_ref().ok().and_then(|numbers| numbers.get(at)).copied();
            if let Some(who) = &job.decided.who {
                lock(&self.gathered).done(&who.root, job.same.as_ref(), number);
            }
            let answer = match &done {
                Ok(_) => Ok(()),
                Err(error) => Err(RecordError::Unavailable { reason: error.to_string() }),
            };
            // Whoever asked may have gone.
            let _ = job.answer.send(answer);
        }
    }

    fn try_write(&mut self, jobs: &[Job], now: Option<i64>) -> Result<Vec<i64>, WriteError> {
        let mut log = match self.log.take() {
            Some(log) => log,
            None if jobs.is_empty() && self.counts.is_empty() => return Ok(Vec::new()),
            None => KeptLog::open(&self.folder, &self.key, &self.of)?,
        };
        let mut numbers = Vec::with_capacity(jobs.len());
        for job in jobs {
            numbers.push(log.add(&job.decided)?);
        }
        self.counts.extend(lock(&self.gathered).ended(now));
        for count in &self.counts {
            log.count(*count)?;
        }
        log.publish(&self.key, &self.of)?;
        self.counts.clear();
        self.log = Some(log);
        Ok(numbers)
    }
}

/// Now, in Unix seconds.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
