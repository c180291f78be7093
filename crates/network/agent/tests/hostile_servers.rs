//! Servers that answer too late, or with words that are not to be shown as they are.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod world;

use axum::{Router, http::StatusCode, routing::post};
use http::HeaderMap;
use legation_agent::{Carry, Gate, Incoming, MeetError, Refused, desk::DEADLINE};
use legation_credential::{
    Terms, issue,
    status::{StatusEntry, StatusPurpose},
};
use legation_handshake::{Message, begin};
use std::time::Duration;
use tokio::{net::TcpListener, time::Instant};
use world::{Party, authority, map, now, open};

#[tokio::test(start_paused = true)]
async fn a_verification_ends_in_time_however_many_servers_are_silent() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, false).await;
    // It takes every connection, and answers none.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let entry = |index: usize| StatusEntry {
        purpose: StatusPurpose::Revocation,
        list: format!("http://localhost:{port}/{index}"),
        index,
    };
    let terms = Terms {
        id: None,
        subject: alice.did.clone(),
        valid_from: now() - 60,
        valid_until: now() + 600,
        max_depth: 0,
        account: None,
        authority: authority(&shop.origin),
        status: (0..4).map(entry).collect(),
    };
    let agent = alice.agent(&[&issue(terms, &acme.did, &acme.key_id(), &*acme.key).unwrap()]);
    let gate = Gate::new(shop.desk.clone(), shop.origin.clone()).unwrap();
    let mut headers = HeaderMap::new();
    agent.sign("GET", &shop.goods(), &mut headers, b"", Carry::Chain, now()).unwrap();
    let incoming = Incoming { method: "GET", path_and_query: "/api/rooms", headers: &headers, body: b"" };
    let began = Instant::now();
    let Err(Refused::Denied { denial, receipt, .. }) = gate.admit(&incoming, map, now()).await else {
        panic!("admitted without its status")
    };
    assert_eq!(denial.code.as_str(), "did_unresolved");
    assert_eq!(denial.expected, format!("all evidence within {} s", DEADLINE.as_secs()));
    assert!(receipt.is_some());
    let took = began.elapsed();
    assert!(took >= DEADLINE && took < DEADLINE + Duration::from_secs(1), "{took:?}");
}

#[tokio::test]
async fn what_a_refusal_says_reaches_no_terminal_as_it_is() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://localhost:{}/handshake", listener.local_addr().unwrap().port());
    let problem = serde_json::json!({
        "code": "expired\u{1b}[2J", "detail": format!("no\nadmitted\u{202e}{}", "x".repeat(5000)),
    });
    let answer = problem.to_string();
    let router =
        Router::new().route("/handshake", post(async move || (StatusCode::BAD_REQUEST, answer.clone())));
    tokio::spawn(legation_host::serve(listener, router, None, std::future::pending()));
    let agent = Party::new();
    let hello = begin(agent.did.clone()).unwrap().hello().clone();
    let link = world::grant(&Party::new(), &agent.did, "https://shop.example");
    let refused = agent.agent(&[&link]).post(&endpoint, &Message::Hello(hello)).await.unwrap_err();
    let MeetError::Answer { status, code, detail } = refused else { panic!("{refused}") };
    assert_eq!((status, code.as_str()), (400, "expired\u{fffd}[2J"));
    assert!(detail.starts_with("no\u{fffd}admitted\u{fffd}xxx"), "{detail}");
    assert!(detail.chars().count() <= 601, "cut short");
}
