//! To the server, with the gateway's own key in place of the caller's, and what comes back.

use super::{
    asked::{Asked, Verb, session},
    judge::Judge,
};
use crate::{
    decide::Identified,
    gateway::{Gateway, now},
    refused::Refused,
    rpc::{self, failed},
    stop::Guard,
};
use axum::{body::Body, response::Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use legation_mcp::{headers, message::sent_on};
use legation_registry::route::Route;
use legation_resolver::{Arriving, Call, call::Method};
use std::{borrow::Cow, sync::Arc};
use tokio::sync::OwnedSemaphorePermit;

/// Most headers that mirror arguments, and most bytes of one.
const MAX_PARAMS: usize = 64;
const MAX_PARAM: usize = 4096;

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

/// Sends a message to its server, and gives what it answers. `recorded` ends when the permit is on the disk.
pub(crate) async fn forward(
    going: Going,
    (headers, body): (&HeaderMap, &[u8]),
    recorded: impl Future<Output = Result<(), Refused>>,
    guard: Guard,
) -> Result<Response, Refused> {
    let sent = going.headers(headers).await?;
    let method = match going.asked.verb {
        Verb::Post(_) => Method::POST,
        Verb::Stream => Method::GET,
        Verb::End => Method::DELETE,
    };
    let body = going.asked.message().map_or(Cow::Borrowed(body), |message| sent_on(message, body));
    let call = Call { method, url: &going.url, headers: sent, body: body.into_owned() };
    let arriving = rpc::begin(&going.gateway, &going.route, &going.caller, call).await?;
    recorded.await?;
    let session = going.session(&arriving).await?;
    let mut response = going.answer(arriving, guard).await?;
    if let Some(session) = session.and_then(|session| HeaderValue::from_str(&session).ok()) {
        response.headers_mut().insert(headers::SESSION, session);
    }
    Ok(response)
}

impl Going {
    /// What a server gets: what the protocol has, and the key that the route says.
    async fn headers(&self, asked: &HeaderMap) -> Result<HeaderMap, Refused> {
        let mut sent = HeaderMap::new();
        let accepted = match self.asked.verb {
            Verb::Post(_) => "application/json, text/event-stream",
            Verb::Stream => "text/event-stream",
            Verb::End => "application/json",
        };
        sent.insert(header::ACCEPT, HeaderValue::from_static(accepted));
        sent.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        sent.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for name in [headers::VERSION, headers::METHOD, headers::NAME] {
            if let Some(value) = asked.get(&name) {
                sent.insert(name, value.clone());
            }
        }
        let params = asked.iter().filter(|(name, _)| name.as_str().starts_with(headers::PARAM));
        for (name, value) in params {
            if sent.len() > MAX_PARAMS || value.len() > MAX_PARAM || sent.contains_key(name) {
                return Err(Refused::new(
                    "header_mismatch",
                    "headers of arguments are too many or too long, or stand twice",
                ));
            }
            sent.insert(name.clone(), value.clone());
        }
        if let Some(session) = &self.asked.session {
            let value = HeaderValue::from_str(session);
            sent.insert(headers::SESSION, value.map_err(|_| Refused::new("bad_request", "no session"))?);
            // A stream goes on within its session; without one nobody could say whose it is.
            if let Some(last) = asked.get("last-event-id") {
                sent.insert("last-event-id", last.clone());
            }
        }
        self.gateway.with_secret(&self.route, &mut sent).await?;
        Ok(sent)
    }

    /// The session that the caller is in: one that the server begins is kept as this agent's before anybody hears of it.
    async fn session(&self, arriving: &Arriving) -> Result<Option<String>, Refused> {
        let begins =
            self.asked.message().is_some_and(|message| message.method.as_deref() == Some("initialize"));
        let named =
            session(&arriving.headers).map_err(|_| failed("its session has no id that can be passed on"))?;
        let Some(named) = named.filter(|_| begins) else { return Ok(self.asked.session.clone()) };
        let (gateway, route, agent) =
            (Arc::clone(&self.gateway), self.route.name.clone(), self.caller.chain.agent().clone());
        let begun = named.clone();
        let begun = move || gateway.registry.begin_mcp_session(&route, &begun, &agent, now());
        let own = self.gateway.blocking(begun).await.and_then(|own| own);
        match own.map_err(|error| Refused::of_registry(&error))? {
            true => Ok(Some(named)),
            false => Err(failed("it gave a session that is another agent's")),
        }
    }

    async fn answer(self, arriving: Arriving, guard: Guard) -> Result<Response, Refused> {
        let kind = rpc::kind(&arriving);
        let status = arriving.status;
        match (kind.as_str(), &self.asked.verb) {
            ("text/event-stream", Verb::Post(_) | Verb::Stream) if status == 200 => {
                Ok(rpc::events(Judge::new(self), arriving, guard))
            }
            ("application/json", Verb::Post(_)) => rpc::whole(Judge::new(self), arriving, guard).await,
            // Of anything else only the status goes on: 202 of a notification, 405 of what a server does not have.
            (_, Verb::Post(message)) if message.is_request() => {
                Err(failed(&format!("it answered with the status {status} and no message")))
            }
            _ => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
                Ok(response)
            }
        }
    }
}
