//! What has verified before, by the SHA-256 of the exact secured bytes.
//!
//! A link names its parent by digest, so that the digest of one link stands for the whole chain down to
//! it; and one [`Known`] belongs to one trust, which never changes. So what a chain means under that trust,
//! and that its signatures fit their keys, needs no second look. What time, keys, status and the proof of
//! possession say does, every time (DESIGN §2, 6).

use crate::{presentation::Link, read::Carried, verified::VerifiedLink};
use legation_credential::{Authority, LinkDigest};
use legation_keys::PublicKey;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many parts the memory has, each with a lock of its own.
const SHARDS: usize = 16;

/// Bounds on what is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    /// Most chains, each prefix of one counted; 20,000 by default.
    pub chains: usize,
    /// Most bytes of their links as they were sent, counted for each beginning of a chain that is
    /// remembered; 64 MiB by default: some 2,500 chains of three links. In memory they take up to three
    /// times as much.
    pub bytes: usize,
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self { chains: 20_000, bytes: 64 << 20 }
    }
}

/// A chain down to one link, as it was verified.
#[derive(Debug)]
pub(crate) struct Prefix {
    /// All links, root first.
    pub(crate) links: Vec<Arc<Link>>,
    /// Bytes of all links as they were sent: an entry keeps what it says of each.
    pub(crate) bytes: usize,
    /// The key by which each link's signature was verified, root first.
    pub(crate) keys: Vec<PublicKey>,
    /// The key of the last subject, where it is a did:key and has presented the chain.
    pub(crate) agent: Option<PublicKey>,
    /// All links, as a verified chain gives them.
    pub(crate) verified: Arc<[VerifiedLink]>,
    /// The root's ceiling.
    pub(crate) ceiling: Authority,
    /// What is effective below the last link.
    pub(crate) effective: Authority,
}

/// Keys that have tables, at most twice as many: 20 KiB each.
const TABLES: usize = 128;
/// Uses after which a key is worth a table: making one costs half a verification and saves a tenth of each.
const WORTH_A_TABLE: u32 = 4;

/// Keys of agents that come often, in two generations as the chains are.
#[derive(Debug, Default)]
struct Often {
    young: HashMap<String, Visits>,
    old: HashMap<String, Visits>,
}

/// How often a key was used, and the key with its table once it is worth one.
#[derive(Clone, Debug, Default)]
struct Visits {
    times: u32,
    prepared: Option<PublicKey>,
}

/// The chains that one trust has verified. Forgetting costs time and nothing else, so that whoever
/// fills it gains nothing but to be slow for others.
#[derive(Debug)]
pub(crate) struct Known {
    shards: Vec<Mutex<Shard>>,
    often: Mutex<Often>,
}

/// Two generations: what is used moves to the young one, and when that is full the old one goes.
#[derive(Debug)]
struct Shard {
    young: HashMap<LinkDigest, Arc<Prefix>>,
    old: HashMap<LinkDigest, Arc<Prefix>>,
    /// Bytes of the young generation, and the bounds of one generation.
    bytes: usize,
    limits: CacheLimits,
}

impl Known {
    pub(crate) fn new(limits: CacheLimits) -> Self {
        let share = |total: usize| (total / (2 * SHARDS)).max(1);
        let limits = CacheLimits { chains: share(limits.chains), bytes: share(limits.bytes) };
        let shard = || Shard { young: HashMap::new(), old: HashMap::new(), bytes: 0, limits };
        Self { shards: (0..SHARDS).map(|_| Mutex::new(shard())).collect(), often: Mutex::default() }
    }

    /// The chain down to a link.
    pub(crate) fn get(&self, digest: &LinkDigest) -> Option<Arc<Prefix>> {
        let mut shard = self.shard(digest)?;
        if let Some(found) = shard.young.get(digest) {
            return Some(Arc::clone(found));
        }
        let found = shard.old.remove(digest)?;
        shard.put(*digest, Arc::clone(&found));
        Some(found)
    }

    /// The whole chain of these bytes, where it is known: by the digest of its last link, and then byte by byte.
    pub(crate) fn whole(&self, texts: &[Carried<'_>]) -> Option<Arc<Prefix>> {
        let last = texts.last()?.as_ref().ok()?;
        let found = self.get(&Sha256::digest(last.text.as_bytes()).into())?;
        let same = |(link, text): (&Arc<Link>, &Carried<'_>)| {
            text.as_ref().is_ok_and(|carried| *carried.text == *link.seal.secured)
        };
        (found.links.len() == texts.len() && found.links.iter().zip(texts).all(same)).then_some(found)
    }

    /// The longest known beginning of a chain.
    pub(crate) fn longest(&self, links: &[Arc<Link>]) -> Option<Arc<Prefix>> {
        links.iter().enumerate().rev().find_map(|(index, link)| {
            let found = self.get(&link.digest)?;
            // Parents are named by digest, so that this holds already; it costs little to see it.
            let presented = links.get(..=index)?.iter().map(|link| link.digest);
            found.links.iter().map(|link| link.digest).eq(presented).then_some(found)
        })
    }

    /// The key of an agent that has come before, with a table where it comes often. `name` is its DID.
    pub(crate) fn prepare(&self, name: &str, key: PublicKey) -> PublicKey {
        let mut often = self.often.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Visits { prepared: Some(prepared), .. }) = often.young.get(name) {
            return prepared.clone();
        }
        let mut used = often.young.remove(name).or_else(|| often.old.remove(name)).unwrap_or_default();
        used.times = used.times.saturating_add(1);
        let worth = used.times >= WORTH_A_TABLE && used.prepared.is_none();
        if worth {
            used.prepared = Some(key.prepared());
        }
        let found = used.prepared.clone().unwrap_or(key);
        if often.young.len() >= TABLES {
            often.old = core::mem::take(&mut often.young);
        }
        often.young.insert(name.to_owned(), used);
        found
    }

    pub(crate) fn insert(&self, prefix: Prefix) {
        let Some(digest) = prefix.links.last().map(|link| link.digest) else { return };
        if let Some(mut shard) = self.shard(&digest) {
            shard.put(digest, Arc::new(prefix));
        }
    }

    fn shard(&self, digest: &LinkDigest) -> Option<MutexGuard<'_, Shard>> {
        let [first, ..] = *digest;
        let shard = self.shards.get(usize::from(first) % SHARDS)?;
        // Every change of a shard is whole before the next can panic.
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shard {
    fn put(&mut self, digest: LinkDigest, prefix: Arc<Prefix>) {
        let bytes = prefix.bytes;
        if self.young.len() >= self.limits.chains || self.bytes.saturating_add(bytes) > self.limits.bytes {
            self.old = core::mem::take(&mut self.young);
            self.bytes = 0;
        }
        if bytes <= self.limits.bytes && self.young.insert(digest, prefix).is_none() {
            self.bytes += bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Trust, parse};
    use legation_credential::{Occasion, Terms, issue, present};
    use legation_did::key;
    use legation_keys::{SecretKey, Signer};
    use std::borrow::Cow;

    /// A link as it is read.
    fn link() -> Arc<Link> {
        let issuer = SecretKey::from_ed25519_seed(&[1; 32]).unwrap();
        let did = key::did(issuer.public_key());
        let terms = Terms {
            id: None,
            subject: key::did(SecretKey::from_ed25519_seed(&[2; 32]).unwrap().public_key()),
            valid_from: 0,
            valid_until: 1,
            max_depth: 0,
            account: None,
            authority: Authority::parse(r#"{"grants": []}"#).unwrap(),
            status: vec![],
        };
        let link = issue(terms, &did, &key::method_id(&did), &issuer).unwrap();
        let occasion = Occasion { audience: "a", nonce: "n", ..Occasion::default() };
        let presented = present(&[&link], &did, occasion, &key::method_id(&did), &issuer).unwrap();
        let presentation = parse(presented.as_bytes(), &Trust::new("a")).unwrap();
        Arc::clone(&presentation.links[0])
    }

    /// A known chain of that link, by whatever digest it is to have.
    fn prefix(link: &Link, digest: LinkDigest, bytes: usize) -> Prefix {
        let link = Link { digest, ..link.clone() };
        Prefix {
            verified: [VerifiedLink::of(&link)].into(),
            links: vec![Arc::new(link)],
            bytes,
            keys: Vec::new(),
            agent: None,
            ceiling: Authority::everything(),
            effective: Authority::everything(),
        }
    }

    fn held(known: &Known) -> (usize, usize) {
        let shards = known.shards.iter().map(|shard| shard.lock().unwrap());
        let of = |prefixes: &HashMap<LinkDigest, Arc<Prefix>>| {
            (prefixes.len(), prefixes.values().map(|prefix| prefix.bytes).sum::<usize>())
        };
        shards
            .map(|shard| (of(&shard.young), of(&shard.old)))
            .fold((0, 0), |(count, bytes), (young, old)| (count + young.0 + old.0, bytes + young.1 + old.1))
    }

    #[test]
    fn chains_and_bytes_stay_within_their_bounds() {
        let (link, limits) = (link(), CacheLimits { chains: 64, bytes: 64_000 });
        for size in [1, 900, 1500, 3000] {
            let known = Known::new(limits);
            for number in 0..=u8::MAX {
                known.insert(prefix(&link, [number; 32], size));
                let (count, bytes) = held(&known);
                assert!(count <= limits.chains && bytes <= limits.bytes, "{count} chains, {bytes} bytes");
            }
            assert_eq!(held(&known).0 > 0, size < 3000, "what fits is remembered, what does not is not");
        }
    }

    #[test]
    fn a_chain_is_known_by_all_of_its_links_and_a_longer_one_by_its_beginning() {
        let (link, known) = (link(), Known::new(CacheLimits::default()));
        let text = || -> Carried<'_> { Ok(Cow::Borrowed(link.seal.secured.as_ref()).into()) };
        assert!(known.whole(&[text()]).is_none() && known.longest(&[Arc::clone(&link)]).is_none());
        known.insert(prefix(&link, link.digest, 1));
        assert!(known.whole(&[text()]).is_some());
        assert!(known.whole(&[text(), text()]).is_none(), "one link more than was verified");
        assert!(known.whole(&[Ok(Cow::Borrowed("a.b.c").into())]).is_none());
        let other = Arc::new(Link { digest: [7; 32], ..(*link).clone() });
        let longest = |links: &[&Arc<Link>]| {
            let links: Vec<Arc<Link>> = links.iter().map(|link| Arc::clone(link)).collect();
            known.longest(&links).map(|found| found.links.len())
        };
        assert_eq!(longest(&[&link]), Some(1));
        assert_eq!(longest(&[&link, &other]), Some(1));
        assert_eq!(longest(&[&other, &link]), None, "what is known begins at its root");
    }

    #[test]
    fn a_key_gets_a_table_when_it_comes_often_and_few_have_one() {
        let known = Known::new(CacheLimits::default());
        let key = SecretKey::from_ed25519_seed(&[3; 32]).unwrap().public_key().clone();
        let prepared = |known: &Known| {
            let often = known.often.lock().unwrap();
            let all = often.young.values().chain(often.old.values());
            all.filter(|visits| visits.prepared.is_some()).count()
        };
        for visit in 1..=6 {
            assert_eq!(known.prepare("did:key:a", key.clone()), key);
            assert_eq!(prepared(&known), usize::from(visit >= WORTH_A_TABLE), "{visit}");
        }
        for number in 0..400 {
            for _ in 0..WORTH_A_TABLE {
                known.prepare(&format!("did:key:{number}"), key.clone());
            }
            assert!(prepared(&known) <= 2 * TABLES);
        }
    }
}
