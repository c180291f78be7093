//! Commit: what the ledger has left, and when it has more.

use super::{Case, Change, Remedy, To, What, fact_of, least, member, most};
use crate::{Code, Decision, Denial, LinkDebit, MemoryLedger, Party, authorize, presentation::Names};
use legation_credential::{
    Measure, Value,
    amount::{AMOUNT, MICROS},
    limit::Bound,
};
use std::collections::BTreeMap;

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
            let expires = permit.nonce()?.expires_at;
            if let Some(forgotten) = ledger.forgotten().filter(|expired| expires <= *expired) {
                let end = forgotten.saturating_add(1);
                changes.push(Change { link: None, what: What::Time(expires_at), to: least(end) });
            }
            Remedy::new(Party::Holder, changes)
        }
        Code::NonceMemoryFull => {
            Remedy::new(Party::Holder, vec![wait(ledger.nonce_room_at(permit.nonce()?, &permit.links)?)?])
        }
        Code::BudgetExceeded | Code::RateExceeded => {
            let debits = permit.debits();
            let takes = less(debits, ledger, case).filter(|_| denial.code == Code::BudgetExceeded);
            if let Some(changes) = takes {
                return Remedy::new(Party::Caller, changes);
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

/// Less of each fact that a total sums and that has some left; `None` where nothing is left of one of them.
fn less(debits: &[LinkDebit], ledger: &MemoryLedger, case: &Case<'_>) -> Option<Vec<Change>> {
    let mut most_of: BTreeMap<&str, i64> = BTreeMap::new();
    for debit in debits {
        let left = ledger.left(debit, case.now);
        let (fact, left) = match &debit.measure {
            Measure::Actions if debit.amount > left => return None,
            Measure::Actions => continue,
            Measure::Fact(fact) => (fact.as_str(), left),
            Measure::Money => match case.request?.amount()?.fact {
                AMOUNT => (AMOUNT, left / MICROS),
                exact => (exact, left),
            },
        };
        let held = most_of.entry(fact).or_insert(i64::MAX);
        *held = left.min(*held);
    }
    let asked = |fact: &str| match case.request?.facts().get(fact)? {
        Value::Integer(asked) => Some(*asked),
        _ => None,
    };
    let mut changes = Vec::new();
    for (fact, left) in most_of {
        if asked(fact)? > left {
            // Nothing passes always, and helps nobody.
            if left <= 0 {
                return None;
            }
            changes.push(Change { link: None, what: fact_of(case.request?, fact), to: most(left) });
        }
    }
    Some(changes).filter(|changes| !changes.is_empty())
}
