//! Status lists: revocation, suspension, and lists that may not say so.

use super::Book;
use crate::make::{
    actors::{agent, company, p256},
    draft::{Draft, LIST, List, deny, document, list, permit, seconds},
    sealed::Sealed,
    tricks,
};
use serde_json::{Value, json};

const SUSPENSIONS: &str = "https://acme.example/status/2";

pub(crate) fn add(book: &mut Book) {
    revoked(book);
    suspended(book);
    missing(book);
    unavailable(book);
    of_another(book);
    signed_wrongly(book);
    not_a_list(book);
    sizes(book);
    stale(book);
    fresh(book);
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
    book.deny("suspended-middle", "A link that is suspended for now.", "link_suspended", Some(1), suspension(vec![8]));
    book.permit("suspended-others", "Another entry of the list is suspended.", suspension(vec![9]));
    book.deny("suspended-and-revoked", "Both: revocation is looked up first, however the entries stand.", "link_revoked", Some(1), |d| {
        suspension(vec![8])(d);
        d.lists[0].set = vec![8];
    });
}

/// Takes a link's status away.
fn bare(d: &mut Draft, index: usize) {
    d.claims(index).as_object_mut().unwrap().remove("credentialStatus");
}

fn missing(book: &mut Book) {
    book.deny("status-missing-in-the-root", "A link that nobody can revoke, for a week.", "status_missing", Some(0), |d| bare(d, 0));
    book.deny("status-missing-in-the-leaf", "The leaf leaves its status away.", "status_missing", Some(2), |d| bare(d, 2));
    book.permit("status-missing-in-a-link-that-is-short-enough", "The leaf lives 23 hours, and the verifier accepts a day without status.", |d| {
        d.trust["maxUnrevocable"] = 86_400.into();
        bare(d, 2);
    });
    book.deny("status-missing-in-a-link-that-lives-too-long", "A link of a week where the verifier accepts a day without status.", "status_missing", Some(0), |d| {
        d.trust["maxUnrevocable"] = 86_400.into();
        bare(d, 0);
    });
    book.permit("status-missing-in-a-link-of-just-the-longest-life", "23 hours, to the second.", |d| {
        d.trust["maxUnrevocable"] = 82_800.into();
        bare(d, 2);
    });
    book.deny("status-missing-in-a-link-a-second-too-long", "23 hours, less a second.", "status_missing", Some(2), |d| {
        d.trust["maxUnrevocable"] = 82_799.into();
        bare(d, 2);
    });
    book.permit("status-missing-in-a-link-that-a-claim-shortens", "`exp` makes the root short enough to do without status.", |d| {
        d.trust["maxUnrevocable"] = 86_400.into();
        bare(d, 0);
        for index in 0..3 {
            d.claims(index)["exp"] = seconds("2026-11-21T13:00:00Z").into();
        }
    });
}

fn unavailable(book: &mut Book) {
    book.deny("status-list-unavailable", "No list in evidence: a status that can't be had denies, or blocking the list would undo every revocation.", "status_unavailable", Some(0), |d| d.lists.clear());
    book.deny("status-list-of-the-leaf-unavailable", "The leaf's status stands in a list that is not there.", "status_unavailable", Some(2), |d| {
        d.claims(2)["credentialStatus"]["statusListCredential"] = "https://bob.example/status/1".into();
    });
}

fn change(change: impl Fn(&mut List)) -> impl Fn(&mut Draft) {
    move |d| change(&mut d.lists[0])
}

fn claim(member: &'static str, value: Value) -> impl Fn(&mut Draft) {
    change(move |list| list.sealed.claims[member] = value.clone())
}

fn of_another(book: &mut Book) {
    let code = "status_invalid";
    book.deny("status-list-of-another-issuer", "A list that is correctly signed, by somebody who may not say anything about this link.", code, Some(0), |d| d.lists[0] = list(LIST, &agent("mallory"), "revocation"));
    book.deny("status-list-of-an-issuer-that-trust-does-not-name", "Acme's list answers for Acme's link, and for its agents' only where trust says so.", code, Some(1), |d| d.trust["statusIssuers"] = json!([]));
    book.permit("status-list-of-the-links-own-issuer", "Each link has a list of its own issuer; trust names nobody.", |d| {
        d.trust["statusIssuers"] = json!([]);
        for (index, issuer, url) in [(1, "ada", "https://agents.example/status/ada"), (2, "bob", "https://agents.example/status/bob")] {
            d.claims(index)["credentialStatus"]["statusListCredential"] = url.into();
            d.lists.push(list(url, &agent(issuer), "revocation"));
        }
    });
    book.permit("status-list-of-an-issuer-that-trust-names", "A status service that the verifier trusts signs for all.", |d| {
        let service = company("status");
        d.documents.push(document(&service));
        d.trust["statusIssuers"] = json!([service.did]);
        d.lists[0] = list(LIST, &service, "revocation");
    });
    book.deny("status-list-with-another-id", "The list of another address, served at this one.", code, Some(0), claim("id", "https://acme.example/status/9".into()));
    book.deny("status-list-of-another-purpose", "A list of suspensions does not say what is revoked.", code, Some(0), change(|list| list.sealed.claims["credentialSubject"]["statusPurpose"] = "suspension".into()));
    book.permit("status-list-of-two-purposes", "A list may serve several purposes (Bitstring Status List section 2.2).", change(|list| {
        list.sealed.claims["credentialSubject"]["statusPurpose"] = json!(["suspension", "revocation", "refresh"]);
    }));
    book.deny("status-index-out-of-range", "An index behind the end of the list is no unset bit.", code, Some(1), |d| d.claims(1)["credentialStatus"]["statusListIndex"] = "131072".into());
    book.deny("status-index-far-out-of-range", "An index of 2^53.", code, Some(1), |d| d.claims(1)["credentialStatus"]["statusListIndex"] = "9007199254740992".into());
}

fn signed_wrongly(book: &mut Book) {
    let code = "status_invalid";
    book.deny("status-list-signed-by-another-key", "A list in Acme's name, signed by an intruder: whoever can serve it could undo a revocation.", code, Some(0), change(|list| list.sealed.signer = agent("mallory")));
    book.deny("status-list-with-the-kid-of-another", "A list in Acme's name, with the key id of its true signer.", code, Some(0), change(|list| list.sealed.signed_by(&agent("mallory"))));
    book.deny("status-list-with-a-key-that-was-rotated-out", "A key id that Acme's document does not have.", code, Some(0), change(|list| list.sealed.header["kid"] = "did:web:acme.example#key-0".into()));
    book.deny("status-list-signed-by-a-key-for-authentication-only", "The signer of the list has no key that asserts.", code, Some(0), |d| {
        let service = company("status");
        let mut evidence = document(&service);
        evidence["document"]["assertionMethod"] = json!([]);
        d.documents.push(evidence);
        d.trust["statusIssuers"] = json!([service.did]);
        d.lists[0] = list(LIST, &service, "revocation");
    });
    book.deny("status-list-whose-issuers-document-is-missing", "The status service that trust names has no document in evidence.", code, Some(0), |d| {
        let service = company("status");
        d.trust["statusIssuers"] = json!([service.did]);
        d.lists[0] = list(LIST, &service, "revocation");
    });
    book.deny("status-list-changed-after-signing", "A bit cleared in a list that was signed with it set.", code, Some(0), |d| {
        let clear = legation_credential::status::StatusList::new(0).encode();
        d.lists[0].set = vec![8];
        d.lists[0].sealed.claims_after(move |claims| claims["credentialSubject"]["encodedList"] = clear.clone().into());
    });
    book.deny("status-list-with-iss-of-another", "`iss` and `issuer` of the list differ.", code, Some(0), claim("iss", "did:web:other.example".into()));
    book.deny("status-list-with-algorithm-none", "A list without signature.", code, Some(0), change(|list| {
        list.sealed.header["alg"] = "none".into();
        list.sealed.part(2, |_| String::new());
    }));
    book.permit("status-list-signed-with-es256", "A status service with a P-256 key.", |d| {
        let service = p256("pascal");
        d.trust["statusIssuers"] = json!([service.did]);
        d.lists[0] = list(LIST, &service, "revocation");
    });
}

fn not_a_list(book: &mut Book) {
    let code = "status_invalid";
    let sealed = |change: fn(&mut Sealed)| self::change(move |list| change(&mut list.sealed));
    book.deny("status-list-of-another-type", "Another credential of the same issuer.", code, Some(0), claim("type", json!(["VerifiableCredential"])));
    book.deny("status-list-of-another-context", "A context more.", code, Some(0), claim("@context", json!(["https://www.w3.org/ns/credentials/v2", "https://evil.example/v1"])));
    book.deny("status-list-of-another-typ", "`statuslist+jwt` is a Token Status List.", code, Some(0), sealed(|sealed| sealed.header["typ"] = "statuslist+jwt".into()));
    book.deny("status-list-with-a-key-in-its-header", "A list that brings its own key.", code, Some(0), sealed(|sealed| sealed.header["jwk"] = agent("mallory").jwk()));
    book.deny("status-list-with-a-member-twice", "Two subjects: one with the bit set, one without.", code, Some(0), sealed(|sealed| {
        sealed.payload(|text| text.replacen('{', r#"{"credentialSubject":{},"#, 1));
    }));
    book.deny("status-list-that-is-an-error-page", "What was fetched is no list.", code, Some(0), sealed(|sealed| sealed.after(|_| "<html>404</html>".to_owned())));
    book.deny("status-list-without-a-beginning", "A list that does not say when it was made may be of any age.", code, Some(0), sealed(|sealed| drop(sealed.claims.as_object_mut().unwrap().remove("validFrom"))));
}

fn sizes(book: &mut Book) {
    let code = "status_invalid";
    let encoded = |text: String| change(move |list| list.sealed.claims["credentialSubject"]["encodedList"] = text.clone().into());
    book.deny("status-list-that-inflates-beyond-the-limit", "16 KB that unpack to 16 MB: unpacking stops at the limit of two.", code, Some(0), encoded(tricks::gzip_of_zeros(16 << 20)));
    book.deny("status-list-a-byte-above-the-limit", "One byte more than the limit unpacks to.", code, Some(0), encoded(tricks::gzip_of_zeros((2 << 20) + 1)));
    book.permit("status-list-of-just-the-largest-size", "16,777,216 entries, which is the limit.", encoded(tricks::gzip_of_zeros(2 << 20)));
    book.deny("status-list-too-small", "A list of 800 entries says who it is about.", code, Some(0), encoded(tricks::gzip_of_zeros(100)));
    book.deny("status-list-larger-than-the-verifier-wants", "131,080 entries where the verifier reads 131,072.", code, Some(0), |d| {
        d.trust["limits"] = json!({"statusEntries": 131_072});
        encoded(tricks::gzip_of_zeros(16_385))(d);
    });
    let whole = tricks::gzip_of_zeros(16_384);
    book.deny("status-list-in-another-base", "Multibase `z` in front of base64url.", code, Some(0), encoded(whole.replacen('u', "z", 1)));
    book.deny("status-list-without-base", "base64url without its multibase prefix.", code, Some(0), encoded(whole[1..].to_owned()));
    book.deny("status-list-cut-off", "A GZIP without its end, whose checksum nobody can check.", code, Some(0), encoded(whole[..whole.len() - 12].to_owned()));
    book.permit("status-list-of-the-smallest-size", "131,072 entries.", encoded(whole));
}

fn stale(book: &mut Book) {
    let code = "status_stale";
    book.deny("status-list-fetched-too-long-ago", "A list that was fetched 3,601 seconds ago, though it says that it is valid.", code, Some(0), change(|list| {
        list.fetched_at = "2026-11-21T10:59:59Z".to_owned();
    }));
    book.deny("status-list-made-too-long-ago", "A list made 3,601 seconds ago and fetched just now: age counts from its own date as well, or an old one could be served for ever.", code, Some(0), claim("validFrom", "2026-11-21T10:59:59Z".into()));
    book.deny("status-list-made-in-the-future", "A list dated beyond the skew would stay fresh for as long as its issuer likes.", code, Some(0), claim("validFrom", "2026-11-21T12:01:01Z".into()));
    book.deny("status-list-fetched-in-the-future", "A fetch beyond the skew.", code, Some(0), change(|list| list.fetched_at = "2026-11-21T12:01:01Z".to_owned()));
    book.deny("status-list-expired", "`validUntil` of the list has passed.", code, Some(0), claim("validUntil", "2026-11-21T11:55:00Z".into()));
    book.deny("status-list-expired-by-its-claim", "`exp` of the list has passed.", code, Some(0), claim("exp", seconds("2026-11-21T11:55:00Z").into()));
    book.deny("status-list-older-than-one-already-seen", "A list of 11:45 is served again after one of 11:50 was seen: whoever serves it undoes what was revoked between.", code, Some(0), change(|list| {
        list.newest_seen = Some("2026-11-21T11:50:00Z".to_owned());
    }));
    book.deny("status-list-older-than-the-verifier-wants", "15 minutes where the verifier accepts ten.", code, Some(0), |d| d.trust["maxStatusAge"] = 600.into());
}

fn fresh(book: &mut Book) {
    book.permit("status-list-as-old-as-may-be", "Made and fetched 3,600 seconds ago.", change(|list| {
        list.fetched_at = "2026-11-21T11:00:00Z".to_owned();
        list.sealed.claims["validFrom"] = "2026-11-21T11:00:00Z".into();
    }));
    book.permit("status-list-already-seen", "The very list that was seen before.", change(|list| list.newest_seen = Some("2026-11-21T11:45:00Z".to_owned())));
    book.permit("status-list-newer-than-one-already-seen", "A list made after the one that was seen before.", change(|list| list.newest_seen = Some("2026-11-21T11:40:00Z".to_owned())));
    book.permit("status-list-in-its-last-second", "One second before `validUntil` plus the skew.", claim("validUntil", "2026-11-21T11:59:01Z".into()));
    book.deny("status-list-just-expired", "Exactly at `validUntil` plus the skew.", "status_stale", Some(0), claim("validUntil", "2026-11-21T11:59:00Z".into()));
}

fn order(book: &mut Book) {
    book.deny("forged-link-of-a-revoked-chain", "Signatures come before status: who is not authentic learns nothing of what is revoked.", "signature_invalid", Some(2), |d| {
        d.lists[0].set = vec![7];
        d.links[2].signer = agent("mallory");
    });
    book.story("nonce-not-burnt-by-a-revoked-chain", "A denial uses nothing up: the agent presents a chain that is not revoked, at the same nonce.", |d| {
        d.lists[0].set = vec![20];
        d.claims(2)["credentialStatus"]["statusListIndex"] = "20".into();
        d.step(deny("link_revoked", Some(2)));
        d.claims(2)["credentialStatus"]["statusListIndex"] = "21".into();
        d.step(permit());
    });
}
