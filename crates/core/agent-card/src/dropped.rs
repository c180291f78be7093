//! Which members of a card a form of it leaves out, each told by its path.

use core::fmt;

/// Most members that are told by their path; more are only counted. A stranger's card may have
/// tens of thousands, each below a name of any length.
pub const MAX_DROPPED: usize = 64;
/// Most bytes of all these paths together.
const MAX_BYTES: usize = 16 * 1024;

/// Members of a card that a form of it leaves out, as JSON Pointers (RFC 6901): the first
/// [`MAX_DROPPED`] as they stand in the card, and how many more there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    paths: Vec<String>,
    bytes: usize,
    more: usize,
}

impl Dropped {
    /// Where they stand.
    #[must_use]
    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    /// How many there are beyond [`paths`](Self::paths).
    #[must_use]
    pub fn more(&self) -> usize {
        self.more
    }

    /// Whether nothing is left out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.more == 0
    }

    /// How far it has come.
    pub(crate) fn mark(&self) -> (usize, usize, usize) {
        (self.paths.len(), self.bytes, self.more)
    }

    /// Forgets what was added since.
    pub(crate) fn back_to(&mut self, (paths, bytes, more): (usize, usize, usize)) {
        self.paths.truncate(paths);
        (self.bytes, self.more) = (bytes, more);
    }

    pub(crate) fn add(&mut self, at: Path<'_>) {
        // Measured before it is written out: a name may be as long as the card.
        let length = at.length();
        if self.paths.len() < MAX_DROPPED && self.bytes + length <= MAX_BYTES {
            self.bytes += length;
            self.paths.push(at.to_string());
        } else {
            self.more += 1;
        }
    }
}

impl fmt::Display for Dropped {
    /// `` `/url`, `/skills/0/x` and 3 more ``
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, path) in self.paths.iter().enumerate() {
            write!(out, "{}`{path}`", if index == 0 { "" } else { ", " })?;
        }
        match (self.more, self.paths.is_empty()) {
            (0, _) => Ok(()),
            (more, true) => write!(out, "{more} with long names"),
            (more, false) => write!(out, " and {more} more"),
        }
    }
}

/// A place in a card. It is only written out where somebody is told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Path<'p> {
    Root,
    Member(&'p Path<'p>, &'p str),
    Element(&'p Path<'p>, usize),
}

impl Path<'_> {
    /// Bytes of the written path, at most; escapes make a name twice as long.
    fn length(self) -> usize {
        match self {
            Path::Root => 0,
            Path::Member(parent, name) => parent.length() + 1 + 2 * name.len(),
            Path::Element(parent, _) => parent.length() + 8,
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Member(parent, name) => {
                write!(out, "{parent}/{}", name.replace('~', "~0").replace('/', "~1"))
            }
            Path::Element(parent, index) => write!(out, "{parent}/{index}"),
        }
    }
}
