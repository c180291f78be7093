//! Spans, and the W3C trace context that ties them to those of callers and upstreams.
//!
//! Each step of a call has a span: `auth`, `resolve`, `verify`, `authorize`, `reserve`, `record`, `upstream`, `settle`, below one of
//! the whole request. Where nobody listens a span is a look at a flag. Whoever shows neither a key that is known here nor a
//! signature makes no span. What a span says is listed here: names and numbers, never a text of
//! the caller's.

use crate::{asked::Endpoint, refused::Refused};
use http::{HeaderMap, header::HeaderName};
use legation_registry::model::{Protocol, Target, Usage};
use opentelemetry::{Context, propagation::TextMapPropagator, trace::TraceContextExt};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::{Span, field::Empty, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

const PARENT: HeaderName = HeaderName::from_static("traceparent");
const STATE: HeaderName = HeaderName::from_static("tracestate");
/// Most bytes of a `tracestate` that is passed on (Trace Context §3.3.1.5 asks for 512 at least).
const MAX_STATE: usize = 512;

/// The trace that a request is a part of, as its caller says. Of two nobody knows which one is meant.
pub(crate) fn incoming(headers: &HeaderMap) -> Option<Context> {
    let mut parents = headers.get_all(PARENT).iter();
    let (parent, None) = (parents.next()?, parents.next()) else { return None };
    let mut read = HeaderMap::with_capacity(2);
    read.insert(PARENT, parent.clone());
    let mut states = headers.get_all(STATE).iter();
    if let (Some(state), None) = (states.next(), states.next())
        && state.len() <= MAX_STATE
    {
        read.insert(STATE, state.clone());
    }
    let context =
        TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(&read));
    context.span().span_context().is_valid().then_some(context)
}

/// The span of a request, as a part of its caller's trace.
pub(crate) fn request(method: &str, route: &str, id: &str, incoming: Option<&Context>) -> Span {
    let span = info_span!(
        "request",
        otel.kind = "server",
        otel.name = format!("{method} {route}"),
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        "error.type" = Empty,
        legation.request.id = id,
        legation.organization = Empty,
        legation.agent = Empty,
        legation.auth = Empty,
        legation.code = Empty,
        legation.receipt = Empty,
        legation.status_age = Empty,
        legation.reserved_micros = Empty,
        legation.cost_micros = Empty,
        legation.currency = Empty,
    );
    if let (Some(incoming), false) = (incoming, span.is_disabled()) {
        // Where nobody sends spans on there is no trace to be a part of.
        let _ = span.set_parent(incoming.clone());
    }
    span
}

/// The span of a model's call, by the semantic conventions for generative AI: that of a client of the provider.
pub(crate) fn model(at: Endpoint, target: &Target, name: &str, max_tokens: Option<i64>) -> Span {
    let operation = at.operation();
    let (host, port) = host_and_port(target.origin());
    info_span!(
        "upstream",
        otel.kind = "client",
        otel.name = format!("{operation} {}", target.model),
        otel.status_code = Empty,
        gen_ai.operation.name = operation,
        gen_ai.provider.name = provider(at, target),
        gen_ai.request.model = target.model,
        gen_ai.request.max_tokens = max_tokens,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        gen_ai.usage.cache_read.input_tokens = Empty,
        gen_ai.usage.cache_creation.input_tokens = Empty,
        legation.model = name,
        server.address = host,
        server.port = port,
        http.response.status_code = Empty,
        "error.type" = Empty,
    )
}

/// The span of a request to another service.
pub(crate) fn service(method: &str, origin: &str) -> Span {
    let (host, port) = host_and_port(origin);
    info_span!(
        "upstream",
        otel.kind = "client",
        otel.name = method,
        otel.status_code = Empty,
        http.request.method = method,
        server.address = host,
        server.port = port,
        http.response.status_code = Empty,
        "error.type" = Empty,
    )
}

/// What an answer said that it took.
pub(crate) fn used(span: &Span, usage: &Usage) {
    // OTLP has no unsigned numbers: they would be texts.
    let record = |name: &str, tokens: u64| span.record(name, i64::try_from(tokens).unwrap_or(i64::MAX));
    record("gen_ai.usage.input_tokens", usage.input);
    record("gen_ai.usage.output_tokens", usage.output);
    record("gen_ai.usage.cache_read.input_tokens", usage.cached);
    record("gen_ai.usage.cache_creation.input_tokens", usage.written);
}

/// Why an upstream did not answer.
pub(crate) fn failed(span: &Span, refused: &Refused) {
    span.record("error.type", refused.code.as_str());
    span.record("otel.status_code", "ERROR");
}

/// Puts the trace into what an upstream gets: the span that asks it, or where nobody sends spans on, what the caller said.
pub(crate) fn pass_on(span: &Span, incoming: Option<&Context>, headers: &mut HeaderMap) {
    let own = if span.is_disabled() { None } else { Some(span.context()) };
    let own = own.filter(|context| context.span().span_context().is_valid());
    let Some(context) = own.as_ref().or(incoming) else { return };
    TraceContextPropagator::new().inject_context(context, &mut HeaderInjector(headers));
    if headers.get(STATE).is_some_and(http::HeaderValue::is_empty) {
        headers.remove(STATE);
    }
}

/// The id of the trace that a span belongs to, or its caller.
pub(crate) fn id(span: &Span, incoming: Option<&Context>) -> Option<String> {
    let of = |context: &Context| {
        let span = context.span();
        let context = span.span_context();
        context.is_valid().then(|| context.trace_id().to_string())
    };
    let own = if span.is_disabled() { None } else { of(&span.context()) };
    own.or_else(|| incoming.and_then(of))
}

/// As the conventions call who is asked.
fn provider(at: Endpoint, target: &Target) -> &'static str {
    match at.protocol() {
        Protocol::OpenAi if target.is_azure() => "azure.ai.openai",
        Protocol::OpenAi => "openai",
        Protocol::Anthropic => "anthropic",
    }
}

fn host_and_port(origin: &str) -> (&str, Option<i64>) {
    let (scheme, rest) = origin.split_once("://").unwrap_or(("", origin));
    match rest.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port.parse().ok()),
        _ => (rest, Some(if scheme == "http" { 80 } else { 443 })),
    }
}
