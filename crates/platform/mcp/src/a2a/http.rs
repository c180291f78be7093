//! The HTTP+JSON binding of A2A 1.0 (§11): what method, path, query and body ask for, as the message that it is in JSON-RPC, too. So
//! what is granted, constrained, approved and owned by one binding is the same by the other.
//!
//! Paths are taken as the protocol writes them and in no other way: no escapes, no parameters behind `;`, no empty or dot segments, no
//! other capitals. Where two readers of a path could see two tasks or two operations, there is none.

use super::{
    message::{Binding, MAX_ID, Message, of_params},
    operation::{Generation, Operation},
    parts::{form, member, text},
};
use crate::message::{LIMITS, MessageError, shorten};
use core::fmt::Write as _;
use legation_credential::request::split_query;
use legation_keys::{
    Json,
    json::{self, Object},
};

/// Parts of paths that mean something in this binding, of 1.0 or 0.3, in small letters.
const PARTS: [&str; 6] =
    ["tasks", "message", "pushnotificationconfigs", "extendedagentcard", "card", ".well-known"];
/// Most parts of a path before the operation.
const MOST_BEFORE: usize = 8;
/// Most bytes of a value in a query.
const MAX_VALUE: usize = 1024;
/// What a query never says: what the path says, and what is no text (§11.5).
const NOT_IN_QUERIES: [&str; 5] = ["tenant", "id", "taskId", "pushNotificationConfigId", "metadata"];

/// What a method and a path ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'p> {
    /// The operation.
    pub operation: Operation,
    /// The path as far as it names no task, which is what grants are on: `tasks` of `tasks/7:cancel`.
    pub address: &'p str,
    /// What may be the tenant: the part before the operation, where there is one. An interface of a tenant has its name there (§11.3); of
    /// one that has none it is the end of its own address, and nobody here can tell them apart.
    pub tenant: Option<&'p str>,
    task: Option<&'p str>,
    config: Option<&'p str>,
}

/// A message of this binding.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// The message.
    pub message: Message,
    /// The query as it was read, written anew: empty, or from `?` on.
    pub query: String,
}

/// Whether a path is, or could be taken for, one of this binding: what is escaped, or stands behind a colon or semicolon, an agent
/// may read as such a part.
#[must_use]
pub fn is_alike(path: &str) -> bool {
    path.contains(['%', ':', ';']) || path.split('/').any(is_part)
}

fn is_part(part: &str) -> bool {
    PARTS.contains(&part.to_ascii_lowercase().as_str())
}

/// What a method and a path, without its first `/` and its query, ask for; `None` where that is nothing of this binding.
///
/// ```
/// use legation_mcp::a2a::{Operation, http::place};
/// let cancel = place("POST", "hotel/tasks/7:cancel").unwrap();
/// assert_eq!((cancel.operation, cancel.address), (Operation::Cancel, "hotel/tasks"));
/// assert!(place("POST", "hotel/tasks/7%3Acancel").is_none());
/// ```
#[must_use]
pub fn place<'p>(method: &str, path: &'p str) -> Option<Place<'p>> {
    let parts: Vec<&str> = path.split('/').collect();
    let begins =
        |part: &&str| matches!(*part, "message:send" | "message:stream" | "tasks" | "extendedAgentCard");
    let at = parts.iter().position(begins)?;
    let (before, asked) = parts.split_at_checked(at)?;
    if at > MOST_BEFORE || !before.iter().all(|part| is_plain(part)) {
        return None;
    }
    let (operation, task, config) = asked_by(method, asked)?;
    if !task.iter().chain(&config).all(|id| is_plain(id)) {
        return None;
    }
    let length = before.iter().map(|part| part.len().saturating_add(1)).sum::<usize>();
    let address = path.get(..length.saturating_add(asked.first().map_or(0, |part| part.len())))?;
    Some(Place { operation, address, tenant: before.last().copied(), task, config })
}

/// The operation that a method and the parts of a path are, with the task and the place for notifications that they name.
fn asked_by<'p>(method: &str, parts: &[&'p str]) -> Option<(Operation, Option<&'p str>, Option<&'p str>)> {
    match *parts {
        ["message:send"] if method == "POST" => Some((Operation::Send, None, None)),
        ["message:stream"] if method == "POST" => Some((Operation::Stream, None, None)),
        ["extendedAgentCard"] if method == "GET" => Some((Operation::ExtendedCard, None, None)),
        ["tasks"] if method == "GET" => Some((Operation::List, None, None)),
        ["tasks", task] => {
            let (operation, task) = match (method, task.split_once(':')) {
                ("GET", None) => (Operation::Get, task),
                ("POST", Some((task, "cancel"))) => (Operation::Cancel, task),
                // The text of the specification says POST, its protocol buffers say GET.
                ("POST" | "GET", Some((task, "subscribe"))) => (Operation::Subscribe, task),
                _ => return None,
            };
            Some((operation, Some(task), None))
        }
        ["tasks", task, "pushNotificationConfigs"] => match method {
            "POST" => Some((Operation::SetPush, Some(task), None)),
            "GET" => Some((Operation::ListPush, Some(task), None)),
            _ => None,
        },
        ["tasks", task, "pushNotificationConfigs", config] => match method {
            "GET" => Some((Operation::GetPush, Some(task), Some(config))),
            "DELETE" => Some((Operation::DeletePush, Some(task), Some(config))),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a part of a path is one text to every reader, and none that means something here.
fn is_plain(part: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (1..=MAX_ID).contains(&part.len())
        && part.bytes().all(fits)
        && !part.bytes().all(|byte| byte == b'.')
        && !is_part(part)
}

/// Reads the message that is asked at a place, by its query (without `?`) and its body.
///
/// # Errors
/// [`MessageError`]: also of a body or query that names another task or tenant than the path.
pub fn read(place: &Place<'_>, (method, query): (&str, &str), body: &[u8]) -> Result<Read, MessageError> {
    let operation = place.operation;
    let (mut params, query) = if method == "POST" {
        if !query.is_empty() {
            return Err(form("a message with a body has no query"));
        }
        (of_body(operation, body)?, String::new())
    } else {
        if !body.is_empty() {
            return Err(form("a request by `GET` or `DELETE` has no body"));
        }
        of_query(operation, query)?
    };
    let generation = Generation::New;
    let task = operation.task_member(generation).zip(place.task);
    let named = [task, place.config.map(|config| ("id", config)), place.tenant.map(|name| ("tenant", name))];
    for (name, value) in named.into_iter().flatten() {
        params = said(params, name, value)?;
    }
    if place.tenant.is_none() && text(&params, "tenant")?.is_some_and(|tenant| !tenant.is_empty()) {
        return Err(form("it names a tenant that its path does not name"));
    }
    let message = of_params(Binding::HttpJson, (operation, generation), Some(&params))?;
    Ok(Read { message, query })
}

/// The members with what the path says; the body may say the same and nothing else.
fn said<'a>(params: Object<'a>, name: &'static str, value: &str) -> Result<Object<'a>, MessageError> {
    match member(&params, name) {
        None => Ok(params.with(name, Json::String(value.to_owned().into()))),
        // An empty text is none (ProtoJSON).
        Some(Json::String(text)) if text.is_empty() => {
            Ok(params.with(name, Json::String(value.to_owned().into())))
        }
        Some(Json::String(text)) if text.as_ref() == value => Ok(params),
        Some(_) => Err(form("its body names another task, place or tenant than its path")),
    }
}

fn of_body(operation: Operation, body: &[u8]) -> Result<Object<'_>, MessageError> {
    if body.is_empty() && matches!(operation, Operation::Cancel | Operation::Subscribe) {
        return Ok(Object::default());
    }
    match json::parse(body, LIMITS)? {
        Json::Object(params) => Ok(params),
        Json::Array(_) => Err(MessageError::Batch),
        _ => Err(form("it is no object")),
    }
}

/// The members that a query has, each once, and the query written anew.
fn of_query(operation: Operation, query: &str) -> Result<(Object<'static>, String), MessageError> {
    let (mut params, mut written) = (Object::default(), String::new());
    let with_query = format!("https://agent/?{query}");
    let (_, facts) = split_query(&with_query)
        .map_err(|_| form("its query names something twice, or can't be read in one way"))?;
    for (name, value) in &facts {
        let name = name.strip_prefix("query.").unwrap_or(name);
        let known = operation.members().iter().find(|known| **known == name);
        let known = known.filter(|known| !NOT_IN_QUERIES.contains(known));
        let known = *known.ok_or_else(|| MessageError::Member { found: shorten(name) })?;
        let value = match value {
            legation_credential::Value::Text(value) if value.len() <= MAX_VALUE => value,
            _ => return Err(form("a value of its query is too long")),
        };
        if value.contains(char::is_control) {
            return Err(form("a value of its query has control characters"));
        }
        written.push(if written.is_empty() { '?' } else { '&' });
        written.push_str(known);
        written.push('=');
        escape(&mut written, value);
        params = params.with(known, Json::String(value.clone().into()));
    }
    Ok((params, written))
}

/// Every byte that is not unreserved (RFC 3986 §2.3) as an escape.
fn escape(written: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            written.push(char::from(byte));
        } else {
            let _ = write!(written, "%{byte:02X}");
        }
    }
}
