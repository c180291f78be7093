//! Signatures: forged, misplaced, malleable.

use super::Book;
use crate::make::{
    actors::{agent, p256},
    draft::{ACME, deny, document, permit},
    tricks,
};

pub(crate) fn add(book: &mut Book) {
    forged(book);
    other_signatures(book);
    malleable(book);
}

fn forged(book: &mut Book) {
    let code = "signature_invalid";
    for (name, index) in [("root", 0), ("middle", 1), ("leaf", 2)] {
        book.deny(&format!("signature-of-the-{name}-by-somebody-else"), "A link signed by somebody other than its named issuer, under the issuer's key id: SDKs that looked only for some valid signature took it.", code, Some(index), |d| {
            d.links[index].signer = agent("mallory");
        });
    }
    book.deny(
        "signature-of-the-presentation-by-somebody-else",
        "A stolen chain, presented in the holder's name by another key.",
        code,
        None,
        |d| d.presentation.signer = agent("mallory"),
    );
}

fn other_signatures(book: &mut Book) {
    let code = "signature_invalid";
    book.deny("signature-of-zeros", "64 zero bytes.", code, Some(1), |d| d.links[1].sign(|_| vec![0; 64]));
    book.deny(
        "signature-of-zeros-by-es256",
        "r and s of zero: the psychic signature that Java's ECDSA took for any message.",
        code,
        Some(1),
        |d| {
            d.cast(0, &p256("paula"));
            d.links[1].sign(|_| vec![0; 64]);
        },
    );
    book.deny(
        "signature-in-der",
        "ECDSA in DER, as X.509 has it, where JOSE wants 64 bytes.",
        "malformed",
        Some(1),
        |d| {
            d.cast(0, &p256("paula"));
            d.links[1].sign(|_| {
                let mut der = vec![0x30, 0x44, 0x02, 0x20];
                der.extend([0x11; 32]);
                der.extend([0x02, 0x20]);
                der.extend([0x22; 32]);
                der
            });
        },
    );
    book.deny(
        "signature-of-another-link",
        "The leaf carries the signature of its parent.",
        code,
        Some(2),
        |d| {
            let signature = d.secured()[1].rsplit_once('.').unwrap().1.to_owned();
            d.links[2].part(2, move |_| signature.clone());
        },
    );
    book.deny(
        "signature-by-the-key-that-was-replaced",
        "The document has a new key under the old id.",
        code,
        Some(0),
        |d| {
            let next = agent("acme's next key").named(ACME, "did:web:acme.example#key-1");
            d.documents[0] = document(&next);
        },
    );
    book.story("nonce-burnt-by-a-forgery", "Somebody who has seen the challenge sends a forgery first. A nonce that is consumed before the signature is checked locks the genuine agent out.", |d| {
        let genuine = d.presentation.signer.clone();
        d.presentation.signer = agent("mallory");
        d.step(deny(code, None));
        d.presentation.signer = genuine;
        d.step(permit());
    });
}

fn malleable(book: &mut Book) {
    let code = "signature_invalid";
    book.deny("ed25519-s-plus-the-order", "S + L satisfies the same equation: a second encoding of one signature (RFC 8032 section 5.1.7 forbids it).", code, Some(1), |d| d.links[1].part(2, tricks::ed25519_plus_order));
    book.deny(
        "ed25519-s-plus-the-order-in-the-presentation",
        "The same in the presentation.",
        code,
        None,
        |d| d.presentation.part(2, tricks::ed25519_plus_order),
    );
    book.deny("ed25519-r-of-small-order", "R is the point of order one; the key's holder can make it, and verifiers differ in whether it holds.", code, Some(1), |d| {
        d.links[1].sign(|input| tricks::ed25519_small_order("ada", input));
    });
    book.permit("es256-re-encoded", "(r, n - s) is a valid ECDSA signature, too; nothing is gained by it, see the budget that it must not renew.", |d| {
        d.cast(1, &p256("paula"));
        d.links[2].part(2, tricks::p256_negate);
    });
}
