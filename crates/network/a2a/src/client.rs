//! The caller's side: one message to an agent's JSON-RPC interface, and its answer.

use crate::{
    carriage::{self, Carried, Refusal, URI, find_in, shorten},
    layer::is_active,
};
use a2a::{
    JsonRpcId, JsonRpcRequest, Role, SVC_PARAM_EXTENSIONS, SVC_PARAM_VERSION, SendMessageRequest, VERSION,
    jsonrpc::methods,
};
use legation_agent::{Acquaintance, Agent, MeetError};
use legation_agent_card::{Binding, VerifiedCard};
use legation_credential::CredentialError;
use legation_handshake::Message;
use legation_keys::{
    Json,
    json::{self, JsonLimits},
};
use legation_resolver::{
    Call, FetchError, Fetcher, Reply,
    call::{
        Method,
        header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
    },
};
use legation_verifier::Denial;
use serde_json::Value;

/// Limits of an answer: a receipt with the authority that it states, in an A2A message.
const LIMITS: JsonLimits = JsonLimits { bytes: 1 << 20, depth: 32 };

/// Where an agent speaks the handshake in A2A messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The URL to which messages are sent. It is the `endpoint` of the challenges that come back.
    pub url: String,
    /// The tenant that each request names, where the card declares one.
    pub tenant: Option<String>,
}

impl Interface {
    /// The JSON-RPC interface of A2A 1 at the URL that a card declares for the handshake.
    ///
    /// # Errors
    /// [`ExchangeError::NotDeclared`], [`ExchangeError::NoInterface`].
    pub fn of(card: &VerifiedCard) -> Result<Self, ExchangeError> {
        let handshake = card.handshake().ok_or(ExchangeError::NotDeclared)?;
        let interfaces = card.card().get("supportedInterfaces").and_then(Value::as_array);
        let found = interfaces.into_iter().flatten().find_map(|interface| {
            let text = |name| interface.get(name).and_then(Value::as_str).unwrap_or_default();
            let is_one = text("protocolBinding") == "JSONRPC" && text("protocolVersion").starts_with("1.");
            (is_one && text("url") == handshake).then(|| text("tenant"))
        });
        let tenant = found.ok_or_else(|| ExchangeError::NoInterface { handshake: handshake.to_owned() })?;
        let tenant = Some(tenant.to_owned()).filter(|tenant| !tenant.is_empty());
        Ok(Self { url: handshake.to_owned(), tenant })
    }
}

/// Meets the agent of a domain at `now` (Unix seconds): fetches and verifies its card, then speaks the
/// handshake by A2A messages to the interface that the card declares for it. `url` is a domain or the URL
/// of a card.
///
/// Only a card whose DID is of the domain is gone along with. For an agent that is known by its key, see
/// [`Agent::meet_over`], with [`Interface::of`] and [`exchange`].
///
/// # Errors
/// [`MeetError`]; [`MeetError::Answer`] where the answer is no message of the handshake.
pub async fn meet(agent: &Agent, fetcher: &Fetcher, url: &str, now: i64) -> Result<Acquaintance, MeetError> {
    let card = fetcher.card(url, now).await?;
    if card.binding == Binding::KeyOnly {
        return Err(MeetError::Unbound { did: card.document.id().clone() });
    }
    let interface = Interface::of(&card.card)?;
    let send = async |message: Message| Ok(exchange(fetcher, &interface, &message).await?);
    agent.meet_over(card, &interface.url, send, now).await
}

/// Sends one message of the handshake to an agent and gives its answer, within the limits of
/// `fetcher`. The extension is activated.
///
/// What the answer says is for the [handshake](legation_handshake) to judge.
///
/// # Errors
/// [`ExchangeError`].
pub async fn exchange(
    fetcher: &Fetcher,
    interface: &Interface,
    message: &Message,
) -> Result<Message, ExchangeError> {
    let message = carriage::message(&Carried::Message(message.clone()), Role::User);
    let request =
        SendMessageRequest { message, configuration: None, metadata: None, tenant: interface.tenant.clone() };
    let params = serde_json::to_value(request).map_err(|_| ExchangeError::NoMessage)?;
    let request = JsonRpcRequest::new(JsonRpcId::Number(1), methods::SEND_MESSAGE, Some(params));
    let body = serde_json::to_vec(&request).map_err(|_| ExchangeError::NoMessage)?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in [(SVC_PARAM_VERSION, VERSION), (SVC_PARAM_EXTENSIONS, URI)] {
        if let Ok(name) = HeaderName::try_from(name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    let call = Call { method: Method::POST, url: &interface.url, headers, body };
    read(&fetcher.call(call).await?)
}

/// The handshake's message in an answer.
fn read(reply: &Reply) -> Result<Message, ExchangeError> {
    let answer = match json::parse(&reply.body, LIMITS) {
        Ok(answer) => answer,
        Err(_) if reply.status != 200 => return Err(ExchangeError::Status { status: reply.status }),
        Err(error) => return Err(Denial::from(CredentialError::from(error)).into()),
    };
    if let Some(error) = answer.get("error") {
        let message = error.get("message").and_then(Json::as_str).unwrap_or_default();
        let code = error.get("code").and_then(Json::as_integer).unwrap_or_default();
        return Err(ExchangeError::Agent { code, message: shorten(message, 400) });
    }
    if reply.status != 200 {
        return Err(ExchangeError::Status { status: reply.status });
    }
    let message = answer.get("result").and_then(|result| result.get("message"));
    match message.map(find_in).transpose()?.flatten() {
        Some(Carried::Message(message)) => Ok(message),
        Some(Carried::Refusal(refusal)) => Err(ExchangeError::Refused(refusal)),
        None if is_active(&reply.headers) => Err(ExchangeError::NoMessage),
        None => Err(ExchangeError::NotActivated),
    }
}

/// Why a message got no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ExchangeError {
    /// The card declares no handshake.
    #[error("the agent's card declares no URL for a handshake in the extension `{URI}`")]
    NotDeclared,
    /// The handshake is spoken at a URL to which no A2A messages are sent.
    #[error(
        "`{handshake}`, where the card says the handshake is spoken, is no JSONRPC interface of A2A 1 in it"
    )]
    NoInterface {
        /// The URL.
        handshake: String,
    },
    /// No complete answer came.
    #[error("{0}")]
    Fetch(#[from] FetchError),
    /// The server failed before A2A came into it.
    #[error("the agent's server answered with HTTP status {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// What came can't be read.
    #[error("the agent's answer can't be read: {0}")]
    Unreadable(#[from] Denial),
    /// The agent answered with an error of A2A.
    #[error("the agent answered with A2A error {code}: {message}")]
    Agent {
        /// A2A's code, such as -32008 (A2A §5.4).
        code: i64,
        /// What the agent says.
        message: String,
    },
    /// The agent answered as if the extension had not been activated.
    #[error("the agent did not activate the extension `{URI}`")]
    NotActivated,
    /// The agent activated the extension, and its answer carries nothing of it.
    #[error("the agent's answer carries no message of the handshake")]
    NoMessage,
    /// The agent refuses.
    #[error("the agent refuses: {0}")]
    Refused(Refusal),
}

impl ExchangeError {
    /// The stable code; of a refusal the agent's own.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::NotDeclared => "handshake_missing",
            Self::NoInterface { .. } => "no_interface",
            Self::Fetch(error) => error.code(),
            Self::Status { .. } => "http_status",
            Self::Unreadable(denial) => denial.code.as_str(),
            Self::Agent { .. } => "a2a_error",
            Self::NotActivated => "extension_not_activated",
            Self::NoMessage => "no_message",
            Self::Refused(refusal) => &refusal.code,
        }
    }
}

impl From<ExchangeError> for MeetError {
    fn from(error: ExchangeError) -> Self {
        let status = if let ExchangeError::Status { status } = error { status } else { 200 };
        match error {
            ExchangeError::NotDeclared => Self::NoHandshake,
            ExchangeError::Fetch(error) => Self::Fetch(error),
            ExchangeError::Unreadable(denial) => Self::Callee(denial),
            ExchangeError::Refused(Refusal { code, reason }) => Self::Answer { status, code, detail: reason },
            error => Self::Answer { status, code: error.code().to_owned(), detail: error.to_string() },
        }
    }
}
