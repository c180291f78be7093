//! A ledger in memory: nonces used, and totals over windows.
//!
//! Committing is all or nothing: the nonce and every debit are judged first, then taken
//! together. Only permits reach it, and a permit exists only after every signature has
//! verified, so that nobody's nonce is burnt by a forgery.
//!
//! | | |
//! |---|---|
//! | [`MemoryLedger::commit`] | takes what a request says that it costs |
//! | [`MemoryLedger::reserve`] | the same for a call whose cost is known afterwards: each agent by its share |
//! | [`MemoryLedger::settle`] | lowers either to what it really cost, once |

pub mod aside;
mod ends;
mod file;
mod nonces;
mod outlook;
pub mod parts;
mod room;
mod settle;
mod totals;

pub use settle::{Actual, Overrun, Settled};

use crate::{
    Code, Denial, VerifiedChain,
    approval::ApprovalUse,
    authorize::{LinkDebit, NonceUse, Permit},
    evidence::Used,
};
use ends::Ends;
use legation_credential::Request;
use legation_keys::time;
use nonces::Remembered;
use room::Rooms;
use std::collections::{BTreeMap, HashMap};
use totals::{Held, Taken};

/// Bounds on a ledger's memory, and the share that an agent may have of what others have too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerLimits {
    /// Most nonces of one agent's key that are remembered at a time; 10,000 by default: 16 a
    /// second over the life of a presentation and its skew. One agent can't fill the memory of
    /// all others.
    pub nonces_per_key: usize,
    /// Most nonces of all chains that begin with one root link; 100,000 by default, a tenth of all.
    /// Whoever holds a delegation can pass it on to as many new keys as it likes, and must not fill
    /// the memory of all others. Below the root link each link has at most its share of what the one before it has.
    pub nonces_per_root: usize,
    /// Most nonces of all keys; 1,000,000 by default, half a gigabyte if each is of 128 bytes.
    pub nonces: usize,
    /// Most totals; 100,000 by default. Each takes 16 bytes for each moment that is kept.
    pub totals: usize,
    /// Most totals of one root link; 10,000 by default. Whoever holds a delegation can name new
    /// totals by passing it on, and must not fill the memory of all others. Below the root link as for nonces.
    pub totals_per_root: usize,
    /// Most moments kept of one total; 1,024 by default, at least 4. When more fall into a window,
    /// those within about the 500th part of it are counted as one of its end, which never lets more pass.
    pub moments: usize,
    /// Of what belongs to somebody above (reserved budgets, nonces, totals), the percentage that whoever has some of
    /// it may have of what nobody has taken and its own; 50 by default, at most 100. The first takes whatever is
    /// left.
    pub share_percent: u8,
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
            share_percent: 50,
        }
    }
}

/// Nonces and totals in memory, for a verifier that is one process. What it holds is gone with the process:
/// totals start at zero, and one that [begins](MemoryLedger::begin) refuses what was signed before.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    limits: LedgerLimits,
    /// Nonces by key.
    nonces: HashMap<String, HashMap<String, Remembered>>,
    /// The same by that moment, to forget them in order.
    forget: BTreeMap<i64, Vec<(String, String)>>,
    count: usize,
    /// How many nonces and totals the chains through each link have.
    rooms: Rooms,
    /// When the latest to expire of the nonces that are forgotten expired, by its own word. What expires no later
    /// may be one of them: the difference of clocks that is allowed may be larger now than it was then.
    forgotten: Option<i64>,
    /// How much of it is in a store, and not at hand.
    elsewhere: Elsewhere,
    /// Since when it knows what was used, where it has not always known.
    begun: Option<i64>,
    totals: HashMap<TotalName, Held>,
    /// The same by their ends, to forget them in order: whoever has filled its quota must not make each request
    /// look at all of them.
    ends: Ends,
    /// The latest end of a window whose total is no longer kept.
    ended: Option<i64>,
    /// Up to when nobody knows what was taken.
    unknown: Option<i64>,
}

/// How much of a ledger is in a store, and not at hand.
#[derive(Debug, Default)]
struct Elsewhere {
    totals: usize,
    /// By key.
    nonces_of: HashMap<String, usize>,
}

/// SHA-256 of what a total is of.
type TotalName = [u8; 32];

/// A permit that was committed: the one thing that opens a door.
#[derive(Debug)]
pub struct Committed {
    pub(crate) request: Request,
    pub(crate) nonce: Option<NonceUse>,
    pub(crate) approvals: Vec<ApprovalUse>,
    pub(crate) approved_by: Vec<Used>,
    pub(crate) debits: Vec<LinkDebit>,
    pub(crate) taken: Vec<Taken>,
    pub(crate) at: i64,
    /// Of what was set aside ([`aside`]), and whether it was reserved; `None` where it was not.
    pub(crate) aside: Option<bool>,
    /// What it would have been denied by, where its agent is only watched.
    pub(crate) shadow: Option<Denial>,
}

impl Committed {
    /// The request that may go through.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// What was taken, and from which totals: what another ledger settles by, as [`MemoryLedger::settle`] does.
    #[must_use]
    pub fn debits(&self) -> &[LinkDebit] {
        &self.debits
    }

    /// The totals that it was taken from, by their names ([`parts::total_name`]), with the amounts: what was set aside of
    /// them is used up by so much. Empty where it was not taken from what was set aside.
    pub fn from_aside(&self) -> impl Iterator<Item = ([u8; 32], i64)> {
        let taken = self.taken.iter().filter(|_| self.aside.is_some());
        taken.zip(&self.debits).map(|(taken, debit)| (taken.name, debit.amount))
    }

    /// What it would have been denied by, had its agent not been in [shadow](crate::shadow); `None` where it was permitted.
    #[must_use]
    pub fn shadow(&self) -> Option<&Denial> {
        self.shadow.as_ref()
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

    /// The same ledger, of a process that begins at `now` (Unix seconds) and has forgotten what was used before:
    /// what was signed earlier is refused by `presentation_stale`. Whoever is refused signs again. Times are the
    /// signers' own words: of one whose clock is ahead, what it signed in the last seconds before may come again,
    /// as far as clocks may differ.
    ///
    /// ```
    /// # use legation_verifier::MemoryLedger;
    /// let ledger = MemoryLedger::new().begin(1_795_255_200);
    /// # drop(ledger);
    /// ```
    #[must_use]
    pub fn begin(self, now: i64) -> Self {
        Self { begun: Some(now), ..self }
    }

    /// The same ledger, where nobody knows what was taken up to a moment (Unix seconds): it was restored from a backup, or
    /// is behind for another reason. Each total whose window reaches back to before that moment counts as used up until it
    /// does not, whatever is kept of it.
    #[must_use]
    pub fn unknown_until(mut self, moment: i64) -> Self {
        self.unknown = self.unknown.max(Some(moment));
        for held in self.totals.values_mut() {
            held.total.forgotten = held.total.forgotten.max(Some(moment));
        }
        self
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
    /// A [`Denial`]: `presentation_stale` where the chain was kept too long, or signed before the ledger
    /// [began](MemoryLedger::begin), `nonce_replayed`, `nonce_memory_full`; `vouching_not_allowed` of a chain whose agent has signed nothing.
    pub fn commit_nonce(&mut self, chain: &VerifiedChain, until: i64, now: i64) -> Result<(), Denial> {
        let Some(mut nonce) = NonceUse::of(chain) else {
            let found = format!("{} vouched for by the verifier", chain.agent());
            return Err(Denial::new(Code::VouchingNotAllowed, "an agent that signs", found));
        };
        if now >= nonce.until {
            let expected = format!("before {}", time::format(nonce.until));
            return Err(Denial::new(
                Code::PresentationStale,
                expected,
                format!("now is {}", time::format(now)),
            ));
        }
        let later = until.saturating_sub(nonce.until).max(0);
        nonce.until = nonce.until.saturating_add(later);
        nonce.expires_at = nonce.expires_at.saturating_add(later);
        self.forget_nonces(now);
        self.check_nonce(&nonce, &chain.links)?;
        self.take_nonce(&nonce, &chain.links);
        Ok(())
    }

    /// Consumes what a permit needs, at `now` (Unix seconds), all of it or nothing.
    ///
    /// # Errors
    /// A [`Denial`]: `expired` where the permit was kept too long, `presentation_stale` where it was signed before the
    /// ledger [began](MemoryLedger::begin), `nonce_replayed`, `approval_required` where an approval was used before or
    /// given before the ledger began, `nonce_memory_full`, `budget_exceeded`, `rate_exceeded`.
    pub fn commit(&mut self, permit: Permit, now: i64) -> Result<Committed, Denial> {
        self.consume(permit, now, false)
    }

    /// As [`MemoryLedger::commit`], for a call whose cost is known only afterwards: the request says the most that it
    /// may cost, and [`MemoryLedger::settle`] lowers it. Until then it is counted as reserved by the agent, or until
    /// it has left the total's window.
    ///
    /// Of totals that belong to a link before the agent's own, or to the ceiling, whoever has reserved something may
    /// reserve more only while it has no more than its share ([`LedgerLimits::share_percent`]) of what nobody has
    /// taken and its own. All agents below one child of that link are one holder: passing a delegation on gives no
    /// further share. The first reservation passes wherever it fits, and what the agent's own link limits is its own.
    ///
    /// # Errors
    /// As [`MemoryLedger::commit`]; `budget_exceeded` or `rate_exceeded` also where it is more than the agent's share.
    pub fn reserve(&mut self, permit: Permit, now: i64) -> Result<Committed, Denial> {
        self.consume(permit, now, true)
    }

    fn consume(&mut self, permit: Permit, now: i64, reserving: bool) -> Result<Committed, Denial> {
        let Permit { request, nonce, links, approvals, approved_by, mut debits, valid_until, mut shadow } =
            permit;
        if now >= valid_until {
            let expected = format!("before {}", time::format(valid_until));
            return Err(Denial::new(Code::Expired, expected, format!("now is {}", time::format(now))));
        }
        self.forget_nonces(now);
        nonce.iter().try_for_each(|nonce| self.check_nonce(nonce, &links))?;
        approvals.iter().try_for_each(|one| self.check_approval(one, &links))?;
        let mut taken: Vec<Taken> = debits.iter().map(|debit| Taken::of(debit, &links, reserving)).collect();
        let mut spared = Vec::new();
        for (index, (debit, taken)) in debits.iter().zip(&taken).enumerate() {
            let checked = self.check_debit(debit, taken, &request, now);
            let Err(denial) = checked.map_err(|denial| Denial { link: debit.link, ..denial }) else {
                continue;
            };
            // All of it goes through, or nothing: what does not fit is told, and not taken.
            shadow.as_mut().ok_or_else(|| denial.clone())?.spare(denial)?;
            spared.push(index);
        }
        for index in spared.into_iter().rev() {
            debits.remove(index);
            taken.remove(index);
        }
        self.check_room(&debits, &taken, &links, now)?;
        nonce.iter().for_each(|nonce| self.take_nonce(nonce, &links));
        approvals.iter().for_each(|one| self.take_nonce(&one.nonce(&links), &links));
        for (debit, taken) in debits.iter().zip(&mut taken) {
            self.take(debit, taken, &links, now);
        }
        let shadow = shadow.and_then(|shadow| shadow.denied);
        Ok(Committed { request, nonce, approvals, approved_by, debits, taken, at: now, aside: None, shadow })
    }
}

#[cfg(test)]
mod bursts;
#[cfg(test)]
mod calendar;
#[cfg(test)]
mod reservations;
#[cfg(test)]
mod tests;
