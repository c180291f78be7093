//! How proxies ask over HTTP. Each way has a path of its own, so that nothing of a request says which one it is.
//!
//! | path | who asks | method | host | path and query | body |
//! |---|---|---|---|---|---|
//! | `/envoy.service.auth.v3.Authorization/Check` | Envoy, gRPC | `method` | `host` | `path` | `raw_body` |
//! | `/access/v1/envoy/…` | Envoy, `http_service` with `path_prefix: /access/v1/envoy` | its own | `Host` | what follows the prefix | its own, where `X-Envoy-Auth-Partial-Body` says that it is whole |
//! | `/access/v1/nginx` | nginx, `auth_request` | `X-Original-Method` | `X-Original-Host` | `X-Original-URI` | unseen |
//! | `/access/v1/forward` | Traefik, `forwardAuth` | `X-Forwarded-Method` | `X-Forwarded-Host` | `X-Forwarded-Uri` | unseen |

use super::{
    Allowed, Asked, Held, Origins, decide, grpc,
    told::{count, identity, is_forged, problem, removed},
};
use crate::{
    access,
    bodies::MAX_BODY,
    gateway::Gateway,
    refused::Refused,
    router::{to_the_end, with_access},
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    response::Response,
    routing::{any, post},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts};
use std::sync::Arc;

/// What Envoy puts before the path of what it asks for.
const PREFIX: &str = "/access/v1/envoy";
/// What Envoy says where it hands a body on: whether that is a part of it. What a client says under this name it drops.
pub(super) const PARTIAL: &str = "x-envoy-auth-partial-body";
/// What Envoy takes out of a request that passes.
const TAKEN_OUT: &str = "x-envoy-auth-headers-to-remove";

/// A gateway, and whose requests it decides for proxies.
pub(super) type Deciding = (Arc<Gateway>, Arc<Origins>);

/// Where the proxies of these origins ask. Whoever reaches it can have requests decided that it holds, and learns whose they are;
/// and what it answers is believed: serve it where only proxies of the same machine reach it.
pub fn authz_router(gateway: Arc<Gateway>, origins: Origins) -> Router {
    let router = Router::new()
        .route("/envoy.service.auth.v3.Authorization/Check", post(grpc::check))
        .route("/access/v1/envoy/", any(envoy))
        .route("/access/v1/envoy/{*path}", any(envoy))
        .route("/access/v1/nginx", any(nginx))
        .route("/access/v1/forward", any(forward))
        .with_state((Arc::clone(&gateway), Arc::new(origins)));
    with_access(gateway, router)
}

/// How a proxy of a kind asks, and is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Envoy,
    Nginx,
    Forward,
}

async fn envoy(State(deciding): State<Deciding>, request: Request) -> Response {
    access::route(PREFIX);
    answer(deciding, request, Form::Envoy).await
}

async fn nginx(State(deciding): State<Deciding>, request: Request) -> Response {
    access::route("/access/v1/nginx");
    answer(deciding, request, Form::Nginx).await
}

async fn forward(State(deciding): State<Deciding>, request: Request) -> Response {
    access::route("/access/v1/forward");
    answer(deciding, request, Form::Forward).await
}

async fn answer((gateway, origins): Deciding, request: Request, form: Form) -> Response {
    let done = Arc::clone(&gateway);
    let work = async move {
        let (outcome, headers) = match read(&done, request, form).await {
            Ok(asked) => (decide(&done, &origins, &asked).await, asked.headers),
            Err(refused) => (Err(refused), HeaderMap::new()),
        };
        count(&done, &outcome);
        match outcome {
            Ok(allowed) => passes(&allowed, &headers),
            Err(refused) => refuses(&refused, form),
        }
    };
    to_the_end(&gateway, work).await
}

async fn read(gateway: &Gateway, request: Request, form: Form) -> Result<Asked, Refused> {
    let (parts, body) = request.into_parts();
    let body = gateway.bodies.signed((body, MAX_BODY)).await?;
    match form {
        Form::Envoy => from_envoy(parts, body),
        Form::Nginx => said(parts, &body, ["x-original-method", "x-original-host", "x-original-uri"]),
        Form::Forward => said(parts, &body, ["x-forwarded-method", "x-forwarded-host", "x-forwarded-uri"]),
    }
}

fn from_envoy(parts: Parts, body: Bytes) -> Result<Asked, Refused> {
    let Parts { method, uri, headers, .. } = parts;
    let host = match uri.authority() {
        Some(host) => host.to_string(),
        None => once(&headers, "host")?.to_owned(),
    };
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    let path = path.strip_prefix(PREFIX).unwrap_or_default().to_owned();
    let body = match headers.get(PARTIAL) {
        Some(_) => whole(once(&headers, PARTIAL)?, body)?,
        None if body.is_empty() => Held::Unseen,
        None => return Err(Refused::new("bad_request", format!("a body came without `{PARTIAL}`"))),
    };
    Ok(Asked { method, host, path, headers, body })
}

/// A body of which Envoy says whether it is all of it.
pub(super) fn whole(partial: &str, body: Bytes) -> Result<Held, Refused> {
    match partial {
        "false" => Ok(Held::Whole(body)),
        _ => Err(Refused::new(
            "body_partial",
            "the proxy handed on a part of the body only; let `max_request_bytes` be larger, and `allow_partial_message` false",
        )),
    }
}

/// A request of which headers say what it is.
fn said(parts: Parts, body: &Bytes, [method, host, path]: [&'static str; 3]) -> Result<Asked, Refused> {
    if !body.is_empty() {
        let message = "this way of asking has no body; `proxy_pass_request_body off`, and no `forwardBody`";
        return Err(Refused::new("bad_request", message));
    }
    let mut headers = parts.headers;
    // Such a proxy takes out what it knows by name, and this is not to be said by anybody else.
    if let Some(name) = headers.keys().find(|name| is_forged(name.as_str())) {
        let message = format!("`{name}` is the gateway's to say; leave it out");
        return Err(Refused::new("bad_request", message));
    }
    let wrong = |_| Refused::new("bad_request", format!("`{method}` is no method"));
    let asked = (
        Method::from_bytes(once(&headers, method)?.as_bytes()).map_err(wrong)?,
        once(&headers, host)?.to_owned(),
        once(&headers, path)?.to_owned(),
    );
    for name in [method, host, path] {
        headers.remove(name);
    }
    Ok(Asked { method: asked.0, host: asked.1, path: asked.2, headers, body: Held::Unseen })
}

/// What a header says that the proxy sets. Where it is there twice, the client has set one.
fn once<'h>(headers: &'h HeaderMap, name: &str) -> Result<&'h str, Refused> {
    let mut values = headers.get_all(name).iter();
    let (first, second) = (values.next().and_then(|value| value.to_str().ok()), values.next());
    first.filter(|_| second.is_none()).ok_or_else(|| {
        let message = format!("the proxy has to set `{name}` once, in place of what the client sends");
        Refused::new("proxy_misconfigured", message)
    })
}

fn passes(allowed: &Allowed, asked: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    for (name, value) in identity(allowed) {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    if let Ok(names) = HeaderValue::from_str(&removed(asked).join(",")) {
        headers.insert(HeaderName::from_static(TAKEN_OUT), names);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn refuses(refused: &Refused, form: Form) -> Response {
    let problem = problem(refused);
    // nginx knows 401 and 403 as denials, and any other status as a failure of this gateway.
    let status = match (form, problem.status) {
        (Form::Nginx, 400..=499) if problem.status != 401 => 403,
        (_, status) => status,
    };
    let mut response = Response::new(Body::from(problem.body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let code = (form == Form::Nginx).then(|| ("legation-code", refused.code.clone()));
    for (name, value) in problem.headers.into_iter().chain(code) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}
