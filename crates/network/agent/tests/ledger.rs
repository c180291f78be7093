//! What a service remembers of what was used up, and where.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod world;

use core::future::{pending, ready};
use http::HeaderMap;
use legation_agent::{
    Agent, Carry, Desk, Gate, Incoming, KnownLimits, Ledger, LedgerError, Responder,
    ledger::{Answer, Memory},
};
use legation_handshake::{ChallengeKey, Message, Peer, begin};
use legation_verifier::{
    Committed, LedgerLimits, Permit, VerifiedChain,
    ledger::{Actual, Settled},
};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use world::{Party, Shop, fetcher, grant, map, now, open};

fn desk(shop: &Shop, ledger: Arc<dyn Ledger>) -> Arc<Desk> {
    let (identity, trust) = (shop.party.identity(), shop.desk.trust().clone());
    Arc::new(Desk::with_ledger(identity, trust, fetcher(), ledger, KnownLimits::default()).unwrap())
}

fn gate(shop: &Shop, desk: &Arc<Desk>) -> Gate {
    Gate::new(Arc::clone(desk), shop.origin.clone()).unwrap()
}

/// A request for rooms that is signed at a moment.
fn signed(agent: &Agent, shop: &Shop, at: i64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    agent.sign("GET", &shop.goods(), &mut headers, b"", Carry::Chain, at).unwrap();
    headers
}

async fn asks(gate: &Gate, headers: &HeaderMap) -> (u16, &'static str) {
    let incoming = Incoming { method: "GET", path_and_query: "/api/rooms", headers, body: b"" };
    match gate.admit(&incoming, map, now()).await {
        Ok(_) => (200, "permit"),
        Err(refused) => (refused.status(), refused.code()),
    }
}

#[tokio::test]
async fn a_service_that_starts_anew_refuses_what_was_signed_before() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, false).await;
    let agent = alice.agent(&[&grant(&acme, &alice.did, &shop.origin)]);
    let headers = signed(&agent, &shop, now());
    assert_eq!(asks(&gate(&shop, &shop.desk), &headers).await, (200, "permit"));
    assert_eq!(asks(&gate(&shop, &shop.desk), &headers).await, (401, "nonce_replayed"));
    // The process is gone, and another one begins a moment later.
    let anew = desk(&shop, Arc::new(Memory::begin(LedgerLimits::default(), now() + 1)));
    assert_eq!(asks(&gate(&shop, &anew), &headers).await, (401, "presentation_stale"));
    assert_eq!(asks(&gate(&shop, &anew), &signed(&agent, &shop, now() + 1)).await, (200, "permit"));
    // A desk of its own begins with the process.
    let own = Desk::new(shop.party.identity(), shop.desk.trust().clone(), fetcher()).unwrap();
    let before = signed(&agent, &shop, now() - 2);
    assert_eq!(asks(&gate(&shop, &Arc::new(own)), &before).await, (401, "presentation_stale"));
}

#[tokio::test]
async fn desks_that_share_a_ledger_admit_a_request_once() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, false).await;
    let agent = alice.agent(&[&grant(&acme, &alice.did, &shop.origin)]);
    let ledger: Arc<dyn Ledger> = Arc::new(Memory::begin(LedgerLimits::default(), now()));
    let (one, other) = (desk(&shop, Arc::clone(&ledger)), desk(&shop, ledger));
    let headers = signed(&agent, &shop, now());
    assert_eq!(asks(&gate(&shop, &one), &headers).await, (200, "permit"));
    assert_eq!(asks(&gate(&shop, &other), &headers).await, (401, "nonce_replayed"));
}

/// A store that is gone, or one that says nothing.
#[derive(Debug)]
struct Broken {
    silent: bool,
}

impl Broken {
    fn answer<T: Send + 'static>(&self) -> Answer<'_, T> {
        let gone = LedgerError::Unavailable { reason: "the disk of canary is full".to_owned() };
        if self.silent { Box::pin(pending()) } else { Box::pin(ready(Err(gone))) }
    }
}

impl Ledger for Broken {
    fn commit(&self, _: Permit, _: i64) -> Answer<'_, Committed> {
        self.answer()
    }

    fn reserve(&self, _: Permit, _: i64) -> Answer<'_, Committed> {
        self.answer()
    }

    fn settle(&self, _: Committed, _: Actual, _: i64) -> Answer<'_, Settled> {
        self.answer()
    }

    fn commit_nonce<'a>(&'a self, _: &'a VerifiedChain, _: i64, _: i64) -> Answer<'a, ()> {
        self.answer()
    }
}

#[tokio::test]
async fn a_ledger_that_can_not_be_used_closes_the_service_and_tells_callers_nothing_of_it() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, false).await;
    let agent = alice.agent(&[&grant(&acme, &alice.did, &shop.origin)]);
    let closed = desk(&shop, Arc::new(Broken { silent: false }));
    let headers = signed(&agent, &shop, now());
    let incoming = Incoming { method: "GET", path_and_query: "/api/rooms", headers: &headers, body: b"" };
    let refused = gate(&shop, &closed).admit(&incoming, map, now()).await.unwrap_err();
    assert_eq!((refused.status(), refused.code()), (503, "unavailable"));
    assert!(!refused.to_string().contains("canary"), "{refused}");
    // Nor is anybody met.
    let responder = Responder::new(closed, &shop.card, ChallengeKey::generate().unwrap()).unwrap();
    let begun = begin(alice.did.clone()).unwrap();
    let Message::Challenge(challenge) =
        responder.respond(Message::Hello(begun.hello().clone()), now()).await.unwrap()
    else {
        panic!("no challenge")
    };
    let (endpoint, card) = (shop.endpoint(), Sha256::digest(shop.card.canonical()).into());
    let peer = Peer { document: &shop.document, endpoint: &endpoint, card };
    let challenged = begun.receive(&challenge, peer, 60, now()).unwrap();
    let link = grant(&acme, &alice.did, &shop.origin);
    let answered = challenged.answer(&[&link], &alice.key_id(), &*alice.key, now()).unwrap();
    let answer = Message::Presentation(answered.message().clone());
    let refused = responder.respond(answer, now()).await.unwrap_err();
    assert_eq!((refused.status(), refused.code()), (503, "unavailable"));
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_says_nothing_is_given_up() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, false).await;
    let agent = alice.agent(&[&grant(&acme, &alice.did, &shop.origin)]);
    let headers = signed(&agent, &shop, now());
    let silent = desk(&shop, Arc::new(Broken { silent: true }));
    assert_eq!(asks(&gate(&shop, &silent), &headers).await, (503, "unavailable"));
}
