//! What an authority says of itself and of a request, beside yes and no.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use legation_credential::{Authority, Request, Value};
use serde_json::{Value as Json, json};

fn limited(constraints: &Json) -> Authority {
    let grants = json!([{"actions": ["pay"], "resources": ["https://shop.example/*"]}]);
    Authority::parse(&json!({"grants": grants, "constraints": constraints}).to_string()).unwrap()
}

#[test]
fn the_first_reason_is_told_whatever_the_order_of_the_limits() {
    let all = [
        ("missing_fact", json!({"type": "argument", "name": "z", "max": 1})),
        ("constraint_violated", json!({"type": "argument", "name": "a", "max": 1})),
        (
            "approval_required",
            json!({"type": "approval", "above": 1, "currency": "USD", "approver": "did:web:b.example"}),
        ),
        // Kinds of limits come in another order than reasons do.
        ("constraint_violated", json!({"type": "spend", "currency": "USD", "perAction": 1})),
        ("missing_fact", json!({"type": "argument", "name": "b", "max": 1})),
    ];
    let rank = ["missing_fact", "constraint_violated", "approval_required"];
    let facts = [("a", Value::Integer(2)), ("amount", Value::Integer(2)), ("currency", "USD".into())]
        .map(|(name, value)| (name.to_owned(), value));
    let request = |action| Request::new(action, "https://shop.example/x", facts.clone().into()).unwrap();
    for some in 1..1_usize << all.len() {
        let chosen = all.iter().enumerate().filter(|(index, _)| some >> index & 1 == 1).map(|(_, one)| one);
        let first =
            chosen.clone().map(|(code, _)| *code).min_by_key(|code| rank.iter().position(|one| one == code));
        let authority = limited(&chosen.map(|(_, constraint)| constraint.clone()).collect());
        let told = |action| authority.permits(&request(action), "did:web:shop.example").unwrap_err().code();
        assert_eq!(Some(told("pay")), first, "{some:b}");
        assert_eq!(told("refund"), "not_granted", "{some:b}");
    }
}

#[test]
fn what_needs_a_ledger_and_what_one_verifier_is() {
    let spend = |window: Json| json!({"type": "spend", "currency": "USD", "perAction": 5, "window": window});
    let mut for_each = spend(Json::Null);
    for_each.as_object_mut().unwrap().remove("window");
    for (constraint, cumulative, single) in [
        (for_each, false, false),
        (spend(json!({"seconds": 60, "amount": 9})), true, false),
        (json!({"type": "rate", "seconds": 60, "max": 9}), true, false),
        (json!({"type": "audience", "allow": ["did:web:a.example"]}), false, true),
        (json!({"type": "audience", "allow": ["did:web:a.example", "did:web:b.example"]}), false, false),
        // Of other actions it says nothing.
        (json!({"type": "audience", "allow": ["did:web:a.example"], "actions": ["pay"]}), false, false),
        (json!({"type": "argument", "name": "a", "max": 1}), false, false),
    ] {
        let authority = limited(&json!([constraint]));
        assert_eq!(
            (authority.is_cumulative(), authority.has_single_audience()),
            (cumulative, single),
            "{constraint}"
        );
    }
}

#[test]
fn money_is_told_as_people_write_it() {
    for (currency, amount, words, found) in [
        ("USD", ("amount", 6000), "at most 50.00 USD are spent in one action", "`amount` is 60.00 USD"),
        ("JPY", ("amount", 6000), "at most 5000 JPY are spent in one action", "`amount` is 6000 JPY"),
        (
            "KWD",
            ("amountMicros", 5_000_000_001),
            "at most 5.000 KWD are spent in one action",
            "`amountMicros` is 5.000000001 KWD",
        ),
        (
            "POINTS",
            ("amount", 5001),
            "at most 5000 minor units of POINTS are spent in one action",
            "`amount` is 5001 minor units of POINTS",
        ),
    ] {
        let authority = limited(&json!([{"type": "spend", "currency": currency, "perAction": 5000}]));
        let facts = [(amount.0, Value::Integer(amount.1)), ("currency", currency.into())];
        let facts = facts.map(|(name, value)| (name.to_owned(), value));
        let request = Request::new("pay", "https://shop.example/x", facts.into()).unwrap();
        let violation = authority.permits(&request, "x").unwrap_err();
        assert_eq!(violation.to_string(), format!("{found}; required is that {words}"));
    }
    let approval =
        json!({"type": "approval", "above": 5000, "currency": "USD", "approver": "did:web:b.example"});
    let facts = [("amount", Value::Integer(5001)), ("currency", "USD".into())];
    let facts = facts.map(|(name, value)| (name.to_owned(), value));
    let request = Request::new("pay", "https://shop.example/x", facts.into()).unwrap();
    let told = limited(&json!([approval])).permits(&request, "x").unwrap_err().to_string();
    assert!(told.contains("50.01 USD") && told.contains("at most 50.00 USD pass"), "{told}");
}
