//! A ledger in memory: nonces used, and totals over windows.
//!
//! Committing is all or nothing: the nonce and every debit are judged first, then taken
//! together. Only permits reach it, and a permit exists only after every signature has
//! verified, so that nobody's nonce is burnt by a forgery.

use crate::{
    Code, Denial, VerifiedChain,
    authorize::{LinkDebit, NonceUse, Permit},
    presentation::Account,
    window::Total,
};
use legation_credential::{Measure, Request, amount::MICROS};
use legation_keys::time;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};

/// Bounds on a ledger's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerLimits {
    /// Most nonces of one agent's key that are remembered at a time; 10,000 by default: 16 a
    /// second over the life of a presentation and its skew. One agent can't fill the memory of
    /// all others.
    pub nonces_per_key: usize,
    /// Most nonces of all chains that begin with one root link; 100,000 by default, a tenth of all.
    /// Whoever holds a delegation can pass it on to as many new keys as it likes, and must not fill
    /// the memory of all others.
    pub nonces_per_root: usize,
    /// Most nonces of all keys; 1,000,000 by default, half a gigabyte if each is of 128 bytes.
    pub nonces: usize,
    /// Most totals; 100,000 by default. Each takes 16 bytes for each moment that is kept.
    pub totals: usize,
    /// Most totals of one root link; 10,000 by default. Whoever holds a delegation can name new
    /// totals by passing it on, and must not fill the memory of all others.
    pub totals_per_root: usize,
    /// Most moments kept of one total; 1,024 by default, at least 4. When more fall into a window,
    /// those within about the 500th part of it are counted as one of its end, which never lets more pass.
    pub moments: usize,
}

impl Default for LedgerLimits {
    fn default() -> Self {
        Self {
            nonces_per_key: 10_000,
            nonces_per_root: 100_000,
            nonces: 1_000_000,
            totals: 100_000,
            totals_per_root: 10_000,
            moments: 1024,
        }
    }
}

/// Nonces and totals in memory, for a verifier that is one process. What it holds is gone with
/// the process: a verifier that starts anew should refuse presentations issued before it began.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    limits: LedgerLimits,
    /// Nonces by key, each with its root link and the moment until which it is remembered.
    nonces: HashMap<String, HashMap<String, (Account, i64)>>,
    /// The same by that moment, to forget them in order.
    forget: BTreeMap<i64, Vec<(String, String)>>,
    count: usize,
    /// How many nonces each root link has.
    nonces_of_root: HashMap<Account, usize>,
    /// The latest moment until which a nonce was remembered that no longer is.
    forgotten: Option<i64>,
    totals: HashMap<TotalName, RootTotal>,
    /// How many totals each root link has.
    totals_of_root: HashMap<Account, usize>,
    /// The latest end of a window whose total is no longer kept.
    ended: Option<i64>,
}

/// A total, and the root link under whose quota it stands.
#[derive(Debug)]
struct RootTotal {
    root: Account,
    total: Total,
    /// Read from a file that was kept in minor units, before totals were in millionths. Whether it is money is
    /// known once somebody takes from it.
    minor: bool,
}

impl RootTotal {
    /// By how much the moments are to be multiplied to be in the unit of a debit.
    fn factor(&self, debit: &LinkDebit) -> i64 {
        if self.minor && debit.measure == Measure::Money { MICROS } else { 1 }
    }

    /// What its window holds, in the unit of a debit.
    fn sum(&self, debit: &LinkDebit, now: i64) -> i64 {
        self.total.sum(debit.window, now).saturating_mul(self.factor(debit))
    }

    /// Adds a debit.
    fn add(&mut self, debit: &LinkDebit, now: i64, most: usize) {
        let factor = self.factor(debit);
        for (_, amount) in &mut self.total.moments {
            *amount = amount.saturating_mul(factor);
        }
        self.minor = false;
        self.total.add(debit.amount, now, most);
    }
}

/// The root of nonces that were kept before they had one; no root link's SHA-256.
const NO_ROOT: Account = [0; 32];

/// SHA-256 of account and limit. The limit in words may be as long as its link.
type TotalName = [u8; 32];

fn name(debit: &LinkDebit) -> TotalName {
    Sha256::new_with_prefix(debit.account).chain_update(&debit.limit).finalize().into()
}

/// A permit that was committed: the one thing that opens a door.
#[derive(Debug)]
pub struct Committed {
    pub(crate) request: Request,
    pub(crate) nonce: NonceUse,
    pub(crate) debits: Vec<LinkDebit>,
    pub(crate) at: i64,
}

impl Committed {
    /// The request that may go through.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// When it was committed, Unix seconds.
    #[must_use]
    pub fn at(&self) -> i64 {
        self.at
    }
}

impl MemoryLedger {
    /// An empty ledger with the default bounds.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty ledger with bounds of its own.
    #[must_use]
    pub fn with_limits(limits: LedgerLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Consumes the nonce of a chain that was verified for nothing but who is there, as a handshake
    /// does, at `now` (Unix seconds). It is remembered for as long as the presentation could pass, and
    /// at least until `until` (Unix seconds): the end of the challenge that gave the nonce, since another
    /// presentation could answer that one again.
    ///
    /// # Errors
    /// A [`Denial`]: `presentation_stale` where the chain was kept too long, `nonce_replayed`,
    /// `nonce_memory_full`.
    pub fn commit_nonce(&mut self, chain: &VerifiedChain, until: i64, now: i64) -> Result<(), Denial> {
        let mut nonce = NonceUse::of(chain);
        if now >= nonce.until {
            let expected = format!("before {}", time::format(nonce.until));
            return Err(Denial::new(
                Code::PresentationStale,
                expected,
                format!("now is {}", time::format(now)),
            ));
        }
        nonce.until = nonce.until.max(until);
        self.forget_nonces(now);
        self.check_nonce(&nonce)?;
        self.take_nonce(&nonce);
        Ok(())
    }

    /// Consumes what a permit needs, at `now` (Unix seconds), all of it or nothing.
    ///
    /// # Errors
    /// A [`Denial`]: `expired` where the permit was kept too long, `nonce_replayed`,
    /// `nonce_memory_full`, `budget_exceeded`, `rate_exceeded`.
    pub fn commit(&mut self, permit: Permit, now: i64) -> Result<Committed, Denial> {
        let Permit { request, nonce, debits, valid_until } = permit;
        if now >= valid_until {
            let expected = format!("before {}", time::format(valid_until));
            return Err(Denial::new(Code::Expired, expected, format!("now is {}", time::format(now))));
        }
        self.forget_nonces(now);
        self.check_nonce(&nonce)?;
        for debit in &debits {
            self.check_debit(debit, &request, now).map_err(|denial| Denial { link: debit.link, ..denial })?;
        }
        self.check_room(&debits, nonce.root, now)?;
        self.take_nonce(&nonce);
        for debit in &debits {
            self.take(debit, nonce.root, now);
        }
        Ok(Committed { request, nonce, debits, at: now })
    }

    fn forget_nonces(&mut self, now: i64) {
        let later = self.forget.split_off(&now.saturating_add(1));
        self.forgotten = self.forgotten.max(self.forget.last_key_value().map(|(until, _)| *until));
        for (key, nonce) in core::mem::replace(&mut self.forget, later).into_values().flatten() {
            if let Some(own) = self.nonces.get_mut(&key) {
                if let Some((root, _)) = own.remove(&nonce) {
                    self.count -= 1;
                    if let Some(count) = self.nonces_of_root.get_mut(&root) {
                        *count -= 1;
                        if *count == 0 {
                            self.nonces_of_root.remove(&root);
                        }
                    }
                }
                if own.is_empty() {
                    self.nonces.remove(&key);
                }
            }
        }
    }

    fn check_nonce(&self, nonce: &NonceUse) -> Result<(), Denial> {
        let own = self.nonces.get(&nonce.key);
        if own.is_some_and(|own| own.contains_key(&nonce.nonce)) {
            let found = format!("`{}`, used before", nonce.nonce);
            return Err(Denial::new(Code::NonceReplayed, "a nonce that was not used", found));
        }
        // The clock, or a thread that waited, may be behind the moment at which it was forgotten.
        if let Some(until) = self.forgotten.filter(|until| nonce.until <= *until) {
            let expected = format!("a presentation that lives beyond {}", time::format(until));
            return Err(Denial::new(Code::NonceReplayed, expected, "one whose nonce would be forgotten"));
        }
        let full = |limit: usize, whose: &str| {
            let expected = format!("room for a nonce; {limit} are remembered {whose}");
            Err(Denial::new(Code::NonceMemoryFull, expected, "none left"))
        };
        if own.is_some_and(|own| own.len() >= self.limits.nonces_per_key) {
            return full(self.limits.nonces_per_key, "for this agent");
        }
        if self.nonces_of_root.get(&nonce.root).is_some_and(|count| *count >= self.limits.nonces_per_root) {
            return full(self.limits.nonces_per_root, "for chains of this root link");
        }
        if self.count >= self.limits.nonces {
            return full(self.limits.nonces, "in all");
        }
        Ok(())
    }

    fn take_nonce(&mut self, nonce: &NonceUse) {
        let own = self.nonces.entry(nonce.key.clone()).or_default();
        own.insert(nonce.nonce.clone(), (nonce.root, nonce.until));
        self.forget.entry(nonce.until).or_default().push((nonce.key.clone(), nonce.nonce.clone()));
        self.count += 1;
        *self.nonces_of_root.entry(nonce.root).or_default() += 1;
    }

    fn check_debit(&self, debit: &LinkDebit, request: &Request, now: i64) -> Result<(), Denial> {
        let left = self.left(debit, now);
        if debit.amount <= left {
            return Ok(());
        }
        let words = |amount| debit.words(amount, request);
        let (most, left) = (words(debit.most), words(left.max(0)));
        let expected = format!("{}: at most {most}, of which {left} are left", debit.limit);
        Err(Denial::new(debit.code(), expected, words(debit.amount)))
    }

    /// Room for the totals that do not exist yet, in all and under the root's quota; ended ones
    /// make room first.
    fn check_room(&mut self, debits: &[LinkDebit], root: Account, now: i64) -> Result<(), Denial> {
        if !self.lacks_room(debits, root) {
            return Ok(());
        }
        self.forget_totals(now);
        if !self.lacks_room(debits, root) {
            return Ok(());
        }
        let new = debits.iter().find(|debit| self.is_new(debit));
        let code = new.map_or(Code::BudgetExceeded, LinkDebit::code);
        let LedgerLimits { totals, totals_per_root, .. } = self.limits;
        let expected =
            format!("room for a total; {totals} are remembered, {totals_per_root} of one root link");
        Err(Denial::new(code, expected, "none left"))
    }

    fn is_new(&self, debit: &LinkDebit) -> bool {
        debit.amount > 0 && !self.totals.contains_key(&name(debit))
    }

    fn lacks_room(&self, debits: &[LinkDebit], root: Account) -> bool {
        let new = debits.iter().filter(|debit| self.is_new(debit)).count();
        let own = self.totals_of_root.get(&root).copied().unwrap_or_default();
        new > 0 && (self.totals.len() + new > self.limits.totals || own + new > self.limits.totals_per_root)
    }

    fn forget_totals(&mut self, now: i64) {
        let mut latest = self.ended;
        self.totals.retain(|_, held| {
            let end = held.total.end();
            if end <= now {
                latest = latest.max(Some(end));
            }
            end > now
        });
        self.ended = latest;
        self.totals_of_root.clear();
        for held in self.totals.values() {
            *self.totals_of_root.entry(held.root).or_default() += 1;
        }
    }

    fn take(&mut self, debit: &LinkDebit, root: Account, now: i64) {
        if debit.amount == 0 {
            return;
        }
        let moments = self.limits.moments.max(4);
        // It may have been held before and forgotten: then up to the latest end of what was.
        let forgotten = self.ended.map(|end| debit.window.before(end));
        let held = self.totals.entry(name(debit)).or_insert_with(|| {
            *self.totals_of_root.entry(root).or_default() += 1;
            let total = Total::new(debit.window, forgotten);
            RootTotal { root, total, minor: false }
        });
        held.add(debit, now, moments);
    }
}

mod file;
mod outlook;

#[cfg(test)]
mod bursts;
#[cfg(test)]
mod calendar;
#[cfg(test)]
mod tests;
