//! What MCP and A2A have in common on their way to a server and back: messages of JSON, one by one or as a stream of events, each
//! judged before it goes on; receipts of the server's own.

use crate::{
    access, answer, decide::Identified, forward::lost, gateway::Gateway, refused::Refused, stop::Guard, trace,
};
use axum::{
    body::{Body, Bytes},
    response::Response,
};
use futures::{StreamExt, stream};
use http::{HeaderMap, HeaderValue, header};
use legation_mcp::{events::Events, reply};
use legation_registry::route::{Route, origin_of};
use legation_resolver::{Arriving, Call};
use serde_json::Value;
use std::{io, sync::Arc};
use tracing::Instrument;

/// Judges the messages of one answer.
pub(crate) trait Judges: Send + 'static {
    /// What goes on of a message of the server; `None` where nothing does.
    fn judged(&mut self, text: &str) -> impl Future<Output = Result<Option<String>, Refused>> + Send;
    /// A refusal as the last event of a stream that has begun; it is counted.
    fn ended(&self, refused: &Refused) -> String;
}

/// Holds that a browser comes from a page of the organization's own host (MCP 2026-07-28, basic/transports/streamable-http,
/// Security): a page elsewhere whose name was bound to this address must not speak to a server behind it.
pub(crate) fn from_own_page(headers: &HeaderMap, host: &str, what: &str) -> Result<(), Refused> {
    let name = |host: &str| host.rsplit_once(':').map_or(host, |(name, _)| name).to_owned();
    let is_own = |origin: &str| origin.split_once("://").is_some_and(|(_, from)| name(from) == name(host));
    let is_own = |origin: &HeaderValue| origin.to_str().is_ok_and(is_own);
    if headers.get_all(header::ORIGIN).iter().all(is_own) {
        return Ok(());
    }
    Err(Refused::new("origin_denied", format!("pages of other hosts may not speak to {what} here")))
}

/// Sends a caller's call to the server of a route, until the head of its answer is there. The receipt that it answers with is kept.
pub(crate) async fn begin(
    gateway: &Arc<Gateway>,
    route: &Route,
    caller: &Identified,
    mut call: Call<'_>,
) -> Result<Arriving, Refused> {
    let origin = origin_of(&route.upstream).unwrap_or_default();
    let span = access::upstream(|_| trace::service(call.method.as_str(), &origin));
    access::pass_on(&span, &mut call.headers);
    let url = call.url;
    let begun = gateway.fetcher.begin(call).instrument(span.clone()).await;
    let arriving = begun.map_err(|none| {
        let refused = match none.sent {
            true => lost(&none.error),
            false => Refused::new("upstream_unreachable", "the server can't be reached; nothing was sent"),
        };
        trace::failed(&span, &refused);
        refused
    })?;
    span.record("http.response.status_code", i64::from(arriving.status));
    let whose = (caller.chain.agent(), gateway.holder(&caller.chain));
    gateway.note_theirs(whose, url, &arriving.headers);
    Ok(arriving)
}

/// The media type of an answer, in small letters.
pub(crate) fn kind(arriving: &Arriving) -> String {
    let kind = arriving.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The body of an answer, of at most so many bytes.
pub(crate) async fn body(
    arriving: &mut Arriving,
    guard: &mut Guard,
    most: usize,
) -> Result<Vec<u8>, Refused> {
    let mut body = Vec::new();
    loop {
        let piece = tokio::select! {
            piece = arriving.piece() => piece.map_err(|error| lost(&error))?,
            refused = guard.stopped() => return Err(refused),
        };
        let Some(piece) = piece else { return Ok(body) };
        if body.len().saturating_add(piece.len()) > most {
            return Err(failed("its answer is too large"));
        }
        body.extend_from_slice(&piece);
    }
}

/// An answer of one message.
pub(crate) async fn whole(
    mut judge: impl Judges,
    mut arriving: Arriving,
    mut guard: Guard,
) -> Result<Response, Refused> {
    let body = body(&mut arriving, &mut guard, reply::LIMITS.bytes).await?;
    if body.is_empty() {
        return Ok(answer::whole(arriving.status, "application/json", body));
    }
    let text = String::from_utf8(body).map_err(|_| failed("its answer is no UTF-8"))?;
    let judged = judge.judged(&text).await?;
    let judged = judged.ok_or_else(|| failed("it answered something that was not asked"))?;
    Ok(answer::whole(arriving.status, "application/json", judged.into_bytes()))
}

/// A stream of messages, each judged before it goes on.
pub(crate) fn events(judge: impl Judges, arriving: Arriving, guard: Guard) -> Response {
    let held = Held { judge, arriving, guard, events: Events::default() };
    let pieces = stream::unfold(Some(held), |held| async {
        let mut held = held?;
        match held.next().await {
            Ok(Some(piece)) => Some((Ok(Bytes::from(piece)), Some(held))),
            Ok(None) => None,
            Err(refused) => Some((Ok(Bytes::from(held.judge.ended(&refused))), None)),
        }
    });
    let pieces = pieces.filter(|piece: &Result<Bytes, io::Error>| {
        let is_there = !matches!(piece, Ok(piece) if piece.is_empty());
        std::future::ready(is_there)
    });
    streamed(Body::from_stream(pieces))
}

/// An answer of events.
pub(crate) fn streamed(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// A stream that is passed on.
struct Held<J> {
    judge: J,
    arriving: Arriving,
    guard: Guard,
    events: Events,
}

impl<J: Judges> Held<J> {
    /// What goes on next; empty where nothing of what arrived does.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, Refused> {
        let piece = tokio::select! {
            piece = self.arriving.piece() => piece.map_err(|error| lost(&error))?,
            refused = self.guard.stopped() => return Err(refused),
        };
        let Some(piece) = piece else { return Ok(None) };
        let mut out = Vec::new();
        for event in self.events.push(&piece).map_err(|error| failed(&error.to_string()))? {
            match event.data().filter(|data| !data.is_empty()) {
                None => out.extend(event.written()),
                Some(data) => {
                    if let Some(judged) = self.judge.judged(&data).await? {
                        out.extend(event.with_data(&judged).written());
                    }
                }
            }
        }
        Ok(Some(out))
    }
}

/// A refusal as an answer of one message: when to come again stands beside it, and how to show who one is.
pub(crate) fn refusal(status: u16, body: &Value, refused: &Refused) -> Response {
    let mut response = answer::whole(status, "application/json", body.to_string().into_bytes());
    let headers = response.headers_mut();
    if let Some(seconds) = refused.retry_after.or((status == 503).then_some(1)) {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    if status == 401 {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

pub(crate) fn failed(why: &str) -> Refused {
    Refused::new("upstream_failed", format!("the server's answer can't be passed on: {why}"))
}
