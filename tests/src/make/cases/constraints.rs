//! The format of constraints.

use super::Book;
use serde_json::{Value, json};

pub(crate) fn add(book: &mut Book) {
    unknown_constraints(book);
    constraints(book);
    argument_values(book);
    more_constraints(book);
    other_constraints(book);
}

fn unknown_constraints(book: &mut Book) {
    let code = "unknown_constraint";
    book.deny(
        "unknown-constraint",
        "`geofence` certainly limits something; libraries that skipped what they did not know let it pass.",
        code,
        Some(1),
        |d| d.limits(1, json!([{"type": "geofence", "country": "DE"}])),
    );
    book.deny("unknown-constraint-by-case", "`Spend` is not `spend`.", code, Some(0), |d| {
        d.delegation(0)["constraints"][0]["type"] = "Spend".into()
    });
    book.deny(
        "unknown-constraint-beside-a-known-one",
        "The second of two constraints is not known.",
        code,
        Some(2),
        |d| {
            d.limits(
                2,
                json!([{"type": "rate", "seconds": 60, "max": 3}, {"type": "mood", "allow": ["good"]}]),
            );
        },
    );
    book.deny("constraint-without-type", "A constraint without type.", "malformed", Some(1), |d| {
        d.limits(1, json!([{"seconds": 60, "max": 3}]))
    });
    book.deny("constraint-that-is-a-text", "A constraint in words.", "malformed", Some(1), |d| {
        d.limits(1, json!(["at most 5 USD"]))
    });
    book.deny("constraints-in-an-object", "Constraints that are no array.", "malformed", Some(1), |d| {
        d.limits(1, json!({"type": "rate", "seconds": 60, "max": 3}))
    });
    book.deny(
        "constraints-null",
        "`constraints` without value is not the same as none.",
        "malformed",
        Some(1),
        |d| d.limits(1, Value::Null),
    );
    book.permit("constraints-none", "An empty array adds nothing; what is inherited stays.", |d| {
        d.limits(1, json!([]))
    });
}

fn constraints(book: &mut Book) {
    let argument = |name: &str, why: &str, value: Value, book: &mut Book| {
        book.deny(name, why, "malformed", Some(1), |d| d.limits(1, json!([value])))
    };
    argument(
        "argument-with-two-operators",
        "Two operators: which one counts?",
        json!({"type": "argument", "name": "seats", "min": 1, "max": 4}),
        book,
    );
    argument(
        "argument-without-operator",
        "A constraint that limits nothing.",
        json!({"type": "argument", "name": "seats"}),
        book,
    );
    argument("argument-without-name", "A limit on nothing.", json!({"type": "argument", "max": 4}), book);
    argument(
        "argument-with-an-empty-name",
        "A limit on nothing.",
        json!({"type": "argument", "name": "", "max": 4}),
        book,
    );
    argument(
        "argument-rank-without-order",
        "A rank in no order.",
        json!({"type": "argument", "name": "class", "rank": "economy"}),
        book,
    );
    argument(
        "argument-rank-outside-its-order",
        "A rank that its order does not know.",
        json!({"type": "argument", "name": "class", "rank": "first", "order": ["economy", "business"]}),
        book,
    );
    argument(
        "argument-rank-in-an-order-with-a-value-twice",
        "A value with two places in the order.",
        json!({"type": "argument", "name": "class", "rank": "business", "order": ["economy", "business", "economy"]}),
        book,
    );
}

fn argument_values(book: &mut Book) {
    let argument = |name: &str, why: &str, value: Value, book: &mut Book| {
        book.deny(name, why, "malformed", Some(1), |d| d.limits(1, json!([value])))
    };
    argument(
        "argument-excluding-nothing",
        "`notOneOf` of nothing limits nothing.",
        json!({"type": "argument", "name": "class", "notOneOf": []}),
        book,
    );
    argument(
        "argument-excluding-values-of-two-types",
        "`5` and 5: a value of one type would slip past the other.",
        json!({"type": "argument", "name": "class", "notOneOf": [5, "5"]}),
        book,
    );
    argument(
        "argument-prefix-with-dots",
        "A prefix that steps out of itself.",
        json!({"type": "argument", "name": "path", "prefix": "/data/../"}),
        book,
    );
    argument(
        "argument-equal-to-an-object",
        "Facts are texts, integers and booleans.",
        json!({"type": "argument", "name": "class", "equals": {"a": 1}}),
        book,
    );
    argument(
        "constraint-on-no-action",
        "A constraint that binds nothing looks like a limit and is none.",
        json!({"type": "rate", "seconds": 60, "max": 3, "actions": []}),
        book,
    );
    argument(
        "constraint-on-a-star",
        "Leave `actions` out to bind all.",
        json!({"type": "rate", "seconds": 60, "max": 3, "actions": ["*"]}),
        book,
    );
}

fn more_constraints(book: &mut Book) {
    let change = |name: &str, why: &str, value: Value, book: &mut Book| {
        book.deny(name, why, "malformed", Some(1), |d| d.limits(1, value))
    };
    change(
        "constraint-twice",
        "Two rates for one window leave open which was meant.",
        json!([{"type": "rate", "seconds": 60, "max": 3}, {"type": "rate", "seconds": 60, "max": 30}]),
        book,
    );
    change(
        "spend-of-nothing",
        "A spend that limits neither an action nor a window.",
        json!([{"type": "spend", "currency": "USD"}]),
        book,
    );
    change(
        "spend-without-currency",
        "5000 of which currency?",
        json!([{"type": "spend", "perAction": 5000}]),
        book,
    );
    change(
        "spend-of-a-currency-in-small-letters",
        "`usd` is not `USD`.",
        json!([{"type": "spend", "currency": "usd", "perAction": 5000}]),
        book,
    );
    change(
        "spend-window-without-amount",
        "A window without an amount.",
        json!([{"type": "spend", "currency": "USD", "window": {"seconds": 60}}]),
        book,
    );
    change(
        "spend-window-without-seconds",
        "An amount without a window.",
        json!([{"type": "spend", "currency": "USD", "window": {"amount": 60}}]),
        book,
    );
}

fn other_constraints(book: &mut Book) {
    let change = |name: &str, why: &str, value: Value, book: &mut Book| {
        book.deny(name, why, "malformed", Some(1), |d| d.limits(1, value))
    };
    change(
        "approval-by-nobody",
        "An approver who is no DID has no key to approve with.",
        json!([{"type": "approval", "above": 2500, "currency": "USD", "approver": "the boss"}]),
        book,
    );
    change(
        "audience-constraint-of-a-text",
        "A text where an array of audiences belongs.",
        json!([{"type": "audience", "allow": "did:web:shop.example"}]),
        book,
    );
    change(
        "audience-constraint-of-numbers",
        "An audience is a text.",
        json!([{"type": "audience", "allow": [1]}]),
        book,
    );
    change(
        "constraints-too-many",
        "129 constraints.",
        (1..130)
            .map(|seconds| json!({"type": "rate", "seconds": seconds, "max": 1000}))
            .collect::<Vec<_>>()
            .into(),
        book,
    );
}
