//! A request of any other service: the action `http:METHOD` on the upstream's own URL. Its query is facts.
//!
//! | module | what it holds |
//! |---|---|
//! | this | which route is meant, what is judged, and what comes of it |
//! | `fields` | which headers and trailers pass, either way |
//! | `flow` | bodies that pass while they arrive: counted, watched, stopped |
//! | `socket` | WebSocket: decided once, as the action `http:WEBSOCKET`, then bytes both ways |
//!
//! A body flows where nothing that is judged depends on it: those of callers with an API key, where they are longer than what is
//! read whole or do not say how long they are. What is signed is read whole, since its digest is. Either way memory stays as it is
//! however long it is. What flowed through unread is told in a settlement by its bytes, once it has ended.

pub(crate) mod fields;
pub(crate) mod flow;
pub(crate) mod socket;

use crate::{
    a2a, access,
    approve::may_need,
    auth,
    decide::{Cost, Passed, Undecided, Who},
    forward::lost,
    gateway::Gateway,
    mcp,
    models::Configured,
    refused::Refused,
    resource::{Presented, is_taken, told as resource_told},
    router::KeptOpen,
    settle::Open,
    stop::{By, Guard},
    trace,
};
use axum::{body::Body, response::Response};
use fields::Wanted;
use flow::{Coming, Exchange, Given, Sent, Source};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use hyper::{ext::Protocol, upgrade::OnUpgrade};
use legation_credential::{Request, request::split_query};
use legation_did::Did;
use legation_http_signature::Message;
use legation_registry::route::{Route, RouteProtocol, origin_of};
use legation_resolver::{NoAnswer, Passing, Upgrading, passing};
use legation_verifier::VerifiedChain;
use sha2::{Digest, Sha256};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tracing::{Instrument, Span, info_span};

/// After which time a service that could not be reached is tried once more: one that restarts is there again.
const AGAIN: Duration = Duration::from_millis(200);

/// A request of a service, as it arrives.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    /// At the organization's own origin.
    pub(crate) target_uri: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Coming,
    /// The connection, where it can speak another protocol.
    pub(crate) upgrade: Option<OnUpgrade>,
    /// The protocol that a stream of HTTP/2 is to speak (RFC 8441).
    pub(crate) protocol: Option<Protocol>,
    /// What keeps its connection open while it does.
    pub(crate) open: Option<KeptOpen>,
    /// The identity token that it shows.
    pub(crate) token: Option<Presented>,
}

/// Where a request goes, and what it is there.
#[derive(Clone, Debug)]
struct Meant {
    route: Route,
    url: String,
    spoken: Spoken,
}

/// What a request is in the protocol of its route.
#[derive(Clone, Debug)]
enum Spoken {
    Http,
    Mcp(Result<mcp::Asked, Refused>),
    A2a(a2a::Wire, Result<a2a::Asked, Refused>),
}

/// Passes a request on to where its route leads.
pub(crate) async fn pass(gateway: &Arc<Gateway>, asked: Asked, head: &resource_told::Head) -> Response {
    let meant = Mutex::new(None);
    let outcome = run(gateway, asked, &meant).await;
    let Err(refused) = outcome else { return gateway.told(outcome) };
    let meant = meant.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut response = match meant {
        Some(Meant { spoken: Spoken::Mcp(asked), .. }) => {
            mcp::refused(gateway, asked.as_ref().ok(), &refused)
        }
        Some(Meant { spoken: Spoken::A2a(wire, asked), .. }) => {
            a2a::refused(gateway, wire, asked.as_ref().ok(), &refused)
        }
        _ => gateway.refuse(&refused),
    };
    resource_told::challenge(gateway, head, &refused, &mut response).await;
    response
}

async fn run(
    gateway: &Arc<Gateway>,
    asked: Asked,
    meant: &Mutex<Option<Meant>>,
) -> Result<Response, Refused> {
    let Asked { method, uri, target_uri, headers, body, upgrade, protocol, open: kept, token } = asked;
    let read = body.read();
    let message = Message {
        method: method.as_str(),
        target_uri: &target_uri,
        headers: &headers,
        body: read.as_deref().unwrap_or_default(),
    };
    // Whether there is a route is told to whoever shows who it is.
    let shown = token.as_ref().map(|presented| Ok(Who::Token(presented)));
    let who = shown.unwrap_or_else(|| auth::who(&message))?;
    let wanted = fields::wanted(&method, &headers, protocol.as_ref().map(Protocol::as_str))?;
    let busy = |_| Refused::new("overloaded", "too many requests are being passed on; try again");
    let place = Arc::clone(&gateway.passing).try_acquire_owned().map_err(busy)?;
    // From before it is decided on, so that no change after that is missed.
    let epochs = gateway.watch();
    let digest = read.as_deref().map(|body| Sha256::digest(body).into());
    let judged = Judged { action: wanted.action(&method), uri: &uri, digest, message: &message, who };
    let Passed { done, caller } = gateway
        .decide(who, Cost::Known, &|epoch, chain| Box::pin(request(gateway, &judged, (epoch, chain), meant)))
        .await?;
    let Meant { route, url, spoken } = {
        let meant = meant.lock().unwrap_or_else(PoisonError::into_inner);
        meant.clone().ok_or_else(no_route)?
    };
    let guard = gateway.guard(By::of(who, caller.chain.agent()), epochs);
    let synced = done.synced.clone();
    let waits = synced.clone().wait().instrument(info_span!("record"));
    let recorded = async { waits.await.map_err(|_| Refused::store()) };
    let asked = (&headers, read.as_deref().unwrap_or_default());
    match spoken {
        Spoken::Mcp(spoken) => {
            let gateway = Arc::clone(gateway);
            let going = mcp::Going { gateway, route, url, asked: spoken?, caller, _place: place };
            return mcp::forward(going, asked, recorded, guard).await;
        }
        Spoken::A2a(_, spoken) => {
            let gateway = Arc::clone(gateway);
            let going = a2a::Going { gateway, route, url, method, asked: spoken?, caller, _place: place };
            return a2a::forward(going, asked, recorded, guard).await;
        }
        Spoken::Http => {}
    }
    // What was read whole is in its receipt.
    let agent = (caller.chain.agent().clone(), gateway.holder(&caller.chain).clone());
    let open = (read.is_none() || wanted == Wanted::Socket).then(|| Open::of(done, caller));
    let exchange = Exchange::new(gateway, open, place, route.timeouts.clone());
    let headers = to_upstream(gateway, &route, &headers, wanted).await;
    let mut headers = headers.inspect_err(|refused| exchange.ends(refused.clone()))?;
    let span = access::upstream(|_| {
        trace::service(method.as_str(), origin_of(&route.upstream).as_deref().unwrap_or_default())
    });
    access::pass_on(&span, &mut headers);
    let (method, key) = match protocol {
        // Services speak HTTP/1.1, where a socket begins otherwise.
        Some(_) => (Method::GET, Some(fields::begin_socket(&mut headers)?)),
        None => (method, None),
    };
    let on = On { gateway, agent: (&agent.0, &agent.1), url: &url, method, headers, exchange, guard, span };
    match (wanted, upgrade) {
        (Wanted::Socket, Some(upgrade)) => {
            on.socket((upgrade, kept), key.as_deref(), (&route, &synced)).await
        }
        (Wanted::Socket, None) => {
            Err(Refused::new("bad_request", "this connection can't become a WebSocket; begin one anew"))
        }
        (Wanted::Answer, _) => on.answer(Source::of(body), &route, &synced).await,
    }
}

/// A request that was decided on, on its way.
struct On<'a> {
    gateway: &'a Arc<Gateway>,
    /// Who sends it, and among whose it is counted.
    agent: (&'a Did, &'a Did),
    url: &'a str,
    method: Method,
    headers: HeaderMap,
    exchange: Arc<Exchange>,
    guard: Guard,
    /// Of what is asked of the service.
    span: Span,
}

impl On<'_> {
    fn passing(&self, body: passing::Body) -> Passing<'_> {
        let whole = self.exchange.timeouts.whole();
        Passing { method: self.method.clone(), url: self.url, headers: self.headers.clone(), body, whole }
    }

    async fn answer(
        self,
        source: Source,
        route: &Route,
        synced: &legation_store::Synced,
    ) -> Result<Response, Refused> {
        let mut answered = self.send(&source, route).await?;
        if let Err(NoAnswer { sent: false, .. }) = answered
            && !source.is_begun()
        {
            // Nothing was sent, and nothing of the body was taken.
            tokio::time::sleep(AGAIN).await;
            answered = self.send(&source, route).await?;
        }
        let response = answered.map_err(|error| self.why(error))?;
        self.span.record("http.response.status_code", i64::from(response.status().as_u16()));
        synced.clone().wait().instrument(info_span!("record")).await.map_err(|_| Refused::store())?;
        Ok(self.given(response, route))
    }

    async fn send(
        &self,
        source: &Source,
        route: &Route,
    ) -> Result<Result<http::Response<passing::Body>, NoAnswer>, Refused> {
        let body = match source {
            Source::Whole(bytes) => bytes.clone().into(),
            Source::Flowing(flowing) => {
                let sent = Sent::new(flowing, &self.exchange, self.guard.clone(), route.headers.clone());
                passing::Body::wrap(sent)
            }
        };
        let mut guard = self.guard.clone();
        let sending = self.gateway.fetcher.pass(self.passing(body)).instrument(self.span.clone());
        tokio::select! {
            answered = sending => Ok(answered),
            refused = guard.stopped() => Err(refused),
            refused = self.exchange.is_still() => Err(refused),
        }
    }

    /// The answer, passed on while it arrives. One that breaks off breaks off for the caller, too, and so does that of a caller
    /// who is stopped.
    fn given(&self, response: http::Response<passing::Body>, route: &Route) -> Response {
        let (parts, body) = response.into_parts();
        self.gateway.note_theirs(self.agent, self.url, &parts.headers);
        let headers = fields::to_caller(&parts.headers, &route.headers, self.method == Method::HEAD);
        let given = Given::new(body, &self.exchange, self.guard.clone(), route.headers.clone());
        let mut response = Response::new(Body::new(given));
        *response.status_mut() = parts.status;
        *response.headers_mut() = headers;
        response
    }

    /// Why there is no answer: the caller was stopped, or what it sent broke off, else the service failed.
    fn why(&self, error: NoAnswer) -> Refused {
        let refused = self.exchange.why().unwrap_or_else(|| none(error));
        self.exchange.ends(refused.clone());
        trace::failed(&self.span, &refused);
        refused
    }

    async fn socket(
        self,
        (upgrade, open): (OnUpgrade, Option<KeptOpen>),
        key: Option<&str>,
        (route, synced): (&Route, &legation_store::Synced),
    ) -> Result<Response, Refused> {
        let sending = self.gateway.fetcher.pass_upgrade(self.passing(passing::Body::default()));
        let mut guard = self.guard.clone();
        let answered = tokio::select! {
            answered = sending => answered.map_err(|error| self.why(error))?,
            refused = guard.stopped() => return Err(refused),
            refused = self.exchange.is_still() => return Err(refused),
        };
        synced.clone().wait().instrument(info_span!("record")).await.map_err(|_| Refused::store())?;
        match answered {
            // Of a stream any success says that it is a socket now (RFC 8441 §5), which this service has not begun.
            Upgrading::Answered(response) if key.is_some() && response.status().is_success() => {
                let refused = fields::not_switched();
                self.exchange.ends(refused.clone());
                Err(refused)
            }
            Upgrading::Answered(response) => Ok(self.given(response, route)),
            Upgrading::Switched(headers, connection) => {
                self.gateway.note_theirs(self.agent, self.url, &headers);
                let headers = fields::switched(&headers, key);
                let headers = headers.inspect_err(|refused| self.exchange.ends(refused.clone()))?;
                // It is a call that goes on: it keeps its turn, and is told of once it has ended.
                let runs = socket::run(upgrade, connection, (self.exchange, self.guard));
                tokio::spawn(access::carried(async move {
                    runs.await;
                    drop(open);
                }));
                let mut response = Response::new(Body::empty());
                // A stream of HTTP/2 does not switch: it is answered (RFC 8441 §5).
                *response.status_mut() =
                    if key.is_some() { StatusCode::OK } else { StatusCode::SWITCHING_PROTOCOLS };
                *response.headers_mut() = headers;
                Ok(response)
            }
        }
    }
}

fn none(none: NoAnswer) -> Refused {
    if none.sent {
        return lost(&none.error);
    }
    Refused::new("upstream_unreachable", "the service can't be reached; nothing was sent")
}

fn no_route() -> Refused {
    Refused::new("not_found", "no route of the gateway covers this; models answer at `/v1/chat/completions`")
}

/// The route whose path is the longest that fits, and where it leads. The address of a route is one resource with and without its
/// last `/` (MCP 2026-07-28, basic/authorization), and clients leave it out.
pub(crate) fn route_of<'c>(configured: &'c Configured, path: &str) -> Option<(&'c Route, String)> {
    let rest = |route: &Route| match path.strip_prefix(&route.path) {
        None if route.path.strip_suffix('/') == Some(path) => Some(String::new()),
        rest => rest.map(str::to_owned),
    };
    let fitting = configured.routes.iter().filter_map(|route| Some((route, rest(route)?)));
    let (route, rest) = fitting.max_by_key(|(route, _)| route.path.len())?;
    Some((route, format!("{}{rest}", route.upstream)))
}

/// What is judged of a request of a service.
struct Judged<'a> {
    action: String,
    uri: &'a Uri,
    /// SHA-256 of the body, where it was read.
    digest: Option<[u8; 32]>,
    message: &'a Message<'a>,
    who: Who<'a>,
}

async fn request(
    gateway: &Arc<Gateway>,
    judged: &Judged<'_>,
    (epoch, chain): (i64, Arc<VerifiedChain>),
    meant: &Mutex<Option<Meant>>,
) -> Result<Request, Undecided> {
    let Judged { action, uri, digest, message, .. } = judged;
    let configured = gateway.configured_at(epoch).await?;
    let (route, base) = route_of(&configured, uri.path()).ok_or_else(no_route)?;
    let url = uri.query().map_or_else(|| base.clone(), |query| format!("{base}?{query}"));
    access::route(&route.name);
    is_taken(route, judged.who)?;
    let means = |spoken| {
        let means = Meant { route: route.clone(), url: url.clone(), spoken };
        *meant.lock().unwrap_or_else(PoisonError::into_inner) = Some(means);
    };
    let unread =
        || Refused::new("input_too_large", "say by `Content-Length` how long the message is, 4 MiB at most");
    match route.protocol {
        RouteProtocol::Mcp => {
            let host = gateway.registry.host();
            let asked = digest.ok_or_else(unread).and_then(|_| mcp::read(message, &host));
            means(Spoken::Mcp(asked.clone()));
            let judged = (&*configured, &*chain);
            return mcp::request(gateway, (&asked?, message.body), (route, &url), judged).await;
        }
        RouteProtocol::A2a => {
            let host = gateway.registry.host();
            let path = base.strip_prefix(&route.upstream).unwrap_or_default();
            let at = (path, uri.query());
            let asked = digest.ok_or_else(unread).and_then(|_| a2a::read(message, &host, at));
            means(Spoken::A2a(a2a::Wire::of(message.method, path), asked.clone()));
            return a2a::request(gateway, (&asked?, message.body), (route, &url), &chain).await;
        }
        RouteProtocol::Http => {}
    }
    let wrong = |error: legation_credential::RequestError| Refused::new("bad_request", error.to_string());
    let (resource, facts) = split_query(&url).map_err(wrong)?;
    // What is not in its normal form is refused here, so that what is judged is what is sent.
    let request = Request::new(action, resource, facts).map_err(wrong)?;
    if digest.is_none() && may_need(chain.effective(), action) {
        // Whoever approves approves this body, and nobody knows yet which it is.
        let message = "it may need an approval, which is of its body; say by `Content-Length` how long that is, 4 MiB at most";
        return Err(Refused::new("input_too_large", message).into());
    }
    means(Spoken::Http);
    Ok(match digest {
        Some(digest) => request.with_body(*digest),
        None => request,
    })
}

/// The headers that the service gets: what passes of the caller's, and its own key.
async fn to_upstream(
    gateway: &Arc<Gateway>,
    route: &Route,
    asked: &HeaderMap,
    wanted: Wanted,
) -> Result<HeaderMap, Refused> {
    let mut headers = fields::to_upstream(asked, &route.headers, wanted);
    headers.insert(header::VIA, HeaderValue::from_static("1.1 legation"));
    gateway.with_secret(route, &mut headers).await?;
    Ok(headers)
}
