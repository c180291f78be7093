//! What the claims of a link say beside its credential: for whom it is, about whom, and by which key it may be used.

use super::Book;
use crate::make::{
    actors::agent,
    draft::{Draft, SHOP},
};
use legation_keys::Signer;
use serde_json::{Value, json};

const OTHER: &str = "did:web:other.example";

pub(crate) fn add(book: &mut Book) {
    audience(book);
    subject(book);
    confirmed(book);
    confirmed_and_vouched(book);
    confirmed_by_nothing(book);
}

fn claim(link: usize, name: &'static str, value: Value) -> impl Fn(&mut Draft) {
    move |d| d.claims(link)[name] = value.clone()
}

fn audience(book: &mut Book) {
    let code = "audience_mismatch";
    book.deny(
        "link-for-another-audience",
        "`aud` names another service: whoever is not named must not take the link (RFC 7519 section 4.1.3).",
        code,
        Some(1),
        claim(1, "aud", OTHER.into()),
    );
    book.deny(
        "root-for-several-others",
        "Nor where it names several, and none of them is this one.",
        code,
        Some(0),
        claim(0, "aud", json!([OTHER, "https://shop.example"])),
    );
    book.deny("link-for-nobody", "An empty array names nobody.", code, Some(2), claim(2, "aud", json!([])));
    book.permit(
        "link-for-this-audience-and-another",
        "A link may be for several: it is the presentation that is for one.",
        claim(1, "aud", json!([OTHER, SHOP])),
    );
    book.permit("link-for-this-audience", "`aud` as a text.", claim(2, "aud", SHOP.into()));
    for (name, value) in
        [("number", json!(7)), ("null", Value::Null), ("array-with-a-number", json!([SHOP, 7]))]
    {
        book.deny(
            &format!("link-audience-as-a-{name}"),
            "What names nobody that can be compared limits the link all the same.",
            "malformed",
            Some(1),
            claim(1, "aud", value),
        );
    }
}

fn subject(book: &mut Book) {
    book.deny(
        "link-with-another-subject-in-a-claim",
        "`sub` names mallory, `credentialSubject` bob: one of both would be somebody's mistake.",
        "holder_mismatch",
        Some(1),
        claim(1, "sub", agent("mallory").did.as_str().into()),
    );
    book.permit(
        "link-with-its-subject-in-a-claim",
        "`sub` says the same as `credentialSubject.id`.",
        claim(1, "sub", agent("bob").did.as_str().into()),
    );
    book.deny(
        "link-subject-claim-as-a-number",
        "No name at all.",
        "malformed",
        Some(1),
        claim(1, "sub", 7.into()),
    );
}

fn confirmed(book: &mut Book) {
    let code = "key_not_found";
    let mallory = agent("mallory");
    book.deny(
        "link-confirmed-for-another-key",
        "`cnf` says that only mallory's key may use the link (RFC 7800 section 3.1); bob passes it on by his own.",
        code,
        Some(2),
        claim(1, "cnf", json!({"jwk": mallory.jwk()})),
    );
    book.deny(
        "leaf-confirmed-for-another-key",
        "The same in the last link, which carol presents.",
        code,
        None,
        claim(2, "cnf", json!({"jkt": mallory.key.public_key().thumbprint()})),
    );
    book.deny(
        "leaf-confirmed-by-another-name",
        "A `kid` that names no key of carol.",
        code,
        None,
        claim(2, "cnf", json!({"kid": mallory.kid})),
    );
    book.deny(
        "leaf-confirmed-for-two-keys",
        "By one name it is carol's key, by the other mallory's: `cnf` is of one key.",
        code,
        None,
        claim(2, "cnf", json!({"kid": agent("carol").kid, "jwk": mallory.jwk()})),
    );
    book.permit(
        "links-confirmed-for-their-subjects-keys",
        "By the key, by its thumbprint and by its name, beside a member that is not understood.",
        |d| {
            let (ada, bob, carol) = (agent("ada"), agent("bob"), agent("carol"));
            d.claims(0)["cnf"] = json!({"jwk": ada.jwk()});
            d.claims(1)["cnf"] = json!({"jkt": bob.key.public_key().thumbprint(), "x5t#S256": "AA"});
            d.claims(2)["cnf"] = json!({"kid": carol.kid});
        },
    );
}

fn confirmed_and_vouched(book: &mut Book) {
    book.deny(
        "vouched-leaf-confirmed-for-a-key",
        "The link asks for a signature by a key, and nobody signed.",
        "key_not_found",
        None,
        |d| {
            d.vouch();
            d.claims(2)["cnf"] = json!({"jwk": agent("carol").jwk()});
        },
    );
}

fn confirmed_by_nothing(book: &mut Book) {
    for (name, value) in [
        ("a-certificate", json!({"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"})),
        (
            "a-private-key",
            json!({"jwk": serde_json::from_str::<Value>(&agent("carol").key.to_jwk().unwrap()).unwrap()}),
        ),
        ("nothing", json!({})),
        ("a-text", json!("carol")),
    ] {
        book.deny(
            &format!("link-confirmed-by-{name}"),
            "Whoever issued it wanted it bound to something that can't be looked at here.",
            "malformed",
            Some(2),
            claim(2, "cnf", value),
        );
    }
}
