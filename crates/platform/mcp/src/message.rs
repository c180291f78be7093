//! What a client sends: one JSON-RPC message, read strictly.

use crate::{arguments, name, reply::Members, rpc, told::APPROVAL};
use core::fmt;
use legation_credential::Facts;
use legation_keys::{
    Json, jcs,
    json::{self, JsonError, JsonLimits, Object},
};
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// Bounds on a message: what a gateway lets through, and more levels than arguments have.
pub const LIMITS: JsonLimits = JsonLimits { bytes: 4 << 20, depth: 64 };
/// Most bytes of an id that is a text.
const MAX_ID: usize = 256;
/// Where a request of 2026-07-28 or later says its version (basic/index, `_meta`).
const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// And what its client can do.
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// The id of a request, by which its answer is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Id {
    /// A text.
    Text(String),
    /// An integer within 2^53 − 1.
    Number(i64),
}

impl Id {
    pub(crate) fn read(json: &Json<'_>) -> Option<Self> {
        match json {
            Json::String(text) if text.len() <= MAX_ID => Some(Self::Text(text.clone().into_owned())),
            Json::Integer(number) => Some(Self::Number(*number)),
            _ => None,
        }
    }

    /// The id as JSON.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Number(number) => (*number).into(),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.to_json())
    }
}

/// A message of a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The id of a request, or of the request of the server that is answered. A notification has none.
    pub id: Option<Id>,
    /// The method; `None` where the client answers what its server asked for, as it does before 2026-07-28.
    pub method: Option<String>,
    /// What is called, got or read: `params.name`, or `params.uri`.
    pub named: Option<String>,
    /// What is asked for in particular: the arguments of a call, or the members of `params`.
    pub facts: Facts,
    /// The version of the protocol that the body says, from 2026-07-28 on.
    pub version: Option<String>,
    /// SHA-256 of what is asked, in canonical form (RFC 8785): `method` and `params` without `_meta` and what a next try adds. The
    /// same call asked again has the same, whatever its `id` is.
    pub digest: [u8; 32],
    /// Whether the client says that it can ask whoever it acts for by a form (2026-07-28, client/elicitation, Capabilities).
    pub elicits: bool,
    /// What it brings along from the try before.
    pub brings: Brings,
}

/// What a request that is tried again brings along (2026-07-28, basic/patterns/mrtr).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Brings {
    /// Nothing: it is the first try, or one by itself.
    #[default]
    Nothing,
    /// That somebody was asked for the approval and says that it may go on ([`crate::told::APPROVAL`]).
    Asked,
    /// That somebody was asked for it and does not want to go on.
    Declined,
    /// What its server asked for, and whatever else the gateway did not.
    Others,
}

/// Why a body is no message that can be decided on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Not JSON within the bounds, or a member stands twice.
    #[error("the message can't be read: {0}")]
    Json(#[from] JsonError),
    /// Several messages in one body. Only the version of 2025-03-26 knew that.
    #[error("several messages in one body are not taken; send each by itself")]
    Batch,
    /// Not a message of JSON-RPC 2.0.
    #[error("this is no message of JSON-RPC 2.0: {reason}")]
    Form {
        /// What is wrong.
        reason: &'static str,
    },
    /// A method, or what it names, that can't be an action.
    #[error(
        "the {what} `{found}` can't be judged: it may have letters, digits, `_`, `-`, and single `.`, `/`, `:` between \
         them, {} bytes at most",
        name::MAX_NAME
    )]
    Name {
        /// `method`, `tool` or `prompt`.
        what: &'static str,
        /// What was found, shortened.
        found: String,
    },
    /// A method that nobody here knows what it does.
    #[error("the method `{found}` is not known here, and what is not known is not passed on")]
    Unknown {
        /// What was found, shortened.
        found: String,
    },
    /// A member that nobody here knows what it means.
    #[error("the member `{found}` is not known here, and what is not known is not passed on; leave it out")]
    Member {
        /// What was found, shortened.
        found: String,
    },
    /// Arguments that can't be judged.
    #[error("{reason}")]
    Arguments {
        /// Which, and why.
        reason: String,
    },
}

impl MessageError {
    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(error) => error.code(),
            Self::Batch => "batch",
            Self::Form { .. } => "malformed",
            Self::Name { .. } => "unfit_name",
            Self::Unknown { .. } => "method_unknown",
            Self::Member { .. } => "unknown_member",
            Self::Arguments { .. } => "unfit_arguments",
        }
    }

    /// The code of JSON-RPC (JSON-RPC 2.0 §5.1).
    #[must_use]
    pub fn rpc_code(&self) -> i64 {
        match self {
            Self::Json(_) => -32700,
            Self::Batch | Self::Form { .. } => -32600,
            Self::Unknown { .. } => -32601,
            Self::Name { .. } | Self::Member { .. } | Self::Arguments { .. } => -32602,
        }
    }
}

impl Message {
    /// The action that the message is: `mcp:tools/call:NAME`, `mcp:prompts/get:NAME`, `mcp:METHOD`; a client's answer is
    /// `mcp:session/answer`.
    ///
    /// # Errors
    /// [`MessageError::Name`].
    pub fn action(&self) -> Result<String, MessageError> {
        let Some(method) = &self.method else { return Ok("mcp:session/answer".to_owned()) };
        match method.as_str() {
            "tools/call" => self.call("tool"),
            "prompts/get" => self.call("prompt"),
            method if name::fits(method) && !method.starts_with("session/") => Ok(format!("mcp:{method}")),
            method => Err(MessageError::Name { what: "method", found: shorten(method) }),
        }
    }

    fn call(&self, what: &'static str) -> Result<String, MessageError> {
        let (method, named) = (self.method.as_deref().unwrap_or_default(), self.named.as_deref());
        match named.filter(|named| name::fits(named)) {
            Some(named) => Ok(format!("mcp:{method}:{named}")),
            None => Err(MessageError::Name { what, found: shorten(named.unwrap_or_default()) }),
        }
    }

    /// Whether somebody waits for an answer to it.
    #[must_use]
    pub fn is_request(&self) -> bool {
        self.id.is_some() && self.method.is_some()
    }
}

/// Reads the message that a body is.
///
/// # Errors
/// [`MessageError`]: what two readers could read differently is no message.
pub fn read(body: &[u8]) -> Result<Message, MessageError> {
    let form = |reason| MessageError::Form { reason };
    let json = json::parse(body, LIMITS)?;
    let rpc::Envelope { message, id, method, params } = rpc::envelope(&json)?;
    let Some(method) = method else { return answer(message, id) };
    if id.is_some() == method.starts_with("notifications/") {
        // What changes something must not come as what nobody answers, nor the other way round.
        return Err(form("a notification has no `id` and a name that begins with `notifications/`"));
    }
    let asked =
        params.map(|params| params.without("_meta").without("inputResponses").without("requestState"));
    let asked = Json::Array(vec![
        Json::String(method.as_str().into()),
        asked.clone().map_or(Json::Null, Json::Object),
    ]);
    let digest = Sha256::digest(jcs::canonicalize(&asked)).into();
    let mut read = Message { id, method: Some(method), ..plain(digest) };
    if let Some(params) = params {
        with_params(&mut read, params)?;
    }
    Ok(read)
}

/// What a client answers to its server.
fn answer(message: &Object<'_>, id: Option<Id>) -> Result<Message, MessageError> {
    let form = |reason| MessageError::Form { reason };
    let answers = ["result", "error"].iter().filter(|name| message.get(name).is_some()).count();
    if answers != 1 || message.unknown_member(&["jsonrpc", "id", "result", "error"]).is_some() {
        return Err(form("it has neither a `method` nor one of `result` and `error`"));
    }
    if id.is_none() {
        return Err(form("an answer has the `id` of what it answers"));
    }
    let digest = Sha256::digest(jcs::canonicalize(&Json::Object(message.without("id")))).into();
    Ok(Message { id, ..plain(digest) })
}

fn plain(digest: [u8; 32]) -> Message {
    Message {
        id: None,
        method: None,
        named: None,
        facts: Facts::new(),
        version: None,
        digest,
        elicits: false,
        brings: Brings::Nothing,
    }
}

fn with_params(read: &mut Message, params: &Object<'_>) -> Result<(), MessageError> {
    let form = |reason| MessageError::Form { reason };
    let text = |name: &str| match params.get(name) {
        None => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone().into_owned())),
        Some(_) => Err(form("`params.name` or `params.uri` is no text")),
    };
    if let Some(meta) = params.get("_meta") {
        let meta = meta.as_object().ok_or_else(|| form("`params._meta` is no object"))?;
        read.version = match meta.get(VERSION) {
            None => None,
            Some(Json::String(version)) => Some(version.clone().into_owned()),
            Some(_) => return Err(form("the protocol version of `params._meta` is no text")),
        };
        read.elicits = meta.get(CAPABILITIES).is_some_and(elicits);
    }
    read.brings = brings(params);
    let unfit = |reason| MessageError::Arguments { reason };
    match read.method.as_deref() {
        Some("tools/call" | "prompts/get") => {
            read.named = text("name")?;
            match params.get("arguments") {
                None | Some(Json::Null) => {}
                Some(Json::Object(given)) => read.facts = arguments::facts(given).map_err(unfit)?,
                Some(_) => return Err(form("`params.arguments` is no object")),
            }
        }
        _ => {
            read.named = text("uri")?;
            // What a client answers with its next try (basic/patterns/mrtr) is no argument.
            let asked = params.without("_meta").without("inputResponses");
            read.facts = arguments::facts(&asked).map_err(unfit)?;
        }
    }
    Ok(())
}

/// Whether capabilities have forms: an empty `elicitation` means them, too.
fn elicits(capabilities: &Json<'_>) -> bool {
    let how = capabilities.get("elicitation").and_then(Json::as_object);
    how.is_some_and(|how| how.is_empty() || how.get("form").is_some())
}

/// What is told of a request whose client declined to wait for its approval.
pub const DECLINED: &str = "the client declined; nothing was sent";

fn brings(params: &Object<'_>) -> Brings {
    let answers = params.get("inputResponses").map(Json::as_object);
    match (params.get("requestState"), answers) {
        (None, None) => Brings::Nothing,
        (None, Some(Some(answers))) if answers.len() == 1 => match answers.get(APPROVAL) {
            None => Brings::Others,
            Some(answer) if answer.get("action").and_then(Json::as_str) == Some("accept") => Brings::Asked,
            Some(_) => Brings::Declined,
        },
        _ => Brings::Others,
    }
}

/// The message as its server gets it: without the answer to what the server did not ask for.
///
/// ```
/// use legation_mcp::message::{read, sent_on};
/// let body = br#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"pay","inputResponses":{
///     "org.w3id.legation/approval":{"action":"accept"}}}}"#;
/// let sent = sent_on(&read(body)?, body);
/// assert_eq!(&*sent, br#"{"id":2,"jsonrpc":"2.0","method":"tools/call","params":{"name":"pay"}}"#);
/// # Ok::<(), legation_mcp::MessageError>(())
/// ```
#[must_use]
pub fn sent_on<'b>(message: &Message, body: &'b [u8]) -> Cow<'b, [u8]> {
    if !matches!(message.brings, Brings::Asked | Brings::Declined) {
        return Cow::Borrowed(body);
    }
    let without = || -> Result<Vec<u8>, serde_json::Error> {
        let mut all: Members = serde_json::from_slice(body)?;
        let mut params: Members =
            serde_json::from_str(all.get("params").map_or("{}", |params| params.get()))?;
        params.remove("inputResponses");
        all.insert("params".to_owned(), serde_json::value::to_raw_value(&params)?);
        serde_json::to_vec(&all)
    };
    // It was read before.
    without().map_or(Cow::Borrowed(body), Cow::Owned)
}

/// At most 80 characters of what somebody sent, without what a terminal would act on.
pub(crate) fn shorten(text: &str) -> String {
    text.chars().take(80).map(|one| if one.is_control() { '\u{fffd}' } else { one }).collect()
}
