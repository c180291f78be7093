//! What is not read.

use crate::world::{Admin, Draft, sqlite, told};
use axum::body::Body;
use axum::http::{Request, header::HeaderValue};
use serde_json::{Value, json};

fn raw(admin: &Admin, target: &str, body: &str) -> Request<Body> {
    let draft = Draft { body: body.to_owned(), ..Draft::new("POST", target, &Value::Null) };
    admin.sign(&draft)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_two_readers_could_read_two_ways_is_refused() {
    let world = sqlite();
    let deep = format!("{{\"name\":\"a\",\"constraints\":{}{}}}", "[".repeat(40), "]".repeat(40));
    for (body, code) in [
        (r#"{"name":"bot","name":"root","models":["a"]}"#, "duplicate_member"),
        (r#"{"name":"bot","models":["a"],"admin":true}"#, "body_invalid"),
        (r#"{"models":["a"]}"#, "body_invalid"),
        (r#"{"name":7,"models":["a"]}"#, "body_invalid"),
        (r#"["bot"]"#, "body_invalid"),
        (r#"{"name":"bot""#, "malformed"),
        ("", "malformed"),
        ("\u{feff}{}", "malformed"),
        (deep.as_str(), "json_too_deep"),
    ] {
        let answer = world.send(raw(&world.admin, "/v1/agents", body)).await;
        assert_eq!(answer.problem(), told(400, code), "{body}: {}", answer.text());
        let text = answer.text();
        assert!(!text.contains("struct ") && !text.contains("::"), "{text}");
    }
    let suspend = raw(&world.admin, "/v1/teams/default/suspend", "{}");
    assert_eq!(world.send(suspend).await.problem(), told(400, "body_invalid"), "it takes none");
    assert_eq!(world.done("GET", "/v1/agents", Value::Null).await["agents"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_a_mebibyte_is_not_read() {
    let world = sqlite();
    let body = format!(r#"{{"name":"bot","purpose":"{}"}}"#, "x".repeat(1 << 20));
    let answer = world.send(raw(&world.admin, "/v1/agents", &body)).await;
    assert_eq!(answer.problem(), told(413, "input_too_large"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_secret_is_told_without_it() {
    let world = sqlite();
    for body in [
        json!({"origin": "https://api.example", "secret": "s3cr3t with spaces"}),
        json!({"origin": "s3cr3t", "secret": ["s3cr3t"]}),
        json!({"origin": "https://api.example", "s3cr3t": "x"}),
    ] {
        let answer = world.ask(&world.admin, "PUT", "/v1/secrets/oa", &body).await;
        assert_eq!(answer.problem().0, 400, "{body}");
        assert!(!answer.text().contains("s3cr3t"), "{}", answer.text());
    }
    let set = json!({"origin": "https://api.example", "secret": "s3cr3t"});
    let answer = world.ask(&world.admin, "PUT", "/v1/secrets/oa", &set).await;
    assert_eq!((answer.status.as_u16(), answer.text().contains("s3cr3t")), (200, false));
    for target in ["/v1/secrets", "/v1/events?limit=1000", "/v1/receipts?limit=1000"] {
        let told = world.done("GET", target, Value::Null).await.to_string();
        assert!(!told.contains("s3cr3t"), "{target}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_means_nothing_is_refused_and_so_is_what_is_not_there() {
    let world = sqlite();
    for (target, status, code) in [
        ("/v1/agents?limit=0", 400, "query_invalid"),
        ("/v1/agents?limit=1001", 400, "query_invalid"),
        ("/v1/agents?limit=ten", 400, "query_invalid"),
        ("/v1/agents?offset=3", 400, "query_invalid"),
        ("/v1/agents?limit=1&limit=2", 400, "bad_request"),
        ("/v1/spend?since=yesterday", 400, "query_invalid"),
        ("/v1/receipts?agent=bot", 400, "query_invalid"),
        ("/v1/delegations?agent=a&team=b", 400, "value_invalid"),
        ("/v1/agents/nobody", 404, "not_found"),
        ("/v1/agents?team=nobody", 404, "not_found"),
        ("/v1/agents/%2E%2E", 400, "bad_request"),
        ("/v1/agents/a%2Fb", 400, "bad_request"),
        ("/v1/receipts/first", 404, "not_found"),
        ("/v1/receipts/999999", 404, "not_found"),
        ("/v1/nothing", 404, "not_found"),
        ("/v2/agents", 404, "not_found"),
        ("/", 404, "not_found"),
    ] {
        let answer = world.ask(&world.admin, "GET", target, &Value::Null).await;
        assert_eq!(answer.problem(), told(status, code), "{target}: {}", answer.text());
    }
    let answer = world.ask(&world.admin, "PATCH", "/v1/agents", &Value::Null).await;
    assert_eq!(answer.problem(), told(405, "method_not_allowed"));
    assert!(answer.headers["allow"].to_str().unwrap().contains("POST"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_header_of_two_lines_changes_nothing() {
    let world = sqlite();
    let mut request = raw(&world.admin, "/v1/teams", r#"{"name":"sales"}"#);
    request.headers_mut().append("host", HeaderValue::from_static("a.example"));
    request.headers_mut().append("host", HeaderValue::from_static("b.example"));
    assert_eq!(world.send(request).await.status, 201);
}
