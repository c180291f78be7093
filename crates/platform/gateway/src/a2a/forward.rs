//! To the agent, with the gateway's own key in place of the caller's, and what comes back.

use super::{asked::Asked, card, judge::Judge, named::unknown, told};
use crate::{
    decide::Identified,
    gateway::Gateway,
    refused::Refused,
    rpc::{self, failed},
    stop::Guard,
};
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use legation_mcp::a2a::{Message, Operation};
use legation_registry::{a2a::Named, route::Route};
use legation_resolver::{Arriving, Call, call::Method};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Headers that are of the protocol, either way: its version, and the extensions that are active (A2A 1.0 §3.2.6; before 1.0 the name
/// had an `X-`).
const PASSED: [HeaderName; 3] = [
    HeaderName::from_static("a2a-version"),
    HeaderName::from_static("a2a-extensions"),
    HeaderName::from_static("x-a2a-extensions"),
];
/// Most bytes of one of them.
const MAX_HEADER: usize = 4096;

/// A message that was decided on, on its way.
#[derive(Debug)]
pub(crate) struct Going {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) route: Route,
    pub(crate) url: String,
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
    let message = match &going.asked {
        Asked::Card => return card::pass(going, headers, recorded, guard).await,
        Asked::Overlay => return card::overlay(&going, recorded).await,
        Asked::Post(message) => (**message).clone(),
    };
    let caller = going.caller.chain.agent().clone();
    if let Some(held) = going.gateway.asks_about(&message, &caller, &going.route).await? {
        recorded.await?;
        return Ok(told::waits(&message, &held));
    }
    let sent = going.headers(headers).await?;
    let context = message.context.iter().filter(|_| message.operation.is_message());
    let context = context.map(|id| (Named::Context, id.clone())).collect();
    // Before anything is sent of it: of two that begin one of the same name, one gets there.
    if !going.gateway.keep(&going.route, context, &caller).await? {
        return Err(unknown(Named::Context));
    }
    let call = Call { method: Method::POST, url: &going.url, headers: sent, body: body.to_vec() };
    let arriving = rpc::begin(&going.gateway, &going.route, call).await?;
    recorded.await?;
    going.answer(message, arriving, guard).await
}

impl Going {
    /// What an agent gets: what the protocol has, and the key that the route says.
    async fn headers(&self, asked: &HeaderMap) -> Result<HeaderMap, Refused> {
        let mut sent = HeaderMap::new();
        let both = HeaderValue::from_static("application/json, text/event-stream");
        sent.insert(header::ACCEPT, both);
        sent.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        sent.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
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
        let streams = matches!(message.operation, Operation::Stream | Operation::Subscribe);
        let passed: Vec<_> = PASSED
            .iter()
            .filter_map(|name| Some((name.clone(), arriving.headers.get(name)?.clone())))
            .filter(|(_, value)| value.len() <= MAX_HEADER)
            .collect();
        let judge = Judge::new(self, message);
        let mut response = match kind.as_str() {
            "text/event-stream" if streams && status == 200 => rpc::events(judge, arriving, guard),
            "application/json" => rpc::whole(judge, arriving, guard).await?,
            _ => return Err(failed(&format!("it answered with the status {status} and no message"))),
        };
        response.headers_mut().extend(passed);
        Ok(response)
    }
}
