//! Agent cards.

use super::{
    asked::Asked,
    endpoint::{AT, Endpoint},
    error::ApiError,
    forms,
};
use axum::http::Method;
use legation_store::{card::Card, holder::Kind};
use serde_json::{Value, json};

const SET: &str = "Sign a card (A2A 1.0) and publish it from now on. It declares the DID, which is added where it declares none.";
const SHOW: &str = "The card as it is published, or as it was at a moment.";
const REMOVE: &str = "Publish no card any more.";

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(("/v1/organization/card", "admin:organization.show"), SHOW, &[AT], "CardShown", |asked| {
        show(asked, Kind::Organization)
    }),
    Endpoint::change(
        Method::PUT,
        ("/v1/organization/card", "admin:organization.card"),
        SET,
        (Some("Card"), "CardShown"),
        |asked| set(asked, Kind::Organization),
    ),
    Endpoint::change(
        Method::DELETE,
        ("/v1/organization/card", "admin:organization.card"),
        REMOVE,
        (None, "HolderState"),
        |asked| remove(asked, Kind::Organization),
    ),
    Endpoint::get(("/v1/agents/{name}/card", "admin:agents.show"), SHOW, &[AT], "CardShown", |asked| {
        show(asked, Kind::Agent)
    }),
    Endpoint::change(
        Method::PUT,
        ("/v1/agents/{name}/card", "admin:agents.card"),
        SET,
        (Some("Card"), "CardShown"),
        |asked| set(asked, Kind::Agent),
    ),
    Endpoint::change(
        Method::DELETE,
        ("/v1/agents/{name}/card", "admin:agents.card"),
        REMOVE,
        (None, "HolderState"),
        |asked| remove(asked, Kind::Agent),
    ),
];

/// The organization is called by its domain.
fn name<'a>(asked: &'a Asked<'_>, kind: Kind) -> &'a str {
    if kind == Kind::Organization { asked.registry.did().method_specific_id() } else { asked.name }
}

fn set(asked: &Asked<'_>, kind: Kind) -> Result<Value, ApiError> {
    let text = core::str::from_utf8(asked.body);
    let text = text.map_err(|_| ApiError::bad("body_invalid", "the card is no UTF-8"))?;
    let signed = asked.registry.set_card((kind, name(asked, kind)), text, asked.now)?;
    told((kind, name(asked, kind)), &signed.holder.did, &signed.card, &signed.notes)
}

fn show(asked: &Asked<'_>, kind: Kind) -> Result<Value, ApiError> {
    let did = asked.registry.show(kind, name(asked, kind))?.holder.did;
    let at = asked.moment("at")?.unwrap_or(i64::MAX);
    let card = asked.registry.card(&did, at)?;
    told((kind, name(asked, kind)), &did, &card, &[])
}

fn remove(asked: &Asked<'_>, kind: Kind) -> Result<Value, ApiError> {
    Ok(forms::state(&asked.registry.remove_card((kind, name(asked, kind)), asked.now)?))
}

fn told((kind, name): (Kind, &str), did: &str, card: &Card, notes: &[String]) -> Result<Value, ApiError> {
    let json: Value = serde_json::from_str(&card.secured)
        .map_err(|_| ApiError::bad("store_damaged", "the card can't be read"))?;
    Ok(json!({
        "kind": kind.name(), "name": name, "did": did, "version": card.version,
        "since": legation_keys::time::format(card.at), "card": json, "notes": notes,
    }))
}
