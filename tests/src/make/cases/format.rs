//! The format of a chain and of a link, authority aside.

use super::Book;
use crate::make::{
    actors::agent,
    draft::{Draft, LIST, SHOP},
};
use serde_json::{Value, json};

pub(crate) fn add(book: &mut Book) {
    envelopes(book);
    envelopes_that_pass(book);
    contexts(book);
    types(book);
    old_claims(book);
    parties(book);
    times(book);
    times_that_pass(book);
    presentation(book);
    status_entries(book);
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

fn times(book: &mut Book) {
    let code = "malformed";
    book.deny(
        "valid-until-dropped",
        "A child that leaves `validUntil` away must not live for ever.",
        code,
        Some(1),
        |d| drop(d.claims(1).as_object_mut().unwrap().remove("validUntil")),
    );
    book.deny("valid-from-dropped", "`validFrom` is required as well.", code, Some(2), |d| {
        drop(d.claims(2).as_object_mut().unwrap().remove("validFrom"))
    });
    for (name, why, text) in [
        (
            "time-without-zone",
            "A time without zone is another moment on every machine.",
            json!("2026-11-25T10:00:00"),
        ),
        (
            "time-with-a-leap-second",
            "A leap second is no moment that Unix time knows.",
            json!("2026-11-24T23:59:60Z"),
        ),
        ("time-without-seconds", "No `dateTimeStamp` of XML Schema.", json!("2026-11-25T10:00Z")),
        (
            "time-in-small-letters",
            "RFC 3339 lets `z` pass, XML Schema does not; one spelling is enough.",
            json!("2026-11-25t10:00:00z"),
        ),
        ("time-that-is-a-date", "A day is no moment.", json!("2026-11-25")),
        ("time-on-no-day", "There is no 31st of November.", json!("2026-11-31T10:00:00Z")),
        ("time-as-a-number", "Seconds since 1970 belong into `exp`.", json!(1_795_600_800)),
        ("time-null", "No end is no end.", Value::Null),
    ] {
        book.deny(name, why, code, Some(1), |d| d.claims(1)["validUntil"] = text);
    }
    book.deny(
        "expiry-claim-as-a-float",
        "`exp` with a fraction: seconds are integers here.",
        code,
        Some(1),
        |d| {
            d.claims(1)["exp"] = "@".into();
            d.links[1].literal("@", "1795600800.5");
        },
    );
    book.deny(
        "expiry-claim-as-a-text",
        "`exp` as a text, which a lenient reader would skip.",
        code,
        Some(1),
        |d| d.claims(1)["exp"] = "1795600800".into(),
    );
    book.deny("not-before-claim-that-is-too-large", "`nbf` of 2^53.", code, Some(0), |d| {
        d.claims(0)["nbf"] = 9_007_199_254_740_992_i64.into();
    });
}

fn times_that_pass(book: &mut Book) {
    book.permit("time-with-an-offset", "Any zone will do, as long as one is there.", |d| {
        d.claims(1)["validUntil"] = "2026-11-25T11:00:00+01:00".into()
    });
    book.permit(
        "time-with-a-fraction",
        "A fraction of a second is read, and rounded so that nothing lives longer.",
        |d| d.claims(1)["validUntil"] = "2026-11-25T09:59:59.999999Z".into(),
    );
}

fn presentation(book: &mut Book) {
    let change = |name: &str, why: &str, member: &'static str, value: Value, book: &mut Book| {
        book.deny(name, why, "malformed", None, move |d| d.presentation.claims[member] = value)
    };
    change(
        "audience-of-two",
        "Two audiences: each could replay the presentation to the other.",
        "aud",
        json!([SHOP, "did:web:other.example"]),
        book,
    );
    change("audience-of-none", "An empty array of audiences.", "aud", json!([]), book);
    change("audience-null", "No audience means anybody.", "aud", Value::Null, book);
    change("nonce-empty", "An empty nonce answers nothing.", "nonce", "".into(), book);
    change(
        "nonce-too-long",
        "129 bytes of nonce: what others choose must not fill the verifier's memory.",
        "nonce",
        "n".repeat(129).into(),
        book,
    );
    change(
        "nonce-as-a-number",
        "1 and `1` would be two nonces to one reader and one to another.",
        "nonce",
        1.into(),
        book,
    );
    change("holder-that-is-no-did", "A holder without a DID has no key.", "holder", "carol".into(), book);
    change("presentation-expiry-as-a-text", "`exp` as a text.", "exp", "1795262510".into(), book);
    for member in ["aud", "nonce", "iat", "exp", "holder"] {
        book.deny(
            &format!("presentation-without-{member}"),
            &format!("A presentation without `{member}` is bound to less than it must be."),
            "malformed",
            None,
            |d| {
                drop(d.presentation.claims.as_object_mut().unwrap().remove(member));
            },
        );
    }
    book.permit(
        "audience-of-one-in-an-array",
        "An array of exactly one audience says the same as a text.",
        |d| d.presentation.claims["aud"] = json!([SHOP]),
    );
    book.permit("nonce-of-the-largest-size", "A nonce of 128 bytes.", |d| {
        d.nonce = "n".repeat(128);
        d.presentation.claims["nonce"] = d.nonce.as_str().into();
    });
}

fn status_entries(book: &mut Book) {
    let change = |name: &str, why: &str, member: &'static str, value: Value, book: &mut Book| {
        book.deny(name, why, "malformed", Some(1), move |d| d.claims(1)["credentialStatus"][member] = value)
    };
    change(
        "status-of-another-purpose",
        "A purpose that is not understood is no good status.",
        "statusPurpose",
        "message".into(),
        book,
    );
    change(
        "status-index-as-a-number",
        "The index is a text (Bitstring Status List section 2.1).",
        "statusListIndex",
        8.into(),
        book,
    );
    change(
        "status-index-with-a-sign",
        "`+8` is 8 to one reader and nothing to another.",
        "statusListIndex",
        "+8".into(),
        book,
    );
    change("status-of-two-bits", "Two bits per entry have other meanings.", "statusSize", 2.into(), book);
    change(
        "status-list-at-no-web-address",
        "A list from a file of the verifier's machine.",
        "statusListCredential",
        "file:///status/1".into(),
        book,
    );
    change(
        "status-list-address-not-normalized",
        "One list under two names could be fresh under one and old under the other.",
        "statusListCredential",
        "https://acme.example/status/../status/1".into(),
        book,
    );
    book.deny(
        "status-of-another-type",
        "Another kind of status list, which nothing here reads.",
        "type_mismatch",
        Some(1),
        |d| d.claims(1)["credentialStatus"]["type"] = "StatusList2021Entry".into(),
    );
    book.deny(
        "status-in-an-empty-array",
        "An empty array is not the same as no status: somebody took the entries out.",
        "malformed",
        Some(1),
        |d| d.claims(1)["credentialStatus"] = json!([]),
    );
    book.deny(
        "status-entries-too-many",
        "Five entries: each makes the verifier fetch.",
        "malformed",
        Some(2),
        |d| {
            let one = d.claims(2)["credentialStatus"].clone();
            d.claims(2)["credentialStatus"] = vec![one; 5].into();
        },
    );
    book.permit("status-in-an-array", "One entry in an array, with the default size written out.", |d| {
        d.claims(1)["credentialStatus"] = json!([{
            "type": ["BitstringStatusListEntry"], "statusPurpose": "revocation", "statusSize": 1,
            "statusListIndex": "8", "statusListCredential": LIST, "id": format!("{LIST}#8"),
        }]);
    });
}
