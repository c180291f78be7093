//! Requests: what the chain does permit. Changed facts are judged before they are proposed.

use super::{Case, Change, Remedy, To, What, fact_of};
use crate::{Code, Denial, Party, VerifiedChain};
use legation_credential::{
    Authority, Facts, Request, Value, Violation,
    amount::{AMOUNT, AMOUNT_MICROS, micros},
    limit::{Bound, Limit, LimitKind},
};
use std::collections::BTreeMap;

pub(super) fn remedy(denial: &Denial, case: &Case<'_>) -> Option<Remedy> {
    let (chain, request) = (case.chain?, case.request?);
    let effective = chain.effective();
    match denial.code {
        Code::NotGranted => {
            let pairs = effective.pairs().filter(|pairs| !pairs.is_empty())?;
            Remedy::one(Party::Caller, None, What::Asked, To::Pairs(pairs.to_vec()))
        }
        Code::MissingFact => missing(effective, request, chain),
        Code::ConstraintViolated | Code::ApprovalRequired => within(denial.code, effective, request, chain),
        _ => None,
    }
}

/// Every fact that some limit needs and the request lacks.
fn missing(effective: &Authority, request: &Request, chain: &VerifiedChain) -> Option<Remedy> {
    let mut names: Vec<String> = Vec::new();
    for violation in effective.violations(request, chain.situation()) {
        let Violation::MissingFact { name, limit } = violation else { continue };
        let mut all = vec![name];
        if is_about_money(&limit.key.kind) {
            all = vec!["currency".to_owned()];
            if request.amount().is_none() {
                all.insert(0, AMOUNT.to_owned());
            }
        }
        for name in all {
            if !request.facts().contains_key(&name) && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let given = |name| Change { link: None, what: What::Fact(name), to: To::Present };
    Remedy::new(Party::Operator, names.into_iter().map(given).collect())
}

fn is_about_money(kind: &LimitKind) -> bool {
    matches!(
        kind,
        LimitKind::SpendCurrency
            | LimitKind::SpendPerAction { .. }
            | LimitKind::ApprovalCurrency { .. }
            | LimitKind::Approval { .. }
    )
}

fn is_summed(kind: &LimitKind) -> bool {
    matches!(kind, LimitKind::TotalPerAction { .. } | LimitKind::TotalWindow { .. })
}

/// The facts within what limits them, where there are values that pass.
fn within(code: Code, effective: &Authority, request: &Request, chain: &VerifiedChain) -> Option<Remedy> {
    let mut bounds: BTreeMap<String, Vec<Bound>> = BTreeMap::new();
    for violation in effective.violations(request, chain.situation()) {
        let (name, limit) = match violation {
            // What can't be summed is told before how much of it passes.
            Violation::Constraint { name, found, limit }
                if code == Code::ConstraintViolated
                    && is_summed(&limit.key.kind)
                    && !matches!(found, Value::Integer(0..)) =>
            {
                bounds.entry(name).or_default().push(Bound::Least(0));
                continue;
            }
            Violation::Constraint { name, limit, .. } if code == Code::ConstraintViolated => (name, limit),
            Violation::ApprovalRequired { limit, .. } if code == Code::ApprovalRequired => {
                let currency = matches!(limit.key.kind, LimitKind::ApprovalCurrency { .. });
                let amount = || request.amount().map(|amount| amount.fact);
                (if currency { "currency" } else { amount()? }.to_owned(), limit)
            }
            _ => continue,
        };
        let bound = bound_of(*limit, &name);
        // Two limits may ask for the same: that is one change.
        let all = bounds.entry(name).or_default();
        if !all.contains(&bound) {
            all.push(bound);
        }
    }
    let mut facts = request.facts().clone();
    for (name, bounds) in &bounds {
        // What a request can't change, such as who is asked, is no fact of it.
        let found = facts.get(name)?.clone();
        let value = bounds.iter().try_fold(found, |value, bound| nearest(&value, bound))?;
        facts.insert(name.clone(), value);
    }
    if !gets_further(code, effective, request, facts, chain) {
        return None;
    }
    let changes = bounds.into_iter().flat_map(|(name, bounds)| {
        let change = move |bound| Change { link: None, what: fact_of(request, &name), to: To::Bound(bound) };
        bounds.into_iter().map(change)
    });
    Remedy::new(Party::Caller, changes.collect())
}

/// A limit's bound on the fact itself: of a rank, the values up to it; in the fact's own unit.
fn bound_of(limit: Limit, fact: &str) -> Bound {
    match (limit.key.kind, limit.bound) {
        (LimitKind::SpendPerAction { .. } | LimitKind::Approval { .. }, Bound::Most(most))
            if fact == AMOUNT_MICROS =>
        {
            Bound::Most(micros(most))
        }
        (LimitKind::Rank { order, .. }, Bound::Most(most)) => {
            let count = usize::try_from(most.saturating_add(1)).unwrap_or(0);
            Bound::OneOf(order.into_iter().take(count).collect())
        }
        (_, bound) => bound,
    }
}

/// The value within a bound that is nearest to this one; `None` where none suggests itself.
fn nearest(value: &Value, bound: &Bound) -> Option<Value> {
    if bound.admits(value) {
        return Some(value.clone());
    }
    match bound {
        Bound::Most(number) | Bound::Least(number) => Some(Value::Integer(*number)),
        Bound::OneOf(values) => values.last().cloned(),
        Bound::NotOneOf(values) => match values.last()? {
            Value::Integer(number) => number.checked_add(1).map(Value::Integer),
            Value::Text(text) => Some(Value::Text(format!("{text}-"))),
            Value::Bool(one) => Some(Value::Bool(!one)).filter(|other| !values.contains(other)),
        },
        Bound::Prefix(prefix) => Some(Value::Text(prefix.clone())),
    }
}

/// Whether a request with these facts passes, or is denied by a later rule only.
fn gets_further(
    code: Code,
    effective: &Authority,
    request: &Request,
    facts: Facts,
    chain: &VerifiedChain,
) -> bool {
    let Ok(changed) = Request::new(request.action(), request.resource(), facts) else { return false };
    match effective.permits_in(&changed, chain.situation()) {
        Ok(()) => true,
        Err(violation) => Code::from_name(violation.code()).is_some_and(|found| found > code),
    }
}
