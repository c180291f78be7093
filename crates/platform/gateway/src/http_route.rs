//! A request of any other service: the action `http:METHOD` on the upstream's own URL. Its query is facts.

use crate::{
    auth,
    decide::{Passed, Undecided},
    forward::lost,
    gateway::Gateway,
    models::Configured,
    refused::Refused,
    stop::{By, Guard},
};
use axum::{
    body::{Body, Bytes},
    response::Response,
};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use legation_credential::{Request, request::split_query};
use legation_http_signature::Message;
use legation_registry::route::{Route, origin_of};
use legation_resolver::{Arriving, Call, call::Method};
use sha2::{Digest, Sha256};
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

/// What of a request's headers an upstream gets. Whatever says who somebody is comes from the gateway alone.
const PASSED: [header::HeaderName; 6] = [
    header::ACCEPT,
    header::ACCEPT_LANGUAGE,
    header::CONTENT_TYPE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::USER_AGENT,
];
/// What of an answer's headers a caller gets.
const GIVEN: [header::HeaderName; 5] =
    [header::CONTENT_TYPE, header::ETAG, header::CACHE_CONTROL, header::LAST_MODIFIED, header::RETRY_AFTER];

/// Passes a request on to where its route leads.
pub(crate) async fn pass(gateway: &Arc<Gateway>, message: &Message<'_>, uri: &Uri) -> Response {
    gateway.told(run(gateway, message, uri).await)
}

async fn run(gateway: &Arc<Gateway>, message: &Message<'_>, uri: &Uri) -> Result<Response, Refused> {
    // Whether there is a route is told to whoever shows who it is.
    let who = auth::who(message)?;
    // From before it is decided on, so that no change after that is missed.
    let epochs = gateway.watch();
    let meant = Mutex::new(None);
    let Passed { done, chain, .. } =
        gateway.decide(who, &|epoch| Box::pin(request(gateway, (message, uri), epoch, &meant))).await?;
    let meant = meant.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (route, url): (Route, String) = meant.ok_or_else(no_route)?;
    let headers = headers(gateway, &route, message.headers).await?;
    let method = Method::from_bytes(message.method.as_bytes()).map_err(|_| no_route())?;
    let call = Call { method, url: &url, headers, body: message.body.to_vec() };
    let arriving = gateway.fetcher.begin(call).await.map_err(|none| {
        if none.sent {
            return lost(&none.error);
        }
        Refused::new("upstream_unreachable", "the service can't be reached; nothing was sent")
    })?;
    done.synced.wait().await.map_err(|_| Refused::store())?;
    Ok(answer(arriving, gateway.guard(By::of(who, chain.agent()), epochs)))
}

fn no_route() -> Refused {
    Refused::new("not_found", "no route of the gateway covers this; models answer at `/v1/chat/completions`")
}

/// The route whose path is the longest that fits, and where it leads.
fn route_of<'c>(configured: &'c Configured, path: &str) -> Option<(&'c Route, String)> {
    let fitting = configured.routes.iter().filter(|route| path.starts_with(&route.path));
    let route = fitting.max_by_key(|route| route.path.len())?;
    let rest = path.strip_prefix(&route.path)?;
    Some((route, format!("{}{rest}", route.upstream)))
}

async fn request(
    gateway: &Arc<Gateway>,
    (message, uri): (&Message<'_>, &Uri),
    epoch: i64,
    meant: &Mutex<Option<(Route, String)>>,
) -> Result<Request, Undecided> {
    let configured = gateway.configured_at(epoch).await?;
    let (route, base) = route_of(&configured, uri.path()).ok_or_else(no_route)?;
    let url = uri.query().map_or_else(|| base.clone(), |query| format!("{base}?{query}"));
    let wrong = |error: legation_credential::RequestError| Refused::new("bad_request", error.to_string());
    let (resource, facts) = split_query(&url).map_err(wrong)?;
    // What is not in its normal form is refused here, so that what is judged is what is sent.
    let request = Request::new(&format!("http:{}", message.method), resource, facts).map_err(wrong)?;
    *meant.lock().unwrap_or_else(PoisonError::into_inner) = Some((route.clone(), url.clone()));
    Ok(request.with_body(Sha256::digest(message.body).into()))
}

async fn headers(gateway: &Arc<Gateway>, route: &Route, asked: &HeaderMap) -> Result<HeaderMap, Refused> {
    let mut headers = HeaderMap::new();
    for name in PASSED {
        if let Some(value) = asked.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if let Some(name) = &route.secret {
        let origin =
            origin_of(&route.upstream).map_err(|error| Refused::new("not_found", error.to_string()))?;
        headers.insert(header::AUTHORIZATION, gateway.bearer(name, &origin).await?);
    }
    Ok(headers)
}

/// The answer, passed on while it arrives. One that breaks off breaks off for the caller, too, and so does that of a caller
/// who is stopped.
fn answer(arriving: Arriving, guard: Guard) -> Response {
    let (status, given) = (arriving.status, arriving.headers.clone());
    let pieces = futures::stream::unfold(Some((arriving, guard)), |held| async {
        let (mut arriving, mut guard) = held?;
        let piece = tokio::select! {
            piece = arriving.piece() => piece,
            refused = guard.stopped() => return Some((Err(io::Error::other(refused)), None)),
        };
        match piece {
            Ok(Some(piece)) => Some((Ok(Bytes::from(piece)), Some((arriving, guard)))),
            Ok(None) => None,
            Err(error) => Some((Err(io::Error::other(error)), None)),
        }
    });
    let mut response = Response::new(Body::from_stream(pieces));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    for name in GIVEN {
        if let Some(value) = given.get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}
