//! The frame of a message of JSON-RPC 2.0, read strictly: what MCP and A2A have in common.

use crate::message::{Id, MessageError};
use legation_keys::{Json, json::Object};

/// What a message is framed by.
#[derive(Debug)]
pub(crate) struct Envelope<'j, 'a> {
    /// All of it.
    pub(crate) message: &'j Object<'a>,
    pub(crate) id: Option<Id>,
    /// `None` of an answer.
    pub(crate) method: Option<String>,
    pub(crate) params: Option<&'j Object<'a>>,
}

/// Reads the frame of one message. Of an answer no more is held here than its `id`.
pub(crate) fn envelope<'j, 'a>(json: &'j Json<'a>) -> Result<Envelope<'j, 'a>, MessageError> {
    let form = |reason| MessageError::Form { reason };
    let message = match json {
        Json::Object(message) => message,
        Json::Array(_) => return Err(MessageError::Batch),
        _ => return Err(form("it is no object")),
    };
    if message.get("jsonrpc").and_then(Json::as_str) != Some("2.0") {
        return Err(form("`jsonrpc` is not `2.0`"));
    }
    let id = match message.get("id") {
        None => None,
        Some(id) => Some(Id::read(id).ok_or_else(|| form("`id` is neither a text nor an integer"))?),
    };
    let Some(method) = message.get("method") else {
        return Ok(Envelope { message, id, method: None, params: None });
    };
    let method = method.as_str().ok_or_else(|| form("`method` is no text"))?.to_owned();
    if message.unknown_member(&["jsonrpc", "id", "method", "params"]).is_some() {
        return Err(form("it has a member besides `jsonrpc`, `id`, `method` and `params`"));
    }
    let params = match message.get("params") {
        None => None,
        Some(Json::Object(params)) => Some(params),
        Some(_) => return Err(form("`params` is no object")),
    };
    Ok(Envelope { message, id, method: Some(method), params })
}
