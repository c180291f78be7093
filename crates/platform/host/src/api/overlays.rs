//! Cards of A2A agents as whoever calls through the gateway uses them.

use super::{asked::Asked, endpoint::Endpoint, error::ApiError};
use axum::http::Method;
use legation_registry::overlays::Overlay;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        ("/v1/routes/{name}/card-overlay", "admin:routes.show"),
        "The card for those who call the A2A agent of a route through the gateway.",
        &[],
        "CardOverlay",
        |asked| told(&asked.registry.card_overlay(asked.name)?),
    ),
    Endpoint::change(
        Method::PUT,
        ("/v1/routes/{name}/card-overlay", "admin:routes.card"),
        "Sign a card for those who call the A2A agent of a route through the gateway, of the agent's own (A2A 1.0) as it is, byte for byte.",
        (Some("MakeCardOverlay"), "CardOverlay"),
        set,
    ),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct MakeCardOverlay {
    card: String,
}

fn set(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let body: MakeCardOverlay = asked.body()?;
    told(&asked.registry.set_card_overlay(asked.name, &body.card, asked.now)?)
}

fn told(overlay: &Overlay) -> Result<Value, ApiError> {
    let card: Value = serde_json::from_str(&overlay.card)
        .map_err(|_| ApiError::bad("store_damaged", "the card can't be read"))?;
    Ok(json!({"of": overlay.of, "card": card}))
}
