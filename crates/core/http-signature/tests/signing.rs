//! What is not signed, since nobody could read it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod world;

use core::cell::RefCell;
use legation_http_signature::{Signing, read_base, sign};
use legation_keys::{
    Algorithm, PublicKey, SecretKey, Signer, public::Signature, secret::SignError as SecretSignError,
};
use world::Request;

#[test]
fn a_request_is_not_signed_where_nobody_could_read_it() {
    let code = |change: fn(&mut Request), nonce: &str, lifetime: i64| {
        let mut request = world::unsigned();
        change(&mut request);
        request.try_sign(nonce, lifetime).map_err(|error| error.code())
    };
    let none: fn(&mut Request) = |_| {};
    assert_eq!(code(none, "n", 300), Ok(()));
    assert_eq!(code(none, "n", 301), Err("presentation_stale"));
    assert_eq!(code(none, "n", 0), Err("presentation_stale"));
    assert_eq!(code(none, "n", i64::MAX), Err("presentation_stale"));
    assert_eq!(code(none, "", 60), Err("malformed"));
    assert_eq!(code(none, "n\n", 60), Err("malformed"));
    assert_eq!(code(none, "né", 60), Err("malformed"));
    assert_eq!(code(none, &"n".repeat(129), 60), Err("malformed"));
    assert_eq!(code(|r| r.drop("agent-delegation"), "n", 60), Err("chain_empty"));
    assert_eq!(code(|r| r.set("agent-delegation", "x"), "n", 60), Err("malformed"));
    assert_eq!(code(|r| r.target("/rooms"), "n", 60), Err("malformed"));
    assert_eq!(code(|r| r.method.clear(), "n", 60), Err("malformed"));
    let signed = |r: &mut Request| r.try_sign("n", 60).unwrap();
    assert_eq!(code(signed, "n2", 60), Err("already_signed"));
    for (input, signature) in [
        ("legation=(\"@method\")", "a=:AAAA:"),
        ("a=(\"@method\")", "legation=:AAAA:"),
        ("a=(\"agent-delegation\")", "a=:AAAA:"),
    ] {
        let mut request = world::unsigned();
        request.set("signature-input", input);
        request.set("signature", signature);
        assert_eq!(request.try_sign("n", 60).unwrap_err().code(), "already_signed", "{input}");
    }
    let others = |r: &mut Request| {
        r.set("signature-input", "proxy=(\"@authority\")");
        r.set("signature", "proxy=:AAAA:");
    };
    assert_eq!(code(others, "n", 60), Ok(()));
}

/// A server may hand on headers that were sent without a value. What stands beside them is signed and read.
#[test]
fn an_empty_line_is_no_part_of_what_is_signed() {
    let mut request = world::unsigned();
    request.set("signature", "");
    request.set("signature-input", "");
    request.try_sign("n", 60).unwrap();
    request.judged().unwrap();
}

/// A signer that keeps what it is asked to sign.
struct Asked<'k>(&'k SecretKey, RefCell<String>);

impl Signer for Asked<'_> {
    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SecretSignError> {
        self.1.replace(String::from_utf8(message.to_vec()).unwrap());
        self.0.sign(message)
    }
}

/// The signature base of a request with a body, and of one of Web Bot Auth.
fn bases() -> (SecretKey, Vec<String>) {
    let key = SecretKey::generate(Algorithm::EdDsa).unwrap();
    let request = world::unsigned();
    let bases =
        [None, Some("https://agent.example/.well-known/http-message-signatures-directory")].map(|agent| {
            let asked = Asked(&key, RefCell::default());
            let occasion = Signing { created: 1_795_255_200, expires: 1_795_255_260, nonce: "n", agent };
            sign(&request.message(), occasion, &asked).unwrap();
            asked.1.into_inner()
        });
    (key, bases.to_vec())
}

#[test]
fn who_signs_for_another_process_reads_what_it_is_asked_to_sign() {
    let (key, bases) = bases();
    for base in &bases {
        let read = read_base(base).unwrap();
        assert_eq!((read.created, read.expires), (1_795_255_200, 1_795_255_260));
        assert_eq!((read.method.as_str(), read.target_uri), ("POST", world::unsigned().target_uri));
        assert_eq!(read.key_thumbprint, key.public_key().thumbprint());
        let code = |text: &str| read_base(text).map(drop).map_err(|error| error.code());
        let (lines, last) = base.rsplit_once('\n').unwrap();
        for (wrong, name) in [
            (format!("{base}\n"), "a line more"),
            (format!("\"x\": y\n{base}"), "a line that is not listed"),
            (format!("{lines}\n\"x\": y\n{last}"), "a line behind those that are listed"),
            (last.to_owned(), "no lines"),
            (lines.to_owned(), "no last line"),
            (
                base.replacen("\"@method\": ", "\"@method\":  ", 1).replacen("\"@method\"", "\"@path\"", 1),
                "another name",
            ),
            (base.replace("\"@target-uri\"", "\"@path\""), "no target"),
            (base.replace("\"agent-delegation\"", "\"agent-approval\""), "no delegation"),
            (base.replacen(";created=", "; created=", 1), "not as it is written"),
            (base.replacen(";nonce=", ";app=\"x\";nonce=", 1), "a parameter that limits it"),
            (base.replace("expires=1795255260", "expires=1795955260"), "a life of a week"),
            (base.replacen("\"@method\" \"@target-uri\"", "\"@target-uri\" \"@method\"", 1), "another order"),
        ] {
            assert!(code(&wrong).is_err(), "{name}: {wrong}");
        }
        let twice = base.replacen("(\"@method\"", "(\"@method\" \"@method\"", 1).replacen(
            "\"@method\": POST\n",
            "\"@method\": GET\n\"@method\": POST\n",
            1,
        );
        assert_eq!(code(&twice), Err("malformed"), "which one counts, nobody knows");
    }
    for other in ["", "\n", "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJtZSJ9", "legation.example/log\n3\nAAAA\n"] {
        assert!(read_base(other).is_err(), "what else a key may sign is no request: {other}");
    }
}
