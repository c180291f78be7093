//! The authority itself: members, numbers, grants, constraints, and how many of them.

use crate::{
    APPROVAL, ARGUMENT, AUDIENCE, DELEGATION, GONE, GRANT, RATE, SPEND, SUM, TOTAL, WINDOW, changed,
    complete, read, read_text, reads, refuses,
};
use legation_credential::delegation::account_digest;
use serde_json::{Value as Json, json};

#[test]
fn a_member_inside_delegation_that_could_be_a_limit_is_refused() {
    let mut cases = vec![];
    for place in [DELEGATION, GRANT, SPEND, WINDOW, RATE, AUDIENCE, ARGUMENT, APPROVAL, TOTAL, SUM] {
        for member in ["until", "perDay", "Actions", "maxdepth", ""] {
            cases.push((place, member, json!(1), "unknown_member"));
        }
    }
    // Members of one type of constraint are not those of another.
    cases.push((RATE, "currency", json!("USD"), "unknown_member"));
    cases.push((RATE, "window", json!({"seconds": 1, "amount": 1}), "unknown_member"));
    cases.push((SPEND, "max", json!(1), "unknown_member"));
    cases.push((TOTAL, "currency", json!("USD"), "unknown_member"));
    cases.push((SUM, "amount", json!(1), "unknown_member"));
    cases.push((WINDOW, "sum", json!(1), "unknown_member"));
    cases.push((AUDIENCE, "oneOf", json!([]), "unknown_member"));
    cases.push((APPROVAL, "perAction", json!(1), "unknown_member"));
    cases.push((GRANT, "constraints", json!([]), "unknown_member"));
    for kind in ["mood", "Spend", "spend ", "", "argument2"] {
        cases.push((RATE, "type", json!(kind), "unknown_constraint"));
    }
    cases.push((RATE, "type", json!(GONE), "malformed"));
    cases.push((RATE, "type", json!(["rate"]), "malformed"));
    refuses(cases);
}

#[test]
fn a_number_that_readers_disagree_on_is_refused() {
    let numbers = [
        json!(1.5),
        json!(1.0),
        json!(9_007_199_254_740_992_u64),
        json!(u64::MAX),
        json!("1"),
        json!(null),
        json!(-1),
    ];
    let mut cases = vec![];
    for value in numbers.iter().chain([&json!(GONE)]) {
        for (place, member) in [
            (WINDOW, "seconds"),
            (WINDOW, "amount"),
            (RATE, "seconds"),
            (RATE, "max"),
            (APPROVAL, "above"),
            (SUM, "seconds"),
            (SUM, "sum"),
        ] {
            cases.push((place, member, value.clone(), "malformed"));
        }
    }
    for value in &numbers {
        cases.push((SPEND, "perAction", value.clone(), "malformed"));
        cases.push((TOTAL, "perAction", value.clone(), "malformed"));
        cases.push((DELEGATION, "maxDepth", value.clone(), "malformed"));
    }
    cases.push((DELEGATION, "maxDepth", json!(u64::from(u32::MAX) + 1), "malformed"));
    // In millionths they are added up in 64 bits.
    for (place, member) in [(SPEND, "perAction"), (WINDOW, "amount"), (APPROVAL, "above")] {
        cases.push((place, member, json!(9_000_000_000_001_i64), "malformed"));
    }
    for place in [WINDOW, RATE, SUM] {
        // Of seconds and calendar one, and an offset of the calendar only.
        cases.push((place, "calendar", json!("day"), "malformed"));
        cases.push((place, "offset", json!("+02:00"), "malformed"));
        cases.push((place, "seconds", json!(0), "malformed"));
        cases.push((place, "seconds", json!(315_576_001), "malformed"));
    }
    refuses(cases);
    reads(vec![
        (SPEND, "perAction", json!(9_000_000_000_000_i64)),
        (WINDOW, "amount", json!(9_000_000_000_000_i64)),
        (APPROVAL, "above", json!(9_000_000_000_000_i64)),
        (RATE, "max", json!(9_007_199_254_740_991_i64)),
        (TOTAL, "perAction", json!(9_007_199_254_740_991_i64)),
        (SUM, "sum", json!(9_007_199_254_740_991_i64)),
        (TOTAL, "perAction", json!(GONE)),
        (TOTAL, "window", json!(GONE)),
        (SPEND, "perAction", json!(0)),
        (SPEND, "perAction", json!(GONE)),
        (SPEND, "window", json!(GONE)),
        (RATE, "seconds", json!(315_576_000)),
        (DELEGATION, "maxDepth", json!(GONE)),
    ]);
    // As a text, since `Value` would print them otherwise.
    for number in ["1e3", "6E1", "-0", "60.0", "1e400", "060", "+60", "0x3c"] {
        let text = complete().to_string().replace(r#""max":60"#, &format!(r#""max":{number}"#));
        assert!(text.contains(number));
        assert_eq!(read_text(&text).unwrap_err().code(), "malformed", "{number}");
    }
}

#[test]
fn an_account_has_one_spelling_and_is_its_issuer_s() {
    let mut cases = vec![];
    for account in ["", "Team", "a b", "a/b", "a\n", "ä", "a:b", &"a".repeat(65)] {
        cases.push((DELEGATION, "account", json!(account), "malformed"));
    }
    for account in [json!(1), json!(null), json!(["a"])] {
        cases.push((DELEGATION, "account", account, "malformed"));
    }
    // It is a member of the delegation, where everything could limit something.
    cases.push((RATE, "account", json!("a"), "unknown_member"));
    refuses(cases);
    for account in ["a", "0", "team-sales", "a.b_c-9", &"a".repeat(64)] {
        let read = read(&changed(DELEGATION, "account", json!(account))).unwrap();
        assert_eq!(read.terms.account.as_deref(), Some(account));
        assert_eq!(read.to_json()["credentialSubject"]["delegation"]["account"], account);
    }
    let none = read(&changed(DELEGATION, "account", json!(GONE))).unwrap();
    assert_eq!(none.terms.account, None);
    assert!(none.to_json()["credentialSubject"]["delegation"].get("account").is_none());
    let digest = |issuer: &str, account: &str| account_digest(&issuer.parse().unwrap(), account);
    assert_eq!(digest("did:web:a.example", "x"), digest("did:web:a.example", "x"));
    assert_ne!(digest("did:web:a.example", "x"), digest("did:web:b.example", "x"));
    assert_ne!(digest("did:web:a.example", "x"), digest("did:web:a.example", "y"));
}

#[test]
fn a_grant_that_is_not_exact_is_refused() {
    let mut cases = vec![
        (DELEGATION, "grants", json!(GONE), "malformed"),
        (DELEGATION, "grants", json!("everything"), "malformed"),
        (DELEGATION, "grants", json!([[]]), "malformed"),
        (DELEGATION, "constraints", json!(null), "malformed"),
        (DELEGATION, "constraints", json!({}), "malformed"),
        (DELEGATION, "constraints", json!(["spend"]), "malformed"),
        (GRANT, "actions", json!(GONE), "malformed"),
        (GRANT, "resources", json!(GONE), "malformed"),
        (GRANT, "actions", json!("a"), "malformed"),
        (GRANT, "actions", json!([1]), "malformed"),
    ];
    for action in ["*", "a*", "a.*.b", "a.**", "", "a b", "ä"] {
        cases.push((GRANT, "actions", json!([action]), "malformed"));
        cases.push((RATE, "actions", json!([action]), "malformed"));
    }
    for resource in [
        "*",
        "https://*",
        "https://shop.example",
        "https://shop.example/a*",
        "https://Shop.example/",
        "https://shop.example/?q",
        "https://shop.example/%2e%2e/",
        "https://shop.example/a%2fb",
        "shop.example/a",
    ] {
        cases.push((GRANT, "resources", json!([resource]), "resource_not_normalized"));
    }
    // A constraint that binds nothing looks like a limit and is none.
    for place in [SPEND, RATE, AUDIENCE, ARGUMENT, APPROVAL, TOTAL] {
        cases.push((place, "actions", json!([]), "malformed"));
        cases.push((place, "actions", json!("a"), "malformed"));
        cases.push((place, "actions", json!(null), "malformed"));
    }
    refuses(cases);
    // Empty sets are read and grant nothing.
    for (place, member) in [(DELEGATION, "grants"), (GRANT, "actions"), (GRANT, "resources")] {
        let authority = read(&changed(place, member, json!([]))).unwrap().terms.authority;
        assert_eq!(authority.to_json()["grants"], json!([]));
    }
}

#[test]
fn a_constraint_that_says_too_little_or_too_much_is_refused() {
    let with = |constraint: Json| (DELEGATION, "constraints", json!([constraint]), "malformed");
    let argument = |mut members: Json| {
        members["type"] = json!("argument");
        with(members)
    };
    refuses(vec![
        with(json!({"type": "spend", "currency": "USD"})),
        with(json!({"type": "spend", "perAction": 1})),
        with(json!({"type": "spend", "currency": "usd", "perAction": 1})),
        with(json!({"type": "spend", "currency": "US", "perAction": 1})),
        with(json!({"type": "spend", "currency": "", "perAction": 1})),
        with(json!({"type": "spend", "currency": "USD", "window": 5})),
        with(json!({"type": "total", "fact": "x"})),
        with(json!({"type": "total", "perAction": 1})),
        with(json!({"type": "total", "fact": "", "perAction": 1})),
        with(json!({"type": "total", "fact": "x".repeat(129), "perAction": 1})),
        with(json!({"type": "total", "fact": 1, "perAction": 1})),
        with(json!({"type": "total", "fact": "x", "window": 5})),
        with(json!({"type": "total", "fact": "x", "window": {"seconds": 60}})),
        with(json!({"type": "rate", "max": 1})),
        with(json!({"type": "rate", "max": 1, "calendar": "year"})),
        with(json!({"type": "rate", "max": 1, "calendar": 1})),
        with(json!({"type": "rate", "max": 1, "calendar": "day", "offset": "Z"})),
        with(json!({"type": "rate", "max": 1, "calendar": "day", "offset": "-00:00"})),
        with(json!({"type": "rate", "max": 1, "calendar": "day", "offset": "+14:01"})),
        with(json!({"type": "rate", "max": 1, "calendar": "day", "offset": 120})),
        with(json!({"type": "total", "fact": "x", "window": {"calendar": "Month", "sum": 1}})),
        with(json!({"type": "audience"})),
        with(json!({"type": "audience", "allow": "did:web:a.example"})),
        with(json!({"type": "audience", "allow": [1]})),
        with(json!({"type": "approval", "above": 1, "currency": "USD"})),
        with(json!({"type": "approval", "above": 1, "currency": "USD", "approver": "boss"})),
        argument(json!({"name": "x"})),
        argument(json!({"equals": 1})),
        argument(json!({"name": "", "equals": 1})),
        argument(json!({"name": "x".repeat(129), "equals": 1})),
        argument(json!({"name": "x", "equals": 1, "min": 0})),
        argument(json!({"name": "x", "equals": null})),
        argument(json!({"name": "x", "equals": 1.5})),
        argument(json!({"name": "x", "equals": [1]})),
        argument(json!({"name": "x", "equals": "y".repeat(4097)})),
        argument(json!({"name": "x", "oneOf": "y"})),
        argument(json!({"name": "x", "oneOf": [null]})),
        argument(json!({"name": "x", "notOneOf": []})),
        argument(json!({"name": "x", "notOneOf": [1, "1"]})),
        argument(json!({"name": "x", "min": "1"})),
        argument(json!({"name": "x", "max": 1.5})),
        argument(json!({"name": "x", "prefix": 1})),
        argument(json!({"name": "x", "prefix": "/a/../b"})),
        argument(json!({"name": "x", "prefix": "a//b"})),
        argument(json!({"name": "x", "prefix": "a%2f"})),
        argument(json!({"name": "x", "prefix": "a\\"})),
        argument(json!({"name": "x", "prefix": "a\0"})),
        argument(json!({"name": "x", "prefix": "y".repeat(4097)})),
        argument(json!({"name": "x", "rank": 1})),
        argument(json!({"name": "x", "order": [1]})),
        argument(json!({"name": "x", "rank": 1, "order": []})),
        argument(json!({"name": "x", "rank": 1, "order": ["1"]})),
        argument(json!({"name": "x", "rank": 1, "order": [1, 2, 1]})),
        argument(json!({"name": "x", "rank": 1, "order": [1], "equals": 1})),
    ]);
    let argument = |name: String, operator: &str, value: String| {
        (DELEGATION, "constraints", json!([{"type": "argument", "name": name, operator: value}]))
    };
    reads(vec![
        argument("x".repeat(128), "equals", "y".into()),
        argument("x".into(), "equals", "y".repeat(4096)),
        argument("x".into(), "prefix", "y".repeat(4096)),
    ]);
}

#[test]
fn two_constraints_for_one_thing_are_refused() {
    let twice = |one: Json, other: Json| (DELEGATION, "constraints", json!([one, other]), "malformed");
    let argument = |operator: &str, value: Json| json!({"type": "argument", "name": "x", operator: value});
    let approval = |above: i32| json!({"type": "approval", "above": above, "currency": "USD", "approver": "did:web:a.example"});
    let rate = |actions: Json| json!({"type": "rate", "seconds": 60, "max": 1, "actions": actions});
    let total = |mut members: Json| {
        members["type"] = json!("total");
        members["fact"] = json!("x");
        members
    };
    let window = |amount: i32| json!({"type": "spend", "currency": "USD", "window": {"seconds": 60, "amount": amount}});
    refuses(vec![
        twice(
            json!({"type": "rate", "seconds": 60, "max": 1}),
            json!({"type": "rate", "seconds": 60, "max": 2}),
        ),
        // One set of actions however it is written.
        twice(rate(json!(["a.*", "b"])), rate(json!(["b", "a.b", "a.*"]))),
        twice(
            json!({"type": "spend", "currency": "USD", "perAction": 1}),
            json!({"type": "spend", "currency": "USD", "perAction": 1}),
        ),
        twice(window(1), window(2)),
        twice(
            json!({"type": "rate", "calendar": "day", "max": 1}),
            json!({"type": "rate", "calendar": "day", "offset": "+00:00", "max": 1}),
        ),
        twice(total(json!({"perAction": 1})), total(json!({"perAction": 2}))),
        twice(
            total(json!({"window": {"seconds": 60, "sum": 1}})),
            total(json!({"window": {"seconds": 60, "sum": 1}})),
        ),
        twice(json!({"type": "audience", "allow": []}), json!({"type": "audience", "allow": ["x"]})),
        twice(approval(1), approval(2)),
        twice(argument("min", json!(1)), argument("min", json!(1))),
        twice(argument("oneOf", json!([1])), argument("oneOf", json!([2]))),
        twice(argument("prefix", json!("a")), argument("prefix", json!("ab"))),
    ]);
    let both = |one: Json, other: Json| (DELEGATION, "constraints", json!([one, other]));
    reads(vec![
        both(rate(json!(["a"])), rate(json!(["b"]))),
        both(
            json!({"type": "rate", "seconds": 60, "max": 1}),
            json!({"type": "rate", "seconds": 61, "max": 1}),
        ),
        both(json!({"type": "spend", "currency": "USD", "perAction": 1}), window(1)),
        both(
            json!({"type": "spend", "currency": "USD", "perAction": 1}),
            json!({"type": "spend", "currency": "EUR", "perAction": 1}),
        ),
        both(total(json!({"perAction": 1})), total(json!({"window": {"seconds": 60, "sum": 1}}))),
        both(
            json!({"type": "rate", "seconds": 86_400, "max": 1}),
            json!({"type": "rate", "calendar": "day", "max": 1}),
        ),
        both(
            json!({"type": "rate", "calendar": "day", "offset": "-03:30", "max": 1}),
            json!({"type": "rate", "calendar": "day", "max": 1}),
        ),
        both(argument("min", json!(1)), argument("max", json!(1))),
    ]);
}

#[test]
fn more_than_the_stated_limits_is_refused() {
    let texts = |count: usize| (0..count).map(|at| format!("a{at}")).collect::<Vec<_>>();
    let values = |count: usize| json!({"type": "argument", "name": "x", "oneOf": texts(count)});
    let rates = |count: usize| -> Vec<Json> {
        (1..=count).map(|seconds| json!({"type": "rate", "seconds": seconds, "max": 1})).collect()
    };
    let paths = |count: usize| (0..count).map(|at| format!("https://s.example/{at}")).collect::<Vec<_>>();
    let grant =
        |actions: usize, resources: usize| json!({"actions": texts(actions), "resources": paths(resources)});
    refuses(vec![
        (DELEGATION, "grants", json!(vec![grant(1, 1); 257]), "malformed"),
        (DELEGATION, "grants", json!([grant(257, 1)]), "malformed"),
        (DELEGATION, "grants", json!([grant(1, 257)]), "malformed"),
        (DELEGATION, "grants", json!([grant(16, 16), grant(1, 1)]), "malformed"),
        (DELEGATION, "constraints", json!(rates(129)), "malformed"),
        (DELEGATION, "constraints", json!([values(257)]), "malformed"),
        (RATE, "actions", json!(texts(257)), "malformed"),
        (GRANT, "actions", json!(["a".repeat(2049)]), "malformed"),
        (
            GRANT,
            "resources",
            json!([format!("https://s.example/{}", "a".repeat(2048))]),
            "resource_not_normalized",
        ),
        (DELEGATION, "principal", json!(format!("did:web:a.example:{}", "a".repeat(1100))), "malformed"),
        ("", "note", json!("a".repeat(64 * 1024)), "input_too_large"),
        ("", "note", (0..20).fold(json!(1), |inner, _| json!([inner])), "json_too_deep"),
    ]);
    reads(vec![
        (DELEGATION, "grants", json!([grant(16, 16)])),
        (DELEGATION, "constraints", json!(rates(128))),
        (DELEGATION, "constraints", json!([values(256)])),
        (RATE, "actions", json!(texts(256))),
        (GRANT, "actions", json!(["a".repeat(2048)])),
        (GRANT, "resources", json!([format!("{:a<2048}", "https://s.example/")])),
    ]);
}

/// What was written as one constraint is written as one again: each takes bytes of a request's header.
#[test]
fn what_has_a_window_is_written_as_one_constraint() {
    for about in [json!({"type": "spend", "currency": "USD"}), json!({"type": "total", "fact": "tokens"})] {
        let most = if about["type"] == "spend" { "amount" } else { "sum" };
        let one = |action: &str| {
            let mut one = about.clone();
            one["perAction"] = json!(5);
            one["window"] = json!({"seconds": 60, most: 9});
            one["actions"] = json!([action]);
            one
        };
        let constraints = json!([one("pay.in"), one("pay.out")]);
        let text = json!({"grants": [], "constraints": constraints}).to_string();
        let written = legation_credential::Authority::parse(&text).unwrap().to_json();
        assert_eq!(written["constraints"], constraints);
    }
}
