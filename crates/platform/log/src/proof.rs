//! Proofs: that an entry is in a tree, and that a tree goes on where another one was (RFC 9162 §2.1.3 and §2.1.4).

use crate::tree::{Hash, node_hash};

/// Most hashes of a proof: a tree has at most 2^63 leaves.
pub const MAX_HASHES: usize = 63;

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The entry is not in a tree of that size, or the old tree is larger than the new one.
    #[error("{part} is not within a tree of {size} entries")]
    Range {
        /// The index of the entry, or the size of the old tree.
        part: u64,
        /// The size of the tree.
        size: u64,
    },
    /// It has another number of hashes than a proof of that has.
    #[error("the proof has {found} hashes, which is not how many it takes")]
    Length {
        /// How many there are.
        found: usize,
    },
    /// It leads to another root.
    #[error("the proof leads to another root: an entry was changed, or the tree is another one")]
    Root,
}

impl ProofError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Range { .. } => "proof_out_of_range",
            Self::Length { .. } => "proof_length",
            Self::Root => "proof_mismatch",
        }
    }
}

/// Gives the hash of a complete subtree: its level, and its place among those of that level.
pub trait Nodes {
    /// What reading fails with.
    type Error;
    /// The hash of the subtree with the leaves from `index * 2^level` on.
    ///
    /// # Errors
    /// Where it can't be read.
    fn node(&mut self, level: u32, index: u64) -> Result<Hash, Self::Error>;
}

impl<E, F: FnMut(u32, u64) -> Result<Hash, E>> Nodes for F {
    type Error = E;
    fn node(&mut self, level: u32, index: u64) -> Result<Hash, E> {
        self(level, index)
    }
}

/// The largest power of two below a number of at least two.
fn split(number: u64) -> u64 {
    1 << (u64::BITS - 1 - number.saturating_sub(1).leading_zeros())
}

/// The complete subtrees of a range, from the left, as levels and places.
pub fn subtrees(from: u64, to: u64) -> impl Iterator<Item = (u32, u64)> {
    let mut at = from;
    core::iter::from_fn(move || {
        let left = to.checked_sub(at).filter(|left| *left > 0)?;
        let level = at.trailing_zeros().min(left.ilog2());
        let index = at >> level;
        at = at.saturating_add(1 << level);
        Some((level, index))
    })
}

/// The root of a range of leaves that begins where a subtree of its size may.
fn range<N: Nodes>(from: u64, to: u64, nodes: &mut N) -> Result<Hash, N::Error> {
    let mut all = Vec::new();
    for (level, index) in subtrees(from, to) {
        all.push(nodes.node(level, index)?);
    }
    let root = all.into_iter().rev().reduce(|right, left| node_hash(&left, &right));
    Ok(root.unwrap_or_default())
}

/// The root of the tree of the first `size` entries.
///
/// # Errors
/// Those of reading nodes.
pub fn root<N: Nodes>(size: u64, nodes: &mut N) -> Result<Hash, N::Error> {
    if size == 0 { Ok(crate::tree::Compact::default().root()) } else { range(0, size, nodes) }
}

/// The proof that the entry at `index` is in the tree of `size` entries; empty where it is not within it.
///
/// # Errors
/// Those of reading nodes.
pub fn inclusion<N: Nodes>(index: u64, size: u64, nodes: &mut N) -> Result<Vec<Hash>, N::Error> {
    let (mut from, mut to, mut path) = (0, size, Vec::new());
    while index < size && to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            path.push(range(middle, to, nodes)?);
            to = middle;
        } else {
            path.push(range(from, middle, nodes)?);
            from = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that a tree of `size` entries goes on where one of `old` was; empty where `old` is 0 or `size`.
///
/// # Errors
/// Those of reading nodes.
pub fn consistency<N: Nodes>(old: u64, size: u64, nodes: &mut N) -> Result<Vec<Hash>, N::Error> {
    let (mut from, mut to, mut known, mut path) = (0, size, true, Vec::new());
    if old == 0 || old >= size {
        return Ok(path);
    }
    while to != old {
        let middle = from + split(to - from);
        if old <= middle {
            path.push(range(middle, to, nodes)?);
            to = middle;
        } else {
            path.push(range(from, middle, nodes)?);
            (from, known) = (middle, false);
        }
    }
    if !known {
        path.push(range(from, to, nodes)?);
    }
    path.reverse();
    Ok(path)
}

/// Checks that an entry, by its leaf hash, is at `index` of the tree with that size and root (RFC 9162 §2.1.3.2).
///
/// # Errors
/// [`ProofError`].
pub fn verify_inclusion(
    leaf: &Hash,
    (index, size): (u64, u64),
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Range { part: index, size });
    }
    let (mut place, mut last, mut hash) = (index, size - 1, *leaf);
    let length = ProofError::Length { found: proof.len() };
    for sibling in proof {
        if last == 0 {
            return Err(length);
        }
        if place & 1 == 1 || place == last {
            hash = node_hash(sibling, &hash);
            while place & 1 == 0 && place != 0 {
                (place, last) = (place >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    if last != 0 {
        return Err(length);
    }
    if hash == *root { Ok(()) } else { Err(ProofError::Root) }
}

/// Checks that the tree with `new` root and size goes on where `old` was (RFC 9162 §2.1.4.2).
///
/// # Errors
/// [`ProofError`].
pub fn verify_consistency(
    (old, old_root): (u64, &Hash),
    (size, root): (u64, &Hash),
    proof: &[Hash],
) -> Result<(), ProofError> {
    let length = ProofError::Length { found: proof.len() };
    // Any tree goes on from one without entries: nothing is proved of that (RFC 9162 §2.1.4.1, 0 < m).
    if old > size || old == 0 {
        return Err(ProofError::Range { part: old, size });
    }
    if old == size {
        let same = old_root == root;
        return if !proof.is_empty() {
            Err(length)
        } else if same {
            Ok(())
        } else {
            Err(ProofError::Root)
        };
    }
    let (first, rest) =
        if old.is_power_of_two() { (old_root, proof) } else { proof.split_first().ok_or(length)? };
    let (mut place, mut last) = (old - 1, size - 1);
    while place & 1 == 1 {
        (place, last) = (place >> 1, last >> 1);
    }
    let (mut was, mut is) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return Err(length);
        }
        if place & 1 == 1 || place == last {
            was = node_hash(sibling, &was);
            is = node_hash(sibling, &is);
            while place & 1 == 0 && place != 0 {
                (place, last) = (place >> 1, last >> 1);
            }
        } else {
            is = node_hash(&is, sibling);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    if last != 0 || rest.is_empty() {
        return Err(length);
    }
    if was == *old_root && is == *root { Ok(()) } else { Err(ProofError::Root) }
}
