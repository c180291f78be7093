//! Authorities and requests over a small domain.

use legation_credential::{Authority, Facts, Request, Value, extend};
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{select, subsequence},
};
use serde_json::{Value as Json, json};

pub(crate) const ACTIONS: [&str; 5] = ["a", "a.b", "a.c", "a.b.c", "d"];
pub(crate) const ACTION_PATTERNS: [&str; 7] = ["a", "a.b", "a.c", "a.b.c", "a.*", "a.b.*", "d"];
pub(crate) const RESOURCES: [&str; 4] =
    ["https://s.example/", "https://s.example/x", "https://s.example/x/y", "https://t.example/"];
pub(crate) const RESOURCE_PATTERNS: [&str; 6] = [
    "https://s.example/",
    "https://s.example/x",
    "https://s.example/x/y",
    "https://s.example/*",
    "https://s.example/x/*",
    "https://t.example/",
];
pub(crate) const AUDIENCES: [&str; 3] = ["did:web:v.example", "did:web:w.example", "did:web:x.example"];
const APPROVERS: [&str; 2] = ["did:web:p.example", "did:web:q.example"];
const CURRENCIES: [&str; 2] = ["USD", "EUR"];
const TEXTS: [&str; 5] = ["", "u", "u/v", "u/..", "w"];

fn some<T: Clone + core::fmt::Debug + 'static>(all: &[T], from: usize) -> impl Strategy<Value = Vec<T>> {
    subsequence(all.to_vec(), from..=all.len())
}

fn grant() -> impl Strategy<Value = Json> {
    (some(&ACTION_PATTERNS, 1), some(&RESOURCE_PATTERNS, 1))
        .prop_map(|(actions, resources)| json!({"actions": actions, "resources": resources}))
}

fn spend() -> impl Strategy<Value = Json> {
    let window = (select(vec![60, 3600]), 0..4);
    (select(CURRENCIES.to_vec()), option::of(0..4), option::of(window)).prop_map(
        |(currency, per_action, window)| {
            let mut json = json!({"type": "spend", "currency": currency});
            if let Some((seconds, amount)) = window {
                json["window"] = json!({"seconds": seconds, "amount": amount});
            }
            if let Some(most) = per_action.or(window.is_none().then_some(3)) {
                json["perAction"] = json!(most);
            }
            json
        },
    )
}

/// One value of the fact `n` (integers), `t` (texts) or `b` (booleans).
fn values() -> impl Strategy<Value = (&'static str, Vec<Json>)> {
    prop_oneof![
        some(&[0, 1, 2, 3], 0).prop_map(|all| ("n", all.into_iter().map(Json::from).collect())),
        some(&TEXTS, 0).prop_map(|all| ("t", all.into_iter().map(Json::from).collect())),
        some(&[false, true], 0).prop_map(|all| ("b", all.into_iter().map(Json::from).collect())),
    ]
}

fn argument() -> impl Strategy<Value = Json> {
    let listed =
        (values(), select(vec!["equals", "oneOf", "notOneOf"])).prop_map(|((name, all), operator)| {
            let first = all.first().cloned();
            let mut json = json!({"type": "argument", "name": name});
            match (operator, first) {
                ("equals", Some(first)) => json["equals"] = first,
                ("notOneOf", Some(_)) => json["notOneOf"] = all.into(),
                _ => json["oneOf"] = all.into(),
            }
            json
        });
    let number = (select(vec!["min", "max"]), select(vec!["n", "amount"]), 0..4)
        .prop_map(|(operator, name, bound)| json!({"type": "argument", "name": name, operator: bound}));
    let prefix = select(vec!["", "u", "u/", "w"])
        .prop_map(|prefix| json!({"type": "argument", "name": "t", "prefix": prefix}));
    let rank = select(vec![
        ("t", json!(["u", "w", "u/v"]), json!("u")),
        ("t", json!(["u", "w", "u/v"]), json!("w")),
        ("t", json!(["u", "w", "u/v"]), json!("u/v")),
        ("t", json!(["w", "u"]), json!("u")),
        ("t", json!(["w", "u"]), json!("w")),
        ("n", json!([2, "u", 0]), json!("u")),
        ("n", json!([2, "u", 0]), json!(2)),
    ])
    .prop_map(|(name, order, rank)| json!({"type": "argument", "name": name, "rank": rank, "order": order}));
    prop_oneof![2 => listed, 1 => number, 1 => prefix, 1 => rank]
}

/// One constraint of any type, for some actions or for all.
pub(crate) fn constraint() -> impl Strategy<Value = Json> {
    let rate = (select(vec![60, 3600]), 0..4)
        .prop_map(|(seconds, max)| json!({"type": "rate", "seconds": seconds, "max": max}));
    let audience = some(&AUDIENCES, 0).prop_map(|allow| json!({"type": "audience", "allow": allow}));
    let approval = (0..4, select(CURRENCIES.to_vec()), select(APPROVERS.to_vec())).prop_map(
        |(above, currency, approver)| {
            json!({"type": "approval", "above": above, "currency": currency, "approver": approver})
        },
    );
    let any = prop_oneof![3 => spend(), 1 => rate, 1 => audience, 2 => approval, 3 => argument()];
    (any, option::weighted(0.4, some(&ACTION_PATTERNS, 1))).prop_map(|(mut json, actions)| {
        if let Some(actions) = actions {
            json["actions"] = actions.into();
        }
        json
    })
}

/// The text of an authority. Of two constraints for one thing the second is left out.
pub(crate) fn written() -> impl Strategy<Value = Json> {
    (vec(grant(), 0..=3), vec(constraint(), 0..=5)).prop_map(|(grants, constraints)| {
        let mut json = json!({"grants": grants, "constraints": []});
        for one in constraints {
            let kept = json.clone();
            json["constraints"].as_array_mut().unwrap().push(one);
            if Authority::parse(&json.to_string()).is_err() {
                json = kept;
            }
        }
        json
    })
}

pub(crate) fn authority() -> impl Strategy<Value = Authority> {
    written().prop_map(|json| Authority::parse(&json.to_string()).unwrap())
}

/// What is left of a link where all that `effective` refuses is taken out of it, grant by grant
/// and constraint by constraint; with the grants of `effective` where none is left.
fn fitted(effective: &Authority, written: &Json) -> Authority {
    let mut json = json!({"grants": [], "constraints": []});
    for member in ["grants", "constraints"] {
        for one in written[member].as_array().unwrap() {
            let kept = json.clone();
            json[member].as_array_mut().unwrap().push(one.clone());
            let link = Authority::parse(&json.to_string()).unwrap();
            if extend(effective.clone(), &link).is_err() {
                json = kept;
            }
        }
        if json["grants"].as_array().unwrap().is_empty() {
            json["grants"] = effective.to_json()["grants"].clone();
        }
    }
    Authority::parse(&json.to_string()).unwrap()
}

/// Authorities in order, each of which extends those before it: their effective authority after
/// each link, and the links.
pub(crate) fn chain(links: usize) -> impl Strategy<Value = (Vec<Authority>, Vec<Authority>)> {
    vec(written(), links).prop_map(|all| {
        let first = Authority::parse(&all[0].to_string()).unwrap();
        let (mut effective, mut links) = (vec![first.clone()], vec![first]);
        for written in &all[1..] {
            let last = effective.last().unwrap();
            let link = fitted(last, written);
            let next = extend(last.clone(), &link).unwrap();
            links.push(link);
            effective.push(next);
        }
        (effective, links)
    })
}

/// A request to one of the audiences. Most have most facts, so that some are permitted.
pub(crate) fn request() -> impl Strategy<Value = (Request, &'static str)> {
    let fact = |values: Vec<Value>| option::weighted(0.9, select(values));
    let integers = |most: i64| (0..=most).map(Value::Integer).collect::<Vec<_>>();
    let texts = |all: &[&str]| all.iter().map(|text| Value::from(*text)).collect::<Vec<_>>();
    let facts = (
        fact(integers(4)),
        fact(texts(&["USD", "EUR", "GBP"])),
        fact([integers(4), texts(&["u"])].concat()),
        fact([texts(&TEXTS), vec![Value::Integer(1)]].concat()),
        fact(vec![Value::Bool(false), Value::Bool(true)]),
    );
    (select(ACTIONS.to_vec()), select(RESOURCES.to_vec()), facts, select(AUDIENCES.to_vec())).prop_map(
        |(action, resource, (amount, currency, n, t, b), audience)| {
            let named = [("amount", amount), ("currency", currency), ("n", n), ("t", t), ("b", b)];
            let facts: Facts =
                named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
            (Request::new(action, resource, facts).unwrap(), audience)
        },
    )
}

pub(crate) fn requests() -> impl Strategy<Value = Vec<(Request, &'static str)>> {
    vec(request(), 24)
}
