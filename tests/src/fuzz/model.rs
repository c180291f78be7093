//! What an authority means, once more and as plainly as can be: on `serde_json` values, with nothing of
//! the code that is tested. And a small world of authorities in which things often meet.

use super::choices::Choices;
use legation_credential::{Facts, Value as Fact};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub(crate) const AUDIENCES: [&str; 3] = ["did:web:shop.example", "did:web:other.example", "x"];
const ACTIONS: [&str; 7] = ["a:b", "a:*", "a:b.*", "a:b.c", "a:b.c.d", "c", "c/*"];
const RESOURCES: [&str; 6] = [
    "https://shop.example/a/b",
    "https://shop.example/*",
    "https://shop.example/a/*",
    "https://shop.example/",
    "https://shop.example:8443/*",
    "mcp://tools/x",
];
const CURRENCIES: [&str; 2] = ["USD", "EUR"];
const NAMES: [&str; 3] = ["p", "q", "channel"];

/// Facts of a request, as JSON.
pub(crate) type FactsOf = BTreeMap<String, Value>;

/// An authority, often one that narrows `parent`. With no more decisions it is its parent.
pub(crate) fn authority(choices: &mut Choices<'_>, parent: Option<&Value>) -> Value {
    let wide = json!({"grants": [{"actions": ["a:*", "c"], "resources": ["https://shop.example/*"]}]});
    let mut authority = parent.cloned().unwrap_or(wide);
    if choices.below(4) == 3 {
        authority["grants"] = (0..choices.below(4)).map(|_| grant(choices)).collect();
    }
    match choices.below(4) {
        1 => authority["constraints"] = json!([]),
        2 | 3 => {
            let mut constraints = authority["constraints"].as_array().cloned().unwrap_or_default();
            if choices.flag() {
                constraints.clear();
            }
            for _ in 0..=choices.below(3) {
                let next = constraint(choices);
                let about = keys_of(&next);
                constraints.retain(|one| keys_of(one).iter().all(|key| !about.contains(key)));
                constraints.push(next);
            }
            authority["constraints"] = constraints.into();
        }
        _ => {}
    }
    authority
}

fn grant(choices: &mut Choices<'_>) -> Value {
    let mut some = |all: &[&'static str]| -> Vec<&'static str> {
        (0..=choices.below(3)).map(|_| all[choices.below(all.len())]).collect()
    };
    let (actions, resources) = (some(&ACTIONS), some(&RESOURCES));
    json!({"actions": actions, "resources": resources})
}

/// One constraint of any type.
pub(crate) fn constraint(choices: &mut Choices<'_>) -> Value {
    let small = |choices: &mut Choices<'_>| choices.below(5);
    let mut json = match choices.below(12) {
        10 => json!({"type": "total", "fact": choices.pick(&NAMES), "perAction": small(choices)}),
        11 => json!({"type": "total", "fact": choices.pick(&NAMES),
            "window": window(choices, "sum")}),
        0 => json!({"type": "spend", "currency": choices.pick(&CURRENCIES), "perAction": small(choices)}),
        1 => json!({"type": "spend", "currency": choices.pick(&CURRENCIES),
            "window": window(choices, "amount")}),
        2 => {
            let mut rate = window(choices, "max");
            rate["type"] = "rate".into();
            rate
        }
        3 => {
            json!({"type": "audience", "allow": (0..choices.below(3)).map(|_| choices.pick(&AUDIENCES)).collect::<Vec<_>>()})
        }
        4 => {
            json!({"type": "approval", "above": small(choices), "currency": choices.pick(&CURRENCIES), "approver": "did:web:boss.example"})
        }
        5 => {
            let order = [["l", "m", "h"], ["m", "l", "h"]][choices.below(2)];
            json!({"type": "argument", "name": choices.pick(&NAMES), "rank": "m", "order": order})
        }
        _ => argument(choices),
    };
    if choices.below(4) == 3 {
        json["actions"] = (0..=choices.below(3)).map(|_| choices.pick(&ACTIONS)).collect();
    }
    json
}

/// A window with its most.
fn window(choices: &mut Choices<'_>, most: &str) -> Value {
    let bound = choices.below(5);
    match choices.below(8) {
        5 => json!({"calendar": "day", most: bound}),
        6 => json!({"calendar": "month", most: bound}),
        7 => json!({"calendar": "month", "offset": "-03:30", most: bound}),
        minutes => json!({"seconds": 60 * (1 + minutes), most: bound}),
    }
}

fn argument(choices: &mut Choices<'_>) -> Value {
    let name = choices.pick(&NAMES);
    let (operator, operand) = match choices.below(6) {
        0 => ("equals", value(choices)),
        1 => ("oneOf", (0..choices.below(4)).map(|_| value(choices)).collect()),
        2 => ("notOneOf", (0..=choices.below(3)).map(|_| json!(choices.below(4))).collect()),
        3 => ("prefix", ["", "m", "m/a", "m/"][choices.below(4)].into()),
        4 => ("min", choices.below(5).into()),
        _ => ("max", choices.below(5).into()),
    };
    let mut json = json!({"type": "argument", "name": name});
    json[operator] = operand;
    json
}

fn value(choices: &mut Choices<'_>) -> Value {
    match choices.below(9) {
        number @ 0..=4 => number.into(),
        5 => true.into(),
        6 => "m".into(),
        7 => "m/a/../b".into(),
        _ => "m/a".into(),
    }
}

/// A request in this world.
pub(crate) fn request(choices: &mut Choices<'_>) -> (&'static str, &'static str, FactsOf) {
    let exact = |all: &[&'static str], choices: &mut Choices<'_>| {
        let exact: Vec<_> = all.iter().filter(|text| !text.contains('*')).copied().collect();
        exact[choices.below(exact.len())]
    };
    let (action, resource) = (exact(&ACTIONS, choices), exact(&RESOURCES, choices));
    let mut facts = FactsOf::new();
    if !choices.rarely() {
        match choices.below(6) {
            5 => facts.insert("amountMicros".to_owned(), (choices.below(6) * 500_001).into()),
            whole => facts.insert("amount".to_owned(), whole.into()),
        };
        facts.insert("currency".to_owned(), choices.pick(&CURRENCIES).into());
    }
    for name in NAMES {
        match (choices.below(4), name) {
            (0, _) => {}
            (_, "channel") => {
                _ = facts.insert(name.to_owned(), ["m", "l", "h", "m/a"][choices.below(4)].into())
            }
            _ => _ = facts.insert(name.to_owned(), value(choices)),
        }
    }
    (action, resource, facts)
}

/// The same facts as a request holds them.
pub(crate) fn named(facts: &FactsOf) -> Facts {
    let fact = |json: &Value| match json {
        Value::Bool(value) => Fact::Bool(*value),
        Value::Number(value) => Fact::Integer(value.as_i64().unwrap()),
        other => Fact::Text(other.as_str().unwrap().to_owned()),
    };
    facts.iter().map(|(name, value)| (name.clone(), fact(value))).collect()
}

/// Whether an authority permits a request: some grant names it, and no constraint that binds it is broken.
/// Totals are a ledger's.
pub(crate) fn permits(
    authority: &Value,
    action: &str,
    resource: &str,
    facts: &FactsOf,
    audience: &str,
) -> bool {
    let any = |list: &Value, value: &str| {
        list.as_array().unwrap().iter().any(|pattern| matches(pattern.as_str().unwrap(), value))
    };
    let granted = authority["grants"] == "everything"
        || authority["grants"]
            .as_array()
            .unwrap()
            .iter()
            .any(|grant| any(&grant["actions"], action) && any(&grant["resources"], resource));
    let none = Vec::new();
    let all = authority["constraints"].as_array().unwrap_or(&none);
    let binds = |one: &&Value| one.get("actions").is_none_or(|actions| any(actions, action));
    granted && all.iter().filter(binds).all(|one| kept(one, all, facts, audience))
}

/// The value itself, or what goes on behind the stem of a pattern.
fn matches(pattern: &str, value: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(stem) => value.strip_prefix(stem).is_some_and(|rest| !rest.is_empty()),
        None => pattern == value,
    }
}

fn kept(one: &Value, all: &[Value], facts: &FactsOf, audience: &str) -> bool {
    let fact = |name: &str| facts.get(name);
    match one["type"].as_str().unwrap() {
        "rate" => true,
        "total" => {
            let sum = fact(one["fact"].as_str().unwrap()).and_then(Value::as_i64).filter(|sum| *sum >= 0);
            sum.is_some_and(|sum| one["perAction"].as_i64().is_none_or(|most| sum <= most))
        }
        "audience" => one["allow"].as_array().unwrap().iter().any(|allowed| allowed == audience),
        kind @ ("spend" | "approval") => {
            let minor = fact("amount").and_then(Value::as_i64).map(|amount| amount * 1_000_000);
            let amount = fact("amountMicros").and_then(Value::as_i64).or(minor);
            let (Some(amount), Some(currency)) = (amount, fact("currency")) else { return false };
            // All that are about the same list the currencies; in any other nothing passes.
            let about = |other: &&Value| {
                other["type"] == kind
                    && other["approver"] == one["approver"]
                    && normal(other.get("actions")) == normal(one.get("actions"))
            };
            let mut listed = all.iter().filter(about);
            if !listed.any(|other| other["currency"] == *currency) {
                return false;
            }
            let most = one[if kind == "spend" { "perAction" } else { "above" }].as_i64();
            one["currency"] != *currency || most.is_none_or(|most| amount <= most * 1_000_000)
        }
        _ => fact(one["name"].as_str().unwrap()).is_some_and(|value| argument_kept(one, value)),
    }
}

fn argument_kept(one: &Value, value: &Value) -> bool {
    let (min, max) = (one["min"].as_i64(), one["max"].as_i64());
    if let Some(equals) = one.get("equals") {
        equals == value
    } else if let Some(list) = one["oneOf"].as_array() {
        list.contains(value)
    } else if let Some(list) = one["notOneOf"].as_array() {
        value.is_i64() && !list.contains(value)
    } else if let Some(prefix) = one["prefix"].as_str() {
        let ways_out = ["..", "//", "\\", "%", "\0"];
        value
            .as_str()
            .is_some_and(|text| text.starts_with(prefix) && !ways_out.iter().any(|way| text.contains(way)))
    } else if let Some(order) = one["order"].as_array() {
        let place = |wanted: &Value| order.iter().position(|one| one == wanted);
        place(value).is_some_and(|found| Some(found) <= place(&one["rank"]))
    } else {
        value
            .as_i64()
            .is_some_and(|value| min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max))
    }
}

/// What a constraint is about: two of one key may not stand in one authority.
fn keys_of(one: &Value) -> Vec<String> {
    let text = |name: &str| one.get(name).map(Value::to_string).unwrap_or_default();
    let operator = ["equals", "oneOf", "notOneOf", "prefix", "min", "max"]
        .into_iter()
        .find(|name| one.get(name).is_some());
    let about =
        [text("type"), text("name"), text("fact"), text("approver"), normal(one.get("actions"))].concat();
    let window = |one: &Value| {
        let span = ["seconds", "calendar", "offset"].map(|name| one[name].to_string()).concat();
        format!("{about} {} {span}", text("currency"))
    };
    match one["type"].as_str().unwrap() {
        "spend" | "total" => {
            let per_action = one.get("perAction").map(|_| format!("{about} {}", text("currency")));
            per_action.into_iter().chain(one.get("window").map(window)).collect()
        }
        "rate" => vec![window(one)],
        "approval" => vec![format!("{about} {}", text("currency"))],
        _ => vec![format!("{about} {operator:?} {}", text("order"))],
    }
}

/// Actions in the form in which two lists that mean the same are the same.
fn normal(actions: Option<&Value>) -> String {
    let Some(actions) = actions else { return String::new() };
    let all: Vec<&str> = actions.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    let covered = |one: &str| all.iter().any(|other| *other != one && covers(other, one));
    let mut kept: Vec<&str> = all.iter().filter(|one| !covered(one)).copied().collect();
    kept.sort_unstable();
    kept.dedup();
    kept.join(" ")
}

fn covers(one: &str, other: &str) -> bool {
    match (one.strip_suffix('*'), other.strip_suffix('*')) {
        (Some(one), Some(other)) => other.starts_with(one),
        (None, Some(_)) => false,
        _ => matches(one, other),
    }
}

/// The members of an object, for whoever bends one.
pub(crate) fn members(value: &mut Value) -> &mut Map<String, Value> {
    value.as_object_mut().unwrap()
}
