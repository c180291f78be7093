//! Requests: grants, facts, spending, approvals.

use super::Book;
use crate::make::{actors::agent, draft::Draft};
use serde_json::{Value, json};

pub(crate) fn add(book: &mut Book) {
    granted(book);
    resources(book);
    malformed(book);
    spend(book);
    currencies(book);
    approvals(book);
    time(book);
}

fn granted(book: &mut Book) {
    let code = "not_granted";
    book.deny(
        "request-for-another-action",
        "An action that the parent holds and the leaf does not.",
        code,
        None,
        |d| d.ask("action", "mcp:tools/call:payments.send".into()),
    );
    book.deny("request-for-an-action-in-capitals", "Actions are compared by bytes.", code, None, |d| {
        d.ask("action", "a2a:skill:Book".into())
    });
    book.deny(
        "request-for-an-action-that-starts-alike",
        "`a2a:skill:book` does not hold `a2a:skill:bookings`.",
        code,
        None,
        |d| d.ask("action", "a2a:skill:bookings".into()),
    );
    book.deny(
        "request-for-the-stem-of-a-star",
        "`payments.*` does not hold `payments.` itself.",
        code,
        None,
        |d| {
            d.only(2);
            d.ask("action", "mcp:tools/call:payments.".into());
        },
    );
    book.permit("request-below-a-star", "`payments.*` holds further borders, too.", |d| {
        d.only(2);
        d.ask("action", "mcp:tools/call:payments.refund/all:now".into());
    });
    book.deny(
        "request-on-another-resource",
        "A resource that the root holds and the leaf does not.",
        code,
        None,
        |d| d.ask("resource", "https://shop.example/api/customers/1".into()),
    );
    book.deny("request-on-another-host", "The same path on another host.", code, None, |d| {
        d.ask("resource", "https://shop.example.evil.example/api/orders/17".into())
    });
    book.deny(
        "request-on-the-stem-of-a-star",
        "`/api/orders/*` does not hold `/api/orders/` itself.",
        code,
        None,
        |d| d.ask("resource", "https://shop.example/api/orders/".into()),
    );
    book.permit("request-far-below-a-star", "`/api/orders/*` holds further segments, too.", |d| {
        d.ask("resource", "https://shop.example/api/orders/17/items/2".into())
    });
}

fn resources(book: &mut Book) {
    for (name, why, resource) in [
        (
            "request-on-dot-segments",
            "`/api/orders/../../admin` is within `/api/orders/*` as a text and `/admin` as an address.",
            "https://shop.example/api/orders/../../admin",
        ),
        (
            "request-on-escaped-dot-segments",
            "`%2e%2e` is `..` to most servers.",
            "https://shop.example/api/orders/%2e%2e/admin",
        ),
        (
            "request-on-dot-segments-with-parameters",
            "`..;` is `..` to servers that cut path parameters off.",
            "https://shop.example/api/orders/..;/admin",
        ),
        (
            "request-on-an-escaped-slash",
            "`..%2f` is one segment to a gateway and two to the service behind it.",
            "https://shop.example/api/orders/..%2fadmin",
        ),
        (
            "request-on-a-backslash",
            "Browsers and some servers read `\\` as `/`.",
            "https://shop.example/api/orders/..\\admin",
        ),
        ("request-on-a-query", "A query belongs into facts.", "https://shop.example/api/orders/17?admin=1"),
        (
            "request-on-a-fragment",
            "A fragment never reaches a server.",
            "https://shop.example/api/orders/17#admin",
        ),
        (
            "request-on-a-user",
            "User info makes one host look like another.",
            "https://shop.example@evil.example/api/orders/17",
        ),
        (
            "request-on-the-default-port",
            "One place under two names.",
            "https://shop.example:443/api/orders/17",
        ),
        ("request-on-a-host-in-capitals", "A host has one spelling.", "https://SHOP.example/api/orders/17"),
        (
            "request-on-a-needless-escape",
            "`%31` is `1`: one resource under two names.",
            "https://shop.example/api/orders/%317",
        ),
        ("request-on-no-address", "A path without scheme and host.", "/api/orders/17"),
    ] {
        book.deny(name, why, "resource_not_normalized", None, |d| d.ask("resource", resource.into()));
    }
}

fn malformed(book: &mut Book) {
    let code = "malformed";
    book.deny(
        "request-on-a-star",
        "A resource with a star is no resource: it would equal the pattern that grants it.",
        code,
        None,
        |d| d.ask("resource", "https://shop.example/api/orders/*".into()),
    );
    book.deny(
        "request-for-a-star",
        "An action with a star is no action: it would equal the pattern that grants it.",
        code,
        None,
        |d| d.ask("action", "mcp:tools/call:payments.*".into()),
    );
    book.deny("request-for-nothing", "An empty action.", code, None, |d| d.ask("action", "".into()));
    for (name, why, facts) in [
        (
            "fact-of-money-as-a-float",
            "12.5 USD: amounts are in minor units.",
            json!({"amount": 12.5, "currency": "USD"}),
        ),
        (
            "fact-of-money-that-is-negative",
            "Less than nothing would fill the budget up again.",
            json!({"amount": -1200, "currency": "USD"}),
        ),
        (
            "fact-of-money-as-a-text",
            "`1200` is a text, and texts are not compared with limits.",
            json!({"amount": "1200", "currency": "USD"}),
        ),
        (
            "fact-of-money-of-two-to-the-53",
            "2^53 is no integer that every reader agrees on.",
            json!({"amount": 9_007_199_254_740_992_i64, "currency": "USD"}),
        ),
        (
            "fact-of-money-of-more-than-the-largest-amount",
            "In millionths of a cent it could overflow the totals that it is added to.",
            json!({"amount": 9_000_000_000_001_i64, "currency": "USD"}),
        ),
        (
            "fact-of-money-said-twice",
            "One limit would look at the one and another at the other.",
            json!({"amount": 1200, "amountMicros": 1_200_000_000, "currency": "USD"}),
        ),
        (
            "fact-of-millionths-that-are-negative",
            "Less than nothing would fill the budget up again.",
            json!({"amountMicros": -1, "currency": "USD"}),
        ),
        (
            "fact-of-a-currency-as-a-number",
            "840 is how ISO 4217 numbers the USD; a currency is a text.",
            json!({"amount": 1200, "currency": 840}),
        ),
        (
            "fact-of-a-domain-in-capitals",
            "A domain has one spelling.",
            json!({"amount": 1200, "currency": "USD", "domain": "Shop.example"}),
        ),
        (
            "fact-that-is-null",
            "A fact without value is not the same as none.",
            json!({"amount": 1200, "currency": "USD", "note": null}),
        ),
        (
            "fact-that-is-an-array",
            "Facts are texts, integers and booleans.",
            json!({"amount": 1200, "currency": "USD", "to": ["a", "b"]}),
        ),
        ("fact-without-name", "A fact of no name.", json!({"amount": 1200, "currency": "USD", "": 1})),
    ] {
        book.deny(name, why, code, None, |d| d.ask("facts", facts));
    }
    book.permit("facts-that-no-constraint-needs", "More facts than are asked for.", |d| d.ask("facts", json!({"amount": 1200, "currency": "USD", "domain": "shop.example", "query.page": "2", "gift": true})));
}

fn spend(book: &mut Book) {
    let facts = |facts: Value| move |d: &mut Draft| d.ask("facts", facts);
    book.permit(
        "spend-of-just-the-most",
        "5,000 of at most 5,000.",
        facts(json!({"amount": 5000, "currency": "USD"})),
    );
    book.deny(
        "spend-of-one-too-much",
        "5,001 of at most 5,000.",
        "constraint_violated",
        None,
        facts(json!({"amount": 5001, "currency": "USD"})),
    );
    book.permit(
        "spend-of-just-the-most-in-millionths",
        "The same, said in millionths of a cent.",
        facts(json!({"amountMicros": 5_000_000_000_i64, "currency": "USD"})),
    );
    book.deny(
        "spend-of-a-millionth-too-much",
        "A millionth of a cent more than at most: rounded down it would pass.",
        "constraint_violated",
        None,
        facts(json!({"amountMicros": 5_000_000_001_i64, "currency": "USD"})),
    );
    book.permit("spend-of-nothing-at-all", "0 is an amount.", facts(json!({"amount": 0, "currency": "USD"})));
    book.deny(
        "spend-in-a-currency-that-is-not-listed",
        "1 EUR where USD are limited: a currency that is not listed denies.",
        "constraint_violated",
        None,
        facts(json!({"amount": 1, "currency": "EUR"})),
    );
    book.deny(
        "spend-in-a-currency-in-small-letters",
        "`usd` is not `USD`.",
        "constraint_violated",
        None,
        facts(json!({"amount": 1, "currency": "usd"})),
    );
    book.deny(
        "spend-without-amount",
        "What is not known can't be within a limit.",
        "missing_fact",
        None,
        facts(json!({"currency": "USD"})),
    );
    book.deny(
        "spend-without-currency-fact",
        "1,200 what?",
        "missing_fact",
        None,
        facts(json!({"amount": 1200})),
    );
    book.deny(
        "spend-without-facts",
        "A verifier whose mapping supplies nothing.",
        "missing_fact",
        None,
        facts(json!({})),
    );
}

fn currencies(book: &mut Book) {
    let two = |amount: i64, currency: &'static str| {
        move |d: &mut Draft| {
            d.solo();
            d.limits(0, json!([{"type": "spend", "currency": "USD", "perAction": 5000}, {"type": "spend", "currency": "JPY", "perAction": 700_000}]));
            d.ask("facts", json!({"amount": amount, "currency": currency}));
        }
    };
    book.permit(
        "spend-in-the-second-of-two-currencies",
        "Each currency has a limit of its own.",
        two(600_000, "JPY"),
    );
    book.deny(
        "spend-in-the-first-by-the-limit-of-the-second",
        "600,000 USD are not within what may be spent in JPY.",
        "constraint_violated",
        None,
        two(600_000, "USD"),
    );
}

/// One constraint in the root alone, on a booking with these facts.
fn one(constraint: Value, facts: Value) -> impl Fn(&mut Draft) {
    move |d| {
        d.solo();
        d.limits(0, json!([constraint]));
        d.book(facts.clone());
    }
}

fn approvals(book: &mut Book) {
    let with = |facts: Value| {
        one(
            json!({"type": "approval", "above": 2500, "currency": "USD", "approver": agent("ada's boss").did}),
            facts,
        )
    };
    book.deny(
        "approval-needed",
        "2,501 where 2,500 pass without approval.",
        "approval_required",
        None,
        with(json!({"amount": 2501, "currency": "USD"})),
    );
    book.deny(
        "approval-needed-for-a-millionth",
        "A millionth of a cent above what passes without approval.",
        "approval_required",
        None,
        with(json!({"amountMicros": 2_500_000_001_i64, "currency": "USD"})),
    );
    book.permit(
        "approval-not-needed",
        "2,500 pass without approval.",
        with(json!({"amount": 2500, "currency": "USD"})),
    );
    book.deny(
        "approval-in-another-currency",
        "An amount in another currency is not below the limit.",
        "approval_required",
        None,
        with(json!({"amount": 1, "currency": "EUR"})),
    );
    book.deny(
        "approval-without-amount",
        "What is not known needs no approval to be denied.",
        "missing_fact",
        None,
        with(json!({"currency": "USD"})),
    );
    book.deny(
        "approval-claimed-by-the-caller",
        "A fact `approved` is no approval.",
        "approval_required",
        None,
        with(json!({"amount": 9000, "currency": "USD", "approved": true})),
    );
}

fn time(book: &mut Book) {
    book.story(
        "denied-request-uses-nothing-up",
        "A request that is denied leaves the nonce for one that is not.",
        |d| {
            d.ask("facts", json!({"amount": 5001, "currency": "USD"}));
            d.step(crate::make::draft::deny("constraint_violated", None));
            d.ask("facts", json!({"amount": 5000, "currency": "USD"}));
            d.step(crate::make::draft::permit());
        },
    );
}
