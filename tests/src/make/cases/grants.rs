//! The format of grants: actions and resources.

use super::Book;
use serde_json::{Value, json};

pub(crate) fn add(book: &mut Book) {
    grants(book);
    grant_shapes(book);
    actions(book);
    resources(book);
    paths(book);
    resources_that_pass(book);
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
}

fn grant_shapes(book: &mut Book) {
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
    change(
        "grants-too-many",
        "257 grants, one more than is read.",
        vec![json!({"actions": [], "resources": []}); 257].into(),
        book,
    );
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
        (
            "grant-on-a-star-without-a-host",
            "`mcp:/*` would reach `mcp://any.host/`, which begins alike.",
            "mcp:/*",
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
    ] {
        book.deny(name, why, "resource_not_normalized", Some(2), |d| {
            d.delegation(2)["grants"][0]["resources"] = json!([resource])
        });
    }
}

fn paths(book: &mut Book) {
    for (name, why, resource) in [
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
