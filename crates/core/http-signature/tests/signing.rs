//! What is not signed, since nobody could read it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod world;

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
