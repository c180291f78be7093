//! The journal of a process: what it committed in memory, written before anybody is told, so that it survives the process.
//!
//! There are two files, of which one is written. Once it is long the other one is, and it begins anew when all that
//! stands in it is in the store.

use super::record::{self, Entry, Record};
use crate::{
    error::StoreError,
    receipt::NewReceipt,
    synced::{Progress, Synced, gather},
};
use legation_verifier::receipt::Common;
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet, VecDeque},
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, TryLockError,
        mpsc::{self, Receiver, Sender},
    },
    thread,
};
use tokio::sync::oneshot;

/// What a file is made longer by.
static EMPTY: [u8; 1 << 20] = [0; 1 << 20];
/// From how many bytes on the other file is written.
const LONG: u64 = 16 << 20;
/// Most entries that wait for the store. Further calls go there themselves, so that memory is bounded.
const WAITING: usize = 65_536;
/// From how many entries on that nobody waits for they are written at once.
const MANY: usize = 64;
const FILES: [&str; 2] = ["one", "two"];
/// Locked as long as the process lives.
const LOCK: &str = "lock";

/// What was written and is not in the store yet.
#[derive(Debug)]
pub(crate) struct Pending {
    /// Its number in the journal.
    pub(crate) written: u64,
    /// Its number in the process.
    pub(crate) number: u64,
    pub(crate) receipt: NewReceipt,
}

struct Waiting {
    number: u64,
    used: Vec<([u8; 32], i64)>,
    receipt: Written,
    tell: Option<oneshot::Sender<Result<u64, StoreError>>>,
}

/// A receipt, or what will write it.
// One is made for a call and written at once: a box would cost more than the room it saves.
#[allow(clippy::large_enum_variant)]
enum Written {
    Now(NewReceipt),
    Later(Box<dyn FnOnce() -> NewReceipt + Send>),
}

pub(crate) struct Journal {
    folder: PathBuf,
    _lock: File,
    queue: Mutex<Vec<Waiting>>,
    out: Mutex<Out>,
    pending: Mutex<VecDeque<Pending>>,
    /// Up to which number what is written survives the machine.
    pub(crate) progress: Arc<Progress>,
}

/// A file. It is written from its beginning each time anew, over what stood there: so a sync has data to write and no more.
struct Page {
    file: Arc<File>,
    length: u64,
    /// How long it is on the disk.
    allocated: u64,
}

struct Out {
    current: Page,
    other: Page,
    /// Up to which number the other one has something that may not be in the store yet.
    other_has: Option<u64>,
    /// The number of the next frame.
    next: u64,
    /// What stands in the current file of what receipts have in common.
    commons: HashSet<[u8; 32]>,
    sync: Option<Sender<(u64, Arc<File>)>>,
}

impl Journal {
    /// Makes the journal of a process, in a folder of its own. Where it `is_synced`, a thread syncs it; else whoever carries it over
    /// says when it survives the machine.
    pub(crate) fn create(folder: PathBuf, is_synced: bool) -> Result<Self, StoreError> {
        let made = || -> io::Result<_> {
            DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
            let open = |name: &str| {
                OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(false)
                    .mode(0o600)
                    .open(folder.join(name))
            };
            let lock = open(LOCK)?;
            lock.try_lock().map_err(io::Error::from)?;
            let page =
                |name: &str| open(name).map(|file| Page { file: Arc::new(file), length: 0, allocated: 0 });
            let [one, other] = FILES;
            let pages = (page(one)?, page(other)?);
            // That they are there survives the machine, too.
            File::open(&folder)?.sync_all()?;
            folder.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())?;
            Ok((lock, pages))
        };
        let (lock, (current, other)) = made().map_err(|error| {
            StoreError::unavailable(format!("`{}` can't be written: {error}", folder.display()))
        })?;
        let progress = Arc::<Progress>::default();
        let sync = if is_synced {
            let (numbers, received) = mpsc::channel();
            let told = Arc::clone(&progress);
            thread::Builder::new()
                .name("legation-journal".to_owned())
                .spawn(move || keep_synced(&received, &told))
                .map_err(StoreError::unavailable)?;
            Some(numbers)
        } else {
            None
        };
        let commons = HashSet::new();
        let out = Out { current, other, other_has: None, next: 1, commons, sync };
        Ok(Self {
            folder,
            _lock: lock,
            queue: Mutex::default(),
            out: Mutex::new(out),
            pending: Mutex::default(),
            progress,
        })
    }

    /// Writes an entry, and gives when it survives the machine. Where somebody else is writing, that one writes it.
    pub(crate) async fn append(
        &self,
        number: u64,
        used: Vec<([u8; 32], i64)>,
        receipt: NewReceipt,
    ) -> Result<Synced, StoreError> {
        let (tell, told) = oneshot::channel();
        lock(&self.queue).push(Waiting { number, used, receipt: Written::Now(receipt), tell: Some(tell) });
        self.drain();
        let written = told.await.map_err(|_| StoreError::unavailable("its journal has ended"))??;
        Ok(Synced::by(written, &self.progress))
    }

    /// Has an entry written that nobody waits for: with the next one, or in a moment.
    pub(crate) fn append_later(
        &self,
        number: u64,
        used: Vec<([u8; 32], i64)>,
        receipt: Box<dyn FnOnce() -> NewReceipt + Send>,
    ) {
        let mut queue = lock(&self.queue);
        queue.push(Waiting { number, used, receipt: Written::Later(receipt), tell: None });
        let are_many = queue.len() >= MANY;
        drop(queue);
        if are_many {
            self.drain();
        }
    }

    /// Writes what waits. Whoever finds the file taken is written by whoever has it, who looks again after giving it back: so
    /// this comes after every use of it.
    pub(crate) fn drain(&self) {
        while !lock(&self.queue).is_empty() {
            let mut out = match self.out.try_lock() {
                Ok(out) => out,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => break,
            };
            let waiting = core::mem::take(&mut *lock(&self.queue));
            self.write(&mut out, waiting);
        }
    }

    fn write(&self, out: &mut Out, waiting: Vec<Waiting>) {
        let mut bytes = Vec::with_capacity(waiting.len().saturating_mul(512));
        let mut added = Vec::new();
        let first = out.next;
        let mut framed = Vec::with_capacity(waiting.len());
        for Waiting { number, used, receipt, tell } in waiting {
            let receipt = match receipt {
                Written::Now(receipt) => receipt,
                Written::Later(write) => write(),
            };
            let encoded = out.frame(&mut bytes, Entry::new(number, used, &receipt), &receipt, &mut added);
            framed.push((number, receipt, tell, encoded));
        }
        let written = out.append(&bytes);
        if written.is_err() {
            out.commons.retain(|digest| !added.contains(digest));
        }
        let mut pending = lock(&self.pending);
        let mut last = first;
        for (number, receipt, tell, encoded) in framed {
            let outcome = encoded.and_then(|at| written.clone().map(|()| at));
            if let Ok(at) = outcome {
                last = at;
                pending.push_back(Pending { written: at, number, receipt });
            } else if tell.is_none() {
                // A settlement that can't be written is carried over all the same.
                pending.push_back(Pending { written: 0, number, receipt });
            }
            if let Some(tell) = tell {
                // Whoever asked may have gone.
                drop(tell.send(outcome));
            }
        }
        drop(pending);
        if let Some(sync) = &out.sync {
            // Where nobody syncs any more, whoever waits is told so.
            sync.send((last, Arc::clone(&out.current.file))).unwrap_or_default();
        }
    }

    /// How much waits for the store.
    pub(crate) fn waiting(&self) -> usize {
        lock(&self.pending).len()
    }

    /// Whether more may be written: not before some of it is in the store where much waits, and never again where the disk
    /// could not be synced, so that nothing is forwarded whose answer can't be given.
    pub(crate) fn takes(&self) -> bool {
        self.waiting() < WAITING && !self.progress.has_ended()
    }

    /// Whether something was not even written yet.
    pub(crate) fn has_more(&self) -> bool {
        !lock(&self.queue).is_empty()
    }

    /// What waits for the store, so many at most, in order.
    pub(crate) fn take(&self, most: usize) -> VecDeque<Pending> {
        let mut pending = lock(&self.pending);
        let count = pending.len().min(most);
        pending.drain(..count).collect()
    }

    /// What was taken and is not in the store goes before all else.
    pub(crate) fn put_back(&self, taken: VecDeque<Pending>) {
        let mut pending = lock(&self.pending);
        for one in taken.into_iter().rev() {
            pending.push_front(one);
        }
    }

    /// Writes the other file from now on, where this one is long.
    pub(crate) fn turn(&self) {
        let mut out = lock(&self.out);
        if out.current.length >= LONG && out.other_has.is_none() {
            let Out { current, other, .. } = &mut *out;
            core::mem::swap(current, other);
            out.other_has = Some(out.next.saturating_sub(1));
            out.commons.clear();
        }
        drop(out);
        self.drain();
    }

    /// What was written up to a number is in the store.
    pub(crate) fn is_carried(&self, written: u64) {
        let mut out = lock(&self.out);
        // What stands there is read once more, after a crash, and passed over: it is in the store.
        if out.other_has.is_some_and(|last| last <= written) {
            (out.other.length, out.other_has) = (0, None);
        }
        drop(out);
        self.drain();
    }

    /// Takes the journal away: all of it is in the store.
    pub(crate) fn remove(&self) {
        // What stays is read by whoever opens the store next.
        fs::remove_dir_all(&self.folder).unwrap_or_default();
    }
}

impl Out {
    /// Adds an entry's frame, after what it has in common with others. Gives its number.
    fn frame(
        &mut self,
        bytes: &mut Vec<u8>,
        entry: Entry<'_>,
        receipt: &NewReceipt,
        added: &mut Vec<[u8; 32]>,
    ) -> Result<u64, StoreError> {
        if let Some(common) = receipt.body.common()
            && self.commons.insert(common.digest())
        {
            added.push(common.digest());
            let record = Record::Common { digest: common.digest(), pieces: Cow::from(common.pieces()) };
            record::write(bytes, self.next, &record).map_err(StoreError::unavailable)?;
            self.next += 1;
        }
        let record = match entry.end_user.clone() {
            Some(end_user) => Record::EntryFor { entry, end_user },
            None => Record::Entry(entry),
        };
        record::write(bytes, self.next, &record).map_err(StoreError::unavailable)?;
        self.next += 1;
        Ok(self.next - 1)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let Page { file, length, allocated } = &mut self.current;
        let end = length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let mut write = || -> io::Result<()> {
            while *allocated < end {
                file.write_all_at(&EMPTY, *allocated)?;
                *allocated = allocated.saturating_add(u64::try_from(EMPTY.len()).unwrap_or(u64::MAX));
            }
            file.write_all_at(bytes, *length)
        };
        if let Err(error) = write() {
            // What stands behind half a frame is never read: the next one is written over it.
            return Err(StoreError::unavailable(format!("its journal can't be written: {error}")));
        }
        *length = end;
        Ok(())
    }
}

/// Syncs what was written whenever a number comes, and tells up to which one it did. It ends when the first fails.
fn keep_synced(numbers: &Receiver<(u64, Arc<File>)>, progress: &Progress) {
    let (mut came, mut before) = (0, 0);
    while let Ok((first, file)) = numbers.recv() {
        progress.wait_until_wanted();
        gather(came);
        let (mut latest, mut files) = (first, vec![file]);
        for (number, file) in numbers.try_iter() {
            latest = number;
            if !files.iter().any(|known| Arc::ptr_eq(known, &file)) {
                files.push(file);
            }
        }
        (came, before) = (latest.saturating_sub(before), latest);
        if files.iter().any(|file| file.sync_data().is_err()) {
            break;
        }
        progress.reach(latest);
    }
    progress.end();
}

/// What receipts have in common, by its digest.
pub(crate) type Commons = HashMap<[u8; 32], Arc<Common>>;

/// What a process that has ended left behind.
pub(crate) struct Left {
    pub(crate) process: String,
    folder: PathBuf,
    /// Kept, so that nobody else takes it up meanwhile.
    _lock: File,
    files: Vec<Vec<u8>>,
}

impl Left {
    /// All that was left in a folder of journals, of processes that have ended.
    pub(crate) fn all(folder: &Path) -> io::Result<Vec<Self>> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut all = Vec::new();
        for entry in entries {
            let folder = entry?.path();
            let Some(process) = folder.file_name().and_then(|name| name.to_str()).map(str::to_owned) else {
                continue;
            };
            let Ok(lock) = OpenOptions::new().append(true).open(folder.join(LOCK)) else { continue };
            // Of a process that lives it is locked.
            if lock.try_lock().is_err() || !folder.join(LOCK).exists() {
                continue;
            }
            let read = |name: &&str| match fs::read(folder.join(name)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
                other => other,
            };
            let files = FILES.iter().map(read).collect::<io::Result<_>>()?;
            all.push(Self { process, folder, _lock: lock, files });
        }
        Ok(all)
    }

    /// Entries in the order in which they were written, with their numbers, and what their receipts have in common.
    pub(crate) fn entries(&self) -> (Vec<(u64, Entry<'_>)>, Commons) {
        let (mut entries, mut commons) = (Vec::new(), HashMap::new());
        for (number, record) in self.files.iter().flat_map(|file| record::read(file)) {
            match record {
                Record::Entry(entry) => entries.push((number, entry)),
                Record::EntryFor { mut entry, end_user } => {
                    entry.end_user = Some(end_user);
                    entries.push((number, entry));
                }
                Record::Common { digest, pieces } => {
                    commons.insert(digest, Arc::new(Common::kept(pieces.into_owned())));
                }
            }
        }
        entries.sort_by_key(|(number, _)| *number);
        (entries, commons)
    }

    /// Whether nothing was ever committed by it.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries().0.is_empty()
    }

    pub(crate) fn remove(&self) {
        fs::remove_dir_all(&self.folder).unwrap_or_default();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
