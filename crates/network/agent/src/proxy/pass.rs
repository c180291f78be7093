//! A request of a program: read, signed, passed on; and its answer, passed on while it arrives.

use super::{Proxy, held::Held, told::Refused};
use crate::{Carry, caller::new_nonce, clock::now};
use axum::{
    body::{Body, Bytes, to_bytes},
    extract::Request,
    response::Response,
};
use futures::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use legation_resolver::{Arriving, Call, FetchError, NoAnswer};
use serde_json::Value;
use std::{io, sync::atomic::Ordering, time::Duration};

/// Most bytes of a request's body, twice what gateways take.
pub(crate) const MAX_BODY: usize = 8 << 20;
/// For how long a body may take to arrive.
const BODY: Duration = Duration::from_secs(60);
/// Most bytes of a refusal that is looked into.
const MAX_REFUSAL: usize = 64 << 10;

/// What of a request's headers goes on: what says what is asked, and nothing that says who asks.
const ASKED: [&str; 17] = [
    "accept",
    "accept-language",
    "agent-approval",
    "anthropic-beta",
    "anthropic-version",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
    "traceparent",
    "tracestate",
    "user-agent",
];
/// What the names of headers begin with that mirror the arguments of a tool (MCP 2026-07-28, Request Metadata).
const PARAM: &str = "mcp-param-";
/// What of an answer's headers goes back.
const GIVEN: [&str; 10] = [
    "cache-control",
    "content-type",
    "etag",
    "last-modified",
    "mcp-session-id",
    "request-id",
    "retry-after",
    "traceresponse",
    "x-request-id",
    "x-should-retry",
];

/// A request as it goes on, but for its signature.
struct Asked {
    method: Method,
    /// Path and query, as they came.
    target: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Proxy {
    /// Passes a request on.
    pub(crate) async fn pass(&self, request: Request) -> Result<Response, Refused> {
        self.door.check(request.headers())?;
        let _place = self
            .places
            .try_acquire()
            .map_err(|_| Refused::new(503, "overloaded", "too many requests at once"))?;
        let asked = read(request).await?;
        Ok(self.pass_on(asked).await?.into_response())
    }

    /// Asks the gateway itself, as a program behind the door would: the status and the body, which has `most` bytes at most.
    ///
    /// # Errors
    /// A sentence that says why there is no answer.
    pub async fn ask(
        &self,
        method: Method,
        target: &str,
        body: Vec<u8>,
        most: usize,
    ) -> Result<(u16, Vec<u8>), String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let asked = Asked { method, target: target.to_owned(), headers, body: body.into() };
        let answer = self.pass_on(asked).await.map_err(|refused| refused.to_string())?.into_response();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), most).await;
        let body =
            body.map_err(|error| format!("the gateway's answer broke off, or is too large: {error}"))?;
        Ok((status, body.to_vec()))
    }

    async fn pass_on(&self, asked: Asked) -> Result<Answer, Refused> {
        let nonce = random_nonce()?;
        let held = self.holding.now();
        // By the digest of its delegations, where the gateway knows it. Where it has forgotten them they follow under the same
        // nonce: of the two requests one is admitted.
        let carry = if held.known.load(Ordering::Relaxed) { Carry::Digest } else { Carry::Chain };
        let mut answer = self.send(&asked, &held, (carry, &nonce)).await?;
        if carry == Carry::Digest && answer.is("chain_unknown") {
            held.known.store(false, Ordering::Relaxed);
            answer = self.send(&asked, &held, (Carry::Chain, &nonce)).await?;
        }
        // What was denied for its delegations was not carried out, and may pass with newer ones.
        if answer.status() == 401 && self.renew_after_denial(&held).await {
            answer = self.send(&asked, &self.holding.now(), (Carry::Chain, &random_nonce()?)).await?;
        }
        Ok(answer)
    }

    /// Signs it and sends it.
    async fn send(&self, asked: &Asked, held: &Held, how: (Carry, &str)) -> Result<Answer, Refused> {
        let target = format!("{}{}", self.gateway.origin, asked.target);
        let mut headers = asked.headers.clone();
        let signed =
            held.agent.sign_with(asked.method.as_str(), &target, &mut headers, &asked.body, how, now());
        signed.map_err(|error| {
            Refused::new(400, "not_signed", format!("the request can't be signed: {error}"))
        })?;
        let url = format!("{}{}", self.gateway.url, asked.target);
        let call = Call { method: asked.method.clone(), url: &url, headers, body: asked.body.to_vec() };
        let arriving = self.fetcher.begin(call).await.map_err(|none| not_answered(&none))?;
        if arriving.status < 400 {
            held.known.store(true, Ordering::Relaxed);
            return Ok(Answer::Arriving(Box::new(arriving)));
        }
        Answer::refusal(arriving).await
    }
}

fn random_nonce() -> Result<String, Refused> {
    new_nonce().map_err(|error| Refused::new(500, "random", error.to_string()))
}

fn not_answered(none: &NoAnswer) -> Refused {
    match (&none.error, none.sent) {
        (_, false) => {
            let message = format!("the gateway can't be reached, and nothing was sent: {}", none.error);
            Refused::new(503, "gateway_unreachable", message)
        }
        (FetchError::Timeout { .. }, true) => Refused::new(
            504,
            "gateway_timeout",
            "the gateway did not answer in time; the call may have been made",
        ),
        (error, true) => Refused::new(
            502,
            "gateway_failed",
            format!("the gateway broke off; the call may have been made: {error}"),
        ),
    }
}

async fn read(request: Request) -> Result<Asked, Refused> {
    let (parts, body) = request.into_parts();
    let bad = |message: &str| Refused::new(400, "bad_request", message);
    if parts.method == Method::CONNECT || parts.method == Method::TRACE {
        return Err(Refused::new(405, "method_not_allowed", format!("`{}` is not passed on", parts.method)));
    }
    let target = parts.uri.path_and_query().map(|target| target.as_str().to_owned());
    let target =
        target.filter(|target| target.starts_with('/')).ok_or_else(|| bad("the target has no path"))?;
    if parts.headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(Refused::new(
            415,
            "content_encoding",
            "send the body as it is, without a content coding",
        ));
    }
    let mut headers = HeaderMap::new();
    let asked = |name: &HeaderName| ASKED.contains(&name.as_str()) || name.as_str().starts_with(PARAM);
    for name in parts.headers.keys().filter(|name| asked(name)) {
        let mut values = parts.headers.get_all(name).iter();
        if let Some(value) = values.next() {
            if values.next().is_some() {
                return Err(bad(&format!("the header `{name}` stands there twice")));
            }
            headers.insert(name, value.clone());
        }
    }
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let slow = |_| Refused::new(408, "body_slow", "the body did not arrive in time");
    let large = |_| {
        Refused::new(413, "input_too_large", format!("the body has more than {MAX_BODY} bytes, or broke off"))
    };
    let body = tokio::time::timeout(BODY, to_bytes(body, MAX_BODY)).await.map_err(slow)?.map_err(large)?;
    Ok(Asked { method: parts.method, target, headers, body })
}

/// What a gateway answers.
enum Answer {
    /// An answer of which the head is there.
    Arriving(Box<Arriving>),
    /// A refusal, read whole to see which one it is.
    Refusal { status: u16, headers: HeaderMap, body: Vec<u8> },
}

impl Answer {
    async fn refusal(mut arriving: Arriving) -> Result<Self, Refused> {
        let (status, headers, mut body) = (arriving.status, arriving.headers.clone(), Vec::new());
        let failed = |error: &FetchError| {
            Refused::new(502, "gateway_failed", format!("the gateway's refusal broke off: {error}"))
        };
        while let Some(piece) = arriving.piece().await.map_err(|error| failed(&error))? {
            body.extend(piece);
            if body.len() > MAX_REFUSAL {
                return Err(Refused::new(502, "gateway_failed", "the gateway's refusal is too large"));
            }
        }
        Ok(Self::Refusal { status, headers, body })
    }

    fn status(&self) -> u16 {
        match self {
            Self::Arriving(arriving) => arriving.status,
            Self::Refusal { status, .. } => *status,
        }
    }

    /// Whether it is a refusal with this code, as problem details have it or as SDKs of models read it.
    fn is(&self, code: &str) -> bool {
        let Self::Refusal { body, .. } = self else { return false };
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        [body.get("code"), body.get("error").and_then(|error| error.get("code"))]
            .into_iter()
            .flatten()
            .any(|found| found == code)
    }

    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::BAD_GATEWAY);
        let (given, body) = match self {
            Self::Refusal { headers, body, .. } => (headers, Body::from(body)),
            Self::Arriving(arriving) => (arriving.headers.clone(), passed_on(*arriving)),
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        for name in GIVEN.map(HeaderName::from_static) {
            if let Some(value) = given.get(&name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        response
    }
}

/// A body that is passed on while it arrives. One that breaks off breaks off for the program, too.
fn passed_on(arriving: Arriving) -> Body {
    Body::from_stream(stream::unfold(Some(arriving), |arriving| async {
        let mut arriving = arriving?;
        match arriving.piece().await {
            Ok(Some(piece)) => Some((Ok(Bytes::from(piece)), Some(arriving))),
            Ok(None) => None,
            Err(error) => Some((Err(io::Error::other(error)), None)),
        }
    }))
}
