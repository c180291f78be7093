//! Lines of a log, written by a thread of their own: whoever has something to say never waits for a disk, and what waits to be
//! written is bounded. A line that finds no room is counted and gone: it tells of what the receipts prove.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Most lines that wait to be written.
const WAITING: usize = 8192;
/// How often it is looked whether the file was moved away.
const LOOK: Duration = Duration::from_secs(1);

/// Such a log.
#[derive(Debug)]
pub struct Lines {
    sender: Mutex<Option<SyncSender<String>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    lost: std::sync::Arc<AtomicU64>,
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// To standard output.
    Stdout,
    /// To the end of a file, which only its owner may read. One that is moved away is made anew within a second, so that
    /// whatever rotates logs needs to tell nobody.
    File(PathBuf),
}

impl Lines {
    /// A log at a place.
    ///
    /// # Errors
    /// [`io::Error`] where the file can't be opened, or no thread started.
    pub fn at(place: Place) -> io::Result<Self> {
        let out = Out::open(place)?;
        let (sender, lines) = sync_channel(WAITING);
        let lost = std::sync::Arc::new(AtomicU64::new(0));
        let counted = std::sync::Arc::clone(&lost);
        let write = move || write_all(out, &lines, &counted);
        let writer = thread::Builder::new().name("log-lines".to_owned()).spawn(write)?;
        Ok(Self { sender: Mutex::new(Some(sender)), writer: Mutex::new(Some(writer)), lost })
    }

    /// Writes a line, which has no line break. It is not waited for.
    pub fn write(&self, line: String) {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        if sender.as_ref().is_none_or(|sender| sender.try_send(line).is_err()) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many lines found no room, or could not be written.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Writes what waits, and takes nothing more.
    pub fn end(&self) {
        drop(self.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A writer that panicked has nothing more to write.
        drop(writer.map(JoinHandle::join));
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.end();
    }
}

fn write_all(mut out: Out, lines: &Receiver<String>, lost: &AtomicU64) {
    while let Ok(first) = lines.recv() {
        out.look();
        let mut count = 0;
        let mut failed = false;
        for line in std::iter::once(first).chain(lines.try_iter().take(WAITING)) {
            count += 1;
            failed |= out.line(&line).is_err();
        }
        if out.flush().is_err() || failed {
            lost.fetch_add(count, Ordering::Relaxed);
        }
    }
}

/// What is written to.
enum Out {
    Stdout(io::Stdout),
    File { path: PathBuf, file: BufWriter<File>, looked: Instant },
}

impl Out {
    fn open(place: Place) -> io::Result<Self> {
        Ok(match place {
            Place::Stdout => Self::Stdout(io::stdout()),
            Place::File(path) => {
                Self::File { file: BufWriter::new(append(&path)?), path, looked: Instant::now() }
            }
        })
    }

    /// Opens the file anew where another one, or none, stands in its place.
    fn look(&mut self) {
        let Self::File { path, file, looked } = self else { return };
        if looked.elapsed() < LOOK {
            return;
        }
        *looked = Instant::now();
        let id = |meta: io::Result<std::fs::Metadata>| meta.ok().map(|meta| (meta.dev(), meta.ino()));
        if id(std::fs::metadata(&*path)) != id(file.get_ref().metadata())
            && let Ok(anew) = append(path)
        {
            *file = BufWriter::new(anew);
        }
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        match self {
            Self::Stdout(out) => writeln!(out.lock(), "{line}"),
            Self::File { file, .. } => writeln!(file, "{line}"),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::File { file, .. } => file.flush(),
        }
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}
