//! Requests of Anthropic's messages: what passes as it came, and what does not pass at all.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use legation_credential::Value as Fact;
use legation_gateway::{
    anthropic::{Messages, Meter, usage::of_answer},
    openai::{ChatError, Usage},
};
use legation_registry::model::Model;
use proptest::prelude::*;
use serde_json::{Value, json};

fn model() -> Model {
    serde_json::from_value(json!({
        "group": "standard", "name": "claude", "protocol": "anthropic", "maxOutputTokens": 64000, "maxInputTokens": 200_000,
        "targets": [{"baseUrl": "https://api.anthropic.com/v1", "model": "claude-sonnet-4-5-20250929", "secret": "an"}],
        "price": {"currency": "USD", "input": 300, "cachedInput": 30, "cacheWrite": 375, "output": 1500}
    }))
    .unwrap()
}

fn with(members: &Value) -> Value {
    let mut body =
        json!({"model": "claude", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

fn read(members: &Value) -> Result<Messages, ChatError> {
    Messages::read(with(members).to_string().as_bytes())
}

fn content(block: &Value) -> Value {
    json!({"messages": [{"role": "user", "content": [block]}]})
}

#[test]
fn what_sdks_send_passes_as_it_came_but_for_the_models_name() {
    let cached = json!({"type": "ephemeral"});
    let cases = [
        json!({}),
        json!({"system": "Be brief.", "temperature": 0.5, "top_p": 0.9, "top_k": 5, "stop_sequences": ["x"]}),
        json!({"system": [{"type": "text", "text": "Be brief.", "cache_control": cached}], "service_tier": "auto"}),
        json!({"stream": true, "metadata": {"user_id": "u-1"}, "thinking": {"type": "enabled", "budget_tokens": 1024}}),
        json!({"output_config": {"effort": "low"}, "cache_control": {"type": "ephemeral", "ttl": "5m"}}),
        json!({
            "tools": [{"name": "get", "description": "d", "input_schema": {"type": "object"}, "cache_control": cached}],
            "tool_choice": {"type": "auto"},
            "messages": [
                {"role": "user", "content": "weather?"},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                    {"type": "redacted_thinking", "data": "ZGF0YQ"},
                    {"type": "text", "text": "I look.", "citations": null},
                    {"type": "tool_use", "id": "toolu_1", "name": "get", "input": {"at": "Rome"}, "caller": {"type": "direct"}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "sun"}]},
                    {"type": "tool_result", "tool_use_id": "toolu_2", "is_error": true, "content": "rain"},
                ]},
            ],
        }),
    ];
    for members in cases {
        let asked = read(&members).unwrap_or_else(|error| panic!("{members}: {error}"));
        let target = &model().targets[0];
        let mut sent: Value = serde_json::from_slice(&asked.forward(target)).unwrap();
        assert_eq!(sent["model"], "claude-sonnet-4-5-20250929");
        sent["model"] = json!("claude");
        assert_eq!(sent, with(&members));
        assert!(!format!("{asked:?}").contains("Hello"));
    }
    assert_eq!(read(&json!({"metadata": {"user_id": "u-1"}})).unwrap().user(), Some("u-1"));
}

#[test]
fn what_is_not_listed_costs_or_keeps_something_else_and_does_not_pass() {
    let cases = [
        (json!({"max_tokens": null}), "missing_member"),
        (json!({"max_tokens": 0}), "out_of_range"),
        (json!({"max_tokens": "5"}), "wrong_member"),
        (json!({"messages": []}), "wrong_member"),
        (json!({"messages": [{"role": "system", "content": "x"}]}), "wrong_member"),
        (json!({"messages": [{"role": "user"}]}), "missing_member"),
        (json!({"messages": [{"role": "user", "content": "x", "name": "y"}]}), "unknown_member"),
        (json!({"container": "c"}), "unsupported_member"),
        (json!({"mcp_servers": []}), "unsupported_member"),
        (json!({"speed": "fast"}), "unsupported_member"),
        (json!({"inference_geo": "us"}), "unsupported_member"),
        (json!({"service_tier": "priority"}), "unsupported_member"),
        (json!({"cache_control": {"type": "ephemeral", "ttl": "1h"}}), "unsupported_member"),
        (json!({"metadata": {"user_id": "u", "more": 1}}), "unknown_member"),
        (json!({"never_heard_of": 1}), "unknown_member"),
        (json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}), "unsupported_member"),
        (json!({"tools": [{"type": "bash_20250124", "name": "bash"}]}), "unsupported_member"),
        (json!({"tools": [{"name": "x", "allowed_callers": ["code_execution_20250825"]}]}), "unknown_member"),
        (
            content(&json!({"type": "image", "source": {"type": "url", "url": "https://a.example"}})),
            "unbounded_input",
        ),
        (
            content(&json!({"type": "document", "source": {"type": "file", "file_id": "f"}})),
            "unbounded_input",
        ),
        (content(&json!({"type": "container_upload", "file_id": "f"})), "unbounded_input"),
        (
            content(&json!({"type": "server_tool_use", "id": "x", "name": "web_search", "input": {}})),
            "wrong_member",
        ),
        (
            content(
                &json!({"type": "tool_use", "id": "x", "name": "y", "input": {}, "caller": {"type": "code_execution_20250825"}}),
            ),
            "unsupported_member",
        ),
        (
            content(
                &json!({"type": "tool_result", "tool_use_id": "x", "content": [{"type": "image", "source": {}}]}),
            ),
            "unbounded_input",
        ),
        (
            content(&json!({"type": "text", "text": "x", "citations": [{"type": "page_location"}]})),
            "unsupported_member",
        ),
        (json!({"system": [{"type": "image"}]}), "wrong_member"),
    ];
    for (members, code) in cases {
        let error = read(&members).unwrap_err();
        assert_eq!(error.code(), code, "{members}: {error}");
        assert!(!error.to_string().contains("::"), "{error}");
    }
    for body in ["", "[]", "{\"model\":\"a\",\"model\":\"b\"}", "{\"messages\":"] {
        assert!(Messages::read(body.as_bytes()).is_err(), "{body}");
    }
    let counted = with(&json!({"max_tokens": null}));
    assert!(Messages::read_to_count(counted.to_string().as_bytes()).is_ok());
    assert_eq!(
        Messages::read_to_count(with(&json!({"stream": true})).to_string().as_bytes()).unwrap_err().code(),
        "unknown_member"
    );
}

#[test]
fn what_it_may_cost_is_bounded_by_its_bytes_and_thoughts_weigh_more() {
    let model = model();
    let plain = read(&json!({})).unwrap();
    let most = plain.at_most(&model).unwrap();
    assert!((1100..1300).contains(&most.input), "{most:?}");
    assert_eq!((most.each, most.output), (100, 100));
    // The dearest of a token of the prompt is one that is written to the cache.
    assert_eq!(most.cost, most.input * 375 + 100 * 1500);
    let facts = plain.facts(&model).unwrap();
    assert_eq!((&facts["n"], &facts["max_tokens"]), (&Fact::Integer(1), &Fact::Integer(100)));
    let signature = "a".repeat(1000);
    let thought = content(&json!({"type": "thinking", "thinking": "", "signature": signature}));
    let text = content(&json!({"type": "text", "text": signature}));
    let of = |members: &Value| read(members).unwrap().at_most(&model).unwrap().input;
    assert!(of(&thought) > of(&text) + 3900);
    assert_eq!(
        read(&json!({"max_tokens": 64001})).unwrap().at_most(&model).unwrap_err().code(),
        "answer_too_long"
    );
    let free = plain.facts_to_count(&model).unwrap();
    assert_eq!(free["amountMicros"], Fact::Integer(0));
}

#[test]
fn usage_is_what_the_answer_says_and_lies_are_not_believed() {
    let answer = |usage: &str| of_answer(format!(r#"{{"content":[],"usage":{usage}}}"#).as_bytes());
    let full = r#"{"input_tokens":10,"cache_read_input_tokens":1000,"cache_creation_input_tokens":200,"output_tokens":7,"output_tokens_details":{"reasoning_tokens":3},"server_tool_use":null}"#;
    assert_eq!(answer(full).unwrap(), Usage { input: 1210, cached: 1000, written: 200, output: 7, other: 0 });
    for (usage, code) in [
        (r#"{"input_tokens":10}"#, "usage_malformed"),
        (r#"{"output_tokens":10}"#, "usage_malformed"),
        (r#"{"input_tokens":-1,"output_tokens":10}"#, "usage_malformed"),
        (r#"{"input_tokens":1e3,"output_tokens":10}"#, "usage_malformed"),
        (r#"{"input_tokens":1,"output_tokens":99999999999}"#, "usage_malformed"),
        ("7", "answer_unreadable"),
        ("null", "usage_missing"),
    ] {
        assert_eq!(answer(usage).unwrap_err().code(), code, "{usage}");
    }
}

const STREAM: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":9,\"cache_read_input_tokens\":5,\"output_tokens\":1}}}\n\n\
event: ping\ndata: {\"type\":\"ping\"}\n\n\
event: content_block_delta\r\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"\\\"usage\\\" message_stop\"}}\r\n\r\n\
event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":42}}\n\n\
event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

proptest! {
    /// However a stream is cut into pieces, the same bytes go on and the same usage is read; and cut off anywhere before
    /// its end nobody believes how long the answer is.
    #[test]
    fn a_stream_is_the_same_in_whatever_pieces_and_cut_off_its_usage_is_not_known(
        cuts in proptest::collection::vec(0..STREAM.len(), 0..12), end in 0..STREAM.len(),
    ) {
        let mut cuts = cuts;
        cuts.extend([0, STREAM.len()]);
        cuts.sort_unstable();
        let mut meter = Meter::default();
        let mut out = Vec::new();
        for pair in cuts.windows(2) {
            out.extend(meter.push(&STREAM.as_bytes()[pair[0]..pair[1]]));
        }
        let ended = meter.end();
        out.extend(&ended.rest);
        prop_assert_eq!(String::from_utf8(out).unwrap(), STREAM);
        prop_assert!(ended.finished);
        prop_assert_eq!(ended.usage, Some(Usage { input: 14, cached: 5, written: 0, output: 42, other: 0 }));
        let mut cut = Meter::default();
        let _ = cut.push(&STREAM.as_bytes()[..end]);
        let cut = cut.end();
        let said = STREAM.find("message_delta\"").unwrap();
        prop_assert!(cut.usage.is_none() || end > said);
    }

    #[test]
    fn no_stream_and_no_request_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut meter = Meter::default();
        let _ = meter.push(&bytes);
        let _ = meter.end();
        let _ = Messages::read(&bytes);
        let _ = of_answer(&bytes);
    }
}
