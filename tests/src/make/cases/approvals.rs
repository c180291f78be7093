//! Approvals: by whom, of which request, how many, how long, and once.

use super::Book;
use crate::make::{
    actors::{Actor, agent, company, p256},
    draft::{Draft, deny, document, permit},
    sealed::Sealed,
};
use serde_json::{Value, json};
use std::rc::Rc;

pub(crate) fn add(book: &mut Book) {
    given(book);
    of_another(book);
    by_others(book);
    thresholds(book);
    in_time(book);
    once(book);
    forms(book);
}

fn boss() -> Rc<Actor> {
    agent("ada's boss")
}

/// A booking of 90 dollars, of which 25 pass without the approval of `threshold` of these.
fn needs(d: &mut Draft, approvers: &[&Rc<Actor>], threshold: usize) {
    let dids: Vec<&str> = approvers.iter().map(|one| one.did.as_str()).collect();
    d.solo();
    d.limits(
        0,
        json!([{
            "type": "approval", "above": 2500, "currency": "USD", "approvers": dids, "threshold": threshold,
        }]),
    );
    d.book(json!({"amount": 9000, "currency": "USD"}));
}

/// The same with one approver, who approves.
fn approved(d: &mut Draft) {
    needs(d, &[&boss()], 1);
    d.approve(&boss());
}

fn given(book: &mut Book) {
    book.permit("approval-given", "The one who may approve has approved this very request.", approved);
    book.permit(
        "approval-given-by-an-organization",
        "An approver is a did:web, whose document is at hand.",
        |d| {
            let other = company("other");
            needs(d, &[&other], 1);
            d.documents.push(document(&other));
            d.approve(&other);
        },
    );
    book.deny(
        "approval-of-an-organization-without-its-document",
        "Whose key signed can't be known.",
        "approval_required",
        None,
        |d| {
            let other = company("other");
            needs(d, &[&other], 1);
            d.approve(&other);
        },
    );
    book.permit("approval-given-by-a-document", "It is secured by a proof in place of a JWS.", |d| {
        approved(d);
        d.approvals[0].by_proof(json!({}));
    });
    book.permit("approval-given-by-p-256", "The approver's key is for ES256.", |d| {
        needs(d, &[&p256("paula")], 1);
        d.approve(&p256("paula"));
    });
    book.permit(
        "approval-given-and-vouched",
        "The agent comes by an API key, and what it asks is approved.",
        |d| {
            approved(d);
            d.vouch();
        },
    );
    book.permit(
        "approval-that-is-none-and-not-needed",
        "What needs no approval is not denied for what came with it.",
        |d| {
            approved(d);
            d.book(json!({"amount": 2500, "currency": "USD"}));
            d.approvals[0].after(|_| "a.b".to_owned());
        },
    );
    book.permit(
        "approval-in-another-currency-given",
        "What is approved passes in a currency that the limit does not name.",
        |d| {
            needs(d, &[&boss()], 1);
            d.book(json!({"amount": 1, "currency": "EUR"}));
            d.approve(&boss());
        },
    );
}

fn of_another(book: &mut Book) {
    let mut denied = |name: &str, why: &str, change: &dyn Fn(&mut Draft)| {
        book.deny(name, why, "approval_required", None, |d| {
            approved(d);
            change(d);
        });
    };
    denied("approval-of-another-amount", "90 dollars were approved, and 90.01 are asked for.", &|d| {
        d.fix_approvals();
        d.ask("facts", json!({"amount": 9001, "currency": "USD"}));
    });
    denied("approval-of-another-resource", "Another order was approved.", &|d| {
        d.fix_approvals();
        d.ask("resource", "https://shop.example/api/orders/18".into());
    });
    denied("approval-of-one-fact-more", "A fact that no limit names is part of what was approved.", &|d| {
        d.fix_approvals();
        d.ask("facts", json!({"amount": 9000, "currency": "USD", "channel": "email"}));
    });
    denied("approval-of-another-chain", "The same agent asks by another delegation.", &|d| {
        d.fix_approvals();
        d.claims(0)["id"] = "urn:uuid:5f0c0000-0000-4000-8000-000000000099".into();
    });
    denied("approval-for-another-agent", "It says that mallory may.", &|d| {
        d.approvals[0].claims["credentialSubject"]["id"] = agent("mallory").did.as_str().into();
    });
    denied("approval-at-another-verifier", "The same was approved elsewhere.", &|d| {
        let audience = d.trust["audience"].take();
        d.trust["audience"] = "did:web:other.example".into();
        d.fix_approvals();
        d.trust["audience"] = audience;
    });
}

fn by_others(book: &mut Book) {
    book.deny(
        "approval-by-somebody-else",
        "Mallory approves what needs the approval of another.",
        "approval_required",
        None,
        |d| {
            needs(d, &[&boss()], 1);
            d.approve(&agent("mallory"));
        },
    );
    book.deny(
        "approval-by-the-agent-itself",
        "Whoever asks is no approver, if nobody named it.",
        "approval_required",
        None,
        |d| {
            needs(d, &[&boss()], 1);
            d.approve(&agent("ada"));
        },
    );
    book.deny(
        "approval-signed-by-somebody-else",
        "It names the approver, and mallory's key signed.",
        "approval_required",
        None,
        |d| {
            approved(d);
            d.approvals[0].signed_by(&agent("mallory").named(&boss().did, &boss().kid));
        },
    );
    book.deny(
        "approval-by-a-key-of-somebody-else",
        "It names the approver, and a key of mallory's own.",
        "approval_required",
        None,
        |d| {
            approved(d);
            d.approvals[0].signed_by(&agent("mallory"));
        },
    );
    book.deny(
        "approval-by-the-approver-of-another-action",
        "Who may approve refunds approves a booking.",
        "approval_required",
        None,
        |d| {
            let other = agent("ada's accountant");
            let limit = |did: &str, action: &str| {
                json!({"type": "approval", "above": 2500, "currency": "USD", "approver": did, "actions": [action]})
            };
            needs(d, &[&boss()], 1);
            let booking = limit(&boss().did, "a2a:skill:book");
            d.limits(0, json!([booking, limit(&other.did, "mcp:tools/call:payments.*")]));
            d.approve(&other);
        },
    );
}

fn thresholds(book: &mut Book) {
    let three = || [agent("approver 1"), agent("approver 2"), agent("approver 3")];
    let two_of = |d: &mut Draft| {
        let all = three();
        needs(d, &all.iter().collect::<Vec<_>>(), 2);
    };
    book.permit("approval-by-two-of-three", "Two have to approve, and two have.", |d| {
        two_of(d);
        d.approve(&three()[2]);
        d.approve(&three()[0]);
    });
    book.deny("approval-by-one-where-two-have-to", "One of two.", "approval_required", None, |d| {
        two_of(d);
        d.approve(&three()[1]);
    });
    book.deny(
        "approval-twice-by-the-same",
        "Two approvals by one approver are one: otherwise each could approve alone.",
        "approval_required",
        None,
        |d| {
            two_of(d);
            d.approve(&three()[1]);
            d.approve(&three()[1]);
            d.approvals[1].claims["validUntil"] = "2026-11-21T12:06:00Z".into();
        },
    );
    book.permit(
        "approval-by-two-beside-one-that-does-not-count",
        "What does not count takes nothing from those that do.",
        |d| {
            two_of(d);
            d.approve(&agent("mallory"));
            d.approve(&three()[0]);
            d.approve(&three()[1]);
        },
    );
    book.deny(
        "approval-threshold-lowered-by-a-child",
        "A child's own limit with a lower threshold stands beside the inherited one.",
        "approval_required",
        None,
        |d| {
            let dids: Vec<String> = three().iter().map(|one| one.did.clone()).collect();
            let limit = |threshold: usize| {
                json!([{"type": "approval", "above": 2500, "currency": "USD", "approvers": dids, "threshold": threshold}])
            };
            d.only(2);
            d.limits(0, limit(2));
            d.limits(1, limit(1));
            d.book(json!({"amount": 9000, "currency": "USD"}));
            d.approve(&three()[1]);
        },
    );
    book.deny(
        "approval-of-a-list-of-one-widened",
        "`approvers` of one is the same as `approver`: a child's larger amount is wider.",
        "constraint_widened",
        Some(1),
        |d| {
            let did = boss().did.clone();
            d.only(2);
            d.limits(0, json!([{"type": "approval", "above": 2500, "currency": "USD", "approver": did}]));
            d.limits(1, json!([{"type": "approval", "above": 2501, "currency": "USD", "approvers": [did]}]));
        },
    );
    malformed(book);
}

fn malformed(book: &mut Book) {
    let many: Vec<String> = (0..17).map(|number| agent(&format!("approver {number}")).did.clone()).collect();
    let did = boss().did.clone();
    let wrong: [(&str, &str, Value); 7] = [
        ("approvers-none", "Of nobody's approval it can't be said that it lacks.", json!({"approvers": []})),
        ("approvers-seventeen", "More than are read.", json!({"approvers": many})),
        (
            "approvers-twice-the-same",
            "Of two that are one, two never approve.",
            json!({"approvers": [did, did]}),
        ),
        (
            "approvers-beside-an-approver",
            "Which of them is meant?",
            json!({"approvers": [did], "approver": did}),
        ),
        (
            "approval-threshold-zero",
            "It would be met by nobody.",
            json!({"approvers": [did], "threshold": 0}),
        ),
        (
            "approval-threshold-above-all",
            "Nobody could meet it.",
            json!({"approvers": [did], "threshold": 2}),
        ),
        (
            "approval-threshold-of-one-approver",
            "Of one there is no threshold.",
            json!({"approver": did, "threshold": 1}),
        ),
    ];
    for (name, why, members) in wrong {
        book.deny(name, why, "malformed", Some(0), |d| {
            d.solo();
            let mut limit = json!({"type": "approval", "above": 2500, "currency": "USD"});
            limit.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            d.limits(0, json!([limit]));
        });
    }
}

fn in_time(book: &mut Book) {
    let times = |from: &'static str, until: &'static str| {
        move |d: &mut Draft| {
            approved(d);
            let day = |time: &str| Value::from(format!("2026-11-21T{time}Z"));
            d.approvals[0].claims["validFrom"] = day(from);
            d.approvals[0].claims["validUntil"] = day(until);
        }
    };
    let mut denied = |name: &str, why: &str, change: &dyn Fn(&mut Draft)| {
        book.deny(name, why, "approval_required", None, |d| change(d));
    };
    denied(
        "approval-expired",
        "It ended a minute ago, the clocks' difference taken off.",
        &times("11:50:00", "11:59:00"),
    );
    denied("approval-of-the-future", "It begins in more than a minute.", &times("12:01:01", "12:10:00"));
    denied(
        "approval-that-lives-too-long",
        "An hour and a second, where an hour is the most.",
        &times("11:30:00", "12:30:01"),
    );
    denied(
        "approval-that-ends-before-it-begins",
        "A lifetime of nothing is none.",
        &times("12:00:30", "12:00:00"),
    );
    denied("approval-where-trust-wants-a-shorter-one", "Ten minutes, where the verifier takes nine.", &|d| {
        approved(d);
        d.trust["maxApprovalAge"] = 540.into();
    });
    book.permit(
        "approval-of-just-the-longest-life",
        "The longest life by default is an hour.",
        times("11:30:00", "12:30:00"),
    );
    book.permit(
        "approval-that-ends-within-the-skew",
        "It ended 59 seconds ago.",
        times("11:50:00", "11:59:01"),
    );
}

fn once(book: &mut Book) {
    book.story(
        "approval-used-twice",
        "An approval is of one action: the second one needs another, though it is the same in all but its nonce.",
        |d| {
            approved(d);
            d.step(permit());
            d.at("12:01:00", "n-2");
            d.step(deny("approval_required", None));
            d.approvals[0].claims["validUntil"] = "2026-11-21T12:09:00Z".into();
            d.at("12:02:00", "n-3");
            d.step(permit());
        },
    );
    book.story(
        "approval-used-twice-as-another-document",
        "Signed anew over the same text, by the same key: it is the same approval.",
        |d| {
            needs(d, &[&p256("paula")], 1);
            d.approve(&p256("paula"));
            d.step(permit());
            // ES256 signatures differ each time.
            d.at("12:01:00", "n-2");
            d.step(deny("approval_required", None));
        },
    );
    book.story(
        "approval-of-a-denied-request-is-not-used",
        "A commit is all or nothing: what the rate refuses leaves its approval for later.",
        |d| {
            needs(d, &[&boss()], 1);
            d.limits(
                0,
                json!([
                    {"type": "approval", "above": 2500, "currency": "USD", "approver": boss().did},
                    {"type": "rate", "seconds": 60, "max": 1},
                ]),
            );
            d.book(json!({"amount": 1, "currency": "USD"}));
            d.step(permit());
            d.book(json!({"amount": 9000, "currency": "USD"}));
            d.approve(&boss());
            d.at("12:00:30", "n-2");
            d.step(deny("rate_exceeded", Some(0)));
            d.at("12:02:00", "n-3");
            d.step(permit());
        },
    );
}

fn forms(book: &mut Book) {
    let mut denied = |name: &str, why: &str, change: &dyn Fn(&mut Sealed)| {
        book.deny(name, why, "approval_required", None, |d| {
            approved(d);
            change(&mut d.approvals[0]);
        });
    };
    denied("approval-that-is-no-jws", "A JWS has three parts, this has two.", &|one| {
        one.after(|_| "a.b".to_owned())
    });
    denied("approval-of-another-type", "A delegation is no approval.", &|one| {
        one.claims["type"] = json!(["VerifiableCredential", "DelegationCredential"]);
    });
    denied("approval-with-a-status", "Its revocation would not be looked up.", &|one| {
        one.claims["credentialStatus"] = json!({"type": "BitstringStatusListEntry"});
    });
    denied("approval-with-an-unknown-member", "It could narrow what is approved.", &|one| {
        one.claims["credentialSubject"]["approval"]["note"] = "only today".into();
    });
    denied(
        "approval-for-somebody-by-aud",
        "An audience of its own is not looked at, so that it is refused.",
        &|one| {
            one.claims["aud"] = "did:web:other.example".into();
        },
    );
    denied("approval-of-another-typ", "A receipt or a presentation is no approval.", &|one| {
        one.header["typ"] = "vp+jwt".into();
    });
    denied("approval-without-a-signature", "`none` is no algorithm.", &|one| {
        one.header["alg"] = "none".into();
        one.part(2, |_| String::new());
    });
    denied("approval-that-is-too-large", "Nine thousand bytes.", &|one| {
        one.claims["x"] = "x".repeat(9000).into();
    });
}
