//! Identity tokens: where they are asked for, asked about and revoked, and where those for a route come from.

use super::to_the_end;
use crate::{access, gateway::Gateway, resource::told as resource_told, token};
use axum::{
    Router,
    extract::{Request, State},
    response::Response,
    routing::{get, post},
};
use http::Uri;
use legation_token::metadata::PROTECTED_RESOURCE;
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Gateway>> {
    Router::new()
        .route("/token", post(issue))
        .route("/token/challenge", post(token_challenge))
        .route("/token/introspect", post(token_introspect))
        .route("/token/revoke", post(token_revoke))
        .route(PROTECTED_RESOURCE, get(resource_metadata))
        .route(&format!("{PROTECTED_RESOURCE}/{{*path}}"), get(resource_metadata))
}

async fn issue(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    access::route("/token");
    let arrived = match token::arrive(&gateway, request).await {
        Ok(arrived) => arrived,
        Err(refused) => return refused,
    };
    let done = Arc::clone(&gateway);
    to_the_end(&gateway, async move { token::answer(&done, arrived).await }).await
}

async fn token_introspect(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    access::route("/token/introspect");
    let arrived = match token::arrive(&gateway, request).await {
        Ok(arrived) => arrived,
        Err(refused) => return refused,
    };
    let done = Arc::clone(&gateway);
    to_the_end(&gateway, async move { token::introspect(&done, arrived).await }).await
}

async fn token_revoke(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    access::route("/token/revoke");
    let arrived = match token::arrive(&gateway, request).await {
        Ok(arrived) => arrived,
        Err(refused) => return refused,
    };
    let done = Arc::clone(&gateway);
    to_the_end(&gateway, async move { token::revoke(&done, arrived).await }).await
}

/// Where tokens for a route come from (RFC 9728). It is nobody's secret.
async fn resource_metadata(State(gateway): State<Arc<Gateway>>, uri: Uri) -> Response {
    access::route(PROTECTED_RESOURCE);
    let path = uri.path().strip_prefix(PROTECTED_RESOURCE).unwrap_or_default();
    resource_told::metadata(&gateway, path).await
}

async fn token_challenge(State(gateway): State<Arc<Gateway>>) -> Response {
    access::route("/token/challenge");
    token::challenge(&gateway).await
}
