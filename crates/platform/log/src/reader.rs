//! Reading a log from its folder: entries, and the nodes that proofs are made of.

use crate::{
    about, disk, entry,
    note::MAX_NOTE,
    proof::Nodes,
    tile::{self, HEIGHT, Holds, Tile, WIDTH},
    tree::{Hash, node_hash},
    verify::WITNESSED,
    writer::{APART, CHECKPOINT, MAX_BUNDLE},
};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

/// Tiles that are remembered: those of a proof, several times over.
const KEPT: usize = 64;

/// Why a log can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// There is no log.
    #[error("there is no log in `{folder}`: it has no checkpoint; `legation up` writes one")]
    Missing {
        /// The folder.
        folder: String,
    },
    /// A file of it is missing.
    #[error("`{path}` is missing: the log was cut, or a part of it was removed")]
    Tile {
        /// The file.
        path: String,
    },
    /// A file is not what it should be.
    #[error("`{path}` does not hold {width} {what}: it was cut or changed")]
    Damaged {
        /// The file.
        path: String,
        /// How many it should hold.
        width: usize,
        /// Of what.
        what: &'static str,
    },
    /// The system does not read it.
    #[error("`{path}` can't be read: {reason}")]
    Disk {
        /// The file.
        path: String,
        /// What the system says.
        reason: String,
    },
}

impl ReadError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "log_missing",
            Self::Tile { .. } => "tile_missing",
            Self::Damaged { .. } => "tile_damaged",
            Self::Disk { .. } => "log_unavailable",
        }
    }
}

/// A log in a folder, of a size that its reader believes by a checkpoint.
#[derive(Debug)]
pub struct Reader {
    folder: PathBuf,
    size: u64,
    kept: HashMap<(u32, u64), Vec<Hash>>,
}

impl Reader {
    /// Reads a log as it was at a size.
    #[must_use]
    pub fn new(folder: &Path, size: u64) -> Self {
        Self { folder: folder.to_owned(), size, kept: HashMap::new() }
    }

    /// The size.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The bytes of a tile: the one of this size, or the whole one that it became since.
    fn bytes(&self, tile: &Tile) -> Result<Vec<u8>, ReadError> {
        for path in [tile.path(), tile.whole_path()] {
            if let Some(bytes) = file(&self.folder, &path, MAX_BUNDLE)? {
                return Ok(bytes);
            }
        }
        Err(ReadError::Tile { path: tile.path() })
    }

    fn width(&self, level: u32, index: u64) -> usize {
        let hashes = self.size.checked_shr(HEIGHT * level).unwrap_or(0);
        usize::try_from(hashes.saturating_sub(index.saturating_mul(256)).min(256)).unwrap_or(WIDTH)
    }

    fn hashes(&mut self, level: u32, index: u64) -> Result<&[Hash], ReadError> {
        let key = (level, index);
        if !self.kept.contains_key(&key) {
            let tile = Tile { holds: Holds::Hashes(level), index, width: self.width(level, index) };
            let bytes = self.bytes(&tile)?;
            let hashes = bytes.get(..tile.width * 32).and_then(|bytes| tile::hashes(bytes, tile.width));
            let damaged = || ReadError::Damaged { path: tile.path(), width: tile.width, what: "hashes" };
            let hashes = hashes.ok_or_else(damaged)?;
            if self.kept.len() >= KEPT {
                self.kept.clear();
            }
            self.kept.insert(key, hashes);
        }
        Ok(self.kept.get(&key).map(Vec::as_slice).unwrap_or_default())
    }

    /// The entries of a bundle, those that this size has.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn bundle(&self, index: u64) -> Result<Vec<Vec<u8>>, ReadError> {
        let tile = Tile { holds: Holds::Entries, index, width: self.width(0, index) };
        if tile.width == 0 {
            return Ok(Vec::new());
        }
        let bytes = self.bytes(&tile)?;
        let entries = crate::writer::entries_of(&bytes, tile.width);
        let damaged = || ReadError::Damaged { path: tile.path(), width: tile.width, what: "entries" };
        Ok(entries.ok_or_else(damaged)?.into_iter().map(<[u8]>::to_vec).collect())
    }

    /// An entry by its index; `None` beyond the size.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn entry(&self, index: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let place = usize::try_from(index % 256).unwrap_or_default();
        Ok(self.bundle(index / 256)?.into_iter().nth(place).filter(|_| index < self.size))
    }

    /// The entry that stands apart, in whose place its digest is; `None` for an entry that stands where it is.
    ///
    /// # Errors
    /// [`ReadError`], also where the file is missing or is another one.
    pub fn whole(&self, leaf: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        let Some(digest) = entry::apart_digest(leaf) else { return Ok(None) };
        let path = format!("{APART}/{digest}");
        let most = u64::try_from(entry::LIMITS.bytes).unwrap_or(u64::MAX);
        match file(&self.folder, &path, most)? {
            None => Err(ReadError::Tile { path }),
            Some(whole) if entry::stands_for(leaf, &whole) => Ok(Some(whole)),
            Some(_) => Err(ReadError::Damaged { path, width: 1, what: "entry" }),
        }
    }

    /// Entries from an index on, in order, as far as the size goes, bundle by bundle.
    pub fn entries(&self, from: u64) -> impl Iterator<Item = Result<Vec<u8>, ReadError>> + '_ {
        let skipped = usize::try_from(from % 256).unwrap_or_default();
        let bundles = from / 256..self.size.div_ceil(256);
        bundles
            .flat_map(|index| match self.bundle(index) {
                Ok(entries) => entries.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            })
            .skip(skipped)
    }
}

impl Nodes for Reader {
    type Error = ReadError;

    fn node(&mut self, level: u32, index: u64) -> Result<Hash, ReadError> {
        let (tiles, within) = (level / HEIGHT, level % HEIGHT);
        let first = index << within;
        let hashes = self.hashes(tiles, first / 256)?;
        let from = usize::try_from(first % 256).unwrap_or_default();
        let below = hashes.get(from..from + (1 << within));
        let mut row: Vec<Hash> = below.map(<[Hash]>::to_vec).unwrap_or_default();
        while row.len() > 1 {
            row = row.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
        }
        let missing = || ReadError::Tile { path: format!("tile/{tiles} of {index}") };
        row.first().copied().ok_or_else(missing)
    }
}

fn file(folder: &Path, path: &str, most: u64) -> Result<Option<Vec<u8>>, ReadError> {
    disk::read(&folder.join(path), most)
        .map_err(|error| ReadError::Disk { path: path.to_owned(), reason: error.to_string() })
}

/// The signed checkpoint of a log, of which nothing is believed yet.
///
/// # Errors
/// [`ReadError`].
pub fn checkpoint(folder: &Path) -> Result<String, ReadError> {
    text(folder, CHECKPOINT)?.ok_or_else(|| ReadError::Missing { folder: folder.display().to_string() })
}

/// A text beside the tiles; `None` where there is none.
///
/// # Errors
/// [`ReadError`].
pub fn text(folder: &Path, name: &str) -> Result<Option<String>, ReadError> {
    let bytes = file(folder, name, MAX_NOTE as u64)?;
    let wrong = |_| ReadError::Disk { path: name.to_owned(), reason: "it is no text".to_owned() };
    bytes.map(|bytes| String::from_utf8(bytes).map_err(wrong)).transpose()
}

/// The organization's DID document, within the folder of a log.
pub const DOCUMENT: &str = "did.json";

/// A file of a log that never changes, a tile or an entry that stands apart, by its path below the log; `None` where there is
/// none.
///
/// # Errors
/// [`ReadError`].
pub fn object(folder: &Path, path: &str) -> Result<Option<Vec<u8>>, ReadError> {
    let is_apart = path.strip_prefix(APART).and_then(|rest| rest.strip_prefix('/'));
    let is_apart =
        is_apart.is_some_and(|digest| legation_keys::base64url::decode_array::<32>(digest).is_ok());
    if !is_apart && Tile::parse(path).is_none() {
        return Ok(None);
    }
    file(folder, path, u64::try_from(entry::LIMITS.bytes).unwrap_or(u64::MAX))
}

/// What of a log everybody may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// The signed checkpoint, or the latest that witnesses signed.
    Checkpoint,
    /// What the organization says of the log.
    About,
    /// Hashes.
    Tile,
}

/// A file of a log, by its path below the log, where everybody may read it. Entries are for auditors.
///
/// # Errors
/// [`ReadError`].
pub fn published(folder: &Path, path: &str) -> Result<Option<(Published, Vec<u8>)>, ReadError> {
    let kind = match path {
        CHECKPOINT | WITNESSED => Published::Checkpoint,
        about::FILE => Published::About,
        _ => match Tile::parse(path).map(|tile| tile.holds) {
            Some(Holds::Hashes(_)) => Published::Tile,
            Some(Holds::Entries) | None => return Ok(None),
        },
    };
    Ok(file(folder, path, MAX_NOTE as u64)?.map(|bytes| (kind, bytes)))
}
