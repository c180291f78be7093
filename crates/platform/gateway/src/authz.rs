//! Decisions for proxies that hold a request and ask before they pass it on: Envoy's `ext_authz`, nginx's `auth_request`, Traefik's
//! `forwardAuth`. Whoever shows a key or signs **that** request is identified, and the request is decided as one of a route is: the
//! action `http:METHOD` (or `http:WEBSOCKET`) on its own URL, its query as facts.
//!
//! | module | what it holds |
//! |---|---|
//! | this | what is judged of a request that a proxy holds |
//! | `origins` | whose requests are decided |
//! | `forms` | how proxies ask over HTTP, one path for each way |
//! | `grpc`, `messages` | how Envoy asks over gRPC |
//! | `told` | what the proxy is told: who it is, what must not reach the service, or why it does not pass |
//!
//! The resource is the URL at the origin that whoever runs this has named, and not that of a route: a service behind a proxy is
//! known to its callers, and signed for, by that URL, and needs no second name. The proxy is believed in what it says of the
//! request and in nothing else: it vouches for nobody. So it may be any program of the same machine, and its address is no
//! other's (`router`). Nothing is guessed: each way of asking has a path of its own, and what it can't say is unknown.
//!
//! A permit is committed when it is answered: its nonce and its totals are used, its receipt is on the disk, whatever the proxy
//! does with it.

mod forms;
mod grpc;
mod messages;
mod origins;
mod told;

pub use forms::authz_router;
pub use origins::{OriginError, Origins};

use crate::{
    access,
    approve::may_need,
    auth,
    decide::{Cost, Passed, Undecided, Who},
    gateway::Gateway,
    http_route::fields::{self, Wanted},
    refused::Refused,
};
use axum::body::Bytes;
use http::{HeaderMap, Method};
use legation_credential::{Request, request::split_query};
use legation_http_signature::Message;
use legation_keys::base64url;
use legation_verifier::VerifiedChain;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Headers by which some services take a request for another one than it is: another method, another path. No decision holds for
/// what they make of it.
const OTHERWISE: [&str; 5] =
    ["x-http-method", "x-http-method-override", "x-method-override", "x-original-url", "x-rewrite-url"];

/// What a proxy holds of a request's body.
#[derive(Clone, Debug)]
enum Held {
    /// All of it.
    Whole(Bytes),
    /// Nobody here knows whether there is one.
    Unseen,
}

/// A request that a proxy holds, as its client sent it.
#[derive(Debug)]
struct Asked {
    method: Method,
    host: String,
    /// With the query.
    path: String,
    headers: HeaderMap,
    body: Held,
}

/// A request that passes.
#[derive(Debug)]
struct Allowed {
    /// The root of the caller's chain.
    principal: String,
    agent: String,
    /// The digest of the receipt.
    receipt: String,
}

/// Decides on a request that a proxy holds, and takes what it costs.
async fn decide(gateway: &Arc<Gateway>, origins: &Origins, asked: &Asked) -> Result<Allowed, Refused> {
    let url = url(origins, asked)?;
    let wanted = wanted(asked)?;
    let body: &[u8] = match &asked.body {
        Held::Whole(body) => body,
        Held::Unseen => &[],
    };
    let message = Message { method: asked.method.as_str(), target_uri: &url, headers: &asked.headers, body };
    let who = auth::who(&message)?;
    if matches!(who, Who::Signed(_)) {
        is_seen(asked)?;
    }
    access::begin();
    let judged = Judged {
        action: wanted.action(&asked.method),
        url: &url,
        digest: match &asked.body {
            Held::Whole(body) => Some(Sha256::digest(body).into()),
            Held::Unseen => None,
        },
    };
    let request = |_, chain: Arc<VerifiedChain>| -> crate::decide::BoxFuture<'_> {
        let request = request(&judged, &chain);
        Box::pin(async { request })
    };
    let Passed { done, caller } = gateway.decide(who, Cost::Known, &request).await?;
    // The proxy shows its answer to nobody here, so that nothing later could wait for the receipt.
    done.synced.wait().await.map_err(|_| Refused::store())?;
    Ok(Allowed {
        principal: caller.chain.principal().to_string(),
        agent: caller.chain.agent().to_string(),
        receipt: base64url::encode(&done.digest),
    })
}

/// The URL of a request as its caller knows it: at the origin that has its host, the rest byte for byte.
fn url(origins: &Origins, asked: &Asked) -> Result<String, Refused> {
    let origin = origins.of(&asked.host).ok_or_else(|| {
        let host: String = asked.host.chars().filter(|one| one.is_ascii_graphic()).take(128).collect();
        let message =
            format!("requests to `{host}` are not decided here; name its origin by `--authz-origin`");
        Refused::new("unknown_host", message)
    })?;
    // What does not begin so would be a part of the host.
    if !asked.path.starts_with('/') {
        return Err(Refused::new("bad_request", "the target of the request is no path"));
    }
    // Some proxies make one slash of two, after they have asked.
    if asked.path.split('?').next().unwrap_or_default().contains("//") {
        return Err(Refused::new("bad_request", "the path holds `//`; write `/`"));
    }
    Ok(format!("{origin}{}", asked.path))
}

/// What a request wants. Some proxies do not tell of `Upgrade`: whoever begins a WebSocket sends its key, too.
fn wanted(asked: &Asked) -> Result<Wanted, Refused> {
    if let Some(name) = OTHERWISE.iter().find(|name| asked.headers.contains_key(**name)) {
        let message = format!("`{name}` makes another request of this one for some services; leave it out");
        return Err(Refused::new("bad_request", message));
    }
    // Services that read headers as variables take `_` for `-`, so that a name by which one is said is none here.
    if let Some(name) = asked.headers.keys().find(|name| reads_as_said(name.as_str())) {
        return Err(Refused::new("bad_request", format!("`{name}` is read as another header; leave it out")));
    }
    match fields::wanted(&asked.method, &asked.headers, None)? {
        Wanted::Answer if asked.headers.contains_key("sec-websocket-key") => Ok(Wanted::Socket),
        wanted => Ok(wanted),
    }
}

/// Whether some services read a header as one that is said here, or that makes another request of one.
fn reads_as_said(name: &str) -> bool {
    let read = name.replace('_', "-");
    read != name && (told::is_of_ours(&read) || OTHERWISE.contains(&read.as_str()))
}

/// Holds that what is signed can be compared: nobody signs for a body that is not seen here. GET, HEAD, DELETE and OPTIONS have
/// none that means anything (RFC 9110 §9.3).
fn is_seen(asked: &Asked) -> Result<(), Refused> {
    let without = [Method::GET, Method::HEAD, Method::DELETE, Method::OPTIONS].contains(&asked.method);
    match asked.body {
        Held::Unseen if !without || asked.headers.contains_key("content-digest") => {
            Err(unseen("a signed request is compared with its body, which the proxy does not hand on"))
        }
        Held::Unseen | Held::Whole(_) => Ok(()),
    }
}

fn unseen(why: &str) -> Refused {
    let cure = "with Envoy set `with_request_body`, `allow_partial_message: false` and `pack_as_bytes: true`";
    Refused::new("body_unseen", format!("{why}; {cure}"))
}

/// What is judged of a request.
struct Judged<'a> {
    action: String,
    url: &'a str,
    /// SHA-256 of the body, where it was seen.
    digest: Option<[u8; 32]>,
}

fn request(judged: &Judged<'_>, chain: &VerifiedChain) -> Result<Request, Undecided> {
    let wrong = |error: legation_credential::RequestError| Refused::new("bad_request", error.to_string());
    let (resource, facts) = split_query(judged.url).map_err(wrong)?;
    // What is not in its normal form is refused here: a proxy and a service may read it in two ways.
    let request = Request::new(&judged.action, resource, facts).map_err(wrong)?;
    match judged.digest {
        Some(digest) => Ok(request.with_body(digest)),
        // Whoever approves approves this body.
        None if may_need(chain.effective(), &judged.action) => {
            Err(unseen("it may need an approval, which is of its body").into())
        }
        None => Ok(request),
    }
}
