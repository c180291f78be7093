//! What is used up: budgets and rates.

use super::Book;
use crate::make::{
    actors::{Actor, agent, company, p256},
    draft::{ACME, BOOK, Draft, deny, link, permit},
    tricks,
};
use serde_json::{Value, json};
use std::rc::Rc;

pub(crate) fn add(book: &mut Book) {
    windows(book);
    rates(book);
    siblings(book);
    accounts(book);
    encodings(book);
    ceilings(book);
    scopes(book);
}

pub(super) fn spend(seconds: i64, amount: i64) -> Value {
    json!({"type": "spend", "currency": "USD", "window": {"seconds": seconds, "amount": amount}})
}

pub(super) fn rate(seconds: i64, max: i64) -> Value {
    json!({"type": "rate", "seconds": seconds, "max": max})
}

/// One link with these constraints; requests are bookings.
pub(super) fn solo(d: &mut Draft, constraints: Value) {
    d.solo();
    d.limits(0, constraints);
    d.book(json!({}));
}

/// A booking for so many USD, at a time of day.
pub(super) fn pay(d: &mut Draft, time: &str, nonce: &str, amount: i64, expect: Value) {
    d.at(time, nonce);
    d.book(json!({"amount": amount, "currency": "USD"}));
    d.step(expect);
}

/// A booking at noon for so many millionths of a cent.
fn exactly(d: &mut Draft, nonce: &str, micros: i64, expect: Value) {
    d.at("12:00:00", nonce);
    d.book(json!({"amountMicros": micros, "currency": "USD"}));
    d.step(expect);
}

/// A booking at a time of day.
pub(super) fn call(d: &mut Draft, time: &str, nonce: &str, expect: Value) {
    d.at(time, nonce);
    d.step(expect);
}

fn windows(book: &mut Book) {
    book.story("budget-exceeded", "60 and 50 of 100.", |d| {
        solo(d, json!([spend(3600, 100)]));
        pay(d, "12:00:00", "n-1", 60, permit());
        pay(d, "12:00:01", "n-2", 50, deny("budget_exceeded", Some(0)));
        pay(d, "12:00:02", "n-3", 40, permit());
        pay(d, "12:00:03", "n-4", 1, deny("budget_exceeded", Some(0)));
    });
    book.story("budget-exceeded-at-once", "101 of 100 in a single action.", |d| {
        solo(d, json!([spend(3600, 100)]));
        pay(d, "12:00:00", "n-1", 101, deny("budget_exceeded", Some(0)));
    });
    book.story(
        "budget-that-would-overflow",
        "Twice the largest amount: sums saturate, and never wrap.",
        |d| {
            solo(d, json!([spend(3600, 9_000_000_000_000)]));
            pay(d, "12:00:00", "n-1", 9_000_000_000_000, permit());
            pay(d, "12:00:01", "n-2", 9_000_000_000_000, deny("budget_exceeded", Some(0)));
        },
    );
    book.story("budget-window-slides", "100 in any 60 seconds: what was spent at 12:00:00 no longer counts at 12:01:00, and what was spent at 12:00:30 does.", |d| {
        solo(d, json!([spend(60, 100)]));
        pay(d, "12:00:00", "n-1", 60, permit());
        pay(d, "12:00:30", "n-2", 40, permit());
        pay(d, "12:00:59", "n-3", 1, deny("budget_exceeded", Some(0)));
        pay(d, "12:01:00", "n-4", 60, permit());
        pay(d, "12:01:29", "n-5", 1, deny("budget_exceeded", Some(0)));
        pay(d, "12:01:30", "n-6", 40, permit());
    });
    book.story(
        "budget-without-bursts",
        "A window that is cut at the full minute would let 200 pass within two seconds.",
        |d| {
            solo(d, json!([spend(60, 100)]));
            pay(d, "12:00:59", "n-1", 100, permit());
            pay(d, "12:01:00", "n-2", 100, deny("budget_exceeded", Some(0)));
        },
    );
    book.story(
        "budget-of-fractions-of-a-cent",
        "A call that costs a quarter of a cent counts as one: four of them take a cent, and a fifth finds none left.",
        |d| {
            solo(d, json!([spend(3600, 1)]));
            for nonce in 1..=4 {
                exactly(d, &format!("n-{nonce}"), 250_000, permit());
            }
            exactly(d, "n-5", 1, deny("budget_exceeded", Some(0)));
            pay(d, "12:00:06", "n-6", 1, deny("budget_exceeded", Some(0)));
        },
    );
    book.story(
        "total-of-a-fact",
        "1,000 tokens in any minute, at most 600 at once: what a request says of them is summed.",
        |d| {
            let total = json!({"type": "total", "fact": "tokens", "perAction": 600, "window": {"seconds": 60, "sum": 1000}});
            solo(d, json!([total]));
            for (time, nonce, tokens, expect) in [
                ("12:00:00", "n-1", 600, permit()),
                ("12:00:01", "n-2", 601, deny("constraint_violated", None)),
                ("12:00:02", "n-2", 401, deny("budget_exceeded", Some(0))),
                ("12:00:03", "n-2", 400, permit()),
                ("12:00:59", "n-3", 1, deny("budget_exceeded", Some(0))),
                ("12:01:00", "n-3", 600, permit()),
            ] {
                d.at(time, nonce);
                d.book(json!({"tokens": tokens}));
                d.step(expect);
            }
        },
    );
    for (name, why, facts, code) in [
        ("total-without-its-fact", "What is not known can't be summed.", json!({}), "missing_fact"),
        (
            "total-of-a-negative-fact",
            "Less than nothing would fill the total up again.",
            json!({"tokens": -1}),
            "constraint_violated",
        ),
        ("total-of-a-text", "A text can't be summed.", json!({"tokens": "1"}), "constraint_violated"),
    ] {
        book.deny(name, why, code, None, |d| {
            solo(d, json!([{"type": "total", "fact": "tokens", "window": {"seconds": 60, "sum": 1000}}]));
            d.book(facts);
        });
    }
    book.story(
        "budget-of-a-calendar-day",
        "100 a day where it is eleven hours and 59 minutes later than in Greenwich: a new day begins at 12:01 UTC, and what was spent a second before counts no more.",
        |d| {
            let day = json!({"calendar": "day", "offset": "+11:59", "amount": 100});
            solo(d, json!([{"type": "spend", "currency": "USD", "window": day}]));
            pay(d, "12:00:58", "n-1", 100, permit());
            pay(d, "12:00:59", "n-2", 1, deny("budget_exceeded", Some(0)));
            pay(d, "12:01:00", "n-3", 100, permit());
            pay(d, "12:01:01", "n-4", 1, deny("budget_exceeded", Some(0)));
        },
    );
    book.story(
        "rate-of-a-calendar-month",
        "Two calls a month: half an hour later it is the same month still.",
        |d| {
            solo(d, json!([{"type": "rate", "calendar": "month", "max": 2}]));
            call(d, "12:00:00", "n-1", permit());
            call(d, "12:00:01", "n-2", permit());
            call(d, "12:30:00", "n-3", deny("rate_exceeded", Some(0)));
        },
    );
    book.story("budget-of-each-currency", "Each currency has a total of its own.", |d| {
        let yen = json!({"type": "spend", "currency": "JPY", "window": {"seconds": 3600, "amount": 9000}});
        solo(d, json!([spend(3600, 100), yen]));
        pay(d, "12:00:00", "n-1", 100, permit());
        d.at("12:00:01", "n-2");
        d.book(json!({"amount": 9000, "currency": "JPY"}));
        d.step(permit());
        pay(d, "12:00:02", "n-3", 1, deny("budget_exceeded", Some(0)));
    });
    book.story("budget-of-nothing-left-for-nothing", "An amount of 0 passes when nothing is left.", |d| {
        solo(d, json!([spend(3600, 100)]));
        pay(d, "12:00:00", "n-1", 100, permit());
        pay(d, "12:00:01", "n-2", 0, permit());
    });
}

fn rates(book: &mut Book) {
    book.story(
        "rate-exceeded",
        "The third of two actions in 60 seconds; a minute after the first there is room again.",
        |d| {
            solo(d, json!([rate(60, 2)]));
            call(d, "12:00:00", "n-1", permit());
            call(d, "12:00:20", "n-2", permit());
            call(d, "12:00:59", "n-3", deny("rate_exceeded", Some(0)));
            call(d, "12:01:00", "n-4", permit());
            call(d, "12:01:01", "n-5", deny("rate_exceeded", Some(0)));
        },
    );
    book.story("rate-of-nothing", "At most no action at all.", |d| {
        solo(d, json!([rate(60, 0)]));
        call(d, "12:00:00", "n-1", deny("rate_exceeded", Some(0)));
    });
    book.story("rate-widened-to-a-longer-window", "3 in 60 seconds passed on as 180 in 3,600: the same on average, and sixty times the burst. The longer window is a constraint of its own; the fourth action in a minute is still one too many.", |d| {
        d.only(2);
        d.limits(0, json!([rate(60, 3)]));
        d.limits(1, json!([rate(3600, 180)]));
        d.book(json!({}));
        for (second, nonce) in ["n-1", "n-2", "n-3"].into_iter().enumerate() {
            call(d, &format!("12:00:0{second}"), nonce, permit());
        }
        call(d, "12:00:59", "n-4", deny("rate_exceeded", Some(0)));
        call(d, "12:01:00", "n-5", permit());
    });
    book.story(
        "rate-and-budget",
        "Both limits are judged, in the order of the link's limits, before either is debited.",
        |d| {
            solo(d, json!([rate(60, 2), spend(60, 100)]));
            pay(d, "12:00:00", "n-1", 100, permit());
            pay(d, "12:00:01", "n-2", 1, deny("budget_exceeded", Some(0)));
            pay(d, "12:00:02", "n-3", 0, permit());
            pay(d, "12:00:03", "n-4", 0, deny("rate_exceeded", Some(0)));
        },
    );
}

/// Acme → ada → a sub-agent, with these constraints in the first link. Ada's link to each
/// sub-agent is another one.
pub(super) fn family(d: &mut Draft, constraints: Value) {
    d.only(2);
    d.limits(0, constraints);
    d.book(json!({}));
}

fn siblings(book: &mut Book) {
    book.story("siblings-spend-their-parents-budget-once", "Two sub-agents of one agent: each spends 60 of the 100 that their parent has. Totals by leaf let a parent multiply its budget by delegating.", |d| {
        family(d, json!([spend(3600, 100)]));
        pay(d, "12:00:00", "n-1", 60, permit());
        d.cast(1, &agent("bob's sibling"));
        pay(d, "12:00:01", "n-2", 60, deny("budget_exceeded", Some(0)));
        pay(d, "12:00:02", "n-3", 40, permit());
    });
    book.story(
        "siblings-share-their-parents-rate",
        "Two sub-agents share the two actions of their parent.",
        |d| {
            family(d, json!([rate(60, 2)]));
            call(d, "12:00:00", "n-1", permit());
            d.cast(1, &agent("bob's sibling"));
            call(d, "12:00:01", "n-2", permit());
            call(d, "12:00:02", "n-3", deny("rate_exceeded", Some(0)));
        },
    );
    book.story(
        "parent-and-child-share-a-budget",
        "The agent itself has spent what its sub-agent wants to spend.",
        |d| {
            d.limits(0, json!([spend(3600, 100)]));
            let (links, presentation) = (d.links.clone(), d.presentation.clone());
            d.solo();
            pay(d, "12:00:00", "n-1", 100, permit());
            (d.links, d.presentation) = (links, presentation);
            pay(d, "12:00:01", "n-2", 1, deny("budget_exceeded", Some(0)));
        },
    );
    book.story("siblings-have-budgets-of-their-own", "What a sub-agent's own link limits is its own.", |d| {
        family(d, json!([spend(3600, 100)]));
        d.limits(1, json!([spend(3600, 30)]));
        pay(d, "12:00:00", "n-1", 30, permit());
        pay(d, "12:00:01", "n-2", 1, deny("budget_exceeded", Some(1)));
        d.cast(1, &agent("bob's sibling"));
        pay(d, "12:00:02", "n-3", 30, permit());
        pay(d, "12:00:03", "n-4", 1, deny("budget_exceeded", Some(1)));
    });
}

fn accounts(book: &mut Book) {
    book.story("budget-of-a-delegation-issued-anew", "The principal delegates again with a new validity: that is a new budget, and the principal's to give.", |d| {
        solo(d, json!([spend(3600, 100)]));
        pay(d, "12:00:00", "n-1", 100, permit());
        d.claims(0)["validUntil"] = "2026-11-29T10:00:00Z".into();
        pay(d, "12:00:01", "n-2", 100, permit());
    });
    book.story(
        "budget-of-an-account-goes-on-in-a-renewed-delegation",
        "The same where both delegations name one account: what was spent of the old one is gone from the new one.",
        |d| {
            solo(d, json!([spend(3600, 100)]));
            d.delegation(0)["account"] = "team-sales".into();
            pay(d, "12:00:00", "n-1", 60, permit());
            d.claims(0)["validUntil"] = "2026-11-29T10:00:00Z".into();
            pay(d, "12:00:01", "n-2", 41, deny("budget_exceeded", Some(0)));
            pay(d, "12:00:02", "n-3", 40, permit());
        },
    );
    book.story(
        "budget-of-an-account-is-shared",
        "Two agents of one account: each is held to the most of its own delegation, by what both have spent.",
        |d| {
            solo(d, json!([spend(3600, 100)]));
            d.delegation(0)["account"] = "team-sales".into();
            pay(d, "12:00:00", "n-1", 60, permit());
            d.cast(0, &agent("bob"));
            d.limits(0, json!([spend(3600, 50)]));
            pay(d, "12:00:01", "n-2", 1, deny("budget_exceeded", Some(0)));
            d.limits(0, json!([spend(3600, 80)]));
            pay(d, "12:00:02", "n-3", 21, deny("budget_exceeded", Some(0)));
            pay(d, "12:00:03", "n-4", 20, permit());
        },
    );
    book.story(
        "budget-of-an-account-of-another-issuer",
        "An agent names the account of its principal for its own sub-agent: an account is its issuer's, so that it has neither taken from the principal's nor filled it.",
        |d| {
            family(d, json!([spend(3600, 100)]));
            d.limits(1, json!([spend(3600, 70)]));
            d.delegation(0)["account"] = "team-sales".into();
            d.delegation(1)["account"] = "team-sales".into();
            pay(d, "12:00:00", "n-1", 70, permit());
            pay(d, "12:00:01", "n-2", 1, deny("budget_exceeded", Some(1)));
            d.delegation(1)["account"] = "another".into();
            pay(d, "12:00:02", "n-3", 31, deny("budget_exceeded", Some(0)));
            pay(d, "12:00:03", "n-4", 30, permit());
        },
    );
    book.story(
        "budget-of-an-account-of-another-agent",
        "Two agents name the same account, each for its own sub-agent: both are named by a did:key, and each has its own.",
        |d| {
            family(d, json!([]));
            d.limits(1, json!([spend(3600, 70)]));
            d.delegation(1)["account"] = "team-sales".into();
            pay(d, "12:00:00", "n-1", 70, permit());
            d.cast(0, &agent("ada's sister"));
            pay(d, "12:00:01", "n-2", 70, permit());
            pay(d, "12:00:02", "n-3", 1, deny("budget_exceeded", Some(1)));
            d.cast(0, &agent("ada"));
            pay(d, "12:00:03", "n-4", 1, deny("budget_exceeded", Some(1)));
        },
    );
    for (name, account) in
        [("in-capitals", json!("Team-Sales")), ("empty", json!("")), ("as-a-number", json!(7))]
    {
        book.deny(
            &format!("account-{name}"),
            "1 to 64 small letters, digits, dots, dashes and underscores.",
            "malformed",
            Some(0),
            |d| {
                d.delegation(0)["account"] = account;
            },
        );
    }
    book.story(
        "budget-renewed-by-passing-on-again",
        "The agent issues a new leaf: the leaf's budget is new, the root's is not.",
        |d| {
            family(d, json!([spend(3600, 100)]));
            d.limits(1, json!([spend(3600, 70)]));
            pay(d, "12:00:00", "n-1", 70, permit());
            d.claims(1)["id"] = "urn:uuid:5f0c0000-0000-4000-8000-000000000099".into();
            pay(d, "12:00:01", "n-2", 31, deny("budget_exceeded", Some(0)));
            pay(d, "12:00:02", "n-3", 30, permit());
        },
    );
}

fn encodings(book: &mut Book) {
    let paid = |d: &mut Draft, again: fn(&str) -> String| {
        d.only(2);
        d.cast(0, &p256("paula"));
        d.limits(1, json!([spend(3600, 100)]));
        // A fixed signature, so that the two links differ in its encoding alone.
        let leaf = d.secured()[1].clone();
        let first = leaf.clone();
        d.links[1].after(move |_| first.clone());
        let root = d.secured()[0].clone();
        d.links[0].after(move |_| root.clone());
        pay(d, "12:00:00", "n-1", 100, permit());
        d.links[1].after(move |_| {
            let (input, signature) = leaf.rsplit_once('.').unwrap();
            format!("{input}.{}", again(signature))
        });
    };
    book.story("budget-renewed-by-a-re-encoded-signature", "The leaf with (r, n - s) for (r, s): as valid, and other bytes. Totals are kept by what was signed, so nothing is left.", |d| {
        paid(d, tricks::p256_negate);
        pay(d, "12:00:01", "n-2", 1, deny("budget_exceeded", Some(1)));
    });
    book.story("budget-with-the-same-signature", "The same leaf again, as it was.", |d| {
        paid(d, str::to_owned);
        pay(d, "12:00:01", "n-2", 1, deny("budget_exceeded", Some(1)));
        pay(d, "13:00:00", "n-3", 1, deny("did_stale", Some(0)));
    });
    book.story("budget-renewed-by-signing-again", "The agent signs the very same claims again; ES256 is random, so the signature is another and the total is the same.", |d| {
        d.only(2);
        d.cast(0, &p256("paula"));
        d.limits(1, json!([spend(3600, 100)]));
        let root = d.secured()[0].clone();
        d.links[0].after(move |_| root.clone());
        pay(d, "12:00:00", "n-1", 100, permit());
        pay(d, "12:00:01", "n-2", 1, deny("budget_exceeded", Some(1)));
    });
}

fn ceilings(book: &mut Book) {
    let ceiling =
        |d: &mut Draft, limit: Value| d.trust["roots"][0]["ceiling"]["constraints"] = json!([limit]);
    book.story(
        "budget-of-the-ceiling",
        "The verifier limits what all of a root's agents spend together, whatever the root delegates.",
        |d| {
            solo(d, json!([]));
            ceiling(d, spend(3600, 100));
            pay(d, "12:00:00", "n-1", 60, permit());
            d.cast(0, &agent("bob"));
            pay(d, "12:00:01", "n-2", 60, deny("budget_exceeded", None));
            pay(d, "12:00:02", "n-3", 40, permit());
        },
    );
    book.story("rate-of-the-ceiling", "The verifier limits how often a root's agents act.", |d| {
        solo(d, json!([]));
        ceiling(d, rate(60, 1));
        call(d, "12:00:00", "n-1", permit());
        d.cast(0, &agent("bob"));
        call(d, "12:00:01", "n-2", deny("rate_exceeded", None));
    });
    book.story(
        "budget-of-another-root",
        "Each root has a ceiling of its own, and a total of its own.",
        |d| {
            solo(d, json!([]));
            ceiling(d, spend(3600, 100));
            let roots = d.trust["roots"].clone();
            let rosa: Rc<Actor> = agent("rosa");
            pay(d, "12:00:00", "n-1", 100, permit());
            d.root(&rosa);
            let mut second = d.trust["roots"][0].clone();
            second["did"] = rosa.did.as_str().into();
            d.trust["roots"] = json!([roots[0], second]);
            pay(d, "12:00:01", "n-2", 100, permit());
            pay(d, "12:00:02", "n-3", 1, deny("budget_exceeded", None));
        },
    );
}

fn scopes(book: &mut Book) {
    book.story("rate-of-other-actions", "A rate on refunds does not count bookings.", |d| {
        let mut limit = rate(60, 1);
        limit["actions"] = json!(["mcp:tools/call:payments.*"]);
        solo(d, json!([limit]));
        call(d, "12:00:00", "n-1", permit());
        call(d, "12:00:01", "n-2", permit());
    });
    book.story("rate-of-several-actions-together", "A rate on two actions counts both.", |d| {
        let mut limit = rate(60, 1);
        limit["actions"] = json!(["mcp:tools/call:payments.*", BOOK]);
        solo(d, json!([limit]));
        call(d, "12:00:00", "n-1", permit());
        d.ask("action", "mcp:tools/call:payments.refund".into());
        call(d, "12:00:01", "n-2", deny("rate_exceeded", Some(0)));
    });
    book.story(
        "rate-restated-for-one-action",
        "A child's rate for one action stands beside the inherited one for all.",
        |d| {
            let acme = company("acme");
            let grants =
                json!([{"actions": [BOOK, "a2a:skill:cancel"], "resources": ["https://shop.example/*"]}]);
            let time = ("2026-11-21T10:00:00Z", "2026-11-22T10:00:00Z");
            let mut limit = rate(60, 1);
            limit["actions"] = json!([BOOK]);
            d.links = vec![
                link(
                    0,
                    &acme,
                    &agent("ada").did,
                    time,
                    json!({"principal": ACME, "maxDepth": 1, "grants": grants, "constraints": [rate(60, 2)]}),
                ),
                link(
                    1,
                    &agent("ada"),
                    &agent("bob").did,
                    time,
                    json!({"principal": ACME, "grants": grants, "constraints": [limit]}),
                ),
            ];
            d.presented_by(&agent("bob"));
            d.book(json!({}));
            call(d, "12:00:00", "n-1", permit());
            call(d, "12:00:01", "n-2", deny("rate_exceeded", Some(1)));
            d.ask("action", "a2a:skill:cancel".into());
            call(d, "12:00:02", "n-3", permit());
            call(d, "12:00:03", "n-4", deny("rate_exceeded", Some(0)));
        },
    );
}
