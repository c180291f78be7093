//! Text and JSON: nesting, duplicate members, what is neither.

use super::Book;
use crate::make::sealed::replace;
use serde_json::json;

pub(crate) fn add(book: &mut Book) {
    nested(book);
    duplicates(book);
    hidden_duplicates(book);
    innocent_names(book);
    no_text(book);
    not_json(book);
}

fn nested(book: &mut Book) {
    let arrays = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    book.deny(
        "presentation-of-ten-thousand-arrays",
        "10,000 arrays inside one another: a recursive reader's stack ends before they do.",
        "json_too_deep",
        None,
        |d| {
            d.presentation.payload(|_| "[".repeat(10_000));
        },
    );
    book.deny(
        "link-of-ten-thousand-arrays",
        "The same in the payload of a link, where a second parser reads it.",
        "json_too_deep",
        Some(1),
        |d| {
            d.links[1].payload(|_| "[".repeat(10_000));
        },
    );
    book.deny(
        "link-of-three-thousand-objects",
        "3,000 objects inside one another in a member that would be ignored.",
        "json_too_deep",
        Some(0),
        |d| {
            d.links[0].payload(|text| format!("{}{}", r#"{"a":"#.repeat(3_000), text));
        },
    );
    book.deny(
        "ignored-member-nested-too-deep",
        "Sixteen arrays in a member that is ignored, inside the payload: the seventeenth level.",
        "json_too_deep",
        None,
        move |d| {
            d.presentation.claims["ignored"] = serde_json::from_str(&arrays(16)).unwrap();
        },
    );
    book.permit(
        "ignored-member-nested-just-deep-enough",
        "Fifteen arrays in an ignored member, with the payload sixteen levels: the limit itself passes.",
        move |d| {
            d.presentation.claims["ignored"] = serde_json::from_str(&arrays(15)).unwrap();
        },
    );
    book.deny("header-nested-too-deep", "A header of twenty levels.", "json_too_deep", Some(2), move |d| {
        d.links[2].header["ignored"] = serde_json::from_str(&arrays(20)).unwrap();
    });
}

fn duplicates(book: &mut Book) {
    let code = "duplicate_member";
    book.deny(
        "duplicate-nonce-in-the-presentation",
        "Two nonces: one reader checks the first, another the last.",
        code,
        None,
        |d| {
            d.presentation.payload(put(r#""nonce":"n-0""#));
        },
    );
    book.deny(
        "duplicate-subject-in-a-link",
        "Two subjects: readers that differ in which one counts have let claims be smuggled past a check.",
        code,
        Some(1),
        |d| {
            d.links[1].payload(put(r#""credentialSubject":{"id":"did:web:evil.example"}"#));
        },
    );
    book.deny(
        "duplicate-member-deep-in-an-ignored-member",
        "A duplicate three levels down in a member that is ignored: it is refused at any depth.",
        code,
        Some(0),
        |d| {
            d.links[0].payload(put(r#""ignored":[[{"x":{"a":1,"b":2,"a":3}}]]"#));
        },
    );
}

fn hidden_duplicates(book: &mut Book) {
    let code = "duplicate_member";
    book.deny(
        "duplicate-member-by-escape",
        "The same name once plain and once escaped: duplicates are compared after unescaping.",
        code,
        None,
        |d| {
            d.presentation.payload(put(r#""\u0061ud":"did:web:evil.example""#));
        },
    );
    book.deny(
        "duplicate-member-by-escape-in-a-grant",
        "`actions` twice in a grant, once with an escape; the wide one would win in half of all readers.",
        code,
        Some(2),
        |d| {
            d.links[2].payload(|text| {
                replace(
                    &text,
                    r#"{"actions":"#,
                    r#"{"\u0061ctions":["mcp:tools/call:payments.*"],"actions":"#,
                )
            });
        },
    );
    book.deny("duplicate-algorithm-in-a-header", "Two algorithms in one header.", code, Some(1), |d| {
        d.links[1].header_text(put(r#""alg":"none""#));
    });
    book.deny(
        "duplicate-member-of-one-value",
        "Twice the same value is a duplicate as well: nobody needs to compare.",
        code,
        Some(2),
        |d| {
            d.links[2].payload(put(r#""type":["VerifiableCredential","DelegationCredential"]"#));
        },
    );
}

fn innocent_names(book: &mut Book) {
    book.permit("same-name-in-different-objects", "A name may stand in every object once.", |d| {
        d.claims(0)["ignored"] = json!({"a": {"a": [{"a": 1}, {"a": 1}]}});
    });
    book.permit(
        "member-name-with-an-escape",
        "An escaped name is the same name: `\\u0061ud` alone is `aud`.",
        |d| {
            d.presentation.payload(|text| replace(&text, r#""aud":"#, r#""\u0061ud":"#));
        },
    );
    book.permit("member-named-as-the-number-token", "`$serde_json::private::Number` is an ordinary name, also where the JSON library has another use for it.", |d| {
        d.claims(1)["ignored"] = json!({"$serde_json::private::Number": "1"});
    });
    book.deny(
        "amount-as-the-number-token",
        "An object that the JSON library takes for a number of its own must stay an object.",
        "malformed",
        Some(0),
        |d| {
            d.links[0].payload(|text| replace(&text, "5000", r#"{"$serde_json::private::Number":"5000"}"#));
        },
    );
    book.permit(
        "floats-and-large-numbers-in-ignored-members",
        "Numbers that nobody computes with do no harm.",
        |d| {
            d.claims(2)["ignored"] = json!({"float": "@"});
            d.links[2].literal("@", "[1.5, 1e3, -0.0, 123456789012345678901234567890]");
        },
    );
}

fn no_text(book: &mut Book) {
    book.deny(
        "presentation-with-bytes-that-are-no-text",
        "A byte that no UTF-8 text holds, behind the presentation.",
        "malformed",
        None,
        |d| {
            d.bytes(|text| [text.as_bytes(), b"\xff"].concat());
        },
    );
    book.deny(
        "presentation-payload-that-is-no-text",
        "A payload with a string that is no UTF-8: one reader replaces the byte, another drops it.",
        "malformed",
        None,
        |d| {
            d.presentation
                .payload_bytes(|text| [b"{\"ignored\":\"\xc3\x28\",", &text.as_bytes()[1..]].concat());
        },
    );
    book.deny("link-payload-that-is-no-text", "The same in a link.", "malformed", Some(0), |d| {
        d.links[0].payload_bytes(|text| [b"{\"ignored\":\"\xff\",", &text.as_bytes()[1..]].concat());
    });
    book.deny(
        "link-with-a-lone-surrogate",
        "Half of a UTF-16 pair, escaped: not a character.",
        "malformed",
        Some(1),
        |d| {
            d.links[1].payload(put(r#""ignored":"\ud800""#));
        },
    );
    book.permit("link-with-characters-beyond-ascii", "Text in any language, plain or escaped.", |d| {
        d.links[1].payload(put("\"ignored\":\"\u{8a9e} \u{1f511} \\ud83d\\udd11\""));
    });
}

fn not_json(book: &mut Book) {
    book.deny(
        "presentation-payload-with-a-byte-order-mark",
        "A byte order mark is no JSON (RFC 8259 section 8.1).",
        "malformed",
        None,
        |d| {
            d.presentation.payload(|text| format!("\u{feff}{text}"));
        },
    );
    book.deny(
        "link-payload-with-data-behind-it",
        "A second JSON value behind the first, which a reader of streams would not see.",
        "malformed",
        Some(2),
        |d| {
            d.links[2].payload(|text| format!("{text}{{}}"));
        },
    );
    book.deny(
        "presentation-payload-that-is-an-array",
        "JSON it is, but claims are members of an object.",
        "malformed",
        None,
        |d| d.presentation.payload(|text| format!("[{text}]")),
    );
    book.deny(
        "link-payload-that-is-an-array",
        "JSON it is, but claims are members of an object.",
        "malformed",
        Some(1),
        |d| d.links[1].payload(|text| format!("[{text}]")),
    );
    book.deny(
        "link-payload-with-a-comment",
        "A comment, which JSON does not have.",
        "malformed",
        Some(1),
        |d| {
            d.links[1].payload(|text| format!("/* */{text}"));
        },
    );
    book.deny(
        "link-payload-with-a-trailing-comma",
        "A comma behind the last member.",
        "malformed",
        Some(0),
        |d| {
            d.links[0].payload(|text| format!("{},}}", text.strip_suffix('}').unwrap()));
        },
    );
    book.permit(
        "link-payload-with-white-space",
        "JSON may be written with white space; what was signed is what counts.",
        |d| {
            d.links[1].payload(|text| format!(" {}\n", text.replace("\",\"", "\" ,\n\t\"")));
        },
    );
}

/// Puts a text in front of the members of an object.
fn put(members: &'static str) -> impl Fn(String) -> String {
    move |text| format!("{{{members},{}", text.strip_prefix('{').unwrap())
}
