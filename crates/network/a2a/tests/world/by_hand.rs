//! The four messages by hand, so that they can be sent in a wrong order or changed.

#![allow(clippy::panic, clippy::indexing_slicing, reason = "tests")]

use super::{Party, fetcher, now};
use legation_a2a::{ExchangeError, Interface, exchange};
use legation_handshake::{Hello, Message, Peer, begin};
use legation_keys::base64url;
use legation_resolver::FetchedCard;
use legation_verifier::receipt;
use sha2::{Digest, Sha256};

/// Alice and the agent of a card.
pub(crate) struct ByHand {
    card: FetchedCard,
    interface: Interface,
    pub(crate) alice: Party,
    link: String,
}

impl ByHand {
    pub(crate) fn new(card: FetchedCard, alice: Party, link: String) -> Self {
        let interface = Interface::of(&card.card).unwrap();
        Self { card, interface, alice, link }
    }

    pub(crate) async fn send(&self, message: Message) -> Result<Message, ExchangeError> {
        exchange(&fetcher(), &self.interface, &message).await
    }

    pub(crate) async fn hello(&self, hello: &Hello) -> String {
        match self.send(Message::Hello(hello.clone())).await.unwrap() {
            Message::Challenge(challenge) => challenge,
            other => panic!("{other:?}"),
        }
    }

    /// A presentation for a challenge, as Alice would make it.
    pub(crate) async fn answer(&self) -> Message {
        let begun = begin(self.alice.did.clone()).unwrap();
        let challenge = self.hello(begun.hello()).await;
        let card = Sha256::digest(self.card.card.canonical()).into();
        let peer = Peer { document: &self.card.document, endpoint: &self.interface.url, card };
        let challenged = begun.receive(&challenge, peer, 60, now()).unwrap();
        let answered =
            challenged.answer(&[&self.link], &self.alice.key_id(), &*self.alice.key, now()).unwrap();
        Message::Presentation(answered.message().clone())
    }

    /// An answer to a challenge that the agent could have given, but did not.
    pub(crate) async fn altered_answer(&self) -> Message {
        let Message::Presentation(mut answer) = self.answer().await else { panic!("no answer") };
        let parts: Vec<&str> = answer.challenge.split('.').collect();
        let mut said: serde_json::Value =
            serde_json::from_slice(&base64url::decode(parts[1]).unwrap()).unwrap();
        said["callerNonce"] = "another-nonce-of-the-caller".into();
        let altered = said.to_string();
        answer.challenge = [parts[0], &base64url::encode(altered.as_bytes()), parts[2]].join(".");
        Message::Presentation(answer)
    }

    /// The decision and code of the receipt that a message is answered with.
    pub(crate) async fn decision(&self, message: Message) -> (String, String) {
        let Message::Receipt(receipt) = self.send(message).await.unwrap() else { panic!("no receipt") };
        let said = receipt::verify(&receipt, &self.card.document).unwrap();
        let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
        (text("decision"), text("code"))
    }
}
