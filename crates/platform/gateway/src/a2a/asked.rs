//! What a request to an A2A agent is, as the action and the facts that it is judged by.

use super::push;
use crate::{decide::Undecided, gateway::Gateway, refused::Refused, rpc::from_own_page};
use legation_credential::Request;
use legation_http_signature::Message as HttpMessage;
use legation_mcp::a2a::{Message, Operation, http, message};
use legation_registry::route::Route;
use legation_verifier::VerifiedChain;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The action of whoever reads the card (A2A 1.0 §8.2).
const CARD: &str = "a2a:agent/card";
/// Where cards are: since 0.3, and before.
const CARDS: [&str; 2] = [".well-known/agent-card.json", ".well-known/agent.json"];
/// Where the gateway's own card for an agent is, beside the agent's ([`legation_registry::overlays`]).
const OVERLAY: &str = ".well-known/agent-card-overlay.json";
/// The version of the protocol that the HTTP+JSON binding is read in.
const VERSION: &str = "1.0";

/// What a request is.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// One message of JSON-RPC.
    Post(Box<Message>),
    /// One of HTTP+JSON.
    Http(Box<OverHttp>),
    /// The agent's card.
    Card,
    /// The gateway's own card for the agent.
    Overlay,
}

/// A message of HTTP+JSON.
#[derive(Clone, Debug)]
pub(crate) struct OverHttp {
    pub(crate) message: Message,
    /// What it is granted on, behind the address that the route leads to: the path without the ids in it.
    address: String,
    /// Where it goes there: path and query.
    pub(crate) to: String,
}

/// In the words of which binding an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    JsonRpc,
    HttpJson,
}

impl Wire {
    /// That of a request, whatever is wrong with it.
    pub(crate) fn of(method: &str, path: &str) -> Self {
        let is_card = path == OVERLAY || is_card(path);
        match method {
            "GET" if is_card => Self::JsonRpc,
            _ if http::place(method, path).is_some() || http::is_alike(path) => Self::HttpJson,
            _ => Self::JsonRpc,
        }
    }
}

fn is_card(path: &str) -> bool {
    CARDS
        .iter()
        .any(|card| path.strip_suffix(card).is_some_and(|before| before.is_empty() || before.ends_with('/')))
}

impl Asked {
    /// The message, where it is one.
    pub(crate) fn message(&self) -> Option<&Message> {
        match self {
            Self::Post(message) => Some(message),
            Self::Http(asked) => Some(&asked.message),
            Self::Card | Self::Overlay => None,
        }
    }
}

/// Reads what a request is. `path` is what follows the route's, and `query` what follows that.
pub(crate) fn read(
    http: &HttpMessage<'_>,
    host: &str,
    (path, query): (&str, Option<&str>),
) -> Result<Asked, Refused> {
    from_own_page(http.headers, host, "an A2A agent")?;
    if let Some(place) = http::place(http.method, path) {
        return over_http(&place, http, (path, query));
    }
    match http.method {
        "GET" if is_card(path) => Ok(Asked::Card),
        "GET" if path == OVERLAY => Ok(Asked::Overlay),
        // An agent that speaks both bindings would do what such a path says, whatever the body does.
        "POST" if http::is_alike(path) => Err(Refused::new(
            "other_protocol",
            "this path is none of A2A 1.0 by HTTP+JSON, written as the protocol writes it, and none of JSON-RPC",
        )),
        "POST" => {
            let read = message::read(http.body);
            let read = read.map_err(|error| Refused::new(error.code(), error.to_string()))?;
            Ok(Asked::Post(Box::new(read)))
        }
        _ => Err(Refused::new(
            "method_not_allowed",
            "an A2A agent takes POST of messages, and GET of its card at `.well-known/agent-card.json`",
        )),
    }
}

/// Reads a message of HTTP+JSON.
fn over_http(
    place: &http::Place<'_>,
    http: &HttpMessage<'_>,
    (path, query): (&str, Option<&str>),
) -> Result<Asked, Refused> {
    let mut versions = http.headers.get_all("a2a-version").iter();
    let version =
        versions.next().and_then(|version| version.to_str().ok()).filter(|_| versions.next().is_none());
    // Without one it is 0.3 (§3.6.2), whose bodies mean something else at the same paths.
    if version.map(str::trim) != Some(VERSION) {
        let message = "by HTTP+JSON only A2A 1.0 is passed on; say `A2A-Version: 1.0` in the header, once";
        return Err(Refused::new("version_unsupported", message));
    }
    let read = http::read(place, (http.method, query.unwrap_or_default()), http.body);
    let read = read.map_err(|error| Refused::new(error.code(), error.to_string()))?;
    let to = format!("{path}{}", read.query);
    Ok(Asked::Http(Box::new(OverHttp { message: read.message, address: place.address.to_owned(), to })))
}

/// The request that is judged: the message's action on the agent's own URL, with the members of its data as facts.
pub(crate) async fn request(
    gateway: &Arc<Gateway>,
    (asked, body): (&Asked, &[u8]),
    (route, url): (&Route, &str),
    chain: &VerifiedChain,
) -> Result<Request, Undecided> {
    // By HTTP+JSON it was read, and its address has none.
    if url.contains('?') && !matches!(asked, Asked::Http(_)) {
        return Err(Refused::new("bad_request", "the address of an A2A agent has no query here").into());
    }
    let wrong = |error: legation_credential::RequestError| Refused::new("bad_request", error.to_string());
    let Some(message) = asked.message() else {
        let request = Request::new(CARD, url, legation_credential::Facts::new()).map_err(wrong)?;
        return Ok(request.with_body(Sha256::digest(body).into()));
    };
    let mut facts = message.facts.clone();
    if let (Operation::SetPush, Some(place)) = (message.operation, &message.push) {
        facts.insert("origin".to_owned(), push::origin(place)?.as_str().into());
    }
    gateway.may_name(route, message, chain.agent()).await?;
    let on = match asked {
        Asked::Http(asked) => format!("{}{}", route.upstream, asked.address),
        _ => url.to_owned(),
    };
    let request = Request::new(&message.action(), &on, facts).map_err(wrong)?;
    Ok(request.with_body(message.digest))
}
