//! When a link is valid, and that a child is so only while its parent is.

use super::Book;
use crate::make::draft::{Draft, seconds};
use serde_json::Value;

pub(crate) fn add(book: &mut Book) {
    windows(book);
    more_windows(book);
    claims_narrow(book);
    nesting(book);
}

fn windows(book: &mut Book) {
    let until = |text: &'static str| move |d: &mut Draft| d.claims(2)["validUntil"] = text.into();
    let from = |text: &'static str| move |d: &mut Draft| d.claims(2)["validFrom"] = text.into();
    book.deny(
        "link-expired",
        "The leaf ended an hour ago.",
        "expired",
        Some(2),
        until("2026-11-21T11:00:01Z"),
    );
    book.deny(
        "link-expired-just-now",
        "Exactly at `validUntil` plus the skew that clocks may have, it is over.",
        "expired",
        Some(2),
        until("2026-11-21T11:59:00Z"),
    );
    book.permit(
        "link-in-its-last-second",
        "One second before `validUntil` plus the skew it still holds.",
        until("2026-11-21T11:59:01Z"),
    );
    book.deny(
        "link-not-yet-valid",
        "The leaf begins tomorrow.",
        "not_yet_valid",
        Some(2),
        from("2026-11-22T09:00:00Z"),
    );
    book.deny(
        "link-not-yet-valid-by-a-second",
        "One second before `validFrom` minus the skew.",
        "not_yet_valid",
        Some(2),
        from("2026-11-21T12:01:01Z"),
    );
    book.permit(
        "link-in-its-first-second",
        "At `validFrom` minus the skew it holds.",
        from("2026-11-21T12:01:00Z"),
    );
    book.deny(
        "link-with-a-fraction-begins-later",
        "A fraction of a second moves the beginning up.",
        "not_yet_valid",
        Some(2),
        from("2026-11-21T12:01:00.001Z"),
    );
}

fn more_windows(book: &mut Book) {
    let until = |text: &'static str| move |d: &mut Draft| d.claims(2)["validUntil"] = text.into();
    book.deny("root-expired", "The root ended, and with it everything below it.", "expired", Some(0), |d| {
        d.claims(0)["validUntil"] = "2026-11-21T11:30:00Z".into()
    });
    book.deny(
        "link-that-ends-before-it-begins",
        "A window turned around holds at no time.",
        "expired",
        Some(2),
        |d| {
            d.claims(2)["validFrom"] = "2026-11-21T11:30:00Z".into();
            d.claims(2)["validUntil"] = "2026-11-21T11:20:00Z".into();
        },
    );
    book.deny(
        "link-in-its-last-second-without-skew",
        "The same second where the verifier allows no skew.",
        "expired",
        Some(2),
        |d| {
            d.trust["clockSkew"] = 0.into();
            until("2026-11-21T12:00:00Z")(d);
        },
    );
}

fn claims_narrow(book: &mut Book) {
    let at = |text: &str| Value::from(seconds(text));
    book.deny(
        "expiry-claim-ends-earlier",
        "`exp` ends a link before its `validUntil`.",
        "expired",
        Some(1),
        |d| d.claims(1)["exp"] = at("2026-11-21T11:00:00Z"),
    );
    book.deny(
        "expiry-claim-ends-nothing-later",
        "`exp` of next year: `validUntil` still counts.",
        "expired",
        Some(2),
        |d| {
            d.claims(2)["validUntil"] = "2026-11-21T11:30:00Z".into();
            d.claims(2)["exp"] = at("2027-11-21T11:00:00Z");
        },
    );
    book.deny(
        "not-before-claim-begins-later",
        "`nbf` begins a link after its `validFrom`.",
        "not_yet_valid",
        Some(1),
        |d| d.claims(1)["nbf"] = at("2026-11-21T13:00:00Z"),
    );
    book.deny(
        "not-before-claim-begins-nothing-earlier",
        "`nbf` of last year: `validFrom` still counts.",
        "not_yet_valid",
        Some(2),
        |d| {
            d.claims(2)["validFrom"] = "2026-11-21T13:00:00Z".into();
            d.claims(2)["nbf"] = at("2025-11-21T13:00:00Z");
        },
    );
    book.deny(
        "expiry-claim-of-the-parent-ends-the-child",
        "The parent's `exp` is within its `validUntil`; the child outlives it.",
        "window_not_nested",
        Some(2),
        |d| d.claims(1)["exp"] = at("2026-11-21T18:00:00Z"),
    );
    book.permit(
        "claims-of-time-that-narrow",
        "`nbf`, `exp` and `iat` beside `validFrom` and `validUntil`, all fitting.",
        |d| {
            d.claims(2)["nbf"] = at("2026-11-21T11:30:00Z");
            d.claims(2)["exp"] = at("2026-11-21T12:30:00Z");
            d.claims(2)["iat"] = at("2026-11-21T11:30:00Z");
        },
    );
}

fn nesting(book: &mut Book) {
    let code = "window_not_nested";
    book.deny(
        "valid-until-beyond-the-parents",
        "A child that lives a second longer than its parent.",
        code,
        Some(1),
        |d| d.claims(1)["validUntil"] = "2026-11-28T10:00:01Z".into(),
    );
    book.permit("valid-until-of-the-parent", "A child that ends with its parent.", |d| {
        d.claims(1)["validUntil"] = "2026-11-28T10:00:00Z".into()
    });
    book.deny(
        "valid-until-for-ever",
        "A child until the last second that there is, which many tools write for \"never\".",
        code,
        Some(2),
        |d| d.claims(2)["validUntil"] = "9999-12-31T23:59:59Z".into(),
    );
    book.deny(
        "valid-from-before-the-parents",
        "A child that was valid before its parent was.",
        code,
        Some(2),
        |d| d.claims(2)["validFrom"] = "2026-11-21T10:29:59Z".into(),
    );
    book.permit("valid-from-of-the-parent", "A child that begins with its parent.", |d| {
        d.claims(2)["validFrom"] = "2026-11-21T10:30:00Z".into()
    });
}
