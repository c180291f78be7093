//! Headers: algorithms, types, critical members, keys.

use super::Book;
use crate::make::{
    actors::{agent, p256},
    tricks,
};
use serde_json::{Value, json};

pub(crate) fn add(book: &mut Book) {
    algorithms(book);
    unknown_algorithms(book);
    algorithms_that_pass(book);
    types(book);
    types_that_pass(book);
    critical(book);
    keys(book);
    key_ids(book);
}

fn algorithms(book: &mut Book) {
    let code = "algorithm_not_allowed";
    for (name, alg) in [("none", "none"), ("none-in-capitals", "NONE")] {
        book.deny(
            &format!("algorithm-{name}-in-a-link"),
            "`none` with an empty signature: the first of all JWT attacks.",
            code,
            Some(1),
            |d| {
                d.links[1].header["alg"] = alg.into();
                d.links[1].part(2, |_| String::new());
            },
        );
    }
    book.deny(
        "algorithm-none-in-the-presentation",
        "`none` with the signature that the presentation would have.",
        code,
        None,
        |d| d.presentation.header["alg"] = "none".into(),
    );
    book.deny("algorithm-hs256-with-the-public-key", "HMAC with the issuer's public key for a secret: libraries that let `alg` choose how the key is used took it.", code, Some(1), |d| {
        d.links[1].header["alg"] = "HS256".into();
        d.links[1].sign(|input| tricks::hmac_with_public_key(&agent("ada"), input));
    });
    book.deny(
        "algorithm-hs256-with-the-public-key-in-the-presentation",
        "The same with the holder's public key, for whoever has seen the chain.",
        code,
        None,
        |d| {
            d.presentation.header["alg"] = "HS256".into();
            d.presentation.sign(|input| tricks::hmac_with_public_key(&agent("carol"), input));
        },
    );
}

fn unknown_algorithms(book: &mut Book) {
    let code = "algorithm_not_allowed";
    book.deny("algorithm-es384", "An algorithm that is good and not known here.", code, Some(0), |d| {
        d.links[0].header["alg"] = "ES384".into()
    });
    book.deny(
        "algorithm-in-small-letters",
        "Names of algorithms are compared by case (RFC 7515 section 4.1.1).",
        code,
        Some(2),
        |d| d.links[2].header["alg"] = "eddsa".into(),
    );
    book.deny("algorithm-missing", "No algorithm at all: nothing is guessed.", code, Some(1), |d| {
        drop(d.links[1].header.as_object_mut().unwrap().remove("alg"))
    });
    book.deny("algorithm-that-is-no-text", "An algorithm as an array.", "malformed", Some(1), |d| {
        d.links[1].header["alg"] = json!(["EdDSA"])
    });
    book.deny(
        "algorithm-that-trust-leaves-out",
        "The verifier accepts EdDSA only; a link is signed with ES256.",
        code,
        Some(1),
        |d| {
            d.trust["algorithms"] = json!(["EdDSA"]);
            d.cast(0, &p256("paula"));
        },
    );
}

fn algorithms_that_pass(book: &mut Book) {
    book.permit("algorithm-es256-in-a-link", "A link that an agent with a P-256 key has signed.", |d| {
        d.cast(0, &p256("paula"))
    });
    book.permit("algorithm-es256-in-the-presentation", "An agent with a P-256 key presents.", |d| {
        d.cast(2, &p256("petra"))
    });
    book.permit(
        "algorithm-that-trust-names",
        "The verifier accepts EdDSA only, and nothing else is there.",
        |d| d.trust["algorithms"] = json!(["EdDSA"]),
    );
    book.permit("algorithm-ed25519", "`Ed25519` (RFC 9864) is another name of EdDSA with this key.", |d| {
        d.links[1].header["alg"] = "Ed25519".into()
    });
    book.permit(
        "algorithm-ed25519-in-the-presentation",
        "`Ed25519` (RFC 9864) in the header of the presentation.",
        |d| d.presentation.header["alg"] = "Ed25519".into(),
    );
}

fn types(book: &mut Book) {
    let code = "type_mismatch";
    let link = |book: &mut Book, name: &str, why: &str, typ: Value| {
        book.deny(name, why, code, Some(1), |d| d.links[1].header["typ"] = typ)
    };
    link(
        book,
        "typ-of-any-jwt",
        "`JWT`: an ID token or an access token must never pass for a delegation.",
        "JWT".into(),
    );
    link(
        book,
        "typ-of-a-draft",
        "`vc-ld+jwt` of an earlier draft, as older signers still write it.",
        "vc-ld+jwt".into(),
    );
    link(
        book,
        "typ-of-a-presentation-in-a-link",
        "A presentation must not pass for a delegation.",
        "vp+jwt".into(),
    );
    link(book, "typ-empty", "An empty `typ`.", "".into());
    link(
        book,
        "typ-with-another-prefix",
        "Only `application/` may be left out (RFC 7515 section 4.1.9).",
        "text/vc+jwt".into(),
    );
    book.deny("typ-missing-in-a-link", "Without `typ` one token passes for another.", code, Some(0), |d| {
        drop(d.links[0].header.as_object_mut().unwrap().remove("typ"))
    });
    book.deny(
        "typ-missing-in-the-presentation",
        "Without `typ` one token passes for another.",
        code,
        None,
        |d| drop(d.presentation.header.as_object_mut().unwrap().remove("typ")),
    );
    book.deny(
        "typ-of-a-link-in-the-presentation",
        "A delegation must not pass for a presentation.",
        code,
        None,
        |d| d.presentation.header["typ"] = "vc+jwt".into(),
    );
    book.deny("typ-that-is-no-text", "A number for a `typ`.", "malformed", Some(1), |d| {
        d.links[1].header["typ"] = 1.into()
    });
}

fn types_that_pass(book: &mut Book) {
    book.permit("typ-with-application", "`application/vc+jwt` is the media type written out.", |d| {
        d.links[1].header["typ"] = "application/vc+jwt".into()
    });
    book.permit(
        "typ-with-application-in-the-presentation",
        "`application/vp+jwt` is the media type written out.",
        |d| d.presentation.header["typ"] = "application/vp+jwt".into(),
    );
    book.permit("typ-in-capitals", "Media types are compared without case (RFC 2045 section 5.1).", |d| {
        d.links[2].header["typ"] = "VC+JWT".into()
    });
    book.permit(
        "header-member-that-is-not-known",
        "A header that is not understood and not critical is ignored.",
        |d| d.links[1].header["cty"] = "vc".into(),
    );
}

fn critical(book: &mut Book) {
    let code = "critical_header";
    book.deny(
        "header-crit",
        "A critical header of an extension that nothing here understands.",
        code,
        Some(1),
        |d| {
            d.links[1].header["crit"] = json!(["exp"]);
            d.links[1].header["exp"] = 1.into();
        },
    );
    book.deny(
        "header-crit-null",
        "`crit` without a value: that it stands there is enough.",
        code,
        Some(2),
        |d| d.links[2].header["crit"] = Value::Null,
    );
    book.deny(
        "header-b64-false",
        "A payload that is not encoded: other bytes are signed than are read (RFC 7797).",
        code,
        Some(0),
        |d| d.links[0].header["b64"] = false.into(),
    );
    book.deny("header-crit-in-the-presentation", "A critical header in the presentation.", code, None, |d| {
        d.presentation.header["crit"] = json!(["b64"])
    });
}

fn keys(book: &mut Book) {
    let code = "header_key_forbidden";
    let mallory = agent("mallory").jwk();
    for (member, value) in [
        ("jwk", mallory.clone()),
        ("jku", "https://evil.example/jwks.json".into()),
        ("x5c", json!(["MIIB"])),
        ("x5u", "https://evil.example/chain.pem".into()),
    ] {
        book.deny(
            &format!("header-{member}"),
            &format!("`{member}` in a link: a credential that brings its own key chooses its own trust."),
            code,
            Some(1),
            |d| {
                d.links[1].header[member] = value;
            },
        );
    }
    book.deny("header-jwk-of-the-signer", "Signed by an intruder whose key stands in the header, under the issuer's name: libraries took the key that came along.", code, Some(1), |d| {
        d.links[1].signer = agent("mallory");
        d.links[1].header["jwk"] = mallory.clone();
    });
    book.deny("header-jwk-in-the-presentation", "The presentation brings its own key.", code, None, |d| {
        d.presentation.header["jwk"] = agent("carol").jwk()
    });
    book.deny(
        "header-jku-null",
        "`jku` without a value: that it stands there is enough.",
        code,
        Some(0),
        |d| d.links[0].header["jku"] = Value::Null,
    );
}

fn key_ids(book: &mut Book) {
    book.deny("kid-missing", "Without `kid` a verifier would have to try keys.", "malformed", Some(0), |d| {
        drop(d.links[0].header.as_object_mut().unwrap().remove("kid"))
    });
    book.permit("kid-left-out-by-did-keys", "A did:key is its one key, and need not name it again.", |d| {
        for sealed in d.links.iter_mut().skip(1).chain([&mut d.presentation]) {
            drop(sealed.header.as_object_mut().unwrap().remove("kid"));
        }
    });
    book.deny(
        "kid-left-out-by-an-intruder",
        "An intruder signs under the issuer's name and names no key.",
        "signature_invalid",
        Some(1),
        |d| {
            d.links[1].signed_by(&agent("mallory"));
            drop(d.links[1].header.as_object_mut().unwrap().remove("kid"));
        },
    );
    book.deny("kid-that-is-no-text", "A number for a `kid`.", "malformed", Some(0), |d| {
        d.links[0].header["kid"] = 1.into()
    });
    book.deny("header-that-is-an-array", "A header that is no object.", "malformed", Some(1), |d| {
        d.links[1].header_text(|text| format!("[{text}]"))
    });
    book.deny("header-that-is-no-json", "A header that is no JSON.", "malformed", None, |d| {
        d.presentation.header_text(|text| text.replace(':', "="))
    });
}
