//! The format of a chain and of a link: envelopes, contexts, types, parties.

use super::Book;
use crate::make::{actors::agent, draft::Draft};
use serde_json::{Value, json};

pub(crate) fn add(book: &mut Book) {
    envelopes(book);
    chains(book);
    envelopes_that_pass(book);
    contexts(book);
    types(book);
    old_claims(book);
    parties(book);
    more_parties(book);
}

fn envelopes(book: &mut Book) {
    let first = |change: fn(&mut Value)| move |d: &mut Draft| d.envelopes(move |all| change(&mut all[0]));
    book.deny(
        "envelope-of-another-type",
        "A credential that is not enveloped at all.",
        "type_mismatch",
        Some(0),
        first(|one| one["type"] = "VerifiableCredential".into()),
    );
    book.deny(
        "envelope-of-another-media-type",
        "An SD-JWT credential in the envelope: other rules would apply to it.",
        "type_mismatch",
        Some(0),
        first(|one| {
            one["id"] = one["id"].as_str().unwrap().replace("vc+jwt", "vc+sd-jwt").into();
        }),
    );
    book.deny(
        "envelope-in-base64",
        "A data URL in base64: a second spelling of the same link.",
        "type_mismatch",
        Some(0),
        first(|one| {
            one["id"] = one["id"].as_str().unwrap().replace("vc+jwt,", "vc+jwt;base64,").into();
        }),
    );
    book.deny(
        "envelope-with-another-context",
        "Another context could give the envelope another meaning.",
        "context_mismatch",
        Some(0),
        first(|one| one["@context"] = json!(["https://evil.example/v1"])),
    );
    book.deny(
        "envelope-without-id",
        "An envelope with nothing in it.",
        "malformed",
        Some(0),
        first(|one| drop(one.as_object_mut().unwrap().remove("id"))),
    );
    book.deny(
        "envelope-that-is-a-text",
        "The bare link, as the first data model had it.",
        "malformed",
        Some(0),
        first(|one| *one = one["id"].clone()),
    );
}

fn chains(book: &mut Book) {
    book.deny(
        "envelope-of-the-last-link-is-null",
        "Nothing where the last link should be.",
        "malformed",
        Some(2),
        |d| d.envelopes(|all| all[2] = Value::Null),
    );
    book.deny(
        "chain-in-a-single-object",
        "One credential without an array: a chain has an order, so it is an array.",
        "malformed",
        None,
        |d| {
            d.solo();
            d.presentation.claims["verifiableCredential"] = json!({"id": "data:application/vc+jwt,a.b.c"});
        },
    );
    book.deny("chain-missing", "No `verifiableCredential` at all.", "malformed", None, |d| {
        d.presentation.payload(|text| text.replace("verifiableCredential", "somethingElse"));
    });
    book.deny(
        "chain-empty",
        "A holder who proves to be there, with nothing delegated.",
        "chain_empty",
        None,
        |d| d.envelopes(Vec::clear),
    );
}

fn envelopes_that_pass(book: &mut Book) {
    book.permit(
        "envelope-with-its-context-as-a-text",
        "One context may stand without an array (VC Data Model 2.0 section 4.13.1).",
        |d| {
            d.envelopes(|all| {
                all.iter_mut().for_each(|one| one["@context"] = "https://www.w3.org/ns/credentials/v2".into())
            });
        },
    );
    book.deny("envelope-with-claims-of-its-own", "The holder writes a wider delegation beside the link, where no issuer has signed it: only what stands in the link counts.", "not_granted", None, |d| {
        d.ask("action", "mcp:tools/call:payments.send".into());
        let wide = json!({"id": agent("carol").did, "delegation": {"grants": [{"actions": ["mcp:tools/call:payments.*"], "resources": ["https://shop.example/*"]}]}});
        d.envelopes(move |all| all[2]["credentialSubject"] = wide.clone());
    });
    book.permit(
        "envelope-with-members-that-are-not-known",
        "Members beside the link are ignored; they limit nothing and give nothing.",
        |d| d.envelopes(|all| all[1]["ignored"] = true.into()),
    );
}

fn contexts(book: &mut Book) {
    let code = "context_mismatch";
    let (first, second) = ("https://www.w3.org/ns/credentials/v2", "https://w3id.org/legation/v1");
    for (name, why, context) in [
        (
            "context-missing-in-a-link",
            "Without the context of delegations their members mean nothing.",
            json!([first]),
        ),
        (
            "context-in-another-order",
            "The order of contexts decides what a term means.",
            json!([second, first]),
        ),
        (
            "context-more-than-expected",
            "A third context could rename any member.",
            json!([first, second, "https://evil.example/v1"]),
        ),
        (
            "context-inline",
            "A context written out in the credential could rename any member.",
            json!([first, second, {"grants": "https://evil.example/#"}]),
        ),
        (
            "context-of-the-first-data-model",
            "Version 1 of the data model has other members.",
            json!(["https://www.w3.org/2018/credentials/v1", second]),
        ),
        ("context-as-a-text", "A link has two contexts, in an array.", json!(first)),
    ] {
        book.deny(name, why, code, Some(1), |d| d.claims(1)["@context"] = context);
    }
    book.deny(
        "context-wrong-in-the-presentation",
        "A presentation with a context more.",
        code,
        None,
        move |d| d.presentation.claims["@context"] = json!([first, second]),
    );
}

fn types(book: &mut Book) {
    let code = "type_mismatch";
    book.deny(
        "type-of-another-credential",
        "A diploma is no delegation, whoever signed it.",
        code,
        Some(1),
        |d| d.claims(1)["type"] = json!(["VerifiableCredential", "DiplomaCredential"]),
    );
    book.deny(
        "type-without-verifiable-credential",
        "Every credential names the base type.",
        code,
        Some(0),
        |d| d.claims(0)["type"] = "DelegationCredential".into(),
    );
    book.deny("type-missing", "A link without type.", code, Some(2), |d| {
        drop(d.claims(2).as_object_mut().unwrap().remove("type"))
    });
    book.deny(
        "type-of-the-presentation-is-another",
        "A credential in the form of a presentation.",
        code,
        None,
        |d| d.presentation.claims["type"] = json!(["VerifiableCredential"]),
    );
    book.permit("type-more-than-expected", "A type more takes nothing away.", |d| {
        d.claims(1)["type"] = json!(["VerifiableCredential", "DelegationCredential", "AgentCredential"])
    });
    book.permit("type-of-the-presentation-as-a-text", "One type may stand without an array.", |d| {
        d.presentation.claims["type"] = "VerifiablePresentation".into()
    });
}

fn old_claims(book: &mut Book) {
    book.deny("claim-vc", "A `vc` claim of the first data model: a second credential inside, which another reader would believe.", "malformed", Some(1), |d| d.claims(1)["vc"] = json!({}));
    book.deny("claim-vp-in-a-link", "A `vp` claim in a link.", "malformed", Some(0), |d| {
        d.claims(0)["vp"] = json!({})
    });
    book.deny(
        "claim-vp",
        "A `vp` claim of the first data model in the presentation.",
        "malformed",
        None,
        |d| d.presentation.claims["vp"] = json!({"holder": "did:web:evil.example"}),
    );
}

fn parties(book: &mut Book) {
    let subject = |name: &str, why: &str, did: &str, book: &mut Book| {
        let did = did.to_owned();
        book.deny(name, why, "malformed", Some(1), |d| d.claims(1)["credentialSubject"]["id"] = did.into());
    };
    subject(
        "subject-at-an-ip-address",
        "did:web of an IP address: nobody certifies who that is, and a resolver would call into the inner network.",
        "did:web:169.254.169.254",
        book,
    );
    subject(
        "subject-at-a-short-ip-address",
        "`127.1` is an address as well, as every socket library reads it.",
        "did:web:127.1",
        book,
    );
    subject(
        "subject-with-dots-in-its-path",
        "did:web with `..`: its document would be fetched from another place than its name says.",
        "did:web:acme.example:agents:..:admin",
        book,
    );
    subject(
        "subject-with-escaped-dots",
        "`%2E%2E` is `..` to most servers.",
        "did:web:acme.example:%2E%2E:admin",
        book,
    );
    subject(
        "subject-in-capitals",
        "DIDs are compared byte by byte, so a domain has one spelling.",
        "did:web:Acme.example",
        book,
    );
    subject("subject-that-is-no-did", "An e-mail address proves nothing.", "mailto:bob@acme.example", book);
    subject("subject-with-a-fragment", "A key is not who it belongs to.", "did:web:acme.example#key-1", book);
}

fn more_parties(book: &mut Book) {
    book.deny(
        "subject-without-id",
        "A delegation to nobody is one to whoever finds it.",
        "malformed",
        Some(1),
        |d| drop(d.claims(1)["credentialSubject"].as_object_mut().unwrap().remove("id")),
    );
    book.deny(
        "subjects-in-an-array",
        "Two subjects of one delegation share a key, or a budget.",
        "malformed",
        Some(1),
        |d| {
            let one = d.claims(1)["credentialSubject"].clone();
            d.claims(1)["credentialSubject"] = json!([one.clone(), one]);
        },
    );
    book.deny(
        "issuer-that-is-no-did",
        "An issuer by web address, as other credentials have it.",
        "malformed",
        Some(0),
        |d| d.claims(0)["issuer"] = "https://acme.example".into(),
    );
    book.deny("issuer-object-without-id", "An issuer with a name only.", "malformed", Some(1), |d| {
        d.claims(1)["issuer"] = json!({"name": "ada"})
    });
    book.permit(
        "issuer-object",
        "An issuer may be an object with an `id` (VC Data Model 2.0 section 4.7).",
        |d| d.claims(0)["issuer"] = json!({"id": "did:web:acme.example", "name": "Acme"}),
    );
    book.permit(
        "members-that-are-not-known-outside-delegation",
        "Members outside `delegation` are ignored: `name`, `description`, and what others may add.",
        |d| {
            d.claims(1)["name"] = "Orders".into();
            d.claims(1)["credentialSubject"]["name"] = "Bob".into();
            d.presentation.claims["jti"] = "1".into();
        },
    );
    book.deny(
        "principal-missing",
        "Who answers for the chain is said in every link.",
        "malformed",
        Some(1),
        |d| drop(d.delegation(1).as_object_mut().unwrap().remove("principal")),
    );
    book.deny(
        "delegation-missing",
        "A credential of the right type without a delegation.",
        "malformed",
        Some(2),
        |d| drop(d.claims(2)["credentialSubject"].as_object_mut().unwrap().remove("delegation")),
    );
}
