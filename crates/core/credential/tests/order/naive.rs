//! The rules of authority as the design states them, judged the slow and obvious way from what
//! links write: text by text and value by value, without a normal form. What the library
//! answers is held against it.

use crate::model::{Constraint, Model, Rule, Span, Test};
use legation_credential::{Request, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Exact, or with a trailing `*` everything that starts alike and goes on.
pub(crate) fn matches(pattern: &str, value: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(stem) => value.starts_with(stem) && value.len() > stem.len(),
        None => pattern == value,
    }
}

/// Whether a pattern means all that another means.
pub(crate) fn covers(pattern: &str, other: &str) -> bool {
    match (pattern.strip_suffix('*'), other.strip_suffix('*')) {
        (Some(stem), Some(other)) => other.starts_with(stem),
        (None, Some(_)) => false,
        (_, None) => matches(pattern, other),
    }
}

/// The actions that a constraint binds, in order, without those that another of them covers.
fn scope(constraint: &Constraint) -> Option<Vec<&str>> {
    let all = constraint.actions.as_ref()?;
    let needed = |one: &&String| !all.iter().any(|other| other != *one && covers(other, one));
    let mut scope: Vec<&str> = all.iter().filter(needed).map(String::as_str).collect();
    scope.sort_unstable();
    scope.dedup();
    Some(scope)
}

/// Whether two constraints of one link are about the same thing, so that neither is read.
pub(crate) fn same_thing(one: &Constraint, other: &Constraint) -> bool {
    let same = match (&one.rule, &other.rule) {
        (
            Rule::Spend { currency, per_action, window },
            Rule::Spend { currency: other, per_action: other_most, window: other_window },
        ) => {
            let windows =
                matches!((window, other_window), (Some((one, _)), Some((other, _))) if one == other);
            currency == other && (windows || per_action.is_some() && other_most.is_some())
        }
        (
            Rule::Total { fact, per_action, window },
            Rule::Total { fact: other, per_action: other_most, window: other_window },
        ) => {
            let windows =
                matches!((window, other_window), (Some((one, _)), Some((other, _))) if one == other);
            fact == other && (windows || per_action.is_some() && other_most.is_some())
        }
        (Rule::Rate { window, .. }, Rule::Rate { window: other, .. }) => window == other,
        (Rule::Audience(_), Rule::Audience(_)) => true,
        (Rule::Argument { name, test }, Rule::Argument { name: other, test: other_test }) => {
            name == other && test.member() == other_test.member() && test.order() == other_test.order()
        }
        (
            Rule::Approval { currency, approver, .. },
            Rule::Approval { currency: other, approver: other_approver, .. },
        ) => currency == other && approver == other_approver,
        _ => false,
    };
    same && scope(one) == scope(other)
}

fn binds(constraint: &Constraint, action: &str) -> bool {
    constraint.actions.as_ref().is_none_or(|all| all.iter().any(|pattern| matches(pattern, action)))
}

fn passes(test: &Test, value: &Value) -> bool {
    let position = |order: &[Value], value: &Value| order.iter().position(|one| one == value);
    match (test, value) {
        (Test::Equals(wanted), value) => value == wanted,
        (Test::OneOf(values), value) => values.contains(value),
        (Test::NotOneOf(values), value) => {
            let same_type = matches!(
                (&values[0], value),
                (Value::Bool(_), Value::Bool(_))
                    | (Value::Integer(_), Value::Integer(_))
                    | (Value::Text(_), Value::Text(_))
            );
            same_type && !values.contains(value)
        }
        (Test::Prefix(prefix), Value::Text(text)) => {
            text.starts_with(prefix) && !["..", "//", "\\", "%", "\0"].iter().any(|out| text.contains(out))
        }
        (Test::Min(least), Value::Integer(value)) => value >= least,
        (Test::Max(most), Value::Integer(value)) => value <= most,
        (Test::Rank { rank, order }, value) => match (position(order, value), position(order, rank)) {
            (Some(value), Some(rank)) => value <= rank,
            _ => false,
        },
        (Test::Prefix(_) | Test::Min(_) | Test::Max(_), _) => false,
    }
}

fn text<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    match request.facts().get(name) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

/// A minor unit in the unit of amounts here.
const MINOR: i64 = 1_000_000;

/// The amount in millionths of a minor unit.
fn amount(request: &Request) -> Option<i64> {
    match (request.facts().get("amount"), request.facts().get("amountMicros")) {
        (Some(Value::Integer(amount)), None) => Some(*amount * MINOR),
        (None, Some(Value::Integer(micros))) => Some(*micros),
        _ => None,
    }
}

/// An integer fact that a total can sum.
fn summed(request: &Request, fact: &str) -> Option<i64> {
    match request.facts().get(fact) {
        Some(Value::Integer(value)) if *value >= 0 => Some(*value),
        _ => None,
    }
}

/// Whether one link by itself lets a request pass: one grant names it, and each constraint that
/// binds it is kept.
pub(crate) fn permits(link: &Model, request: &Request, audience: &str) -> bool {
    let any = |patterns: &[String], value: &str| patterns.iter().any(|pattern| matches(pattern, value));
    let granted = link
        .grants
        .iter()
        .any(|grant| any(&grant.actions, request.action()) && any(&grant.resources, request.resource()));
    granted
        && link
            .constraints
            .iter()
            .filter(|one| binds(one, request.action()))
            .all(|one| keeps(link, one, request, audience))
}

fn keeps(link: &Model, constraint: &Constraint, request: &Request, audience: &str) -> bool {
    let money = || Some((amount(request)?, text(request, "currency")?));
    // The constraints for the same actions, which together list what may be spent.
    let beside = || link.constraints.iter().filter(|other| scope(other) == scope(constraint));
    match &constraint.rule {
        Rule::Spend { currency, per_action, .. } => money().is_some_and(|(amount, spent)| {
            let listed = beside()
                .any(|other| matches!(&other.rule, Rule::Spend { currency, .. } if currency == spent));
            listed && (spent != currency || per_action.is_none_or(|most| amount <= most * MINOR))
        }),
        Rule::Approval { above, currency, approver } => money().is_some_and(|(amount, spent)| {
            let listed = beside().any(|other| {
                matches!(&other.rule, Rule::Approval { currency, approver: by, .. } if currency == spent && by == approver)
            });
            listed && (spent != currency || amount <= *above * MINOR)
        }),
        Rule::Audience(allow) => allow.iter().any(|one| one == audience),
        Rule::Argument { name, test } => request.facts().get(name).is_some_and(|value| passes(test, value)),
        Rule::Total { fact, per_action, .. } => {
            summed(request, fact).is_some_and(|value| per_action.is_none_or(|most| value <= most))
        }
        Rule::Rate { .. } => true,
    }
}

/// A total: what it counts (a currency, a fact, or nothing for actions), its window and its actions.
pub(crate) type Total = (String, Span, Option<Vec<String>>);

/// What a request takes from the totals of one link: the amount, and the most of a window.
pub(crate) fn takes(link: &Model, request: &Request) -> Vec<(Total, (i64, i64))> {
    let mut all = Vec::new();
    for one in link.constraints.iter().filter(|one| binds(one, request.action())) {
        let actions = || scope(one).map(|scope| scope.into_iter().map(str::to_owned).collect());
        match &one.rule {
            Rule::Rate { window, max } => all.push(((String::new(), window.clone(), actions()), (1, *max))),
            Rule::Spend { currency, window: Some((span, most)), .. }
                if text(request, "currency") == Some(currency) =>
            {
                if let Some(amount) = amount(request) {
                    all.push(((currency.clone(), span.clone(), actions()), (amount, *most * MINOR)));
                }
            }
            Rule::Total { fact, window: Some((span, most)), .. } => {
                if let Some(value) = summed(request, fact) {
                    all.push(((format!("fact {fact}"), span.clone(), actions()), (value, *most)));
                }
            }
            _ => {}
        }
    }
    all
}

/// Values that stand for all that a fact may be here: every two bounds of the domain differ on
/// one of them. At most 64.
fn probes() -> Vec<Value> {
    let texts =
        ["", "u", "u/", "u/v", "u/v/w", "u/..", "u//v", "w", "1", "USD", "EUR", "GBP"].map(Value::from);
    let audiences = crate::draw::AUDIENCES.map(Value::from);
    let numbers = (-2..=5).map(Value::Integer);
    let booleans = [false, true].map(Value::Bool);
    texts.into_iter().chain(audiences).chain(numbers).chain(booleans).collect()
}

thread_local!(static PROBES: Vec<Value> = probes());

/// The probes that pass, one bit each.
fn passing(passes: impl Fn(&Value) -> bool) -> u64 {
    PROBES
        .with(|all| all.iter().enumerate().fold(0, |bits, (at, value)| bits | u64::from(passes(value)) << at))
}

fn most(most: i64) -> u64 {
    passing(|value| matches!(value, Value::Integer(value) if *value <= most))
}

fn is(wanted: &str) -> u64 {
    passing(|value| matches!(value, Value::Text(text) if text == wanted))
}

/// What a limit is about: kind, name, currency or approver, window, order and actions.
pub(crate) type About<'m> = (&'static str, &'m str, &'m str, &'m str, &'m [Value], Option<Vec<&'m str>>);

/// What one constraint limits, and which of the probes it lets pass.
fn limits_of<'m>(one: &'m Constraint, add: &mut dyn FnMut(About<'m>, u64)) {
    let scope = || scope(one);
    match &one.rule {
        Rule::Spend { currency, per_action, window } => {
            add(("currencies", "", "", "", &[], scope()), is(currency));
            if let Some(amount) = per_action {
                add(("per action", currency, "", "", &[], scope()), most(*amount));
            }
            if let Some((span, amount)) = window {
                add(("window", currency, "", span, &[], scope()), most(*amount));
            }
        }
        Rule::Total { fact, per_action, window } => {
            if let Some(each) = per_action {
                add(("total per action", fact, "", "", &[], scope()), most(*each));
            }
            if let Some((span, sum)) = window {
                add(("total", fact, "", span, &[], scope()), most(*sum));
            }
        }
        Rule::Rate { window, max } => add(("rate", "", "", window, &[], scope()), most(*max)),
        Rule::Audience(allow) => {
            add(("audience", "", "", "", &[], scope()), allow.iter().fold(0, |bits, one| bits | is(one)));
        }
        Rule::Argument { name, test } => {
            let bits = match test {
                // By what is excluded: no list of numbers is tighter than both booleans.
                Test::NotOneOf(values) => passing(|value| !values.contains(value)),
                test => passing(|value| passes(test, value)),
            };
            add((test.member(), name, "", "", test.order(), scope()), bits);
        }
        Rule::Approval { above, currency, approver } => {
            add(("currencies to approve", "", approver, "", &[], scope()), is(currency));
            add(("to approve", currency, approver, "", &[], scope()), most(*above));
        }
    }
}

/// What a chain's links limit, each at its tightest.
pub(crate) fn limits<'m>(links: impl IntoIterator<Item = &'m Model>) -> BTreeMap<About<'m>, u64> {
    let mut all = BTreeMap::new();
    for link in links {
        // Lists of currencies grow within one link.
        let mut own: BTreeMap<About<'m>, u64> = BTreeMap::new();
        for one in &link.constraints {
            limits_of(one, &mut |about, bits| *own.entry(about).or_default() |= bits);
        }
        for (about, bits) in own {
            *all.entry(about).or_insert(u64::MAX) &= bits;
        }
    }
    all
}

/// The pairs of action and resource that no other pair covers.
pub(crate) fn pairs(link: &Model) -> BTreeSet<(&str, &str)> {
    let all: BTreeSet<(&str, &str)> = link
        .grants
        .iter()
        .flat_map(|grant| {
            grant.actions.iter().flat_map(|action| {
                grant.resources.iter().map(move |resource| (action.as_str(), resource.as_str()))
            })
        })
        .collect();
    let needed = |one: &&(&str, &str)| !all.iter().any(|other| other != *one && covers_pair(other, one));
    all.iter().filter(needed).copied().collect()
}

fn covers_pair(one: &(&str, &str), other: &(&str, &str)) -> bool {
    covers(one.0, other.0) && covers(one.1, other.1)
}

/// What links leave to those after them.
pub(crate) struct Held<'m> {
    pairs: BTreeSet<(&'m str, &'m str)>,
    limits: BTreeMap<About<'m>, u64>,
}

impl<'m> Held<'m> {
    pub(crate) fn of(links: &'m [Model]) -> Self {
        Self { pairs: pairs(links.last().unwrap()), limits: limits(links) }
    }

    /// Whether one pair that is held covers this one.
    pub(crate) fn covers(&self, pair: (&str, &str)) -> bool {
        self.pairs.iter().any(|held| covers_pair(held, &pair))
    }

    /// Whether a constraint lets nothing pass that one about the same thing does not.
    pub(crate) fn fits(&self, constraint: &'m Constraint) -> bool {
        let mut fits = true;
        limits_of(constraint, &mut |about, bits| {
            fits &= self.limits.get(&about).is_none_or(|most| bits & !most == 0);
        });
        fits
    }
}

/// Why a link would widen what the links before it leave: an action or a resource that no one
/// grant of the last of them covers, or a constraint that lets pass what one about the same
/// thing does not.
pub(crate) fn widens<'m>(before: &'m [Model], link: &'m Model) -> Option<&'static str> {
    let held = Held::of(before);
    let wider: Vec<_> = pairs(link).into_iter().filter(|pair| !held.covers(*pair)).collect();
    if wider.iter().any(|(action, _)| !held.pairs.iter().any(|(parent, _)| covers(parent, action))) {
        return Some("action_widened");
    }
    if !wider.is_empty() {
        return Some("resource_widened");
    }
    let looser = link.constraints.iter().any(|one| !held.fits(one));
    looser.then_some("constraint_widened")
}
