//! Nonces, and what a refused commit takes: nothing.

use super::{
    Book,
    ledger::{call, family, pay, rate, solo, spend},
};
use crate::make::{
    actors::agent,
    draft::{deny, permit},
};
use serde_json::json;

pub(crate) fn add(book: &mut Book) {
    nonces(book);
    nonce_memory(book);
    nothing_taken(book);
}

fn nonces(book: &mut Book) {
    book.story(
        "nonce-used-in-another-presentation",
        "A new presentation over a nonce that was used: it is the nonce that is used up, not the bytes.",
        |d| {
            d.step(permit());
            d.presentation.claims["exp"] = (d.presentation.claims["exp"].as_i64().unwrap() - 1).into();
            d.step(deny("nonce_replayed", None));
        },
    );
    book.story(
        "nonce-used-for-another-request",
        "A captured presentation, and another request with it.",
        |d| {
            d.solo();
            d.step(permit());
            d.book(json!({}));
            d.step(deny("nonce_replayed", None));
        },
    );
    book.story(
        "nonce-used-by-another-chain-of-one-agent",
        "The same agent, the same nonce, another chain: nonces are kept by key.",
        |d| {
            d.solo();
            d.step(permit());
            d.delegation(0)["grants"][0]["actions"] = json!(["mcp:tools/call:payments.refund"]);
            d.step(deny("nonce_replayed", None));
        },
    );
    book.story(
        "nonce-of-another-agent",
        "Two agents may be given the same nonce: each key has nonces of its own.",
        |d| {
            d.solo();
            d.step(permit());
            d.cast(0, &agent("bob"));
            d.step(permit());
            d.step(deny("nonce_replayed", None));
        },
    );
    book.story(
        "nonce-in-its-last-second",
        "The nonce is remembered for as long as the presentation could pass.",
        |d| {
            d.solo();
            d.step(permit());
            d.now = "2026-11-21T12:02:49Z".to_owned();
            d.step(deny("nonce_replayed", None));
            d.now = "2026-11-21T12:02:50Z".to_owned();
            d.step(deny("presentation_stale", None));
        },
    );
}

fn nonce_memory(book: &mut Book) {
    book.story("nonce-memory-full", "A memory of two nonces per agent: the third is denied, rather than an older one forgotten and open to replay.", |d| {
        d.ledger = Some(json!({"noncesPerKey": 2}));
        solo(d, json!([]));
        call(d, "12:00:00", "n-1", permit());
        call(d, "12:00:01", "n-2", permit());
        call(d, "12:00:02", "n-3", deny("nonce_memory_full", None));
        call(d, "12:00:02", "n-1", deny("nonce_replayed", None));
        // The first has expired a minute and its skew later.
        call(d, "12:02:00", "n-3", permit());
    });
    book.story("nonce-memory-of-all-agents-full", "A memory of one nonce in all.", |d| {
        d.ledger = Some(json!({"nonces": 1}));
        solo(d, json!([]));
        d.step(permit());
        d.cast(0, &agent("bob"));
        d.step(deny("nonce_memory_full", None));
    });
    book.story(
        "nonce-memory-full-of-one-agent-only",
        "An agent that fills its own memory takes none from others.",
        |d| {
            d.ledger = Some(json!({"noncesPerKey": 1}));
            solo(d, json!([]));
            call(d, "12:00:00", "n-1", permit());
            call(d, "12:00:00", "n-2", deny("nonce_memory_full", None));
            d.cast(0, &agent("bob"));
            d.step(permit());
        },
    );
    book.story(
        "nonce-memory-full-of-one-root-link",
        "A delegation that is passed on to new agents takes no more than its root link's share, whatever their keys.",
        |d| {
            d.ledger = Some(json!({"noncesPerRoot": 2}));
            family(d, json!([]));
            call(d, "12:00:00", "n-1", permit());
            d.cast(1, &agent("bob's sibling"));
            call(d, "12:00:01", "n-2", permit());
            d.cast(1, &agent("bob's other sibling"));
            call(d, "12:00:02", "n-3", deny("nonce_memory_full", None));
            // Another root link has its own share.
            d.cast(0, &agent("carol"));
            call(d, "12:00:03", "n-4", permit());
        },
    );
}

fn nothing_taken(book: &mut Book) {
    book.story(
        "denied-commit-takes-nothing",
        "What the child's budget refuses is not debited from the parent's, and leaves the nonce.",
        |d| {
            family(d, json!([spend(3600, 100)]));
            d.limits(1, json!([spend(3600, 80)]));
            pay(d, "12:00:00", "n-1", 81, deny("budget_exceeded", Some(1)));
            pay(d, "12:00:00", "n-1", 80, permit());
            d.cast(1, &agent("bob's sibling"));
            pay(d, "12:00:01", "n-2", 20, permit());
        },
    );
    book.story("replay-takes-nothing", "A replayed presentation debits nothing.", |d| {
        solo(d, json!([rate(60, 2)]));
        call(d, "12:00:00", "n-1", permit());
        d.step(deny("nonce_replayed", None));
        call(d, "12:00:01", "n-2", permit());
    });
    book.story(
        "totals-full",
        "A memory of one total: the second is denied, rather than a limit forgotten.",
        |d| {
            d.ledger = Some(json!({"totals": 1}));
            solo(d, json!([rate(60, 2)]));
            call(d, "12:00:00", "n-1", permit());
            d.claims(0)["id"] = "urn:uuid:5f0c0000-0000-4000-8000-000000000099".into();
            call(d, "12:00:01", "n-2", deny("rate_exceeded", None));
            call(d, "12:01:00", "n-3", permit());
        },
    );
}
