//! The share law, and how much of a ledger's memory whose chains take.
//!
//! One law for all that belongs to somebody above: reserved budgets, nonces, totals. Whoever has something of it
//! already may take more only up to a share of what nobody has taken and its own, half by default; the first takes
//! whatever is left. So one child, however greedy, leaves as much to its siblings as it has, and they all the same.
//! What is counted for a child is counted for all below it: whoever passes its delegation on to many has one share.

use crate::{presentation::Account, verified::VerifiedLink};
use std::collections::HashMap;

/// Most that a holder may have in all, where it has `own` and nobody has taken `left`.
pub(super) fn most(own: i64, left: i64, percent: u8) -> i64 {
    if own <= 0 {
        return left;
    }
    let share = (i128::from(own) + i128::from(left)) * i128::from(percent.min(100)) / 100;
    i64::try_from(share).unwrap_or(i64::MAX)
}

/// What of a ledger's memory is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Nonces,
    Totals,
}

/// What the chains through one link have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    /// The link before it. A link is signed with its parent's digest in it, so that there is one.
    parent: Option<Account>,
    nonces: usize,
    totals: usize,
}

impl Node {
    fn used(&mut self, kind: Kind) -> &mut usize {
        match kind {
            Kind::Nonces => &mut self.nonces,
            Kind::Totals => &mut self.totals,
        }
    }
}

/// What the chains through a link have, as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) parent: Option<Account>,
    pub(super) nonces: usize,
    pub(super) totals: usize,
}

/// What the chains through each link have, of those that have something.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rooms {
    nodes: HashMap<Account, Node>,
}

/// A link below which there is no room.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full {
    /// Its index, 0 at the root.
    pub(super) index: usize,
    /// How much it may have.
    pub(super) most: i64,
}

/// Far above the links of a chain: a file that was tampered with leads round in circles.
const DEPTH: usize = 255;

impl Rooms {
    /// Whether there is room below each link of a path, root first, for `new` more of it; the root link may have
    /// `most_of_root`.
    pub(super) fn check(
        &self,
        path: &[VerifiedLink],
        kind: Kind,
        new: impl Fn(usize) -> usize,
        (most_of_root, percent): (usize, u8),
    ) -> Result<(), Full> {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let (mut may_have, mut above) = (count(most_of_root), 0);
        for (index, link) in path.iter().enumerate() {
            let own = count(self.used(&link.signed, kind));
            if index > 0 {
                may_have = most(own, may_have.saturating_sub(above), percent);
            }
            let new = count(new(index));
            if new > 0 && own.saturating_add(new) > may_have {
                return Err(Full { index, most: may_have });
            }
            above = own;
        }
        Ok(())
    }

    pub(super) fn used(&self, link: &Account, kind: Kind) -> usize {
        self.nodes.get(link).map_or(0, |node| *node.clone().used(kind))
    }

    /// Counts one more for each link of a path.
    pub(super) fn add(&mut self, path: &[VerifiedLink], kind: Kind) {
        let mut parent = None;
        for link in path {
            let node = self.nodes.entry(link.signed).or_insert_with(|| Node { parent, ..Node::default() });
            *node.used(kind) += 1;
            parent = Some(link.signed);
        }
    }

    /// Counts one more, or one less, for a link and all before it.
    pub(super) fn change(&mut self, link: Account, kind: Kind, more: bool) {
        let mut next = Some(link);
        for _ in 0..DEPTH {
            let Some(link) = next else { return };
            let node = self.nodes.entry(link).or_default();
            let used = node.used(kind);
            *used = if more { used.saturating_add(1) } else { used.saturating_sub(1) };
            next = node.parent;
            if node.nonces == 0 && node.totals == 0 {
                self.nodes.remove(&link);
            }
        }
    }

    /// Whether a link is another or below it.
    pub(super) fn is_below(&self, link: &Account, above: &Account) -> bool {
        let parent = |link: &Account| self.nodes.get(link).and_then(|node| node.parent);
        core::iter::successors(Some(*link), parent).take(DEPTH).any(|one| one == *above)
    }

    /// Each link that has one before it, with that.
    pub(super) fn parents(&self) -> impl Iterator<Item = (&Account, &Account)> {
        self.nodes.iter().filter_map(|(link, node)| Some((link, node.parent.as_ref()?)))
    }

    /// Writes down which link is before another, for what is counted next.
    pub(super) fn set_parent(&mut self, link: Account, parent: Account) {
        self.nodes.entry(link).or_default().parent = Some(parent);
    }

    /// Writes down what a link has.
    pub(super) fn set(&mut self, link: Account, kept: Kept) {
        let Kept { parent, nonces, totals } = kept;
        self.nodes.insert(link, Node { parent, nonces, totals });
    }

    /// What each link has, of those that have something.
    pub(super) fn all(&self) -> impl Iterator<Item = (Account, Kept)> {
        self.nodes.iter().map(|(link, node)| {
            let Node { parent, nonces, totals } = node.clone();
            (*link, Kept { parent, nonces, totals })
        })
    }

    /// Drops the links that have nothing.
    pub(super) fn tidy(&mut self) {
        self.nodes.retain(|_, node| node.nonces > 0 || node.totals > 0);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_has_at_most_its_share_once_it_has_something() {
        assert_eq!(most(0, 100, 50), 100, "the first takes what is left");
        assert_eq!(most(10, 90, 50), 50);
        assert_eq!(most(50, 50, 50), 50);
        assert_eq!(most(60, 40, 50), 50, "more than its share: it gets no more");
        assert_eq!(most(1, 0, 50), 0);
        assert_eq!(most(10, 90, 100), 100, "no share at all");
        assert_eq!(most(i64::MAX, i64::MAX, 50), i64::MAX);
        assert_eq!(most(5, -5, 50), 0);
    }

    /// However many take turns, what is left to those who have nothing yet never falls to nothing but by firsts.
    #[test]
    fn one_child_leaves_its_siblings_as_much_as_it_has() {
        for total in 1..200_i64 {
            let (mut own, mut left) = (0, total);
            // One at a time, as long as it may.
            while own < most(own, left, 50) && left > 0 {
                (own, left) = (own + 1, left - 1);
            }
            assert!(own <= left + 1 || total == 1, "{own} of {total}");
        }
    }
}
