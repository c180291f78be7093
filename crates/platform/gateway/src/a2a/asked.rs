//! What a request to an A2A agent is, as the action and the facts that it is judged by.

use super::push;
use crate::{decide::Undecided, gateway::Gateway, refused::Refused, rpc::from_own_page};
use legation_credential::Request;
use legation_http_signature::Message as HttpMessage;
use legation_mcp::a2a::{Message, Operation, message};
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
/// Parts of paths that mean something in the HTTP+JSON binding (1.0 §11.3), in small letters. That binding is not read here, and an
/// agent that speaks both would do what such a path says, whatever the body does.
const OTHER_BINDING: [&str; 6] =
    ["tasks", "message", "pushnotificationconfigs", "extendedagentcard", "card", ".well-known"];

/// What a request is.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// One message of JSON-RPC.
    Post(Box<Message>),
    /// The agent's card.
    Card,
    /// The gateway's own card for the agent.
    Overlay,
}

impl Asked {
    /// The message, where it is one.
    pub(crate) fn message(&self) -> Option<&Message> {
        match self {
            Self::Post(message) => Some(message),
            Self::Card | Self::Overlay => None,
        }
    }
}

/// Reads what a request is. `path` is what follows the route's.
pub(crate) fn read(http: &HttpMessage<'_>, host: &str, path: &str) -> Result<Asked, Refused> {
    from_own_page(http.headers, host, "an A2A agent")?;
    let is_card = CARDS
        .iter()
        .any(|card| path.strip_suffix(card).is_some_and(|before| before.is_empty() || before.ends_with('/')));
    match http.method {
        "GET" if is_card => Ok(Asked::Card),
        "GET" if path == OVERLAY => Ok(Asked::Overlay),
        "POST" if is_other_binding(path) => Err(Refused::new(
            "other_protocol",
            "only the JSON-RPC binding of A2A is passed on; send messages to the agent's JSON-RPC address",
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

fn is_other_binding(path: &str) -> bool {
    let means = |part: &str| OTHER_BINDING.contains(&part.to_ascii_lowercase().as_str());
    // What is encoded, or stands behind a colon or semicolon, an agent may read as one of them.
    path.contains(['%', ':', ';']) || path.split('/').any(means)
}

/// The request that is judged: the message's action on the agent's own URL, with the members of its data as facts.
pub(crate) async fn request(
    gateway: &Arc<Gateway>,
    (asked, body): (&Asked, &[u8]),
    (route, url): (&Route, &str),
    chain: &VerifiedChain,
) -> Result<Request, Undecided> {
    if url.contains('?') {
        return Err(Refused::new("bad_request", "the address of an A2A agent has no query here").into());
    }
    let wrong = |error: legation_credential::RequestError| Refused::new("bad_request", error.to_string());
    let Asked::Post(message) = asked else {
        let request = Request::new(CARD, url, legation_credential::Facts::new()).map_err(wrong)?;
        return Ok(request.with_body(Sha256::digest(body).into()));
    };
    let mut facts = message.facts.clone();
    if let (Operation::SetPush, Some(place)) = (message.operation, &message.push) {
        facts.insert("origin".to_owned(), push::origin(place)?.as_str().into());
    }
    gateway.may_name(route, message, chain.agent()).await?;
    let request = Request::new(&message.action(), url, facts).map_err(wrong)?;
    Ok(request.with_body(message.digest))
}
