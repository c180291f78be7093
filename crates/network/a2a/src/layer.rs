//! The agent's side: a layer around the JSON-RPC interface of an A2A agent.

use crate::carriage::{self, Carried, URI, find_in};
use a2a::{
    A2AError, JsonRpcId, JsonRpcResponse, Role, SVC_PARAM_EXTENSIONS, SVC_PARAM_VERSION, SendMessageResponse,
    error_code, jsonrpc::methods,
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
    middleware::{self, Next},
    response::Response,
};
use http_body_util::BodyExt;
use legation_agent::{Refusal, Responder};
use legation_handshake::Message;
use legation_keys::{
    Json,
    json::{self, JsonLimits},
};
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// Most bytes that are read, and thrown away, of a request that is too large: whoever is still sending
/// would not see the answer.
const DISCARDED: usize = 16 << 20;
/// Levels of a request; the parts of a message may hold any JSON.
const DEPTH: usize = 64;

/// How an interface treats the extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether requests that do not activate the extension are refused, as the card declares it.
    pub required: bool,
    /// Most bytes of a request that activates the extension; 1,048,576 by default: twice the largest
    /// presentation. It bounds ordinary messages of such requests too, since each is read strictly.
    pub max_body: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { required: false, max_body: 1 << 20 }
    }
}

/// Answers the handshake's messages that arrive at the JSON-RPC interface of an A2A agent; all others
/// go to the agent as they came.
///
/// `interface` answers A2A's JSON-RPC at the URL that the card declares for the handshake, and nothing
/// else; the agent card is served beside it. A request activates the extension by its header, and the
/// answer's header says so. Without it the extension does nothing, whatever the metadata hold, unless
/// it is required. Sizes are bounded here, time by the server that the router runs on.
///
/// ```no_run
/// # async fn run(responder: std::sync::Arc<legation_agent::Responder>) -> std::io::Result<()> {
/// use axum::{Router, routing::post};
/// use legation_a2a::{Settings, layer};
///
/// // What an A2A library makes of an agent, such as `a2a_server::jsonrpc::jsonrpc_router`.
/// let agent = Router::new().route("/", post(async || "the agent"));
/// let agent = layer(agent, Settings { required: true, ..Settings::default() }, responder);
/// let app: Router = Router::new().nest("/a2a", agent);
/// # Ok(())
/// # }
/// ```
pub fn layer(interface: Router, settings: Settings, responder: Arc<Responder>) -> Router {
    interface.layer(middleware::from_fn(move |request: Request, next: Next| {
        let responder = responder.clone();
        async move { answer(request, next, settings, &responder).await }
    }))
}

async fn answer(request: Request, next: Next, settings: Settings, responder: &Responder) -> Response {
    let active = is_active(request.headers());
    if !active && !settings.required {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let response = match read_body(body, settings.max_body).await {
        Err(error) => fail(JsonRpcId::Null, &error),
        Ok(body) => match judge(&body, &parts.headers, active) {
            Step::Pass => next.run(Request::from_parts(parts, Body::from(body))).await,
            Step::Fail(id, error) => fail(id, &error),
            Step::Handshake(id, message) => {
                let answered = match message {
                    Ok(message) => responder.respond(message, now()).await,
                    Err(refusal) => Err(refusal),
                };
                let refused = |refusal: Refusal| Carried::Refusal(refusal.into());
                success(id, &answered.map_or_else(refused, Carried::Message))
            }
        },
    };
    if active { activated(response) } else { response }
}

/// What becomes of a request.
enum Step {
    /// It is for the agent.
    Pass,
    /// It carries something of the handshake.
    Handshake(JsonRpcId, Result<Message, Refusal>),
    /// It is no request that can be answered.
    Fail(JsonRpcId, A2AError),
}

/// Reads a request strictly and judges what it is. Nothing is done yet.
fn judge(body: &[u8], headers: &HeaderMap, active: bool) -> Step {
    let request = match json::parse(body, JsonLimits { bytes: body.len(), depth: DEPTH }) {
        Ok(request) => request,
        Err(error) => {
            let message = format!("{}: {error}", error.code());
            return Step::Fail(JsonRpcId::Null, A2AError::parse_error(message));
        }
    };
    let id = id(&request);
    if !active {
        let message = format!("activate the extension: {SVC_PARAM_EXTENSIONS}: {URI}");
        return Step::Fail(id, A2AError::new(error_code::EXTENSION_SUPPORT_REQUIRED, message));
    }
    let carried = match request.get("params").and_then(|params| params.get("message")).map(find_in) {
        None | Some(Ok(None)) => return Step::Pass,
        Some(Ok(Some(Carried::Message(message)))) => Ok(message),
        Some(Ok(Some(Carried::Refusal(_)))) => Err(Refusal::Unexpected { kind: "refusal" }),
        Some(Err(denial)) => Err(denial.into()),
    };
    if let Err(error) = check_call(&request, headers) {
        return Step::Fail(id, error);
    }
    Step::Handshake(id, carried)
}

/// A handshake is A2A 1, and one message with one answer.
fn check_call(request: &Json<'_>, headers: &HeaderMap) -> Result<(), A2AError> {
    // A request without the header is of A2A 0.3 (A2A §3.6.2).
    let mut versions = headers.get_all(SVC_PARAM_VERSION).iter();
    let version = versions.next().map_or("0.3", |value| value.to_str().unwrap_or_default());
    if versions.next().is_some() {
        return Err(A2AError::version_not_supported("more than one"));
    }
    if version.trim().split('.').next() != Some("1") {
        return Err(A2AError::version_not_supported(&carriage::shorten(version, 40)));
    }
    if request.get("jsonrpc").and_then(Json::as_str) != Some("2.0") {
        return Err(A2AError::invalid_request("`jsonrpc` must be `2.0`"));
    }
    match request.get("method").and_then(Json::as_str) {
        Some(methods::SEND_MESSAGE) => Ok(()),
        _ => Err(A2AError::unsupported_operation("the handshake's messages are sent by SendMessage")),
    }
}

/// The `id` that the answer repeats (JSON-RPC 2.0 §5).
fn id(request: &Json<'_>) -> JsonRpcId {
    match request.get("id") {
        Some(Json::Integer(number)) => JsonRpcId::Number(*number),
        Some(Json::String(text)) => JsonRpcId::String(text.clone().into_owned()),
        _ => JsonRpcId::Null,
    }
}

/// The whole body, at most `limit` bytes.
async fn read_body(mut body: Body, limit: usize) -> Result<Bytes, A2AError> {
    let mut bytes = Vec::new();
    let mut found = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| A2AError::invalid_request("the request broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        found = found.saturating_add(data.len());
        if found > limit.max(DISCARDED) {
            break;
        }
        if found <= limit {
            bytes.extend_from_slice(&data);
        } else {
            bytes.clear();
        }
    }
    if found > limit {
        let message = format!("input_too_large: at most {limit} bytes where `{URI}` is activated");
        return Err(A2AError::invalid_request(message));
    }
    Ok(bytes.into())
}

fn success(id: JsonRpcId, carried: &Carried) -> Response {
    let message = SendMessageResponse::Message(carriage::message(carried, Role::Agent));
    match serde_json::to_value(message) {
        Ok(value) => write(&JsonRpcResponse::success(id, value)),
        Err(_) => fail(id, &A2AError::internal("no answer")),
    }
}

fn fail(id: JsonRpcId, error: &A2AError) -> Response {
    write(&JsonRpcResponse::error(id, error.to_jsonrpc_error()))
}

/// The status is 200 for errors too: they stand in the envelope (A2A §9.5).
fn write(response: &JsonRpcResponse) -> Response {
    let body = serde_json::to_vec(response).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Whether the header lists the extension.
pub(crate) fn is_active(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(SVC_PARAM_EXTENSIONS).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|uri| uri.trim() == URI)
}

/// Says in the answer's header that the extension was active, beside what the agent says of others.
fn activated(mut response: Response) -> Response {
    let headers = response.headers_mut();
    if !is_active(headers) {
        let others = headers.get_all(SVC_PARAM_EXTENSIONS).iter().filter_map(|line| line.to_str().ok());
        let all = others.chain([URI]).collect::<Vec<_>>().join(", ");
        if let Ok(all) = HeaderValue::try_from(all) {
            headers.insert(SVC_PARAM_EXTENSIONS, all);
        }
    }
    response
}

/// Now, in Unix seconds.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
