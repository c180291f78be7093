//! What goes over the wire: headers, errors, sizes, and requests that no client of ours would send.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod world;

use legation_a2a::URI;
use legation_handshake::begin;
use serde_json::{Value, json};
use world::{Party, Shop, open};

/// What came back.
struct Answer {
    extensions: String,
    body: Value,
}

impl Answer {
    fn carried(&self) -> &Value {
        &self.body["result"]["message"]["metadata"][URI]
    }

    /// What the agent itself said.
    fn agent(&self) -> &str {
        self.body["result"]["message"]["parts"][0]["text"].as_str().unwrap_or_default()
    }

    fn error(&self) -> (i64, &str) {
        let error = &self.body["error"];
        (error["code"].as_i64().unwrap_or_default(), error["message"].as_str().unwrap_or_default())
    }
}

/// Posts a body with headers, `a2a-version: 1.0` and JSON among them unless they say otherwise.
async fn post(shop: &Shop, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Answer {
    let mut request = reqwest::Client::new().post(shop.interface()).body(body);
    for (name, value) in [("content-type", "application/json"), ("a2a-version", "1.0")] {
        if !headers.iter().any(|(other, _)| *other == name) {
            request = request.header(name, value);
        }
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let lines = response.headers().get_all("a2a-extensions").iter();
    let extensions = lines.map(|line| line.to_str().unwrap()).collect::<Vec<_>>().join(" | ");
    Answer { extensions, body: serde_json::from_str(&response.text().await.unwrap()).unwrap() }
}

fn hello() -> Value {
    legation_handshake::Message::Hello(begin(Party::new().did).unwrap().hello().clone()).to_json()
}

fn request(metadata: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": "seven", "method": "SendMessage", "params": {"message": {
        "messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "Hi."}], "metadata": metadata}}})
}

const ACTIVE: (&str, &str) = ("a2a-extensions", URI);

#[tokio::test]
async fn the_extension_is_echoed_beside_the_agents_own() {
    let shop = open(&Party::new().did, false).await;
    for header in [URI.to_owned(), format!("https://other.example/v1,{URI}"), format!("{URI} , urn:x")] {
        let body = request(json!({URI: hello()})).to_string();
        let answer = post(&shop, &[("a2a-extensions", &header)], body).await;
        assert_eq!(answer.carried()["type"], "challenge", "{header}: {}", answer.body);
        assert_eq!(answer.extensions, URI);
        assert_eq!(answer.body["id"], "seven");
        let message = &answer.body["result"]["message"];
        assert_eq!((&message["extensions"], &message["role"]), (&json!([URI]), &json!("ROLE_AGENT")));
    }
    let answer = post(&shop, &[ACTIVE], request(json!({})).to_string()).await;
    assert_eq!(answer.extensions, format!("https://other.example/v1, {URI}"));
}

#[tokio::test]
async fn a_message_without_metadata_of_the_extension_is_the_agents() {
    for required in [false, true] {
        let shop = open(&Party::new().did, required).await;
        for metadata in [json!({}), json!({"https://other.example/v1": hello()})] {
            let answer = post(&shop, &[ACTIVE], request(metadata).to_string()).await;
            assert_eq!(answer.agent(), "the agent heard: Hi.", "{}", answer.body);
            assert!(answer.extensions.contains(URI));
        }
    }
}

#[tokio::test]
async fn a_request_that_does_not_activate_the_extension_is_refused_where_it_is_required() {
    let shop = open(&Party::new().did, true).await;
    for headers in [&[][..], &[("a2a-extensions", "https://w3id.org/legation/a2a/delegation/v10")]] {
        for metadata in [json!({}), json!({URI: hello()})] {
            let answer = post(&shop, headers, request(metadata).to_string()).await;
            assert_eq!(answer.error().0, -32008, "{}", answer.body);
            assert_eq!((answer.body["id"].as_str(), answer.extensions.as_str()), (Some("seven"), ""));
        }
    }
    let stream = request(json!({})).to_string().replace("SendMessage", "SendStreamingMessage");
    let tasks = json!({"jsonrpc": "2.0", "id": 7, "method": "ListTasks", "params": {}}).to_string();
    for body in [stream, tasks] {
        assert_eq!(post(&shop, &[], body).await.error().0, -32008);
    }
}

#[tokio::test]
async fn a_request_that_does_not_activate_the_extension_is_the_agents_where_it_is_not_required() {
    let shop = open(&Party::new().did, false).await;
    let answer = post(&shop, &[], request(json!({URI: hello()})).to_string()).await;
    assert_eq!(answer.agent(), "the agent heard: Hi.");
    assert_eq!(answer.extensions, "https://other.example/v1");
}

#[tokio::test]
async fn a_message_of_five_megabytes_is_refused_unread() {
    let shop = open(&Party::new().did, false).await;
    let mut large = hello();
    large["nonce"] = "n".repeat(5 << 20).into();
    let answer = post(&shop, &[ACTIVE], request(json!({URI: large})).to_string()).await;
    assert_eq!(answer.error().0, -32600, "{}", answer.body);
    assert!(answer.error().1.starts_with("input_too_large"), "{}", answer.body);
}

#[tokio::test]
async fn a_member_that_stands_twice_is_refused_at_any_depth() {
    let shop = open(&Party::new().did, false).await;
    let good = request(json!({URI: hello()})).to_string();
    for (once, twice) in [
        (r#""type":"hello""#.to_owned(), r#""type":"hello","type":"hello""#.to_owned()),
        (format!(r#""{URI}":"#), format!(r#""{URI}":{{}},"{URI}":"#)),
        (r#""metadata":"#.to_owned(), r#""metadata":{},"metadata":"#.to_owned()),
        (r#""params":"#.to_owned(), r#""params":{},"params":"#.to_owned()),
    ] {
        let twice = good.replacen(&once, &twice, 1);
        assert_ne!(twice, good);
        let answer = post(&shop, &[ACTIVE], twice).await;
        assert_eq!(answer.error().0, -32700, "{}", answer.body);
        assert!(answer.error().1.starts_with("duplicate_member"), "{}", answer.body);
    }
}

#[tokio::test]
async fn metadata_that_hold_no_message_of_the_handshake_are_refused_with_a_code() {
    let shop = open(&Party::new().did, false).await;
    let mut more = hello();
    more["session"] = "1".into();
    let mut short = hello();
    short["nonce"] = "short".into();
    for (carried, code) in [
        (json!("hello"), "malformed"),
        (json!({}), "malformed"),
        (json!([hello(), hello()]), "malformed"),
        (json!({"type": "goodbye"}), "malformed"),
        (json!({"type": "refusal", "code": "no", "reason": "no"}), "malformed"),
        (json!({"type": "receipt", "receipt": "a.b.c"}), "malformed"),
        (json!({"type": "presentation", "challenge": "a.b.c"}), "malformed"),
        (more, "unknown_member"),
        (short, "malformed"),
    ] {
        let answer = post(&shop, &[ACTIVE], request(json!({URI: carried})).to_string()).await;
        assert_eq!(answer.carried()["type"], "refusal", "{carried}: {}", answer.body);
        assert_eq!(answer.carried()["code"], code, "{carried}: {}", answer.body);
        assert!(answer.extensions.contains(URI));
    }
}

#[tokio::test]
async fn a_handshake_in_a_request_that_a2a_does_not_know_is_an_error_of_a2a() {
    let shop = open(&Party::new().did, false).await;
    let good = request(json!({URI: hello()})).to_string();
    let old = ("a2a-version", "0.3");
    for (headers, body, code) in [
        (vec![ACTIVE, old], good.clone(), -32009),
        (vec![ACTIVE], good.replace("SendMessage", "SendStreamingMessage"), -32004),
        (vec![ACTIVE], good.replace(r#""jsonrpc":"2.0""#, r#""jsonrpc":"1.0""#), -32600),
        (vec![ACTIVE], "{".to_owned(), -32700),
        (vec![ACTIVE], format!("{}1{}", "[".repeat(90), "]".repeat(90)), -32700),
    ] {
        let answer = post(&shop, &headers, body.clone()).await;
        assert_eq!(answer.error().0, code, "{body}: {}", answer.body);
    }
}
