//! A child never holds more than its parent, nor a root more than its ceiling: grants, audiences.

use super::Book;
use crate::make::draft::{BOOK, Draft, ORDER, REFUND};
use serde_json::{Value, json};

pub(crate) fn add(book: &mut Book) {
    actions(book);
    resources(book);
    stitched(book);
    ceiling(book);
    audiences(book);
    cached(book);
}

fn grant(index: usize, actions: Value, resources: Value) -> impl Fn(&mut Draft) {
    move |d| d.delegation(index)["grants"] = json!([{"actions": actions, "resources": resources}])
}

fn actions(book: &mut Book) {
    let code = "action_widened";
    let orders = json!(["https://shop.example/api/orders/*"]);
    book.deny(
        "action-widened-in-the-leaf",
        "A sub-agent grants on what its issuer does not hold.",
        code,
        Some(2),
        grant(2, json!(["mcp:tools/call:notify.send"]), orders.clone()),
    );
    book.deny(
        "action-widened-to-a-star",
        "`payments.refund` widened to `payments.*` by the next link.",
        code,
        Some(2),
        |d| {
            d.delegation(1)["grants"][0]["actions"] = json!([REFUND]);
            d.delegation(2)["grants"][0]["actions"] = json!(["mcp:tools/call:payments.*"]);
        },
    );
    book.deny(
        "action-widened-beside-one-that-fits",
        "One action that fits and one that does not.",
        code,
        Some(1),
        grant(1, json!([BOOK, "a2a:skill:cancel"]), orders.clone()),
    );
    book.deny(
        "action-widened-by-the-stem",
        "`payments.*` does not hold `payments.` itself, nor `payments`.",
        code,
        Some(1),
        grant(1, json!(["mcp:tools/call:payments"]), orders.clone()),
    );
    book.deny(
        "action-in-capitals",
        "Actions are compared by bytes.",
        code,
        Some(2),
        grant(2, json!(["A2A:skill:book"]), orders),
    );
    book.permit("action-narrowed-below-a-star", "`payments.refund.*` is within `payments.*`.", |d| {
        d.delegation(2)["grants"][0]["actions"] = json!(["mcp:tools/call:payments.refund.*"]);
        d.ask("action", "mcp:tools/call:payments.refund.partial".into());
    });
}

fn resources(book: &mut Book) {
    let code = "resource_widened";
    let on = |resource: &str| grant(2, json!([REFUND]), json!([resource]));
    book.deny(
        "resource-widened-to-the-directory-above",
        "The parent holds `/api/orders/*` only.",
        code,
        Some(2),
        on("https://shop.example/api/*"),
    );
    book.deny(
        "resource-widened-to-another-host",
        "Another host is another resource.",
        code,
        Some(2),
        on("https://other.example/api/orders/*"),
    );
    book.deny(
        "resource-widened-to-another-port",
        "Another port is another resource.",
        code,
        Some(2),
        on("https://shop.example:8443/api/orders/*"),
    );
    book.deny(
        "resource-widened-to-another-scheme",
        "`http` is not `https`.",
        code,
        Some(2),
        on("http://shop.example/api/orders/*"),
    );
    book.deny(
        "resource-widened-to-the-stem",
        "`/api/orders/*` does not hold `/api/orders/` itself.",
        code,
        Some(2),
        on("https://shop.example/api/orders/"),
    );
    book.deny(
        "resource-widened-to-a-longer-name",
        "`/api/orders-internal/*` only starts like it.",
        code,
        Some(2),
        on("https://shop.example/api/orders-internal/*"),
    );
    book.permit("resource-narrowed", "One order is within all orders.", on(ORDER));
}

fn stitched(book: &mut Book) {
    let two = |d: &mut Draft| {
        d.delegation(1)["grants"] = json!([
            {"actions": [REFUND], "resources": ["https://shop.example/api/orders/1"]},
            {"actions": [BOOK], "resources": ["https://shop.example/api/orders/2"]},
        ]);
    };
    book.deny("grant-stitched-from-two", "The parent may refund 1 and book 2; the child refunds 2: action from one grant, resource from the other.", "resource_widened", Some(2), |d| {
        two(d);
        grant(2, json!([REFUND]), json!(["https://shop.example/api/orders/2"]))(d);
    });
    book.deny(
        "grant-of-all-pairs-from-two",
        "Both actions on both resources: two of the four pairs are nobody's.",
        "resource_widened",
        Some(2),
        |d| {
            two(d);
            grant(
                2,
                json!([REFUND, BOOK]),
                json!(["https://shop.example/api/orders/1", "https://shop.example/api/orders/2"]),
            )(d);
        },
    );
    book.permit("grants-taken-from-two", "Each pair from the grant that holds it.", |d| {
        two(d);
        d.delegation(2)["grants"] = d.delegation(1)["grants"].clone();
        d.ask("resource", "https://shop.example/api/orders/1".into());
    });
    book.deny(
        "request-stitched-from-two-grants",
        "A request for one grant's action on the other's resource.",
        "not_granted",
        None,
        |d| {
            two(d);
            d.delegation(2)["grants"] = d.delegation(1)["grants"].clone();
            d.ask("resource", "https://shop.example/api/orders/2".into());
        },
    );
}

fn ceiling(book: &mut Book) {
    book.deny(
        "ceiling-exceeded-by-an-action",
        "The root's signature proves who delegates, not that it owns the action.",
        "action_widened",
        Some(0),
        |d| {
            d.trust["roots"][0]["ceiling"]["grants"][0]["actions"] = json!([BOOK]);
        },
    );
    book.deny(
        "ceiling-exceeded-by-a-resource",
        "A trusted customer grants access to another customer's part.",
        "resource_widened",
        Some(0),
        |d| {
            d.trust["roots"][0]["ceiling"]["grants"][0]["resources"] =
                json!(["https://shop.example/customers/acme/*"]);
        },
    );
    book.deny(
        "ceiling-exceeded-by-a-constraint",
        "The verifier lets this root confer 1,000; it grants 5,000.",
        "constraint_widened",
        Some(0),
        |d| {
            let mut limit = d.delegation(0)["constraints"][0].clone();
            limit["perAction"] = 1000.into();
            d.trust["roots"][0]["ceiling"]["constraints"] = json!([limit]);
        },
    );
    book.permit("ceiling-with-a-looser-constraint", "The root grants less than its ceiling.", |d| {
        let mut limit = d.delegation(0)["constraints"][0].clone();
        limit["perAction"] = 9000.into();
        d.trust["roots"][0]["ceiling"]["constraints"] = json!([limit]);
    });
    book.deny(
        "ceiling-constraint-that-no-link-repeats",
        "What the verifier limits for a root binds though the root does not say it.",
        "constraint_violated",
        None,
        |d| {
            d.trust["roots"][0]["ceiling"]["constraints"] =
                json!([{"type": "spend", "currency": "USD", "perAction": 1000}]);
        },
    );
    book.deny("ceiling-of-nothing", "A root that may confer nothing here.", "action_widened", Some(0), |d| {
        d.trust["roots"][0]["ceiling"] = json!({"grants": []})
    });
}

fn audiences(book: &mut Book) {
    let code = "audience_mismatch";
    let allow = |all: Value| json!([{"type": "audience", "allow": all}]);
    book.deny(
        "audience-constraint-of-another",
        "A link that is good at another verifier only: who has seen it there presents it here.",
        code,
        Some(1),
        |d| d.limits(1, allow(json!(["did:web:other.example"]))),
    );
    book.deny(
        "audience-constraint-of-nobody",
        "An empty array of audiences is nobody, rather than anybody.",
        code,
        Some(2),
        |d| d.limits(2, allow(json!([]))),
    );
    book.permit(
        "audience-constraint-of-this-verifier",
        "The verifier's own identity, from its trust.",
        |d| d.limits(1, allow(json!(["did:web:other.example", "did:web:shop.example"]))),
    );
    book.deny(
        "audience-constraint-of-one-action",
        "For bookings another verifier is named: the chain holds here, the booking does not.",
        "constraint_violated",
        None,
        |d| {
            d.limits(1, json!([{"type": "audience", "allow": ["did:web:other.example"], "actions": [BOOK]}]));
            d.book(json!({}));
        },
    );
    book.permit(
        "audience-constraint-of-one-action-leaves-others",
        "The same, and a refund is asked for.",
        |d| {
            d.limits(1, json!([{"type": "audience", "allow": ["did:web:other.example"], "actions": [BOOK]}]));
        },
    );
}

fn cached(book: &mut Book) {
    book.story("verdict-cached-by-credential-id", "Two chains with the same credential ids: the first is permitted, the second grants more under the same `id`s. A verdict cached by `id` served the second the answer to the first.", |d| {
        d.step(crate::make::draft::permit());
        d.presentation.claims["nonce"] = "n-2".into();
        d.nonce = "n-2".to_owned();
        grant(2, json!(["mcp:tools/call:notify.send"]), json!(["https://shop.example/api/orders/*"]))(d);
        d.step(crate::make::draft::deny("action_widened", Some(2)));
    });
    book.story(
        "verdict-cached-by-credential-id-with-a-forged-link",
        "Two chains with the same credential ids; in the second the leaf says what nobody signed.",
        |d| {
            d.step(crate::make::draft::permit());
            d.presentation.claims["nonce"] = "n-2".into();
            d.nonce = "n-2".to_owned();
            d.links[2].claims_after(|claims| claims["validUntil"] = "2026-11-25T10:00:00Z".into());
            d.step(crate::make::draft::deny("signature_invalid", Some(2)));
        },
    );
}
