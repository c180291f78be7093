//! What of a caller's budgets is left, and when there is more: what is told, and nothing that is decided by.

use crate::{gateway::Gateway, refused::Refused};
use legation_credential::{Measure, Request};
use legation_keys::time;
use legation_store::{StoreError, total};
use legation_verifier::{
    Code, LinkDebit, VerifiedChain, authorize,
    ledger::parts::{KeptTotal, total_name},
};
use std::sync::Arc;

/// A total that calls of a caller count on, and what of it is taken.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) debit: LinkDebit,
    /// `None` where nothing was ever taken of it, or all of that has left its window.
    pub(crate) total: Option<KeptTotal>,
}

impl Left {
    /// What is taken at `now`; `None` where that can't be said any more, and nothing passes.
    pub(crate) fn taken(&self, now: i64) -> Option<i64> {
        let taken = self.total.as_ref().map_or(0, |total| total.sum(now));
        (taken < i64::MAX).then_some(taken)
    }

    /// From when on what was asked for fits, if nothing else is taken meanwhile.
    fn fits_at(&self, now: i64) -> Option<i64> {
        let LinkDebit { amount, most, .. } = self.debit;
        match &self.total {
            Some(total) => total.fits_at(amount, most, now),
            None => (amount <= most).then_some(now),
        }
    }
}

impl Gateway {
    /// The totals that a request of a chain counts on; none where it would not be allowed anyway.
    pub(crate) async fn totals_of(
        self: &Arc<Self>,
        chain: &VerifiedChain,
        request: &Request,
        now: i64,
    ) -> Result<Vec<Left>, Refused> {
        let Ok(permit) = authorize(chain, request, now).into_permit() else { return Ok(Vec::new()) };
        let debits = permit.debits().to_vec();
        let gateway = Arc::clone(self);
        let read = self.blocking(move || {
            gateway.store.read(|tx| -> Result<Vec<Left>, StoreError> {
                let left = |debit: LinkDebit| {
                    let name = total_name(&debit.account, &debit.limit);
                    Ok(Left { total: total(tx, &gateway.organization, name)?, debit })
                };
                debits.into_iter().map(left).collect()
            })
        });
        read.await.map_err(|error| Refused::of_registry(&error))?.map_err(|error| Refused::of_store(&error))
    }

    /// A denial with when to ask again, where a window frees what was asked for.
    pub(crate) async fn with_time(
        self: &Arc<Self>,
        refused: Refused,
        chain: &VerifiedChain,
        request: &Request,
        now: i64,
    ) -> Refused {
        let waits =
            [Code::BudgetExceeded.as_str(), Code::RateExceeded.as_str()].contains(&refused.code.as_str());
        if !waits {
            return refused;
        }
        // Of a store that does not answer nothing is told.
        let totals = self.totals_of(chain, request, now).await.unwrap_or_default();
        let fits = totals.iter().map(|left| left.fits_at(now)).reduce(|one, other| Some(one?.max(other?)));
        let Some(at) = fits.flatten().filter(|at| *at > now) else { return refused };
        let message = format!("{}; it fits from {} on", refused.message, time::format(at));
        let seconds = u32::try_from(at.saturating_sub(now)).unwrap_or(u32::MAX);
        Refused { message, retry_after: Some(seconds), ..refused }
    }
}

/// Whether a total is of money.
pub(crate) fn is_money(left: &Left) -> bool {
    left.debit.measure == Measure::Money
}
