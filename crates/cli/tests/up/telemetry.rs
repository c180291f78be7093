//! What is told of calls: spans to a collector, lines of logs, numbers. And that nothing secret is in any of it.

use crate::{
    common::Play,
    running::{self, Up, local},
};
use legation_tests::upstream::{Plan, Upstream};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value as Any, trace::v1::Span,
};
use prost::Message;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
const PROVIDER_KEY: &str = "sk-of-the-provider-4711";
const PROMPT: &str = "the words of the prompt";
const ANSWER: &str = "the words of the answer";

/// All spans that a collector got.
fn spans(collector: &Upstream) -> Vec<Span> {
    let mut all = Vec::new();
    for request in collector.requests() {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/traces"));
        assert_eq!(request.header("content-type"), Some("application/x-protobuf"));
        let sent = ExportTraceServiceRequest::decode(request.body.as_slice()).unwrap();
        for of in sent.resource_spans {
            let service = of.resource.unwrap().attributes;
            assert!(service.iter().any(|one| one.key == "service.name"), "{service:?}");
            all.extend(of.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }
    all
}

fn attribute(span: &Span, key: &str) -> Option<Value> {
    let found = span.attributes.iter().find(|one| one.key == key)?;
    Some(match found.value.clone()?.value? {
        Any::StringValue(text) => json!(text),
        Any::IntValue(number) => json!(number),
        Any::BoolValue(is) => json!(is),
        other => json!(format!("{other:?}")),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn lines(play: &Play, name: &str) -> Vec<Value> {
    play.read(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_step_of_a_call_is_a_span_of_its_callers_trace_and_no_secret_is_in_anything_that_is_told() {
    let provider = Upstream::always(Plan::says(ANSWER).tokens(7, 11)).unwrap();
    let collector = Upstream::always(Plan::body(200, "application/x-protobuf", Vec::new())).unwrap();
    let play = Play::new();
    let env = [("OPENAI_API_KEY", PROVIDER_KEY.to_owned()), ("OPENAI_BASE_URL", local(&provider.url()))];
    let told = ["--otlp", &collector.origin(), "--access-log", "json", "--access-log-file", "access.log"];
    let told = [&told[..], &["--audit-log", "json", "--audit-log-file", "audit.log"]].concat();
    let mut up = Up::dev(&play, &told, &env);

    let chat =
        json!({"model": "gpt-4o", "max_tokens": 50, "messages": [{"role": "user", "content": PROMPT}]});
    let key = up.key.clone();
    let headers =
        format!("authorization: Bearer {key}\r\ntraceparent: 00-{TRACE}-{PARENT}-01\r\ntracestate: a=b\r\n");
    let call =
        |headers: &str| running::request(up.port, "POST", "/v1/chat/completions", headers, &chat.to_string());
    assert_eq!(call(&headers).unwrap().0, 200);
    // A key of nobody, one that is cut, one in the path, in a method, in the query.
    let other = key.replace("legation_", "legation_x");
    assert_eq!(call(&format!("authorization: Bearer {other}\r\n")).unwrap().0, 401);
    assert_eq!(
        call(&format!("authorization: Bearer {}\r\n", key.get(..key.len() - 4).unwrap())).unwrap().0,
        401
    );
    let own = format!("authorization: Bearer {key}\r\n");
    for path in [format!("/{key}/x?key={key}"), format!("/v1/models/{key}")] {
        assert_eq!(running::request(up.port, "GET", &path, &own, "").unwrap().0, 404);
    }
    running::request(up.port, &key, "/v1/models", &own, "");
    assert_eq!(up.get("/.well-known/did.json").0, 200);
    // An admin, and nobody.
    let host = format!("--host http://127.0.0.1:{}", up.admin);
    assert_eq!(play.run(&format!("agent add mail --models * {host}")).status, 0);
    let made = play.json(&format!("api-key create mail {host}"));
    let made = made["secret"].as_str().unwrap().to_owned();
    assert_eq!(running::request(up.admin, "GET", "/v1/agents", "", "").unwrap().0, 401);
    let metrics = running::raw(up.admin, "GET", "/metrics", "", "").unwrap().1;
    let (status, took) = up.end();
    assert_eq!(status, Some(0));
    assert!(took < Duration::from_secs(20), "{took:?}");

    let all = spans(&collector);
    let of_call: Vec<&Span> = all.iter().filter(|span| hex(&span.trace_id) == TRACE).collect();
    let named =
        |name: &str| *of_call.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}"));
    let request = named("POST /v1/chat/completions");
    assert_eq!(hex(&request.parent_span_id), PARENT);
    assert_eq!(request.kind, 2, "server");
    for step in ["auth", "verify", "authorize", "reserve", "record", "settle", "chat gpt-4o"] {
        assert_eq!(named(step).parent_span_id, request.span_id, "{step}");
    }
    let upstream = named("chat gpt-4o");
    assert_eq!(upstream.kind, 3, "client");
    for (key, value) in [
        ("gen_ai.operation.name", json!("chat")),
        ("gen_ai.provider.name", json!("openai")),
        ("gen_ai.request.model", json!("gpt-4o")),
        ("gen_ai.request.max_tokens", json!(50)),
        ("gen_ai.usage.input_tokens", json!(7)),
        ("gen_ai.usage.output_tokens", json!(11)),
        ("http.response.status_code", json!(200)),
        ("server.address", json!("localhost")),
    ] {
        assert_eq!(attribute(upstream, key), Some(value), "{key}");
    }
    for (key, value) in [("legation.code", json!("permit")), ("legation.auth", json!("api-key"))] {
        assert_eq!(attribute(request, key), Some(value), "{key}");
    }
    assert!(attribute(request, "legation.status_age").unwrap().as_i64().unwrap() < 60);
    // The provider is a part of the same trace.
    let seen = &provider.requests()[0];
    assert_eq!(
        seen.header("traceparent"),
        Some(format!("00-{TRACE}-{}-01", hex(&upstream.span_id)).as_str())
    );
    assert_eq!(seen.header("tracestate"), Some("a=b"));
    // Of nobody who is known there is no span.
    assert!(all.iter().all(|span| attribute(span, "legation.code") != Some(json!("api_key_unknown"))));

    let access = lines(&play, "access.log");
    let passed: Vec<&Value> = access.iter().filter(|line| line["code"] == "permit").collect();
    assert_eq!(passed.len(), 1, "{access:?}");
    let passed = passed[0];
    assert_eq!((&passed["route"], &passed["status"]), (&json!("/v1/chat/completions"), &json!(200)));
    assert_eq!((&passed["inputTokens"], &passed["outputTokens"]), (&json!(7), &json!(11)));
    assert_eq!((&passed["trace"], &passed["whole"]), (&json!(TRACE), &json!(true)));
    assert_eq!((&passed["model"], &passed["auth"]), (&json!("gpt-4o"), &json!("api-key")));
    assert!(
        passed["costMicros"].as_i64().unwrap() > 0
            && passed["costMicros"].as_i64() < passed["reservedMicros"].as_i64()
    );
    assert!(passed["agent"].as_str().unwrap().ends_with(":assistant"), "{passed}");
    assert!(passed["totalMs"].as_f64().unwrap() >= passed["upstreamMs"].as_f64().unwrap());
    assert!(access.iter().any(|line| line["code"] == "api_key_unknown" && line["agent"].is_null()));
    assert!(access.iter().any(|line| line["route"] == "published" && line["status"] == 200));
    assert!(access.iter().all(|line| line["id"].as_str().unwrap().len() == 36));
    let audit = lines(&play, "audit.log");
    let added = audit.iter().find(|line| line["method"] == "POST" && line["path"] == "/v1/agents").unwrap();
    assert_eq!(added["status"], 201, "{added}");
    assert!(added["admin"].as_str().unwrap().starts_with("did:key:"), "{added}");
    assert!(added["receipt"].as_i64().is_some());
    assert!(audit.iter().any(|line| line["code"] == "signature_missing" && line["admin"].is_null()));
    for number in [
        "legation_gateway_request_seconds_count",
        "legation_gateway_status_age_seconds_bucket",
        "legation_gateway_calls_open 0",
    ] {
        assert!(metrics.contains(number), "{number}: {metrics}");
    }

    let mut everything: Vec<u8> = Vec::new();
    collector.requests().iter().for_each(|request| everything.extend(&request.body));
    for file in ["access.log", "audit.log", &format!("up-{}.err", up.port)] {
        everything.extend(play.read(file).into_bytes());
    }
    everything.extend(metrics.into_bytes());
    let everything = String::from_utf8_lossy(&everything).into_owned();
    assert!(everything.contains("assistant") && everything.len() > 5000);
    // The part of a key behind its name.
    let part = |key: &str| key.trim_start_matches("legation_").to_owned();
    for secret in [
        part(&key),
        part(&made),
        part(&key).chars().take(12).collect(),
        PROVIDER_KEY.to_owned(),
        PROMPT.to_owned(),
        ANSWER.to_owned(),
    ] {
        assert!(!everything.contains(&secret), "{secret}");
    }
}

#[test]
fn without_a_collector_the_callers_trace_is_passed_on_as_it_came_and_of_two_none() {
    let provider = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let play = Play::new();
    let env = [("OPENAI_API_KEY", "sk-x".to_owned()), ("OPENAI_BASE_URL", local(&provider.url()))];
    let up = Up::dev(&play, &["--access-log", "json"], &env);
    let chat =
        json!({"model": "gpt-4o", "max_tokens": 5, "messages": [{"role": "user", "content": "hello"}]});
    let parent = format!("traceparent: 00-{TRACE}-{PARENT}-00\r\n");
    let cases = [
        (parent.clone(), Some(format!("00-{TRACE}-{PARENT}-00"))),
        (format!("{parent}{parent}"), None),
        ("traceparent: 00-zz-b7-01\r\n".to_owned(), None),
        (format!("traceparent: 00-{TRACE}-0000000000000000-01\r\n"), None),
        (String::new(), None),
    ];
    for (number, (headers, expected)) in cases.iter().enumerate() {
        let headers = format!("authorization: Bearer {}\r\n{headers}", up.key);
        let (status, _) =
            running::request(up.port, "POST", "/v1/chat/completions", &headers, &chat.to_string()).unwrap();
        assert_eq!(status, 200);
        let seen = &provider.requests()[number];
        assert_eq!(seen.header("traceparent"), expected.as_deref(), "{headers}");
        assert_eq!(seen.header("tracestate"), None);
    }
    // On standard output, below what was printed when it came up.
    let begin = Instant::now();
    let printed = || play.read(&format!("up-{}.out", up.port));
    while printed().lines().filter(|line| line.contains("\"log\":\"access\"")).count() < cases.len() {
        assert!(begin.elapsed() < Duration::from_secs(10), "{}", printed());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_collector_that_is_gone_or_refuses_costs_no_call_anything() {
    let provider = Upstream::always(Plan::says("hello").tokens(1, 1)).unwrap();
    let play = Play::new();
    let env = [("OPENAI_API_KEY", "sk-x".to_owned()), ("OPENAI_BASE_URL", local(&provider.url()))];
    let mut up = Up::dev(&play, &["--otlp", "http://127.0.0.1:1"], &env);
    let chat =
        json!({"model": "gpt-4o", "max_tokens": 5, "messages": [{"role": "user", "content": "hello"}]});
    assert_eq!(up.post(&up.key, &chat).0, 200);
    let (status, took) = up.end();
    assert_eq!(status, Some(0));
    assert!(took < Duration::from_secs(20), "{took:?}");
    let said = play.read(&format!("up-{}.err", up.port));
    assert_eq!(said.matches("spans can't be sent").count(), 1, "{said}");
    for (url, word) in [
        ("ftp://x", "http or https"),
        ("http://user:secret-word@localhost:4318", "OTEL_EXPORTER_OTLP_HEADERS"),
        ("nonsense", "URL"),
        ("http://localhost:4318/?key=secret-word", "query"),
    ] {
        let refused = play.run(&format!("up --otlp {url} --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0"));
        assert_eq!(refused.status, 2, "{refused:?}");
        assert!(refused.stderr.contains(word) && !refused.stderr.contains("secret-word"), "{refused:?}");
    }
}
