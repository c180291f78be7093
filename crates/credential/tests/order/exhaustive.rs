//! `is_within` against inclusion, exhaustively over a small domain: for each kind of constraint
//! all pairs of bounds against all requests.
//!
//! `is_within` must never hold where inclusion does not. Where it does not hold although
//! inclusion does, it refuses something harmless; the cases that do so are named, each with
//! its reason.

use crate::generate::AUDIENCES;
use legation_credential::{Authority, Facts, Request, Value};
use serde_json::{Value as Json, json};

/// An authority of one grant and these constraints.
fn limited(constraints: &[Json]) -> Authority {
    let grants = json!([{"actions": ["a"], "resources": ["https://s.example/"]}]);
    Authority::parse(&json!({"grants": grants, "constraints": constraints}).to_string()).unwrap()
}

fn with(facts: &[(&str, Value)]) -> Request {
    let facts: Facts = facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Request::new("a", "https://s.example/", facts).unwrap()
}

fn subsets(all: &[Json]) -> Vec<Vec<Json>> {
    (0..1_u32 << all.len())
        .map(|bits| {
            all.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1).map(|(_, one)| one.clone()).collect()
        })
        .collect()
}

/// For each pair: inclusion by all the requests, and the answer of `is_within`. Gives the pairs
/// that are included without being within.
fn compare(sets: &[Vec<Json>], requests: &[Request]) -> Vec<(usize, usize)> {
    let all: Vec<Authority> = sets.iter().map(|set| limited(set)).collect();
    let permitted: Vec<Vec<bool>> = all
        .iter()
        .map(|one| {
            let judge = |request| AUDIENCES.iter().map(move |to| one.permits(request, to).is_ok());
            requests.iter().flat_map(judge).collect()
        })
        .collect();
    let mut exceptions = Vec::new();
    for (a, one) in all.iter().enumerate() {
        for (b, other) in all.iter().enumerate() {
            let included = permitted[a].iter().zip(&permitted[b]).all(|(one, other)| !one || *other);
            let within = one.is_within(other);
            assert!(included || !within, "{:?} is not within {:?}", sets[a], sets[b]);
            if included && !within {
                exceptions.push((a, b));
            }
        }
    }
    exceptions
}

/// Every value that a fact `x` may have here, and requests that have each, and none.
fn requests_of_x() -> Vec<Request> {
    let texts = ["", "u", "u/", "u/v", "u/v/w", "u/..", "u//v", "w", "1"].map(Value::from);
    let numbers = (-2..=5).map(Value::Integer);
    let all = texts.into_iter().chain(numbers).chain([Value::Bool(false), Value::Bool(true)]);
    all.map(|value| with(&[("x", value)])).chain([with(&[])]).collect()
}

fn of_x(operator: &str, values: impl IntoIterator<Item = Json>) -> Vec<Vec<Json>> {
    values.into_iter().map(|value| vec![json!({"type": "argument", "name": "x", operator: value})]).collect()
}

fn amounts() -> Vec<Request> {
    let mut all = vec![with(&[]), with(&[("currency", "USD".into())])];
    for amount in 0..=4 {
        all.push(with(&[("amount", Value::Integer(amount))]));
        for currency in ["USD", "EUR", "GBP"] {
            all.push(with(&[("amount", Value::Integer(amount)), ("currency", currency.into())]));
        }
    }
    all
}

#[test]
fn one_value_some_values_and_ranges_are_compared_exactly() {
    let some = [json!("u"), json!("w"), json!(1), json!(true)];
    for (operator, values) in [
        ("equals", some.to_vec()),
        ("oneOf", subsets(&some).into_iter().map(Json::from).collect()),
        ("min", (-1..=4).map(Json::from).collect()),
        ("max", (-2..=3).map(Json::from).collect()),
        ("prefix", ["", "u", "u/", "u/v", "w"].map(Json::from).to_vec()),
    ] {
        assert_eq!(compare(&of_x(operator, values), &requests_of_x()), [], "{operator}");
    }
}

#[test]
fn excluded_values_are_compared_exactly_but_for_the_type_that_has_only_two() {
    let texts = subsets(&[json!("u"), json!("w"), json!("u/v")]);
    let numbers = subsets(&[json!(1), json!(2), json!(3)]);
    let sets: Vec<Json> =
        [texts, numbers].concat().into_iter().filter(|set| !set.is_empty()).map(Json::from).collect();
    assert_eq!(compare(&of_x("notOneOf", sets), &requests_of_x()), []);

    let booleans = [json!([false]), json!([true]), json!([false, true]), json!([1]), json!(["u"])];
    // Without both booleans nothing is left, which is included in everything; it stays within
    // sets of booleans only, as no other type can be exhausted.
    assert_eq!(compare(&of_x("notOneOf", booleans), &requests_of_x()), [(2, 3), (2, 4)]);
}

#[test]
fn ranks_are_compared_exactly_within_one_order() {
    let rank = |rank: &str, order: &[&str]| {
        vec![json!({"type": "argument", "name": "x", "rank": rank, "order": order})]
    };
    let one = ["u", "w", "1"];
    let sets: Vec<_> = one.iter().map(|value| rank(value, &one)).collect();
    assert_eq!(compare(&sets, &requests_of_x()), []);
    // Another order is about another thing, even where it happens to permit the same: the
    // keys differ, and both limits hold side by side.
    let sets = [rank("u", &["u", "w"]), rank("u", &["u", "1"])];
    assert_eq!(compare(&sets, &requests_of_x()), [(0, 1), (1, 0)]);
}

#[test]
fn operators_of_different_kinds_stand_side_by_side() {
    let sets = [
        of_x("equals", [json!(1)]),
        of_x("oneOf", [json!([1])]),
        of_x("oneOf", [json!([])]),
        of_x("max", [json!(1)]),
        of_x("min", [json!(1)]),
        vec![vec![]],
    ]
    .concat();
    // What is included but not within: `equals 1` and `oneOf [1]` are the same set under two
    // keys, and so are the smaller sets of one key and the larger of another. A child that
    // changes the operator keeps the inherited limit beside its own, so nothing is lost.
    let expected =
        [[(0, 1), (0, 3), (0, 4)].as_slice(), &[(1, 0), (1, 3), (1, 4)], &[(2, 0), (2, 3), (2, 4)]].concat();
    assert_eq!(compare(&sets, &requests_of_x()), expected);
}

#[test]
fn audiences_are_compared_exactly() {
    let sets: Vec<Vec<Json>> = subsets(&AUDIENCES.map(Json::from))
        .into_iter()
        .map(|allow| vec![json!({"type": "audience", "allow": allow})])
        .collect();
    assert_eq!(compare(&sets, &[with(&[])]), []);
}

/// For each of two currencies no constraint, or one at each amount.
fn by_currency(constraint: impl Fn(&str, i32) -> Json) -> Vec<Vec<Json>> {
    let of = |currency: &'static str| {
        let bounds = (0..=3).map(|most| Some(constraint(currency, most)));
        [None].into_iter().chain(bounds).collect::<Vec<_>>()
    };
    let pairs =
        of("USD").into_iter().flat_map(|usd| of("EUR").into_iter().map(move |eur| [usd.clone(), eur]));
    pairs.map(|pair| pair.into_iter().flatten().collect()).collect()
}

#[test]
fn amounts_per_action_in_two_currencies_are_compared_exactly() {
    let sets =
        by_currency(|currency, most| json!({"type": "spend", "currency": currency, "perAction": most}));
    assert_eq!(compare(&sets, &amounts()), []);
}

#[test]
fn approvals_in_two_currencies_are_compared_exactly() {
    let approver = "did:web:p.example";
    let sets = by_currency(
        |currency, above| json!({"type": "approval", "above": above, "currency": currency, "approver": approver}),
    );
    assert_eq!(compare(&sets, &amounts()), []);
}

/// How many actions of this amount each total leaves room for; `None` where it is not asked.
fn room(authority: &Authority, request: &Request) -> Option<i64> {
    authority.debits(request).map(|debit| debit.most.checked_div(debit.amount).unwrap_or(i64::MAX)).min()
}

#[test]
fn totals_are_compared_by_what_they_leave_room_for() {
    let window = |seconds: i32| {
        by_currency(
            move |currency, most| json!({"type": "spend", "currency": currency, "window": {"seconds": seconds, "amount": most}}),
        )
    };
    let rates: Vec<Vec<Json>> =
        (0..=3).map(|max| vec![json!({"type": "rate", "seconds": 60, "max": max})]).chain([vec![]]).collect();
    // Requests of 1 take apart every two amounts.
    let requests: Vec<Request> =
        amounts().into_iter().filter(|one| one.facts().get("amount") == Some(&Value::Integer(1))).collect();
    for sets in [window(60), rates] {
        let all: Vec<Authority> = sets.iter().map(|set| limited(set)).collect();
        for one in &all {
            for other in &all {
                let included = requests.iter().all(|request| {
                    let permitted = |of: &Authority| of.permits(request, AUDIENCES[0]).is_ok();
                    let most = |of: &Authority| room(of, request).unwrap_or(i64::MAX);
                    !permitted(one) || permitted(other) && most(one) <= most(other)
                });
                assert_eq!(one.is_within(other), included, "{one:?}\n{other:?}");
            }
        }
    }
    // Windows of different lengths are different totals, of which neither is within the other.
    let (short, long) = (limited(&window(60)[6]), limited(&window(3600)[6]));
    assert!(!short.is_within(&long) && !long.is_within(&short));
}

#[test]
fn actions_of_grants_are_compared_exactly() {
    let (patterns, actions) = (["a", "a.b", "a.*", "a.b.*"], ["a", "a.b", "a.c", "a.b.c", "a.b.c.d"]);
    let all: Vec<Authority> = subsets(&patterns.map(Json::from))
        .into_iter()
        .map(|actions| {
            let grants = json!([{"actions": actions, "resources": ["https://s.example/"]}]);
            Authority::parse(&json!({"grants": grants}).to_string()).unwrap()
        })
        .collect();
    for one in &all {
        for other in &all {
            let permits = |of: &Authority, action: &str| {
                let request = Request::new(action, "https://s.example/", Facts::new()).unwrap();
                of.permits(&request, AUDIENCES[0]).is_ok()
            };
            let included = actions.iter().all(|action| !permits(one, action) || permits(other, action));
            assert_eq!(one.is_within(other), included, "{one:?}\n{other:?}");
        }
    }
}

/// A limit for some actions and the same limit for all of them are two keys.
#[test]
fn scopes_are_not_compared() {
    let wide = limited(&[json!({"type": "argument", "name": "x", "max": 1})]);
    let scoped = limited(&[json!({"type": "argument", "name": "x", "max": 2, "actions": ["a"]})]);
    // Included, as the only granted action is `a`; a child that says this keeps both.
    assert!(!wide.is_within(&scoped));
    let both = legation_credential::extend(wide.clone(), &scoped).unwrap();
    assert!(both.is_within(&wide) && both.is_within(&scoped));
}
