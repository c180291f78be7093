//! Tiles (C2SP tlog-tiles): where hashes and entries of a tree are, in files that never change once they are whole.

use crate::tree::Hash;

/// Hashes of a whole tile, entries of a whole bundle.
pub const WIDTH: usize = 256;
/// Levels of the tree in one level of tiles.
pub const HEIGHT: u32 = 8;
/// Most bytes of an entry: its length stands in 16 bits.
pub const MAX_ENTRY: usize = u16::MAX as usize;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holds {
    /// Hashes of complete subtrees; at level 0, of leaves.
    Hashes(u32),
    /// Entries.
    Entries,
}

/// The name of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tile {
    /// What is in it.
    pub holds: Holds,
    /// Its place among those of its level.
    pub index: u64,
    /// How many it holds, 1 to 256.
    pub width: usize,
}

impl Tile {
    /// Its path below the log, such as `tile/0/x001/x234/067` or `tile/entries/000.p/5`.
    ///
    /// ```
    /// use legation_log::tile::{Holds, Tile};
    ///
    /// let tile = Tile { holds: Holds::Hashes(1), index: 1_234_067, width: 12 };
    /// assert_eq!(tile.path(), "tile/1/x001/x234/067.p/12");
    /// assert_eq!(Tile::parse(&tile.path()), Some(tile));
    /// assert_eq!(Tile::parse("tile/1/067.p/256"), None);
    /// ```
    #[must_use]
    pub fn path(&self) -> String {
        if self.width == WIDTH { self.whole_path() } else { format!("{}/{}", self.part_folder(), self.width) }
    }

    /// The path of the tile once it is whole.
    #[must_use]
    pub fn whole_path(&self) -> String {
        let mut groups = vec![format!("{:03}", self.index % 1000)];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(format!("x{:03}", rest % 1000));
            rest /= 1000;
        }
        groups.reverse();
        match self.holds {
            Holds::Hashes(level) => format!("tile/{level}/{}", groups.join("/")),
            Holds::Entries => format!("tile/entries/{}", groups.join("/")),
        }
    }

    /// The folder of its partial tiles.
    #[must_use]
    pub fn part_folder(&self) -> String {
        format!("{}.p", self.whole_path())
    }

    /// Reads a path, in the one form that it has.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("tile/")?;
        let (holds, rest) = rest.split_once('/')?;
        let holds = match holds {
            "entries" => Holds::Entries,
            level => Holds::Hashes(level.parse().ok().filter(|level| *level < 64)?),
        };
        let (place, width) = match rest.split_once(".p/") {
            Some((place, width)) => (place, width.parse().ok().filter(|width| (1..WIDTH).contains(width))?),
            None => (rest, WIDTH),
        };
        let mut index: u64 = 0;
        for group in place.split('/') {
            let digits = group.strip_prefix('x').unwrap_or(group);
            index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        }
        let tile = Self { holds, index, width };
        (tile.path() == path).then_some(tile)
    }
}

/// The tiles on the right edge of a tree of so many entries that are not whole.
pub fn partial(size: u64) -> impl Iterator<Item = Tile> {
    let of_level = move |level: u32| {
        let hashes = size >> (HEIGHT * level);
        let width = usize::try_from(hashes % 256).ok().filter(|width| *width > 0)?;
        Some(Tile { holds: Holds::Hashes(level), index: hashes / 256, width })
    };
    let entries = of_level(0).map(|tile| Tile { holds: Holds::Entries, ..tile });
    entries.into_iter().chain((0..8).filter_map(of_level))
}

/// The hashes of a tile. `None` where its bytes are not that many hashes.
#[must_use]
pub fn hashes(bytes: &[u8], width: usize) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    (rest.is_empty() && hashes.len() == width).then(|| hashes.to_vec())
}

/// Adds an entry to the bytes of a bundle. `false`, with nothing added, where it is longer than [`MAX_ENTRY`].
#[must_use]
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> bool {
    let Ok(length) = u16::try_from(entry.len()) else { return false };
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    true
}

/// The entries of a bundle, in order. `None` where its bytes are not that many entries.
#[must_use]
pub fn entries(bytes: &[u8], width: usize) -> Option<Vec<&[u8]>> {
    let (mut rest, mut entries) = (bytes, Vec::with_capacity(width.min(WIDTH)));
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let (entry, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        rest = after;
        if entries.len() > width {
            return None;
        }
    }
    (rest.is_empty() && entries.len() == width).then_some(entries)
}
