//! Status lists that may not say anything: forged, unreadable, too old.

use super::Book;
use crate::make::{
    actors::{agent, company, p256},
    draft::{Draft, LIST, List, document, list, seconds},
    sealed::Sealed,
    tricks,
};
use serde_json::{Value, json};

pub(crate) fn add(book: &mut Book) {
    signed_wrongly(book);
    changed(book);
    not_a_list(book);
    sizes(book);
    encodings(book);
    stale(book);
    fresh(book);
}

fn change(change: impl Fn(&mut List)) -> impl Fn(&mut Draft) {
    move |d| change(&mut d.lists[0])
}

fn claim(member: &'static str, value: Value) -> impl Fn(&mut Draft) {
    change(move |list| list.sealed.claims[member] = value.clone())
}

fn signed_wrongly(book: &mut Book) {
    let code = "status_invalid";
    book.deny(
        "status-list-signed-by-another-key",
        "A list in Acme's name, signed by an intruder: whoever can serve it could undo a revocation.",
        code,
        Some(0),
        change(|list| list.sealed.signer = agent("mallory")),
    );
    book.deny(
        "status-list-with-the-kid-of-another",
        "A list in Acme's name, with the key id of its true signer.",
        code,
        Some(0),
        change(|list| list.sealed.signed_by(&agent("mallory"))),
    );
    book.deny(
        "status-list-with-a-key-that-was-rotated-out",
        "A key id that Acme's document does not have.",
        code,
        Some(0),
        change(|list| list.sealed.header["kid"] = "did:web:acme.example#key-0".into()),
    );
    book.deny(
        "status-list-signed-by-a-key-for-authentication-only",
        "The signer of the list has no key that asserts.",
        code,
        Some(0),
        |d| {
            let service = company("status");
            let mut evidence = document(&service);
            evidence["document"]["assertionMethod"] = json!([]);
            d.documents.push(evidence);
            d.trust["statusIssuers"] = json!([service.did]);
            d.lists[0] = list(LIST, &service, "revocation");
        },
    );
    book.deny(
        "status-list-whose-issuers-document-is-missing",
        "The status service that trust names has no document in evidence.",
        code,
        Some(0),
        |d| {
            let service = company("status");
            d.trust["statusIssuers"] = json!([service.did]);
            d.lists[0] = list(LIST, &service, "revocation");
        },
    );
}

fn changed(book: &mut Book) {
    let code = "status_invalid";
    book.deny(
        "status-list-changed-after-signing",
        "A bit cleared in a list that was signed with it set.",
        code,
        Some(0),
        |d| {
            let clear = legation_credential::status::StatusList::new(0).encode();
            d.lists[0].set = vec![8];
            d.lists[0].sealed.claims_after(move |claims| {
                claims["credentialSubject"]["encodedList"] = clear.clone().into()
            });
        },
    );
    book.deny(
        "status-list-with-iss-of-another",
        "`iss` and `issuer` of the list differ.",
        code,
        Some(0),
        claim("iss", "did:web:other.example".into()),
    );
    book.deny(
        "status-list-with-algorithm-none",
        "A list without signature.",
        code,
        Some(0),
        change(|list| {
            list.sealed.header["alg"] = "none".into();
            list.sealed.part(2, |_| String::new());
        }),
    );
    book.permit("status-list-signed-with-es256", "A status service with a P-256 key.", |d| {
        let service = p256("pascal");
        d.trust["statusIssuers"] = json!([service.did]);
        d.lists[0] = list(LIST, &service, "revocation");
    });
}

fn not_a_list(book: &mut Book) {
    let code = "status_invalid";
    let sealed = |change: fn(&mut Sealed)| self::change(move |list| change(&mut list.sealed));
    book.deny(
        "status-list-of-another-type",
        "Another credential of the same issuer.",
        code,
        Some(0),
        claim("type", json!(["VerifiableCredential"])),
    );
    book.deny(
        "status-list-of-another-context",
        "A context more.",
        code,
        Some(0),
        claim("@context", json!(["https://www.w3.org/ns/credentials/v2", "https://evil.example/v1"])),
    );
    book.deny(
        "status-list-of-another-typ",
        "`statuslist+jwt` is a Token Status List.",
        code,
        Some(0),
        sealed(|sealed| sealed.header["typ"] = "statuslist+jwt".into()),
    );
    book.deny(
        "status-list-with-a-key-in-its-header",
        "A list that brings its own key.",
        code,
        Some(0),
        sealed(|sealed| sealed.header["jwk"] = agent("mallory").jwk()),
    );
    book.deny(
        "status-list-with-a-member-twice",
        "Two subjects: one with the bit set, one without.",
        code,
        Some(0),
        sealed(|sealed| {
            sealed.payload(|text| text.replacen('{', r#"{"credentialSubject":{},"#, 1));
        }),
    );
    book.deny(
        "status-list-that-is-an-error-page",
        "What was fetched is no list.",
        code,
        Some(0),
        sealed(|sealed| sealed.after(|_| "<html>404</html>".to_owned())),
    );
    book.deny(
        "status-list-without-a-beginning",
        "A list that does not say when it was made may be of any age.",
        code,
        Some(0),
        sealed(|sealed| drop(sealed.claims.as_object_mut().unwrap().remove("validFrom"))),
    );
}

fn sizes(book: &mut Book) {
    let code = "status_invalid";
    let encoded = |text: String| {
        change(move |list| list.sealed.claims["credentialSubject"]["encodedList"] = text.clone().into())
    };
    book.deny(
        "status-list-that-inflates-beyond-the-limit",
        "16 KB that unpack to 16 MB: unpacking stops at the limit of two.",
        code,
        Some(0),
        encoded(tricks::gzip_of_zeros(16 << 20)),
    );
    book.deny(
        "status-list-a-byte-above-the-limit",
        "One byte more than the limit unpacks to.",
        code,
        Some(0),
        encoded(tricks::gzip_of_zeros((2 << 20) + 1)),
    );
    book.permit(
        "status-list-of-just-the-largest-size",
        "16,777,216 entries, which is the limit.",
        encoded(tricks::gzip_of_zeros(2 << 20)),
    );
    book.deny(
        "status-list-too-small",
        "A list of 800 entries says who it is about.",
        code,
        Some(0),
        encoded(tricks::gzip_of_zeros(100)),
    );
    book.deny(
        "status-list-larger-than-the-verifier-wants",
        "131,080 entries where the verifier reads 131,072.",
        code,
        Some(0),
        |d| {
            d.trust["limits"] = json!({"statusEntries": 131_072});
            encoded(tricks::gzip_of_zeros(16_385))(d);
        },
    );
}

fn encodings(book: &mut Book) {
    let code = "status_invalid";
    let encoded = |text: String| {
        change(move |list| list.sealed.claims["credentialSubject"]["encodedList"] = text.clone().into())
    };
    let whole = tricks::gzip_of_zeros(16_384);
    book.deny(
        "status-list-in-another-base",
        "Multibase `z` in front of base64url.",
        code,
        Some(0),
        encoded(whole.replacen('u', "z", 1)),
    );
    book.deny(
        "status-list-without-base",
        "base64url without its multibase prefix.",
        code,
        Some(0),
        encoded(whole[1..].to_owned()),
    );
    book.deny(
        "status-list-cut-off",
        "A GZIP without its end, whose checksum nobody can check.",
        code,
        Some(0),
        encoded(tricks::gzip_cut_off(16_384)),
    );
    book.permit(
        "status-list-in-two-members",
        "A GZIP of two members is one stream (RFC 1952 section 2.2).",
        encoded(tricks::gzip_of_members(&[8_192, 0, 8_192])),
    );
    book.deny(
        "status-list-in-members-above-the-limit",
        "Two members, each within the limit, and both together above it.",
        code,
        Some(0),
        encoded(tricks::gzip_of_members(&[2 << 20, 2 << 20])),
    );
    book.permit("status-list-of-the-smallest-size", "131,072 entries.", encoded(whole));
}

fn stale(book: &mut Book) {
    let code = "status_stale";
    book.deny(
        "status-list-fetched-too-long-ago",
        "A list that was fetched 3,601 seconds ago, though it says that it is valid.",
        code,
        Some(0),
        change(|list| {
            list.fetched_at = "2026-11-21T10:59:59Z".to_owned();
        }),
    );
    book.deny("status-list-made-too-long-ago", "A list made 3,601 seconds ago and fetched just now: age counts from its own date as well, or an old one could be served for ever.", code, Some(0), claim("validFrom", "2026-11-21T10:59:59Z".into()));
    book.deny(
        "status-list-made-in-the-future",
        "A list dated beyond the skew would stay fresh for as long as its issuer likes.",
        code,
        Some(0),
        claim("validFrom", "2026-11-21T12:01:01Z".into()),
    );
    book.deny(
        "status-list-fetched-in-the-future",
        "A fetch beyond the skew.",
        code,
        Some(0),
        change(|list| list.fetched_at = "2026-11-21T12:01:01Z".to_owned()),
    );
    book.deny(
        "status-list-expired",
        "`validUntil` of the list has passed.",
        code,
        Some(0),
        claim("validUntil", "2026-11-21T11:55:00Z".into()),
    );
    book.deny(
        "status-list-expired-by-its-claim",
        "`exp` of the list has passed.",
        code,
        Some(0),
        claim("exp", seconds("2026-11-21T11:55:00Z").into()),
    );
    book.deny("status-list-older-than-one-already-seen", "A list of 11:45 is served again after one of 11:50 was seen: whoever serves it undoes what was revoked between.", code, Some(0), change(|list| {
        list.newest_seen = Some("2026-11-21T11:50:00Z".to_owned());
    }));
    book.deny(
        "status-list-older-than-the-verifier-wants",
        "15 minutes where the verifier accepts ten.",
        code,
        Some(0),
        |d| d.trust["maxStatusAge"] = 600.into(),
    );
}

fn fresh(book: &mut Book) {
    book.permit(
        "status-list-as-old-as-may-be",
        "Made and fetched 3,600 seconds ago.",
        change(|list| {
            list.fetched_at = "2026-11-21T11:00:00Z".to_owned();
            list.sealed.claims["validFrom"] = "2026-11-21T11:00:00Z".into();
        }),
    );
    book.permit(
        "status-list-already-seen",
        "The very list that was seen before.",
        change(|list| list.newest_seen = Some("2026-11-21T11:45:00Z".to_owned())),
    );
    book.permit(
        "status-list-newer-than-one-already-seen",
        "A list made after the one that was seen before.",
        change(|list| list.newest_seen = Some("2026-11-21T11:40:00Z".to_owned())),
    );
    book.permit(
        "status-list-in-its-last-second",
        "One second before `validUntil` plus the skew.",
        claim("validUntil", "2026-11-21T11:59:01Z".into()),
    );
    book.deny(
        "status-list-just-expired",
        "Exactly at `validUntil` plus the skew.",
        "status_stale",
        Some(0),
        claim("validUntil", "2026-11-21T11:59:00Z".into()),
    );
}
