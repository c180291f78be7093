//! Adding to a log: one process at a time, tiles first, each whole or not at all and synced, and the checkpoint last.
//!
//! What is not in the checkpoint is not in the log: a process that dies leaves tiles behind that the next one writes over. So
//! there is nothing to repair, and what was published stays.

use crate::{
    checkpoint::{Checkpoint, CheckpointError},
    disk::{Disk, Folder},
    entry,
    note::{MAX_NOTE, NoteKey},
    tile::{self, HEIGHT, Holds, MAX_ENTRY, Tile, WIDTH},
    tree::{Compact, Hash, leaf_hash},
};
use std::{
    collections::BTreeSet,
    fs::{File, TryLockError},
    io,
    path::Path,
};

/// The file of the checkpoint.
pub const CHECKPOINT: &str = "checkpoint";
/// The folder, within that of a log, of entries that are too long for a bundle, each named by its SHA-256.
pub const APART: &str = "apart";
/// Most bytes of a bundle of entries.
pub(crate) const MAX_BUNDLE: u64 = (WIDTH * (MAX_ENTRY + 2)) as u64;

/// Why a log was not added to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The folder can't be read or written.
    #[error("the log can't be written: {reason}; see to the disk, then start again")]
    Disk {
        /// What the system says, and of which file.
        reason: String,
    },
    /// Another process adds to it.
    #[error("another process adds to the log in `{folder}`")]
    Busy {
        /// The folder.
        folder: String,
    },
    /// What is there does not belong together.
    #[error(
        "the log is damaged: {what}; restore its folder, or remove it, and it is written again from the store"
    )]
    Damaged {
        /// What is wrong.
        what: String,
    },
    /// The checkpoint is not one of this log.
    #[error("{0}")]
    Checkpoint(#[from] CheckpointError),
    /// An entry that is too long.
    #[error("an entry has {found} bytes, at most {MAX_ENTRY} fit into a log")]
    TooLarge {
        /// Its bytes.
        found: usize,
    },
    /// Whoever signs did not.
    #[error("the checkpoint was not signed: {reason}")]
    Sign {
        /// What it says.
        reason: String,
    },
    /// Something failed before.
    #[error("the log could not be written before; open it again")]
    Broken,
}

impl WriteError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Disk { .. } | Self::Broken => "log_unavailable",
            Self::Busy { .. } => "log_busy",
            Self::Damaged { .. } => "log_damaged",
            Self::Checkpoint(error) => error.code(),
            Self::TooLarge { .. } => "entry_too_large",
            Self::Sign { .. } => "checkpoint_unsigned",
        }
    }
}

/// What adds to a log. It is the only one as long as it lives.
#[derive(Debug)]
pub struct Writer {
    core: Core<Folder>,
    _lock: File,
}

impl Writer {
    /// Opens a log in a folder, which is made where it is missing. `key` is that of its checkpoints, named as the log is.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn open(folder: &Path, key: NoteKey) -> Result<Self, WriteError> {
        let failed = |error: io::Error| disk(&folder.display().to_string(), &error);
        std::fs::create_dir_all(folder).map_err(failed)?;
        let lock = File::create(folder.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(WriteError::Busy { folder: folder.display().to_string() });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        Ok(Self { core: Core::open(Folder(folder.to_owned()), key)?, _lock: lock })
    }

    /// How many entries there are, those that are not published yet included.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.core.tree.size()
    }

    /// How many entries the checkpoint has.
    #[must_use]
    pub fn published(&self) -> u64 {
        self.core.published
    }

    /// The root of all entries.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.core.tree.root()
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.core.disk.0
    }

    /// The name of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.core.key.name()
    }

    /// Adds an entry. It is on the disk, and in the log, once it is published.
    ///
    /// # Errors
    /// [`WriteError`]; after one of the disk nothing is added any more.
    pub fn append(&mut self, entry: &[u8]) -> Result<(), WriteError> {
        self.core.append(entry)
    }

    /// Publishes what was added: everything is on the disk before the checkpoint is signed, and the checkpoint once this
    /// returns. `sign` gives the checkpoint as a note. Nothing is done where nothing was added.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn publish<E: core::fmt::Display>(
        &mut self,
        sign: impl FnOnce(&Checkpoint) -> Result<String, E>,
    ) -> Result<(), WriteError> {
        self.core.publish(sign)
    }

    /// Adds an entry, whatever its length: of one that is too long for a bundle the log has the digest, and the entry stands
    /// in a file beside the tiles ([`APART`]).
    ///
    /// # Errors
    /// As [`Writer::append`]; [`WriteError::TooLarge`] for what is too long and no entry.
    pub fn append_any(&mut self, leaf: &[u8]) -> Result<(), WriteError> {
        if leaf.len() <= MAX_ENTRY {
            return self.append(leaf);
        }
        let head = entry::head(leaf).ok_or(WriteError::TooLarge { found: leaf.len() })?;
        let digest = <sha2::Sha256 as sha2::Digest>::digest(leaf);
        self.core.put(&format!("{APART}/{}", legation_keys::base64url::encode(&digest)), leaf)?;
        self.append(&entry::apart(&head, leaf))
    }

    /// Writes a file beside the tiles, whole or not at all: what a log says of itself, what witnesses signed.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), WriteError> {
        self.core.put(name, bytes)?;
        self.core.sync()
    }
}

fn disk(path: &str, error: &io::Error) -> WriteError {
    WriteError::Disk { reason: format!("`{path}`: {error}") }
}

/// A log on any disk.
#[derive(Debug)]
pub(crate) struct Core<D> {
    pub(crate) disk: D,
    key: NoteKey,
    tree: Compact,
    /// The hashes of each level's last tile, as long as it is not whole.
    edges: Vec<Vec<Hash>>,
    /// The entries of the last bundle, as long as it is not whole.
    bundle: Vec<u8>,
    published: u64,
    /// Folders whose names are not on the disk yet.
    unsynced: BTreeSet<String>,
    /// Folders that are there.
    folders: BTreeSet<String>,
    /// Folders of partial tiles that are whole by now.
    outdated: Vec<String>,
    broken: bool,
}

impl<D: Disk> Core<D> {
    pub(crate) fn open(disk: D, key: NoteKey) -> Result<Self, WriteError> {
        let mut core = Self {
            disk,
            key,
            tree: Compact::default(),
            edges: Vec::new(),
            bundle: Vec::new(),
            published: 0,
            unsynced: BTreeSet::new(),
            folders: BTreeSet::new(),
            outdated: Vec::new(),
            broken: false,
        };
        let note =
            core.disk.read(CHECKPOINT, MAX_NOTE as u64).map_err(|error| disk_error(CHECKPOINT, &error))?;
        let Some(note) = note else { return Ok(core) };
        let note = String::from_utf8(note).map_err(|_| damaged("its checkpoint is no text"))?;
        let found = Checkpoint::open(&note, &core.key)?;
        core.load(&found)?;
        Ok(core)
    }

    /// Reads the right edge of the tree.
    fn load(&mut self, found: &Checkpoint) -> Result<(), WriteError> {
        let mut levels = vec![Vec::new(); 8];
        for one in tile::partial(found.size) {
            let bytes = self.tile(&one)?;
            match one.holds {
                Holds::Entries => {
                    let entries = entries_of(&bytes, one.width);
                    let entries =
                        entries.ok_or_else(|| damaged(&format!("`{}` is no bundle", one.path())))?;
                    for entry in entries {
                        let _fits = tile::push_entry(&mut self.bundle, entry);
                    }
                }
                Holds::Hashes(level) => {
                    let hashes = bytes.get(..one.width * 32).and_then(|bytes| tile::hashes(bytes, one.width));
                    let hashes = hashes.ok_or_else(|| damaged(&format!("`{}` is no tile", one.path())))?;
                    if let Some(edge) = levels.get_mut(usize::try_from(level).unwrap_or(usize::MAX)) {
                        *edge = hashes;
                    }
                }
            }
        }
        for (level, edge) in (0_u32..8).zip(&levels).rev() {
            if !edge.iter().all(|hash| self.tree.push_subtree(level * HEIGHT, *hash)) {
                return Err(damaged("its tiles do not fit together"));
            }
        }
        let leaves: Vec<Hash> = tile::entries(&self.bundle, levels.first().map_or(0, Vec::len))
            .unwrap_or_default()
            .into_iter()
            .map(leaf_hash)
            .collect();
        if self.tree.size() != found.size || self.tree.root() != found.root {
            return Err(damaged("its tiles are not those of its checkpoint"));
        }
        if levels.first() != Some(&leaves) {
            return Err(damaged("its last entries are not those of its checkpoint"));
        }
        (self.edges, self.published) = (levels, found.size);
        Ok(())
    }

    /// A partial tile, or the whole one that it became before the process died.
    fn tile(&self, tile: &Tile) -> Result<Vec<u8>, WriteError> {
        for path in [tile.path(), tile.whole_path()] {
            let found = self.disk.read(&path, MAX_BUNDLE).map_err(|error| disk_error(&path, &error))?;
            if let Some(found) = found {
                return Ok(found);
            }
        }
        Err(damaged(&format!("`{}` is missing", tile.path())))
    }

    #[cfg(test)]
    pub(crate) fn size(&self) -> u64 {
        self.tree.size()
    }

    #[cfg(test)]
    pub(crate) fn root(&self) -> Hash {
        self.tree.root()
    }

    pub(crate) fn append(&mut self, entry: &[u8]) -> Result<(), WriteError> {
        if self.broken {
            return Err(WriteError::Broken);
        }
        if !tile::push_entry(&mut self.bundle, entry) {
            return Err(WriteError::TooLarge { found: entry.len() });
        }
        let edges = &mut self.edges;
        self.tree.push_told(leaf_hash(entry), &mut |level, hash| {
            let at = usize::try_from(level / HEIGHT).unwrap_or(usize::MAX);
            if level % HEIGHT == 0 {
                if edges.len() <= at {
                    edges.resize_with(at.saturating_add(1), Vec::new);
                }
                if let Some(edge) = edges.get_mut(at) {
                    edge.push(*hash);
                }
            }
        });
        self.write_whole()
    }

    /// Writes the tiles that are whole by now.
    fn write_whole(&mut self) -> Result<(), WriteError> {
        let size = self.tree.size();
        for level in (0_u32..).take(self.edges.len()) {
            let at = usize::try_from(level).unwrap_or(usize::MAX);
            let Some(edge) = self.edges.get_mut(at).filter(|edge| edge.len() == WIDTH) else { break };
            let bytes = core::mem::take(edge).concat();
            let index = (size >> (HEIGHT * (level + 1))).saturating_sub(1);
            let whole = Tile { holds: Holds::Hashes(level), index, width: WIDTH };
            if level == 0 {
                let entries = Tile { holds: Holds::Entries, ..whole };
                let bundle = core::mem::take(&mut self.bundle);
                self.put(&entries.path(), &bundle)?;
                self.outdated.push(entries.part_folder());
            }
            self.put(&whole.path(), &bytes)?;
            self.outdated.push(whole.part_folder());
        }
        Ok(())
    }

    pub(crate) fn publish<E: core::fmt::Display>(
        &mut self,
        sign: impl FnOnce(&Checkpoint) -> Result<String, E>,
    ) -> Result<(), WriteError> {
        if self.broken {
            return Err(WriteError::Broken);
        }
        let size = self.tree.size();
        if size == self.published {
            return Ok(());
        }
        for part in tile::partial(size) {
            let bytes = match part.holds {
                Holds::Entries => self.bundle.clone(),
                Holds::Hashes(level) => {
                    let at = usize::try_from(level).unwrap_or(usize::MAX);
                    self.edges.get(at).map(|edge| edge.concat()).unwrap_or_default()
                }
            };
            self.put(&part.path(), &bytes)?;
        }
        self.sync()?;
        let next = Checkpoint { origin: self.key.name().to_owned(), size, root: self.tree.root() };
        let note = sign(&next).map_err(|error| WriteError::Sign { reason: error.to_string() })?;
        if Checkpoint::open(&note, &self.key)? != next {
            return Err(WriteError::Sign { reason: "another checkpoint was signed".to_owned() });
        }
        self.put(CHECKPOINT, note.as_bytes())?;
        self.sync()?;
        self.published = size;
        // Whoever has an older checkpoint reads the whole tile. What stays behind takes room and nothing else.
        for folder in core::mem::take(&mut self.outdated) {
            let _ = self.disk.remove_folder(&folder);
            self.folders.remove(&folder);
        }
        Ok(())
    }

    /// Writes a file beside its place and moves it there. Its name is on the disk once [`Core::sync`] is done.
    fn put(&mut self, path: &str, bytes: &[u8]) -> Result<(), WriteError> {
        let done = self.try_put(path, bytes);
        self.broken |= done.is_err();
        done.map_err(|error| disk_error(path, &error))
    }

    fn try_put(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let mut folder = String::new();
        for name in parent.split('/').filter(|name| !name.is_empty()) {
            let above = folder.clone();
            folder = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            if !self.folders.contains(&folder) {
                self.disk.make_folder(&folder)?;
                self.unsynced.insert(above);
                self.folders.insert(folder.clone());
            }
        }
        let beside = format!("{path}.tmp");
        self.disk.write(&beside, bytes)?;
        self.disk.rename(&beside, path)?;
        self.unsynced.insert(parent.to_owned());
        Ok(())
    }

    fn sync(&mut self) -> Result<(), WriteError> {
        for folder in core::mem::take(&mut self.unsynced) {
            if let Err(error) = self.disk.sync_folder(&folder) {
                self.broken = true;
                return Err(disk_error(&folder, &error));
            }
        }
        Ok(())
    }
}

fn disk_error(path: &str, error: &io::Error) -> WriteError {
    disk(if path.is_empty() { "." } else { path }, error)
}

fn damaged(what: &str) -> WriteError {
    WriteError::Damaged { what: what.to_owned() }
}

/// The first entries of a bundle that may have more.
pub(crate) fn entries_of(bytes: &[u8], width: usize) -> Option<Vec<&[u8]>> {
    let (mut at, mut count) = (0_usize, 0);
    while count < width {
        let length = bytes.get(at..)?.first_chunk::<2>()?;
        at = at.checked_add(2 + usize::from(u16::from_be_bytes(*length)))?;
        count += 1;
    }
    tile::entries(bytes.get(..at)?, width)
}
