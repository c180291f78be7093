use legation_token::{Grant, Refused, TokenAlgorithm, TokenRequest};
use proptest::prelude::*;
use serde_json::Value;

const EXCHANGE: &str = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=a.b.c\
                        &subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt&audience=https%3A%2F%2Fapi.example";

#[test]
fn every_bad_request_is_refused_in_oauths_words() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../data/bad_requests.json")).unwrap();
    assert!(cases.len() >= 25);
    for case in cases {
        let text = |name: &str| case[name].as_str().unwrap_or_default();
        let body = text("body").replace("EXCHANGE", EXCHANGE);
        let refused = TokenRequest::read(body.as_bytes()).expect_err(text("name"));
        assert_eq!((refused.error, refused.code.as_str()), (text("error"), text("code")), "{}", text("name"));
    }
}

#[test]
fn what_is_asked_is_read_as_it_was_written() {
    let read = |more: &str| TokenRequest::read(format!("{EXCHANGE}{more}").as_bytes()).unwrap();
    let plain = read("&unknown=1&scope=");
    assert_eq!(plain.grant, Grant::Exchange { presentation: "a.b.c".to_owned() });
    assert_eq!(
        (plain.audience.as_deref().unwrap_or_default(), plain.scope.len(), plain.algorithm),
        ("https://api.example", 0, None)
    );
    let all = read(
        "&resource=https://api.example&scope=b:y+a:x%20a:x&token_signing_alg=RS256&client_id=did:web:a.example",
    );
    assert_eq!(all.scope.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a:x", "b:y"]);
    assert_eq!(
        (all.algorithm, all.client_id.as_deref()),
        (Some(TokenAlgorithm::Rs256), Some("did:web:a.example"))
    );
}

/// RFC 6749 §5.2: nothing but visible ASCII without quotes and backslashes, and nothing without end.
#[test]
fn a_description_is_what_the_rfc_lets_it_be() {
    let refused = Refused::request("c\"ode", format!("\"é\\\n\u{202e}{}", "x".repeat(5000)));
    let json = refused.to_json();
    let text = json["error_description"].as_str().unwrap();
    assert!(text.starts_with("'????") && text.len() <= 600, "{text}");
    assert_eq!(json["code"], "c'ode");
}

proptest! {
    #[test]
    fn no_body_panics_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = TokenRequest::read(&bytes);
    }

    #[test]
    fn no_bent_body_panics_the_reader(at in 0usize..250, cut in 0usize..20, piece in r"[%&=+a-z0-9.:é]{0,12}") {
        let bent: String = EXCHANGE.chars().take(at).chain(piece.chars()).chain(EXCHANGE.chars().skip(at + cut)).collect();
        let _ = TokenRequest::read(bent.as_bytes());
    }
}
