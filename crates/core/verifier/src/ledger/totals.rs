//! Totals: what fits, what is taken, and when a total is forgotten.

use super::{
    MemoryLedger, TotalName,
    room::{Kind, most},
};
use crate::{
    Code, Denial, authorize::LinkDebit, presentation::Account, verified::VerifiedLink, window::Total,
};
use legation_credential::{Measure, Request, Window, amount::MICROS};
use legation_keys::time;
use sha2::{Digest, Sha256};

/// A total, and the link under whose quota it stands.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) link: Account,
    pub(super) total: Total,
    /// Read from a file that was kept in minor units, before totals were in millionths. Whether it is money is
    /// known once somebody takes from it.
    pub(super) minor: bool,
}

impl Held {
    /// By how much the moments are to be multiplied to be in the unit of a measure.
    fn factor(&self, measure: &Measure) -> i64 {
        if self.minor && *measure == Measure::Money { MICROS } else { 1 }
    }

    /// Adds an amount. Gives the moment that it is counted as.
    fn add(&mut self, (amount, measure): (i64, &Measure), now: i64, most: usize) -> i64 {
        let factor = self.factor(measure);
        for (_, amount) in &mut self.total.moments {
            *amount = amount.saturating_mul(factor);
        }
        self.minor = false;
        self.total.add(amount, now, most)
    }
}

/// What one debit of a permit takes: from which totals, and as of which moment.
#[derive(Debug)]
pub(crate) struct Taken {
    /// The total that is debited.
    pub(super) name: TotalName,
    /// The moment that it is counted as, Unix seconds.
    pub(super) moment: i64,
    /// What its holder has reserved of it and not settled, where that has a share only.
    pub(super) own: Option<(TotalName, i64)>,
    /// How many links of the chain lie before those who share it: none of a ceiling.
    below: usize,
}

impl Taken {
    pub(super) fn of(debit: &LinkDebit, links: &[VerifiedLink], reserving: bool) -> Self {
        let name = name(debit);
        // Below the link whose account it is, or below the ceiling.
        let below = debit.link.map_or(0, |index| index + 1);
        let holder = links.get(below).filter(|_| reserving && debit.amount > 0);
        let own = holder.map(|holder| {
            let own = Sha256::new_with_prefix("reserved\n").chain_update(name);
            (own.chain_update(holder.subject.as_str()).finalize().into(), 0)
        });
        Self { name, moment: 0, own, below }
    }

    /// Sets the moment that it is counted as.
    pub(super) fn at(&mut self, moment: i64) {
        self.moment = moment;
        if let Some((_, own)) = &mut self.own {
            *own = moment;
        }
    }

    /// How many links the total counts for. A root's ceiling is nobody's link, and counts for the root link.
    fn path(&self) -> usize {
        self.below.max(1)
    }

    /// How many links what a holder has reserved counts for: down to its own.
    fn own_path(&self) -> usize {
        self.below + 1
    }
}

/// Whether an amount passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Yes,
    /// It is more than is left.
    Beyond,
    /// It is more than its holder's share, who has some of it already.
    Share {
        own: i64,
        most: i64,
    },
}

/// Whether an amount fits into what is left of a total; and into its holder's share, where it reserves and has reserved
/// `own` before.
pub(super) fn fit(amount: i64, left: i64, own: Option<i64>, percent: u8) -> Fit {
    let Some(own) = own else { return if amount > left { Fit::Beyond } else { Fit::Yes } };
    let most = most(own, left, percent);
    match () {
        () if amount > left => Fit::Beyond,
        () if own.saturating_add(amount) > most => Fit::Share { own, most },
        () => Fit::Yes,
    }
}

/// A total's name: SHA-256 of account and limit. The limit in words may be as long as its link.
pub(super) fn name(debit: &LinkDebit) -> TotalName {
    super::parts::total_name(&debit.account, &debit.limit)
}

impl MemoryLedger {
    /// What a total holds in its window; beyond all bounds where that can't be said.
    pub(super) fn sum(&self, name: &TotalName, (window, measure): (Window, &Measure), now: i64) -> i64 {
        match self.totals.get(name) {
            Some(held) => held.total.sum(window, now).saturating_mul(held.factor(measure)),
            // The clock may be behind the moment at which a total was forgotten that this one may be.
            None if self.ended.is_some_and(|end| now < end) => i64::MAX,
            // There may have been one, of which nobody knows any more.
            None if self.unknown.is_some_and(|moment| moment > window.before(now)) => i64::MAX,
            None => 0,
        }
    }

    pub(super) fn check_debit(
        &self,
        debit: &LinkDebit,
        taken: &Taken,
        request: &Request,
        now: i64,
    ) -> Result<(), Denial> {
        let held = self.sum(&taken.name, (debit.window, &debit.measure), now);
        let left = debit.most.saturating_sub(held);
        let own = taken.own.map(|(own, _)| self.sum(&own, (debit.window, &debit.measure), now));
        let words = |amount: i64| debit.words(amount.max(0), request);
        let expected = match fit(debit.amount, left, own, self.limits.share_percent) {
            Fit::Yes => return Ok(()),
            Fit::Beyond => {
                let (most, left) = (words(debit.most), words(left));
                let left = match held {
                    // What nobody knows counts as used, and is not to be taken for something that was.
                    i64::MAX => {
                        "how much of it is used is not known here, so that it counts as used up".to_owned()
                    }
                    _ => format!("of which {left} are left"),
                };
                let later = self.fits_at(debit, now).filter(|at| *at > now).map(time::format);
                let later = later.map_or(String::new(), |at| {
                    format!("; unless more is used, there is room for this from {at} on")
                });
                format!("{}: at most {most}, {left}{later}", debit.limit)
            }
            Fit::Share { own, most } => {
                let (reserved, more) = (words(own), words(most.saturating_sub(own)));
                format!(
                    "{}: at most {more} more for this agent, which has reserved {reserved}: its share of what is left \
                     is {} %, and more of it is free as its calls are settled",
                    debit.limit, self.limits.share_percent
                )
            }
        };
        Err(Denial::new(debit.code(), expected, words(debit.amount)))
    }

    /// Room for the totals that do not exist yet, in all and below each link that they count for; ended ones make
    /// room first.
    pub(super) fn check_room(
        &mut self,
        debits: &[LinkDebit],
        taken: &[Taken],
        links: &[VerifiedLink],
        now: i64,
    ) -> Result<(), Denial> {
        if self.lacks_room(debits, taken, links).is_none() {
            return Ok(());
        }
        self.forget_totals(now);
        match self.lacks_room(debits, taken, links) {
            None => Ok(()),
            Some((code, expected)) => Err(Denial::new(code, expected, "none left")),
        }
    }

    fn lacks_room(
        &self,
        debits: &[LinkDebit],
        taken: &[Taken],
        links: &[VerifiedLink],
    ) -> Option<(Code, String)> {
        // How many new ones count for the link at an index.
        let is_new = |name: &TotalName| !self.totals.contains_key(name);
        let new_at = |index: usize| {
            let costs = debits.iter().zip(taken).filter(|(debit, _)| debit.amount > 0);
            let new = costs.map(|(_, taken)| {
                let total = usize::from(index < taken.path() && is_new(&taken.name));
                // What a holder has reserved counts for the holder's own link, too.
                let below = taken.own.as_ref().filter(|(own, _)| is_new(own));
                total + usize::from(below.is_some_and(|_| index < taken.own_path()))
            });
            new.sum::<usize>()
        };
        // Each new one counts for the root link.
        let all = new_at(0);
        if all == 0 {
            return None;
        }
        let first = debits.iter().zip(taken).find(|(debit, taken)| debit.amount > 0 && is_new(&taken.name));
        let code = first.map_or(Code::BudgetExceeded, |(debit, _)| debit.code());
        let limits = &self.limits;
        if self.totals_in_all().saturating_add(all) > limits.totals {
            return Some((code, format!("room for a total; {} are remembered", limits.totals)));
        }
        let of_links = (limits.totals_per_root, limits.share_percent);
        let full = self.rooms.check(links, Kind::Totals, new_at, of_links).err()?;
        let whose = match full.index {
            0 => "of one root link".to_owned(),
            index => format!("below link {index}, its share of what its siblings leave"),
        };
        Some((code, format!("room for a total; {} are remembered {whose}", full.most)))
    }

    /// Forgets the totals of which all has left its window, and looks at one more.
    pub(super) fn forget_totals(&mut self, now: i64) {
        while let Some((end, name)) = self.ends.pop(now) {
            self.ended = self.ended.max(Some(end));
            if let Some(held) = self.totals.remove(&name) {
                self.rooms.change(held.link, Kind::Totals, false);
            }
        }
    }

    /// Takes a debit, and writes it down as reserved where its holder has a share only.
    pub(super) fn take(&mut self, debit: &LinkDebit, taken: &mut Taken, links: &[VerifiedLink], now: i64) {
        if debit.amount == 0 {
            return;
        }
        let link = |path: usize| links.get(..path).unwrap_or(links);
        taken.moment = self.add(debit, taken.name, debit.amount, link(taken.path()), now);
        let path = taken.own_path();
        if let Some((own, moment)) = &mut taken.own {
            *moment = self.add(debit, *own, debit.amount, link(path), now);
        }
    }

    /// Adds an amount to a total, which is made where there is none. Gives the moment that it is counted as.
    pub(super) fn add(
        &mut self,
        debit: &LinkDebit,
        name: TotalName,
        amount: i64,
        path: &[VerifiedLink],
        now: i64,
    ) -> i64 {
        let moments = self.limits.moments.max(4);
        // It may have been held before and forgotten: then up to the latest end of what was.
        let forgotten = self.ended.map(|end| debit.window.before(end)).max(self.unknown);
        let rooms = &mut self.rooms;
        let old = self.totals.get(&name).map(|held| held.total.end());
        let held = self.totals.entry(name).or_insert_with(|| {
            rooms.add(path, Kind::Totals);
            let link = path.last().map_or(super::nonces::NO_LINK, |link| link.signed);
            Held { link, total: Total::new(debit.window, forgotten), minor: false }
        });
        let moment = held.add((amount, &debit.measure), now, moments);
        self.ends.change(name, old, held.total.end());
        moment
    }
}
