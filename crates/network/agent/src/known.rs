//! The chains that a service has verified, by the SHA-256 of their compact text, so that a request can
//! name its chain instead of carrying it.
//!
//! Being known opens no door: a chain that is known is verified again with each request. So forgetting
//! one costs the caller a retry, and whoever holds a delegation gains nothing by filling the memory.

use legation_credential::LinkDigest;
use legation_did::Did;
use legation_verifier::{Account, VerifiedChain};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// Bounds on the chains that are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownLimits {
    /// Most chains; 10,000 by default.
    pub chains: usize,
    /// Most bytes of their texts; 64 MiB by default.
    pub bytes: usize,
    /// Most chains that begin with one root link; 256 by default. Who passes its delegation on
    /// ten thousand times must not push out the chains of all others.
    pub per_root: usize,
}

impl Default for KnownLimits {
    fn default() -> Self {
        Self { chains: 10_000, bytes: 64 << 20, per_root: 256 }
    }
}

/// SHA-256 of a chain's compact text.
type ChainDigest = [u8; 32];

/// The chains, the longest unused forgotten first.
#[derive(Debug, Default)]
pub(crate) struct KnownChains {
    limits: KnownLimits,
    chains: HashMap<ChainDigest, Known>,
    /// By last use, over all and for each root link.
    order: BTreeMap<u64, ChainDigest>,
    per_root: HashMap<Account, BTreeMap<u64, ChainDigest>>,
    bytes: usize,
    uses: u64,
}

/// A link of a chain that is known, as far as others speak of it.
#[derive(Clone, Debug)]
pub(crate) struct KnownLink {
    pub(crate) digest: LinkDigest,
    pub(crate) issuer: Did,
    pub(crate) subject: Did,
}

impl KnownLink {
    /// The links of a chain.
    pub(crate) fn all(chain: &VerifiedChain) -> Vec<Self> {
        let links = chain.links().iter();
        let link = |link: &legation_verifier::VerifiedLink| Self {
            digest: link.digest,
            issuer: link.issuer.clone(),
            subject: link.subject.clone(),
        };
        links.map(link).collect()
    }
}

#[derive(Debug)]
struct Known {
    chain: Arc<str>,
    links: Vec<KnownLink>,
    root: Account,
    met: bool,
    used: u64,
}

impl KnownChains {
    pub(crate) fn new(limits: KnownLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// The text of a chain, and whether its agent came with a handshake.
    pub(crate) fn get(&self, digest: &ChainDigest) -> Option<(Arc<str>, bool)> {
        self.chains.get(digest).map(|known| (Arc::clone(&known.chain), known.met))
    }

    /// Remembers a chain that has just verified, or that it was used again. `root` is the account of
    /// its first link; `met` says that it came by a handshake, which stays so. What its links are is asked where it was not
    /// known.
    pub(crate) fn remember(
        &mut self,
        digest: ChainDigest,
        chain: &str,
        (root, links): (Account, impl FnOnce() -> Vec<KnownLink>),
        met: bool,
    ) {
        let before = self.forget(&digest);
        let met = met || before.as_ref().is_some_and(|known| known.met);
        let links = before.map_or_else(links, |known| known.links);
        if chain.len() > self.limits.bytes {
            return;
        }
        let first = |order: &BTreeMap<u64, ChainDigest>| order.first_key_value().map(|(_, digest)| *digest);
        while self.per_root.get(&root).is_some_and(|own| own.len() >= self.limits.per_root) {
            let Some(oldest) = self.per_root.get(&root).and_then(first) else { break };
            self.forget(&oldest);
        }
        while self.chains.len() >= self.limits.chains || self.bytes + chain.len() > self.limits.bytes {
            let Some(oldest) = first(&self.order) else { return };
            self.forget(&oldest);
        }
        self.uses += 1;
        let used = self.uses;
        self.bytes += chain.len();
        self.order.insert(used, digest);
        self.per_root.entry(root).or_default().insert(used, digest);
        self.chains.insert(digest, Known { chain: chain.into(), links, root, met, used });
    }

    /// Forgets the chains that have such a link. Gives how many.
    pub(crate) fn forget_of(&mut self, is_meant: impl Fn(&KnownLink) -> bool) -> usize {
        let meant = self.chains.iter().filter(|(_, known)| known.links.iter().any(&is_meant));
        let meant: Vec<ChainDigest> = meant.map(|(digest, _)| *digest).collect();
        meant.iter().for_each(|digest| drop(self.forget(digest)));
        meant.len()
    }

    /// Forgets a chain. Gives it where it was known.
    fn forget(&mut self, digest: &ChainDigest) -> Option<Known> {
        let known = self.chains.remove(digest)?;
        self.bytes -= known.chain.len();
        self.order.remove(&known.used);
        if let Some(own) = self.per_root.get_mut(&known.root) {
            own.remove(&known.used);
            if own.is_empty() {
                self.per_root.remove(&known.root);
            }
        }
        Some(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(name: u8) -> ChainDigest {
        [name; 32]
    }

    fn small() -> KnownChains {
        KnownChains::new(KnownLimits { chains: 4, bytes: 100, per_root: 2 })
    }

    #[test]
    fn one_root_link_pushes_out_only_its_own_chains() {
        let mut known = small();
        known.remember(digest(1), "honest", ([1; 32], Vec::new), true);
        for name in 10..60 {
            known.remember(digest(name), "flood", ([2; 32], Vec::new), false);
        }
        assert_eq!(known.get(&digest(1)).map(|(_, met)| met), Some(true));
        assert_eq!((known.chains.len(), known.order.len(), known.per_root.len()), (3, 3, 2));
        assert!(known.get(&digest(59)).is_some() && known.get(&digest(57)).is_none());
    }

    #[test]
    fn chains_and_bytes_stay_within_their_bounds() {
        let mut known = small();
        for name in 0..50 {
            known.remember(digest(name), &"x".repeat(30), ([name; 32], Vec::new), false);
            assert!(known.chains.len() <= 4 && known.bytes <= 100, "{name}");
        }
        assert_eq!((known.chains.len(), known.bytes, known.per_root.len()), (3, 90, 3));
        known.remember(digest(99), &"x".repeat(101), ([1; 32], Vec::new), false);
        assert!(known.get(&digest(99)).is_none());
        // What fits nowhere pushes nobody out.
        assert_eq!((known.chains.len(), known.bytes), (3, 90));
    }

    #[test]
    fn a_chain_that_is_used_again_counts_once() {
        let mut known = small();
        for _ in 0..2 {
            known.remember(digest(1), "chain", ([1; 32], Vec::new), false);
        }
        let own = known.per_root.get(&[1; 32]).map(BTreeMap::len);
        assert_eq!((known.chains.len(), known.order.len(), own, known.bytes), (1, 1, Some(1), 5));
    }

    #[test]
    fn what_is_used_stays_and_a_handshake_is_not_forgotten_by_a_request() {
        let mut known = small();
        for name in 1..=4 {
            known.remember(digest(name), "c", ([name; 32], Vec::new), name == 1);
        }
        known.remember(digest(1), "c", ([1; 32], Vec::new), false);
        known.remember(digest(5), "c", ([5; 32], Vec::new), false);
        assert_eq!(known.get(&digest(1)).map(|(_, met)| met), Some(true));
        assert!(known.get(&digest(2)).is_none());
        known.forget(&digest(1));
        assert_eq!((known.get(&digest(1)), known.bytes), (None, 3));
    }
}
