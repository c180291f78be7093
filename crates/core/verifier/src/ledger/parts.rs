//! A ledger that is kept in a store: of which only what a few permits look at is in memory.
//!
//! [`Names`] says what they look at. Whoever keeps the ledger reads that much of it, makes a ledger of it
//! ([`MemoryLedger::of_part`]), commits, and writes back what has become of it ([`MemoryLedger::part`]), all in one
//! transaction under one lock. So there is one text of what a ledger judges, wherever it is kept.

use super::{
    LedgerLimits, MemoryLedger, TotalName,
    nonces::NO_LINK,
    room::Kept,
    totals::{Held, Taken},
};
use crate::{
    Committed, Permit, VerifiedChain, authorize::NonceUse, presentation::Account, verified::VerifiedLink,
    window::Total,
};
use legation_credential::Window;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// What of a ledger some permits look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Totals, by the SHA-256 that names each.
    pub totals: BTreeSet<[u8; 32]>,
    /// Nonces: the key and the nonce.
    pub nonces: BTreeSet<(String, String)>,
    /// Links, whose room is counted.
    pub links: BTreeSet<Account>,
}

impl Names {
    /// Adds what [`MemoryLedger::commit`] looks at, or [`MemoryLedger::reserve`] where `reserving`.
    pub fn add_permit(&mut self, permit: &Permit, reserving: bool) {
        let links = &permit.links;
        let approvals = permit.approvals.iter().map(|one| one.nonce(links));
        for nonce in permit.nonce.iter().cloned().chain(approvals) {
            self.nonces.insert((nonce.key, nonce.nonce));
        }
        for debit in &permit.debits {
            self.add_taken(&Taken::of(debit, links, reserving));
        }
        self.add_links(links);
    }

    /// Adds what [`MemoryLedger::settle`] looks at.
    pub fn add_committed(&mut self, committed: &Committed) {
        committed.taken.iter().for_each(|taken| self.add_taken(taken));
    }

    /// Adds what [`MemoryLedger::commit_nonce`] looks at.
    pub fn add_chain(&mut self, chain: &VerifiedChain) {
        self.nonces.extend(NonceUse::of(chain).map(|nonce| (nonce.key, nonce.nonce)));
        self.add_links(&chain.links);
    }

    fn add_taken(&mut self, taken: &Taken) {
        self.totals.insert(taken.name);
        self.totals.extend(taken.own.map(|(own, _)| own));
    }

    fn add_links(&mut self, links: &[VerifiedLink]) {
        self.links.extend(links.iter().map(|link| link.signed));
    }
}

/// What stands for the whole of a ledger, beside its parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Whole {
    /// How many nonces it remembers.
    pub nonces: usize,
    /// How many totals it holds.
    pub totals: usize,
    /// When the latest to expire of the nonces that are forgotten expired, Unix seconds.
    pub forgotten: Option<i64>,
    /// The latest end of a window whose total is no longer kept, Unix seconds.
    pub ended: Option<i64>,
    /// What was signed before is refused, Unix seconds.
    pub begun: Option<i64>,
}

/// A total as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptTotal {
    /// SHA-256 of what it is of.
    pub name: [u8; 32],
    /// The link under whose quota it stands.
    pub link: Account,
    /// What it is summed over.
    pub window: Window,
    /// Moments (Unix seconds) and amounts, oldest first.
    pub moments: Vec<(i64, i64)>,
    /// The latest moment that is no longer kept.
    pub forgotten: Option<i64>,
    /// From when on all of it has left its window, Unix seconds.
    pub ends: i64,
}

impl KeptTotal {
    /// What it holds in its window at `now` (Unix seconds), in the unit of what is summed: money in millionths of a minor
    /// unit. [`i64::MAX`] where it can't be said any more.
    #[must_use]
    pub fn sum(&self, now: i64) -> i64 {
        self.total().sum(self.window, now)
    }

    /// From when on (Unix seconds) `amount` more fits below `most`, if nothing else is taken meanwhile; `None` where it is
    /// more than the most.
    #[must_use]
    pub fn fits_at(&self, amount: i64, most: i64, now: i64) -> Option<i64> {
        let total = self.total();
        let fits = |at: i64| total.sum(self.window, at).checked_add(amount).is_some_and(|sum| sum <= most);
        if fits(now) {
            return Some(now);
        }
        // What leaves the window leaves it in the order of its moments.
        let ends: Vec<i64> = self.moments.iter().map(|(moment, _)| self.window.end(*moment)).collect();
        let first = ends.partition_point(|end| *end <= now || !fits(*end));
        ends.get(first).copied()
    }

    fn total(&self) -> Total {
        let Self { window, moments, forgotten, .. } = self;
        Total { window: *window, moments: moments.iter().copied().collect(), forgotten: *forgotten }
    }
}

/// The name of a total: SHA-256 of the account that it is counted on
/// ([`account_digest`](legation_credential::delegation::account_digest), of a link that names one) and of the limit in
/// words ([`LimitKey::total`](legation_credential::limit::LimitKey::total)).
#[must_use]
pub fn total_name(account: &Account, limit: &str) -> [u8; 32] {
    Sha256::new_with_prefix(account).chain_update(limit).finalize().into()
}

/// A nonce as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptNonce {
    /// The key that signed it.
    pub key: String,
    /// The nonce.
    pub nonce: String,
    /// The last link of its chain.
    pub link: Account,
    /// Until when it is remembered, Unix seconds.
    pub until: i64,
    /// When it expires by its own word, Unix seconds.
    pub expires_at: i64,
}

/// How much the chains through a link have of a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptLink {
    /// The link.
    pub link: Account,
    /// The link before it.
    pub parent: Option<Account>,
    /// How many nonces.
    pub nonces: usize,
    /// How many totals.
    pub totals: usize,
}

/// A part of a ledger. What it is asked about must be in it, as far as it exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// What stands for all of it.
    pub whole: Whole,
    /// Totals.
    pub totals: Vec<KeptTotal>,
    /// Nonces.
    pub nonces: Vec<KeptNonce>,
    /// Of each key that some of the nonces are of, how many nonces of it are remembered, those of the part included.
    pub keys: Vec<(String, usize)>,
    /// Links, each with all before it.
    pub links: Vec<KeptLink>,
}

impl MemoryLedger {
    /// A ledger of which this part is at hand.
    #[must_use]
    pub fn of_part(limits: LedgerLimits, part: Part) -> Self {
        let Part { whole, totals, nonces, keys, links } = part;
        let mut ledger = Self { limits, begun: whole.begun, ..Self::default() };
        (ledger.forgotten, ledger.ended) = (whole.forgotten, whole.ended);
        for KeptNonce { key, nonce, link, until, expires_at } in nonces {
            let root = NO_LINK;
            ledger.remember(&NonceUse { key, nonce, root, until, signed_at: i64::MIN, expires_at }, link);
        }
        for (key, all) in keys {
            let here = ledger.nonces.get(&key).map_or(0, std::collections::HashMap::len);
            ledger.elsewhere.nonces_of.insert(key, all.saturating_sub(here));
        }
        ledger.count = ledger.count.max(whole.nonces);
        ledger.elsewhere.totals = whole.totals.saturating_sub(totals.len());
        for KeptTotal { name, link, window, moments, forgotten, .. } in totals {
            let total = Total { window, moments: moments.into(), forgotten };
            ledger.ends.change(name, None, total.end());
            ledger.totals.insert(name, Held { link, total, minor: false });
        }
        for KeptLink { link, parent, nonces, totals } in links {
            ledger.rooms.set(link, Kept { parent, nonces, totals });
        }
        ledger
    }

    /// What is at hand of the ledger, in the order of its names.
    #[must_use]
    pub fn part(&self) -> Part {
        let mut totals: Vec<KeptTotal> = self.totals.iter().map(kept_total).collect();
        totals.sort_by_key(|total| total.name);
        let of_key = |(key, own): (&String, &std::collections::HashMap<String, _>)| {
            (key.clone(), own.len().saturating_add(self.nonces_elsewhere(key)))
        };
        let mut keys: Vec<(String, usize)> = self.nonces.iter().map(of_key).collect();
        let rest = self.elsewhere.nonces_of.iter().filter(|(key, _)| !self.nonces.contains_key(*key));
        keys.extend(rest.map(|(key, nonces)| (key.clone(), *nonces)));
        keys.sort();
        let mut nonces: Vec<KeptNonce> = self
            .nonces
            .iter()
            .flat_map(|(key, own)| own.iter().map(move |one| kept_nonce(key, one)))
            .collect();
        nonces.sort_by(|one, other| (&one.key, &one.nonce).cmp(&(&other.key, &other.nonce)));
        let mut links: Vec<KeptLink> = self
            .rooms
            .all()
            .map(|(link, Kept { parent, nonces, totals })| KeptLink { link, parent, nonces, totals })
            .collect();
        links.sort_by_key(|one| one.link);
        let whole = Whole {
            nonces: self.count,
            totals: self.totals_in_all(),
            forgotten: self.forgotten,
            ended: self.ended,
            begun: self.begun,
        };
        Part { whole, totals, nonces, keys, links }
    }

    /// Forgets at `now` (Unix seconds) what can't matter any more: nonces, and totals of which all has left its window.
    /// What is at hand of them, where this is a part. A ledger does so by itself when it needs the room.
    pub fn forget(&mut self, now: i64) {
        self.forget_nonces(now);
        self.forget_totals(now);
    }

    pub(super) fn nonces_elsewhere(&self, key: &str) -> usize {
        self.elsewhere.nonces_of.get(key).copied().unwrap_or(0)
    }

    pub(super) fn totals_in_all(&self) -> usize {
        self.totals.len().saturating_add(self.elsewhere.totals)
    }
}

fn kept_total((name, Held { link, total, .. }): (&TotalName, &Held)) -> KeptTotal {
    KeptTotal {
        name: *name,
        link: *link,
        window: total.window,
        moments: total.moments.iter().copied().collect(),
        forgotten: total.forgotten,
        ends: total.end(),
    }
}

fn kept_nonce(key: &str, (nonce, one): (&String, &super::nonces::Remembered)) -> KeptNonce {
    KeptNonce {
        key: key.to_owned(),
        nonce: nonce.clone(),
        link: one.link,
        until: one.until,
        expires_at: one.expires_at,
    }
}
