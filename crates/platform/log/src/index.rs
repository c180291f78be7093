//! An index beside a log, by which entries are found without reading it. It can be thrown away at any time: it is made anew
//! from the log, whose root it names, and goes on with what came since.
//!
//! | file | what it holds |
//! |---|---|
//! | `rows` | of each entry its time and kind, and the numbers of its words: 33 bytes |
//! | `words` | each word once, in the order of their numbers: agents, principals, codes, resources as far as they are shown, chains |
//! | `head` | how much of both holds, and of which log: its size and root |
//!
//! What is found is held against the entry itself, so that a wrong index leaves out and never makes up. Resources stand in it
//! as they are: where the log says that values were erased, it is made anew.

use crate::{
    disk,
    entry::{self, Kind},
    find::Query,
    hidden::{self, Disclosure},
    proof,
    reader::{ReadError, Reader},
    tree::Hash,
};
use data_encoding::BASE64;
use legation_keys::json::Json;
use memchr::memmem;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::{HashMap, VecDeque},
    fs::{self, File, OpenOptions},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

/// The folder of it, within that of the log.
pub const FOLDER: &str = "index";
/// The event that says that values were erased.
const ERASED: &str = "receipts.erased";
/// Bytes of a row: time, kind, and six numbers of words.
const ROW: usize = 33;
/// Most bytes of a word; what is longer is cut, and found by its beginning.
const WORD: usize = 8192;

/// What of the files holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Head {
    size: u64,
    root: Hash,
    words: u64,
    bytes: u64,
}

/// Such an index. Nobody else writes or reads it as long as it is open.
#[derive(Debug)]
pub struct Index {
    folder: PathBuf,
    head: Head,
    _lock: File,
}

/// Why it can't be used. The log is none the worse for it.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The index can't be read or written.
    #[error("the index `{path}` can't be used: {reason}; remove it, and it is made anew")]
    Disk {
        /// Which file.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// The log can't be read.
    #[error("{0}")]
    Read(#[from] ReadError),
}

impl IndexError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Disk { .. } => "index_unavailable",
            Self::Read(error) => error.code(),
        }
    }
}

/// Gives what is shown of an entry.
pub type Shown<'s, E> = dyn FnMut(u64) -> Result<Vec<Disclosure>, E> + 's;

/// Removes the index of a log; nothing where there is none.
///
/// # Errors
/// [`IndexError::Disk`].
pub fn remove(log: &Path) -> Result<(), IndexError> {
    let folder = log.join(FOLDER);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&folder, &error)),
        _ => Ok(()),
    }
}

fn failed(path: &Path, error: &io::Error) -> IndexError {
    IndexError::Disk { path: path.display().to_string(), reason: error.to_string() }
}

impl Index {
    /// Opens the index of a log, and waits for whoever uses it. One that is damaged, or of another log, is begun anew.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn open(log: &Path, reader: &mut Reader) -> Result<Self, IndexError> {
        let folder = log.join(FOLDER);
        // Resources stand in it.
        let mut own = fs::DirBuilder::new();
        own.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut own, 0o700);
        let made = own.create(&folder).and_then(|()| File::create(folder.join("lock")));
        let lock = made.and_then(|lock| lock.lock().map(|()| lock));
        let lock = lock.map_err(|error| failed(&folder, &error))?;
        let head = read_head(&folder).filter(|head| head.size <= reader.size()).unwrap_or_default();
        let length = |name: &str| fs::metadata(folder.join(name)).map_or(0, |file| file.len());
        let is_whole =
            length("rows") >= head.size.saturating_mul(ROW as u64) && length("words") >= head.bytes;
        let is_ours = is_whole && proof::root(head.size, reader)? == head.root;
        Ok(Self { folder, head: if is_ours { head } else { Head::default() }, _lock: lock })
    }

    /// How many entries are in it.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.head.size
    }

    /// Adds what the log has more. `shown` is asked for what is shown of each entry.
    ///
    /// # Errors
    /// [`IndexError`], and those of `shown`.
    pub fn update<E: From<IndexError>>(
        &mut self,
        reader: &mut Reader,
        shown: &mut Shown<'_, E>,
    ) -> Result<(), E> {
        let from = self.head.size;
        if self.add(reader, shown, from > 0)? {
            // Values were erased since: none of them stays here. What is half made anew must not pass for what it was.
            let head = self.folder.join("head");
            fs::remove_file(&head).map_err(|error| failed(&head, &error))?;
            self.head = Head::default();
            self.add(reader, shown, false)?;
        }
        Ok(())
    }

    /// Adds; `true` where it gave up because values were erased.
    fn add<E: From<IndexError>>(
        &mut self,
        reader: &mut Reader,
        shown: &mut Shown<'_, E>,
        stop: bool,
    ) -> Result<bool, E> {
        let from = self.head.size;
        if from == reader.size() {
            return Ok(false);
        }
        let mut words = Words::open(&self.folder, &self.head)?;
        let rows_path = self.folder.join("rows");
        let mut rows = open_at(&rows_path, from.saturating_mul(ROW as u64))?;
        for (index, leaf) in (from..).zip(reader.entries(from)) {
            let leaf = leaf.map_err(IndexError::from)?;
            let whole = reader.whole(&leaf).map_err(IndexError::from)?;
            let leaf = whole.unwrap_or(leaf);
            let is_erasure = memmem::find(&leaf, ERASED.as_bytes()).is_some()
                && entry::head(&leaf).is_some_and(|head| head.kind == Kind::Event);
            if stop && is_erasure {
                return Ok(true);
            }
            let row = row(index, &leaf, &mut words, &mut |index| shown(index))?;
            rows.write_all(&row).map_err(|error| failed(&rows_path, &error))?;
        }
        finish(rows).map_err(|error| failed(&rows_path, &error))?;
        let (count, bytes) = words.finish(&self.folder)?;
        let size = reader.size();
        let root = proof::root(size, reader).map_err(IndexError::from)?;
        self.head = Head { size, root, words: count, bytes };
        write_head(&self.folder, &self.head).map_err(|error| failed(&self.folder, &error))?;
        Ok(false)
    }

    /// Where entries are that fit, in order, the last of them at most so many; and how many there are in all.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn search(&self, query: &Query, last: usize) -> Result<(u64, Vec<u64>), IndexError> {
        let (words, rows) = (self.folder.join("words"), self.folder.join("rows"));
        let fits = fitting(&words, &self.head, query).map_err(|error| failed(&words, &error))?;
        self.scan(&rows, query, &fits, last).map_err(|error| failed(&rows, &error))
    }

    fn scan(&self, path: &Path, query: &Query, fits: &[u8], last: usize) -> io::Result<(u64, Vec<u64>)> {
        let (mut found, mut count) = (VecDeque::new(), 0_u64);
        if self.head.size == 0 {
            return Ok((0, Vec::new()));
        }
        let mut rows = BufReader::with_capacity(ROW * 8192, File::open(path)?);
        let mut row = [0; ROW];
        for index in 0..self.head.size {
            rows.read_exact(&mut row)?;
            if is_meant(&row, query, fits) {
                count = count.saturating_add(1);
                if found.len() >= last {
                    found.pop_front();
                }
                found.push_back(index);
            }
        }
        Ok((count, found.into()))
    }
}

/// What a word fits: the members of a query.
const AGENT: u8 = 1;
const PRINCIPAL: u8 = 2;
const CODE: u8 = 4;
const RESOURCE: u8 = 8;
const DELEGATION: u8 = 16;

/// Which words fit what is asked, by their numbers.
fn fitting(path: &Path, head: &Head, query: &Query) -> io::Result<Vec<u8>> {
    let mut fits = vec![0_u8; usize::try_from(head.words).unwrap_or_default().saturating_add(1)];
    each_word(path, head, |number, word| {
        let is = |wanted: &Option<String>, bit: u8| {
            if wanted.as_ref().is_some_and(|wanted| cut(wanted.as_bytes()) == word) { bit } else { 0 }
        };
        let begins = query.resource.as_ref().is_some_and(|wanted| word.starts_with(cut(wanted.as_bytes())));
        let under = query
            .delegation
            .as_ref()
            .is_some_and(|wanted| word.split(|byte| *byte == b' ').any(|link| link == wanted.as_bytes()));
        let bits = is(&query.agent, AGENT)
            | is(&query.principal, PRINCIPAL)
            | is(&query.code, CODE)
            | if begins { RESOURCE } else { 0 }
            | if under { DELEGATION } else { 0 };
        if let Some(fit) = fits.get_mut(number) {
            *fit = bits;
        }
    })?;
    Ok(fits)
}

fn is_meant(row: &[u8; ROW], query: &Query, fits: &[u8]) -> bool {
    let Some((at, rest)) = row.split_first_chunk::<8>() else { return false };
    let at = i64::from_le_bytes(*at);
    if query.from.is_some_and(|from| at < from) || query.to.is_some_and(|to| at >= to) {
        return false;
    }
    let mut numbers = rest.get(1..).unwrap_or_default().as_chunks::<4>().0.iter();
    let mut has = |bit: u8| {
        let number = numbers.next().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        usize::try_from(number).ok().and_then(|number| fits.get(number)).is_some_and(|fit| fit & bit != 0)
    };
    let (agent, principal, code, what) = (has(AGENT), has(PRINCIPAL), has(CODE), has(CODE));
    let (resource, delegation) = (has(RESOURCE), has(DELEGATION));
    (agent || query.agent.is_none())
        && (principal || query.principal.is_none())
        && (code || what || query.code.is_none())
        && (resource || query.resource.is_none())
        && (delegation || query.delegation.is_none())
}

/// The row of an entry.
fn row<E: From<IndexError>>(
    index: u64,
    leaf: &[u8],
    words: &mut Words,
    shown: &mut Shown<'_, E>,
) -> Result<[u8; ROW], E> {
    let mut row = [0; ROW];
    let Ok((head, entry)) = entry::read(index, leaf) else { return Ok(row) };
    let text = |name: &str| entry.get(name).and_then(Json::as_str).unwrap_or_default();
    let has_resource = entry.get("request").and_then(|request| request.get("resource")).is_some();
    let resource = if has_resource { resource(&entry, &shown(index)?) } else { None };
    let links = entry.get("chain").and_then(Json::as_array).unwrap_or_default();
    let chain: Vec<&str> = links.iter().filter_map(Json::as_str).collect();
    let what = [text("decision"), text("kind")].into_iter().find(|text| !text.is_empty());
    let named = [
        text("agent"),
        text("principal"),
        text("code"),
        what.unwrap_or_default(),
        resource.as_deref().unwrap_or_default(),
        &chain.join(" "),
    ];
    let mut bytes = head.at.to_le_bytes().to_vec();
    bytes.push(
        Kind::ALL.iter().position(|kind| *kind == head.kind).map_or(0, |at| u8::try_from(at).unwrap_or(0)),
    );
    for word in named {
        bytes.extend(words.number(word)?.to_le_bytes());
    }
    row.copy_from_slice(bytes.get(..ROW).unwrap_or(&[0; ROW]));
    Ok(row)
}

fn resource(entry: &Json<'_>, shown: &[Disclosure]) -> Option<String> {
    let told: Value = serde_json::from_str(&hidden::show(entry, shown).ok()?).ok()?;
    Some(told.get("request")?.get("resource")?.as_str()?.to_owned())
}

fn cut(word: &[u8]) -> &[u8] {
    word.get(..WORD).unwrap_or(word)
}

/// Words by their numbers, while some are added. Of each its digest is kept, so that many long ones take little memory.
struct Words {
    known: HashMap<[u8; 16], u32>,
    file: BufWriter<File>,
    path: PathBuf,
    bytes: u64,
}

fn digest(word: &[u8]) -> [u8; 16] {
    let digest: Hash = Sha256::digest(word).into();
    digest.first_chunk().copied().unwrap_or_default()
}

impl Words {
    fn open(folder: &Path, head: &Head) -> Result<Self, IndexError> {
        let path = folder.join("words");
        let mut known = HashMap::new();
        let read = each_word(&path, head, |number, word| {
            known.insert(digest(word), u32::try_from(number).unwrap_or_default());
        });
        read.map_err(|error| failed(&path, &error))?;
        Ok(Self { known, file: open_at(&path, head.bytes)?, path, bytes: head.bytes })
    }

    /// The number of a word; 0 of an empty one.
    fn number(&mut self, word: &str) -> Result<u32, IndexError> {
        let word = cut(word.as_bytes());
        if word.is_empty() {
            return Ok(0);
        }
        let key = digest(word);
        if let Some(number) = self.known.get(&key) {
            return Ok(*number);
        }
        let full = || failed(&self.path, &io::Error::other("it has too many words"));
        let number = u32::try_from(self.known.len()).ok().and_then(|count| count.checked_add(1));
        let number = number.ok_or_else(full)?;
        let length = u16::try_from(word.len()).map_err(|_| full())?;
        let written = self.file.write_all(&length.to_le_bytes()).and_then(|()| self.file.write_all(word));
        written.map_err(|error| failed(&self.path, &error))?;
        self.bytes = self.bytes.saturating_add(2 + u64::from(length));
        self.known.insert(key, number);
        Ok(number)
    }

    /// Syncs them; gives how many there are, and how many bytes they take.
    fn finish(self, folder: &Path) -> Result<(u64, u64), IndexError> {
        let count = u64::try_from(self.known.len()).unwrap_or(u64::MAX);
        finish(self.file).map_err(|error| failed(folder, &error))?;
        Ok((count, self.bytes))
    }
}

/// Reads the words that hold, with their numbers.
fn each_word(path: &Path, head: &Head, mut each: impl FnMut(usize, &[u8])) -> io::Result<()> {
    if head.words == 0 {
        return Ok(());
    }
    let mut file = BufReader::with_capacity(1 << 18, File::open(path)?);
    let mut word = Vec::new();
    for number in 1..=usize::try_from(head.words).unwrap_or_default() {
        let mut length = [0; 2];
        file.read_exact(&mut length)?;
        word.resize(usize::from(u16::from_le_bytes(length)), 0);
        file.read_exact(&mut word)?;
        each(number, &word);
    }
    Ok(())
}

/// A file to go on with after so many bytes: what is behind them did not come to hold.
fn open_at(path: &Path, bytes: u64) -> Result<BufWriter<File>, IndexError> {
    let open = OpenOptions::new().create(true).append(true).open(path);
    let file = open.and_then(|file| file.set_len(bytes).map(|()| file));
    Ok(BufWriter::with_capacity(1 << 18, file.map_err(|error| failed(path, &error))?))
}

fn finish(file: BufWriter<File>) -> io::Result<()> {
    file.into_inner().map_err(|error| io::Error::other(error.to_string()))?.sync_data()
}

fn read_head(folder: &Path) -> Option<Head> {
    let bytes = disk::read(&folder.join("head"), 4096).ok().flatten()?;
    let json: Value = serde_json::from_slice(&bytes).ok()?;
    let number = |name: &str| json.get(name).and_then(Value::as_u64);
    let root = BASE64.decode(json.get("root")?.as_str()?.as_bytes()).ok()?.try_into().ok()?;
    (number("version") == Some(1)).then_some(())?;
    Some(Head { size: number("size")?, root, words: number("words")?, bytes: number("bytes")? })
}

fn write_head(folder: &Path, head: &Head) -> io::Result<()> {
    let Head { size, root, words, bytes } = head;
    let text =
        json!({"version": 1, "size": size, "root": BASE64.encode(root), "words": words, "bytes": bytes});
    let beside = folder.join("head.tmp");
    let mut file = File::create(&beside)?;
    file.write_all(text.to_string().as_bytes())?;
    file.sync_data()?;
    fs::rename(&beside, folder.join("head"))
}
