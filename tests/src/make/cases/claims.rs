//! The format of times, of a presentation's claims and of status entries.

use super::Book;
use crate::make::draft::{LIST, NOW, SHOP, seconds};
use serde_json::{Value, json};

pub(crate) fn add(book: &mut Book) {
    times(book);
    times_that_pass(book);
    presentation(book);
    status_entries(book);
    status_shapes(book);
}

fn times(book: &mut Book) {
    let code = "malformed";
    book.deny(
        "valid-until-dropped",
        "A child that leaves `validUntil` away must not live for ever.",
        code,
        Some(1),
        |d| drop(d.claims(1).as_object_mut().unwrap().remove("validUntil")),
    );
    book.deny("valid-from-dropped", "`validFrom` is required as well.", code, Some(2), |d| {
        drop(d.claims(2).as_object_mut().unwrap().remove("validFrom"))
    });
    for (name, why, text) in [
        (
            "time-without-zone",
            "A time without zone is another moment on every machine.",
            json!("2026-11-25T10:00:00"),
        ),
        (
            "time-with-a-leap-second",
            "A leap second is no moment that Unix time knows.",
            json!("2026-11-24T23:59:60Z"),
        ),
        ("time-without-seconds", "No `dateTimeStamp` of XML Schema.", json!("2026-11-25T10:00Z")),
        (
            "time-in-small-letters",
            "RFC 3339 lets `z` pass, XML Schema does not; one spelling is enough.",
            json!("2026-11-25t10:00:00z"),
        ),
        ("time-that-is-a-date", "A day is no moment.", json!("2026-11-25")),
        ("time-on-no-day", "There is no 31st of November.", json!("2026-11-31T10:00:00Z")),
        ("time-as-a-number", "Seconds since 1970 belong into `exp`.", json!(1_795_600_800)),
        ("time-null", "No end is no end.", Value::Null),
    ] {
        book.deny(name, why, code, Some(1), |d| d.claims(1)["validUntil"] = text);
    }
    book.deny(
        "expiry-claim-of-ten-to-the-three-hundred",
        "A number that no second is near.",
        code,
        Some(1),
        |d| {
            d.claims(1)["exp"] = "@".into();
            d.links[1].literal("@", "1e300");
        },
    );
    book.deny(
        "expiry-claim-as-a-text",
        "`exp` as a text, which a lenient reader would skip.",
        code,
        Some(1),
        |d| d.claims(1)["exp"] = "1795600800".into(),
    );
    book.deny(
        "issued-at-claim-as-a-text",
        "`iat` as a text (RFC 7519 section 4.1.6): nothing follows from it, and another reader may take it for something.",
        code,
        Some(1),
        |d| d.claims(1)["iat"] = "yesterday".into(),
    );
    book.deny("not-before-claim-that-is-too-large", "`nbf` of 2^53.", code, Some(0), |d| {
        d.claims(0)["nbf"] = 9_007_199_254_740_992_i64.into();
    });
}

fn times_that_pass(book: &mut Book) {
    book.permit("time-with-an-offset", "Any zone will do, as long as one is there.", |d| {
        d.claims(1)["validUntil"] = "2026-11-25T11:00:00+01:00".into()
    });
    book.permit(
        "time-with-a-fraction",
        "A fraction of a second is read, and rounded so that nothing lives longer.",
        |d| d.claims(1)["validUntil"] = "2026-11-25T09:59:59.999999Z".into(),
    );
    book.permit(
        "time-at-the-end-of-a-day",
        "Hour 24 is the end of a day, which XML Schema has beside the beginning of the next.",
        |d| d.claims(1)["validUntil"] = "2026-11-24T24:00:00Z".into(),
    );
    book.permit(
        "claims-of-time-with-fractions",
        "A NumericDate may have a fraction (RFC 7519 section 2).",
        |d| {
            d.claims(2)["nbf"] = json!(seconds(NOW) as f64 - 0.25);
            d.claims(2)["exp"] = json!(seconds(NOW) as f64 + 60.5);
        },
    );
    book.deny(
        "expiry-claim-with-a-fraction",
        "The second in which `exp` falls is not added: rounding never makes a life longer.",
        "expired",
        Some(2),
        |d| d.claims(2)["exp"] = json!(seconds(NOW) as f64 - 60.0 + 0.75),
    );
    book.deny(
        "not-before-claim-with-a-fraction",
        "Nor is the second in which `nbf` falls.",
        "not_yet_valid",
        Some(2),
        |d| d.claims(2)["nbf"] = json!(seconds(NOW) as f64 + 60.25),
    );
    book.permit(
        "presentation-with-fractions",
        "`iat` and `exp` of a presentation are NumericDates as well.",
        |d| {
            d.presentation.claims["iat"] = json!(seconds(NOW) as f64 - 10.75);
            d.presentation.claims["exp"] = json!(seconds(NOW) as f64 + 110.25);
        },
    );
}

fn presentation(book: &mut Book) {
    let change = |name: &str, why: &str, member: &'static str, value: Value, book: &mut Book| {
        book.deny(name, why, "malformed", None, move |d| d.presentation.claims[member] = value)
    };
    change(
        "audience-of-two",
        "Two audiences: each could replay the presentation to the other.",
        "aud",
        json!([SHOP, "did:web:other.example"]),
        book,
    );
    change("audience-of-none", "An empty array of audiences.", "aud", json!([]), book);
    change("audience-null", "No audience means anybody.", "aud", Value::Null, book);
    change("nonce-empty", "An empty nonce answers nothing.", "nonce", "".into(), book);
    change(
        "nonce-too-long",
        "129 bytes of nonce: what others choose must not fill the verifier's memory.",
        "nonce",
        "n".repeat(129).into(),
        book,
    );
    change(
        "nonce-as-a-number",
        "1 and `1` would be two nonces to one reader and one to another.",
        "nonce",
        1.into(),
        book,
    );
    change("holder-that-is-no-did", "A holder without a DID has no key.", "holder", "carol".into(), book);
    change("presentation-expiry-as-a-text", "`exp` as a text.", "exp", "1795262510".into(), book);
    for member in ["aud", "nonce", "iat", "exp", "holder"] {
        book.deny(
            &format!("presentation-without-{member}"),
            &format!("A presentation without `{member}` is bound to less than it must be."),
            "malformed",
            None,
            |d| {
                drop(d.presentation.claims.as_object_mut().unwrap().remove(member));
            },
        );
    }
    book.permit(
        "audience-of-one-in-an-array",
        "An array of exactly one audience says the same as a text.",
        |d| d.presentation.claims["aud"] = json!([SHOP]),
    );
    book.permit("nonce-of-the-largest-size", "A nonce of 128 bytes.", |d| {
        d.nonce = "n".repeat(128);
        d.presentation.claims["nonce"] = d.nonce.as_str().into();
    });
}

fn status_entries(book: &mut Book) {
    let change = |name: &str, why: &str, member: &'static str, value: Value, book: &mut Book| {
        book.deny(name, why, "malformed", Some(1), move |d| d.claims(1)["credentialStatus"][member] = value)
    };
    change(
        "status-of-another-purpose",
        "A purpose that is not understood is no good status.",
        "statusPurpose",
        "retention".into(),
        book,
    );
    change(
        "status-index-as-a-number",
        "The index is a text (Bitstring Status List section 2.1).",
        "statusListIndex",
        8.into(),
        book,
    );
    change(
        "status-index-with-a-sign",
        "`+8` is 8 to one reader and nothing to another.",
        "statusListIndex",
        "+8".into(),
        book,
    );
    change("status-of-two-bits", "Two bits per entry have other meanings.", "statusSize", 2.into(), book);
    change(
        "status-list-at-no-web-address",
        "A list from a file of the verifier's machine.",
        "statusListCredential",
        "file:///status/1".into(),
        book,
    );
    change(
        "status-list-address-not-normalized",
        "One list under two names could be fresh under one and old under the other.",
        "statusListCredential",
        "https://acme.example/status/../status/1".into(),
        book,
    );
}

fn status_shapes(book: &mut Book) {
    book.deny(
        "status-of-another-type",
        "Another kind of status list, which nothing here reads.",
        "type_mismatch",
        Some(1),
        |d| d.claims(1)["credentialStatus"]["type"] = "StatusList2021Entry".into(),
    );
    book.deny(
        "status-in-an-empty-array",
        "An empty array is not the same as no status: somebody took the entries out.",
        "malformed",
        Some(1),
        |d| d.claims(1)["credentialStatus"] = json!([]),
    );
    book.deny(
        "status-entries-too-many",
        "Five entries: each makes the verifier fetch.",
        "malformed",
        Some(2),
        |d| {
            let one = d.claims(2)["credentialStatus"].clone();
            d.claims(2)["credentialStatus"] = vec![one; 5].into();
        },
    );
    book.permit("status-in-an-array", "One entry in an array, with the default size written out.", |d| {
        d.claims(1)["credentialStatus"] = json!([{
            "type": ["BitstringStatusListEntry"], "statusPurpose": "revocation", "statusSize": 1,
            "statusListIndex": "8", "statusListCredential": LIST, "id": format!("{LIST}#8"),
        }]);
    });
}
