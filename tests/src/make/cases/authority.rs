//! The format of an authority: members, numbers, depths, parents.

use super::Book;
use crate::make::draft::Draft;
use serde_json::{Value, json};

pub(crate) fn add(book: &mut Book) {
    unknown(book);
    numbers(book);
    numbers_that_pass(book);
    depths(book);
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
        "9·10^12 minor units: in millionths the largest that 64 bits add up.",
        per_action(9_000_000_000_000),
    );
    book.deny(
        "money-of-more-than-the-largest-amount",
        "A minor unit more, whose millionths could overflow.",
        "malformed",
        Some(0),
        per_action(9_000_000_000_001),
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
