//! The gate in front of an axum router.

use crate::{Gate, Refused, body, clock, gate::Incoming, problem::problem, single};
use axum::{
    Router,
    body::Body,
    extract::{OriginalUri, Request as HttpRequest, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header::CACHE_CONTROL};
use legation_credential::{Request, RequestError};
use legation_http_signature::{Message, RECEIPT};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Most bytes of a receipt in a header; many clients read 16 KiB of all headers together.
pub const MAX_RECEIPT: usize = 8 << 10;

/// A service's own reading of a request: which action on which resource, with which facts. Take the
/// resource from [`Message::target_uri`], which is what the caller signed.
pub type Mapping = dyn Fn(&Message<'_>) -> Result<Request, RequestError> + Send + Sync;

#[derive(Clone)]
struct Guard {
    gate: Gate,
    map: Arc<Mapping>,
}

/// Puts a gate in front of all that a router has by now: its routes, whatever the method, and its
/// fallback. What is added to the returned router later stands open, as with every layer of axum, so
/// that this comes last. A handler sees only requests that were admitted, and
/// finds [`Admitted`](crate::Admitted) among their extensions; every other request is answered with
/// problem details: `code`, `link`, `expected`, `found`, the signed `receipt` of the denial, and with
/// `approval_required` as `approval` what has to be approved; approvals come in `Agent-Approval`. A body
/// that takes longer than [`body::DEADLINE`] is answered with 408, and two `Host` headers with 400.
///
/// Each answer has the signed receipt of what was decided in `Legation-Receipt`, where that has at most [`MAX_RECEIPT`] bytes: whoever
/// asked can keep it and show it.
///
/// What is signed are method, target, body and chain. Every other header is whatever stood between
/// caller and service made of it, and decides nothing.
///
/// ```no_run
/// # use legation_agent::{Admitted, Gate, guard};
/// # use legation_credential::{Request, request::split_query};
/// # fn example(gate: Gate) -> axum::Router {
/// use axum::{Extension, Router, routing::post};
///
/// let routes = Router::new().route("/rooms", post(async |Extension(admitted): Extension<Admitted>| {
///     format!("{} acts for {}", admitted.agent, admitted.principal)
/// }));
/// guard(routes, gate, |message| {
///     let (resource, facts) = split_query(message.target_uri)?;
///     Request::new("a2a:skill:book", resource, facts)
/// })
/// # }
/// ```
pub fn guard(
    router: Router,
    gate: Gate,
    map: impl Fn(&Message<'_>) -> Result<Request, RequestError> + Send + Sync + 'static,
) -> Router {
    router.layer(from_fn_with_state(Guard { gate, map: Arc::new(map) }, check))
}

async fn check(State(guard): State<Guard>, request: HttpRequest, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    if let Some(header) = single::ambiguous(&parts.headers, parts.uri.authority()) {
        return Refused::Ambiguous { header }.into_response();
    }
    let body = match body::read(body, guard.gate.max_body).await {
        Ok(body) => body,
        Err(error) => return error.into_response(),
    };
    // Inside a nested router the URI lacks its beginning.
    let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
    let path_and_query = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let incoming = Incoming {
        method: parts.method.as_str(),
        path_and_query: &path_and_query,
        headers: &parts.headers,
        body: &body,
    };
    match guard.gate.admit(&incoming, &*guard.map, clock::now()).await {
        Ok(admitted) => {
            let receipt = admitted.receipt.clone();
            parts.extensions.insert(admitted);
            with_receipt(next.run(HttpRequest::from_parts(parts, Body::from(body))).await, &receipt)
        }
        Err(refused) => refused.into_response(),
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut more = Map::new();
        match &self {
            Self::Denied { denial, receipt, approval } => {
                more.insert("link".to_owned(), denial.link.into());
                more.insert("expected".to_owned(), denial.expected.as_str().into());
                more.insert("found".to_owned(), denial.found.as_str().into());
                more.insert("cure".to_owned(), denial.code.cure().into());
                if let Some(asked) = approval {
                    more.insert("approval".to_owned(), asked.to_json());
                }
                more.insert("receipt".to_owned(), receipt.as_deref().map_or(Value::Null, Value::from));
            }
            Self::HandshakeRequired { endpoint } => {
                more.insert("handshake".to_owned(), endpoint.as_str().into());
            }
            Self::ChainUnknown | Self::Ambiguous { .. } | Self::Unavailable | Self::Unrecorded { .. } => {}
        }
        let response = problem(self.status(), self.code(), &self.to_string(), more);
        match &self {
            Self::Denied { receipt: Some(receipt), .. } => with_receipt(response, receipt),
            _ => response,
        }
    }
}

/// The answer with the receipt of what was decided, where it has room in a header.
fn with_receipt(mut response: Response, receipt: &str) -> Response {
    // A shared cache would give it to others: it says who asked for what.
    let says =
        |line: &HeaderValue| line.to_str().is_ok_and(|line| line.to_ascii_lowercase().contains("public"));
    let is_public = response.headers().get_all(CACHE_CONTROL).iter().any(says);
    if let Ok(value) = HeaderValue::from_str(receipt)
        && receipt.len() <= MAX_RECEIPT
        && !is_public
    {
        response.headers_mut().insert(RECEIPT, value);
        response.headers_mut().append(CACHE_CONTROL, HeaderValue::from_static("private"));
    }
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn no_cache_that_is_shared_gets_a_receipt() {
        let answered = |said: &[&'static str]| {
            let mut response = Response::new(Body::empty());
            for line in said {
                response.headers_mut().append(CACHE_CONTROL, HeaderValue::from_static(line));
            }
            let response = with_receipt(response, "a.receipt.x");
            let lines = response.headers().get_all(CACHE_CONTROL).iter();
            let lines: Vec<String> = lines.map(|line| line.to_str().unwrap().to_owned()).collect();
            (response.headers().contains_key(RECEIPT), lines)
        };
        assert_eq!(answered(&[]), (true, vec!["private".to_owned()]));
        assert_eq!(answered(&["max-age=60"]), (true, vec!["max-age=60".to_owned(), "private".to_owned()]));
        for public in [&["public, max-age=60"][..], &["no-cache", "PUBLIC"]] {
            assert!(!answered(public).0, "{public:?}");
        }
    }
}
