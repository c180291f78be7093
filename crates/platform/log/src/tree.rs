//! The Merkle tree (RFC 9162 §2.1.1, the same as RFC 6962 §2.1), as a row of complete subtrees that leaves are added to.

use sha2::{Digest, Sha256};

/// A SHA-256.
pub type Hash = [u8; 32];

/// The hash of a leaf.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new_with_prefix([0]).chain_update(entry).finalize().into()
}

/// The hash of a node, by those of its children.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new_with_prefix([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The complete subtrees of which a tree consists, the largest first: all that is needed to add leaves and to have the root.
///
/// ```
/// use legation_log::tree::{Compact, leaf_hash, node_hash};
///
/// let (a, b, c) = (leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c"));
/// let mut tree = Compact::default();
/// [a, b, c].into_iter().for_each(|leaf| tree.push(leaf));
/// assert_eq!((tree.size(), tree.root()), (3, node_hash(&node_hash(&a, &b), &c)));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compact {
    size: u64,
    nodes: Vec<(u32, Hash)>,
}

impl Compact {
    /// A tree of so many leaves by its subtrees' hashes, the largest first. `None` where there are more or fewer of them
    /// than the size has.
    #[must_use]
    pub fn of(size: u64, hashes: &[Hash]) -> Option<Self> {
        let levels: Vec<u32> = (0..u64::BITS).rev().filter(|level| size >> level & 1 == 1).collect();
        let nodes = levels.iter().copied().zip(hashes.iter().copied()).collect();
        (levels.len() == hashes.len()).then_some(Self { size, nodes })
    }

    /// How many leaves there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The subtrees' hashes, the largest first.
    #[must_use]
    pub fn hashes(&self) -> Vec<Hash> {
        self.nodes.iter().map(|(_, hash)| *hash).collect()
    }

    /// Adds a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        self.push_told(leaf, &mut |_, _| ());
    }

    /// Adds a leaf, and tells each subtree that is complete by it: its level, 0 for the leaf itself, and its hash.
    pub fn push_told(&mut self, leaf: Hash, tell: &mut impl FnMut(u32, &Hash)) {
        self.merge(0, leaf, tell);
    }

    /// Adds a subtree of `2^level` leaves. `false`, with nothing added, where it can't stand there.
    #[must_use]
    pub fn push_subtree(&mut self, level: u32, hash: Hash) -> bool {
        let aligned = 1_u64.checked_shl(level).is_some_and(|leaves| self.size.is_multiple_of(leaves));
        if aligned && self.size.checked_add(1 << level).is_some() {
            self.merge(level, hash, &mut |_, _| ());
            return true;
        }
        false
    }

    fn merge(&mut self, level: u32, hash: Hash, tell: &mut impl FnMut(u32, &Hash)) {
        let (mut level, mut hash) = (level, hash);
        self.size = self.size.saturating_add(1 << level);
        tell(level, &hash);
        while let Some((_, left)) = self.nodes.pop_if(|(last, _)| *last == level) {
            hash = node_hash(&left, &hash);
            level += 1;
            tell(level, &hash);
        }
        self.nodes.push((level, hash));
    }

    /// The root; of no leaves it is the SHA-256 of nothing.
    #[must_use]
    pub fn root(&self) -> Hash {
        let right_to_left = self.nodes.iter().rev().map(|(_, hash)| *hash);
        right_to_left
            .reduce(|right, left| node_hash(&left, &right))
            .unwrap_or_else(|| Sha256::digest([]).into())
    }
}
