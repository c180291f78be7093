//! The caller's side of a handshake: hello, challenge, presentation, receipt. What carries the messages is the caller's.

use crate::{Failure, Holder, card, receipt::document};
use legation_agent_card::{Binding, Form, VerifiedCard};
use legation_did::Document;
use legation_handshake::{
    Message,
    caller::{Answered, Begun, Ended, Peer, begin},
};
use legation_verifier::receipt;
use serde_json::{Value, json};

/// Seconds by which two clocks may differ.
const SKEW: i64 = 60;
/// Most bytes of a message.
const MAX_MESSAGE: usize = 256 << 10;

/// A handshake that is under way. Its card was verified, and belongs to a domain.
#[derive(Debug)]
pub struct Meeting {
    card: VerifiedCard,
    document: Document,
    origin: String,
    state: State,
}

#[derive(Debug)]
enum State {
    Begun(Begun),
    Answered(Box<Answered>),
    Ended,
}

impl Meeting {
    /// Begins with the card of a domain and the document of its DID, both as fetched, at `now` (Unix seconds).
    ///
    /// # Errors
    /// Where the card is refused, is tied to no domain, is covered in part only, or names no handshake.
    pub fn begin(
        holder: &Holder,
        card_bytes: &[u8],
        document_bytes: &[u8],
        now: i64,
    ) -> Result<Self, Failure> {
        let document = document(document_bytes)?;
        let refused = |denied: Value| {
            let text = |name: &str| denied.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            Failure::new(&text("code"), text("reason"))
        };
        let (card, binding) = card::believe(card_bytes, &document, now).map_err(refused)?;
        let Binding::Domain { origin } = binding else {
            return Err(Failure::new(
                "card_unbound",
                "no domain vouches for the card; known by its key only",
            ));
        };
        if card.form() != Form::Spec {
            return Err(Failure::new(
                "card_form",
                "only the SDK form of the card's signature verifies, which leaves empty members open",
            ));
        }
        if card.handshake().is_none() {
            return Err(Failure::new("card_no_handshake", "the card names no handshake"));
        }
        let begun = begin(holder.did().clone()).map_err(|error| Failure::new("random", error))?;
        Ok(Self { card, document, origin, state: State::Begun(begun) })
    }

    /// Where messages go, and the first one: `{"endpoint", "origin", "message"}`.
    #[must_use]
    pub fn hello(&self) -> Value {
        let message = match &self.state {
            State::Begun(begun) => Message::Hello(begun.hello().clone()).to_json(),
            State::Answered(_) | State::Ended => Value::Null,
        };
        json!({"endpoint": self.card.handshake(), "origin": self.origin, "message": message})
    }

    /// Takes the challenge and answers it: `{"message"}`. With a key elsewhere it is called again with the signature; `now` must be the
    /// same.
    ///
    /// # Errors
    /// The rule that the challenge breaks.
    pub fn answer(
        &mut self,
        challenge: &[u8],
        holder: &Holder,
        given: Option<&[u8]>,
        now: i64,
    ) -> Result<Value, Failure> {
        let Message::Challenge(challenge) = Message::parse(challenge, MAX_MESSAGE)? else {
            return Err(Failure::new("handshake_unexpected", "a challenge is expected"));
        };
        let State::Begun(begun) = &self.state else {
            return Err(Failure::new("handshake_unexpected", "no challenge is expected now"));
        };
        let endpoint = self.card.handshake().unwrap_or_default();
        let peer = Peer { document: &self.document, endpoint, card: card::digest(&self.card) };
        let challenged = begun.clone().receive(&challenge, peer, SKEW, now)?;
        let links = holder.links()?;
        let mut answered = None;
        let answer = holder.sign_with(given, |key_id, signer| {
            let done = challenged
                .answer(&links, key_id, signer, now)
                .map_err(|error| Failure::new("not_presented", error))?;
            let message = Message::Presentation(done.message().clone()).to_json();
            answered = Some(done);
            Ok(json!({"message": message}))
        })?;
        if let (Some(answered), None) = (answered, answer.get("toSign")) {
            self.state = State::Answered(Box::new(answered));
        }
        Ok(answer)
    }

    /// Takes the callee's receipt: `{"met", "callee", "transcript", "receipt", "card", "record"}`, or with `met` false `code`,
    /// `link`, `expected` and `found` of its denial. `record` is the caller's own receipt, to be signed and kept.
    ///
    /// # Errors
    /// Where the receipt is not the callee's, of this handshake.
    pub fn finish(&mut self, message: &[u8], now: i64) -> Result<Value, Failure> {
        let Message::Receipt(secured) = Message::parse(message, MAX_MESSAGE)? else {
            return Err(Failure::new("handshake_unexpected", "a receipt is expected"));
        };
        let State::Answered(answered) = core::mem::replace(&mut self.state, State::Ended) else {
            return Err(Failure::new("handshake_unexpected", "no receipt is expected now"));
        };
        Ok(match answered.finish(&secured, &self.document)? {
            Ended::Met(met) => json!({
                "met": true, "callee": met.callee().as_str(), "transcript": met.transcript(),
                "receipt": met.receipt(), "card": self.card.card(),
                "record": String::from_utf8_lossy(&met.record(now)),
            }),
            Ended::Refused { code, link, expected, found, receipt } => json!({
                "met": false, "code": code, "link": link, "expected": expected, "found": found, "receipt": receipt,
            }),
        })
    }
}

/// Signs the caller's own record of a meeting.
///
/// # Errors
/// Where the key does not sign.
pub fn sign_record(record: &str, holder: &Holder, given: Option<&[u8]>) -> Result<Value, Failure> {
    holder.sign_with(given, |key_id, signer| {
        receipt::sign(record.as_bytes(), key_id, signer)
            .map(|receipt| json!({"receipt": receipt}))
            .map_err(|error| Failure::new("sign", error))
    })
}
