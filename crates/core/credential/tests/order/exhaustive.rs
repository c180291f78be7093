//! The laws of the order, exhaustively over a small domain: for each kind of constraint all pairs
//! and triples of bounds, against all requests; and `is_within` against inclusion.
//!
//! `is_within` must never hold where inclusion does not. Where it does not hold although
//! inclusion does, it refuses something harmless; the cases that do so are named, each with
//! its reason.

use crate::{
    draw::{ACTIONS, AUDIENCES, RESOURCES},
    laws::hold,
    model::{Grant, Model},
    naive,
};
use legation_credential::{Authority, Facts, Pattern, Request, Situation, Value, extend, resource};
use legation_did::Did;
use serde_json::{Value as Json, json};
use url::Url;

/// An authority of one grant and these constraints.
fn limited(constraints: &[Json]) -> Authority {
    Model::limited(constraints).authority()
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

/// Each request to each audience.
fn asked(requests: &[Request]) -> Vec<(Request, &'static str)> {
    requests.iter().flat_map(|request| AUDIENCES.iter().map(move |to| (request.clone(), *to))).collect()
}

/// All laws over these sets of constraints. Gives the pairs that are included without being
/// within.
fn compare(sets: &[Vec<Json>], requests: &[Request]) -> Vec<(usize, usize)> {
    let domain: Vec<Model> = sets.iter().map(|set| Model::limited(set)).collect();
    let to_all = sets.iter().flatten().any(|one| one["type"] == "audience");
    let to_one = || requests.iter().map(|request| (request.clone(), AUDIENCES[0])).collect();
    hold(&domain, &if to_all { asked(requests) } else { to_one() })
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
    for micros in [1, 999_999, 1_000_001, 2_000_000, 3_000_001] {
        all.push(with(&[("amountMicros", Value::Integer(micros)), ("currency", "USD".into())]));
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

#[test]
fn approvals_by_two_approvers_stand_side_by_side() {
    let approval = |approver: &str, above: i32| {
        let approver = format!("did:web:{approver}.example");
        json!({"type": "approval", "above": above, "currency": "USD", "approver": approver})
    };
    let of = |approver: &'static str| [None, Some(approval(approver, 0)), Some(approval(approver, 2))];
    let sets: Vec<Vec<Json>> = of("p")
        .into_iter()
        .flat_map(|one| {
            of("q").into_iter().map(move |other| [one.clone(), other].into_iter().flatten().collect())
        })
        .collect();
    // One approver's limit may be as tight as another's; they are about different things.
    compare(&sets, &amounts());
}

/// Whoever has approved: a tighter authority passes nothing that a looser one stops, and what two links together pass
/// each of them passes.
#[test]
fn approvals_that_are_given_let_nothing_pass_that_a_looser_limit_stops() {
    let (p, q) = ("did:web:p.example", "did:web:q.example");
    let forms =
        [json!({"approver": p}), json!({"approvers": [p, q]}), json!({"approvers": [p, q], "threshold": 2})];
    let limit = |form: &Json, above: i32| {
        let mut limit = json!({"type": "approval", "above": above, "currency": "USD"});
        limit.as_object_mut().unwrap().extend(form.as_object().unwrap().clone());
        limit
    };
    let optional = |form: &Json| [None, Some(limit(form, 0)), Some(limit(form, 2))];
    let mut authorities = Vec::new();
    for one in optional(&forms[0]) {
        for two in optional(&forms[1]) {
            for three in optional(&forms[2]) {
                let all: Vec<Json> = [one.clone(), two.clone(), three].into_iter().flatten().collect();
                let grants = json!([{"actions": ["a"], "resources": ["https://a.example/"]}]);
                let text = json!({"grants": grants, "constraints": all}).to_string();
                authorities.push(Authority::parse(&text).unwrap());
            }
        }
    }
    let (p, q): (Did, Did) = (p.parse().unwrap(), q.parse().unwrap());
    let given = [vec![], vec![p.clone()], vec![q.clone()], vec![p.clone(), p.clone()], vec![q, p]];
    let passes = |authority: &Authority, amount: i64, approvers: &[Did]| {
        let facts = [("amount".to_owned(), Value::Integer(amount)), ("currency".to_owned(), "USD".into())];
        let request = Request::new("a", "https://a.example/", facts.into()).unwrap();
        authority.permits_in(&request, Situation { approvers, ..Situation::at("a") }).is_ok()
    };
    let (mut within, mut approved) = (0, 0);
    for one in &authorities {
        for other in &authorities {
            let met = extend(other.clone(), one).ok();
            for (amount, approvers) in
                [0, 1, 3].iter().flat_map(|amount| given.iter().map(move |by| (*amount, by)))
            {
                let (first, second) = (passes(one, amount, approvers), passes(other, amount, approvers));
                if one.is_within(other) {
                    within += 1;
                    assert!(!first || second, "{one:?}\n{other:?}\n{amount} {approvers:?}");
                }
                if let Some(met) = &met {
                    assert_eq!(passes(met, amount, approvers), first && second, "{one:?}\n{other:?}");
                }
                approved += usize::from(first && !passes(one, amount, &[]));
            }
        }
    }
    assert!(within > 1000 && approved > 1000, "{within}, {approved}");
}

#[test]
fn totals_are_compared_by_what_they_leave_room_for() {
    let window = |seconds: i32| {
        by_currency(
            move |currency, most| json!({"type": "spend", "currency": currency, "window": {"seconds": seconds, "amount": most}}),
        )
    };
    let rate = |seconds: i32| (0..=3).map(move |max| json!({"type": "rate", "seconds": seconds, "max": max}));
    let rates: Vec<Vec<Json>> = rate(60).map(|one| vec![one]).chain([vec![]]).collect();
    for sets in [window(60), rates] {
        assert_eq!(compare(&sets, &amounts()), []);
    }
    // Windows of different lengths are different totals, of which neither is within the other.
    let both: Vec<Vec<Json>> = rate(60)
        .map(|one| vec![one])
        .chain(rate(3600).map(|one| vec![one]))
        .chain(rate(60).flat_map(|one| rate(3600).map(move |other| vec![one.clone(), other])))
        .collect();
    assert_eq!(compare(&both, &amounts()), []);
    let (short, long) = (limited(&window(60)[6]), limited(&window(3600)[6]));
    assert!(!short.is_within(&long) && !long.is_within(&short));
}

#[test]
fn windows_of_another_kind_period_or_offset_stand_side_by_side() {
    let spans = [
        json!({"seconds": 86_400}),
        json!({"calendar": "day"}),
        json!({"calendar": "week"}),
        json!({"calendar": "day", "offset": "+02:00"}),
    ];
    let with = |mut one: Json, span: &Json| {
        one.as_object_mut().unwrap().extend(span.as_object().unwrap().clone());
        one
    };
    let spend = |span: &Json, most: i32| json!({"type": "spend", "currency": "USD", "window": with(json!({"amount": most}), span)});
    let total = |span: &Json, most: i32| json!({"type": "total", "fact": "amount", "window": with(json!({"sum": most}), span)});
    let rate = |span: &Json, most: i32| with(json!({"type": "rate", "max": most}), span);
    for kind in 0..3 {
        let limit = |span: &Json, most: i32| match kind {
            0 => spend(span, most),
            1 => total(span, most),
            _ => rate(span, most),
        };
        // Of each window no limit or one of two bounds, in two of them at once.
        let mut sets = vec![vec![]];
        for (at, span) in spans.iter().enumerate() {
            for most in [1, 3] {
                sets.push(vec![limit(span, most)]);
                for other in &spans[..at] {
                    sets.extend([1, 3].map(|other_most| vec![limit(other, other_most), limit(span, most)]));
                }
            }
        }
        assert_eq!(compare(&sets, &amounts()), []);
    }
    // UTC is one offset, however it is written.
    let utc = |offset: Json| limited(&[with(json!({"type": "rate", "calendar": "day", "max": 1}), &offset)]);
    assert_eq!(utc(json!({})), utc(json!({"offset": "+00:00"})));
}

#[test]
fn windows_beside_amounts_per_action_are_compared_exactly() {
    let spend = |per_action: Option<i32>, windows: [Option<i32>; 2]| {
        let spend = || json!({"type": "spend", "currency": "USD"});
        let mut set = Vec::new();
        if let Some(most) = per_action {
            set.push(spend());
            set[0]["perAction"] = json!(most);
        }
        for (seconds, amount) in [60, 3600].into_iter().zip(windows) {
            if let Some(amount) = amount {
                let mut one = spend();
                one["window"] = json!({"seconds": seconds, "amount": amount});
                set.push(one);
            }
        }
        set
    };
    let bounds = [None, Some(1), Some(3)];
    let windows = bounds.into_iter().flat_map(|short| bounds.into_iter().map(move |long| [short, long]));
    let sets: Vec<_> =
        windows.flat_map(|windows| bounds.into_iter().map(move |most| spend(most, windows))).collect();
    assert_eq!(compare(&sets, &amounts()), []);
}

#[test]
fn sums_of_a_fact_are_compared_exactly() {
    let total = |per_action: Option<i32>, windows: [Option<i32>; 2]| {
        let total = || json!({"type": "total", "fact": "x"});
        let mut set = Vec::new();
        if let Some(most) = per_action {
            set.push(total());
            set[0]["perAction"] = json!(most);
        }
        for (seconds, sum) in [60, 3600].into_iter().zip(windows) {
            if let Some(sum) = sum {
                let mut one = total();
                one["window"] = json!({"seconds": seconds, "sum": sum});
                set.push(one);
            }
        }
        set
    };
    let bounds = [None, Some(0), Some(1), Some(3)];
    let windows = bounds.into_iter().flat_map(|short| bounds.into_iter().map(move |long| [short, long]));
    let sets: Vec<_> =
        windows.flat_map(|windows| bounds.into_iter().map(move |most| total(most, windows))).collect();
    assert_eq!(compare(&sets, &requests_of_x()), []);
}

fn everywhere() -> Vec<(Request, &'static str)> {
    let request = |action: &str, resource: &str| Request::new(action, resource, Facts::new()).unwrap();
    let resources = || RESOURCES.into_iter().chain(["https://s.example/y"]);
    let actions = ACTIONS.into_iter().chain(["a.b.d"]);
    actions
        .flat_map(|action| resources().map(move |resource| (request(action, resource), AUDIENCES[0])))
        .collect()
}

fn granted(pairs: &[(&str, &str)]) -> Model {
    let grant = |(action, resource): &(&str, &str)| Grant {
        actions: vec![(*action).to_owned()],
        resources: vec![(*resource).to_owned()],
    };
    Model { grants: pairs.iter().map(grant).collect(), constraints: Vec::new() }
}

fn sets_of_pairs(pairs: &[(&'static str, &'static str)]) -> Vec<Model> {
    let chosen = |bits: usize| (0..pairs.len()).filter(move |at| bits >> at & 1 == 1);
    (0..1 << pairs.len()).map(|bits| granted(&chosen(bits).map(|at| pairs[at]).collect::<Vec<_>>())).collect()
}

#[test]
fn grants_of_all_patterns_are_compared_exactly() {
    let actions = ["a", "a.b", "a.*", "a.b.*", "d"].map(|action| (action, "https://s.example/"));
    assert_eq!(hold(&sets_of_pairs(&actions), &everywhere()), []);
    let resources =
        ["https://s.example/", "https://s.example/x", "https://s.example/*", "https://s.example/x/*"]
            .map(|resource| ("a", resource));
    assert_eq!(hold(&sets_of_pairs(&resources), &everywhere()), []);
}

#[test]
fn grants_of_pairs_are_compared_exactly() {
    let (all, one, deep) = ("https://s.example/*", "https://s.example/x", "https://s.example/x/*");
    let pairs = [("a.*", one), ("a.b", all), ("a.b", one), ("a.b.*", deep), ("a.*", deep), ("d", all)];
    assert_eq!(hold(&sets_of_pairs(&pairs), &everywhere()), []);
}

/// Every pattern of up to four characters over two letters and a border, against every value.
#[test]
fn every_pattern_covers_exactly_what_it_means_all_of() {
    let mut texts = vec![String::new()];
    let mut last = texts.clone();
    for _ in 0..4 {
        last = last.iter().flat_map(|text| ["a", "b", "."].map(|end| format!("{text}{end}"))).collect();
        texts.extend(last.iter().cloned());
    }
    let patterns: Vec<(String, Pattern)> = texts
        .iter()
        .flat_map(|text| [text.clone(), format!("{text}*")])
        .filter_map(|text| Some((text.clone(), Pattern::action(&text).ok()?)))
        .collect();
    for (written, one) in &patterns {
        for value in &texts {
            assert_eq!(one.matches(value), naive::matches(written, value), "{written} {value}");
        }
        for (other_written, other) in &patterns {
            assert_eq!(one.covers(other), naive::covers(written, other_written), "{written} {other_written}");
            let contained = texts.iter().all(|value| !other.matches(value) || one.matches(value));
            // What an open pattern of the full length means lies beyond all texts here.
            if other_written.len() < 5 {
                assert_eq!(one.covers(other), contained, "{written} {other_written}");
            }
        }
    }
    assert!(patterns.len() > 150);
}

/// Every text of a scheme and up to five characters that are borders, a letter or a colon, as a pattern of
/// resources, against every such text as a resource. What each of them names is asked of a URL parser: a
/// pattern means one scheme, one host or none and one port, whatever its text begins like.
#[test]
fn every_resource_pattern_stays_at_its_host() {
    let mut texts = Vec::new();
    let mut last = vec!["m:".to_owned()];
    for _ in 0..6 {
        last = last.iter().flat_map(|text| ["a", "/", ":", "1"].map(|end| format!("{text}{end}"))).collect();
        texts.extend(last.iter().cloned());
    }
    let place = |text: &str| {
        let url = Url::parse(text).unwrap();
        (url.host_str().map(str::to_owned), url.port(), url.path().to_owned())
    };
    let values: Vec<_> = texts
        .iter()
        .filter(|text| resource::check(text).is_ok())
        .map(|text| (text.as_str(), place(text)))
        .collect();
    let patterns: Vec<_> = texts
        .iter()
        .filter_map(|text| Pattern::resource(&format!("{text}*")).ok().map(|pattern| (place(text), pattern)))
        .collect();
    for ((host, port, path), pattern) in &patterns {
        for (value, (its_host, its_port, its_path)) in &values {
            let meant = (host, port) == (its_host, its_port)
                && its_path.strip_prefix(path.as_str()).is_some_and(|rest| !rest.is_empty());
            assert_eq!(pattern.matches(value), meant, "{pattern} {value}");
            let exact = Pattern::resource(value).unwrap();
            assert_eq!(pattern.covers(&exact), meant, "{pattern} {value}");
        }
        for ((its_host, its_port, its_path), other) in &patterns {
            let meant = (host, port) == (its_host, its_port) && its_path.starts_with(path.as_str());
            assert_eq!(pattern.covers(other), meant, "{pattern} {other}");
        }
    }
    assert!(patterns.len() > 20 && values.len() > 500, "{} {}", patterns.len(), values.len());
}

/// The same kinds of limit for some actions and for all: every law, though not exactness.
#[test]
fn limits_for_some_actions_obey_the_laws() {
    let scopes: [Option<&[&str]>; 4] = [None, Some(&["a"]), Some(&["a", "a.*"]), Some(&["a.b"])];
    for limit in [
        |most: i32| json!({"type": "argument", "name": "x", "max": most}),
        |most: i32| json!({"type": "spend", "currency": "USD", "perAction": most}),
        |most: i32| json!({"type": "rate", "seconds": 60, "max": most}),
        |most: i32| json!({"type": "total", "fact": "x", "perAction": most, "window": {"seconds": 60, "sum": most}}),
        |most: i32| json!({"type": "approval", "above": most, "currency": "USD", "approver": "did:web:p.example"}),
        |most: i32| json!({"type": "audience", "allow": &AUDIENCES[..usize::try_from(most).unwrap()]}),
    ] {
        let scoped = |actions: Option<&[&str]>, most: i32| {
            let mut json = limit(most);
            if let Some(actions) = actions {
                json["actions"] = json!(actions);
            }
            json
        };
        let ones = scopes.iter().flat_map(|scope| [1, 2].map(|most| vec![scoped(*scope, most)]));
        let twos = [1, 2].into_iter().flat_map(|own| {
            scopes[1..].iter().map(move |scope| vec![scoped(None, 3 - own), scoped(*scope, own)])
        });
        let domain: Vec<Model> = ones
            .chain(twos)
            .map(|set| {
                let mut model = Model::limited(&set);
                model.grants[0].actions = ["a", "a.b", "a.c"].map(str::to_owned).to_vec();
                model
            })
            .collect();
        let facts = |amount: i64| {
            let number = Value::Integer(amount);
            [("x", number.clone()), ("amount", number), ("currency", "USD".into())]
                .map(|(name, value)| (name.to_owned(), value))
        };
        let request = |action: &str, amount: i64| {
            Request::new(action, "https://s.example/", Facts::from(facts(amount))).unwrap()
        };
        let requests: Vec<Request> = ["a", "a.b", "a.c"]
            .into_iter()
            .flat_map(|action| (0..4).map(move |amount| request(action, amount)))
            .collect();
        hold(&domain, &asked(&requests));
    }
}

/// Every pair of limits of two kinds, and none of them.
#[test]
fn limits_of_different_kinds_obey_the_laws_together() {
    let limits = [
        json!({"type": "argument", "name": "amount", "max": 1}),
        json!({"type": "argument", "name": "currency", "prefix": "U"}),
        json!({"type": "spend", "currency": "USD", "perAction": 2}),
        json!({"type": "spend", "currency": "EUR", "window": {"seconds": 60, "amount": 2}}),
        json!({"type": "rate", "seconds": 60, "max": 2}),
        json!({"type": "total", "fact": "amount", "window": {"seconds": 60, "sum": 2}}),
        json!({"type": "approval", "above": 2, "currency": "EUR", "approver": "did:web:p.example"}),
        json!({"type": "audience", "allow": [AUDIENCES[0], AUDIENCES[1]]}),
    ];
    let mut sets = vec![vec![]];
    for (at, one) in limits.iter().enumerate() {
        sets.push(vec![one.clone()]);
        sets.extend(limits[..at].iter().map(|other| vec![other.clone(), one.clone()]));
    }
    let domain: Vec<Model> = sets.iter().map(|set| Model::limited(set)).collect();
    // Amounts of 2 and 3 tell all limits here apart.
    let two = |one: &Request| one.facts().get("amount").is_none_or(|amount| *amount >= Value::Integer(2));
    hold(&domain, &asked(&amounts().into_iter().filter(two).collect::<Vec<_>>()));
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
