//! What is signed is read; a change of one byte is noticed; no bytes make anything panic.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod world;

use http::HeaderValue;
use legation_http_signature::{AgentDelegation, join, read, signature_base};
use proptest::prelude::*;
use world::Request;

fn request() -> impl Strategy<Value = Request> {
    let link = "ey[A-Za-z0-9_-]{0,20}\\.[A-Za-z0-9_-]{1,20}\\.[A-Za-z0-9_-]{1,20}";
    (
        "[A-Z]{1,8}",
        "https?://[a-z0-9.-]{1,12}(:[0-9]{1,5})?(/[!$-.0-;=@-~]{0,10}){0,3}(\\?[!$-~]{0,12})?",
        prop::collection::vec(link, 1..4),
        prop::collection::vec(any::<u8>(), 0..40),
        "[ -~]{1,128}",
        1..=300i64,
    )
        .prop_map(|(method, target_uri, links, body, nonce, lifetime)| {
            let links: Vec<_> = links.iter().map(String::as_str).collect();
            let mut request = world::unsigned();
            let delegation = AgentDelegation::Chain(join(&links).unwrap());
            // Half of the requests present the digest.
            let delegation = match body.len() % 2 {
                0 => delegation,
                _ => AgentDelegation::Digest(delegation.digest()),
            };
            request.headers.insert("agent-delegation", delegation.to_header());
            (request.method, request.target_uri, request.body) = (method, target_uri, body);
            request.try_sign(&nonce, lifetime).unwrap();
            request
        })
}

/// Another printable byte at that place.
fn altered(text: &str, place: prop::sample::Index, by: u8) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = place.index(bytes.len());
    bytes[at] = b' ' + (bytes[at] - b' ' + 1 + by % 94) % 95;
    String::from_utf8(bytes).unwrap()
}

proptest! {
    #[test]
    fn what_is_signed_is_read(request in request()) {
        prop_assert!(AgentDelegation::parse(&request.headers).is_ok());
        let proof = read(&request.message()).unwrap();
        prop_assert_eq!(&request.judged().unwrap(), &proof.signing_input);
        prop_assert_eq!(&signature_base(&request.message(), "legation").unwrap(), &proof.signing_input);
        prop_assert_eq!(proof.created, world::NOW);
    }

    #[test]
    fn one_byte_changed_anywhere_is_noticed(
        request in request(), part in 0..5usize, place: prop::sample::Index, by: u8
    ) {
        let mut request = request;
        match part {
            0 => request.method = altered(&request.method, place, by),
            1 => request.target_uri = altered(&request.target_uri, place, by),
            2 if request.body.is_empty() => request.body.push(by),
            2 => {
                let at = place.index(request.body.len());
                request.body[at] = request.body[at].wrapping_add(1 + by % 255);
            }
            3 => {
                let text = request.headers["agent-delegation"].to_str().unwrap().to_owned();
                let other = altered(&text, place, by);
                // White space at the ends is no part of the value.
                prop_assume!(other.trim() == other);
                request.set("agent-delegation", &other);
            }
            _ => {
                // The label is nobody's signature, and white space between parts says nothing.
                let text = request.headers["signature-input"].to_str().unwrap().to_owned();
                let other = altered(&text, place, by);
                let squeezed = |text: &str| text.split_once('=').map(|(_, rest)| rest.replace(' ', ""));
                prop_assume!(squeezed(&other) != squeezed(&text));
                request.set("signature-input", &other);
            }
        }
        prop_assert!(request.judged().is_err());
    }

    #[test]
    fn no_headers_make_it_panic(
        delegation in prop::collection::vec(any::<u8>(), 0..60),
        input in prop::collection::vec(any::<u8>(), 0..120),
        signature in prop::collection::vec(any::<u8>(), 0..60),
        target in "\\PC{0,40}",
    ) {
        let mut request = world::signed();
        for (name, value) in [("agent-delegation", delegation), ("signature-input", input), ("signature", signature)] {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                request.headers.insert(name, value);
            }
        }
        request.target_uri = target;
        let _ = AgentDelegation::parse(&request.headers);
        let _ = signature_base(&request.message(), "legation");
        prop_assert!(request.judged().is_err());
    }

    /// Texts that are nearly right reach further than arbitrary bytes do.
    #[test]
    fn no_nearly_right_input_makes_it_panic_or_pass(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "a", "legation", "=", "(", ")", "\"@method\"", "\"@target-uri\"", "\"agent-delegation\"",
            "\"content-digest\"", "\"@authority\"", " ", ";", ",", "created", "expires", "nonce", "keyid", "alg", "key",
            "\"", "\\", ":", "?1", "%\"", "@1", "1795255200", "1795255260", "-", ".", "1.5", "\"n\"",
            "\"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k\"", "\"sha-256\"", "*", "::", ":AA=:",
        ]), 0..30)
    ) {
        let mut request = world::signed();
        let text = pieces.concat();
        request.set("signature-input", &text);
        let _ = signature_base(&request.message(), "a");
        prop_assert!(request.judged().is_err());
        for name in ["signature", "content-digest", "agent-delegation"] {
            let mut request = world::signed();
            request.set(name, &text);
            let _ = AgentDelegation::parse(&request.headers);
            prop_assert!(request.judged().is_err(), "{}: {}", name, text);
        }
    }
}
