//! The services of Globex: what somebody writes who lets other people's agents in.
//!
//! | | |
//! |---|---|
//! | `POST /shop/handshake` | Shop meets an agent |
//! | `POST /api/…` | an order at Shop, by agents that it has met |
//! | `POST /market/api/…` | an order of the same goods at Market, by whoever brings a chain |

use super::{site::Site, world::Party};
use crate::output::Failure;
use axum::{
    Extension, Router,
    http::header,
    response::{IntoResponse, Response},
    routing::post,
};
use legation_agent::{Admitted, Desk, Gate, Responder, guard, handshake_router};
use legation_agent_card::{Form, Keys, UnverifiedCard, VerifiedCard, extension, sign, verify};
use legation_credential::{Facts, Request, RequestError, request::split_query};
use legation_did::web;
use legation_handshake::ChallengeKey;
use legation_http_signature::Message;
use legation_keys::Signer;
use serde_json::{Value, json};
use std::{fmt::Display, sync::Arc};

/// Where Shop speaks the handshake.
const HANDSHAKE: &str = "/shop/handshake";
/// Where Market's orders begin.
pub(super) const MARKET: &str = "/market";
/// What they sell, in cents.
const PRICES: [(&str, i64); 4] =
    [("office/paper", 1_200), ("office/pens", 200), ("office/chair", 9_000), ("it/laptop", 120_000)];

/// Where Shop speaks the handshake, as a URL.
pub(super) fn endpoint(site: &Site) -> String {
    format!("{}{HANDSHAKE}", site.origin)
}

/// Shop's card, signed by one or several of its keys.
pub(super) fn card(shop: &Party, site: &Site, keys: &[&Party]) -> Result<String, Failure> {
    signed_card(shop, "Sells office goods.", &endpoint(site), keys)
}

/// The card of somebody who speaks the handshake at a URL of its own.
pub(super) fn signed_card(
    who: &Party,
    description: &str,
    endpoint: &str,
    keys: &[&Party],
) -> Result<String, Failure> {
    let mut card = json!({
        "name": who.name, "description": description, "version": "1.0.0",
        "supportedInterfaces": [{"url": endpoint, "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0"}],
        "capabilities": {},
        // A requirement without scopes: the SDKs leave it out of what they sign.
        "securitySchemes": {"signature": {"httpAuthSecurityScheme": {"scheme": "Signature"}}},
        "securityRequirements": [{"schemes": {"signature": {"list": []}}}],
        "defaultInputModes": ["application/json"], "defaultOutputModes": ["application/json"], "skills": [],
    });
    extension::declare_identity(&mut card, &who.did).map_err(failed)?;
    extension::declare_delegation(&mut card, true, Some(endpoint)).map_err(failed)?;
    let mut text = card.to_string();
    for key in keys {
        let card = UnverifiedCard::parse(text.as_bytes()).map_err(failed)?;
        text = sign(&card, &key.key_id(), &*key.key).map_err(failed)?;
    }
    Ok(text)
}

/// One's own card, as others will verify it.
pub(super) fn own_card(who: &Party, text: &str, now: i64) -> Result<VerifiedCard, Failure> {
    let document = web::document(&who.did, &[who.key.public_key().clone()]);
    let card = UnverifiedCard::parse(text.as_bytes()).map_err(failed)?;
    verify(&card, Keys::Document { document: &document, now }, &[Form::Spec]).map_err(failed)
}

/// Shop: its handshake, and the orders of those whom it has met.
pub(super) fn open(
    desk: Arc<Desk>,
    site: &Site,
    card: &VerifiedCard,
) -> Result<(Arc<Responder>, Router), Failure> {
    let key = ChallengeKey::generate().map_err(failed)?;
    let responder = Arc::new(Responder::new(desk.clone(), card, key).map_err(failed)?);
    // An order moves money, so Shop asks anew each time, and a revocation shows on the very next call.
    let gate =
        Gate::new(desk, site.origin.clone()).map_err(failed)?.handshaken_only(endpoint(site)).ask_anew();
    let orders = Router::new().route("/api/{*path}", post(accept));
    let orders = guard(orders, gate, |message| order(message, ""));
    Ok((responder.clone(), orders.merge(handshake_router(responder, HANDSHAKE))))
}

/// Market: orders, by whoever brings a chain.
pub(super) fn market(desk: Arc<Desk>, site: &Site) -> Result<Router, Failure> {
    let orders = Router::new().route(&format!("{MARKET}/api/{{*path}}"), post(accept));
    let gate = Gate::new(desk, site.origin.clone()).map_err(failed)?;
    Ok(guard(orders, gate, |message| order(message, MARKET)))
}

/// An order that was admitted. Its receipt goes to whoever sent it.
async fn accept(Extension(admitted): Extension<Admitted>) -> Response {
    let json = json!({"accepted": true, "agent": admitted.agent.as_str(), "receipt": admitted.receipt});
    ([(header::CONTENT_TYPE, "application/json")], json.to_string()).into_response()
}

/// What a request asks for, in the service's own words. Nothing of it is the agent's to say but
/// what, how many and where to: the price is the service's. `prefix` comes before the goods' own path.
fn order(message: &Message<'_>, prefix: &str) -> Result<Request, RequestError> {
    let (resource, mut facts) = split_query(message.target_uri)?;
    let resource = resource.replacen(&format!("{prefix}/api/"), "/api/", 1);
    let (_, path) = resource.split_once("/api/").unwrap_or_default();
    let action = if path.starts_with("refunds/") { "shop:refunds.pay" } else { "shop:orders.place" };
    let item = path.strip_prefix("orders/").unwrap_or_default();
    let said = serde_json::from_slice(message.body).unwrap_or_default();
    add_facts(&mut facts, item, &said);
    Request::new(action, &resource, facts)
}

/// A fact that the service can't tell is left out; a limit that needs it then denies.
fn add_facts(facts: &mut Facts, item: &str, said: &Value) {
    let price = PRICES.iter().find(|(name, _)| *name == item).map(|(_, price)| *price);
    let quantity = said.get("quantity").and_then(Value::as_i64).filter(|quantity| *quantity > 0);
    let amount = price.zip(quantity).and_then(|(price, quantity)| price.checked_mul(quantity));
    if let Some(amount) = amount {
        facts.insert("amount".to_owned(), legation_credential::Value::Integer(amount));
        facts.insert("currency".to_owned(), "USD".into());
    }
    if let Some(place) = said.get("deliverTo").and_then(Value::as_str) {
        facts.insert("deliverTo".to_owned(), place.into());
    }
}

/// What can't fail here unless the machine does.
pub(super) fn failed(error: impl Display) -> Failure {
    Failure::network("setup", error.to_string())
}
