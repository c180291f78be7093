//! `Agent-Delegation`: what is one, and what is none.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod world;

use http::HeaderValue;
use legation_http_signature::{AgentDelegation, MAX_DELEGATION_BYTES, join};

#[test]
fn an_agent_delegation_is_one_token_or_digest() {
    let long = format!("eyJh.eyJp.{}", "a".repeat(MAX_DELEGATION_BYTES));
    let most = format!("eyJh.eyJp.{}", "a".repeat(MAX_DELEGATION_BYTES - 10));
    let zeros = format!(":{}=:", "A".repeat(43));
    let cases: &[(&str, &str, Result<(), &str>)] = &[
        ("one link", "eyJh.eyJp.c2ln", Ok(())),
        ("two links", "eyJh.eyJp.c2ln~eyJh.eyJp.c2ln", Ok(())),
        ("a digest", &zeros, Ok(())),
        ("white space around it", "  eyJh.eyJp.c2ln \t", Ok(())),
        ("as long as it may be", &most, Ok(())),
        ("one byte longer", &long, Err("input_too_large")),
        ("nothing", "", Err("malformed")),
        ("parameters", "eyJh.eyJp.c2ln;a=1", Err("malformed")),
        ("an inner list", "(eyJh.eyJp.c2ln)", Err("malformed")),
        ("a list", "eyJh.eyJp.c2ln, eyJh.eyJp.c2ln", Err("malformed")),
        ("a string", "\"eyJh.eyJp.c2ln\"", Err("malformed")),
        ("an empty link first", "~eyJh.eyJp.c2ln", Err("malformed")),
        ("an empty link last", "eyJh.eyJp.c2ln~", Err("malformed")),
        ("an empty link between", "eyJh.eyJp.c2ln~~eyJh.eyJp.c2ln", Err("malformed")),
        ("two parts", "eyJh.eyJp", Err("malformed")),
        ("four parts", "eyJh.eyJp.c2ln.a", Err("malformed")),
        ("an empty part", "eyJh..c2ln", Err("malformed")),
        ("a character of tokens only", "eyJh.eyJp.c2l!", Err("malformed")),
        ("a digest of 31 bytes", ":AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==:", Err("malformed")),
        ("a digest of 33 bytes", ":AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA:", Err("malformed")),
        ("a digest with parameters", &format!("{zeros};a"), Err("malformed")),
        ("a tab inside", "eyJh.eyJp.\tc2ln", Err("malformed")),
    ];
    for (name, value, expected) in cases {
        let mut request = world::unsigned();
        request.set("agent-delegation", value);
        let read = AgentDelegation::parse(&request.headers);
        assert_eq!(read.clone().map(drop).map_err(|error| error.code()), *expected, "{name}");
        if let Ok(delegation) = read {
            assert_eq!(delegation.to_header(), value.trim(), "{name}");
        }
    }
    assert_eq!(join(&[&most]).map(drop), Ok(()));
    assert_eq!(join(&[&long]).unwrap_err().code(), "input_too_large");
    let mut request = world::unsigned();
    request.set("agent-delegation", &(zeros + &" ".repeat(MAX_DELEGATION_BYTES)));
    assert_eq!(AgentDelegation::parse(&request.headers).unwrap_err().code(), "input_too_large");
    request.set_bytes("agent-delegation", b"eyJh.eyJp.\xff");
    assert_eq!(AgentDelegation::parse(&request.headers).unwrap_err().code(), "malformed");
    request.set("agent-delegation", "eyJh.eyJp.c2ln");
    request.add("agent-delegation", "eyJh.eyJp.c2ln");
    assert_eq!(AgentDelegation::parse(&request.headers).unwrap_err().code(), "malformed");
    // A header can't hold other controls in the first place.
    assert!(HeaderValue::from_bytes(b"eyJh.eyJp.\r\nc2ln").is_err());
}

#[test]
fn a_digest_stands_for_its_chain() {
    let chain = AgentDelegation::Chain(join(&["eyJh.eyJp.c2ln", "eyJh.eyJx.c2lo"]).unwrap());
    let digest = AgentDelegation::Digest(chain.digest());
    assert_eq!(chain.digest(), digest.digest());
    // SHA-256 of `eyJh.eyJp.c2ln~eyJh.eyJx.c2lo`, by `openssl dgst`.
    assert_eq!(digest.to_header(), ":ZOvnlxJErJQxeZFNASbzwEHCaXv/inMTLCPmVhn13gw=:");
    for links in [&[][..], &[""], &["eyJh.eyJp.c2ln~eyJh.eyJp.c2ln"], &["eyJh.eyJp.c2ln", "a"], &["1.2.3"]] {
        assert!(join(links).is_err(), "{links:?}");
    }
}
