//! Status: revocation, suspension, and whose list may say so.

use super::Book;
use crate::make::{
    actors::{agent, company},
    draft::{Draft, LIST, List, deny, document, list, permit, seconds},
};
use serde_json::{Value, json};

const SUSPENSIONS: &str = "https://acme.example/status/2";

pub(crate) fn add(book: &mut Book) {
    revoked(book);
    suspended(book);
    missing(book);
    offline(book);
    without_revocation(book);
    unavailable(book);
    of_another(book);
    for_another(book);
    order(book);
}

fn revoked(book: &mut Book) {
    for (name, index) in [("root", 0), ("middle", 1), ("leaf", 2)] {
        book.deny(&format!("revoked-{name}"), "One link of the chain is revoked, and the chain with it: each link is looked up, not the leaf alone.", "link_revoked", Some(index), |d| {
            d.lists[0].set = vec![7 + index];
        });
    }
    book.permit("revoked-others", "The neighbours in the list are revoked, and ten thousand more.", |d| {
        d.lists[0].set = (0..10_000).filter(|index| !(7..10).contains(index)).collect();
    });
    book.deny("revoked-by-a-token-status-list", "A status of another kind, in a JWT's own claim, which is not looked up for links: who passed over it would take a revoked link.", "unknown_member", Some(1), |d| {
        d.claims(1)["status"] = json!({"status_list": {"idx": 7, "uri": "https://acme.example/token-status/1"}});
    });
    book.deny("revoked-at-index-zero", "The first bit is the left-most one.", "link_revoked", Some(1), |d| {
        d.claims(1)["credentialStatus"]["statusListIndex"] = "0".into();
        d.lists[0].set = vec![0];
    });
    book.deny("revoked-at-the-last-index", "The last bit of the list.", "link_revoked", Some(1), |d| {
        d.claims(1)["credentialStatus"]["statusListIndex"] = "131071".into();
        d.lists[0].set = vec![131_071];
    });
}

/// Gives the middle link a second entry, for suspension, and adds the list for it.
fn suspension(set: Vec<usize>) -> impl Fn(&mut Draft) {
    move |d| {
        let revocation = d.claims(1)["credentialStatus"].clone();
        let suspension = json!({
            "type": "BitstringStatusListEntry", "statusPurpose": "suspension",
            "statusListIndex": "8", "statusListCredential": SUSPENSIONS,
        });
        d.claims(1)["credentialStatus"] = json!([suspension, revocation]);
        d.lists.push(List { set: set.clone(), ..list(SUSPENSIONS, &company("acme"), "suspension") });
    }
}

fn suspended(book: &mut Book) {
    book.deny(
        "suspended-middle",
        "A link that is suspended for now.",
        "link_suspended",
        Some(1),
        suspension(vec![8]),
    );
    book.permit("suspended-others", "Another entry of the list is suspended.", suspension(vec![9]));
    book.deny(
        "suspended-and-revoked",
        "Both: revocation is looked up first, however the entries stand.",
        "link_revoked",
        Some(1),
        |d| {
            suspension(vec![8])(d);
            d.lists[0].set = vec![8];
        },
    );
}

/// Leaves a link nothing but a status of another purpose.
fn only(d: &mut Draft, index: usize, purpose: &str, set: Vec<usize>) {
    d.claims(index)["credentialStatus"]["statusPurpose"] = purpose.into();
    d.claims(index)["credentialStatus"]["statusListCredential"] = SUSPENSIONS.into();
    d.lists.push(List { set, ..list(SUSPENSIONS, &company("acme"), purpose) });
}

fn without_revocation(book: &mut Book) {
    book.deny(
        "status-of-suspension-only",
        "Who can only be suspended can't be revoked: the link counts as one without revocation.",
        "status_missing",
        Some(1),
        |d| only(d, 1, "suspension", vec![]),
    );
    book.permit(
        "status-of-suspension-only-in-a-link-that-is-short-enough",
        "The leaf lives 23 hours, and the verifier accepts a day without revocation.",
        |d| {
            d.trust["maxUnrevocable"] = 86_400.into();
            only(d, 2, "suspension", vec![8]);
        },
    );
    book.deny(
        "suspended-where-nothing-can-be-revoked",
        "A suspension counts however short the link is.",
        "link_suspended",
        Some(2),
        |d| {
            d.trust["maxUnrevocable"] = 86_400.into();
            only(d, 2, "suspension", vec![9]);
        },
    );
    book.deny(
        "status-of-a-message-only",
        "A message revokes nothing, so that nothing can be revoked.",
        "status_missing",
        Some(1),
        |d| only(d, 1, "message", vec![]),
    );
    for purpose in ["message", "refresh"] {
        book.permit(
            &format!("status-of-a-{purpose}-beside-revocation"),
            "It says something of the credential and ends nothing (Bitstring Status List section 2.1); nobody looks it up.",
            |d| {
                let revocation = d.claims(1)["credentialStatus"].clone();
                let told = json!({
                    "type": "BitstringStatusListEntry", "statusPurpose": purpose, "statusSize": 2,
                    "statusListIndex": "8", "statusListCredential": "https://acme.example/status/3",
                });
                d.claims(1)["credentialStatus"] = json!([told, revocation]);
            },
        );
    }
}

/// Takes a link's status away.
fn bare(d: &mut Draft, index: usize) {
    d.claims(index).as_object_mut().unwrap().remove("credentialStatus");
}

fn missing(book: &mut Book) {
    book.deny(
        "status-missing-in-the-root",
        "A link that nobody can revoke, for a week.",
        "status_missing",
        Some(0),
        |d| bare(d, 0),
    );
    book.deny(
        "status-missing-in-the-leaf",
        "The leaf leaves its status away.",
        "status_missing",
        Some(2),
        |d| bare(d, 2),
    );
    book.permit(
        "status-missing-in-a-link-that-is-short-enough",
        "The leaf lives 23 hours, and the verifier accepts a day without status.",
        |d| {
            d.trust["maxUnrevocable"] = 86_400.into();
            bare(d, 2);
        },
    );
    book.deny(
        "status-missing-in-a-link-that-lives-too-long",
        "A link of a week where the verifier accepts a day without status.",
        "status_missing",
        Some(0),
        |d| {
            d.trust["maxUnrevocable"] = 86_400.into();
            bare(d, 0);
        },
    );
    book.permit("status-missing-in-a-link-of-just-the-longest-life", "23 hours, to the second.", |d| {
        d.trust["maxUnrevocable"] = 82_800.into();
        bare(d, 2);
    });
    book.deny(
        "status-missing-in-a-link-a-second-too-long",
        "23 hours, less a second.",
        "status_missing",
        Some(2),
        |d| {
            d.trust["maxUnrevocable"] = 82_799.into();
            bare(d, 2);
        },
    );
    book.permit(
        "status-missing-in-a-link-that-a-claim-shortens",
        "`exp` makes the root short enough to do without status.",
        |d| {
            d.trust["maxUnrevocable"] = 86_400.into();
            bare(d, 0);
            for index in 0..3 {
                d.claims(index)["exp"] = seconds("2026-11-21T13:00:00Z").into();
            }
        },
    );
}

/// Children that were made offline, under a parent that can be revoked.
fn offline(book: &mut Book) {
    let offline = |seconds: i64| {
        move |d: &mut Draft| {
            d.trust["maxOfflineChild"] = seconds.into();
            bare(d, 2);
        }
    };
    book.permit(
        "offline-child-of-just-the-longest-life",
        "The leaf lives 23 hours without a status, and its parent can be revoked.",
        offline(82_800),
    );
    book.deny(
        "offline-child-a-second-too-long",
        "23 hours, less a second.",
        "status_missing",
        Some(2),
        offline(82_799),
    );
    book.deny(
        "offline-child-of-a-revoked-parent",
        "Whoever revokes the agent revokes its children: that is what a child without a status stands on.",
        "link_revoked",
        Some(1),
        |d| {
            offline(86_400)(d);
            d.lists[0].set = vec![8];
        },
    );
    book.deny(
        "offline-child-of-an-offline-child",
        "A second link without a status stands under one that nobody can revoke by itself.",
        "status_missing",
        Some(2),
        |d| {
            offline(86_400)(d);
            bare(d, 1);
            d.claims(1)["validUntil"] = "2026-11-22T10:00:00Z".into();
        },
    );
    book.deny(
        "offline-child-of-a-parent-that-can-only-be-suspended",
        "Who suspends an agent may reinstate it: that is no revocation, for it or for its children.",
        "status_missing",
        Some(2),
        |d| {
            offline(86_400)(d);
            // Short enough to stand under the root itself.
            d.claims(1)["validUntil"] = "2026-11-22T10:00:00Z".into();
            d.claims(1)["credentialStatus"]["statusPurpose"] = "suspension".into();
            d.claims(1)["credentialStatus"]["statusListCredential"] = SUSPENSIONS.into();
            d.lists.push(list(SUSPENSIONS, &agent("ada"), "suspension"));
        },
    );
    book.deny(
        "offline-root",
        "A root has no parent that could be revoked, however short it lives.",
        "status_missing",
        Some(0),
        |d| {
            d.trust["maxOfflineChild"] = 86_400.into();
            bare(d, 0);
            d.claims(0)["validUntil"] = "2026-11-22T09:00:00Z".into();
            d.claims(1)["validUntil"] = "2026-11-22T09:00:00Z".into();
            d.claims(2)["validUntil"] = "2026-11-22T09:00:00Z".into();
        },
    );
}

fn unavailable(book: &mut Book) {
    book.deny("status-list-unavailable", "No list in evidence: a status that can't be had denies, or blocking the list would undo every revocation.", "status_unavailable", Some(0), |d| d.lists.clear());
    book.deny(
        "status-list-of-the-leaf-unavailable",
        "The leaf's status stands in a list that is not there.",
        "status_unavailable",
        Some(2),
        |d| {
            d.claims(2)["credentialStatus"]["statusListCredential"] = "https://bob.example/status/1".into();
        },
    );
}

fn change(change: impl Fn(&mut List)) -> impl Fn(&mut Draft) {
    move |d| change(&mut d.lists[0])
}

fn claim(member: &'static str, value: Value) -> impl Fn(&mut Draft) {
    change(move |list| list.sealed.claims[member] = value.clone())
}

fn of_another(book: &mut Book) {
    let code = "status_invalid";
    book.deny(
        "status-list-of-another-issuer",
        "A list that is correctly signed, by somebody who may not say anything about this link.",
        code,
        Some(0),
        |d| d.lists[0] = list(LIST, &agent("mallory"), "revocation"),
    );
    book.deny(
        "status-list-of-an-issuer-that-trust-does-not-name",
        "Acme's list answers for Acme's link, and for its agents' only where trust says so.",
        code,
        Some(1),
        |d| d.trust["statusIssuers"] = json!([]),
    );
    book.permit(
        "status-list-of-the-links-own-issuer",
        "Each link has a list of its own issuer; trust names nobody.",
        |d| {
            d.trust["statusIssuers"] = json!([]);
            for (index, issuer, url) in [
                (1, "ada", "https://agents.example/status/ada"),
                (2, "bob", "https://agents.example/status/bob"),
            ] {
                d.claims(index)["credentialStatus"]["statusListCredential"] = url.into();
                d.lists.push(list(url, &agent(issuer), "revocation"));
            }
        },
    );
    book.permit(
        "status-list-of-an-issuer-that-trust-names",
        "A status service that the verifier trusts signs for all.",
        |d| {
            let service = company("status");
            d.documents.push(document(&service));
            d.trust["statusIssuers"] = json!([service.did]);
            d.lists[0] = list(LIST, &service, "revocation");
        },
    );
}

fn for_another(book: &mut Book) {
    let code = "status_invalid";
    book.deny(
        "status-list-with-another-id",
        "The list of another address, served at this one.",
        code,
        Some(0),
        claim("id", "https://acme.example/status/9".into()),
    );
    book.deny(
        "status-list-of-another-purpose",
        "A list of suspensions does not say what is revoked.",
        code,
        Some(0),
        change(|list| list.sealed.claims["credentialSubject"]["statusPurpose"] = "suspension".into()),
    );
    book.permit(
        "status-list-without-an-id",
        "A list may leave its `id` out (VC Data Model 2.0 section 4.4): it is known by where it stands, and by who signed it.",
        change(|list| drop(list.sealed.claims.as_object_mut().unwrap().remove("id"))),
    );
    book.deny(
        "status-list-with-an-id-that-is-null",
        "`null` is no address.",
        code,
        Some(0),
        claim("id", Value::Null),
    );
    book.permit(
        "status-list-of-two-purposes",
        "A list may serve several purposes (Bitstring Status List section 2.2).",
        change(|list| {
            list.sealed.claims["credentialSubject"]["statusPurpose"] =
                json!(["suspension", "revocation", "refresh"]);
        }),
    );
    book.deny(
        "status-index-out-of-range",
        "An index behind the end of the list is no unset bit.",
        code,
        Some(1),
        |d| d.claims(1)["credentialStatus"]["statusListIndex"] = "131072".into(),
    );
    book.deny("status-index-far-out-of-range", "An index of 2^53.", code, Some(1), |d| {
        d.claims(1)["credentialStatus"]["statusListIndex"] = "9007199254740992".into()
    });
}

fn order(book: &mut Book) {
    book.deny(
        "forged-link-of-a-revoked-chain",
        "Signatures come before status: who is not authentic learns nothing of what is revoked.",
        "signature_invalid",
        Some(2),
        |d| {
            d.lists[0].set = vec![7];
            d.links[2].signer = agent("mallory");
        },
    );
    book.story(
        "nonce-not-burnt-by-a-revoked-chain",
        "A denial uses nothing up: the agent presents a chain that is not revoked, at the same nonce.",
        |d| {
            d.lists[0].set = vec![20];
            d.claims(2)["credentialStatus"]["statusListIndex"] = "20".into();
            d.step(deny("link_revoked", Some(2)));
            d.claims(2)["credentialStatus"]["statusListIndex"] = "21".into();
            d.step(permit());
        },
    );
}
