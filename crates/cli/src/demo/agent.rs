//! The caller's side: ask for a challenge, present, send, check the receipt.

use super::{
    wire::{self, Call, Order},
    world::{Party, Place, fetcher},
};
use crate::{files, output::Failure};
use legation_credential::{Occasion, present};
use legation_keys::base64url;
use legation_resolver::Fetcher;
use legation_verifier::receipt;
use reqwest::{Client, redirect::Policy};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{error::Error, iter::successors, time::Duration};

/// Seconds that a presentation is good for; the way to the shop is short.
const PRESENTATION_LIFETIME: i64 = 60;

/// How a shop answered a call.
pub(super) struct Answer {
    /// Why not; `None` where it permits.
    pub(super) code: Option<String>,
    /// Which link failed.
    pub(super) link: Option<u64>,
    /// In words.
    pub(super) reason: String,
    /// What the shop signed about it, after its signature was verified.
    pub(super) receipt: Value,
}

/// What agents call with.
pub(super) struct Agent {
    client: Client,
    fetcher: Fetcher,
}

impl Agent {
    /// An HTTP client that trusts no certificate, since all of it is plain HTTP on this machine.
    pub(super) fn new() -> Result<Self, Failure> {
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .timeout(Duration::from_secs(10))
            .tls_certs_only([])
            .build()
            .map_err(|error| Failure::network("setup", error.to_string()))?;
        Ok(Self { client, fetcher: fetcher()? })
    }

    /// A challenge of a shop.
    pub(super) async fn challenge(&self, shop: &Place) -> Result<String, Failure> {
        let request = self.client.get(format!("{}/challenge", shop.origin));
        let (_, answer) = json_of(request).await?;
        text(&answer, "challenge")
    }

    /// An order, signed by `who` over a new challenge of the shop, and not sent yet.
    pub(super) async fn sign(
        &self,
        shop: &Place,
        who: &Party,
        chain: &[&str],
        order: &Order,
    ) -> Result<Call, Failure> {
        let (path, order) = (order.path.to_owned(), order.body());
        let challenge = self.challenge(shop).await?;
        let (nonce, issued_at) = (wire::nonce(&challenge, &path, &order), files::now());
        let occasion = Occasion {
            audience: shop.did.as_str(),
            nonce: &nonce,
            issued_at,
            expires_at: issued_at.saturating_add(PRESENTATION_LIFETIME),
            transcript: None,
        };
        let presentation = present(chain, &who.did, occasion, &who.key_id(), &who.key)
            .map_err(|error| Failure::network("sign", error.to_string()))?;
        Ok(Call { path, order, challenge, presentation })
    }

    /// Sends a call to a shop and checks the receipt of its answer.
    pub(super) async fn send(&self, shop: &Place, call: &Call) -> Result<Answer, Failure> {
        let url = format!("{}{}", shop.origin, call.path);
        let (status, answer) = json_of(self.client.post(url).body(call.to_json().to_string())).await?;
        let decision = text(&answer, "decision")?;
        let permitted = decision == "permit" && status == 200;
        let code = if permitted { None } else { Some(text(&answer, "code")?) };
        let receipt = self.receipt(shop, &text(&answer, "receipt")?).await?;
        let presented = base64url::encode(&Sha256::digest(&call.presentation));
        let said = |name: &str| receipt.get(name).and_then(Value::as_str);
        if said("decision") != Some(&decision)
            || said("code") != code.as_deref()
            || said("presentation") != Some(&presented)
        {
            return Err(Failure::invalid(
                "receipt",
                "the shop's receipt says something else than its answer",
            ));
        }
        let link = answer.get("link").and_then(Value::as_u64);
        let reason = answer.get("reason").and_then(Value::as_str).unwrap_or("permitted").to_owned();
        Ok(Answer { code, link, reason, receipt })
    }

    /// Signs and sends an order.
    pub(super) async fn order(
        &self,
        shop: &Place,
        who: &Party,
        chain: &[&str],
        order: &Order,
    ) -> Result<Answer, Failure> {
        self.send(shop, &self.sign(shop, who, chain, order).await?).await
    }

    /// What a receipt says, checked with the key that the shop publishes in its did.json.
    async fn receipt(&self, shop: &Place, secured: &str) -> Result<Value, Failure> {
        let document = self.fetcher.document(&shop.did).await;
        let document = document.map_err(|error| Failure::network(error.code(), error.to_string()))?;
        receipt::verify(secured, &document)
            .map_err(|error| Failure::invalid(error.code(), format!("the receipt does not hold: {error}")))
    }
}

/// Sends a request and reads the JSON of its answer.
async fn json_of(request: reqwest::RequestBuilder) -> Result<(u16, Value), Failure> {
    let failed = |error: reqwest::Error| {
        // The outer errors say where, the innermost says why.
        let why = successors(error.source(), |inner| (*inner).source()).last();
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        Failure::network("call", format!("a call failed: {error}{why}"))
    };
    let response = request.send().await.map_err(failed)?;
    let status = response.status().as_u16();
    let bytes = response.bytes().await.map_err(failed)?;
    let json = serde_json::from_slice(&bytes)
        .map_err(|error| Failure::network("call", format!("an answer is no JSON: {error}")))?;
    Ok((status, json))
}

fn text(json: &Value, name: &str) -> Result<String, Failure> {
    let text = json.get(name).and_then(Value::as_str).map(str::to_owned);
    text.ok_or_else(|| Failure::network("call", format!("an answer has no `{name}`: {json}")))
}
