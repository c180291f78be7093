//! Two agents meet by A2A messages over real HTTP, or don't.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod world;

use a2a::{Part, Role, SendMessageRequest, SendMessageResponse};
use a2a_client::{A2AClient, ServiceParams, jsonrpc::JsonRpcTransport, middleware::CallInterceptor};
use legation_a2a::{Carried, ExchangeError, Interface, URI, carry, exchange, find};
use legation_agent::MeetError;
use legation_handshake::{Hello, Message, Peer, begin};
use legation_keys::base64url;
use legation_verifier::receipt;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use world::{Party, Shop, fetcher, grant, now, open};

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

/// The four messages by hand, so that they can be sent in a wrong order.
struct ByHand {
    shop: Shop,
    alice: Party,
    link: String,
    interface: Interface,
}

impl ByHand {
    async fn new() -> Self {
        let (acme, alice) = (Party::new(), Party::new());
        let shop = open(&acme.did, true).await;
        let link = grant(&acme, &alice.did);
        let interface = Interface::of(&shop.card().await.card).unwrap();
        Self { shop, alice, link, interface }
    }

    async fn send(&self, message: Message) -> Result<Message, ExchangeError> {
        exchange(&fetcher(), &self.interface, &message).await
    }

    async fn hello(&self, hello: &Hello) -> String {
        match self.send(Message::Hello(hello.clone())).await.unwrap() {
            Message::Challenge(challenge) => challenge,
            other => panic!("{other:?}"),
        }
    }

    /// A presentation for a challenge, as the agent would make it.
    async fn answer(&self) -> Message {
        let begun = begin(self.alice.did.clone()).unwrap();
        let challenge = self.hello(begun.hello()).await;
        let card = Sha256::digest(self.shop.card().await.card.canonical()).into();
        let peer = Peer { document: &self.shop.document, endpoint: &self.interface.url, card };
        let challenged = begun.receive(&challenge, peer, 60, now()).unwrap();
        let answered =
            challenged.answer(&[&self.link], &self.alice.key_id(), &*self.alice.key, now()).unwrap();
        Message::Presentation(answered.message().clone())
    }

    /// The decision and code of the receipt that a message is answered with.
    async fn decision(&self, message: Message) -> (String, String) {
        let Message::Receipt(receipt) = self.send(message).await.unwrap() else { panic!("no receipt") };
        let said = receipt::verify(&receipt, &self.shop.document).unwrap();
        let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
        (text("decision"), text("code"))
    }
}

#[tokio::test]
async fn a_presentation_without_a_hello_is_denied() {
    // It answers the challenge of another shop, since there is none of this one.
    let (one, other) = (ByHand::new().await, ByHand::new().await);
    let answer = one.answer().await;
    assert_eq!(other.decision(answer).await, ("deny".into(), "audience_mismatch".into()));
    // Nor is one that it could have given, but did not.
    let Message::Presentation(mut made_up) = other.answer().await else { panic!("no answer") };
    let parts: Vec<&str> = made_up.challenge.split('.').collect();
    let payload = String::from_utf8(base64url::decode(parts[1]).unwrap()).unwrap();
    let payload = payload.replace(r#""callerNonce":""#, r#""callerNonce":"x"#);
    made_up.challenge = [parts[0], &base64url::encode(payload.as_bytes()), parts[2]].join(".");
    let made_up = Message::Presentation(made_up);
    assert_eq!(other.decision(made_up).await, ("deny".into(), "nonce_mismatch".into()));
}

#[tokio::test]
async fn a_hello_that_is_repeated_gets_a_challenge_of_its_own() {
    let by_hand = ByHand::new().await;
    let hello = begin(by_hand.alice.did.clone()).unwrap().hello().clone();
    assert_ne!(by_hand.hello(&hello).await, by_hand.hello(&hello).await);
}

#[tokio::test]
async fn a_presentation_counts_once() {
    let by_hand = ByHand::new().await;
    let answer = by_hand.answer().await;
    assert_eq!(by_hand.decision(answer.clone()).await, ("valid".into(), String::new()));
    assert_eq!(by_hand.decision(answer).await, ("deny".into(), "nonce_replayed".into()));
}

#[tokio::test]
async fn messages_that_only_agents_send_are_refused() {
    let by_hand = ByHand::new().await;
    for message in [Message::Challenge("a.b.c".into()), Message::Receipt("a.b.c".into())] {
        let error = by_hand.send(message).await.unwrap_err();
        assert!(matches!(&error, ExchangeError::Refused(_)), "{error:?}");
        assert_eq!(error.code(), "malformed");
    }
}
