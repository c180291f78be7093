//! A request: read, admitted by the gateway, run, answered.

use super::{
    asked::{Asked, MAX_BODY},
    audit::Act,
    endpoint::{Endpoint, all, query},
    error::ApiError,
    identity::Keys,
    limits::{Counted, Rate, Rates, source},
    openapi, scope, stream, version,
    version::Condition,
};
use crate::{domains::Domains, server::Source};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::{MethodFilter, MethodRouter, get, on},
};
use legation_credential::request::split_query;
use legation_gateway::{Admitted, Gateway};
use legation_http_signature::Message;
use legation_registry::{Answered, Once, Registry};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use tokio::sync::Semaphore;

/// Most requests that change or read the store at a time; the others wait.
const AT_ONCE: usize = 16;
/// For how long one waits for its turn.
const TURN: Duration = Duration::from_secs(10);
/// What of what is asked too often is told by its name: an admin.
const ADMIN: &str = "admin";
/// Most bytes of a body that nobody signed, and for how long it is awaited.
const MAX_OPEN_BODY: usize = 16 << 10;
const READING: Duration = Duration::from_secs(10);
/// Most characters of an idempotency key.
const MAX_KEY: usize = 255;

/// The administration of an organization, as a router of its own: the end points below `/v1`, each for whoever signs with
/// a delegation for it, and their description at `/openapi.json`.
pub fn api(gateway: Arc<Gateway>, registry: Arc<Registry>) -> Router {
    api_with(gateway, registry, Settings::default())
}

/// How the administration is served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// How often it may be asked.
    pub rates: Rates,
    /// Whether identity providers and domains may be at private addresses, and on this machine.
    pub allow_private: bool,
    /// The name server to ask for domains; those of this machine where there is none.
    pub name_server: Option<SocketAddr>,
    /// The folder of the organization's logs; without one there is nothing to export.
    pub logs: Option<PathBuf>,
}

/// As [`api`], by settings of one's own.
pub fn api_with(gateway: Arc<Gateway>, registry: Arc<Registry>, settings: Settings) -> Router {
    let Settings { rates, allow_private, name_server, logs } = settings;
    let served = Arc::new(Served {
        gateway,
        registry,
        turns: Arc::new(Semaphore::new(AT_ONCE)),
        streams: Arc::new(Semaphore::new(stream::MOST)),
        rates,
        keys: Keys::new(allow_private),
        domains: Domains::new(allow_private, name_server).ok(),
        logs,
        admins: Counted::default(),
        sources: Counted::default(),
        open: Counted::default(),
    });
    let document: Arc<str> = openapi::document(&served.registry.origin()).to_string().into();
    let mut router = Router::new()
        .route("/openapi.json", get(move || async move { json(StatusCode::OK, document.to_string()) }));
    for endpoint in all() {
        router = router.route(endpoint.path, mounted(endpoint, &served));
    }
    router
        .method_not_allowed_fallback(async || {
            ApiError::new(405, "method_not_allowed", "`/openapi.json` tells what may be asked here")
        })
        .fallback(async || ApiError::nothing_here())
}

/// What all requests need.
struct Served {
    gateway: Arc<Gateway>,
    registry: Arc<Registry>,
    turns: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    rates: Rates,
    keys: Option<Keys>,
    domains: Option<Domains>,
    logs: Option<PathBuf>,
    admins: Counted,
    sources: Counted,
    open: Counted,
}

impl Served {
    /// Counts a request of somebody, and tells of it where that is too often.
    fn count(
        self: &Arc<Self>,
        (counted, rate): (&Counted, Rate),
        (name, told_of): (&str, &'static str),
    ) -> Result<(), ApiError> {
        // Of addresses one event tells for all: strangers choose theirs.
        let of = if told_of == ADMIN { name } else { told_of };
        let Err(limited) = counted.count(name, of, rate, Instant::now()) else { return Ok(()) };
        if let Some(times) = limited.tell {
            let (registry, of, name) = (Arc::clone(&self.registry), of.to_owned(), name.to_owned());
            let tell = move || {
                // Where it can't be kept, the next one tells.
                drop(registry.limited(&of, &name, times, now()));
            };
            drop(tokio::task::spawn_blocking(tell));
        }
        Err(limited.into())
    }
}

fn mounted(endpoint: &'static Endpoint, served: &Arc<Served>) -> MethodRouter {
    // Each method of the table is one that a filter has; any other would be mounted for nothing.
    let filter = MethodFilter::try_from(endpoint.method.clone()).unwrap_or(MethodFilter::TRACE);
    let served = Arc::clone(served);
    on(filter, move |request: Request| async move {
        let mut act = Act::begin(endpoint, now());
        let answered = answer(&served, endpoint, request, &mut act).await;
        act.told(&served.gateway, &answered);
        answered.unwrap_or_else(IntoResponse::into_response)
    })
}

fn json(status: StatusCode, text: String) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, text).into_response()
}

async fn answer(
    served: &Arc<Served>,
    endpoint: &'static Endpoint,
    request: Request,
    act: &mut Act,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let from = parts.extensions.get::<Source>().map_or_else(String::new, |Source(from)| source(*from));
    served.count((&served.sources, served.rates.source), (&from, "addresses"))?;
    if endpoint.open {
        served.count((&served.open, served.rates.open), (&from, "open"))?;
        return answer_openly(served, endpoint, (&parts.uri, body)).await;
    }
    // Nothing is read of whoever does not even say who it is.
    if !parts.headers.contains_key("signature-input") {
        let message = "sign the request with an admin's key (RFC 9421), its delegation in `Agent-Delegation`; \
                       `legation … --host URL` does it";
        return Err(ApiError::new(401, "signature_missing", message));
    }
    let body = to_bytes(body, MAX_BODY).await.map_err(|_| too_large(MAX_BODY))?;
    let target = target(&parts.uri);
    let method = endpoint.method.as_str();
    let signed_url = format!("{}{target}", served.registry.origin());
    let message = Message { method, target_uri: &signed_url, headers: &parts.headers, body: &body };
    let scoped = {
        let (served, target, body) = (Arc::clone(served), target.clone(), body.clone());
        tokio::task::spawn_blocking(move || scope::team(&served.registry, endpoint, &target, &body))
    };
    let team = scoped.await.map_err(|_| overloaded())?;
    let judged = judged(&served.registry, endpoint, (&target, &body), team)?;
    let admitted = served.gateway.admit(&message, &judged).await?;
    served.count((&served.admins, served.rates.admin), (admitted.agent.as_str(), ADMIN))?;
    act.admitted(&admitted, target.split('?').next().unwrap_or_default());
    if endpoint.streams && stream::is_wanted(&parts.headers) {
        let query = query(endpoint, &target)?;
        let (admin, of) = (admitted.agent.as_str(), (endpoint.path, &query));
        return stream::follow(&served.registry, &served.streams, admin, of);
    }
    let key = idempotency_key(endpoint, &parts.headers)?;
    let condition =
        if endpoint.method == Method::GET { Condition::default() } else { Condition::read(&parts.headers)? };
    let turn = tokio::time::timeout(TURN, Arc::clone(&served.turns).acquire_owned()).await;
    let turn = turn.map_err(|_| overloaded())?.map_err(|_| overloaded())?;
    let served = Arc::clone(served);
    let run = move || {
        // It is taken for as long as this runs, also where nobody waits for the answer any more.
        let _turn = turn;
        run(&served, endpoint, Some(&admitted), (&target, &body), (key.as_deref(), &condition))
    };
    let (text, tag) = tokio::task::spawn_blocking(run).await.map_err(|_| overloaded())??;
    let mut response = json(StatusCode::from_u16(endpoint.status).unwrap_or(StatusCode::OK), text);
    if let Some(tag) = tag.and_then(|tag| HeaderValue::try_from(tag).ok()) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

/// Answers what nobody has to sign: a small body, which says by itself who may.
async fn answer_openly(
    served: &Arc<Served>,
    endpoint: &'static Endpoint,
    (uri, body): (&Uri, Body),
) -> Result<Response, ApiError> {
    let reading = tokio::time::timeout(READING, to_bytes(body, MAX_OPEN_BODY)).await;
    let body = reading.map_err(|_| overloaded())?.map_err(|_| too_large(MAX_OPEN_BODY))?;
    let turn = tokio::time::timeout(TURN, Arc::clone(&served.turns).acquire_owned()).await;
    let turn = turn.map_err(|_| overloaded())?.map_err(|_| overloaded())?;
    let (served, target) = (Arc::clone(served), target(uri));
    let run = move || {
        let _turn = turn;
        run(&served, endpoint, None, (&target, &body), (None, &Condition::default()))
    };
    let (text, _) = tokio::task::spawn_blocking(run).await.map_err(|_| overloaded())??;
    Ok(json(StatusCode::from_u16(endpoint.status).unwrap_or(StatusCode::OK), text))
}

fn target(uri: &Uri) -> String {
    uri.path_and_query().map_or("/", |target| target.as_str()).to_owned()
}

fn too_large(most: usize) -> ApiError {
    let message = format!("the body broke off, or has more than {most} bytes");
    ApiError::new(413, "input_too_large", message)
}

fn overloaded() -> ApiError {
    ApiError::new(503, "overloaded", "too much is asked at once; try again")
}

/// What the gateway judges: the end point's action, on the URL at the organization's own origin, and the team that it is about.
fn judged(
    registry: &Registry,
    endpoint: &Endpoint,
    (target, body): (&str, &[u8]),
    team: Option<String>,
) -> Result<legation_credential::Request, ApiError> {
    let wrong = |error: legation_credential::RequestError| ApiError::bad("bad_request", error.to_string());
    let url = format!("https://{}{target}", registry.host());
    let (resource, mut facts) = split_query(&url).map_err(wrong)?;
    facts.extend(team.map(|team| ("team".to_owned(), legation_credential::Value::Text(team))));
    let request = legation_credential::Request::new(endpoint.action, resource, facts).map_err(wrong)?;
    Ok(request.with_body(Sha256::digest(body).into()))
}

/// The key by which a request may be asked again.
fn idempotency_key(endpoint: &Endpoint, headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut all = headers.get_all("idempotency-key").iter();
    let Some(first) = all.next().filter(|_| endpoint.is_once()) else { return Ok(None) };
    let text = first.to_str().unwrap_or_default();
    let plain = !text.is_empty() && text.len() <= MAX_KEY && text.bytes().all(|byte| byte.is_ascii_graphic());
    if all.next().is_some() || !plain {
        return Err(ApiError::bad(
            "idempotency_key",
            "`Idempotency-Key` stands once, with 1 to 255 visible ASCII characters",
        ));
    }
    Ok(Some(text.to_owned()))
}

/// The time, Unix seconds. The one place of the API that reads the clock.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or_default()
}

/// What an end point answers, and its version where it has one.
fn run(
    served: &Served,
    endpoint: &Endpoint,
    admitted: Option<&Admitted>,
    (target, body): (&str, &[u8]),
    (key, condition): (Option<&str>, &Condition),
) -> Result<(String, Option<String>), ApiError> {
    let path = target.split('?').next().unwrap_or_default();
    let name = endpoint.name_in(path).ok_or_else(ApiError::nothing_here)?;
    let (query, now) = (query(endpoint, target)?, now());
    if endpoint.body.is_none() && !body.is_empty() {
        return Err(ApiError::bad("body_invalid", "this end point takes no body; send none"));
    }
    let (keys, domains) = (served.keys.as_ref(), served.domains.as_ref());
    let logs = served.logs.as_deref();
    let registry = served.registry.by(admitted.map_or(endpoint.path, |admitted| admitted.agent.as_str()));
    // Of what nobody signs, the end point itself says who may.
    let authority = admitted.map(|admitted| &admitted.authority);
    let run = |registry: &Registry| -> Result<Value, ApiError> {
        condition.hold(registry, path, now)?;
        (endpoint.run)(&Asked {
            registry,
            name: &name,
            query: &query,
            body,
            authority,
            keys,
            domains,
            logs,
            now,
        })
    };
    let answer = match key {
        Some(key) => {
            let once = Once { verb: endpoint.action, key, request: digest(endpoint, target, body) };
            let answered = |answer: Value| Answered { text: answer.to_string(), secret: endpoint.secret };
            return Ok((registry.once(once, now, |registry| run(registry).map(answered))?, None));
        }
        None if endpoint.reads() => run(&registry)?,
        // What was tried in vain is kept, too; and who waits for others keeps nobody waiting.
        None if endpoint.open || endpoint.alone => run(&registry)?,
        None => registry.together(run)?,
    };
    Ok((answer.to_string(), version::of(endpoint, path, &answer)))
}

/// SHA-256 of what is asked for: method, target and body, each with its length.
fn digest(endpoint: &Endpoint, target: &str, body: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new_with_prefix("legation admin request\n");
    for part in [endpoint.method.as_str().as_bytes(), target.as_bytes(), body] {
        digest.update(format!("{}\n", part.len()));
        digest.update(part);
    }
    digest.finalize().into()
}
