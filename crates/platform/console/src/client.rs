//! A request to `/v1`, signed by a session: what any admin's client does.

use crate::{Console, session::Session};
use axum::{
    body::Body,
    http::{Extensions, HeaderMap, HeaderValue, Request, Response, header},
};
use data_encoding::BASE64URL_NOPAD;
use http_body_util::{BodyExt, Limited};
use legation_host::api::escape;
use legation_http_signature::{Message, Signing, sign};
use legation_keys::secret::random;
use serde_json::{Value, json};
use std::time::SystemTime;
use tower::ServiceExt;

/// Most bytes of an answer.
const MOST: usize = 16 << 20;
/// For how long a request may be on its way, seconds. It goes nowhere.
const LIFE: i64 = 60;

/// Why there is nothing to show.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    /// The status of HTTP.
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    /// The rule of narrowing that is broken, where it is one: its code, what would fit, what was found.
    pub(crate) rule: Option<Box<[String; 3]>>,
    /// When to ask again, as `/v1` says it (RFC 9110 §10.2.3).
    pub(crate) retry_after: Option<HeaderValue>,
}

impl Problem {
    pub(crate) fn new(status: u16, code: &str, message: impl ToString) -> Self {
        Self { status, code: code.to_owned(), message: message.to_string(), rule: None, retry_after: None }
    }

    fn internal(message: impl ToString) -> Self {
        Self::new(500, "internal", message)
    }
}

/// The time, Unix seconds. The one place of the console that reads the clock.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or_default()
}

/// A target with those members of a query that say something.
pub(crate) fn with_query(path: &str, members: &[(&str, &str)]) -> String {
    let mut target = path.to_owned();
    for (name, value) in members.iter().filter(|(_, value)| !value.is_empty()) {
        let before = if target.contains('?') { '&' } else { '?' };
        target.push_str(&format!("{before}{name}={}", escape(value)));
    }
    target
}

/// Who asks, and where the request came from: whoever asks too often from one address is refused as a client of `/v1` is.
pub(crate) struct Asking<'a> {
    pub(crate) session: &'a Session,
    pub(crate) from: &'a Extensions,
}

impl Console {
    /// What `/v1` answers to a session.
    pub(crate) async fn get(&self, asking: &Asking<'_>, target: &str) -> Result<Value, Problem> {
        self.send(asking, ("GET", target), None).await
    }

    /// The same of what changes something.
    pub(crate) async fn post(
        &self,
        asking: &Asking<'_>,
        target: &str,
        body: Option<&Value>,
    ) -> Result<Value, Problem> {
        self.send(asking, ("POST", target), body).await
    }

    /// What `/v1` tells a session as it comes: server-sent events (WHATWG HTML §9.2).
    pub(crate) async fn follow(&self, asking: &Asking<'_>, target: &str) -> Result<Body, Problem> {
        let response = self.ask(asking, ("GET", target), (Vec::new(), "text/event-stream")).await?;
        if response.status().is_success() {
            return Ok(response.into_body());
        }
        Err(read(response).await.err().unwrap_or_else(|| Problem::internal("there is nothing to follow")))
    }

    async fn send(
        &self,
        asking: &Asking<'_>,
        request: (&str, &str),
        body: Option<&Value>,
    ) -> Result<Value, Problem> {
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        read(self.ask(asking, request, (body, "application/json")).await?).await
    }

    async fn ask(
        &self,
        Asking { session, from }: &Asking<'_>,
        (method, target): (&str, &str),
        (body, accept): (Vec<u8>, &'static str),
    ) -> Result<Response<Body>, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert("agent-delegation", session.delegation.clone());
        let nonce = random::<16>().map_err(Problem::internal)?;
        let nonce = BASE64URL_NOPAD.encode(&nonce);
        let created = now();
        let occasion = Signing { created, expires: created.saturating_add(LIFE), nonce: &nonce, agent: None };
        let url = format!("{}{target}", session.of.registry.origin());
        let message = Message { method, target_uri: &url, headers: &headers, body: &body };
        sign(&message, occasion, &session.key).map_err(Problem::internal)?.apply(&mut headers);
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        let request = Request::builder().method(method).uri(target).body(Body::from(body));
        let mut request = request.map_err(Problem::internal)?;
        *request.headers_mut() = headers;
        if let Some(source) = from.get::<legation_host::server::Source>() {
            request.extensions_mut().insert(*source);
        }
        Ok(session.of.api.clone().oneshot(request).await.unwrap_or_else(|never| match never {}))
    }
}

/// An answer of `/v1`, or why there is none.
async fn read(response: Response<Body>) -> Result<Value, Problem> {
    let status = response.status();
    let retry_after = response.headers().get(header::RETRY_AFTER).cloned();
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| {
        kind.as_bytes().starts_with(b"application/json")
            || kind.as_bytes().starts_with(b"application/problem+json")
    });
    let body = Limited::new(response.into_body(), MOST).collect().await;
    let body = body.map_err(Problem::internal)?.to_bytes();
    let answer: Value = match is_json {
        true => serde_json::from_slice(&body).map_err(Problem::internal)?,
        false => json!({}),
    };
    if status.is_success() {
        return Ok(answer);
    }
    let text = |names: &[&str]| {
        let found = names.iter().find_map(|name| answer.pointer(name).and_then(Value::as_str));
        found.unwrap_or_default().to_owned()
    };
    let (code, message) =
        (text(&["/code", "/error/code"]), text(&["/detail", "/message", "/error/message", "/title"]));
    let rule = [text(&["/rule"]), text(&["/expected"]), text(&["/found"])];
    let rule = (!rule[0].is_empty()).then(|| Box::new(rule));
    Err(Problem { status: status.as_u16(), code, message, rule, retry_after })
}
