//! Authorities and requests over a small domain, so that patterns cover one another, constraints
//! are about the same thing and requests meet the bounds.

use crate::{
    model::{Constraint, Grant, Model, Rule, Test},
    naive,
};
use fastrand::Rng;
use legation_credential::{Facts, Request, Value};

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
const APPROVERS: [&str; 4] = [
    "did:web:p.example",
    "did:web:q.example",
    "1 did:web:p.example did:web:q.example",
    "2 did:web:p.example did:web:q.example",
];
const CURRENCIES: [&str; 2] = ["USD", "EUR"];
/// Windows of two lengths, and of the calendar.
const SPANS: [&str; 4] =
    [r#""seconds":60"#, r#""seconds":3600"#, r#""calendar":"day""#, r#""calendar":"day","offset":"+02:00""#];
const TEXTS: [&str; 5] = ["", "u", "u/v", "u/..", "w"];
/// Rank orders of the facts `t` and `n`.
const ORDERS: [(&str, &[&str]); 3] = [("t", &["u", "w", "u/v"]), ("t", &["w", "u"]), ("n", &["2", "u", "0"])];

fn one<'a>(draw: &mut Rng, all: &[&'a str]) -> &'a str {
    all[draw.usize(..all.len())]
}

fn chance(draw: &mut Rng, percent: u8) -> bool {
    draw.u8(..100) < percent
}

/// At least so many of all, each with one chance in two or three: small sets often.
fn some<T: Clone>(draw: &mut Rng, all: &[T], least: usize) -> Vec<T> {
    let percent = [35, 50, 80][draw.usize(..3)];
    loop {
        let found: Vec<T> = all.iter().filter(|_| chance(draw, percent)).cloned().collect();
        if found.len() >= least {
            return found;
        }
    }
}

fn texts(draw: &mut Rng, all: &[&str], least: usize) -> Vec<String> {
    some(draw, all, least).into_iter().map(str::to_owned).collect()
}

fn grant(draw: &mut Rng) -> Grant {
    Grant { actions: texts(draw, &ACTION_PATTERNS, 1), resources: texts(draw, &RESOURCE_PATTERNS, 1) }
}

/// Some values of one type, with the fact that has them: `n` integers, `t` texts, `b` booleans.
fn values(draw: &mut Rng, least: usize) -> (&'static str, Vec<Value>) {
    match draw.u8(..3) {
        0 => ("n", some(draw, &[0, 1, 2, 3].map(Value::Integer), least)),
        1 => ("t", some(draw, &TEXTS.map(Value::from), least)),
        _ => ("b", some(draw, &[false, true].map(Value::Bool), least)),
    }
}

fn order_of(values: &[&str]) -> Vec<Value> {
    values.iter().map(|text| text.parse().map_or_else(|_| Value::from(*text), Value::Integer)).collect()
}

fn argument(draw: &mut Rng) -> Rule {
    let (name, test) = match draw.u8(..8) {
        0 => {
            let (name, values) = values(draw, 1);
            (name, Test::Equals(values[0].clone()))
        }
        1 => {
            let (name, values) = values(draw, 0);
            (name, Test::OneOf(values))
        }
        2 | 3 => {
            let (name, values) = values(draw, 1);
            (name, Test::NotOneOf(values))
        }
        4 => ("t", Test::Prefix(one(draw, &["", "u", "u/", "w"]).to_owned())),
        5 => (one(draw, &["n", "amount"]), Test::Min(draw.i64(0..4))),
        6 => (one(draw, &["n", "amount"]), Test::Max(draw.i64(0..4))),
        _ => {
            let (name, order) = ORDERS[draw.usize(..ORDERS.len())];
            let order = order_of(order);
            (name, Test::Rank { rank: order[draw.usize(..order.len())].clone(), order })
        }
    };
    Rule::Argument { name: name.to_owned(), test }
}

/// One constraint of any type, for some actions or for all.
pub(crate) fn constraint(draw: &mut Rng) -> Constraint {
    let span = |draw: &mut Rng| one(draw, &SPANS).to_owned();
    let rule = match draw.u8(..12) {
        0..=2 => {
            let window = draw.bool().then(|| (span(draw), draw.i64(0..4)));
            let per_action = (window.is_none() || draw.bool()).then(|| draw.i64(0..4));
            Rule::Spend { currency: one(draw, &CURRENCIES).to_owned(), per_action, window }
        }
        3 => Rule::Rate { window: span(draw), max: draw.i64(0..4) },
        4 => Rule::Audience(texts(draw, &AUDIENCES, 0)),
        10 | 11 => {
            let window = draw.bool().then(|| (span(draw), draw.i64(0..4)));
            let per_action = (window.is_none() || draw.bool()).then(|| draw.i64(0..4));
            Rule::Total { fact: one(draw, &["n", "amount"]).to_owned(), per_action, window }
        }
        5 | 6 => Rule::Approval {
            above: draw.i64(0..4),
            currency: one(draw, &CURRENCIES).to_owned(),
            approver: one(draw, &APPROVERS).to_owned(),
        },
        _ => argument(draw),
    };
    let actions = chance(draw, 40).then(|| texts(draw, &ACTION_PATTERNS, 1));
    Constraint { actions, rule }
}

/// Of two constraints of one link about the same thing the second is left out: the library
/// refuses to read such a link.
fn push(model: &mut Model, constraint: Constraint) {
    if !model.constraints.iter().any(|one| naive::same_thing(one, &constraint)) {
        model.constraints.push(constraint);
    }
}

pub(crate) fn model(draw: &mut Rng) -> Model {
    let grants = (0..draw.usize(0..=3)).map(|_| grant(draw)).collect();
    let mut model = Model { grants, constraints: Vec::new() };
    for _ in 0..draw.usize(0..=5) {
        let constraint = constraint(draw);
        push(&mut model, constraint);
    }
    model
}

/// The same with one or two things changed: a grant or constraint more, less or another, or
/// just another bound.
pub(crate) fn near(draw: &mut Rng, model: &Model) -> Model {
    let mut near = model.clone();
    for _ in 0..draw.usize(1..=2) {
        match draw.u8(..6) {
            0 => near.grants.push(grant(draw)),
            1 if !near.grants.is_empty() => drop(near.grants.remove(draw.usize(..near.grants.len()))),
            2 if !near.constraints.is_empty() => {
                near.constraints.remove(draw.usize(..near.constraints.len()));
            }
            3 => {
                let constraint = constraint(draw);
                push(&mut near, constraint);
            }
            _ if !near.constraints.is_empty() => {
                let at = draw.usize(..near.constraints.len());
                move_bound(draw, &mut near.constraints[at].rule);
            }
            _ => {}
        }
    }
    near
}

/// Another bound for the same thing.
fn move_bound(draw: &mut Rng, rule: &mut Rule) {
    match rule {
        Rule::Spend { per_action: Some(most), .. }
        | Rule::Spend { window: Some((_, most)), .. }
        | Rule::Total { per_action: Some(most), .. }
        | Rule::Total { window: Some((_, most)), .. } => *most = draw.i64(0..4),
        Rule::Rate { max: most, .. } | Rule::Approval { above: most, .. } => *most = draw.i64(0..4),
        Rule::Audience(allow) => *allow = texts(draw, &AUDIENCES, 0),
        Rule::Argument { test: Test::Min(bound) | Test::Max(bound), .. } => *bound = draw.i64(0..4),
        Rule::Argument { test: Test::Prefix(prefix), .. } => {
            one(draw, &["", "u", "u/", "w"]).clone_into(prefix);
        }
        Rule::Argument { test: Test::Rank { rank, order }, .. } => {
            rank.clone_from(&order[draw.usize(..order.len())]);
        }
        Rule::Argument { test: Test::OneOf(values), .. } => drop(values.pop()),
        Rule::Argument { test: Test::NotOneOf(values), .. } if values.len() > 1 => drop(values.pop()),
        Rule::Argument { .. } | Rule::Spend { .. } | Rule::Total { .. } => {}
    }
}

/// A link that does not widen what the links before it leave: what would is taken out of it,
/// grant by grant and constraint by constraint. Where no grant is left it has those before it.
pub(crate) fn link(draw: &mut Rng, before: &[Model]) -> Model {
    let last = before.last().unwrap();
    let mut link = if draw.bool() { model(draw) } else { near(draw, last) };
    let held = naive::Held::of(before);
    link.grants.retain(|grant| {
        let pairs = |action| grant.resources.iter().map(move |resource: &String| (action, resource));
        grant.actions.iter().flat_map(pairs).all(|(action, resource)| held.covers((action, resource)))
    });
    if link.grants.is_empty() {
        link.grants.clone_from(&last.grants);
    }
    let fitting: Vec<bool> = link.constraints.iter().map(|one| held.fits(one)).collect();
    let mut fitting = fitting.into_iter();
    link.constraints.retain(|_| fitting.next().unwrap());
    link
}

/// Links of which none widens those before it.
pub(crate) fn chain(draw: &mut Rng, length: usize) -> Vec<Model> {
    let mut links = vec![model(draw)];
    while links.len() < length {
        let next = link(draw, &links);
        links.push(next);
    }
    links
}

/// A request to one of the audiences. Most have most facts, so that some are permitted.
pub(crate) fn request(draw: &mut Rng) -> (Request, &'static str) {
    let mut facts = Facts::new();
    let mut add = |draw: &mut Rng, name: &str, value: Value| {
        if chance(draw, 90) {
            facts.insert(name.to_owned(), value);
        }
    };
    // Halves of a minor unit, too, and what is one millionth more.
    let amount = draw.i64(0..=4);
    match draw.u8(..4) {
        0 => {
            let micros = amount * 1_000_000 + [-500_000, 1, 500_000][draw.usize(..3)];
            add(draw, "amountMicros", Value::Integer(micros.max(0)));
        }
        _ => add(draw, "amount", Value::Integer(amount)),
    }
    let currency = one(draw, &["USD", "EUR", "GBP"]).into();
    add(draw, "currency", currency);
    let n = if chance(draw, 15) { "u".into() } else { Value::Integer(draw.i64(-1..=4)) };
    add(draw, "n", n);
    let t = if chance(draw, 15) { Value::Integer(1) } else { one(draw, &TEXTS).into() };
    add(draw, "t", t);
    let b = Value::Bool(draw.bool());
    add(draw, "b", b);
    let (action, resource) = (one(draw, &ACTIONS), one(draw, &RESOURCES));
    (Request::new(action, resource, facts).unwrap(), one(draw, &AUDIENCES))
}
