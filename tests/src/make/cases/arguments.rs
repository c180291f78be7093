//! Requests against constraints on arguments.

use super::Book;
use crate::make::draft::{BOOK, Draft};
use serde_json::{Value, json};

pub(crate) fn add(book: &mut Book) {
    numbers(book);
    sets(book);
    more_sets(book);
    prefixes(book);
    ranks(book);
    scoped(book);
    several(book);
}

/// One constraint in the root alone, on a booking with these facts.
fn one(constraint: Value, facts: Value) -> impl Fn(&mut Draft) {
    move |d| {
        d.solo();
        d.limits(0, json!([constraint]));
        d.book(facts.clone());
    }
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
    book.deny(
        "argument-as-a-text-where-a-number-is-limited",
        "The text `4` is not the number 4.",
        code,
        None,
        max(json!({"seats": "4"})),
    );
    book.deny(
        "argument-as-a-boolean-where-a-number-is-limited",
        "True is 1 in some languages.",
        code,
        None,
        max(json!({"seats": true})),
    );
    book.deny(
        "argument-missing",
        "A call that leaves the argument away leaves the choice to the tool.",
        "missing_fact",
        None,
        max(json!({})),
    );
    book.deny(
        "argument-missing-by-case",
        "`Seats` is another argument than `seats`.",
        "missing_fact",
        None,
        max(json!({"Seats": 1})),
    );
    let min = |facts: Value| one(argument("seats", "min", 2.into()), facts);
    book.permit("argument-of-just-the-least", "2 of at least 2 seats.", min(json!({"seats": 2})));
    book.deny("argument-of-one-too-few", "1 of at least 2 seats.", code, None, min(json!({"seats": 1})));
    book.deny("argument-that-is-negative", "-3 of at least 2 seats.", code, None, min(json!({"seats": -3})));
}

fn sets(book: &mut Book) {
    let code = "constraint_violated";
    let class = |member: &'static str, value: Value, fact: Value| {
        one(argument("class", member, value), json!({"class": fact}))
    };
    book.permit(
        "argument-equal",
        "The one value that passes.",
        class("equals", "economy".into(), "economy".into()),
    );
    book.deny(
        "argument-not-equal",
        "Another value.",
        code,
        None,
        class("equals", "economy".into(), "first".into()),
    );
    book.deny(
        "argument-equal-but-for-case",
        "`Economy` is not `economy`.",
        code,
        None,
        class("equals", "economy".into(), "Economy".into()),
    );
    book.deny(
        "argument-equal-but-for-type",
        "The text `5` is not the number 5.",
        code,
        None,
        class("equals", 5.into(), "5".into()),
    );
    book.permit(
        "argument-equal-to-a-boolean",
        "A boolean is a value like any other.",
        class("equals", false.into(), false.into()),
    );
    let few = || json!(["economy", "business"]);
    book.permit("argument-one-of-those", "One of two values.", class("oneOf", few(), "business".into()));
    book.deny(
        "argument-none-of-those",
        "None of two values.",
        code,
        None,
        class("oneOf", few(), "first".into()),
    );
}

fn more_sets(book: &mut Book) {
    let code = "constraint_violated";
    let class = |member: &'static str, value: Value, fact: Value| {
        one(argument("class", member, value), json!({"class": fact}))
    };
    let few = || json!(["economy", "business"]);
    book.deny(
        "argument-one-of-none",
        "An empty set lets nothing pass.",
        code,
        None,
        class("oneOf", json!([]), "economy".into()),
    );
    book.permit(
        "argument-not-excluded",
        "None of the values that are excluded.",
        class("notOneOf", few(), "first".into()),
    );
    book.deny(
        "argument-excluded",
        "A value that is excluded.",
        code,
        None,
        class("notOneOf", few(), "business".into()),
    );
    book.deny(
        "argument-excluded-by-its-type",
        "5 where texts are excluded: a value of another type must not slip past a list of texts.",
        code,
        None,
        class("notOneOf", json!(["5"]), 5.into()),
    );
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
    book.deny(
        "prefix-of-a-number",
        "A number starts with nothing.",
        "constraint_violated",
        None,
        with(5.into()),
    );
}

fn ranks(book: &mut Book) {
    let with = |class: Value| {
        one(
            json!({"type": "argument", "name": "class", "rank": "business", "order": ["economy", "business", "first"]}),
            json!({"class": class}),
        )
    };
    book.permit("rank-before-the-bound", "A value before the bound in its order.", with("economy".into()));
    book.permit("rank-at-the-bound", "The bound itself.", with("business".into()));
    book.deny(
        "rank-behind-the-bound",
        "A value behind the bound.",
        "constraint_violated",
        None,
        with("first".into()),
    );
    book.deny(
        "rank-outside-the-order",
        "A value that the order does not know is behind every bound.",
        "constraint_violated",
        None,
        with("charter".into()),
    );
    book.deny(
        "rank-by-its-index",
        "The index of a value is not the value.",
        "constraint_violated",
        None,
        with(0.into()),
    );
}

fn scoped(book: &mut Book) {
    let only_refunds =
        json!({"type": "argument", "name": "seats", "max": 4, "actions": ["mcp:tools/call:payments.*"]});
    book.permit(
        "constraint-on-other-actions",
        "A constraint on payments does not bind a booking, and needs no fact of it.",
        one(only_refunds, json!({})),
    );
    let bookings = |facts: Value| {
        one(json!({"type": "argument", "name": "seats", "max": 4, "actions": ["a2a:skill:*"]}), facts)
    };
    book.deny(
        "constraint-on-this-action-by-a-star",
        "A constraint on every skill binds a booking.",
        "constraint_violated",
        None,
        bookings(json!({"seats": 5})),
    );
    book.deny(
        "constraint-on-this-action-without-fact",
        "A constraint on every skill needs the fact of a booking.",
        "missing_fact",
        None,
        bookings(json!({})),
    );
    book.permit(
        "constraint-on-this-action-that-is-met",
        "A constraint on every skill, and a booking within it.",
        bookings(json!({"seats": 4})),
    );
}

fn several(book: &mut Book) {
    let both = |seats: i64, class: &'static str| {
        move |d: &mut Draft| {
            d.limits(0, json!([argument("seats", "max", 4.into())]));
            d.limits(2, json!([argument("class", "equals", "economy".into())]));
            d.book(json!({"seats": seats, "class": class}));
        }
    };
    book.permit(
        "constraints-of-two-links-met",
        "Constraints of root and leaf are a conjunction, and both are met.",
        both(4, "economy"),
    );
    book.deny(
        "constraint-of-the-root-violated",
        "The leaf's constraint is met, the root's is not.",
        "constraint_violated",
        None,
        both(5, "economy"),
    );
    book.deny(
        "constraint-of-the-leaf-violated",
        "The root's constraint is met, the leaf's is not.",
        "constraint_violated",
        None,
        both(4, "first"),
    );
    book.deny(
        "constraint-violated-and-fact-missing",
        "A missing fact comes before a violated constraint.",
        "missing_fact",
        None,
        |d| {
            both(5, "economy")(d);
            d.book(json!({"seats": 5}));
        },
    );
    book.deny("action-not-granted-and-constraint-violated", "Grants come before constraints.", "not_granted", None, |d| {
        both(5, "economy")(d);
        d.request = Some(json!({"action": format!("{BOOK}.again"), "resource": crate::make::draft::ORDER, "facts": {"seats": 5}}));
    });
}
