//! The format of an authority: members, numbers, patterns, constraints.

use super::Book;
use crate::make::draft::Draft;
use serde_json::{Value, json};

pub(crate) fn add(book: &mut Book) {
    unknown(book);
    unknown_constraints(book);
    numbers(book);
    numbers_that_pass(book);
    depths(book);
    grants(book);
    actions(book);
    resources(book);
    resources_that_pass(book);
    constraints(book);
    more_constraints(book);
    parents(book);
}

fn unknown(book: &mut Book) {
    let code = "unknown_member";
    book.deny(
        "unknown-member-in-delegation",
        "`conditions` might limit something; whoever skips it grants more than was meant.",
        code,
        Some(1),
        |d| d.delegation(1)["conditions"] = json!([]),
    );
    book.deny(
        "unknown-member-in-a-grant",
        "`except` in a grant would take something away.",
        code,
        Some(2),
        |d| d.delegation(2)["grants"][0]["except"] = json!([]),
    );
    book.deny(
        "unknown-member-in-a-constraint",
        "`perDay` in a spend: skipped, there would be no limit per day.",
        code,
        Some(0),
        |d| d.delegation(0)["constraints"][0]["perDay"] = 1.into(),
    );
    book.deny("unknown-member-in-a-window", "`unit` in a window: 60 what?", code, Some(0), |d| {
        d.delegation(0)["constraints"][0]["window"] = json!({"seconds": 60, "amount": 5000, "unit": "days"});
    });
    book.deny(
        "unknown-member-of-another-constraint",
        "`perAction` in a rate is not known there.",
        code,
        Some(1),
        |d| d.limits(1, json!([{"type": "rate", "seconds": 60, "max": 3, "perAction": 1}])),
    );
    book.deny(
        "unknown-member-null-in-delegation",
        "A member without value is a member.",
        code,
        Some(1),
        |d| d.delegation(1)["conditions"] = Value::Null,
    );
    book.deny(
        "number-token-in-delegation",
        "`$serde_json::private::Number` in a delegation is a member like any other, and not known.",
        code,
        Some(1),
        |d| d.delegation(1)["$serde_json::private::Number"] = "1".into(),
    );
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

fn numbers(book: &mut Book) {
    for (name, why, text) in [
        ("money-as-a-float", "50.5 USD: money is in minor units, since floats lose cents.", "50.5"),
        (
            "money-as-a-float-without-fraction",
            "5000.0 is an integer to one reader and a float to another.",
            "5000.0",
        ),
        ("money-with-an-exponent", "5e3 is a float as JSON readers have it.", "5e3"),
        (
            "money-of-two-to-the-53",
            "2^53 is the first integer that some readers can't tell from the next.",
            "9007199254740992",
        ),
        (
            "money-beyond-64-bits",
            "2^64 wraps to 0 or saturates, depending on the reader.",
            "18446744073709551616",
        ),
        ("money-negative", "Less than nothing: a limit that wraps in unsigned readers.", "-1"),
        ("money-negative-zero", "-0 is a float as JSON readers have it.", "-0"),
        ("money-as-a-text", "`5000` is a text, and texts compare otherwise.", "\"5000\""),
        ("money-null", "No amount is no limit.", "null"),
    ] {
        book.deny(name, why, "malformed", Some(0), |d| {
            d.delegation(0)["constraints"][0]["perAction"] = "@".into();
            d.links[0].literal("@", text);
        });
    }
    book.deny("rate-of-a-float", "2.5 actions.", "malformed", Some(2), |d| {
        d.limits(2, json!([{"type": "rate", "seconds": 60, "max": "@"}]));
        d.links[2].literal("@", "2.5");
    });
    book.deny(
        "window-of-no-time",
        "A window of 0 seconds holds nothing, so that nothing would be limited.",
        "malformed",
        Some(2),
        |d| d.limits(2, json!([{"type": "rate", "seconds": 0, "max": 3}])),
    );
    book.deny(
        "window-of-more-than-ten-years",
        "A ledger would have to remember for as long.",
        "malformed",
        Some(2),
        |d| d.limits(2, json!([{"type": "rate", "seconds": 315_576_001, "max": 3}])),
    );
    book.deny(
        "argument-limit-as-a-float",
        "`max` of an argument is an integer.",
        "malformed",
        Some(2),
        |d| {
            d.limits(2, json!([{"type": "argument", "name": "seats", "max": "@"}]));
            d.links[2].literal("@", "4.5");
        },
    );
}

fn numbers_that_pass(book: &mut Book) {
    let per_action =
        |amount: i64| move |d: &mut Draft| d.delegation(0)["constraints"][0]["perAction"] = amount.into();
    book.permit(
        "money-of-the-largest-amount",
        "2^53 - 1 is the largest integer that every reader agrees on.",
        per_action(9_007_199_254_740_991),
    );
    book.deny(
        "money-of-nothing",
        "At most 0: a limit that lets nothing be spent.",
        "constraint_violated",
        None,
        per_action(0),
    );
    book.permit("money-of-nothing-for-nothing", "At most 0 lets an action pass that costs nothing.", |d| {
        per_action(0)(d);
        d.ask("facts", json!({"amount": 0, "currency": "USD"}));
    });
}

fn depths(book: &mut Book) {
    for (name, why, text) in [
        ("max-depth-as-a-float", "1.0 is no integer.", "1.0"),
        ("max-depth-negative", "-1 wraps to the largest depth in unsigned readers.", "-1"),
        ("max-depth-too-large", "2^32 wraps to 0 in readers of 32 bits.", "4294967296"),
        ("max-depth-as-a-text", "A text is no number.", "\"1\""),
        ("max-depth-null", "No depth is no limit.", "null"),
    ] {
        book.deny(name, why, "malformed", Some(0), |d| {
            d.delegation(0)["maxDepth"] = "@".into();
            d.links[0].literal("@", text);
        });
    }
}

fn grants(book: &mut Book) {
    book.valid("grants-empty", "A delegation that grants nothing is one: the chain holds.", |d| {
        d.delegation(2)["grants"] = json!([])
    });
    book.deny(
        "grants-empty-with-a-request",
        "An empty set grants nothing, rather than everything.",
        "not_granted",
        None,
        |d| d.delegation(2)["grants"] = json!([]),
    );
    book.deny(
        "grants-without-actions-with-a-request",
        "A grant of no actions grants nothing.",
        "not_granted",
        None,
        |d| d.delegation(2)["grants"][0]["actions"] = json!([]),
    );
    book.deny(
        "grants-without-resources-with-a-request",
        "A grant on no resources grants nothing.",
        "not_granted",
        None,
        |d| d.delegation(2)["grants"][0]["resources"] = json!([]),
    );
    let change = |name: &str, why: &str, value: Value, book: &mut Book| {
        book.deny(name, why, "malformed", Some(2), |d| d.delegation(2)["grants"] = value)
    };
    change("grants-null", "`grants` without value.", Value::Null, book);
    change(
        "grants-that-are-everything",
        "`everything` is for the verifier's own trust to say, never for a credential.",
        "everything".into(),
        book,
    );
    change(
        "grants-with-a-text-for-actions",
        "A text where an array of actions belongs.",
        json!([{"actions": "a2a:skill:book", "resources": ["https://shop.example/api/orders/*"]}]),
        book,
    );
    change(
        "grants-without-resources-member",
        "A grant that leaves its resources away.",
        json!([{"actions": ["a2a:skill:book"]}]),
        book,
    );
    change("grants-too-many", "33 grants, one more than is read.", vec![json!({"actions": [], "resources": []}); 33].into(), book);
    change(
        "grants-of-too-many-pairs",
        "17 actions on 16 resources are 272 pairs, and each is compared with each of the parent's.",
        {
            let actions: Vec<_> = (0..17).map(|one| format!("a2a:skill:book.{one}")).collect();
            let resources: Vec<_> =
                (0..16).map(|one| format!("https://shop.example/api/orders/{one}")).collect();
            json!([{"actions": actions, "resources": resources}])
        },
        book,
    );
    book.deny(
        "grants-missing",
        "A delegation that does not say what it grants.",
        "malformed",
        Some(2),
        |d| drop(d.delegation(2).as_object_mut().unwrap().remove("grants")),
    );
}

fn actions(book: &mut Book) {
    for (name, why, action) in [
        ("action-of-a-star-only", "`*` is every action, of every protocol to come.", "*"),
        ("action-with-a-star-behind-no-border", "`pay*` would reach `paymaster`.", "a2a:skill:bo*"),
        (
            "action-with-a-star-inside",
            "A star stands at the end only: anything else makes the order undecidable by looking.",
            "a2a:*:book",
        ),
        (
            "action-with-two-stars",
            "`**` has a meaning of its own in other languages of patterns.",
            "a2a:skill:**",
        ),
        ("action-empty", "An empty action.", ""),
        ("action-with-a-space", "Only visible ASCII.", "a2a:skill:book now"),
        (
            "action-with-a-look-alike",
            "A Cyrillic letter that looks like an ASCII one.",
            "a2a:skill:b\u{43e}\u{43e}k",
        ),
    ] {
        book.deny(name, why, "malformed", Some(2), |d| {
            d.delegation(2)["grants"][0]["actions"] = json!([action])
        });
    }
    book.permit(
        "action-with-a-star-behind-a-border",
        "A star behind a border means any rest that is not empty.",
        |d| d.delegation(2)["grants"][0]["actions"] = json!(["mcp:tools/call:payments.*"]),
    );
}

fn resources(book: &mut Book) {
    for (name, why, resource) in [
        (
            "grant-on-dot-segments",
            "`/x/../../admin` is within `/x/*` as a text and outside it as an address.",
            "https://shop.example/x/../../admin",
        ),
        (
            "grant-on-escaped-dot-segments",
            "`%2e%2e` is `..` to most servers.",
            "https://shop.example/api/%2e%2e/admin",
        ),
        (
            "grant-on-dot-segments-with-parameters",
            "`..;` is `..` to servers that cut path parameters off.",
            "https://shop.example/api/..;/admin",
        ),
        (
            "grant-on-a-star-in-the-host",
            "`https://shop.*` would reach `https://shop.evil.example`.",
            "https://shop.*",
        ),
        ("grant-on-a-star-for-the-host", "Every host there is.", "https://*"),
        ("grant-on-a-star-before-the-host", "A star stands at the end only.", "https://*.shop.example/"),
        (
            "grant-on-a-star-behind-the-host",
            "`https://shop.example*` would reach `https://shop.example.evil.example`.",
            "https://shop.example*",
        ),
        ("grant-on-a-star-for-the-port", "A port is always literal.", "https://shop.example:*"),
        (
            "grant-on-a-star-behind-no-border",
            "`/api*` would reach `/api-internal`.",
            "https://shop.example/api*",
        ),
        ("grant-on-a-host-in-capitals", "A host has one spelling.", "https://SHOP.example/api/*"),
        (
            "grant-on-the-default-port",
            "`:443` is the same place under another name.",
            "https://shop.example:443/api/*",
        ),
        (
            "grant-on-a-user",
            "User info makes one host look like another.",
            "https://shop.example@evil.example/",
        ),
        (
            "grant-on-a-query",
            "A query is not matched; it becomes facts.",
            "https://shop.example/api/orders?id=1",
        ),
        ("grant-on-a-fragment", "A fragment never reaches a server.", "https://shop.example/api/orders#1"),
        (
            "grant-on-an-escaped-slash",
            "`%2f` is a slash to one server and none to another.",
            "https://shop.example/api/orders%2f17",
        ),
        (
            "grant-on-an-escaped-backslash",
            "`%5c` is a border on some systems.",
            "https://shop.example/api/orders%5c17",
        ),
        (
            "grant-on-a-needless-escape",
            "`%61` is `a`: one resource under two names.",
            "https://shop.example/%61pi/*",
        ),
        ("grant-on-a-host-without-path", "The root path is `/`.", "https://shop.example"),
        ("grant-on-a-short-ip-address", "`127.1` is 127.0.0.1.", "https://127.1/"),
        (
            "grant-on-a-name-that-is-not-ascii",
            "An internationalized domain stands as its A-label.",
            "https://m\u{fc}nchen.example/",
        ),
        ("grant-on-no-address", "A path without scheme and host.", "/api/*"),
    ] {
        book.deny(name, why, "resource_not_normalized", Some(2), |d| {
            d.delegation(2)["grants"][0]["resources"] = json!([resource])
        });
    }
}

fn resources_that_pass(book: &mut Book) {
    book.permit("grant-on-one-resource", "A resource without star is meant exactly.", |d| {
        d.delegation(2)["grants"][0]["resources"] = json!(["https://shop.example/api/orders/17"])
    });
    book.permit("grant-on-a-resource-with-escapes", "An escape that is needed stays one.", |d| {
        d.delegation(2)["grants"][0]["resources"] = json!(["https://shop.example/api/orders/caf%C3%A9%20/*"]);
        d.ask("resource", "https://shop.example/api/orders/caf%C3%A9%20/1;v=2".into());
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
    change("spend-without-currency", "5000 of which currency?", json!([{"type": "spend", "perAction": 5000}]), book);
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

fn parents(book: &mut Book) {
    for (name, why, parent) in [
        ("parent-digest-too-short", "Half a digest is easier to meet.", json!("AAAAAAAAAAAAAAAAAAAAAA")),
        (
            "parent-digest-in-hexadecimal",
            "Another encoding of the digest.",
            json!("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
        ),
        ("parent-digest-null", "`parent` without value is not the same as no parent.", Value::Null),
    ] {
        book.deny(name, why, "malformed", Some(1), |d| {
            d.delegation(1)["parent"] = parent;
            d.links[1].own_parent = true;
        });
    }
}
