//! The presentation: for whom, in answer to what, when, by whom.

use super::Book;
use crate::make::{
    actors::{agent, company},
    draft::{Draft, NOW, deny, document, permit, seconds},
    sealed::replace,
};
use serde_json::{Value, json};

pub(crate) fn add(book: &mut Book) {
    captured(book);
    fresh(book);
    fresh_enough(book);
    holders(book);
    holders_that_pass(book);
    tampered(book);
    links_tampered(book);
    bytes_tampered(book);
}

fn captured(book: &mut Book) {
    book.story(
        "presentation-captured-and-replayed",
        "The same bytes a second time, within their life: the nonce is used up.",
        |d| {
            d.step(permit());
            d.step(deny("nonce_replayed", None));
        },
    );
    book.deny(
        "presentation-captured-at-another-nonce",
        "A presentation for yesterday's challenge, in answer to today's.",
        "nonce_mismatch",
        None,
        |d| d.nonce = "n-2".to_owned(),
    );
    book.deny(
        "presentation-captured-at-another-audience",
        "A verifier passes on what was presented to it: man in the middle.",
        "audience_mismatch",
        None,
        |d| d.trust["audience"] = "did:web:other.example".into(),
    );
    book.deny(
        "presentation-for-an-audience-that-starts-alike",
        "Audiences are compared whole.",
        "audience_mismatch",
        None,
        |d| d.presentation.claims["aud"] = "did:web:shop.example.evil.example".into(),
    );
    book.deny(
        "presentation-for-the-verifiers-address",
        "The verifier's identity is what its trust says, not its URL.",
        "audience_mismatch",
        None,
        |d| d.presentation.claims["aud"] = "https://shop.example".into(),
    );
    book.deny(
        "transcript-that-is-no-digest",
        "A transcript is the SHA-256 of a challenge.",
        "malformed",
        None,
        |d| d.presentation.claims["transcript"] = "x".into(),
    );
    book.deny(
        "transcript-with-padding",
        "A transcript is written in base64url, without padding.",
        "malformed",
        None,
        |d| d.presentation.claims["transcript"] = format!("{}=", "A".repeat(43)).into(),
    );
    book.deny("nonce-in-capitals", "Nonces are compared by bytes.", "nonce_mismatch", None, |d| {
        d.presentation.claims["nonce"] = "N-1".into()
    });
}

fn times(from: i64, until: i64) -> impl Fn(&mut Draft) {
    move |d| {
        d.presentation.claims["iat"] = (seconds(NOW) + from).into();
        d.presentation.claims["exp"] = (seconds(NOW) + until).into();
    }
}

fn fresh(book: &mut Book) {
    let code = "presentation_stale";
    book.deny("presentation-expired", "A presentation of an hour ago.", code, None, times(-3700, -3600));
    book.deny(
        "presentation-expired-just-now",
        "Exactly at `exp` plus the skew it is over.",
        code,
        None,
        times(-200, -60),
    );
    book.deny(
        "presentation-from-the-future",
        "Issued beyond the skew that clocks may have.",
        code,
        None,
        times(61, 120),
    );
    book.deny(
        "presentation-that-lives-too-long",
        "301 seconds: nonces would have to be remembered for as long.",
        code,
        None,
        times(-1, 300),
    );
    book.deny("presentation-that-lives-for-ever", "`exp` of 2^53 - 1.", code, None, |d| {
        d.presentation.claims["exp"] = 9_007_199_254_740_991_i64.into()
    });
    book.deny(
        "presentation-issued-before-time-began",
        "`iat` of -(2^53 - 1): a lifetime that overflows narrow integers.",
        code,
        None,
        |d| d.presentation.claims["iat"] = (-9_007_199_254_740_991_i64).into(),
    );
    book.deny("presentation-that-ends-before-it-begins", "A negative lifetime.", code, None, times(20, 10));
    book.deny(
        "presentation-that-lives-longer-than-the-verifier-wants",
        "120 seconds where the verifier accepts 60.",
        code,
        None,
        |d| d.trust["maxPresentationAge"] = 60.into(),
    );
    book.deny("presentation-not-yet-valid", "`nbf` beyond the skew.", code, None, |d| {
        d.presentation.claims["nbf"] = (seconds(NOW) + 61).into()
    });
    book.story(
        "presentation-kept-and-presented-later",
        "Without a request nothing is used up; six minutes later the same bytes are stale.",
        |d| {
            d.request = None;
            d.step(json!({"decision": "valid"}));
            d.now = "2026-11-21T12:06:00Z".to_owned();
            d.step(deny(code, None));
        },
    );
}

fn fresh_enough(book: &mut Book) {
    book.permit(
        "presentation-in-its-last-second",
        "One second before `exp` plus the skew.",
        times(-200, -59),
    );
    book.permit(
        "presentation-from-a-clock-ahead",
        "Issued as far ahead as clocks may differ.",
        times(60, 120),
    );
    book.permit("presentation-of-the-longest-life", "300 seconds.", times(0, 300));
    book.permit("presentation-with-not-before", "`nbf` that has come.", |d| {
        d.presentation.claims["nbf"] = (seconds(NOW) - 5).into()
    });
}

fn holders(book: &mut Book) {
    let code = "holder_mismatch";
    book.deny(
        "holder-is-somebody-else",
        "An intruder presents a stolen chain under its own name: a delegation is no bearer token.",
        code,
        None,
        |d| d.presented_by(&agent("mallory")),
    );
    book.deny(
        "holder-is-an-agent-before",
        "The issuer of the last link presents it in place of its subject.",
        code,
        None,
        |d| d.presented_by(&agent("bob")),
    );
    book.deny(
        "holder-is-the-principal",
        "The principal presents what it delegated to others.",
        code,
        None,
        |d| d.presented_by(&company("acme")),
    );
    book.deny(
        "holder-signs-with-another-did",
        "The holder's name, the key id of another DID.",
        code,
        None,
        |d| d.presentation.signed_by(&agent("mallory")),
    );
    book.deny(
        "holder-and-iss-differ",
        "`iss` of the presentation is another than `holder`.",
        code,
        None,
        |d| d.presentation.claims["iss"] = agent("bob").did.as_str().into(),
    );
    book.deny(
        "last-link-left-out",
        "An agent presents its chain without the link to itself: the issuer's wider rights.",
        code,
        None,
        |d| d.envelopes(|all| drop(all.pop())),
    );
    book.deny("holder-changed-after-signing", "The holder is another than was signed.", code, None, |d| {
        d.presentation.claims_after(|claims| claims["holder"] = agent("mallory").did.as_str().into());
    });
}

fn holders_that_pass(book: &mut Book) {
    book.permit("holder-and-iss-agree", "`iss` where it stands is the holder.", |d| {
        d.presentation.claims["iss"] = agent("carol").did.as_str().into()
    });
    book.permit(
        "holder-that-is-an-organization",
        "The leaf's subject is a did:web, whose document is in evidence.",
        |d| {
            let partner = company("partner");
            d.documents.push(document(&partner));
            d.cast(2, &partner);
        },
    );
}

fn tampered(book: &mut Book) {
    let code = "signature_invalid";
    let outer = |change: fn(&mut Value)| move |d: &mut Draft| d.presentation.claims_after(change);
    book.deny(
        "nonce-changed-after-signing",
        "A captured presentation with the nonce written anew.",
        code,
        None,
        |d| {
            d.nonce = "n-2".to_owned();
            outer(|claims| claims["nonce"] = "n-2".into())(d);
        },
    );
    book.deny(
        "audience-changed-after-signing",
        "A captured presentation with the audience written anew.",
        code,
        None,
        |d| {
            d.trust["audience"] = "did:web:other.example".into();
            outer(|claims| claims["aud"] = "did:web:other.example".into())(d);
        },
    );
    book.deny(
        "expiry-changed-after-signing",
        "A captured presentation that is given more time.",
        code,
        None,
        outer(|claims| claims["exp"] = (seconds(NOW) + 200).into()),
    );
    book.deny(
        "member-added-after-signing",
        "A member that is not known and was not signed: it is ignored, and the signature does not fit.",
        code,
        None,
        outer(|claims| claims["role"] = "admin".into()),
    );
    book.permit("member-added-before-signing", "The same member, signed: it is ignored.", |d| {
        d.presentation.claims["role"] = "admin".into()
    });
}

fn links_tampered(book: &mut Book) {
    let code = "signature_invalid";
    book.deny(
        "grant-changed-after-signing",
        "The leaf's grant widened within its parent's by whoever presents it.",
        code,
        Some(2),
        |d| {
            d.links[2].claims_after(|claims| {
                claims["credentialSubject"]["delegation"]["grants"][0]["actions"] =
                    json!(["mcp:tools/call:payments.*"]);
            });
        },
    );
    book.deny(
        "subject-changed-after-signing",
        "A stolen chain whose leaf is rewritten to the thief.",
        code,
        Some(2),
        |d| {
            let mallory = agent("mallory");
            d.presented_by(&mallory);
            d.links[2]
                .claims_after(move |claims| claims["credentialSubject"]["id"] = mallory.did.as_str().into());
        },
    );
}

fn bytes_tampered(book: &mut Book) {
    let code = "signature_invalid";
    book.deny(
        "outer-member-of-a-link-changed-after-signing",
        "The name of a credential changed: it is ignored, and the signature does not fit.",
        code,
        Some(1),
        |d| {
            d.claims(1)["name"] = "Orders".into();
            d.links[1].claims_after(|claims| claims["name"] = "Everything".into());
        },
    );
    book.deny(
        "header-changed-after-signing",
        "A header member added: the header is signed as well.",
        code,
        Some(0),
        |d| {
            d.links[0].part(0, |header| {
                let text = String::from_utf8(legation_keys::base64url::decode(header).unwrap()).unwrap();
                legation_keys::base64url::encode(
                    replace(&text, "{\"alg\"", "{\"cty\":\"vc\",\"alg\"").as_bytes(),
                )
            });
        },
    );
    book.deny(
        "payload-with-white-space-after-signing",
        "The same claims in other bytes.",
        code,
        Some(1),
        |d| {
            d.links[1].part(1, |payload| {
                let mut bytes = legation_keys::base64url::decode(payload).unwrap();
                bytes.push(b'\n');
                legation_keys::base64url::encode(&bytes)
            });
        },
    );
}
