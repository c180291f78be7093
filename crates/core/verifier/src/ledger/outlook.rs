//! What a ledger has left, and when it has more: for its own check and for whoever explains it.

use super::{
    MemoryLedger,
    totals::{Held, name},
};
use crate::{
    authorize::{LinkDebit, NonceUse},
    verified::VerifiedLink,
};
use std::collections::HashMap;

impl MemoryLedger {
    /// When the latest to expire of the nonces that are forgotten expired.
    pub(crate) fn forgotten(&self) -> Option<i64> {
        self.forgotten
    }

    /// When there is room for a nonce, of its key, the links that it comes through and all that are full.
    pub(crate) fn nonce_room_at(&self, nonce: &NonceUse, links: &[VerifiedLink]) -> Option<i64> {
        let own = self.nonces.get(&nonce.key);
        let of_key = own.filter(|own| own.len() >= self.limits.nonces_per_key);
        let of_key = of_key.map(|own| own.values().map(|one| one.until).min());
        let full = self.full_of_nonces(links).and_then(|full| links.get(full.index));
        let of_link = full.map(|full| {
            let all = self.nonces.values().flat_map(HashMap::values);
            all.filter(|one| self.rooms.is_below(&one.link, &full.signed)).map(|one| one.until).min()
        });
        let of_all = (self.count >= self.limits.nonces).then(|| self.forget.keys().next().copied());
        // What holds none has room for none, whenever it is.
        let full = [of_key, of_link, of_all].into_iter().flatten();
        full.reduce(|one, other| Some(one?.max(other?))).flatten()
    }

    /// What is left of a total, in the unit of the debit; negative where it can't be said.
    pub(crate) fn left(&self, debit: &LinkDebit, now: i64) -> i64 {
        let spent = self.sum(&name(debit), (debit.window, &debit.measure), now);
        debit.most.saturating_sub(spent)
    }

    /// From when on a debit fits, if nothing else is taken; `None` where it is more than the most.
    pub(crate) fn fits_at(&self, debit: &LinkDebit, now: i64) -> Option<i64> {
        let fits = |now: &i64| debit.amount <= self.left(debit, *now);
        let end = |(moment, _): &(i64, i64)| debit.window.end(*moment);
        // The later the more is left, so that the first end at which it fits is found by halving: there may be many, and
        // whoever is denied on and on must not make all of them be summed for each.
        let first_of = |held: &Held| {
            let moments = &held.total.moments;
            moments.get(moments.partition_point(|one| !fits(&end(one)))).map(end)
        };
        let ends = self.totals.get(&name(debit)).and_then(first_of);
        let known = self.unknown.map(|moment| debit.window.end(debit.window.moment(moment)));
        core::iter::once(now).chain(self.ended).chain(known).chain(ends).find(fits)
    }
}
