//! Where callers find what: the paths that their SDKs know.

use crate::{
    auth, chat,
    decide::Undecided,
    gateway::{Gateway, now},
    http_route,
    models::Configured,
    openai::{bound::ACTION, models},
    refused::Refused,
};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    response::Response,
    routing::{get, post},
};
use http::{HeaderMap, Method, Uri};
use legation_credential::{Facts, Request, Value, amount::AMOUNT_MICROS};
use legation_http_signature::Message;
use legation_registry::model::Model;
use legation_verifier::{Code, VerifiedChain, authorize};
use std::sync::Arc;

/// Most bytes of a request's body.
const MAX_BODY: usize = 4 << 20;

/// The gateway as a router: `/v1/chat/completions` and `/v1/models` in OpenAI's shape, and the organization's routes.
pub fn router(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(complete))
        .route("/v1/models", get(list))
        .route("/v1/models/{name}", get(one))
        .fallback(other)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(gateway)
}

async fn complete(
    State(gateway): State<Arc<Gateway>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target_uri = target(&gateway, &uri);
    let message = Message { method: "POST", target_uri: &target_uri, headers: &headers, body: &body };
    chat::complete(&gateway, &message).await
}

async fn other(
    State(gateway): State<Arc<Gateway>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target_uri = target(&gateway, &uri);
    let message =
        Message { method: method.as_str(), target_uri: &target_uri, headers: &headers, body: &body };
    http_route::pass(&gateway, &message, &uri).await
}

/// The URL of a request as callers know it: at the organization's own origin, whatever `Host` says.
fn target(gateway: &Gateway, uri: &Uri) -> String {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    format!("{}{path}", gateway.registry.origin())
}

async fn list(State(gateway): State<Arc<Gateway>>, headers: HeaderMap) -> Response {
    let granted = match granted(&gateway, &headers).await {
        Ok(granted) => granted,
        Err(refused) => return refuse(&refused),
    };
    let all: Vec<(&Model, i64)> = granted.iter().map(|model| (model, 0)).collect();
    chat::answer(200, "application/json", models::list(&all, &gateway.registry.host()))
}

async fn one(State(gateway): State<Arc<Gateway>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    match granted(&gateway, &headers).await {
        Ok(granted) => match granted.iter().find(|model| model.name == name) {
            Some(model) => {
                chat::answer(200, "application/json", models::one(model, 0, &gateway.registry.host()))
            }
            None => {
                refuse(&Refused::new("model_not_found", format!("there is no model `{name}` for this key")))
            }
        },
        Err(refused) => refuse(&refused),
    }
}

fn refuse(refused: &Refused) -> Response {
    chat::error(&refused.shape(&uuid::Uuid::now_v7().to_string()))
}

/// The models that a key's agent may call, whatever it has left to spend.
async fn granted(gateway: &Arc<Gateway>, headers: &HeaderMap) -> Result<Vec<Model>, Refused> {
    let key = auth::key_of(headers)?;
    let now = now();
    let (chain, configured) = as_of_now(gateway, key, now).await?;
    let host = gateway.registry.host();
    let is_granted = |model: &&Model| {
        let currency = model.price.as_ref().map_or("", |price| price.currency.as_str());
        let facts: Facts = [
            ("currency".to_owned(), Value::from(currency)),
            (AMOUNT_MICROS.to_owned(), Value::Integer(0)),
            ("model".to_owned(), Value::from(model.name.as_str())),
        ]
        .into();
        let Ok(request) = Request::new(ACTION, &model.resource(&host), facts) else { return false };
        // Any other denial is of one call, not of the model.
        !matches!(authorize(&chain, &request, now).into_permit(), Err(denial) if denial.code == Code::NotGranted)
    };
    Ok(configured.models.iter().filter(is_granted).cloned().collect())
}

/// A key's chain and what is configured, as of one epoch, which is the latest.
async fn as_of_now(
    gateway: &Arc<Gateway>,
    key: [u8; 32],
    now: i64,
) -> Result<(Arc<VerifiedChain>, Arc<Configured>), Refused> {
    for _ in 0..4 {
        let caller = gateway.caller(key, now).await.map_err(|error| auth::refused(&error))?;
        let epoch = caller.caller.epoch;
        if gateway.epoch().await? == epoch {
            let chain = caller.verify(&gateway.verifier, now).map_err(|denial| Refused::from(&denial))?;
            match gateway.configured_at(epoch).await {
                Ok(configured) => return Ok((chain, configured)),
                Err(Undecided::Refused(refused)) => return Err(refused),
                Err(Undecided::Changed) => {}
            }
        }
        gateway.forget();
    }
    Err(Refused::new("overloaded", "the organization is changing all the time; try again"))
}
