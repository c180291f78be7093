//! A child's constraints are as tight as its parent's, or tighter.

use super::Book;
use crate::make::{
    actors::agent,
    draft::{BOOK, Draft},
};
use serde_json::{Value, json};

pub(crate) fn add(book: &mut Book) {
    numbers(book);
    totals_of_facts(book);
    calendars(book);
    sets(book);
    inherited(book);
    keys(book);
}

/// The same constraint in the root and in the leaf.
fn pair(root: Value, leaf: Value) -> impl Fn(&mut Draft) {
    move |d| {
        d.limits(0, json!([root]));
        d.limits(2, json!([leaf]));
        d.book(json!({"amount": 1, "currency": "USD", "seats": 2, "class": "economy", "path": "/data/in/a"}));
    }
}

fn numbers(book: &mut Book) {
    let cases = [
        (
            "spend-per-action",
            json!({"type": "spend", "currency": "USD", "perAction": 5000}),
            "perAction",
            5001,
            5000,
        ),
        ("rate", json!({"type": "rate", "seconds": 60, "max": 60}), "max", 61, 60),
        ("argument-max", json!({"type": "argument", "name": "seats", "max": 4}), "max", 5, 3),
        ("argument-min", json!({"type": "argument", "name": "seats", "min": 2}), "min", 1, 2),
        (
            "approval",
            json!({"type": "approval", "above": 2500, "currency": "USD", "approver": "did:web:acme.example"}),
            "above",
            2501,
            2500,
        ),
    ];
    for (name, root, member, wider, tighter) in cases {
        let with = |value: i64| {
            let mut leaf = root.clone();
            leaf[member] = value.into();
            pair(root.clone(), leaf)
        };
        book.deny(
            &format!("{name}-widened"),
            "The leaf repeats the root's limit, a little wider.",
            "constraint_widened",
            Some(2),
            with(wider),
        );
        book.permit(
            &format!("{name}-tightened"),
            "The leaf repeats the root's limit, as tight or tighter.",
            with(tighter),
        );
    }
    let window = |amount: i64| json!({"type": "spend", "currency": "USD", "window": {"seconds": 3600, "amount": amount}});
    book.deny(
        "spend-window-widened",
        "A larger amount in the same window.",
        "constraint_widened",
        Some(2),
        pair(window(20_000), window(20_001)),
    );
    book.permit(
        "spend-window-tightened",
        "A smaller amount in the same window.",
        pair(window(20_000), window(19_999)),
    );
}

fn totals_of_facts(book: &mut Book) {
    let total = |each: i64, sum: i64| json!({"type": "total", "fact": "tokens", "perAction": each, "window": {"seconds": 3600, "sum": sum}});
    let asked = |leaf: Value| {
        move |d: &mut Draft| {
            pair(total(600, 1000), leaf.clone())(d);
            d.book(json!({"amount": 1, "currency": "USD", "seats": 2, "class": "economy", "path": "/data/in/a", "tokens": 1}));
        }
    };
    for (name, leaf) in [("each", total(601, 1000)), ("sum", total(600, 1001))] {
        book.deny(
            &format!("total-{name}-widened"),
            "The leaf repeats the root's total, a little wider.",
            "constraint_widened",
            Some(2),
            asked(leaf),
        );
    }
    book.permit("total-tightened", "Less per action, and less in the same window.", asked(total(599, 999)));
}

fn calendars(book: &mut Book) {
    let window = |window: Value| json!({"type": "spend", "currency": "USD", "window": window});
    let day = |amount: i64| window(json!({"calendar": "day", "amount": amount}));
    book.deny(
        "calendar-window-widened",
        "A larger amount in the same day.",
        "constraint_widened",
        Some(2),
        pair(day(20_000), day(20_001)),
    );
    book.permit(
        "calendar-window-at-another-offset",
        "A day elsewhere is another window: it stands beside the inherited one, and loosens nothing.",
        pair(day(20_000), window(json!({"calendar": "day", "offset": "+09:00", "amount": 90_000}))),
    );
    for (name, why, wrong) in [
        ("calendar-of-a-year", "Days, weeks and months are known.", json!({"calendar": "year", "amount": 1})),
        (
            "calendar-beside-seconds",
            "Which of them was meant?",
            json!({"calendar": "day", "seconds": 60, "amount": 1}),
        ),
        (
            "calendar-in-a-zone-of-a-name",
            "What a zone's name means changes.",
            json!({"calendar": "day", "offset": "Europe/Paris", "amount": 1}),
        ),
        (
            "seconds-at-an-offset",
            "A window that slides is the same everywhere.",
            json!({"seconds": 60, "offset": "+01:00", "amount": 1}),
        ),
    ] {
        book.deny(name, why, "malformed", Some(1), |d| d.limits(1, json!([window(wrong)])));
    }
}

fn sets(book: &mut Book) {
    let argument = |name: &str, member: &str, value: Value| {
        let mut json = json!({"type": "argument", "name": name});
        json[member] = value;
        json
    };
    let class = |member: &'static str, value: Value| argument("class", member, value);
    let rank = |value: &str| json!({"type": "argument", "name": "class", "rank": value, "order": ["economy", "business", "first"]});
    let cases = [
        (
            "argument-one-of",
            class("oneOf", json!(["economy", "business"])),
            class("oneOf", json!(["economy", "first"])),
            class("oneOf", json!(["economy"])),
        ),
        (
            "argument-not-one-of",
            class("notOneOf", json!(["first", "business"])),
            class("notOneOf", json!(["first"])),
            class("notOneOf", json!(["first", "business", "bar"])),
        ),
        (
            "argument-equals",
            class("equals", "economy".into()),
            class("equals", "first".into()),
            class("equals", "economy".into()),
        ),
        (
            "argument-prefix",
            argument("path", "prefix", "/data/in".into()),
            argument("path", "prefix", "/data/".into()),
            argument("path", "prefix", "/data/in/".into()),
        ),
        ("argument-rank", rank("business"), rank("first"), rank("economy")),
        (
            "audience",
            json!({"type": "audience", "allow": ["did:web:shop.example", "did:web:b.example"]}),
            json!({"type": "audience", "allow": ["did:web:shop.example", "did:web:c.example"]}),
            json!({"type": "audience", "allow": ["did:web:shop.example"]}),
        ),
    ];
    for (name, root, wider, tighter) in cases {
        book.deny(
            &format!("{name}-widened"),
            "The leaf repeats the root's limit with a value that the root does not let pass.",
            "constraint_widened",
            Some(2),
            pair(root.clone(), wider),
        );
        book.permit(
            &format!("{name}-tightened"),
            "The leaf repeats the root's limit, as tight or tighter.",
            pair(root, tighter),
        );
    }
}

fn inherited(book: &mut Book) {
    book.deny("constraint-omitted-in-the-child-and-widened-in-the-grandchild", "The middle link says nothing of the limit, the leaf widens it: SDKs that compared with the raw parent found nothing to compare.", "constraint_widened", Some(2), |d| {
        let mut limit = d.delegation(0)["constraints"][0].clone();
        limit["perAction"] = 9000.into();
        d.limits(2, json!([limit]));
    });
    book.deny(
        "constraint-omitted-stays-inherited",
        "Neither middle nor leaf repeats the root's limit; it binds all the same.",
        "constraint_violated",
        None,
        |d| d.ask("facts", json!({"amount": 5001, "currency": "USD"})),
    );
    book.deny(
        "constraint-widened-in-the-middle",
        "Middle 9,000 under root 5,000; that the leaf says 4,000 does not heal it.",
        "constraint_widened",
        Some(1),
        |d| {
            let limit = d.delegation(0)["constraints"][0].clone();
            let with = |amount: i64| {
                let mut limit = limit.clone();
                limit["perAction"] = amount.into();
                json!([limit])
            };
            d.limits(1, with(9000));
            d.limits(2, with(4000));
        },
    );
    book.deny(
        "constraint-tightened-and-loosened-again",
        "Middle 1,000, leaf 4,000: within the root's limit, and not within the parent's.",
        "constraint_widened",
        Some(2),
        |d| {
            let mut limit = d.delegation(0)["constraints"][0].clone();
            limit["perAction"] = 1000.into();
            d.limits(1, json!([limit.clone()]));
            limit["perAction"] = 4000.into();
            d.limits(2, json!([limit]));
        },
    );
    book.deny(
        "currency-added-by-a-child",
        "The root lets USD be spent; the leaf adds EUR.",
        "constraint_widened",
        Some(2),
        pair(
            json!({"type": "spend", "currency": "USD", "perAction": 5000}),
            json!({"type": "spend", "currency": "EUR", "perAction": 5000}),
        ),
    );
}

fn keys(book: &mut Book) {
    book.permit(
        "constraint-of-a-new-key-is-added",
        "A rate in a window of its own stands beside the inherited one.",
        pair(
            json!({"type": "rate", "seconds": 60, "max": 60}),
            json!({"type": "rate", "seconds": 3600, "max": 3600}),
        ),
    );
    book.deny(
        "constraint-restated-for-one-action-replaces-nothing",
        "A looser limit for one action stands beside the inherited one for all, which still binds.",
        "constraint_violated",
        None,
        |d| {
            pair(
                json!({"type": "argument", "name": "seats", "max": 4}),
                json!({"type": "argument", "name": "seats", "max": 8, "actions": [BOOK]}),
            )(d);
            d.book(json!({"seats": 6}));
        },
    );
    book.deny(
        "constraint-by-another-operator-replaces-nothing",
        "`oneOf` with 8 stands beside the inherited `max` 4.",
        "constraint_violated",
        None,
        |d| {
            pair(
                json!({"type": "argument", "name": "seats", "max": 4}),
                json!({"type": "argument", "name": "seats", "oneOf": [2, 8]}),
            )(d);
            d.book(json!({"seats": 8}));
        },
    );
    book.deny("rank-in-another-order-replaces-nothing", "The order turned around is another constraint; the inherited one still binds.", "constraint_violated", None, |d| {
        pair(
            json!({"type": "argument", "name": "class", "rank": "economy", "order": ["economy", "first"]}),
            json!({"type": "argument", "name": "class", "rank": "economy", "order": ["first", "economy"]}),
        )(d);
        d.book(json!({"class": "first"}));
    });
    book.deny("approval-by-another-replaces-nothing", "An approver of the agent's own choice stands beside the inherited one.", "approval_required", None, |d| {
        pair(
            json!({"type": "approval", "above": 100, "currency": "USD", "approver": "did:web:acme.example"}),
            json!({"type": "approval", "above": 90_000, "currency": "USD", "approver": agent("mallory").did}),
        )(d);
        d.book(json!({"amount": 200, "currency": "USD"}));
    });
}
