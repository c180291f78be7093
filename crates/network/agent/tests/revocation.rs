//! How soon a revocation shows: at once where a gate asks anew, else as late as the trust allows.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod world;

use axum::{Router, routing::get};
use http::HeaderMap;
use legation_agent::{Agent, Carry, Gate, gate::Incoming, guard};
use legation_credential::{
    Request, Terms, issue,
    request::split_query,
    status::{StatusEntry, StatusList, StatusListCredential, StatusPurpose},
};
use legation_keys::jws;
use legation_resolver::{Call, call::Method};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use world::{ACTION, Party, Shop, authority, now, open};

/// Acme's list, at the shop's server since some server must carry it.
fn publish(shop: &Shop, acme: &Party, made: i64, revoked: bool) {
    let mut list = StatusListCredential {
        id: Some(format!("{}/status/1", shop.origin)),
        issuer: acme.did.clone(),
        valid_from: made,
        valid_until: None,
        purposes: vec![StatusPurpose::Revocation],
        list: StatusList::new(0),
    };
    list.list.set(7, revoked);
    let payload = list.to_json().to_string();
    let signed = jws::sign("vc+jwt", &acme.key_id(), payload.as_bytes(), &*acme.key).unwrap();
    std::fs::create_dir_all(shop.folder.path().join("status")).unwrap();
    std::fs::write(shop.folder.path().join("status/1"), signed).unwrap();
}

/// An agent whose one link can be revoked.
fn revocable(shop: &Shop, acme: &Party, alice: &Party) -> Agent {
    let list = format!("{}/status/1", shop.origin);
    let terms = Terms {
        id: None,
        subject: alice.did.clone(),
        valid_from: now() - 60,
        valid_until: now() + 600,
        max_depth: 0,
        account: None,
        authority: authority(&shop.origin),
        status: vec![StatusEntry { purpose: StatusPurpose::Revocation, list, index: 7 }],
    };
    alice.agent(&[&issue(terms, &acme.did, &acme.key_id(), &*acme.key).unwrap()])
}

/// What a gate says to a new request: `permit` or the code.
async fn asks(gate: &Gate, agent: &Agent, url: &str) -> &'static str {
    let mut headers = HeaderMap::new();
    agent.sign("GET", url, &mut headers, b"", Carry::Chain, now()).unwrap();
    let incoming = Incoming { method: "GET", path_and_query: "/api/rooms", headers: &headers, body: b"" };
    let map = |message: &legation_http_signature::Message<'_>| {
        let (resource, facts) = split_query(message.target_uri)?;
        Request::new(ACTION, resource, facts)
    };
    gate.admit(&incoming, map, now()).await.map_or_else(|refused| refused.code(), |_| "permit")
}

#[tokio::test]
async fn a_gate_that_asks_anew_sees_a_revocation_at_once_and_lets_nobody_take_it_back() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, false).await;
    let (agent, goods) = (revocable(&shop, &acme, &alice), shop.goods());
    let usual = Gate::new(shop.desk.clone(), shop.origin.clone()).unwrap();
    let anew = usual.clone().ask_anew();

    publish(&shop, &acme, now() - 20, false);
    assert_eq!(asks(&usual, &agent, &goods).await, "permit");
    assert_eq!(asks(&anew, &agent, &goods).await, "permit");
    publish(&shop, &acme, now() - 10, true);
    assert_eq!(asks(&usual, &agent, &goods).await, "permit", "its list is fresh enough");
    assert_eq!(asks(&anew, &agent, &goods).await, "link_revoked");
    // They share a desk: what one has seen, the other does not fall behind.
    assert_eq!(asks(&usual, &agent, &goods).await, "link_revoked");
    publish(&shop, &acme, now() - 20, false);
    assert_eq!(asks(&anew, &agent, &goods).await, "status_stale");
}

#[tokio::test]
async fn a_list_that_only_a_denial_has_seen_stays_seen() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, false).await;
    let agent = revocable(&shop, &acme, &alice);
    let anew = Gate::new(shop.desk.clone(), shop.origin.clone()).unwrap().ask_anew();
    publish(&shop, &acme, now() - 10, true);
    assert_eq!(asks(&anew, &agent, &shop.goods()).await, "link_revoked");
    publish(&shop, &acme, now() - 20, false);
    assert_eq!(asks(&anew, &agent, &shop.goods()).await, "status_stale");
}

#[tokio::test]
async fn a_chain_that_is_named_by_its_digest_is_denied_over_http_once_it_is_revoked() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, false).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    // The same desk behind another door, which asks anew.
    let gate = Gate::new(shop.desk.clone(), origin.clone()).unwrap().ask_anew();
    let carried: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&carried);
    let resource = shop.goods();
    let rooms = guard(Router::new().route("/rooms", get(async || "rooms")), gate, move |message| {
        let header = message.headers.get("agent-delegation").and_then(|value| value.to_str().ok());
        seen.lock().unwrap().push(header.unwrap_or_default().to_owned());
        Request::new(ACTION, &resource, [].into())
    });
    tokio::spawn(legation_host::serve(listener, rooms, None, std::future::pending()));
    let (agent, url) = (revocable(&shop, &acme, &alice), format!("{origin}/rooms"));
    let ask = async || {
        let call = Call { method: Method::GET, url: &url, headers: HeaderMap::new(), body: Vec::new() };
        let reply = agent.call(call, now()).await.unwrap();
        let problem: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        (reply.status, problem["code"].as_str().unwrap_or_default().to_owned())
    };
    publish(&shop, &acme, now() - 20, false);
    for _ in 0..2 {
        assert_eq!(ask().await, (200, String::new()));
    }
    let lengths: Vec<bool> = carried.lock().unwrap().iter().map(|header| header.len() < 100).collect();
    assert_eq!(lengths, [false, true], "first the chain, then its digest");
    publish(&shop, &acme, now() - 10, true);
    assert_eq!(ask().await, (401, "link_revoked".to_owned()));
    assert_eq!(carried.lock().unwrap().len(), 2, "what is denied is not even mapped");
}
