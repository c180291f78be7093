//! The card of an agent, byte for byte: its signatures are over what it says, the addresses in it included, so that nothing of it
//! is rewritten here. Where messages go to the gateway, a card of the gateway's own says so.

use super::forward::Going;
use crate::{
    answer,
    refused::Refused,
    rpc::{self, failed},
    stop::Guard,
};
use axum::{body::Body, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use legation_registry::RegistryError;
use legation_resolver::{Call, call::Method};
use legation_store::StoreError;
use std::sync::Arc;

/// Most bytes of a card.
const MAX_CARD: usize = 1 << 20;
/// What tells of the card (A2A 1.0 §8.6).
const GIVEN: [HeaderName; 3] = [header::CONTENT_TYPE, header::ETAG, header::LAST_MODIFIED];

pub(super) async fn pass(
    going: Going,
    asked: &HeaderMap,
    recorded: impl Future<Output = Result<(), Refused>>,
    mut guard: Guard,
) -> Result<Response, Refused> {
    let mut sent = HeaderMap::new();
    sent.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    sent.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    going.gateway.with_secret(&going.route, &mut sent).await?;
    let call = Call { method: Method::GET, url: &going.url, headers: sent, body: Vec::new() };
    let mut arriving = rpc::begin(&going.gateway, &going.route, &going.caller, call).await?;
    recorded.await?;
    let (kind, status) = (rpc::kind(&arriving), arriving.status);
    let is_json = kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"));
    let body = match status {
        200 if !is_json => return Err(failed("its card is no JSON")),
        200 => rpc::body(&mut arriving, &mut guard, MAX_CARD).await?,
        _ => Vec::new(),
    };
    // Whether its caller has it already is said here, by the tag that the agent gave it.
    let tag = arriving.headers.get(header::ETAG);
    let has_it = status == 200 && tag.is_some() && asked.get(header::IF_NONE_MATCH) == tag;
    let mut response = Response::new(Body::from(if has_it { Vec::new() } else { body }));
    let given = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    *response.status_mut() = if has_it { StatusCode::NOT_MODIFIED } else { given };
    let headers = response.headers_mut();
    for name in GIVEN.iter().filter(|_| status == 200) {
        if let Some(value) = arriving.headers.get(name) {
            headers.insert(name.clone(), value.clone());
        }
    }
    headers.insert(header::CACHE_CONTROL, private());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

/// The gateway's own card for the agent, signed by the organization.
pub(super) async fn overlay(
    going: &Going,
    recorded: impl Future<Output = Result<(), Refused>>,
) -> Result<Response, Refused> {
    recorded.await?;
    let (gateway, name) = (Arc::clone(&going.gateway), going.route.name.clone());
    let overlay = going.gateway.blocking(move || gateway.registry.card_overlay(&name)).await;
    match overlay.and_then(|overlay| overlay) {
        Ok(overlay) => {
            let mut response = answer::whole(200, "application/json", overlay.card.into_bytes());
            response.headers_mut().insert(header::CACHE_CONTROL, private());
            Ok(response)
        }
        Err(RegistryError::Store(StoreError::NotFound { .. })) => Err(Refused::new(
            "not_found",
            "there is no card for calls through the gateway; whoever runs the organization can have one signed",
        )),
        Err(error) => Err(Refused::of_registry(&error)),
    }
}

/// It was given to somebody who is known, and is for nobody else to keep.
fn private() -> HeaderValue {
    HeaderValue::from_static("private, no-cache")
}
