//! From a folder into a store: what is new, read back, and then the checkpoint.

use crate::bucket::{Bucket, BucketError, Condition, Written};
use futures::{StreamExt, TryStreamExt, stream};
use legation_log::{
    Checkpoint, CheckpointError, NoteKey, ReadError, Reader, about, entry, proof, reader,
    tile::{HEIGHT, Holds, Tile, WIDTH, partial},
    verify::WITNESSED,
    writer::{APART, CHECKPOINT},
};
use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

/// Objects that are written at a time.
const TOGETHER: usize = 16;
/// How often one object is written until it reads as it should.
const AGAIN: usize = 3;
/// Most paths of objects that are remembered as written.
const REMEMBERED: usize = 1_000_000;

/// What was put into a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// How many entries the log has there, under its checkpoint.
    pub size: u64,
    /// How many objects were looked after.
    pub objects: u64,
}

/// Why a log was not put into a store. What was put before stays, and no checkpoint says more than is there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The log can't be read.
    #[error("{0}")]
    Read(#[from] ReadError),
    /// A checkpoint is not the log's: the folder's own, or that in the store, where another log is.
    #[error("{0}")]
    Checkpoint(#[from] CheckpointError),
    /// The store.
    #[error("{0}")]
    Bucket(#[from] BucketError),
    /// There is another history in the store.
    #[error(
        "the log in the store is another one: at {size} entries it has another root; nothing was written"
    )]
    Forked {
        /// The size of what is there.
        size: u64,
    },
    /// What was written does not read as it was.
    #[error("the store does not give `{object}` back as it was written: the checkpoint stays as it is")]
    Unfaithful {
        /// The object.
        object: String,
    },
    /// Another machine moved the checkpoint meanwhile.
    #[error("another machine moved the checkpoint meanwhile; it is tried again")]
    Moved,
}

impl PushError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read(error) => error.code(),
            Self::Checkpoint(error) => error.code(),
            Self::Bucket(error) => error.code(),
            Self::Forked { .. } => "log_forked",
            Self::Unfaithful { .. } => "store_unfaithful",
            Self::Moved => "log_busy",
        }
    }
}

/// What puts one log into a store, again and again while it grows.
#[derive(Debug)]
pub struct Push {
    bucket: Bucket,
    key: NoteKey,
    is_checked: bool,
    /// Objects that are there as they should be.
    done: HashSet<String>,
    /// What stands beside the tiles, as it was put last.
    beside: HashMap<&'static str, String>,
    /// Partial tiles that are there and no longer needed once their tile is whole.
    parts: Vec<Tile>,
}

impl Push {
    /// For the log of a key. The bucket's prefix is the log's own.
    #[must_use]
    pub fn new(bucket: Bucket, key: NoteKey) -> Self {
        let (done, beside) = (HashSet::new(), HashMap::new());
        Self { bucket, key, is_checked: false, done, beside, parts: Vec::new() }
    }

    /// Puts what the log in a folder has more than the store. Where another machine has put more, nothing is done.
    ///
    /// # Errors
    /// [`PushError`].
    pub async fn push(&mut self, folder: &Path) -> Result<Pushed, PushError> {
        if !self.is_checked {
            self.bucket.check().await?;
            self.is_checked = true;
        }
        let note = reader::checkpoint(folder)?;
        let own = Checkpoint::open(&note, &self.key)?;
        let there = self.bucket.get(CHECKPOINT).await?;
        let (before, condition) = match &there {
            None => (0, Condition::New),
            Some((bytes, tag)) => (self.size_there(bytes, folder, &own)?, Condition::Is(tag.clone())),
        };
        let mut objects = 0;
        if before < own.size {
            objects = self.tiles(folder, (before, own.size)).await?;
            self.checkpoint(&note, condition).await?;
            self.tidy(own.size).await;
        }
        // What stands beside a log that is behind is older, too.
        if before <= own.size {
            self.beside(folder).await?;
        }
        Ok(Pushed { size: before.max(own.size), objects })
    }

    /// The size of what is in the store, which has to be the beginning of the own log, or go on from it.
    fn size_there(&self, bytes: &[u8], folder: &Path, own: &Checkpoint) -> Result<u64, PushError> {
        let note = String::from_utf8_lossy(bytes);
        let there = Checkpoint::open(&note, &self.key)?;
        if there.size <= own.size
            && proof::root(there.size, &mut Reader::new(folder, own.size))? != there.root
        {
            return Err(PushError::Forked { size: there.size });
        }
        Ok(there.size)
    }

    /// Writes the tiles, and the entries that stand apart, which a log has more than one of another size.
    async fn tiles(&mut self, folder: &Path, (from, to): (u64, u64)) -> Result<u64, PushError> {
        let mut paths: Vec<String> = tiles(from, to).map(|tile| tile.path()).collect();
        let log = Reader::new(folder, to);
        for leaf in log.entries(from) {
            paths.extend(entry::apart_digest(&leaf?).map(|digest| format!("{APART}/{digest}")));
        }
        paths.retain(|path| !self.done.contains(path));
        let this = &*self;
        let each = stream::iter(&paths).map(|path| async move {
            let missing = || ReadError::Tile { path: path.clone() };
            let bytes = reader::object(folder, path)?.ok_or_else(missing)?;
            this.object(path, &bytes).await
        });
        each.buffer_unordered(TOGETHER).try_collect::<Vec<()>>().await?;
        if self.done.len() > REMEMBERED {
            self.done.clear();
        }
        let count = u64::try_from(paths.len()).unwrap_or(u64::MAX);
        self.done.extend(paths);
        self.parts.extend(partial(to));
        Ok(count)
    }

    /// Writes an object that never changes, and reads it back. One that is there and is another one is none that a checkpoint
    /// speaks of: it was damaged, and is written over.
    async fn object(&self, path: &str, bytes: &[u8]) -> Result<(), PushError> {
        let mut condition = Condition::New;
        for _ in 0..AGAIN {
            self.bucket.put(path, bytes, &condition).await?;
            match self.bucket.get(path).await? {
                Some((found, _)) if found == bytes => return Ok(()),
                Some((_, tag)) => condition = Condition::Is(tag),
                None => condition = Condition::New,
            }
        }
        Err(PushError::Unfaithful { object: path.to_owned() })
    }

    /// Moves the checkpoint, and reads it back. One that came to be damaged by this is written again: nobody else could tell
    /// it from one of another log.
    async fn checkpoint(&self, note: &str, mut condition: Condition) -> Result<(), PushError> {
        for _ in 0..AGAIN {
            if self.bucket.put(CHECKPOINT, note.as_bytes(), &condition).await? == Written::Refused {
                return Err(PushError::Moved);
            }
            match self.bucket.get(CHECKPOINT).await? {
                Some((found, _)) if found == note.as_bytes() => return Ok(()),
                // It was not written after all, or another machine moved it on, which the next round looks at.
                Some((found, _)) if Checkpoint::open(&String::from_utf8_lossy(&found), &self.key).is_ok() => {
                    return Err(PushError::Moved);
                }
                Some((_, tag)) => condition = Condition::Is(tag),
                None => condition = Condition::New,
            }
        }
        Err(PushError::Unfaithful { object: CHECKPOINT.to_owned() })
    }

    /// Writes what stands beside the tiles, where it has changed.
    async fn beside(&mut self, folder: &Path) -> Result<(), PushError> {
        for name in [about::FILE, reader::DOCUMENT, WITNESSED] {
            let Some(text) = reader::text(folder, name)? else { continue };
            if self.beside.get(name) != Some(&text) {
                self.bucket.put(name, text.as_bytes(), &Condition::Any).await?;
                self.beside.insert(name, text);
            }
        }
        Ok(())
    }

    /// Removes partial tiles that are whole by now (C2SP tlog-tiles: those may go). What stays behind takes room and
    /// nothing else.
    async fn tidy(&mut self, size: u64) {
        let is_whole = |tile: &Tile| {
            let level = if let Holds::Hashes(level) = tile.holds { level } else { 0 };
            tile.index < size.checked_shr(HEIGHT * (level + 1)).unwrap_or(0)
        };
        let (whole, parts) = core::mem::take(&mut self.parts).into_iter().partition(is_whole);
        self.parts = parts;
        let whole: Vec<Tile> = whole;
        for tile in whole {
            let _ = self.bucket.remove(&tile.path()).await;
            self.done.remove(&tile.path());
        }
    }
}

/// The tiles that a log of a size has which it had not whole at another one.
pub(crate) fn tiles(from: u64, to: u64) -> impl Iterator<Item = Tile> {
    let whole = move |level: u32| {
        let count = |size: u64| size.checked_shr(HEIGHT * (level + 1)).unwrap_or(0);
        (count(from)..count(to)).map(move |index| Tile { holds: Holds::Hashes(level), index, width: WIDTH })
    };
    let entries = whole(0).map(|tile| Tile { holds: Holds::Entries, ..tile });
    entries.chain((0..8).flat_map(whole)).chain(partial(to))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn what_is_new_is_each_tile_that_was_not_whole_and_nothing_else() {
        for (from, to) in
            [(0, 1), (0, 256), (255, 257), (256, 256 * 256), (256 * 256 - 1, 256 * 256 + 3), (700, 1300)]
        {
            let paths = |from, to| tiles(from, to).map(|tile| tile.path()).collect::<HashSet<_>>();
            let all = paths(0, to);
            let had: HashSet<String> =
                paths(0, from).into_iter().filter(|path| !path.contains(".p/")).collect();
            let new = paths(from, to);
            assert_eq!(new, all.difference(&had).cloned().collect(), "{from} {to}");
        }
    }
}
