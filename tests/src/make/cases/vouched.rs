//! Agents for whom the verifier itself vouches: no signature of the moment, and every other check.

use super::Book;
use crate::make::{
    actors::agent,
    draft::{Draft, deny, permit},
};
use serde_json::json;

pub(crate) fn add(book: &mut Book) {
    allowed(book);
    checked(book);
    demanded(book);
}

fn allowed(book: &mut Book) {
    book.story(
        "vouched-twice",
        "Each call by an API key is a new one: there is no nonce that the second could have used up.",
        |d| {
            d.vouch();
            d.step(permit());
            d.step(permit());
        },
    );
    book.valid("vouched-without-a-request", "The chain holds; nothing was asked for.", Draft::vouch);
    book.deny(
        "vouched-where-trust-does-not-allow-it",
        "Vouching stands for a signature: who forgot that it is an exception would take a chain from anybody who copied it.",
        "vouching_not_allowed",
        None,
        |d| {
            d.vouch();
            d.trust.as_object_mut().unwrap().remove("vouched");
        },
    );
    book.story("vouched-and-over-budget", "What is vouched for counts on the same totals.", |d| {
        d.vouch();
        d.limits(
            0,
            json!([{"type": "spend", "currency": "USD", "window": {"seconds": 3600, "amount": 2000}}]),
        );
        d.step(permit());
        d.step(deny("budget_exceeded", Some(0)));
    });
}

fn checked(book: &mut Book) {
    book.deny(
        "vouched-for-somebody-else",
        "An API key of mallory's, presented with the chain that carol holds.",
        "holder_mismatch",
        None,
        |d| {
            d.vouch();
            d.vouched = Some(agent("mallory").did.clone());
        },
    );
    book.deny(
        "vouched-by-a-shorter-chain",
        "The chain ends with bob, and the key is carol's.",
        "holder_mismatch",
        None,
        |d| {
            d.vouch();
            d.links.truncate(2);
        },
    );
    book.deny(
        "vouched-for-a-challenge",
        "Nothing was signed that could answer the verifier's challenge.",
        "nonce_mismatch",
        None,
        |d| {
            d.vouch();
            d.nonce = "n-1".to_owned();
        },
    );
    book.deny(
        "vouched-and-revoked",
        "The verifier vouches for the agent, not for its authority.",
        "link_revoked",
        Some(1),
        |d| {
            d.vouch();
            d.lists[0].set = vec![8];
        },
    );
    book.deny(
        "vouched-with-a-forged-link",
        "The signatures of the links are looked at as ever.",
        "signature_invalid",
        Some(2),
        |d| {
            d.vouch();
            let mallory = agent("mallory");
            let bob = d.links[2].signer.clone();
            d.links[2].signed_by(&mallory.named(&bob.did, &bob.kid));
        },
    );
    book.deny(
        "vouched-without-a-chain",
        "Whom the verifier knows holds nothing for that.",
        "chain_empty",
        None,
        |d| {
            d.vouch();
            d.bytes(|_| Vec::new());
        },
    );
}

/// A link of ada's that only a certain possession satisfies.
fn demand(d: &mut Draft, possession: &str) {
    d.limits(1, json!([{"type": "argument", "name": "possession", "equals": possession}]));
}

fn demanded(book: &mut Book) {
    book.deny(
        "vouched-where-a-link-demands-a-signature",
        "Who delegates may want the agent's own signature for each request.",
        "constraint_violated",
        None,
        |d| {
            demand(d, "signed");
            d.vouch();
        },
    );
    book.permit("signed-where-a-link-demands-a-signature", "The agent has signed.", |d| demand(d, "signed"));
    book.permit("vouched-where-a-link-demands-it", "The verifier vouches.", |d| {
        demand(d, "vouched");
        d.vouch();
    });
    book.deny(
        "signed-where-a-link-demands-that-it-is-vouched-for",
        "For an agent that should come by its verifier only, a stolen key signs nothing.",
        "constraint_violated",
        None,
        |d| demand(d, "vouched"),
    );
    book.deny(
        "possession-claimed-by-the-caller",
        "A fact `possession` of the caller's own is refused: it would forge what the link demands.",
        "malformed",
        None,
        |d| {
            demand(d, "signed");
            d.vouch();
            d.ask("facts", json!({"amount": 1200, "currency": "USD", "possession": "signed"}));
        },
    );
    book.deny(
        "possession-claimed-though-it-is-true",
        "Nor may a mapping say what the verifier says itself.",
        "malformed",
        None,
        |d| d.ask("facts", json!({"amount": 1200, "currency": "USD", "possession": "signed"})),
    );
}
