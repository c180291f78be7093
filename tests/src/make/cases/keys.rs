//! DID documents and the keys in them.

use super::Book;
use crate::make::{
    actors::{agent, company, p256},
    draft::{ACME, Draft, LIST, document, list, permit},
    tricks,
};
use serde_json::{Value, json};

pub(crate) fn add(book: &mut Book) {
    unresolved(book);
    unresolved_keys(book);
    stale(book);
    not_found(book);
    found(book);
    algorithms(book);
    purposes(book);
    revoked(book);
}

/// Changes Acme's document.
fn acme(change: impl Fn(&mut Value)) -> impl Fn(&mut Draft) {
    move |d| change(&mut d.documents[0]["document"])
}

fn unresolved(book: &mut Book) {
    let code = "did_unresolved";
    book.deny(
        "document-missing",
        "No document of the principal in evidence: nothing is believed without its key.",
        code,
        Some(0),
        |d| d.documents.clear(),
    );
    book.deny(
        "document-of-another-did",
        "What was fetched for Acme is the document of somebody else: a host that serves several.",
        code,
        Some(0),
        acme(|document| {
            document["id"] = "did:web:other.example".into();
        }),
    );
    book.deny("document-that-is-none", "An error page where the document should be.", code, Some(0), |d| {
        d.documents[0]["document"] = json!("<html>404</html>")
    });
    book.deny("document-with-one-key-id-relative-and-whole", "Two keys of one id: which one signs?", code, Some(0), acme(|document| {
        let again = json!({"id": "did:web:acme.example#key-1", "controller": ACME, "type": "JsonWebKey", "publicKeyJwk": agent("mallory").jwk()});
        document["verificationMethod"].as_array_mut().unwrap().push(again);
    }));
    book.deny(
        "document-of-an-agent-missing",
        "The sub-agent is a did:web, and its document is missing.",
        code,
        Some(2),
        |d| d.cast(1, &company("partner")),
    );
    book.deny(
        "document-of-the-holder-missing",
        "The holder is a did:web, and its document is missing.",
        code,
        None,
        |d| d.cast(2, &company("partner")),
    );
}

fn unresolved_keys(book: &mut Book) {
    let code = "did_unresolved";
    let other = |name: &str, why: &str, did: String, book: &mut Book| {
        book.deny(name, why, code, Some(1), |d| {
            let fragment = did.rsplit_once(':').unwrap().1.to_owned();
            d.cast(0, &agent("ada").named(&did, &format!("{did}#{fragment}")));
        })
    };
    let point = [&[2], actor_x().as_slice()].concat();
    other(
        "did-key-of-secp256k1",
        "A did:key of a curve that is not supported.",
        tricks::did_key([0xe7, 0x01], &point),
        book,
    );
    other(
        "did-key-of-x25519",
        "A key for encryption signs nothing.",
        tricks::did_key([0xec, 0x01], &actor_x()),
        book,
    );
    book.deny(
        "did-key-of-small-order",
        "The point of order one as a key: one signature verifies every message under it where nobody looks.",
        code,
        Some(1),
        |d| {
            let did = tricks::did_key([0xed, 0x01], &tricks::IDENTITY);
            let fragment = did.rsplit_once(':').unwrap().1.to_owned();
            d.cast(0, &agent("ada").named(&did, &format!("{did}#{fragment}")));
            d.links[1].sign(|_| tricks::ed25519_universal());
        },
    );
    other(
        "did-key-off-the-curve",
        "Bytes that are no point of P-256.",
        tricks::did_key([0x80, 0x24], &[[2].as_slice(), &[0xff; 32]].concat()),
        book,
    );
    other(
        "did-key-too-short",
        "31 bytes of an Ed25519 key.",
        tricks::did_key([0xed, 0x01], &actor_x()[..31]),
        book,
    );
    let hex = agent("ada").key_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    other(
        "did-key-in-another-base",
        "The same key in hexadecimal: one key, two DIDs, two budgets.",
        format!("did:key:fed01{hex}"),
        book,
    );
    other(
        "did-of-another-method",
        "A DID method that nothing here resolves.",
        "did:example:ada".to_owned(),
        book,
    );
}

fn actor_x() -> Vec<u8> {
    agent("ada").key_bytes()
}

fn stale(book: &mut Book) {
    let code = "did_stale";
    let fetched = |text: &'static str| move |d: &mut Draft| d.documents[0]["fetchedAt"] = text.into();
    book.deny(
        "document-fetched-yesterday",
        "A document of yesterday: a key that was taken out since would still count.",
        code,
        Some(0),
        fetched("2026-11-20T12:00:00Z"),
    );
    book.deny(
        "document-fetched-a-second-too-long-ago",
        "3,601 seconds.",
        code,
        Some(0),
        fetched("2026-11-21T10:59:59Z"),
    );
    book.permit("document-fetched-just-recently-enough", "3,600 seconds.", fetched("2026-11-21T11:00:00Z"));
    book.deny(
        "document-fetched-in-the-future",
        "A document from beyond the skew: it would count as fresh for as long as somebody likes.",
        code,
        Some(0),
        fetched("2026-11-21T12:01:01Z"),
    );
    book.permit(
        "document-fetched-by-a-clock-ahead",
        "As far ahead as clocks may differ.",
        fetched("2026-11-21T12:01:00Z"),
    );
    book.deny(
        "document-older-than-the-verifier-wants",
        "Half an hour where the verifier accepts ten minutes.",
        code,
        Some(0),
        |d| d.trust["maxDocumentAge"] = 600.into(),
    );
}

fn not_found(book: &mut Book) {
    let code = "key_not_found";
    book.deny(
        "kid-that-the-document-does-not-know",
        "A key id that the issuer's document does not have.",
        code,
        Some(0),
        |d| d.links[0].header["kid"] = "did:web:acme.example#key-9".into(),
    );
    book.deny(
        "key-rotated-out-of-the-document",
        "The key that signed was taken out of the document: what it signed is over.",
        code,
        Some(0),
        |d| {
            let next = agent("acme's next key").named(ACME, "did:web:acme.example#key-2");
            d.documents[0] = document(&next);
        },
    );
    book.deny(
        "key-of-another-controller",
        "A key in the issuer's document that somebody else controls answers for that somebody.",
        code,
        Some(0),
        acme(|document| {
            document["verificationMethod"][0]["controller"] = "did:web:other.example".into();
        }),
    );
    book.deny(
        "kid-of-a-did-key-with-another-fragment",
        "The fragment of a did:key repeats the key; any other names nothing.",
        code,
        Some(1),
        |d| {
            let did = agent("ada").did.clone();
            d.links[1].header["kid"] = format!("{did}#key-1").into();
        },
    );
    book.deny("kid-of-the-holder-with-another-fragment", "The same in the presentation.", code, None, |d| {
        let did = agent("carol").did.clone();
        d.presentation.header["kid"] = format!("{did}#keys-1").into();
    });
    book.permit(
        "document-with-relative-key-ids",
        "A relative DID URL is resolved against the document's id (DID Core section 3.2.2).",
        acme(|document| document["verificationMethod"][0]["id"] = "#key-1".into()),
    );
    book.permit(
        "document-with-relative-references",
        "The same where a relationship names the key.",
        acme(|document| {
            document["assertionMethod"] = json!(["#key-1"]);
            document["authentication"] = json!(["#key-1"]);
        }),
    );
    book.deny(
        "document-with-one-key-id-twice",
        "Relative once and whole once it is one id, and two keys.",
        "did_unresolved",
        Some(0),
        acme(|document| {
            let mut other = document["verificationMethod"][0].clone();
            other["id"] = "#key-1".into();
            other["publicKeyJwk"] = agent("mallory").jwk();
            document["verificationMethod"].as_array_mut().unwrap().push(other);
        }),
    );
    book.deny(
        "kid-that-is-relative",
        "A header is no part of the document: there a relative reference names nobody's key.",
        "issuer_mismatch",
        Some(0),
        |d| d.links[0].header["kid"] = "#key-1".into(),
    );
    book.permit(
        "names-with-escapes-in-small-letters",
        "`%3a` and `%3A` are one DID (RFC 3986 section 6.2.2.1), whoever writes which.",
        |d| {
            let (small, capitals) = ("did:web:acme.example%3a8443", "did:web:acme.example%3A8443");
            let acme = company("acme").named(small, &format!("{small}#key-1"));
            d.documents = vec![document(&acme)];
            d.documents[0]["did"] = capitals.into();
            d.documents[0]["document"]["assertionMethod"] = json!([format!("{capitals}#key-1")]);
            d.root(&acme);
            d.claims(0)["iss"] = small.into();
            d.delegation(2)["principal"] = capitals.into();
            d.trust["roots"][0]["did"] = capitals.into();
            d.trust["statusIssuers"] = json!([small]);
            d.lists[0] = list(LIST, &acme, "revocation");
        },
    );
}

fn found(book: &mut Book) {
    let multikey = agent("acme").did.strip_prefix("did:key:").unwrap().to_owned();
    let method = |kind: &str, member: &str, value: Value| {
        let mut method = json!({"id": "did:web:acme.example#key-1", "controller": ACME, "type": kind});
        method[member] = value;
        move |d: &mut Draft| d.documents[0]["document"]["verificationMethod"] = json!([method])
    };
    book.permit(
        "key-as-a-multikey",
        "The issuer's key as a Multikey.",
        method("Multikey", "publicKeyMultibase", multikey.clone().into()),
    );
    book.permit(
        "key-of-a-2020-type",
        "The issuer's key under the type of 2020, as it stands in many documents.",
        method("Ed25519VerificationKey2020", "publicKeyMultibase", multikey.into()),
    );
    book.permit(
        "key-embedded-in-assertion-method",
        "A key that stands in `assertionMethod` itself.",
        acme(|document| {
            let method = document["verificationMethod"][0].take();
            document["verificationMethod"] = json!([]);
            document["assertionMethod"] = json!([method]);
            document["authentication"] = json!([]);
        }),
    );
    book.permit("key-beside-others", "A document with keys of kinds that nothing here knows: they are for others.", acme(|document| {
        let methods = document["verificationMethod"].as_array_mut().unwrap();
        methods.insert(0, json!({"id": "did:web:acme.example#bbs", "controller": ACME, "type": "Bls12381G2Key2020", "publicKeyBase58": "1"}));
    }));
    book.story(
        "key-rotated-in",
        "Two keys are in the document during a rotation: what either signed holds.",
        |d| {
            let next = agent("acme's next key").named(ACME, "did:web:acme.example#key-2");
            let method = document(&next)["document"]["verificationMethod"][0].clone();
            d.documents[0]["document"]["verificationMethod"].as_array_mut().unwrap().push(method);
            d.documents[0]["document"]["assertionMethod"] =
                json!(["did:web:acme.example#key-1", "did:web:acme.example#key-2"]);
            d.step(permit());
            d.links[0].signed_by(&next);
            d.at("12:00:00", "n-2");
            d.step(permit());
        },
    );
}

fn algorithms(book: &mut Book) {
    let code = "algorithm_key_mismatch";
    book.deny(
        "es256-with-an-ed25519-key",
        "`ES256` over a signature of an Ed25519 did:key.",
        code,
        Some(1),
        |d| d.links[1].header["alg"] = "ES256".into(),
    );
    book.deny("eddsa-with-a-p256-key", "`EdDSA` over a signature of a P-256 did:key.", code, Some(1), |d| {
        d.cast(0, &p256("paula"));
        d.links[1].header["alg"] = "EdDSA".into();
    });
    book.deny(
        "es256-with-an-ed25519-key-in-the-presentation",
        "The same in the presentation.",
        code,
        None,
        |d| d.presentation.header["alg"] = "ES256".into(),
    );
    book.deny(
        "es256-with-an-ed25519-key-of-a-document",
        "The same with a key of a document.",
        code,
        Some(0),
        |d| d.links[0].header["alg"] = "ES256".into(),
    );
    book.deny(
        "key-of-a-kind-that-is-not-supported",
        "The key id names an RSA key.",
        code,
        Some(0),
        acme(|document| {
            document["verificationMethod"][0]["publicKeyJwk"] =
                json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"});
        }),
    );
    book.deny(
        "key-with-its-private-part",
        "The document publishes the private key: everybody has it, and it signs nothing any more.",
        code,
        Some(0),
        acme(|document| {
            document["verificationMethod"][0]["publicKeyJwk"]["d"] = "AAAA".into();
        }),
    );
    book.deny(
        "key-of-small-order-in-a-document",
        "The point of order one in a document.",
        code,
        Some(0),
        |d| {
            d.documents[0]["document"]["verificationMethod"][0]["publicKeyJwk"]["x"] =
                legation_keys::base64url::encode(&tricks::IDENTITY).into();
            d.links[0].sign(|_| tricks::ed25519_universal());
        },
    );
}

fn purposes(book: &mut Book) {
    let code = "key_purpose_mismatch";
    book.deny(
        "key-for-authentication-only",
        "A key that logs in does not delegate: it often lies on a machine that anybody may use.",
        code,
        Some(0),
        acme(|document| document["assertionMethod"] = json!([])),
    );
    book.deny(
        "key-for-no-purpose",
        "A key that stands under no relationship.",
        code,
        Some(0),
        acme(|document| {
            document["assertionMethod"] = json!([]);
            document["authentication"] = json!([]);
        }),
    );
    let partner = |relation: &'static str| {
        move |d: &mut Draft| {
            let partner = company("partner");
            let mut evidence = document(&partner);
            evidence["document"][relation] = json!([]);
            d.documents.push(evidence);
            d.cast(2, &partner);
        }
    };
    book.deny(
        "key-of-the-holder-for-assertion-only",
        "A key that delegates does not present.",
        code,
        None,
        partner("authentication"),
    );
    book.permit(
        "key-of-the-holder-for-authentication-only",
        "A holder needs a key for `authentication` and no other.",
        partner("assertionMethod"),
    );
}

fn revoked(book: &mut Book) {
    let code = "key_revoked";
    let ends = |member: &'static str, moment: &'static str| {
        acme(move |document| document["verificationMethod"][0][member] = moment.into())
    };
    book.deny(
        "key-revoked-in-the-document",
        "The key was revoked half an hour ago.",
        code,
        Some(0),
        ends("revoked", "2026-11-21T11:30:00Z"),
    );
    book.deny(
        "key-expired-in-the-document",
        "The key has expired.",
        code,
        Some(0),
        ends("expires", "2026-11-20T00:00:00Z"),
    );
    book.deny(
        "key-revoked-at-this-moment",
        "Revoked from now on.",
        code,
        Some(0),
        ends("revoked", "2026-11-21T12:00:00Z"),
    );
    book.permit(
        "key-that-expires-tomorrow",
        "A key that has not expired yet.",
        ends("expires", "2026-11-22T00:00:00Z"),
    );
}
