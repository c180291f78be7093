//! Errors and lists in the provider's shape.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use legation_gateway::openai::{ErrorShape, Meter, error::status_and_type, models};
use legation_registry::model::{Model, Protocol, Target};
use legation_verifier::Code;
use serde_json::{Value, json};

/// Whether OpenAI's SDKs for Python and Node would send the request again.
fn is_retried(error: &ErrorShape<'_>) -> bool {
    let headers = error.headers();
    let said = headers.iter().find(|(name, _)| *name == "x-should-retry").map(|(_, value)| value.as_str());
    match said {
        Some("true") => true,
        Some("false") => false,
        _ => matches!(error.status(), 408 | 409 | 429 | 500..),
    }
}

fn header(error: &ErrorShape<'_>, wanted: &str) -> Option<String> {
    error.headers().into_iter().find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

#[test]
fn nothing_is_tried_again_but_what_was_not_done() {
    let own = [
        "unpriced",
        "model_not_found",
        "api_key_unknown",
        "upstream_failed",
        "upstream_unreachable",
        "store_unavailable",
        "lease_expired",
        "malformed",
        "never_heard_of",
        "",
    ];
    for code in own.into_iter().chain(Code::ALL.iter().map(|code| code.as_str())) {
        let error = ErrorShape::new(code, "x");
        assert_eq!(is_retried(&error), error.status() == 503, "{code}");
        assert_eq!(header(&error, "retry-after").is_some(), error.status() == 503, "{code}");
        assert_eq!(header(&error, "www-authenticate").is_some(), error.status() == 401, "{code}");
        assert!(!matches!(error.status(), 408 | 409), "{code}");
    }
}

#[test]
fn each_refusal_has_the_status_that_its_caller_can_act_on() {
    for (code, status, kind) in [
        ("budget_exceeded", 429, "insufficient_quota"),
        ("rate_exceeded", 429, "rate_limit_error"),
        ("approval_required", 403, "permission_error"),
        ("not_granted", 403, "permission_error"),
        ("constraint_violated", 403, "permission_error"),
        ("policy_denied", 403, "permission_error"),
        ("unpriced", 403, "permission_error"),
        ("api_key_unknown", 401, "invalid_request_error"),
        ("api_key_blocked", 401, "invalid_request_error"),
        ("api_key_expired", 401, "invalid_request_error"),
        ("no_delegation", 401, "invalid_request_error"),
        ("signer_gone", 503, "server_error"),
        ("link_revoked", 401, "invalid_request_error"),
        ("expired", 401, "invalid_request_error"),
        ("model_not_found", 404, "invalid_request_error"),
        ("unbounded_input", 400, "invalid_request_error"),
        ("input_too_large", 413, "invalid_request_error"),
        ("status_stale", 503, "server_error"),
        ("store_unavailable", 503, "server_error"),
        ("upstream_failed", 502, "server_error"),
        ("a_code_of_tomorrow", 500, "server_error"),
    ] {
        assert_eq!(status_and_type(code), (status, kind), "{code}");
    }
}

#[test]
fn an_error_is_what_the_sdks_read() {
    let message = "the member `messages[0].content` is \"x\"\u{2028}; expected a text";
    let error = ErrorShape {
        param: Some("messages[0].content"),
        request_id: Some("req_1"),
        ..ErrorShape::new("wrong_member", message)
    };
    let body: Value = serde_json::from_slice(&error.body()).unwrap();
    let wanted = json!({"error": {"message": message, "type": "invalid_request_error", "param": "messages[0].content", "code": "wrong_member"}});
    assert_eq!(body, wanted);
    assert_eq!(header(&error, "x-request-id").as_deref(), Some("req_1"));
    assert_eq!(header(&error, "content-type").as_deref(), Some("application/json"));
    let forged = ErrorShape { request_id: Some("a\r\nset-cookie: b"), ..error };
    assert_eq!(header(&forged, "x-request-id"), None);
    let later = ErrorShape { retry_after: Some(7), ..ErrorShape::new("store_unavailable", "x") };
    assert_eq!(header(&later, "retry-after").as_deref(), Some("7"));
}

#[test]
fn an_error_within_a_stream_is_one_event() {
    let error = ErrorShape::new("upstream_failed", "two\nlines\r\n\r\n");
    let event = error.event();
    let mut meter = Meter::new(false);
    assert_eq!(meter.push(&event), event, "it is whole at its end");
    assert_eq!(meter.end().rest, b"");
    let data = event.strip_prefix(b"data: ").unwrap();
    assert_eq!(serde_json::from_slice::<Value>(data).unwrap()["error"]["code"], "upstream_failed");
}

#[test]
fn a_model_of_two_groups_is_listed_once() {
    let model = |group: &str, name: &str| Model {
        group: group.to_owned(),
        name: name.to_owned(),
        protocol: Protocol::OpenAi,
        targets: vec![Target::new("https://a.example/", "hidden")],
        price: None,
        max_output_tokens: 1,
        max_input_tokens: 1,
    };
    let (b, a, again) = (model("x", "b"), model("x", "a"), model("y", "b"));
    let list: Value =
        serde_json::from_slice(&models::list(&[(&b, 9), (&a, 2), (&again, 5)], "acme.example")).unwrap();
    let one = |name: &str, created: i64| json!({"id": name, "object": "model", "created": created, "owned_by": "acme.example"});
    assert_eq!(list, json!({"object": "list", "data": [one("a", 2), one("b", 5)]}));
    assert_eq!(serde_json::from_slice::<Value>(&models::one(&b, 9, "acme.example")).unwrap(), one("b", 9));
}
