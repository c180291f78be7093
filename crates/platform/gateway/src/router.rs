//! Where callers find what: the paths that their SDKs know.

mod consent;
mod tokens;

use crate::{
    access, answer,
    asked::Endpoint,
    auth,
    authzen::{self, Endpoint as Decides, Wanted},
    bodies::MAX_BODY,
    call,
    decide::{Identified, Undecided},
    gateway::{Gateway, now},
    http_route::{self, Asked, flow::Coming},
    kept,
    models::Configured,
    openai::{bound::ACTION, models},
    own,
    refused::Refused,
    resource::{Presented, told as resource_told},
    theirs,
    turns::Turn,
};
use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::{Path, Request, State},
    middleware::{Next, from_fn},
    response::Response,
    routing::{MethodRouter, get, post},
};
use http::{HeaderMap, Method, Uri};
use hyper::{ext::Protocol, upgrade::OnUpgrade};
use legation_credential::{Value, limit::LimitKind};
use legation_http_signature::Message;
use legation_registry::{CallerError, model::Model};
use legation_verifier::{Code, VerifiedChain, authorize};
use std::sync::Arc;

/// The gateway as a router: models in OpenAI's shape (`/v1/chat/completions`, `/v1/responses`, `/v1/embeddings`, `/v1/images`,
/// `/v1/audio`, `/v1/models`) and in Anthropic's (`/v1/messages`), what an agent asks about itself (`/v1/self`), identity tokens (`/token`), where a person is asked
/// (`/oauth/authorize`),
/// and the organization's routes.
pub fn router(gateway: Arc<Gateway>) -> Router {
    let router = Router::new()
        .route("/v1/chat/completions", asks(Endpoint::Chat))
        .route("/v1/responses", asks(Endpoint::Responses))
        .route("/v1/embeddings", asks(Endpoint::Embeddings))
        .route("/v1/images/generations", asks(Endpoint::Images))
        .route("/v1/images/edits", asks(Endpoint::ImageEdits))
        .route("/v1/audio/speech", asks(Endpoint::Speech))
        .route("/v1/audio/transcriptions", asks(Endpoint::Transcriptions))
        .route("/v1/audio/translations", asks(Endpoint::Translations))
        .route("/v1/files", post(kept_create).get(kept_list))
        .route("/v1/files/{id}", get(kept_one).delete(kept_remove))
        .route("/v1/files/{id}/content", get(kept_content))
        .route("/v1/batches", post(kept_create).get(kept_list))
        .route("/v1/batches/{id}", get(kept_one))
        .route("/v1/batches/{id}/cancel", post(kept_cancel))
        .route("/v1/messages", asks(Endpoint::Messages))
        .route("/v1/messages/count_tokens", asks(Endpoint::CountTokens))
        .route("/v1/models", get(list))
        .route("/v1/models/{name}", get(one))
        .route("/v1/self/delegation", get(own_delegation))
        .route("/v1/self/budget", get(own_budget))
        .route("/v1/self/receipts", post(own_receipts))
        .route(Decides::Evaluation.route(), decides(Decides::Evaluation))
        .route(Decides::Evaluations.route(), decides(Decides::Evaluations))
        .route(Decides::Search(Wanted::Subjects).route(), decides(Decides::Search(Wanted::Subjects)))
        .route(Decides::Search(Wanted::Resources).route(), decides(Decides::Search(Wanted::Resources)))
        .route(Decides::Search(Wanted::Actions).route(), decides(Decides::Search(Wanted::Actions)))
        .route("/.well-known/authzen-configuration", get(authzen_metadata))
        .merge(tokens::routes())
        .merge(consent::routes())
        .fallback(other)
        .with_state(Arc::clone(&gateway));
    with_access(gateway, router)
}

/// Routes that are no part of the gateway, such as what is published: each request to them is told of as the gateway's own are, by a
/// name for all of them.
pub fn told(gateway: Arc<Gateway>, name: &'static str, routes: Router) -> Router {
    let named = from_fn(move |request: Request, next: Next| {
        access::route(name);
        next.run(request)
    });
    with_access(gateway, routes.layer(named))
}

pub(crate) fn with_access(gateway: Arc<Gateway>, routes: Router) -> Router {
    routes
        .layer(from_fn(move |request: Request, next: Next| access::tell(Arc::clone(&gateway), request, next)))
}

/// Asks a model at an end point.
fn asks(at: Endpoint) -> MethodRouter<Arc<Gateway>> {
    post(move |State(gateway): State<Arc<Gateway>>, request: axum::extract::Request| async move {
        access::route(at.route());
        let arrived = match arrive_within(&gateway, request, at.most()).await {
            Ok(arrived) => arrived,
            Err(refused) => return gateway.refuse_as(at.shape(), &refused),
        };
        let done = Arc::clone(&gateway);
        to_the_end(&gateway, async move { call::answer(&done, at, &arrived.message()).await }).await
    })
}

/// Answers what is asked of the decision point (AuthZEN 1.0).
fn decides(at: Decides) -> MethodRouter<Arc<Gateway>> {
    post(move |State(gateway): State<Arc<Gateway>>, request: axum::extract::Request| async move {
        access::route(at.route());
        let arrived = match arrive(&gateway, request).await {
            Ok(arrived) => arrived,
            Err(refused) => return gateway.refuse(&refused),
        };
        let done = Arc::clone(&gateway);
        to_the_end(&gateway, async move { authzen::answer(&done, &arrived.message(), at).await }).await
    })
}

/// Where decisions are asked for (AuthZEN 1.0, §9). It is nobody's secret.
async fn authzen_metadata(State(gateway): State<Arc<Gateway>>) -> Response {
    answer::whole(200, "application/json", authzen::metadata(&gateway))
}

async fn other(State(gateway): State<Arc<Gateway>>, request: axum::extract::Request) -> Response {
    let head = resource_told::Head::of(request.method(), request.uri().path(), request.headers());
    let asked = match arrive_to_pass(&gateway, request).await {
        Ok(asked) => asked,
        Err(refused) => {
            let mut response = gateway.refuse(&refused);
            resource_told::challenge(&gateway, &head, &refused, &mut response).await;
            return response;
        }
    };
    let done = Arc::clone(&gateway);
    to_the_end(&gateway, async move { http_route::pass(&done, asked, &head).await }).await
}

/// Does something to its end, also where the caller goes away meanwhile: what was reserved has to be settled.
pub(crate) async fn to_the_end(
    gateway: &Gateway,
    work: impl Future<Output = Response> + Send + 'static,
) -> Response {
    let internal = |_| gateway.refuse(&Refused::new("internal", "the gateway made a mistake"));
    tokio::spawn(access::carried(work)).await.unwrap_or_else(internal)
}

/// A request that arrived whole, of somebody who showed something.
struct Arrived {
    method: Method,
    target_uri: String,
    headers: HeaderMap,
    body: Bytes,
    /// Of a file's, for as long as it is held.
    _place: Option<Turn>,
}

impl Arrived {
    fn message(&self) -> Message<'_> {
        let Self { method, target_uri, headers, body, .. } = self;
        Message { method: method.as_str(), target_uri, headers, body }
    }
}

/// Looks at the head first: of whoever shows no key that is known here, and no signature, no body is read.
async fn arrive(gateway: &Arc<Gateway>, request: axum::extract::Request) -> Result<Arrived, Refused> {
    arrive_within(gateway, request, None).await
}

/// The same of a body that may have more bytes than usual: of such a few are read at a time.
async fn arrive_within(
    gateway: &Arc<Gateway>,
    request: axum::extract::Request,
    most: Option<usize>,
) -> Result<Arrived, Refused> {
    let (parts, body) = request.into_parts();
    let shown = shows(gateway, &parts.headers).await?;
    let overloaded = |_| Refused::new("overloaded", "too many files are held at once; try again");
    let is_file = most.is_some();
    let is_signed = shown == Shown::Signature;
    let of_key = match &shown {
        Shown::Key(agent) if is_file => Some(gateway.files.take(agent).map_err(overloaded)?),
        _ => None,
    };
    let body = whole(gateway, shown, (body, most.unwrap_or(MAX_BODY))).await?;
    // Of those who show a signature few bodies arrive at a time, and the slow give way: until all of it is there it holds no turn.
    let _place = match of_key {
        None if is_file && is_signed => Some(gateway.signed_files.take("").map_err(overloaded)?),
        of_key => of_key,
    };
    access::begin();
    let target_uri = target(gateway, &parts.uri);
    Ok(Arrived { method: parts.method, target_uri, headers: parts.headers, body, _place })
}

/// What keeps the connection of a stream open that is a socket: whoever serves puts it among the extensions of a request, and it is
/// dropped when the socket ends.
#[derive(Clone, Debug)]
pub struct KeptOpen(pub Arc<dyn core::any::Any + Send + Sync>);

/// The same of a request of another service. Its body is read where it is signed, or is said to be short, so that its digest
/// is in the receipt; any other flows through, since nothing that is judged depends on it.
async fn arrive_to_pass(
    gateway: &Arc<Gateway>,
    mut request: axum::extract::Request,
) -> Result<Asked, Refused> {
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    let protocol = request.extensions_mut().remove::<Protocol>();
    let open = request.extensions_mut().remove::<KeptOpen>();
    let (parts, body) = request.into_parts();
    let target_uri = target(gateway, &parts.uri);
    let (shown, token) = shows_to_pass(gateway, &parts, &target_uri).await?;
    let length = body.size_hint().exact();
    let is_short =
        length.is_some_and(|length| usize::try_from(length).is_ok_and(|length| length <= MAX_BODY));
    let body = match (&shown, length) {
        (_, Some(0)) => Coming::Whole(Bytes::new()),
        (Shown::Key(_), _) if !is_short => Coming::Flowing(body),
        _ => Coming::Whole(whole(gateway, shown, (body, MAX_BODY)).await?),
    };
    access::begin();
    Ok(Asked {
        method: parts.method,
        uri: parts.uri,
        target_uri,
        headers: parts.headers,
        body,
        upgrade,
        protocol,
        open,
        token,
    })
}

/// By what somebody shows who it is at a route: also by an identity token, which is held against the organization's keys first.
async fn shows_to_pass(
    gateway: &Arc<Gateway>,
    parts: &http::request::Parts,
    target_uri: &str,
) -> Result<(Shown, Option<Presented>), Refused> {
    if parts.headers.contains_key("signature-input") {
        return Ok((Shown::Signature, None));
    }
    let asked = (parts.method.as_str(), target_uri, parts.uri.path());
    match Presented::read(asked, parts.uri.query(), &parts.headers)? {
        Some(presented) => {
            let holder = gateway.token_holder(&presented, now()).await?;
            Ok((Shown::Key(holder.to_string()), Some(presented)))
        }
        None => Ok((shows(gateway, &parts.headers).await?, None)),
    }
}

/// By what somebody shows who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shown {
    /// A key, of this agent.
    Key(String),
    Signature,
}

async fn shows(gateway: &Arc<Gateway>, headers: &HeaderMap) -> Result<Shown, Refused> {
    if headers.contains_key("signature-input") {
        return Ok(Shown::Signature);
    }
    let known = gateway.caller(auth::key_of(headers)?, now()).await;
    match &known {
        Ok(known) => Ok(Shown::Key(known.caller.did.to_string())),
        Err(error @ CallerError::Unknown) => Err(auth::refused(error)),
        // Whose key it was is told after the rest was read, and recorded.
        Err(error) => Ok(Shown::Key(error.agent().unwrap_or_default().to_owned())),
    }
}

/// Reads a body whole: for so many at a time, each within its time.
async fn whole(gateway: &Gateway, shown: Shown, body: (Body, usize)) -> Result<Bytes, Refused> {
    match shown {
        Shown::Key(agent) => gateway.bodies.of(&agent, body).await,
        Shown::Signature => gateway.bodies.signed(body).await,
    }
}

/// The URL of a request as callers know it: at the organization's own origin, whatever `Host` says.
fn target(gateway: &Gateway, uri: &Uri) -> String {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    format!("{}{path}", gateway.registry.origin())
}

/// What is asked of the objects at a path.
fn kept_at(path: &str, id: Option<String>) -> (kept::Kind, Option<String>) {
    let kind = if path.starts_with("/v1/batches") { kept::Kind::Batch } else { kept::Kind::File };
    (kind, id)
}

async fn kept_create(State(gateway): State<Arc<Gateway>>, request: axum::extract::Request) -> Response {
    keeps(&gateway, request, kept::Verb::Create, None).await
}

async fn kept_list(State(gateway): State<Arc<Gateway>>, request: axum::extract::Request) -> Response {
    keeps(&gateway, request, kept::Verb::List, None).await
}

async fn kept_one(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    request: axum::extract::Request,
) -> Response {
    keeps(&gateway, request, kept::Verb::Show, Some(id)).await
}

async fn kept_content(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    request: axum::extract::Request,
) -> Response {
    keeps(&gateway, request, kept::Verb::Content, Some(id)).await
}

async fn kept_remove(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    request: axum::extract::Request,
) -> Response {
    keeps(&gateway, request, kept::Verb::Remove, Some(id)).await
}

async fn kept_cancel(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    request: axum::extract::Request,
) -> Response {
    keeps(&gateway, request, kept::Verb::Cancel, Some(id)).await
}

/// Does something with what a provider keeps of an agent.
async fn keeps(
    gateway: &Arc<Gateway>,
    request: axum::extract::Request,
    verb: kept::Verb,
    id: Option<String>,
) -> Response {
    let (kind, id) = kept_at(request.uri().path(), id);
    access::route(if kind == kept::Kind::Batch { "/v1/batches" } else { "/v1/files" });
    let query = request.uri().query().unwrap_or_default().to_owned();
    let most = (verb == kept::Verb::Create && kind == kept::Kind::File).then_some(kept::MAX_FILE);
    let arrived = match arrive_within(gateway, request, most).await {
        Ok(arrived) => arrived,
        Err(refused) => return gateway.refuse(&refused),
    };
    let done = Arc::clone(gateway);
    let work = async move {
        let asked = kept::Asked { kind, verb, id: id.as_deref(), query: &query };
        let told = kept::run(&done, &arrived.message(), &asked).await;
        done.told(told)
    };
    to_the_end(gateway, work).await
}

async fn list(State(gateway): State<Arc<Gateway>>, request: axum::extract::Request) -> Response {
    access::route("/v1/models");
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
    access::route("/v1/models/{name}");
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
    access::route("/v1/self/delegation");
    let told = async {
        let arrived = arrive(&gateway, request).await?;
        own::delegation(&gateway, &arrived.message()).await
    };
    told.await.unwrap_or_else(|refused: Refused| gateway.refuse(&refused))
}

async fn own_receipts(State(gateway): State<Arc<Gateway>>, request: axum::extract::Request) -> Response {
    access::route("/v1/self/receipts");
    let told = async {
        let arrived = arrive(&gateway, request).await?;
        theirs::hand_in(&gateway, &arrived.message()).await
    };
    told.await.unwrap_or_else(|refused: Refused| gateway.refuse(&refused))
}

async fn own_budget(State(gateway): State<Arc<Gateway>>, request: axum::extract::Request) -> Response {
    access::route("/v1/self/budget");
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
pub(crate) async fn as_of_now(
    gateway: &Arc<Gateway>,
    message: &Message<'_>,
    now: i64,
) -> Result<(Arc<VerifiedChain>, Arc<Configured>), Refused> {
    let (caller, configured) = identified(gateway, message, now).await?;
    Ok((caller.chain, configured))
}

/// A caller and what is configured, as of one epoch, which is the latest.
pub(crate) async fn identified(
    gateway: &Arc<Gateway>,
    message: &Message<'_>,
    now: i64,
) -> Result<(Identified, Arc<Configured>), Refused> {
    let who = auth::who(message)?;
    for _ in 0..4 {
        let caller = match gateway.identify(who, now).await {
            Ok(found) => found,
            Err(Undecided::Refused(refused)) => return Err(refused),
            Err(Undecided::Changed) => continue,
        };
        match gateway.configured_at(caller.epoch).await {
            Ok(configured) => {
                access::identified(&caller, who.told(), caller.status_age);
                return Ok((caller, configured));
            }
            Err(Undecided::Refused(refused)) => return Err(refused),
            Err(Undecided::Changed) => gateway.forget(),
        }
    }
    Err(Refused::new("overloaded", "the organization is changing all the time; try again"))
}
