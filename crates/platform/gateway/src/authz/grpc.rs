//! How Envoy asks over gRPC: `envoy.service.auth.v3.Authorization/Check`. A denial is an answer, and no error of the call.

use super::{
    Asked, Held, decide,
    forms::{Deciding, PARTIAL, whole},
    messages::{
        Allowed, CheckRequest, CheckResponse, Denied, Header, HeaderOption, HttpRequest, HttpStatus, Status,
    },
    told::{count, identity, problem, removed},
};
use crate::{access, bodies::MAX_BODY, refused::Refused, router::to_the_end};
use axum::{body::Body, extract::State, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use std::{future::Future, pin::Pin, sync::Arc};
use tonic::server::{Grpc, UnaryService};
use tonic_prost::ProstCodec;

/// `google.rpc.Code.PERMISSION_DENIED`.
const DENIED: i32 = 7;

/// Answers a call.
pub(super) async fn check(State(deciding): State<Deciding>, request: axum::extract::Request) -> Response {
    access::route("envoy.service.auth.v3.Authorization/Check");
    let (parts, body) = request.into_parts();
    let gateway = Arc::clone(&deciding.0);
    let work = async move {
        // Bounded and timed as every body is.
        let body = match deciding.0.bodies.signed((body, MAX_BODY)).await {
            Ok(body) => body,
            Err(refused) => return tonic::Status::unavailable(refused.message).into_http(),
        };
        let mut grpc = Grpc::new(ProstCodec::<CheckResponse, CheckRequest>::default())
            .max_decoding_message_size(MAX_BODY);
        let request = http::Request::from_parts(parts, Body::from(body));
        grpc.unary(Check(deciding), request).await.map(Body::new)
    };
    to_the_end(&gateway, work).await
}

struct Check(Deciding);

impl UnaryService<CheckRequest> for Check {
    type Response = CheckResponse;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<CheckResponse>, tonic::Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<CheckRequest>) -> Self::Future {
        let deciding = self.0.clone();
        Box::pin(async move { Ok(tonic::Response::new(answer(deciding, request.into_inner()).await)) })
    }
}

async fn answer((gateway, origins): Deciding, request: CheckRequest) -> CheckResponse {
    let (outcome, headers) = match read(request) {
        Ok(asked) => (decide(&gateway, &origins, &asked).await, asked.headers),
        Err(refused) => (Err(refused), HeaderMap::new()),
    };
    count(&gateway, &outcome);
    match outcome {
        Ok(allowed) => CheckResponse {
            status: Some(Status { code: 0 }),
            denied: None,
            allowed: Some(Allowed {
                headers: identity(&allowed).map(|(name, value)| set(name, value)).to_vec(),
                headers_to_remove: removed(&headers),
            }),
        },
        Err(refused) => denied(&refused),
    }
}

fn denied(refused: &Refused) -> CheckResponse {
    let problem = problem(refused);
    let headers = problem.headers.iter().map(|(name, value)| set(name, value)).collect();
    let status = Some(HttpStatus { code: problem.status.into() });
    CheckResponse {
        status: Some(Status { code: DENIED }),
        denied: Some(Denied { status, headers, body: problem.body }),
        allowed: None,
    }
}

fn set(name: &str, value: &str) -> HeaderOption {
    let header = Header { key: name.to_owned(), value: value.to_owned(), raw_value: Vec::new() };
    HeaderOption { header: Some(header), append: Some(false) }
}

fn read(request: CheckRequest) -> Result<Asked, Refused> {
    let http = request.attributes.and_then(|attributes| attributes.request).and_then(|request| request.http);
    let http = http.ok_or_else(|| Refused::new("bad_request", "nothing is said of an HTTP request"))?;
    let headers = headers(&http)?;
    let HttpRequest { method, path, host, body, raw_body, .. } = http;
    if !body.is_empty() {
        let message = "Envoy handed the body on as text, which changes it; set `pack_as_bytes: true`";
        return Err(Refused::new("raw_body_missing", message));
    }
    let method = Method::from_bytes(method.as_bytes());
    let method = method.map_err(|_| Refused::new("bad_request", "the method is none"))?;
    let body = match headers.get(PARTIAL) {
        Some(partial) => whole(partial.to_str().unwrap_or_default(), raw_body)?,
        None if !raw_body.is_empty() => {
            return Err(Refused::new("bad_request", format!("a body came without `{PARTIAL}`")));
        }
        // Envoy holds a client to what it says of its length (RFC 9110 §8.6).
        None if is_empty(&headers) => Held::Whole(raw_body),
        None => Held::Unseen,
    };
    Ok(Asked { method, host, path, headers, body })
}

/// Whether a request says that its body has no bytes.
fn is_empty(headers: &HeaderMap) -> bool {
    let mut lengths = headers.get_all("content-length").iter();
    let says = (lengths.next().map(HeaderValue::as_bytes), lengths.next());
    says == (Some(b"0".as_slice()), None) && !headers.contains_key("transfer-encoding")
}

/// The headers, one by one as they were sent: of several of one name that were joined nobody knows any more what was sent.
fn headers(http: &HttpRequest) -> Result<HeaderMap, Refused> {
    let Some(raw) = http.header_map.as_ref().filter(|_| http.headers.is_empty()) else {
        let message = "Envoy joined headers of one name, by which what was signed and what was shown can't be told any \
                       more; set `encode_raw_headers: true` on its `ext_authz` filter";
        return Err(Refused::new("raw_headers_missing", message));
    };
    let wrong = |_| Refused::new("bad_request", "a header is none of HTTP");
    let mut headers = HeaderMap::new();
    for Header { key, value, raw_value } in &raw.headers {
        // Method, path and host are said beside them.
        if key.starts_with(':') {
            continue;
        }
        let value = if raw_value.is_empty() { value.as_bytes() } else { raw_value };
        let name = HeaderName::from_bytes(key.as_bytes()).map_err(|error| wrong(error.to_string()))?;
        let value = HeaderValue::from_bytes(value).map_err(|error| wrong(error.to_string()))?;
        let full = |_| Refused::new("input_too_large", "the request has too many headers");
        headers.try_append(name, value).map_err(full)?;
    }
    Ok(headers)
}
