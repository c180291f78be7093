//! How soon a revocation shows: at once where a gate asks anew, else as late as the trust allows.

#![allow(clippy::unwrap_used, reason = "tests")]

mod world;

use http::HeaderMap;
use legation_agent::{Agent, Carry, Gate, gate::Incoming};
use legation_credential::{
    Request, Terms, issue,
    request::split_query,
    status::{StatusEntry, StatusList, StatusListCredential, StatusPurpose},
};
use legation_keys::jws;
use world::{ACTION, Party, Shop, authority, now, open};

/// Acme's list, at the shop's server since some server must carry it.
fn publish(shop: &Shop, acme: &Party, made: i64, revoked: bool) {
    let mut list = StatusListCredential {
        id: format!("{}/status/1", shop.origin),
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
    let usual = Gate::new(shop.desk.clone(), shop.origin.clone());
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
    let anew = Gate::new(shop.desk.clone(), shop.origin.clone()).ask_anew();
    publish(&shop, &acme, now() - 10, true);
    assert_eq!(asks(&anew, &agent, &shop.goods()).await, "link_revoked");
    publish(&shop, &acme, now() - 20, false);
    assert_eq!(asks(&anew, &agent, &shop.goods()).await, "status_stale");
}
