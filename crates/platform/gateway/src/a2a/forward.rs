//! To the agent, with the gateway's own key in place of the caller's, and what comes back.

use super::{
    asked::{Asked, Wire},
    card,
    judge::Judge,
    named::unknown,
    told,
};
use crate::{
    decide::Identified,
    gateway::Gateway,
    refused::Refused,
    rpc::{self, failed},
    stop::Guard,
};
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use legation_mcp::a2a::{Message, Operation};
use legation_registry::{a2a::Named, route::Route};
use legation_resolver::{Arriving, Call};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Headers that are of the protocol, either way: its version, and the extensions that are active (A2A 1.0 §3.2.6; before 1.0 the name
/// had an `X-`).
const PASSED: [HeaderName; 3] = [
    HeaderName::from_static("a2a-version"),
    HeaderName::from_static("a2a-extensions"),
    HeaderName::from_static("x-a2a-extensions"),
];
/// The media type of HTTP+JSON (A2A 1.0 §11.1).
pub(super) const A2A_JSON: &str = "application/a2a+json";
/// Most bytes of one of them.
const MAX_HEADER: usize = 4096;

/// A message that was decided on, on its way.
#[derive(Debug)]
pub(crate) struct Going {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) route: Route,
    pub(crate) url: String,
    pub(crate) method: Method,
    pub(crate) asked: Asked,
    pub(crate) caller: Identified,
    /// For as long as something of it is passed on.
    pub(crate) _place: OwnedSemaphorePermit,
}

/// Sends a message to its agent, and gives what it answers. `recorded` ends when the permit is on the disk.
pub(crate) async fn forward(
    going: Going,
    (headers, body): (&HeaderMap, &[u8]),
    recorded: impl Future<Output = Result<(), Refused>>,
    guard: Guard,
) -> Result<Response, Refused> {
    let (message, method, url) = match &going.asked {
        Asked::Card => return card::pass(going, headers, recorded, guard).await,
        Asked::Overlay => return card::overlay(&going, recorded).await,
        Asked::Post(message) => ((**message).clone(), Method::POST, going.url.clone()),
        // What was read of its path and query, and nothing that was not.
        Asked::Http(asked) => {
            let url = format!("{}{}", going.route.upstream, asked.to);
            (asked.message.clone(), going.method.clone(), url)
        }
    };
    let caller = going.caller.chain.agent().clone();
    if let Some(held) = going.gateway.asks_about(&message, &caller, &going.route).await? {
        recorded.await?;
        return Ok(told::waits(&message, &held));
    }
    let sent = going.headers(headers, !body.is_empty()).await?;
    let context = message.context.iter().filter(|_| message.operation.is_message());
    let context = context.map(|id| (Named::Context, id.clone())).collect();
    // Before anything is sent of it: of two that begin one of the same name, one gets there.
    if !going.gateway.keep(&going.route, context, &caller).await? {
        return Err(unknown(Named::Context));
    }
    let call = Call { method, url: &url, headers: sent, body: body.to_vec() };
    let arriving = rpc::begin(&going.gateway, &going.route, &going.caller, call).await?;
    recorded.await?;
    going.answer(message, arriving, guard).await
}

impl Going {
    /// What an agent gets: what the protocol has, and the key that the route says.
    async fn headers(&self, asked: &HeaderMap, has_body: bool) -> Result<HeaderMap, Refused> {
        let mut sent = HeaderMap::new();
        let says = |name: HeaderName| asked.get(name).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let (accepts, is_a2a) = match self.asked {
            Asked::Http(_) => (
                "application/a2a+json, application/json, text/event-stream",
                says(header::CONTENT_TYPE).starts_with(A2A_JSON),
            ),
            _ => ("application/json, text/event-stream", false),
        };
        sent.insert(header::ACCEPT, HeaderValue::from_static(accepts));
        sent.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if has_body {
            let kind = if is_a2a { A2A_JSON } else { "application/json" };
            sent.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        for name in &PASSED {
            let mut values = asked.get_all(name).iter();
            let Some(value) = values.next() else { continue };
            if values.next().is_some() || value.len() > MAX_HEADER {
                let message = format!("the header `{name}` stands twice, or is too long");
                return Err(Refused::new("header_mismatch", message));
            }
            sent.insert(name.clone(), value.clone());
        }
        self.gateway.with_secret(&self.route, &mut sent).await?;
        Ok(sent)
    }

    async fn answer(self, message: Message, arriving: Arriving, guard: Guard) -> Result<Response, Refused> {
        let (kind, status) = (rpc::kind(&arriving), arriving.status);
        let (streams, wire) = (message.operation.is_streamed(), told::wire(&message));
        let is_removed = message.operation == Operation::DeletePush;
        let passed: Vec<_> = PASSED
            .iter()
            .filter_map(|name| Some((name.clone(), arriving.headers.get(name)?.clone())))
            .filter(|(_, value)| value.len() <= MAX_HEADER)
            .collect();
        let judge = Judge::new(self, message);
        let mut response = match kind.as_str() {
            "text/event-stream" if streams && status == 200 => rpc::events(judge, arriving, guard),
            "application/json" if wire == Wire::JsonRpc => rpc::whole(judge, arriving, guard).await?,
            "application/json" | A2A_JSON if is_told(status) => {
                let mut response = rpc::whole(judge, arriving, guard).await?;
                let kind = if kind == A2A_JSON { A2A_JSON } else { "application/json" };
                response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
                response
            }
            // There is nothing to say of it any more.
            "" if wire == Wire::HttpJson && is_removed && matches!(status, 200 | 204) => {
                rpc::whole(judge, arriving, guard).await?
            }
            _ => return Err(failed(&format!("it answered with the status {status} and no message"))),
        };
        response.headers_mut().extend(passed);
        Ok(response)
    }
}

/// Whether an answer of HTTP+JSON of this status is one: it succeeded, or says why not.
fn is_told(status: u16) -> bool {
    matches!(status, 200..=299 | 400..=599)
}
