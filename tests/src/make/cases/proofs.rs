//! Data Integrity proofs: of links and of presentations.

use super::{Book, proof_sets::further};
use crate::make::{
    actors::agent,
    draft::{Draft, SHOP},
};
use serde_json::{Value, json};

pub(crate) fn add(book: &mut Book) {
    passing(book);
    bent(book);
    presentations(book);
}

/// The good scene, in which every link is a document with a proof.
pub(super) fn documents(d: &mut Draft) {
    d.links.iter_mut().for_each(|link| link.by_proof(json!({})));
}

/// The same, with the middle link's proof saying this, too.
fn middle(members: Value) -> impl Fn(&mut Draft) {
    move |d| {
        documents(d);
        d.links[1].by_proof(members.clone());
    }
}

/// The same, with the middle link changed after it was signed.
pub(super) fn after(bend: impl Fn(&mut Value) + Clone + 'static) -> impl Fn(&mut Draft) {
    move |d| {
        documents(d);
        d.links[1].document_after(bend.clone());
    }
}

fn passing(book: &mut Book) {
    book.permit(
        "proof-of-every-link",
        "All links are documents with proofs, the presentation is a JWT.",
        documents,
    );
    book.permit("proof-of-one-link", "A document with a proof between two JWTs.", |d| {
        d.links[1].by_proof(json!({}))
    });
    book.permit("proof-of-links-and-presentation", "No JWT at all.", |d| {
        documents(d);
        d.presentation.by_proof(json!({}));
    });
    book.permit(
        "proof-that-says-when-it-was-made",
        "A proof may have an id, a time and a nonce.",
        middle(json!({"id": "urn:uuid:1", "created": "2026-11-21T10:30:00Z", "nonce": "a"})),
    );
    book.permit(
        "proof-without-contexts",
        "The proof repeats no contexts: the document's own are signed with the document.",
        middle(json!({"@context": null})),
    );
}

/// A name, why, the code, and what is changed of the document after it was signed.
type Changed = (&'static str, &'static str, &'static str, fn(&mut Value));

fn bent(book: &mut Book) {
    let link = Some(1);
    let cases: [(&str, &str, &str, Value); 11] = [
        (
            "proof-of-another-type",
            "An older kind of proof, which nobody here understands.",
            "type_mismatch",
            json!({"type": "Ed25519Signature2020"}),
        ),
        (
            "proof-by-another-cryptosuite",
            "RDF canonicalization is not for links of a chain.",
            "algorithm_not_allowed",
            json!({"cryptosuite": "eddsa-rdfc-2022"}),
        ),
        (
            "proof-without-cryptosuite",
            "Nothing says how it was made.",
            "malformed",
            json!({"cryptosuite": null}),
        ),
        (
            "proof-for-authentication",
            "What an agent signed to log in somewhere, taken for a delegation.",
            "type_mismatch",
            json!({"proofPurpose": "authentication"}),
        ),
        (
            "proof-without-purpose",
            "Nothing says what it was made for.",
            "malformed",
            json!({"proofPurpose": null}),
        ),
        (
            "proof-without-verification-method",
            "Nothing says whose it is.",
            "malformed",
            json!({"verificationMethod": null}),
        ),
        (
            "proof-by-a-key-of-another-controller",
            "The signer names a key of its own, which the issuer never had.",
            "issuer_mismatch",
            json!({"verificationMethod": agent("mallory").kid}),
        ),
        (
            "proof-for-one-domain",
            "The proof was made for one place, a delegation is for many.",
            "unknown_member",
            json!({"domain": SHOP}),
        ),
        (
            "proof-that-answers-a-challenge",
            "The proof was made for one moment.",
            "unknown_member",
            json!({"challenge": "n-1"}),
        ),
        (
            "proof-made-at-no-time",
            "The time has no zone.",
            "malformed",
            json!({"created": "2026-11-21T10:30:00"}),
        ),
        (
            "proof-over-another-context",
            "The contexts that were signed are not those of the document.",
            "context_mismatch",
            json!({"@context": ["https://www.w3.org/ns/credentials/v2"]}),
        ),
    ];
    for (name, why, code, members) in cases {
        book.deny(name, why, code, link, middle(members));
    }
    book.deny(
        "proof-that-has-expired",
        "The proof ends before the delegation does.",
        "expired",
        link,
        middle(json!({"expires": "2026-11-21T11:59:00Z"})),
    );
    book.deny(
        "proof-that-expires-later-than-its-parent-allows",
        "The child's end is its proof's, and the parent's is before it.",
        "window_not_nested",
        Some(2),
        middle(json!({"expires": "2026-11-22T09:00:00Z"})),
    );
    let changed: [Changed; 8] = [
        (
            "proof-of-other-claims",
            "One claim changed after signing, to which nothing else objects.",
            "signature_invalid",
            |document| {
                document["id"] = "urn:uuid:6f0c0000-0000-4000-8000-000000000001".into();
            },
        ),
        (
            "proof-whose-own-members-were-changed",
            "The proof's time is signed as the claims are.",
            "signature_invalid",
            |document| {
                document["proof"]["expires"] = "2027-11-21T10:30:00Z".into();
            },
        ),
        ("proof-without-value", "No signature at all.", "malformed", |document| {
            document["proof"].as_object_mut().unwrap().remove("proofValue");
        }),
        ("proof-value-in-base64", "Another text of the same signature.", "malformed", |document| {
            let bytes = multibase::decode(document["proof"]["proofValue"].as_str().unwrap()).unwrap().1;
            document["proof"]["proofValue"] = multibase::encode(multibase::Base::Base64Url, bytes).into();
        }),
        ("proof-value-of-63-bytes", "A signature that lost a byte.", "malformed", |document| {
            let bytes = multibase::decode(document["proof"]["proofValue"].as_str().unwrap()).unwrap().1;
            document["proof"]["proofValue"] =
                multibase::encode(multibase::Base::Base58Btc, &bytes[1..]).into();
        }),
        ("proof-that-is-a-text", "A JWT where a proof should be.", "malformed", |document| {
            document["proof"] = "a.b.c".into()
        }),
        ("proof-set-that-is-empty", "All of no proofs verify.", "malformed", |document| {
            document["proof"] = json!([])
        }),
        (
            "proof-with-a-context-added-below",
            "A context that nobody signed, below those that were.",
            "context_mismatch",
            |document| {
                document["@context"].as_array_mut().unwrap().push("https://mallory.example/v1".into());
            },
        ),
    ];
    for (name, why, code, bend) in changed {
        book.deny(name, why, code, link, after(bend));
    }
}

fn presentations(book: &mut Book) {
    let cases: [(&str, &str, &str, Value); 8] = [
        (
            "presentation-by-a-proof-for-assertion",
            "What its holder asserted, taken for being there.",
            "type_mismatch",
            json!({"proofPurpose": "assertionMethod"}),
        ),
        (
            "presentation-by-a-proof-without-domain",
            "It would be for everybody.",
            "malformed",
            json!({"domain": null}),
        ),
        (
            "presentation-by-a-proof-for-two-domains",
            "Each could replay it to the other.",
            "malformed",
            json!({"domain": [SHOP, "did:web:other.example"]}),
        ),
        (
            "presentation-by-a-proof-for-another-domain",
            "It was made for somebody else.",
            "audience_mismatch",
            json!({"domain": "did:web:other.example"}),
        ),
        (
            "presentation-by-a-proof-without-challenge",
            "It answers nothing, and would serve for ever.",
            "malformed",
            json!({"challenge": null}),
        ),
        (
            "presentation-by-a-proof-with-another-challenge",
            "It answers somebody else's question.",
            "nonce_mismatch",
            json!({"challenge": "n-2"}),
        ),
        (
            "presentation-by-a-proof-without-end",
            "It would serve for ever.",
            "malformed",
            json!({"expires": null}),
        ),
        (
            "presentation-by-a-proof-for-an-hour",
            "It lives longer than a presentation may.",
            "presentation_stale",
            json!({"expires": "2026-11-21T13:00:00Z"}),
        ),
    ];
    for (name, why, code, members) in cases {
        book.deny(name, why, code, None, move |d| d.presentation.by_proof(members.clone()));
    }
    book.permit(
        "presentation-by-a-proof-for-a-list-of-one-domain",
        "A set of one domain is one domain.",
        |d| {
            d.presentation.by_proof(json!({"domain": [SHOP]}));
        },
    );
    book.deny(
        "presentation-by-two-proofs",
        "Which of them says to whom, and when?",
        "malformed",
        None,
        |d| {
            d.presentation.by_proof(json!({}));
            d.presentation.document_after(|document| {
                further(document, &agent("carol"), &json!({"proofPurpose": "authentication"}))
            });
        },
    );
    book.deny(
        "presentation-by-a-proof-of-other-links",
        "A link put in the place of another after signing.",
        "signature_invalid",
        None,
        |d| {
            d.presentation.by_proof(json!({}));
            d.presentation.document_after(|document| document["transcript"] = "A".repeat(43).into());
        },
    );
    book.deny("presentation-by-a-proof-of-another-holder", "A stolen chain.", "holder_mismatch", None, |d| {
        let mallory = agent("mallory");
        d.presentation.by_proof(json!({"verificationMethod": mallory.kid}));
        d.presentation.signer = mallory;
    });
}
