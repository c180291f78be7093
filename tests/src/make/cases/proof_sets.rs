//! Several proofs of one document: beside one another, and building on one another.

use super::{
    Book,
    proofs::{after, documents},
};
use crate::make::{
    actors::{Actor, agent},
    draft::Draft,
    sealed::add_proof,
};
use serde_json::{Value, json};

pub(crate) fn add(book: &mut Book) {
    sets(book);
    building(book);
}

/// A further proof of a document, by somebody and with these members.
pub(super) fn further(document: &mut Value, signer: &Actor, members: &Value) {
    let mut proof = json!({
        "@context": document["@context"], "type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022",
        "verificationMethod": signer.kid, "proofPurpose": "assertionMethod",
    });
    for (name, value) in members.as_object().unwrap() {
        proof[name] = value.clone();
    }
    add_proof(document, proof, signer);
}

fn sets(book: &mut Book) {
    let link = Some(1);
    book.permit(
        "proof-set-of-two",
        "Both are the issuer's, and both fit.",
        after(|document| further(document, &agent("ada"), &json!({"nonce": "2"}))),
    );
    book.deny(
        "proof-set-with-one-of-somebody-else",
        "A witness, of whom nothing says that it may speak for the issuer.",
        "issuer_mismatch",
        link,
        after(|document| further(document, &agent("mallory"), &json!({}))),
    );
    for (name, forged) in [("first", 0), ("second", 1)] {
        book.deny(
            &format!("proof-set-whose-{name}-does-not-fit"),
            "One of two proofs fits: libraries that ask for any of them take it.",
            "signature_invalid",
            link,
            after(move |document| {
                further(document, &agent("ada"), &json!({"nonce": "2"}));
                document["proof"][forged]["nonce"] = "3".into();
            }),
        );
    }
    book.deny(
        "proofs-of-a-chain-more-than-links-are-read",
        "Each proof is a signature to verify: a chain has as many as it may have links.",
        "input_too_large",
        Some(2),
        |d| {
            d.trust["limits"] = json!({"chainLinks": 3});
            after(|document| further(document, &agent("ada"), &json!({"nonce": "2"})))(d);
        },
    );
    book.deny(
        "proof-set-of-nine",
        "Each would be hashed with the document.",
        "input_too_large",
        link,
        after(|document| {
            (0..8).for_each(|index| further(document, &agent("ada"), &json!({"nonce": index.to_string()})));
        }),
    );
    book.deny(
        "proof-set-with-one-of-another-cryptosuite",
        "What can't be checked is not skipped.",
        "algorithm_not_allowed",
        link,
        after(|document| {
            further(document, &agent("ada"), &json!({"cryptosuite": "ecdsa-jcs-2019"}));
        }),
    );
}

/// The middle link with a first proof that has an id, and a second that builds on it.
fn building_on(previous: Value, bend: impl Fn(&mut Value) + Clone + 'static) -> impl Fn(&mut Draft) {
    move |d| {
        documents(d);
        d.links[1].by_proof(json!({"id": "urn:uuid:1"}));
        let (previous, bend) = (previous.clone(), bend.clone());
        d.links[1].document_after(move |document| {
            further(document, &agent("ada"), &json!({"id": "urn:uuid:2", "previousProof": previous}));
            bend(document);
        });
    }
}

fn building(book: &mut Book) {
    let link = Some(1);
    let on_first = || json!("urn:uuid:1");
    book.permit(
        "proof-that-builds-on-another",
        "The second signs the first with the document.",
        building_on(on_first(), |_| {}),
    );
    book.permit(
        "proof-that-builds-on-a-list-of-one",
        "The same, named in an array.",
        building_on(json!(["urn:uuid:1"]), |_| {}),
    );
    book.deny(
        "proof-whose-previous-one-was-removed",
        "Whoever took the first away would leave the second without what it stands on.",
        "malformed",
        link,
        building_on(on_first(), |document| {
            let second = document["proof"][1].take();
            document["proof"] = second;
        }),
    );
    book.deny(
        "proof-whose-previous-one-is-no-longer-named",
        "The second proof's tie to the first, cut.",
        "signature_invalid",
        link,
        building_on(on_first(), |document| {
            document["proof"][1].as_object_mut().unwrap().remove("previousProof");
        }),
    );
    book.deny(
        "proof-whose-previous-one-was-replaced",
        "Another first proof of the same issuer, with the same id.",
        "signature_invalid",
        link,
        building_on(on_first(), |document| {
            let second = document["proof"][1].take();
            document.as_object_mut().unwrap().remove("proof");
            further(document, &agent("ada"), &json!({"id": "urn:uuid:1", "nonce": "another"}));
            let first = document["proof"].take();
            document["proof"] = json!([first, second]);
        }),
    );
    book.deny(
        "proof-that-builds-on-itself",
        "It would stand on nothing.",
        "malformed",
        link,
        building_on(json!("urn:uuid:2"), |_| {}),
    );
    book.deny(
        "proofs-with-one-id",
        "Which of the two does a third build on?",
        "malformed",
        link,
        building_on(on_first(), |document| {
            document["proof"][1]["id"] = "urn:uuid:1".into();
        }),
    );
}
