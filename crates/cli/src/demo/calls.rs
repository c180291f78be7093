//! The caller's side: meet, sign, send, and check what was answered and signed about it.

use super::{
    shop,
    world::{Party, World},
};
use crate::{files, output::Failure};
use legation_agent::{Acquaintance, Agent, Carry, MeetError};
use legation_handshake::Message;
use legation_http_signature::{Message as Signable, read};
use legation_keys::base64url;
use legation_resolver::{
    Call,
    call::{Method, header::HeaderMap},
};
use legation_verifier::{Code, receipt};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What an agent wants to buy.
#[derive(Clone)]
pub(super) struct Order {
    /// Where it is sent: what is ordered.
    pub(super) path: &'static str,
    /// How many.
    pub(super) quantity: i64,
    /// Where to.
    pub(super) deliver_to: &'static str,
}

impl Order {
    /// What is sent there. It names no price: that is the shop's to know.
    pub(super) fn body(&self) -> Vec<u8> {
        json!({"quantity": self.quantity, "deliverTo": self.deliver_to}).to_string().into_bytes()
    }
}

/// An order that was signed, and not sent yet.
#[derive(Clone)]
pub(super) struct Signed {
    pub(super) url: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// The chain as one text, also where the headers name it by its digest.
    pub(super) chain: String,
}

/// How a call or a handshake ended.
pub(super) struct Answer {
    /// Who decided.
    pub(super) by: &'static str,
    /// Why not; `None` where all is well.
    pub(super) code: Option<String>,
    /// Which link failed.
    pub(super) link: Option<u64>,
    /// In words.
    pub(super) reason: String,
    /// What the service signed about it, after its signature was verified.
    pub(super) receipt: Option<Value>,
}

/// An agent that calls, with its chain.
pub(super) struct Caller<'a> {
    pub(super) world: &'a World,
    name: &'static str,
    pub(super) agent: Agent,
    chain: String,
}

impl<'a> Caller<'a> {
    pub(super) fn new(world: &'a World, who: &Party, chain: &[&str]) -> Result<Self, Failure> {
        let agent = Agent::new(who.identity(), chain, world.fetcher.clone()).map_err(shop::failed)?;
        Ok(Self { world, name: who.name, agent, chain: chain.join("~") })
    }

    /// Meets whoever speaks at a domain, and gives the acquaintance too.
    pub(super) async fn meet(&self, domain: &str) -> Result<(Answer, Option<Acquaintance>), Failure> {
        let outcome = self.agent.meet(domain, files::now()).await;
        let acquaintance = outcome.as_ref().ok().cloned();
        Ok((self.ended(outcome).await?, acquaintance))
    }

    /// Meets Shop, whose card it has fetched, while its messages run through a path of Mallory's server.
    pub(super) async fn meet_through(&self, path: &str) -> Result<Answer, Failure> {
        let (world, now) = (self.world, files::now());
        let card = world.fetcher.card(&world.globex.domain, now).await;
        let card = card.map_err(|error| Failure::network(error.code(), error.to_string()))?;
        let (declared, wire) =
            (shop::endpoint(&world.globex), format!("{}{path}", world.mallory_site.origin));
        let send = async |message| self.agent.post(&wire, &message).await;
        self.ended(self.agent.meet_over(card, &declared, send, now).await).await
    }

    /// Posts one message to Shop by hand.
    pub(super) async fn post(&self, message: &Message) -> Result<Answer, Failure> {
        self.post_to(&shop::endpoint(&self.world.globex), message).await
    }

    /// Posts one message by hand to a URL behind which Shop stands.
    pub(super) async fn post_to(&self, url: &str, message: &Message) -> Result<Answer, Failure> {
        match self.agent.post(url, message).await {
            Ok(Message::Receipt(signed)) => {
                let said = verified(self.world, &self.world.shop, &signed).await?;
                let text = |name: &str| said.get(name).and_then(Value::as_str).map(str::to_owned);
                let link = said.get("link").and_then(Value::as_u64);
                let code = text("code");
                let reason = format!("expected {:?}, found {:?}", text("expected"), text("found"));
                Ok(Answer { by: self.world.shop.name, code, link, reason, receipt: Some(said) })
            }
            Ok(_) => Ok(Answer::good(self.world.shop.name)),
            Err(error) => self.ended(Err(error)).await,
        }
    }

    /// How a handshake ended: who refused whom, if so.
    async fn ended(&self, outcome: Result<Acquaintance, MeetError>) -> Result<Answer, Failure> {
        let shop = &self.world.shop;
        let refused = |by, error: &MeetError| Answer {
            by,
            code: Some(error.code().to_owned()),
            link: None,
            reason: error.to_string(),
            receipt: None,
        };
        match outcome {
            Ok(acquaintance) => {
                let receipt = Some(verified(self.world, shop, acquaintance.met.receipt()).await?);
                Ok(Answer { receipt, ..Answer::good(self.name) })
            }
            Err(ref error @ MeetError::Refused { link, ref receipt, .. }) => {
                let receipt = Some(verified(self.world, shop, receipt).await?);
                Ok(Answer { link, receipt, ..refused(shop.name, error) })
            }
            Err(ref error @ MeetError::Answer { .. }) => Ok(refused(shop.name, error)),
            Err(error) => Ok(refused(self.name, &error)),
        }
    }

    /// An order, signed at `now` and not sent yet.
    pub(super) fn sign(&self, order: &Order, carry: Carry, now: i64) -> Result<Signed, Failure> {
        let (url, body) = (format!("{}{}", self.world.globex.origin, order.path), order.body());
        let mut headers = HeaderMap::new();
        self.agent.sign("POST", &url, &mut headers, &body, carry, now).map_err(shop::failed)?;
        Ok(Signed { url, headers, body, chain: self.chain.clone() })
    }

    /// Signs an order that names the chain by its digest, and sends it to Shop.
    pub(super) async fn order(&self, order: &Order) -> Result<Answer, Failure> {
        let signed = self.sign(order, Carry::Digest, files::now())?;
        send(self.world, &self.world.shop, &signed).await
    }
}

impl Answer {
    fn good(by: &'static str) -> Self {
        Self { by, code: None, link: None, reason: "all is well".to_owned(), receipt: None }
    }
}

/// Sends a request as it stands to a service and checks the receipt of its answer.
pub(super) async fn send(world: &World, service: &Party, signed: &Signed) -> Result<Answer, Failure> {
    let Signed { url, headers, body, chain } = signed.clone();
    let call = Call { method: Method::POST, url: &url, headers, body };
    let reply = world.fetcher.call(call).await;
    let reply = reply.map_err(|error| Failure::network(error.code(), error.to_string()))?;
    let said: Value = serde_json::from_slice(&reply.body)
        .map_err(|error| Failure::network("call", format!("an answer is no JSON: {error}")))?;
    let text = |name: &str| said.get(name).and_then(Value::as_str).map(str::to_owned);
    let code = if reply.status == 200 { None } else { Some(text("code").unwrap_or_default()) };
    let receipt = match text("receipt") {
        Some(receipt) => Some(verified(world, service, &receipt).await?),
        None => None,
    };
    // What a rule of the verifier decides has a receipt, and so has every permit.
    let decided = code.as_deref().is_none_or(|code| Code::from_name(code).is_some());
    if decided && !receipt.as_ref().is_some_and(|receipt| is_about(receipt, signed, &chain, code.as_deref()))
    {
        return Err(Failure::invalid(
            "receipt",
            format!("{}'s receipt is not that of its answer", service.name),
        ));
    }
    let link = said.get("link").and_then(Value::as_u64);
    Ok(Answer { by: service.name, code, link, reason: text("detail").unwrap_or_default(), receipt })
}

/// Whether a receipt is of this very request, and says what the answer said.
fn is_about(receipt: &Value, sent: &Signed, chain: &str, code: Option<&str>) -> bool {
    let text = |name: &str| receipt.get(name).and_then(Value::as_str);
    let Signed { url, headers, body, .. } = sent;
    let message = Signable { method: "POST", target_uri: url, headers, body };
    // Of what can't be read as a signed request there is nothing to name.
    let record = read(&message).map_or(String::new(), |proof| proof.record(chain));
    text("code") == code
        && text("decision") == Some(if code.is_some() { "deny" } else { "permit" })
        && text("presentation") == Some(&base64url::encode(&Sha256::digest(record)))
}

/// What a receipt says, checked with the key that its service publishes in its did.json.
async fn verified(world: &World, service: &Party, secured: &str) -> Result<Value, Failure> {
    let document = world.fetcher.document(&service.did).await;
    let document = document.map_err(|error| Failure::network(error.code(), error.to_string()))?;
    receipt::verify(secured, &document)
        .map_err(|error| Failure::invalid(error.code(), format!("the receipt does not hold: {error}")))
}
