//! What is read of a card and what its canonical forms are.

#![allow(clippy::unwrap_used)]

use legation_agent_card::{Form, UnverifiedCard, legacy};
use serde_json::{Value, json};

fn spec(card: &Value) -> String {
    UnverifiedCard::parse(card.to_string().as_bytes()).unwrap().canonical(Form::Spec)
}

fn sdk(card: &Value) -> String {
    UnverifiedCard::parse(card.to_string().as_bytes()).unwrap().canonical(Form::Sdk)
}

#[test]
fn the_example_of_the_specification_has_its_canonical_form() {
    // A2A §8.4.1.
    let card = json!({"name": "Example Agent", "description": "", "skills": [],
        "capabilities": {"streaming": false, "pushNotifications": false, "extensions": []}});
    assert_eq!(
        spec(&card),
        r#"{"capabilities":{"pushNotifications":false,"streaming":false},"description":"","name":"Example Agent","skills":[]}"#
    );
    assert_eq!(
        sdk(&card),
        r#"{"capabilities":{"pushNotifications":false,"streaming":false},"name":"Example Agent"}"#
    );
    assert_eq!((spec(&json!({})), sdk(&json!({"name": ""}))), ("{}".into(), "{}".into()));
}

#[test]
fn presence_decides_what_stays() {
    for (card, wanted) in [
        // Implicit defaults go.
        (
            json!({"supportedInterfaces": [{"url": "u", "tenant": ""}]}),
            r#"{"supportedInterfaces":[{"url":"u"}]}"#,
        ),
        (json!({"securitySchemes": {}, "securityRequirements": []}), "{}"),
        (
            json!({"capabilities": {"extensions": [{"uri": "", "required": false, "description": ""}]}}),
            r#"{"capabilities":{"extensions":[{}]}}"#,
        ),
        // REQUIRED and explicit ones stay, and so does a message that is set.
        (
            json!({"iconUrl": "", "documentationUrl": "", "provider": {"url": ""}, "capabilities": {}}),
            r#"{"capabilities":{},"documentationUrl":"","iconUrl":"","provider":{"url":""}}"#,
        ),
        (json!({"provider": {}, "supportedInterfaces": []}), r#"{"provider":{},"supportedInterfaces":[]}"#),
        (
            json!({"securitySchemes": {"tls": {"mtlsSecurityScheme": {"description": ""}}}}),
            r#"{"securitySchemes":{"tls":{"mtlsSecurityScheme":{}}}}"#,
        ),
        (
            json!({"securityRequirements": [{"schemes": {"key": {"list": []}}}, {"schemes": {}}]}),
            r#"{"securityRequirements":[{"schemes":{"key":{}}},{}]}"#,
        ),
        // `null` is absent, but inside a Struct it is a value.
        (
            json!({"name": null, "capabilities": {"extensions": [{"params": {"a": null}}]}}),
            r#"{"capabilities":{"extensions":[{"params":{"a":null}}]}}"#,
        ),
    ] {
        assert_eq!(spec(&card), wanted);
    }
}

#[test]
fn empty_values_leave_the_sdk_form_at_every_depth() {
    let params = json!({"a": [[], [""], {"b": {}}, null, 0, false], "c": {"d": [{}]}, "e": ""});
    let card =
        json!({"name": "A", "capabilities": {"extensions": [{"uri": "x", "params": params}, {"uri": ""}]}});
    assert_eq!(
        sdk(&card),
        r#"{"capabilities":{"extensions":[{"params":{"a":[0,false]},"uri":"x"}]},"name":"A"}"#
    );
}

#[test]
fn what_is_no_strict_json_or_no_card_is_refused_by_name() {
    for (text, wanted) in [
        (r#"{"name":"A","name":"B"}"#.to_owned(), "duplicate_member"),
        (r#"{"x":{"y":[{"a":1,"\u0061":1}]}}"#.to_owned(), "duplicate_member"),
        (r#"{"capabilities":{"extensions":[{"params":{"a":1,"a":1}}]}}"#.to_owned(), "duplicate_member"),
        (format!("{}{}", "[".repeat(33), "]".repeat(33)), "json_too_deep"),
        ("[".repeat(200_000), "json_too_deep"),
        (format!(r#"{{"name":"{}"}}"#, "a".repeat(300_000)), "input_too_large"),
        (r#"{"capabilities":{"extensions":[{"params":{"n":1e999}}]}}"#.to_owned(), "malformed"),
        (format!(r#"{{"x":{}}}"#, "9".repeat(400)), "malformed"),
        (r#"{"name":7}"#.to_owned(), "malformed"),
        (r#"{"capabilities":[]}"#.to_owned(), "malformed"),
        (r#"{"capabilities":{"extensions":[{"params":[]}]}}"#.to_owned(), "malformed"),
        (r#"{"skills":[null]}"#.to_owned(), "malformed"),
        (r#"{"securitySchemes":{"a":"b"}}"#.to_owned(), "malformed"),
        (
            r#"{"securitySchemes":{"a":{"mtlsSecurityScheme":{},"apiKeySecurityScheme":{}}}}"#.to_owned(),
            "malformed",
        ),
        (r#"{"signatures":{}}"#.to_owned(), "malformed"),
        ("[]".to_owned(), "malformed"),
        (String::new(), "malformed"),
        (r#"{"url":"https://a.example"}"#.to_owned(), "card_legacy"),
        (r#"{"protocolVersion":"0.3.0"}"#.to_owned(), "card_legacy"),
    ] {
        let shown: String = text.chars().take(80).collect();
        assert_eq!(
            UnverifiedCard::parse(text.as_bytes()).err().map(|error| error.code()),
            Some(wanted),
            "{shown}"
        );
    }
    let error = UnverifiedCard::parse(br#"{"skills":[{},{"tags":["a",1]}]}"#).unwrap_err();
    assert_eq!(error.to_string(), "`skills.1.tags.1` is an integer, expected a string");
}

#[test]
fn a_card_of_0_3_is_read_and_converted() {
    let old = json!({
        "protocolVersion": "0.3.0", "name": "Old", "description": "d", "version": "1",
        "url": "https://a.example/a2a", "preferredTransport": "JSONRPC",
        "additionalInterfaces": [{"url": "https://a.example/a2a", "transport": "JSONRPC"},
            {"url": "https://a.example/rest", "transport": "HTTP+JSON"}],
        "capabilities": {"streaming": true}, "supportsAuthenticatedExtendedCard": true,
        "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
        "securitySchemes": {"k": {"type": "apiKey", "in": "header", "name": "X"}, "x": {"type": "new", "a": 1},
            "o": {"type": "oauth2", "flows": {"implicit": {"authorizationUrl": "https://a.example", "scopes": {}}}}},
        "security": [{"k": []}, {"o": ["read"]}],
        "skills": [{"id": "s", "name": "S", "description": "d", "tags": [], "security": [{"k": []}]}],
        "signatures": [{"protected": "e30", "signature": "AA"}],
    });
    let card = legacy::read(old.to_string().as_bytes()).unwrap();
    assert_eq!(
        card,
        json!({
            "name": "Old", "description": "d", "version": "1",
            "supportedInterfaces": [
                {"url": "https://a.example/a2a", "protocolBinding": "JSONRPC", "protocolVersion": "0.3.0"},
                {"url": "https://a.example/rest", "protocolBinding": "HTTP+JSON", "protocolVersion": "0.3.0"}],
            "capabilities": {"streaming": true, "extendedAgentCard": true},
            "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
            "securitySchemes": {"k": {"apiKeySecurityScheme": {"location": "header", "name": "X"}}, "x": {},
                "o": {"oauth2SecurityScheme": {"flows": {"implicit": {"authorizationUrl": "https://a.example"}}}}},
            "securityRequirements": [{"schemes": {"k": {}}}, {"schemes": {"o": {"list": ["read"]}}}],
            "skills": [{"id": "s", "name": "S", "description": "d", "tags": [], "securityRequirements": [{"schemes": {"k": {}}}]}],
        })
    );
    let new = json!({"url": "u", "supportedInterfaces": []}).to_string();
    assert_eq!(legacy::read(new.as_bytes()).map_err(|error| error.code()), Err("card_not_legacy"));
    assert_eq!(legacy::read(b"{\"url\":1}").map_err(|error| error.code()), Err("malformed"));
}
