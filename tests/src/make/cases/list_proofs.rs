//! Status lists that are documents with proofs, as other issuers publish them.

use super::{Book, proof_sets::further};
use crate::make::{
    actors::{agent, company},
    draft::{Draft, List},
};
use legation_credential::status::{MIN_ENTRIES, StatusList};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub(crate) fn add(book: &mut Book) {
    fitting(book);
    bent(book);
    sets(book);
}

fn change(change: impl Fn(&mut List)) -> impl Fn(&mut Draft) {
    move |d| change(&mut d.lists[0])
}

/// The list with a proof that says this, too.
fn proof(members: Value) -> impl Fn(&mut Draft) {
    change(move |list| list.sealed.by_proof(members.clone()))
}

/// The list with a proof, changed after it was signed.
fn after(bend: impl Fn(&mut Value) + Clone + 'static) -> impl Fn(&mut Draft) {
    change(move |list| list.sealed.document_after(bend.clone()))
}

fn fitting(book: &mut Book) {
    book.permit(
        "status-list-with-a-proof",
        "The list is a document with a proof, the links are JWTs.",
        proof(json!({})),
    );
    book.permit(
        "status-list-with-a-proof-that-expires",
        "The proof says until when it counts, and that is later.",
        proof(json!({"created": "2026-11-21T11:45:00Z", "expires": "2026-11-21T12:45:00Z"})),
    );
    book.permit(
        "status-list-with-two-proofs",
        "Both are the issuer's, and both fit.",
        after(|document| further(document, &company("acme"), &json!({"nonce": "2"}))),
    );
    book.deny(
        "revoked-by-a-list-with-a-proof",
        "A bit of such a list says what it says in any other.",
        "link_revoked",
        Some(1),
        change(|list| {
            list.sealed.by_proof(json!({}));
            list.set = vec![8];
        }),
    );
    book.deny(
        "status-list-with-a-proof-that-has-expired",
        "The list has no end of its own: its proof's binds.",
        "status_stale",
        Some(0),
        proof(json!({"expires": "2026-11-21T11:50:00Z"})),
    );
}

fn bent(book: &mut Book) {
    let (code, link) = ("status_invalid", Some(0));
    for (name, why, members) in [
        (
            "by-another-cryptosuite",
            "RDF canonicalization is not for what stands behind a chain.",
            json!({"cryptosuite": "eddsa-rdfc-2022"}),
        ),
        (
            "of-another-type",
            "A kind of proof that nobody here understands.",
            json!({"type": "Ed25519Signature2020"}),
        ),
        (
            "for-authentication",
            "A proof by which somebody shows who it is says nothing of others.",
            json!({"proofPurpose": "authentication"}),
        ),
        (
            "for-one-domain",
            "A proof that was made for one place, and a list is for everybody.",
            json!({"domain": "shop.example"}),
        ),
        (
            "for-one-challenge",
            "A proof that answers somebody's question, and a list answers nobody.",
            json!({"challenge": "n-1"}),
        ),
        (
            "over-other-contexts",
            "The contexts that were signed are not those of the document.",
            json!({"@context": ["https://www.w3.org/ns/credentials/v2", "https://w3id.org/legation/v1"]}),
        ),
        (
            "that-builds-on-one-that-is-gone",
            "The proof before it was removed.",
            json!({"previousProof": "urn:uuid:1"}),
        ),
        (
            "by-the-key-of-another",
            "The proof names the key of somebody who may not say anything about this link.",
            json!({"verificationMethod": agent("mallory").kid}),
        ),
    ] {
        book.deny(&format!("status-list-with-a-proof-{name}"), why, code, link, proof(members));
    }
    book.deny(
        "status-list-with-a-proof-of-another-signer",
        "A list in Acme's name and by its key's name, signed by an intruder.",
        code,
        link,
        change(|list| {
            list.sealed.by_proof(json!({}));
            list.sealed.signer = agent("mallory");
        }),
    );
    book.deny(
        "status-list-without-its-proof",
        "The bare document: whoever serves it could have written it.",
        code,
        link,
        after(|document| {
            document.as_object_mut().unwrap().remove("proof");
        }),
    );
    book.deny(
        "status-list-whose-bits-were-changed-below-the-proof",
        "A revocation is taken back by whoever serves the list.",
        code,
        link,
        change(|list| {
            list.set = vec![7];
            list.sealed.document_after(|document| {
                document["credentialSubject"]["encodedList"] = StatusList::new(0).encode().into();
            });
        }),
    );
    book.deny(
        "status-list-that-somebody-adds-to-below-the-proof",
        "A member that nobody signed.",
        code,
        link,
        after(|document| {
            document["validUntil"] = "2027-11-21T12:00:00Z".into();
        }),
    );
}

fn sets(book: &mut Book) {
    let (code, link) = ("status_invalid", Some(0));
    book.deny(
        "status-list-with-a-second-proof-of-somebody-else",
        "Each proof has to be the issuer's, or a library that asks for any of them lets everybody add one.",
        code,
        link,
        after(|document| further(document, &agent("mallory"), &json!({}))),
    );
    for (name, forged) in [("first", 0), ("second", 1)] {
        book.deny(
            &format!("status-list-whose-{name}-proof-of-two-does-not-fit"),
            "One of two proofs fits.",
            code,
            link,
            after(move |document| {
                further(document, &company("acme"), &json!({"nonce": "2"}));
                document["proof"][forged]["nonce"] = "3".into();
            }),
        );
    }
    book.deny(
        "status-list-with-nine-proofs",
        "More than are read of any document.",
        code,
        link,
        after(|document| {
            (0..8)
                .for_each(|nonce| further(document, &company("acme"), &json!({"nonce": nonce.to_string()})));
        }),
    );
    for (proofs, expected) in [(2, None), (5, Some(code))] {
        let many = change(move |list| {
            // Bits that don't pack.
            let mixed = |index: &usize| Sha256::digest(index.to_be_bytes())[0] & 1 == 1;
            list.set = (10..MIN_ENTRIES).filter(mixed).collect();
            list.sealed.document_after(move |document| {
                (1..proofs).for_each(|nonce| {
                    further(document, &company("acme"), &json!({"nonce": nonce.to_string()}))
                });
            });
        });
        let scene = move |d: &mut Draft| {
            d.trust["limits"] = json!({"statusEntries": MIN_ENTRIES});
            many(d);
        };
        match expected {
            None => book.permit("status-list-of-full-size-with-two-proofs", "Within what one proof over the largest list costs.", scene),
            Some(code) => book.deny("status-list-of-full-size-with-five-proofs", "Each proof is hashed with the whole list: together they cost what one over the largest list does, or are refused.", code, link, scene),
        }
    }
}
