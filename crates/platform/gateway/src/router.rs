//! Where callers find what: the paths that their SDKs know.

use crate::{
    answer,
    asked::Endpoint,
    auth, call,
    decide::{Undecided, Who},
    gateway::{Gateway, now},
    http_route,
    models::Configured,
    openai::{bound::ACTION, models},
    own,
    refused::Refused,
};
use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    response::Response,
    routing::{MethodRouter, get, post},
};
use http::{HeaderMap, Method, Uri};
use legation_credential::{Value, limit::LimitKind};
use legation_http_signature::Message;
use legation_registry::{CallerError, model::Model};
use legation_verifier::{Code, VerifiedChain, authorize};
use std::{sync::Arc, time::Duration};

/// Most bytes of a request's body.
const MAX_BODY: usize = 4 << 20;
/// For how long a body may take to arrive.
const BODY: Duration = Duration::from_secs(30);

/// The gateway as a router: models in OpenAI's shape (`/v1/chat/completions`, `/v1/responses`, `/v1/embeddings`, `/v1/models`) and
/// in Anthropic's (`/v1/messages`), what an agent asks about itself, and the organization's routes.
pub fn router(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/v1/chat/completions", asks(Endpoint::Chat))
        .route("/v1/responses", asks(Endpoint::Responses))
        .route("/v1/embeddings", asks(Endpoint::Embeddings))
        .route("/v1/messages", asks(Endpoint::Messages))
        .route("/v1/messages/count_tokens", asks(Endpoint::CountTokens))
        .route("/v1/models", get(list))
        .route("/v1/models/{name}", get(one))
        .route("/v1/self/delegation", get(own_delegation))
        .route("/v1/self/budget", get(own_budget))
        .fallback(other)
        .with_state(gateway)
}

/// Asks a model at an end point.
fn asks(at: Endpoint) -> MethodRouter<Arc<Gateway>> {
    post(move |State(gateway): State<Arc<Gateway>>, request: axum::extract::Request| async move {
        let arrived = match arrive(&gateway, request).await {
            Ok(arrived) => arrived,
            Err(refused) => return gateway.refuse_as(at.shape(), &refused),
        };
        let done = Arc::clone(&gateway);
        to_the_end(&gateway, async move { call::answer(&done, at, &arrived.message()).await }).await
    })
}

async fn other(State(gateway): State<Arc<Gateway>>, request: axum::extract::Request) -> Response {
    let arrived = match arrive(&gateway, request).await {
        Ok(arrived) => arrived,
        Err(refused) => return gateway.refuse(&refused),
    };
    let done = Arc::clone(&gateway);
    to_the_end(&gateway, async move { http_route::pass(&done, &arrived.message(), &arrived.uri).await }).await
}

/// Does something to its end, also where the caller goes away meanwhile: what was reserved has to be settled.
async fn to_the_end(gateway: &Gateway, work: impl Future<Output = Response> + Send + 'static) -> Response {
    let internal = |_| gateway.refuse(&Refused::new("internal", "the gateway made a mistake"));
    tokio::spawn(work).await.unwrap_or_else(internal)
}

/// A request that arrived whole, of somebody who showed something.
struct Arrived {
    method: Method,
    uri: Uri,
    target_uri: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Arrived {
    fn message(&self) -> Message<'_> {
        let Self { method, target_uri, headers, body, .. } = self;
        Message { method: method.as_str(), target_uri, headers, body }
    }
}

/// Looks at the head first: of whoever shows no key that is known here, and no signature, no body is read. Bodies are
/// read for so many at a time, each within its time.
async fn arrive(gateway: &Arc<Gateway>, request: axum::extract::Request) -> Result<Arrived, Refused> {
    let (parts, body) = request.into_parts();
    let is_signed = parts.headers.contains_key("signature-input");
    if !is_signed {
        let known = gateway.caller(auth::key_of(&parts.headers)?, now()).await;
        // Whose key it was is told after the rest was read, and recorded.
        if let Err(error @ CallerError::Unknown) = known {
            return Err(auth::refused(&error));
        }
    }
    let busy = || Refused::new("overloaded", "too many requests arrive at once; try again");
    // Nobody who is not known yet takes the place of those who are.
    let places = if is_signed { &gateway.signed_bodies } else { &gateway.bodies };
    let _place = places.try_acquire().map_err(|_| busy())?;
    let slow = || Refused::new("bad_request", "the body did not arrive in time");
    let body = tokio::time::timeout(BODY, axum::body::to_bytes(body, MAX_BODY)).await.map_err(|_| slow())?;
    let large =
        |_| Refused::new("input_too_large", format!("the body has more than {MAX_BODY} bytes, or broke off"));
    let body = body.map_err(large)?;
    let target_uri = target(gateway, &parts.uri);
    Ok(Arrived { method: parts.method, uri: parts.uri, target_uri, headers: parts.headers, body })
}

/// The URL of a request as callers know it: at the organization's own origin, whatever `Host` says.
fn target(gateway: &Gateway, uri: &Uri) -> String {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    format!("{}{path}", gateway.registry.origin())
}

async fn list(State(gateway): State<Arc<Gateway>>, request: axum::extract::Request) -> Response {
    let granted = match granted(&gateway, request).await {
        Ok(granted) => granted,
        Err(refused) => return gateway.refuse(&refused),
    };
    let all: Vec<(&Model, i64)> = granted.iter().map(|model| (&**model, 0)).collect();
    answer::whole(200, "application/json", models::list(&all, &gateway.registry.host()))
}

async fn one(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    request: axum::extract::Request,
) -> Response {
    match granted(&gateway, request).await {
        Ok(granted) => match granted.iter().find(|model| model.name == name) {
            Some(model) => {
                answer::whole(200, "application/json", models::one(model, 0, &gateway.registry.host()))
            }
            None => gateway
                .refuse(&Refused::new("model_not_found", format!("there is no model `{name}` for this key"))),
        },
        Err(refused) => gateway.refuse(&refused),
    }
}

async fn own_delegation(State(gateway): State<Arc<Gateway>>, request: axum::extract::Request) -> Response {
    let told = async {
        let arrived = arrive(&gateway, request).await?;
        own::delegation(&gateway, &arrived.message()).await
    };
    told.await.unwrap_or_else(|refused: Refused| gateway.refuse(&refused))
}

async fn own_budget(State(gateway): State<Arc<Gateway>>, request: axum::extract::Request) -> Response {
    let told = async {
        let arrived = arrive(&gateway, request).await?;
        let now = now();
        let (chain, configured) = as_of_now(&gateway, &arrived.message(), now).await?;
        let models = of_caller(&gateway, &chain, &configured, now);
        own::budget(&gateway, &chain, &models, now).await
    };
    told.await.unwrap_or_else(|refused: Refused| gateway.refuse(&refused))
}

/// The models that a caller's agent may call, whatever it has left to spend.
async fn granted(
    gateway: &Arc<Gateway>,
    request: axum::extract::Request,
) -> Result<Vec<Arc<Model>>, Refused> {
    let arrived = arrive(gateway, request).await?;
    let now = now();
    let (chain, configured) = as_of_now(gateway, &arrived.message(), now).await?;
    Ok(of_caller(gateway, &chain, &configured, now))
}

fn of_caller(gateway: &Gateway, chain: &VerifiedChain, configured: &Configured, now: i64) -> Vec<Arc<Model>> {
    let host = gateway.registry.host();
    let is_granted = |model: &&Arc<Model>| {
        let Ok(request) = own::free_call(model, &host) else { return false };
        let is_bound = !chain.effective().limits_on(ACTION).all(|(key, bound)| match &key.kind {
            LimitKind::Argument { name, .. } if name == "model" => {
                bound.admits(&Value::from(model.name.as_str()))
            }
            _ => true,
        });
        // Any other denial is of one call, not of the model.
        let denied = authorize(chain, &request, now).into_permit().err().map(|denial| denial.code);
        !is_bound && denied != Some(Code::NotGranted)
    };
    configured.models.iter().filter(is_granted).cloned().collect()
}

/// A caller's chain and what is configured, as of one epoch, which is the latest.
async fn as_of_now(
    gateway: &Arc<Gateway>,
    message: &Message<'_>,
    now: i64,
) -> Result<(Arc<VerifiedChain>, Arc<Configured>), Refused> {
    for _ in 0..4 {
        let (epoch, chain) = match auth::who(message)? {
            Who::Key(key) => {
                let caller = gateway.caller(key, now).await.map_err(|error| auth::refused(&error))?;
                let epoch = caller.caller.epoch;
                if gateway.epoch().await? != epoch {
                    gateway.forget();
                    continue;
                }
                let verified = caller.verify(&gateway.verifier, now);
                (epoch, verified.map_err(|denial| Refused::from(&denial))?.0)
            }
            Who::Signed(message) => match gateway.by_signature(message, now).await {
                Ok(caller) => (caller.epoch, caller.chain),
                Err(Undecided::Refused(refused)) => return Err(refused),
                Err(Undecided::Changed) => continue,
            },
        };
        match gateway.configured_at(epoch).await {
            Ok(configured) => return Ok((chain, configured)),
            Err(Undecided::Refused(refused)) => return Err(refused),
            Err(Undecided::Changed) => gateway.forget(),
        }
    }
    Err(Refused::new("overloaded", "the organization is changing all the time; try again"))
}
