//! Chat completion requests: which pass, what they cost at most, and what the provider gets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use legation_credential::{Request, Value as Fact};
use legation_gateway::openai::{Chat, ChatError, bound, error::status_and_type, request};
use legation_registry::model::{Model, Price, Target};
use proptest::prelude::*;
use serde_json::{Value, json};

fn model() -> Model {
    serde_json::from_value(json!({
        "group": "standard", "name": "gpt-4o-mini", "maxOutputTokens": 16384, "maxInputTokens": 128_000,
        "targets": [{"baseUrl": "https://api.openai.com/v1", "model": "gpt-4o-mini-2024-07-18", "secret": "oa"}],
        "price": {"currency": "USD", "input": 15, "cachedInput": 8, "output": 60}
    }))
    .unwrap()
}

/// A request with these members in place of its own.
fn with(members: &Value) -> Value {
    let mut body = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

fn read(members: &Value) -> Result<Chat, ChatError> {
    Chat::read(with(members).to_string().as_bytes())
}

fn forwarded(chat: &Chat, target: &Target) -> Value {
    serde_json::from_slice(&chat.forward(target, &model()).unwrap()).unwrap()
}

#[test]
fn what_is_not_bounded_or_not_known_is_refused_by_name() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("openai_bad_requests.json")).unwrap();
    assert!(cases.len() > 60);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let text = match (&case["text"], &case["body"], &case["with"]) {
            (Value::String(text), _, _) => text.clone(),
            (_, body @ Value::Object(_), _) => body.to_string(),
            (_, _, members) => with(members).to_string(),
        };
        let error = Chat::read(text.as_bytes()).expect_err(name);
        assert_eq!(error.code(), case["code"].as_str().unwrap(), "{name}: {error}");
        assert_eq!(error.param(), case["param"].as_str(), "{name}: {error}");
        assert_eq!(status_and_type(error.code()), (400, "invalid_request_error"), "{name}");
    }
}

#[test]
fn what_sdks_send_passes() {
    for members in [
        json!({}),
        json!({"temperature": 0.7, "top_p": 1, "stop": ["\n"], "seed": 7, "user": "u", "logit_bias": {"50256": -100}}),
        json!({"store": false, "service_tier": "auto", "modalities": ["text"], "n": 16, "parallel_tool_calls": false}),
        json!({"store": null, "audio": null, "metadata": null, "stream_options": null, "max_tokens": null, "tools": null}),
        json!({"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}}),
        json!({"reasoning_effort": "high", "verbosity": "low", "prompt_cache_key": "k", "safety_identifier": "s"}),
        json!({"tools": [{"type": "custom", "custom": {"name": "sql", "format": {"type": "text"}}}], "tool_choice": "auto"}),
        // A conversation in which the answers are sent back as they came.
        json!({"messages": [
            {"role": "developer", "content": [{"type": "text", "text": "Be brief.", "prompt_cache_breakpoint": {"mode": "explicit"}}]},
            {"role": "assistant", "content": null, "refusal": null, "annotations": [], "audio": null, "function_call": null,
             "reasoning_content": "hm", "tool_calls": [{"id": "1", "type": "function", "index": 0,
             "function": {"name": "f", "arguments": "{\"a\":1}"}}]},
            {"role": "tool", "tool_call_id": "1", "content": "2"},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}], "tool_calls": null},
            {"role": "assistant", "tool_calls": [{"id": "2", "type": "custom", "custom": {"name": "sql", "input": "x"}}]},
        ]}),
    ] {
        let chat = read(&members).unwrap_or_else(|error| panic!("{members}: {error}"));
        assert!(chat.facts(&model()).is_ok());
    }
}

#[test]
fn a_body_beyond_a_bound_is_refused_before_it_costs_memory() {
    let long =
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{}"}}]}}"#, "a".repeat(4 << 20));
    assert_eq!(Chat::read(long.as_bytes()).unwrap_err().code(), "input_too_large");
    let many =
        format!(r#"{{"model":"m","messages":[{{"role":"user"}}],"stop":[{}0]}}"#, "0,".repeat(1 << 20));
    assert!(many.len() < request::LIMITS.bytes);
    assert_eq!(Chat::read(many.as_bytes()).unwrap_err().code(), "too_many_values");
    let text =
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{}"}}]}}"#, "[0,".repeat(1 << 20));
    assert!(Chat::read(text.as_bytes()).is_ok(), "commas of a text are no values");
    let deep = format!(r#"{{"model":"m","messages":[],"stop":{}{}}}"#, "[".repeat(64), "]".repeat(64));
    assert_eq!(Chat::read(deep.as_bytes()).unwrap_err().code(), "json_too_deep");
}

#[test]
fn a_prompt_is_told_neither_by_debug_nor_by_an_error() {
    let chat =
        read(&json!({"messages": [{"role": "user", "content": "hunter2"}], "user": "hunter2"})).unwrap();
    assert!(!format!("{chat:?}").contains("hunter2"));
    for members in [
        json!({"messages": [{"role": "hunter2", "content": "hunter2"}]}),
        json!({"messages": "hunter2"}),
        json!({"messages": [{"role": "user", "content": [{"type": "hunter2", "text": "hunter2"}]}]}),
        json!({"max_tokens": "hunter2"}),
        json!({"tools": [{"type": "hunter2"}]}),
    ] {
        assert!(!read(&members).unwrap_err().to_string().contains("hunter2"), "{members}");
    }
    let error = read(&json!({"a\u{202e}\nb": 1})).unwrap_err().to_string();
    assert!(!error.contains(['\n', '\u{202e}']), "{error}");
}

#[test]
fn the_most_that_a_request_costs_is_reserved() {
    let most = |members: Value| read(&members).unwrap().at_most(&model());
    let plain = most(json!({})).unwrap();
    let body = r#""messages":[{"content":"Hello","role":"user"}]"#;
    let bytes = u64::try_from(body.len()).unwrap();
    assert_eq!(plain.input, bytes + 8 * 4 + bound::OWN_TOKENS, "bytes, eight marks, the provider's own");
    assert_eq!((plain.each, plain.output), (16384, 16384), "no bound is the model's");
    assert_eq!(plain.cost, plain.input * 15 + 16384 * 60);
    assert_eq!(plain.currency, "USD");
    let three = most(json!({"n": 3, "max_completion_tokens": 100})).unwrap();
    assert_eq!((three.each, three.output), (100, 300));
    assert_eq!(three.cost, three.input * 15 + 300 * 60);
    assert_eq!(
        most(json!({"max_tokens": 100, "n": 3})).unwrap().cost,
        most(json!({"n": 3, "max_tokens": 100})).unwrap().cost
    );
    assert_eq!(most(json!({"max_tokens": 16384})).unwrap().each, 16384);
    let error = most(json!({"max_tokens": 16385})).unwrap_err();
    assert_eq!((error.code(), error.param()), ("answer_too_long", Some("max_completion_tokens")));
    let long = most(json!({"messages": [{"role": "user", "content": "é".repeat(100_000)}]})).unwrap();
    assert_eq!(long.input, 128_000, "the provider refuses more than the model takes");
}

#[test]
fn a_dearer_cache_is_part_of_the_bound() {
    let mut model = model();
    model.price = Some(Price { cache_write: Some(19), ..model.price.unwrap() });
    let most = read(&json!({"max_tokens": 1})).unwrap().at_most(&model).unwrap();
    assert_eq!(most.cost, most.input * 19 + 60);
}

#[test]
fn an_unpriced_model_is_not_called() {
    let model = Model { price: None, ..model() };
    let error = read(&json!({})).unwrap().facts(&model).unwrap_err();
    assert_eq!((error.code(), status_and_type(error.code()).0), ("unpriced", 403));
}

#[test]
fn a_cost_is_refused_one_millionth_above_what_a_fact_can_say() {
    let price = Price { currency: "USD".to_owned(), input: 1, output: 1, ..Price::default() };
    let model = Model { price: Some(price), max_output_tokens: u64::MAX, max_input_tokens: 1000, ..model() };
    let largest = (1_u64 << 53) - 1 - 1000;
    let chat = |limit: u64| read(&json!({"max_tokens": limit})).unwrap();
    let facts = chat(largest).facts(&model).unwrap();
    assert_eq!(facts["amountMicros"], Fact::Integer((1 << 53) - 1));
    assert!(Request::new("model:chat", &model.resource("acme.example"), facts).is_ok());
    assert_eq!(chat(largest + 1).facts(&model).unwrap_err().code(), "too_dear");
    assert_eq!(read(&json!({"n": 16})).unwrap().facts(&model).unwrap_err().code(), "too_dear");
}

#[test]
fn the_facts_are_those_of_a_request() {
    let tool = json!({"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}});
    let chat = read(&json!({"stream": true, "n": 2, "max_tokens": 10, "tools": [tool, tool]})).unwrap();
    let model = model();
    let (facts, most) = (chat.facts(&model).unwrap(), chat.at_most(&model).unwrap());
    let integer = |number: u64| Fact::Integer(i64::try_from(number).unwrap());
    let wanted = [
        ("model", Fact::from("gpt-4o-mini")),
        ("max_tokens", integer(10)),
        ("n", integer(2)),
        ("tools", integer(2)),
        ("tokens", integer(most.input + 20)),
        ("stream", Fact::Bool(true)),
        ("currency", Fact::from("USD")),
        ("amountMicros", integer(most.cost)),
    ];
    assert_eq!(facts, wanted.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
    let request = Request::new(bound::ACTION, &model.resource("localhost:8080"), facts).unwrap();
    assert_eq!(request.amount().unwrap().micros, i64::try_from(most.cost).unwrap());
}

#[test]
fn the_provider_gets_its_own_name_and_an_explicit_bound() {
    let openai = Target::new("https://api.openai.com/v1", "gpt-4o-mini-2024-07-18");
    let other = Target::new("http://localhost:8000/v1", "org/mini \"quoted\"");
    let chat = read(&json!({"seed": 3, "store": null})).unwrap();
    let messages = json!([{"role": "user", "content": "Hello"}]);
    let wanted = json!({"model": "gpt-4o-mini-2024-07-18", "messages": messages, "seed": 3, "max_completion_tokens": 16384});
    assert_eq!(forwarded(&chat, &openai), wanted);
    let wanted =
        json!({"model": "org/mini \"quoted\"", "messages": messages, "seed": 3, "max_tokens": 16384});
    assert_eq!(forwarded(&chat, &other), wanted);
    // A server that leaves the caller's member unread would give an answer without a bound.
    for member in ["max_tokens", "max_completion_tokens"] {
        let chat = read(&json!({member: 9})).unwrap();
        assert_eq!(
            (&forwarded(&chat, &openai)["max_completion_tokens"], &forwarded(&chat, &other)["max_tokens"]),
            (&json!(9), &json!(9))
        );
        assert!(forwarded(&chat, &openai).get("max_tokens").is_none());
        assert!(forwarded(&chat, &other).get("max_completion_tokens").is_none());
    }
    assert_eq!(
        read(&json!({"max_tokens": 16385})).unwrap().forward(&openai, &model()).unwrap_err().code(),
        "answer_too_long"
    );
}

#[test]
fn a_stream_is_forwarded_so_that_it_says_its_usage() {
    let target = Target::new("https://api.openai.com/v1", "m");
    for (members, options, wants) in [
        (json!({"stream": true}), json!({"include_usage": true}), false),
        (json!({"stream": true, "stream_options": {}}), json!({"include_usage": true}), false),
        (
            json!({"stream": true, "stream_options": {"include_usage": false}}),
            json!({"include_usage": true}),
            false,
        ),
        (
            json!({"stream": true, "stream_options": {"include_usage": true}}),
            json!({"include_usage": true}),
            true,
        ),
        (
            json!({"stream": true, "stream_options": {"include_obfuscation": false}}),
            json!({"include_usage": true, "include_obfuscation": false}),
            false,
        ),
        (json!({"stream": false}), Value::Null, false),
    ] {
        let chat = read(&members).unwrap();
        assert_eq!(
            (&forwarded(&chat, &target)["stream_options"], chat.wants_usage()),
            (&options, wants),
            "{members}"
        );
    }
}

#[test]
fn what_passes_is_forwarded_byte_for_byte() {
    let messages = r#"[ {"role":"user","content":"\u00e9\/ \ud83d\ude00"} ]"#;
    let tools = r#"[{"type":"function","function":{"name":"f","parameters":{"maximum":18446744073709551615,"x":1.10,"y":1E2}}}]"#;
    let body = format!(
        "{{ \"tools\" : {tools},\n\"seed\":9223372036854775807, \"model\":\"m\", \"messages\":{messages} }}"
    );
    let chat = Chat::read(body.as_bytes()).unwrap();
    let forwarded = chat.forward(&Target::new("http://a.example/", "t"), &model()).unwrap();
    let wanted = format!(
        r#"{{"model":"t","tools":{tools},"seed":9223372036854775807,"messages":{messages},"max_tokens":16384}}"#
    );
    assert_eq!(String::from_utf8(forwarded).unwrap(), wanted);
}

#[test]
fn a_number_that_is_written_out_has_no_more_tokens_than_the_bound() {
    let model = Model { max_input_tokens: u64::MAX, ..model() };
    let list = |number: &str| format!("[{}{number}]", format!("{number},").repeat(999));
    let written = list("1000000000000000.0").len();
    let arguments = Value::from(list("1E+15"));
    for body in [
        format!(r#"{{"model":"m","messages":[{{"role":"user"}}],"response_format":{}}}"#, list("1e15")),
        format!(
            r#"{{"model":"m","messages":[{{"role":"assistant","tool_calls":[{{"id":"1","type":"function","function":{{"name":"f","arguments":{arguments}}}}}]}}]}}"#
        ),
    ] {
        let most = Chat::read(body.as_bytes()).unwrap().at_most(&model).unwrap();
        assert!(u64::try_from(written).unwrap() <= most.input - bound::OWN_TOKENS, "{most:?}");
    }
}

/// What a hostile tokenizer could make of a value that is written anew with line breaks and indentation: a token of
/// each byte of it, and four of each run of white space between.
fn tokens_of(value: &Value) -> u64 {
    let mut text = Vec::new();
    let format = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    serde::Serialize::serialize(value, &mut serde_json::Serializer::with_formatter(&mut text, format))
        .unwrap();
    let (mut tokens, mut inside, mut escaped, mut space) = (0, false, false, false);
    for byte in text {
        if inside {
            (inside, escaped) = (escaped || byte != b'"', !escaped && byte == b'\\');
            tokens += 1;
        } else if byte.is_ascii_whitespace() {
            tokens += if space { 0 } else { 4 };
            space = true;
        } else {
            (inside, space) = (byte == b'"', false);
            tokens += 1;
        }
    }
    tokens
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..6)
                .prop_map(|members| Value::from(serde_json::Map::from_iter(members))),
        ]
    })
}

fn requests() -> impl Strategy<Value = Value> {
    let arguments = values().prop_map(|value| value.to_string());
    let messages = prop::collection::vec((".{0,40}", prop::option::of(arguments)), 1..6);
    let options = (any::<Option<bool>>(), prop::option::of(1_u64..20_000), 1_u64..4, any::<bool>());
    (messages, prop::collection::vec(values(), 0..4), options).prop_map(|(messages, schemas, options)| {
        let (stream, limit, n, new) = options;
        let messages: Vec<Value> = messages
            .into_iter()
            .map(|(content, arguments)| match arguments {
                None => json!({"role": "user", "content": content}),
                Some(text) => json!({"role": "assistant", "content": null, "tool_calls": [
                    {"id": "1", "type": "function", "function": {"name": "f", "arguments": text}}
                ]}),
            })
            .collect();
        let tools = schemas.into_iter();
        let tools = tools.map(
            |parameters| json!({"type": "function", "function": {"name": "f", "parameters": parameters}}),
        );
        let limit_member = if new { "max_completion_tokens" } else { "max_tokens" };
        json!({
            "model": "m", "messages": messages, "tools": tools.collect::<Vec<_>>(), "n": n, "stream": stream,
            limit_member: limit,
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_forwarded_reads_as_itself_with_the_same_bound(body in requests(), openai in any::<bool>()) {
        let model = Model { max_output_tokens: 20_000, ..model() };
        let target = Target::new(if openai { "https://api.openai.com/v1" } else { "http://a.example/v1" }, "m");
        let chat = Chat::read(body.to_string().as_bytes()).unwrap();
        let forwarded = chat.forward(&target, &model).unwrap();
        let again = Chat::read(&forwarded).unwrap();
        prop_assert_eq!(again.forward(&target, &model).unwrap(), forwarded.clone());
        prop_assert_eq!(again.at_most(&model).unwrap(), chat.at_most(&model).unwrap());
        prop_assert_eq!(again.facts(&model).unwrap(), chat.facts(&model).unwrap());
        let forwarded: Value = serde_json::from_slice(&forwarded).unwrap();
        for member in ["messages", "tools", "n"] {
            prop_assert_eq!(&forwarded[member], &body[member]);
        }
    }

    #[test]
    fn no_way_of_writing_a_prompt_anew_has_more_tokens_than_the_bound(body in requests()) {
        let model = Model { max_input_tokens: u64::MAX, max_output_tokens: 20_000, ..model() };
        let most = Chat::read(body.to_string().as_bytes()).unwrap().at_most(&model).unwrap();
        let mut written = tokens_of(&body["tools"]);
        for message in body["messages"].as_array().unwrap() {
            let mut message = message.clone();
            if let Some(arguments) = message.pointer_mut("/tool_calls/0/function/arguments") {
                *arguments = serde_json::from_str(arguments.as_str().unwrap()).unwrap();
            }
            written += tokens_of(&message);
        }
        let bound = most.input - bound::OWN_TOKENS;
        prop_assert!(written <= bound, "{} > {}", written, bound);
    }

    #[test]
    fn a_request_s_facts_make_a_request(body in requests()) {
        let model = Model { max_output_tokens: 20_000, ..model() };
        let facts = Chat::read(body.to_string().as_bytes()).unwrap().facts(&model).unwrap();
        prop_assert!(Request::new(bound::ACTION, &model.resource("acme.example"), facts).is_ok());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Chat::read(&bytes);
    }

    #[test]
    fn no_request_of_any_shape_makes_it_panic(messages in values(), tools in values(), limit in values(), options in values()) {
        let body = json!({"model": "m", "messages": messages, "tools": tools, "max_tokens": limit, "stream_options": options, "stream": true});
        let _ = Chat::read(body.to_string().as_bytes());
        let body = json!({"model": "m", "messages": [{"role": "user", "content": tools, "tool_calls": messages}]});
        let _ = Chat::read(body.to_string().as_bytes());
    }
}
