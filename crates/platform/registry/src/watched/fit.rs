//! The least authority that fits what was seen.

use super::{Seen, Watched};
use crate::{budget::Budget, profile::Profile};
use legation_credential::amount::MICROS;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Most resources that are named one by one; beyond that, those of a folder are one pattern.
const MOST_RESOURCES: usize = 32;
/// Most values of a constraint.
const MOST_MODELS: usize = 256;

/// The least authority that fits what an agent did, and what keeps it from being enforced.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitting {
    /// What it would be delegated; `None` where nothing was seen, so that nothing can be told.
    pub profile: Option<Profile>,
    /// What stands in the way, in sentences.
    pub in_the_way: Vec<String>,
}

impl Watched {
    /// What would fit, at an organization whose host this is.
    #[must_use]
    pub fn fitting(&self, host: &str) -> Fitting {
        let seen = &self.seen;
        let profile = (seen.calls > 0).then(|| self.profile(host));
        Fitting { in_the_way: self.in_the_way(profile.as_ref()), profile }
    }

    fn profile(&self, host: &str) -> Profile {
        let seen = &self.seen;
        let models = format!("https://{host}/models/");
        let (mut groups, mut actions, mut resources) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (action, resource) in seen.used.keys() {
            match resource.strip_prefix(&models).and_then(|rest| rest.split_once('/')) {
                Some((group, _)) if action.starts_with("model:") => {
                    groups.insert(group.to_owned());
                }
                _ => {
                    actions.insert(action.clone());
                    resources.insert(resource.clone());
                }
            }
        }
        // What is said of it besides holds on: approvals, bounds of arguments, hours.
        let now = &self.shown.profile;
        let mut constraints = kept(&now.constraints);
        if !seen.models.is_empty() && seen.models.len() <= MOST_MODELS {
            constraints.push(
                json!({"type": "argument", "name": "model", "oneOf": seen.models, "actions": ["model:*"]}),
            );
        }
        constraints.push(json!({"type": "rate", "seconds": 60, "max": with_room(seen.minute)}));
        Profile {
            groups: groups.into_iter().collect(),
            actions: actions.into_iter().collect(),
            resources: patterns(resources, seen.is_cut),
            constraints,
            budgets: self.budgets(),
            raises: Vec::new(),
            until: None,
            ..now.clone()
        }
    }

    fn in_the_way(&self, fitting: Option<&Profile>) -> Vec<String> {
        let (seen, name) = (&self.seen, &self.shown.holder.name);
        let mut told = Vec::new();
        if fitting.is_none() {
            told.push("no call was seen, so nothing tells what it needs".to_owned());
        }
        if seen.would_be_denied() > 0 {
            let of = (seen.would_be_denied(), seen.calls);
            told.push(format!("{} of {} calls would be denied by what it was delegated then; `--from` leaves out what was before", of.0, of.1));
        }
        let by_policies =
            seen.denied.iter().filter(|((code, _), one)| code.starts_with("policy_") && one.passed > 0);
        for ((_, _), one) in by_policies.take(8) {
            told.push(format!("no delegation helps where a policy denies: {}", one.found));
        }
        let refused: i64 = seen.denied.values().map(|one| one.refused).fold(0, i64::saturating_add);
        if refused > 0 {
            told.push(format!("{refused} calls were denied all the same, which nobody has seen the end of"));
        }
        if seen.is_cut {
            told.push("it used more resources than are told apart; look at its patterns".to_owned());
        }
        told.extend(fitting.and_then(|fitting| self.wider(fitting)));
        if !self.adopted.is_empty() {
            let hints: Vec<&str> = self.adopted.iter().map(|(hint, _)| hint.as_str()).collect();
            let hints = hints.join("`, `");
            told.push(format!(
                "it still goes on with an old key (`{hints}`): `legation api-key create {name}`, and block it"
            ));
        }
        told
    }
}

impl Watched {
    /// A day's budgets by what was seen, and those of other windows that held.
    fn budgets(&self) -> Vec<Budget> {
        let mut all = budgets(&self.seen);
        let is_over =
            self.seen.denied.iter().any(|((code, _), one)| code == "budget_exceeded" && one.passed > 0);
        let others = self.shown.profile.budgets.iter().filter(|one| one.window != "day" && !is_over);
        all.extend(others.cloned());
        all
    }

    /// Where a profile lets more through than was seen.
    fn wider(&self, fitting: &Profile) -> Option<String> {
        let seen = &self.seen;
        let others = seen.used.keys().filter(|(action, _)| !action.starts_with("model:")).count();
        let pairs = fitting.actions.len().saturating_mul(fitting.resources.len());
        let is_pattern = fitting.resources.iter().any(|one| one.ends_with("/*"));
        match () {
            () if seen.models.len() > MOST_MODELS => {
                Some("it called more models than a constraint names; its groups alone bound them".to_owned())
            }
            () if pairs > others || is_pattern => Some(
                "each action of what fits holds for each of its resources, which is more than was seen; look at it before you apply it"
                    .to_owned(),
            ),
            () => None,
        }
    }
}

/// What of an agent's constraints nothing that was seen takes the place of.
fn kept(constraints: &[Value]) -> Vec<Value> {
    let is_fitted =
        |one: &&Value| one["type"] == "rate" || (one["type"] == "argument" && one["name"] == "model");
    constraints.iter().filter(|one| !is_fitted(one)).cloned().collect()
}

/// Half as much again, and one at least.
fn with_room(most: i64) -> i64 {
    most.saturating_add(most.saturating_add(1) / 2).max(1)
}

/// A budget of a day for each currency: what the dearest day took with room, and at least what one call reserves.
fn budgets(seen: &Seen) -> Vec<Budget> {
    let micros_of = |currency: &str| {
        let of = |sums: &BTreeMap<String, i64>| sums.get(currency).copied().unwrap_or_default();
        with_room(of(&seen.day)).max(of(&seen.call))
    };
    let whole = |micros: i64| micros.saturating_add(MICROS - 1) / MICROS;
    let budget = |currency: &String| Budget {
        amount: whole(micros_of(currency)),
        currency: currency.clone(),
        window: "day".to_owned(),
    };
    let currencies: BTreeSet<&String> = seen.day.keys().chain(seen.call.keys()).collect();
    currencies.into_iter().map(budget).collect()
}

/// Resources as patterns: each by itself where there are few, else what they share up to a slash.
fn patterns(resources: BTreeSet<String>, is_cut: bool) -> Vec<String> {
    let mut all = resources.clone();
    // A path of a URL has at most so many folders that it is worth going up.
    for _ in 0..64 {
        if all.len() <= MOST_RESOURCES && !is_cut {
            break;
        }
        let shorter: BTreeSet<String> = all.iter().map(|one| above(one)).collect();
        if shorter == all {
            break;
        }
        all = shorter;
    }
    // Of what stays too many nothing is won by patterns.
    let all = if all.len() > MOST_RESOURCES && !is_cut { resources } else { all };
    all.into_iter().collect()
}

/// The pattern of the folder that a resource or a pattern is in; of an origin itself all that is there.
fn above(resource: &str) -> String {
    let path = resource.strip_suffix("/*").unwrap_or(resource);
    let begin = path.find("://").map_or(0, |at| at.saturating_add(3));
    match path.get(begin..).and_then(|rest| rest.rfind('/')) {
        Some(slash) => format!("{}/*", path.get(..begin.saturating_add(slash)).unwrap_or(path)),
        None => format!("{path}/*"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_resources_are_one_pattern_and_few_stay_as_they_are() {
        let few: BTreeSet<String> = ["https://a.example/x".to_owned()].into();
        assert_eq!(patterns(few.clone(), false), ["https://a.example/x"]);
        let many = (0..40).map(|number| format!("https://a.example/orders/{number}")).collect();
        assert_eq!(patterns(many, false), ["https://a.example/orders/*"]);
        let deep = (0..40).map(|number| format!("https://a.example/{number}/order")).collect();
        assert_eq!(patterns(deep, false), ["https://a.example/*"]);
        let hosts: BTreeSet<String> = (0..40).map(|number| format!("https://h{number}.example/a")).collect();
        let hosts: Vec<String> = hosts.into_iter().collect();
        assert_eq!(
            patterns(hosts.iter().cloned().collect(), false),
            hosts,
            "what can't become fewer stays as it is"
        );
    }

    #[test]
    fn an_approval_and_a_bound_of_an_argument_hold_on() {
        let approval = json!({"type": "approval", "above": 1, "currency": "USD", "approver": "did:key:z"});
        let bound = json!({"type": "argument", "name": "amount", "max": 100});
        let model = json!({"type": "argument", "name": "model", "oneOf": ["a"]});
        let rate = json!({"type": "rate", "seconds": 60, "max": 1});
        assert_eq!(kept(&[approval.clone(), model, rate, bound.clone()]), [approval, bound]);
    }

    #[test]
    fn a_budget_holds_the_dearest_day_and_the_dearest_call() {
        let seen = Seen {
            day: [("USD".to_owned(), 3 * MICROS)].into(),
            call: [("USD".to_owned(), 40 * MICROS), ("EUR".to_owned(), 1)].into(),
            ..Seen::default()
        };
        let texts: Vec<String> = budgets(&seen).iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["0.01 EUR/day", "0.40 USD/day"]);
    }
}
