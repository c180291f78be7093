//! Commit: what the ledger has left, and when it has more.

use super::{Case, Change, Remedy, To, What, least, member, most};
use crate::{Code, Decision, Denial, Party, authorize, presentation::Names};
use legation_credential::limit::Bound;

pub(super) fn remedy(denial: &Denial, case: &Case<'_>) -> Option<Remedy> {
    let (ledger, chain) = (case.ledger?, case.chain?);
    let Decision::Permit(permit) = authorize(chain, case.request?, case.now) else { return None };
    let wait = |until: i64| {
        // A chain that has ended by then is denied before.
        let ends = chain.links.iter().map(|link| link.valid_until).min()?;
        let lives = until.saturating_sub(chain.clock_skew) < ends;
        lives.then(|| Change { link: None, what: What::Now, to: least(until) })
    };
    match denial.code {
        Code::NonceReplayed => {
            let used = To::Bound(Bound::NotOneOf([chain.nonce.as_str().into()].into()));
            let Names { nonce, expires_at, .. } = case.presentation?.names();
            let mut changes = vec![Change { link: None, what: member(nonce), to: used }];
            if let Some(forgotten) = ledger.forgotten().filter(|until| chain.nonce_until <= *until) {
                let end = forgotten.saturating_sub(chain.clock_skew).saturating_add(1);
                changes.push(Change { link: None, what: What::Time(expires_at), to: least(end) });
            }
            Remedy::new(Party::Holder, changes)
        }
        Code::NonceMemoryFull => {
            Remedy::new(Party::Holder, vec![wait(ledger.nonce_room_at(permit.nonce())?)?])
        }
        Code::BudgetExceeded | Code::RateExceeded => {
            let debits = permit.debits();
            let spends = debits.iter().filter(|debit| !debit.counts);
            let left = spends.map(|debit| ledger.left(debit, case.now)).min().unwrap_or(0);
            if denial.code == Code::BudgetExceeded && left > 0 {
                return Remedy::one(Party::Caller, None, What::Fact("amount".to_owned()), most(left));
            }
            let until = debits.iter().map(|debit| ledger.fits_at(debit, case.now));
            let until = until.reduce(|one, other| Some(one?.max(other?))).flatten()?;
            // Otherwise it is the memory that is full.
            let waits = until > case.now;
            waits.then(|| Remedy::new(Party::Caller, vec![wait(until)?])).flatten()
        }
        _ => None,
    }
}
