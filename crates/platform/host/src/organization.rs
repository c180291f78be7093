//! What an organization publishes, from its store: DID documents and status lists. All of it is static and signed, or
//! stands on its own domain: anybody may mirror it.

use crate::{
    location::Kind,
    problem::Problem,
    router::{answer, open_to_web_pages},
};
use axum::{
    Router,
    extract::{Path, State},
    http::HeaderMap,
    middleware::map_response,
    response::Response,
    routing::get,
};
use legation_registry::{Registry, RegistryError};
use legation_store::StoreError;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// `/.well-known/did.json`, `/teams/NAME/did.json`, `/NAME/did.json`, `/status/NUMBER`, `/.well-known/did-configuration.json`, `/.well-known/agent-card.json` and
/// `/NAME/agent-card.json` of an organization.
pub fn published(registry: Arc<Registry>) -> Router {
    Router::new()
        .route("/.well-known/did.json", get(own))
        .route("/teams/{name}/did.json", get(team))
        .route("/{name}/did.json", get(agent))
        .route("/status/{number}", get(status))
        .route("/.well-known/did-configuration.json", get(configuration))
        .route("/.well-known/agent-card.json", get(own_card))
        .route("/{name}/agent-card.json", get(agent_card))
        .layer(map_response(open_to_web_pages))
        .with_state(registry)
}

async fn own(State(registry): State<Arc<Registry>>, headers: HeaderMap) -> Result<Response, Problem> {
    let did = registry.did().to_string();
    document(registry, did, &headers).await
}

async fn team(
    State(registry): State<Arc<Registry>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let did = format!("{}:teams:{name}", registry.did());
    document(registry, did, &headers).await
}

async fn agent(
    State(registry): State<Arc<Registry>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let did = format!("{}:{name}", registry.did());
    document(registry, did, &headers).await
}

async fn status(
    State(registry): State<Arc<Registry>>,
    Path(number): Path<i64>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let list = read(move || registry.status_list(number)).await?;
    tell(Kind::StatusList, list.into_bytes(), &headers)
}

async fn configuration(
    State(registry): State<Arc<Registry>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let configuration = read(move || registry.did_configuration()).await?;
    tell(Kind::Configuration, configuration.into_bytes(), &headers)
}

async fn own_card(State(registry): State<Arc<Registry>>, headers: HeaderMap) -> Result<Response, Problem> {
    let did = registry.did().to_string();
    card(registry, did, &headers).await
}

async fn agent_card(
    State(registry): State<Arc<Registry>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let did = format!("{}:{name}", registry.did());
    card(registry, did, &headers).await
}

async fn card(registry: Arc<Registry>, did: String, headers: &HeaderMap) -> Result<Response, Problem> {
    let card = read(move || registry.published_card(&did)).await?;
    tell(Kind::AgentCard, card.secured.into_bytes(), headers)
}

async fn document(registry: Arc<Registry>, did: String, headers: &HeaderMap) -> Result<Response, Problem> {
    let document = read(move || registry.document(&did)).await?;
    tell(Kind::Document, document.to_json().to_string().into_bytes(), headers)
}

fn tell(kind: Kind, bytes: Vec<u8>, headers: &HeaderMap) -> Result<Response, Problem> {
    let digest = Sha256::digest(&bytes).into();
    answer(kind, bytes, digest, headers)
}

/// The store blocks, and other requests go on meanwhile.
async fn read<T: Send + 'static>(
    verb: impl FnOnce() -> Result<T, RegistryError> + Send + 'static,
) -> Result<T, Problem> {
    let read = tokio::task::spawn_blocking(verb).await.map_err(|_| Problem::Storage)?;
    read.map_err(|error| match error {
        RegistryError::Store(StoreError::NotFound { .. }) => Problem::NotFound,
        RegistryError::Store(StoreError::Restored { .. }) => Problem::Closed,
        _ => Problem::Storage,
    })
}
