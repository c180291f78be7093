//! What is told of a request: one line of the access log, its span, its part of the metrics. It is told once, when whoever has to
//! do with the request has ended: the answer's last byte, and what it cost.
//!
//! Nothing of it is the caller's text: no path, no header, no body, and of the method only that it is a usual one.

use crate::{
    decide::Identified,
    gateway::{Gateway, now},
    refused::Refused,
    trace,
    turns::{Full, Turn},
};
use axum::{body::Body, extract::Request, middleware::Next, response::Response};
use http::{HeaderValue, Method};
use legation_registry::model::Usage;
use legation_verifier::Committed;
use opentelemetry::Context;
use serde_json::{Map, Value, json};
use std::{
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    task,
    time::Instant,
};
use tracing::{Instrument, Span};

tokio::task_local! {
    static ENTRY: Arc<Entry>;
}

/// A request, as far as it is told of.
pub(crate) struct Entry {
    gateway: Arc<Gateway>,
    /// By what both sides can name it.
    id: String,
    method: &'static str,
    began: Instant,
    at: i64,
    incoming: Option<Context>,
    span: OnceLock<Span>,
    said: Mutex<Said>,
}

#[derive(Debug, Default)]
struct Said {
    route: Option<String>,
    auth: Option<&'static str>,
    agent: Option<String>,
    model: Option<String>,
    code: Option<String>,
    status: u16,
    receipt: Option<i64>,
    status_age: Option<i64>,
    max_tokens: Option<i64>,
    reserved: Option<i64>,
    currency: Option<String>,
    cost: Option<i64>,
    usage: Option<Usage>,
    head: Option<f64>,
    upstream: Option<(Span, Instant)>,
    upstream_took: Option<f64>,
    whole: bool,
    turn: Option<Turn>,
}

/// A usual method's name: any other is the caller's text.
fn usual(method: &Method) -> &'static str {
    let usual = [
        (Method::GET, "GET"),
        (Method::POST, "POST"),
        (Method::PUT, "PUT"),
        (Method::PATCH, "PATCH"),
        (Method::DELETE, "DELETE"),
        (Method::HEAD, "HEAD"),
        (Method::OPTIONS, "OPTIONS"),
    ];
    usual.iter().find(|(known, _)| known == method).map_or("other", |(_, name)| name)
}

/// Answers a request, and tells of it once its answer has ended.
pub(crate) async fn tell(gateway: Arc<Gateway>, request: Request, next: Next) -> Response {
    let entry = Arc::new(Entry {
        gateway,
        id: uuid::Uuid::now_v7().to_string(),
        method: usual(request.method()),
        began: Instant::now(),
        at: now(),
        incoming: trace::incoming(request.headers()),
        span: OnceLock::new(),
        said: Mutex::default(),
    });
    let mut response = ENTRY.scope(Arc::clone(&entry), next.run(request)).await;
    let status = response.status().as_u16();
    entry.say(|said| {
        said.status = status;
        said.head = Some(millis(entry.began));
    });
    if let (false, Ok(id)) =
        (response.headers().contains_key("x-request-id"), HeaderValue::from_str(&entry.id))
    {
        response.headers_mut().insert("x-request-id", id);
    }
    response.map(|body| Body::new(Held { body, entry }))
}

fn millis(since: Instant) -> f64 {
    // In steps of a microsecond.
    (since.elapsed().as_secs_f64() * 1e6).round() / 1e3
}

/// Says something of the request that this is done for; nothing where it is done for none.
fn say(what: impl FnOnce(&mut Said)) {
    let _ = ENTRY.try_with(|entry| entry.say(what));
}

/// The id of the request that this is done for.
pub(crate) fn id() -> Option<String> {
    ENTRY.try_with(|entry| entry.id.clone()).ok()
}

/// Which route of this gateway it meets.
pub(crate) fn route(name: &str) {
    say(|said| said.route = Some(name.to_owned()));
}

/// Which model is meant.
pub(crate) fn model(name: &str) {
    say(|said| said.model = Some(name.to_owned()));
}

/// What came of it.
pub(crate) fn code(code: &str) {
    say(|said| said.code = Some(code.to_owned()));
}

/// It is somebody's who showed something: from now on it has a span.
pub(crate) fn begin() {
    let _ = ENTRY.try_with(|entry| {
        let route = entry.said().route.clone().unwrap_or_default();
        let span = || {
            let span = trace::request(entry.method, &route, &entry.id, entry.incoming.as_ref());
            span.record("legation.organization", entry.organization());
            span
        };
        let _ = entry.span.get_or_init(span);
    });
}

/// Does something for the request that this is done for, on whichever task, as a part of its span.
pub(crate) fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let entry = ENTRY.try_with(Arc::clone).ok();
    async move {
        let Some(entry) = entry else { return work.await };
        let span = entry.span();
        ENTRY.scope(entry, work.instrument(span)).await
    }
}

/// Who asks.
pub(crate) fn identified(caller: &Identified, auth: &'static str, status_age: i64) {
    let agent = caller.chain.agent().to_string();
    let _ = ENTRY.try_with(|entry| {
        let span = entry.span();
        span.record("legation.agent", agent.as_str());
        span.record("legation.auth", auth);
        span.record("legation.status_age", status_age);
        entry.gateway.counts.status_age(status_age);
        entry.say(|said| {
            (said.auth, said.agent, said.status_age) = (Some(auth), Some(agent), Some(status_age));
        });
    });
}

/// Takes a turn for whoever asks, until the request has ended.
pub(crate) fn take_turn(gateway: &Gateway, by: &str) -> Result<(), Refused> {
    let taken = ENTRY.try_with(|entry| {
        let mut said = entry.said();
        // A decision may be made again.
        if said.turn.is_none() {
            said.turn = Some(gateway.turns.take(by)?);
        }
        Ok(())
    });
    // What is done for no request is bounded by whoever does it.
    taken.unwrap_or(Ok(())).map_err(|full| match full {
        Full::One(most) => Refused::new(
            "too_many_calls",
            format!(
                "{most} calls of this agent go on at a time, which is its share; wait until one has ended"
            ),
        ),
        Full::All => Refused::new("overloaded", "too many calls go on at a time; try again"),
    })
}

/// What is asked for may take so much.
pub(crate) fn asked(request: &legation_credential::Request) {
    let number = |name: &str| match request.facts().get(name) {
        Some(legation_credential::Value::Integer(number)) => Some(*number),
        _ => None,
    };
    let max_tokens = number("max_tokens");
    say(|said| said.max_tokens = max_tokens);
}

/// It passes, as a receipt says.
pub(crate) fn permitted(receipt: i64, committed: &Committed) {
    let request = committed.request();
    let reserved = request.amount().map(|amount| amount.micros);
    let currency = crate::record::currency(request);
    let _ = ENTRY.try_with(|entry| {
        let span = entry.span();
        // One that was committed in memory has no number yet.
        let receipt = Some(receipt).filter(|receipt| *receipt > 0);
        span.record("legation.receipt", receipt);
        span.record("legation.reserved_micros", reserved);
        span.record("legation.currency", currency.as_deref());
        entry.say(|said| {
            (said.receipt, said.reserved, said.currency) = (receipt, reserved, currency);
        });
    });
}

/// What is asked of an upstream has a span until what it answers has ended.
pub(crate) fn upstream(span: impl FnOnce(Option<i64>) -> Span) -> Span {
    let max_tokens = ENTRY.try_with(|entry| entry.said().max_tokens).ok().flatten();
    let span = span(max_tokens);
    say(|said| said.upstream = Some((span.clone(), Instant::now())));
    span
}

/// Puts the trace into what an upstream gets.
pub(crate) fn pass_on(span: &Span, headers: &mut http::HeaderMap) {
    let _ = ENTRY.try_with(|entry| trace::pass_on(span, entry.incoming.as_ref(), headers));
}

/// What it came to: what it cost, in millionths of a minor unit, and what the provider said that it took.
pub(crate) fn settled(cost: Option<u64>, usage: Option<Usage>) {
    say(|said| {
        said.cost = cost.and_then(|cost| i64::try_from(cost).ok());
        said.usage = usage;
        said.end_upstream();
    });
}

impl Said {
    fn end_upstream(&mut self) {
        if let Some((span, since)) = self.upstream.take() {
            if let Some(usage) = &self.usage {
                trace::used(&span, usage);
            }
            self.upstream_took = Some(millis(since));
        }
    }
}

impl Entry {
    fn said(&self) -> std::sync::MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, what: impl FnOnce(&mut Said)) {
        what(&mut self.said());
    }

    /// Whose it is, where a process tells of several.
    fn organization(&self) -> Option<&str> {
        self.gateway.logs.get().and_then(|logs| logs.organization.as_deref())
    }

    fn span(&self) -> Span {
        self.span.get().cloned().unwrap_or_else(Span::none)
    }

    fn line(&self, said: &Said, span: &Span) -> String {
        let mut line = Map::new();
        let mut put = |name: &str, value: Value| {
            if !value.is_null() {
                line.insert(name.to_owned(), value);
            }
        };
        put("log", json!("access"));
        put("at", json!(legation_keys::time::format(self.at)));
        put("id", json!(self.id));
        put("organization", json!(self.organization()));
        put("method", json!(self.method));
        put("route", json!(said.route));
        put("auth", json!(said.auth));
        put("agent", json!(said.agent));
        put("model", json!(said.model));
        put("code", json!(said.code));
        put("status", json!(said.status));
        put("whole", json!(said.whole));
        put("receipt", json!(said.receipt));
        put("statusAgeSeconds", json!(said.status_age));
        put("headMs", json!(said.head));
        put("totalMs", json!(millis(self.began)));
        put("upstreamMs", json!(said.upstream_took));
        put("reservedMicros", json!(said.reserved));
        put("costMicros", json!(said.cost));
        put("currency", json!(said.currency));
        put("inputTokens", json!(said.usage.map(|usage| usage.input)));
        put("outputTokens", json!(said.usage.map(|usage| usage.output)));
        put("trace", json!(trace::id(span, self.incoming.as_ref())));
        Value::Object(line).to_string()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let (mut said, span) = (std::mem::take(&mut *self.said()), self.span());
        said.end_upstream();
        self.gateway.counts.took(self.began.elapsed());
        if !span.is_disabled() {
            span.record("http.response.status_code", i64::from(said.status));
            span.record("legation.code", said.code.as_deref());
            span.record("legation.cost_micros", said.cost);
            if said.status >= 500 {
                span.record("error.type", said.code.as_deref());
                span.record("otel.status_code", "ERROR");
            }
        }
        if let Some(logs) = self.gateway.logs.get() {
            logs.access(said.agent.is_some(), || self.line(&said, &span));
        }
    }
}

/// An answer's body, with what is told of its request.
struct Held {
    body: Body,
    entry: Arc<Entry>,
}

impl http_body::Body for Held {
    type Data = axum::body::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if matches!(polled, task::Poll::Ready(None)) || http_body::Body::is_end_stream(&self.body) {
            self.entry.say(|said| said.whole = true);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        let ended = self.body.is_end_stream();
        if ended {
            self.entry.say(|said| said.whole = true);
        }
        ended
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
