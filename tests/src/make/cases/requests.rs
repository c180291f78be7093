//! Requests: grants, facts, and each kind of constraint.

use super::Book;
use crate::make::{
    actors::agent,
    draft::{BOOK, Draft},
};
use serde_json::{Value, json};

pub(crate) fn add(book: &mut Book) {
    granted(book);
    resources(book);
    malformed(book);
    spend(book);
    approvals(book);
    numbers(book);
    sets(book);
    prefixes(book);
    ranks(book);
    scoped(book);
    several(book);
    time(book);
}

fn granted(book: &mut Book) {
    let code = "not_granted";
    book.deny("request-for-another-action", "An action that the parent holds and the leaf does not.", code, None, |d| d.ask("action", "mcp:tools/call:payments.send".into()));
    book.deny("request-for-an-action-in-capitals", "Actions are compared by bytes.", code, None, |d| d.ask("action", "a2a:skill:Book".into()));
    book.deny("request-for-an-action-that-starts-alike", "`a2a:skill:book` does not hold `a2a:skill:bookings`.", code, None, |d| d.ask("action", "a2a:skill:bookings".into()));
    book.deny("request-for-the-stem-of-a-star", "`payments.*` does not hold `payments.` itself.", code, None, |d| {
        d.only(2);
        d.ask("action", "mcp:tools/call:payments.".into());
    });
    book.permit("request-below-a-star", "`payments.*` holds further borders, too.", |d| {
        d.only(2);
        d.ask("action", "mcp:tools/call:payments.refund/all:now".into());
    });
    book.deny("request-on-another-resource", "A resource that the root holds and the leaf does not.", code, None, |d| d.ask("resource", "https://shop.example/api/customers/1".into()));
    book.deny("request-on-another-host", "The same path on another host.", code, None, |d| d.ask("resource", "https://shop.example.evil.example/api/orders/17".into()));
    book.deny("request-on-the-stem-of-a-star", "`/api/orders/*` does not hold `/api/orders/` itself.", code, None, |d| d.ask("resource", "https://shop.example/api/orders/".into()));
    book.permit("request-far-below-a-star", "`/api/orders/*` holds further segments, too.", |d| d.ask("resource", "https://shop.example/api/orders/17/items/2".into()));
}

fn resources(book: &mut Book) {
    for (name, why, resource) in [
        ("request-on-dot-segments", "`/api/orders/../../admin` is within `/api/orders/*` as a text and `/admin` as an address.", "https://shop.example/api/orders/../../admin"),
        ("request-on-escaped-dot-segments", "`%2e%2e` is `..` to most servers.", "https://shop.example/api/orders/%2e%2e/admin"),
        ("request-on-dot-segments-with-parameters", "`..;` is `..` to servers that cut path parameters off.", "https://shop.example/api/orders/..;/admin"),
        ("request-on-an-escaped-slash", "`..%2f` is one segment to a gateway and two to the service behind it.", "https://shop.example/api/orders/..%2fadmin"),
        ("request-on-a-backslash", "Browsers and some servers read `\\` as `/`.", "https://shop.example/api/orders/..\\admin"),
        ("request-on-a-query", "A query belongs into facts.", "https://shop.example/api/orders/17?admin=1"),
        ("request-on-a-fragment", "A fragment never reaches a server.", "https://shop.example/api/orders/17#admin"),
        ("request-on-a-user", "User info makes one host look like another.", "https://shop.example@evil.example/api/orders/17"),
        ("request-on-the-default-port", "One place under two names.", "https://shop.example:443/api/orders/17"),
        ("request-on-a-host-in-capitals", "A host has one spelling.", "https://SHOP.example/api/orders/17"),
        ("request-on-a-needless-escape", "`%31` is `1`: one resource under two names.", "https://shop.example/api/orders/%317"),
        ("request-on-no-address", "A path without scheme and host.", "/api/orders/17"),
        ("request-on-a-star", "A resource with a star is no resource: it would equal the pattern that grants it.", "https://shop.example/api/orders/*"),
    ] {
        book.deny(name, why, "resource_not_normalized", None, |d| d.ask("resource", resource.into()));
    }
}

fn malformed(book: &mut Book) {
    let code = "malformed";
    book.deny("request-for-a-star", "An action with a star is no action: it would equal the pattern that grants it.", code, None, |d| d.ask("action", "mcp:tools/call:payments.*".into()));
    book.deny("request-for-nothing", "An empty action.", code, None, |d| d.ask("action", "".into()));
    for (name, why, facts) in [
        ("fact-of-money-as-a-float", "12.5 USD: amounts are in minor units.", json!({"amount": 12.5, "currency": "USD"})),
        ("fact-of-money-that-is-negative", "Less than nothing would fill the budget up again.", json!({"amount": -1200, "currency": "USD"})),
        ("fact-of-money-as-a-text", "`1200` is a text, and texts are not compared with limits.", json!({"amount": "1200", "currency": "USD"})),
        ("fact-of-money-of-two-to-the-53", "2^53 is no integer that every reader agrees on.", json!({"amount": 9_007_199_254_740_992_i64, "currency": "USD"})),
        ("fact-of-a-currency-as-a-number", "840 is how ISO 4217 numbers the USD; a currency is a text.", json!({"amount": 1200, "currency": 840})),
        ("fact-of-a-domain-in-capitals", "A domain has one spelling.", json!({"amount": 1200, "currency": "USD", "domain": "Shop.example"})),
        ("fact-that-is-null", "A fact without value is not the same as none.", json!({"amount": 1200, "currency": "USD", "note": null})),
        ("fact-that-is-an-array", "Facts are texts, integers and booleans.", json!({"amount": 1200, "currency": "USD", "to": ["a", "b"]})),
        ("fact-without-name", "A fact of no name.", json!({"amount": 1200, "currency": "USD", "": 1})),
    ] {
        book.deny(name, why, code, None, |d| d.ask("facts", facts));
    }
    book.permit("facts-that-no-constraint-needs", "More facts than are asked for.", |d| d.ask("facts", json!({"amount": 1200, "currency": "USD", "domain": "shop.example", "query.page": "2", "gift": true})));
}

fn spend(book: &mut Book) {
    let facts = |facts: Value| move |d: &mut Draft| d.ask("facts", facts);
    book.permit("spend-of-just-the-most", "5,000 of at most 5,000.", facts(json!({"amount": 5000, "currency": "USD"})));
    book.deny("spend-of-one-too-much", "5,001 of at most 5,000.", "constraint_violated", None, facts(json!({"amount": 5001, "currency": "USD"})));
    book.permit("spend-of-nothing-at-all", "0 is an amount.", facts(json!({"amount": 0, "currency": "USD"})));
    book.deny("spend-in-a-currency-that-is-not-listed", "1 EUR where USD are limited: a currency that is not listed denies.", "constraint_violated", None, facts(json!({"amount": 1, "currency": "EUR"})));
    book.deny("spend-in-a-currency-in-small-letters", "`usd` is not `USD`.", "constraint_violated", None, facts(json!({"amount": 1, "currency": "usd"})));
    book.deny("spend-without-amount", "What is not known can't be within a limit.", "missing_fact", None, facts(json!({"currency": "USD"})));
    book.deny("spend-without-currency-fact", "1,200 what?", "missing_fact", None, facts(json!({"amount": 1200})));
    book.deny("spend-without-facts", "A verifier whose mapping supplies nothing.", "missing_fact", None, facts(json!({})));
    let two = |amount: i64, currency: &'static str| {
        move |d: &mut Draft| {
            d.solo();
            d.limits(0, json!([{"type": "spend", "currency": "USD", "perAction": 5000}, {"type": "spend", "currency": "JPY", "perAction": 700_000}]));
            d.ask("facts", json!({"amount": amount, "currency": currency}));
        }
    };
    book.permit("spend-in-the-second-of-two-currencies", "Each currency has a limit of its own.", two(600_000, "JPY"));
    book.deny("spend-in-the-first-by-the-limit-of-the-second", "600,000 USD are not within what may be spent in JPY.", "constraint_violated", None, two(600_000, "USD"));
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
    let with = |facts: Value| one(json!({"type": "approval", "above": 2500, "currency": "USD", "approver": agent("ada's boss").did}), facts);
    book.deny("approval-needed", "2,501 where 2,500 pass without approval.", "approval_required", None, with(json!({"amount": 2501, "currency": "USD"})));
    book.permit("approval-not-needed", "2,500 pass without approval.", with(json!({"amount": 2500, "currency": "USD"})));
    book.deny("approval-in-another-currency", "An amount in another currency is not below the limit.", "approval_required", None, with(json!({"amount": 1, "currency": "EUR"})));
    book.deny("approval-without-amount", "What is not known needs no approval to be denied.", "missing_fact", None, with(json!({"currency": "USD"})));
    book.deny("approval-claimed-by-the-caller", "A fact `approved` is no approval.", "approval_required", None, with(json!({"amount": 9000, "currency": "USD", "approved": true})));
}

fn argument(name: &str, member: &str, value: Value) -> Value {
    let mut json = json!({"type": "argument", "name": name});
    json[member] = value;
    json
}

fn numbers(book: &mut Book) {
    let code = "constraint_violated";
    let max = |facts: Value| one(argument("seats", "max", 4.into()), facts);
    book.permit("argument-of-just-the-most", "4 of at most 4 seats.", max(json!({"seats": 4})));
    book.deny("argument-of-one-too-many", "5 of at most 4 seats.", code, None, max(json!({"seats": 5})));
    book.deny("argument-as-a-text-where-a-number-is-limited", "The text `4` is not the number 4.", code, None, max(json!({"seats": "4"})));
    book.deny("argument-as-a-boolean-where-a-number-is-limited", "True is 1 in some languages.", code, None, max(json!({"seats": true})));
    book.deny("argument-missing", "A call that leaves the argument away leaves the choice to the tool.", "missing_fact", None, max(json!({})));
    book.deny("argument-missing-by-case", "`Seats` is another argument than `seats`.", "missing_fact", None, max(json!({"Seats": 1})));
    let min = |facts: Value| one(argument("seats", "min", 2.into()), facts);
    book.permit("argument-of-just-the-least", "2 of at least 2 seats.", min(json!({"seats": 2})));
    book.deny("argument-of-one-too-few", "1 of at least 2 seats.", code, None, min(json!({"seats": 1})));
    book.deny("argument-that-is-negative", "-3 of at least 2 seats.", code, None, min(json!({"seats": -3})));
}

fn sets(book: &mut Book) {
    let code = "constraint_violated";
    let class = |member: &'static str, value: Value, fact: Value| one(argument("class", member, value), json!({"class": fact}));
    book.permit("argument-equal", "The one value that passes.", class("equals", "economy".into(), "economy".into()));
    book.deny("argument-not-equal", "Another value.", code, None, class("equals", "economy".into(), "first".into()));
    book.deny("argument-equal-but-for-case", "`Economy` is not `economy`.", code, None, class("equals", "economy".into(), "Economy".into()));
    book.deny("argument-equal-but-for-type", "The text `5` is not the number 5.", code, None, class("equals", 5.into(), "5".into()));
    book.permit("argument-equal-to-a-boolean", "A boolean is a value like any other.", class("equals", false.into(), false.into()));
    let few = || json!(["economy", "business"]);
    book.permit("argument-one-of-those", "One of two values.", class("oneOf", few(), "business".into()));
    book.deny("argument-none-of-those", "None of two values.", code, None, class("oneOf", few(), "first".into()));
    book.deny("argument-one-of-none", "An empty set lets nothing pass.", code, None, class("oneOf", json!([]), "economy".into()));
    book.permit("argument-not-excluded", "None of the values that are excluded.", class("notOneOf", few(), "first".into()));
    book.deny("argument-excluded", "A value that is excluded.", code, None, class("notOneOf", few(), "business".into()));
    book.deny("argument-excluded-by-its-type", "5 where texts are excluded: a value of another type must not slip past a list of texts.", code, None, class("notOneOf", json!(["5"]), 5.into()));
}

fn prefixes(book: &mut Book) {
    let with = |path: Value| one(argument("path", "prefix", "/data/".into()), json!({"path": path}));
    book.permit("prefix-that-is-met", "A path below the prefix.", with("/data/in/a.txt".into()));
    for (name, why, path) in [
        ("prefix-left-by-dots", "`/data/../etc` starts with `/data/` and is `/etc`.", "/data/../etc"),
        ("prefix-left-by-escaped-dots", "`%2e%2e` is `..` where the tool decodes it.", "/data/%2e%2e/etc"),
        ("prefix-left-by-a-backslash", "`..\\` on some systems, and any other use of `\\`.", "/data/\\etc"),
        ("prefix-left-by-a-double-slash", "`//` begins anew in some resolvers of paths.", "/data//etc"),
        ("prefix-left-by-a-nul", "A NUL ends the path for programs in C.", "/data/a\u{0}.txt"),
        ("prefix-not-met", "A path that starts otherwise.", "/etc/passwd"),
        ("prefix-met-but-for-case", "`/DATA/` is another directory.", "/DATA/a.txt"),
    ] {
        book.deny(name, why, "constraint_violated", None, with(path.into()));
    }
    book.deny("prefix-of-a-number", "A number starts with nothing.", "constraint_violated", None, with(5.into()));
}

fn ranks(book: &mut Book) {
    let with = |class: Value| one(json!({"type": "argument", "name": "class", "rank": "business", "order": ["economy", "business", "first"]}), json!({"class": class}));
    book.permit("rank-before-the-bound", "A value before the bound in its order.", with("economy".into()));
    book.permit("rank-at-the-bound", "The bound itself.", with("business".into()));
    book.deny("rank-behind-the-bound", "A value behind the bound.", "constraint_violated", None, with("first".into()));
    book.deny("rank-outside-the-order", "A value that the order does not know is behind every bound.", "constraint_violated", None, with("charter".into()));
    book.deny("rank-by-its-index", "The index of a value is not the value.", "constraint_violated", None, with(0.into()));
}

fn scoped(book: &mut Book) {
    let only_refunds = json!({"type": "argument", "name": "seats", "max": 4, "actions": ["mcp:tools/call:payments.*"]});
    book.permit("constraint-on-other-actions", "A constraint on payments does not bind a booking, and needs no fact of it.", one(only_refunds, json!({})));
    let bookings = |facts: Value| one(json!({"type": "argument", "name": "seats", "max": 4, "actions": ["a2a:skill:*"]}), facts);
    book.deny("constraint-on-this-action-by-a-star", "A constraint on every skill binds a booking.", "constraint_violated", None, bookings(json!({"seats": 5})));
    book.deny("constraint-on-this-action-without-fact", "A constraint on every skill needs the fact of a booking.", "missing_fact", None, bookings(json!({})));
    book.permit("constraint-on-this-action-that-is-met", "A constraint on every skill, and a booking within it.", bookings(json!({"seats": 4})));
}

fn several(book: &mut Book) {
    let both = |seats: i64, class: &'static str| {
        move |d: &mut Draft| {
            d.limits(0, json!([argument("seats", "max", 4.into())]));
            d.limits(2, json!([argument("class", "equals", "economy".into())]));
            d.book(json!({"seats": seats, "class": class}));
        }
    };
    book.permit("constraints-of-two-links-met", "Constraints of root and leaf are a conjunction, and both are met.", both(4, "economy"));
    book.deny("constraint-of-the-root-violated", "The leaf's constraint is met, the root's is not.", "constraint_violated", None, both(5, "economy"));
    book.deny("constraint-of-the-leaf-violated", "The root's constraint is met, the leaf's is not.", "constraint_violated", None, both(4, "first"));
    book.deny("constraint-violated-and-fact-missing", "A missing fact comes before a violated constraint.", "missing_fact", None, |d| {
        both(5, "economy")(d);
        d.book(json!({"seats": 5}));
    });
    book.deny("action-not-granted-and-constraint-violated", "Grants come before constraints.", "not_granted", None, |d| {
        both(5, "economy")(d);
        d.request = Some(json!({"action": format!("{BOOK}.again"), "resource": crate::make::draft::ORDER, "facts": {"seats": 5}}));
    });
}

fn time(book: &mut Book) {
    book.story("denied-request-uses-nothing-up", "A request that is denied leaves the nonce for one that is not.", |d| {
        d.ask("facts", json!({"amount": 5001, "currency": "USD"}));
        d.step(crate::make::draft::deny("constraint_violated", None));
        d.ask("facts", json!({"amount": 5000, "currency": "USD"}));
        d.step(crate::make::draft::permit());
    });
}
