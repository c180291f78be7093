//! Two agents meet by A2A messages over real HTTP, or don't.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod world;

use a2a::{Part, Role, SendMessageRequest, SendMessageResponse};
use a2a_client::{A2AClient, ServiceParams, jsonrpc::JsonRpcTransport, middleware::CallInterceptor};
use legation_a2a::{Carried, ExchangeError, URI, carry, find};
use legation_agent::MeetError;
use legation_agent_card::extension::declare_delegation;
use legation_handshake::{Message, begin};
use legation_verifier::receipt;
use std::sync::Arc;
use world::{Party, Shop, by_hand::ByHand, card_json, grant, now, open, sign_card};

#[tokio::test]
async fn two_strangers_meet_by_a2a_messages_and_each_holds_the_others_signature() {
    for required in [false, true] {
        let (acme, alice) = (Party::new(), Party::new());
        let shop = open(&acme.did, required).await;
        let link = grant(&acme, &alice.did);
        let met = shop.meet(&alice.agent(&[&link])).await.unwrap();
        let theirs = receipt::verify(met.met.receipt(), &shop.document).unwrap();
        assert_eq!((&theirs["principal"], &theirs["decision"]), (&acme.did.as_str().into(), &"valid".into()));
        let ours = receipt::verify(&met.receipt, &legation_did::key::document(&alice.did).unwrap()).unwrap();
        assert_eq!(ours["peer"], shop.party.did.as_str());
        assert_eq!(ours["transcript"], theirs["transcript"]);
    }
}

#[tokio::test]
async fn a_chain_that_does_not_hold_is_refused_with_a_signed_reason() {
    let (acme, alice, mallory) = (Party::new(), Party::new(), Party::new());
    let shop = open(&acme.did, true).await;
    let (stolen, foreign) = (grant(&acme, &alice.did), grant(&mallory, &mallory.did));
    for (chain, wanted) in [(stolen, "holder_mismatch"), (foreign, "root_untrusted")] {
        match shop.meet(&mallory.agent(&[&chain])).await {
            Err(MeetError::Refused { code, receipt, .. }) => {
                assert_eq!(code, wanted);
                let said = receipt::verify(&receipt, &shop.document).unwrap();
                assert_eq!((&said["decision"], &said["code"]), (&"deny".into(), &wanted.into()));
            }
            other => panic!("{wanted}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_card_that_leads_elsewhere_is_not_gone_along_with() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, true).await;
    let agent = alice.agent(&[&grant(&acme, &alice.did)]);
    let good = card_json(&shop.party.did, &shop.origin, true);
    let spoken_at = |url: Option<String>| {
        let mut card = good.clone();
        declare_delegation(&mut card, true, url.as_deref()).unwrap();
        sign_card(&card.to_string(), &shop.party)
    };
    let with = |from: &str, to: &str| sign_card(&good.to_string().replace(from, to), &shop.party);
    let mallory = Party::new();
    let keys_own = sign_card(&card_json(&mallory.did, &shop.origin, true).to_string(), &mallory);
    for (card, code) in [
        (spoken_at(None), "handshake_missing"),
        (spoken_at(Some(format!("{}/handshake", shop.origin))), "no_interface"),
        (with("JSONRPC", "HTTP+JSON"), "no_interface"),
        (with(r#""protocolVersion":"1.0""#, r#""protocolVersion":"0.3""#), "no_interface"),
        (keys_own, "card_unbound"),
    ] {
        shop.publish(&card);
        let error = shop.meet(&agent).await.unwrap_err();
        assert_eq!(error.code(), code, "{error:?}");
    }
    // A card of the shop's own that is not the one that it answers for.
    shop.publish(&with("Books rooms.", "Books more."));
    assert_eq!(shop.meet(&agent).await.unwrap_err().code(), "request_binding_mismatch");
}

/// Adds the header that activates the extension, as a user of the official client would.
struct Activate;

#[async_trait::async_trait]
impl CallInterceptor for Activate {
    async fn before(&self, _: &str, params: &mut ServiceParams) -> Result<(), a2a::A2AError> {
        params.insert(a2a::SVC_PARAM_EXTENSIONS.to_owned(), vec![URI.to_owned()]);
        Ok(())
    }
}

fn official_client(shop: &Shop) -> A2AClient<JsonRpcTransport> {
    let transport = JsonRpcTransport::new(reqwest::Client::new(), shop.interface());
    A2AClient::new(transport).with_interceptors(vec![Arc::new(Activate)])
}

#[tokio::test]
async fn the_client_of_the_a2a_library_carries_the_handshake() {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, true).await;
    let link = grant(&acme, &alice.did);
    let client = official_client(&shop);
    let send = async |message: Message| {
        let message =
            carry(&Carried::Message(message), a2a::Message::new(Role::User, vec![Part::text("Hi.")]));
        let request = SendMessageRequest { message, configuration: None, metadata: None, tenant: None };
        let SendMessageResponse::Message(answer) = client.send_message(&request).await.unwrap() else {
            panic!("a task");
        };
        assert_eq!(answer.extensions.as_deref(), Some([URI.to_owned()].as_slice()));
        match find(&answer)?.unwrap() {
            Carried::Message(message) => Ok(message),
            Carried::Refusal(refusal) => panic!("{refusal}"),
        }
    };
    let agent = alice.agent(&[&link]);
    let met = agent.meet_over(shop.card().await, &shop.interface(), send, now()).await.unwrap();
    assert_eq!(met.met.callee(), &shop.party.did);
}

/// Alice before a shop of her own.
async fn by_hand() -> ByHand {
    let (acme, alice) = (Party::new(), Party::new());
    let shop = open(&acme.did, true).await;
    let link = grant(&acme, &alice.did);
    ByHand::new(shop.card().await, alice, link)
}

#[tokio::test]
async fn a_presentation_without_a_hello_is_denied() {
    // It answers the challenge of another shop, since there is none of this one.
    let (one, other) = (by_hand().await, by_hand().await);
    let answer = one.answer().await;
    assert_eq!(other.decision(answer).await, ("deny".into(), "audience_mismatch".into()));
    // Nor is one that it could have given, but did not.
    let made_up = other.altered_answer().await;
    assert_eq!(other.decision(made_up).await, ("deny".into(), "nonce_mismatch".into()));
}

#[tokio::test]
async fn a_hello_that_is_repeated_gets_a_challenge_of_its_own() {
    let by_hand = by_hand().await;
    let hello = begin(by_hand.alice.did.clone()).unwrap().hello().clone();
    assert_ne!(by_hand.hello(&hello).await, by_hand.hello(&hello).await);
}

#[tokio::test]
async fn a_presentation_counts_once() {
    let by_hand = by_hand().await;
    let answer = by_hand.answer().await;
    assert_eq!(by_hand.decision(answer.clone()).await, ("valid".into(), String::new()));
    assert_eq!(by_hand.decision(answer).await, ("deny".into(), "nonce_replayed".into()));
}

#[tokio::test]
async fn messages_that_only_agents_send_are_refused() {
    let by_hand = by_hand().await;
    for message in [Message::Challenge("a.b.c".into()), Message::Receipt("a.b.c".into())] {
        let error = by_hand.send(message).await.unwrap_err();
        assert!(matches!(&error, ExchangeError::Refused(_)), "{error:?}");
        assert_eq!(error.code(), "malformed");
    }
}
