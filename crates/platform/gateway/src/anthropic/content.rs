//! Which messages and tools pass: what a prompt is made of is bounded by the bytes that are forwarded.

use crate::{
    json::{array, kind_needed, needed, object, only, string, wrong},
    openai::{ChatError, refusal::shorten},
};
use legation_keys::{Json, json::Object};

/// Most tools of one request.
const MAX_TOOLS: usize = 128;
/// Most tokens that a byte of what only the provider can read may stand for: its own thoughts, which it gives away
/// encrypted and takes back. They may be compressed, and no text of a model is by more than that.
const PER_OPAQUE_BYTE: u64 = 4;

/// Checks the messages, and gives the tokens that what only the provider can read may add to its bytes.
pub(super) fn check_messages(messages: &Json<'_>) -> Result<u64, ChatError> {
    let list = array(messages, "messages")?;
    if list.is_empty() {
        return Err(wrong("messages", messages, "at least one message"));
    }
    list.iter().enumerate().try_fold(0_u64, |tokens, (index, message)| {
        Ok(tokens.saturating_add(check_message(message, &format!("messages[{index}]"))?))
    })
}

fn check_message(json: &Json<'_>, path: &str) -> Result<u64, ChatError> {
    let message = object(json, path)?;
    only(message, path, &["role", "content"])?;
    let role = message.get("role").and_then(Json::as_str);
    if !role.is_some_and(|role| ["user", "assistant"].contains(&role)) {
        return Err(needed(message, path, "role", "`user` or `assistant`"));
    }
    let path = format!("{path}.content");
    match message.get("content") {
        Some(Json::String(_)) => Ok(0),
        Some(Json::Array(blocks)) => blocks.iter().enumerate().try_fold(0_u64, |tokens, (index, block)| {
            Ok(tokens.saturating_add(check_block(block, &format!("{path}[{index}]"))?))
        }),
        _ => {
            Err(needed(message, path.trim_end_matches(".content"), "content", "a text or an array of blocks"))
        }
    }
}

/// Checks a block, and gives the tokens that it may add to its bytes.
fn check_block(json: &Json<'_>, path: &str) -> Result<u64, ChatError> {
    let block = object(json, path)?;
    let opaque = |name: &str| {
        string(block, path, name)?;
        let bytes = block.get(name).and_then(Json::as_str).map_or(0, str::len);
        Ok(u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(PER_OPAQUE_BYTE))
    };
    match block.get("type").and_then(Json::as_str) {
        Some("text") => check_text(block, path).map(|()| 0),
        Some("thinking") => {
            only(block, path, &["type", "thinking", "signature"])?;
            string(block, path, "thinking")?;
            opaque("signature")
        }
        Some("redacted_thinking") => {
            only(block, path, &["type", "data"])?;
            opaque("data")
        }
        Some("tool_use") => check_use(block, path).map(|()| 0),
        Some("tool_result") => check_result(block, path).map(|()| 0),
        Some("image") => Err(unbounded(path, "image")),
        Some("document") => Err(unbounded(path, "document")),
        Some("search_result") => Err(unbounded(path, "search_result")),
        Some("container_upload") => Err(unbounded(path, "container_upload")),
        _ => Err(kind_needed(block, path, "`text`, `thinking`, `tool_use` or `tool_result`")),
    }
}

fn unbounded(path: &str, found: &'static str) -> ChatError {
    ChatError::Unbounded { member: path.to_owned(), found }
}

fn check_text(block: &Object<'_>, path: &str) -> Result<(), ChatError> {
    only(block, path, &["type", "text", "cache_control", "citations"])?;
    string(block, path, "text")?;
    check_control(block, path)?;
    match block.get("citations") {
        None | Some(Json::Null) => Ok(()),
        Some(Json::Array(list)) if list.is_empty() => Ok(()),
        Some(_) => {
            let reason = "they point at documents, which do not pass; leave them out";
            Err(ChatError::Unsupported { member: format!("{path}.citations"), reason })
        }
    }
}

fn check_use(block: &Object<'_>, path: &str) -> Result<(), ChatError> {
    only(block, path, &["type", "id", "name", "input", "cache_control", "caller"])?;
    string(block, path, "id")?;
    string(block, path, "name")?;
    check_control(block, path)?;
    let direct = |caller: &Json<'_>| caller.get("type").and_then(Json::as_str) == Some("direct");
    if block.get("caller").is_some_and(|caller| *caller != Json::Null && !direct(caller)) {
        let reason = "only a call of the model itself passes; the provider would have run any other";
        return Err(ChatError::Unsupported { member: format!("{path}.caller"), reason });
    }
    match block.get("input") {
        Some(Json::Object(_)) => Ok(()),
        _ => Err(needed(block, path, "input", "an object")),
    }
}

fn check_result(block: &Object<'_>, path: &str) -> Result<(), ChatError> {
    only(block, path, &["type", "tool_use_id", "content", "is_error", "cache_control"])?;
    string(block, path, "tool_use_id")?;
    check_control(block, path)?;
    let path = format!("{path}.content");
    match block.get("content") {
        None | Some(Json::Null | Json::String(_)) => Ok(()),
        Some(Json::Array(parts)) => parts.iter().enumerate().try_for_each(|(index, part)| {
            let path = format!("{path}[{index}]");
            let part = object(part, &path)?;
            match part.get("type").and_then(Json::as_str) {
                Some("text") => check_text(part, &path),
                Some("image") => Err(unbounded(&path, "image")),
                Some("document") => Err(unbounded(&path, "document")),
                Some("search_result") => Err(unbounded(&path, "search_result")),
                _ => Err(kind_needed(part, &path, "`text`")),
            }
        }),
        Some(found) => Err(wrong(&path, found, "a text or an array of texts")),
    }
}

/// Checks what is said to the model before all messages.
pub(super) fn check_system(system: &Json<'_>) -> Result<(), ChatError> {
    match system {
        Json::String(_) => Ok(()),
        Json::Array(blocks) => blocks.iter().enumerate().try_for_each(|(index, block)| {
            let path = format!("system[{index}]");
            let block = object(block, &path)?;
            match block.get("type").and_then(Json::as_str) {
                Some("text") => check_text(block, &path),
                _ => Err(kind_needed(block, &path, "`text`")),
            }
        }),
        found => Err(wrong("system", found, "a text or an array of texts")),
    }
}

/// Checks the tools, and gives how many there are. One of a type of its own the provider runs, or describes to the model in
/// words of its own.
pub(super) fn check_tools(tools: &Json<'_>) -> Result<u64, ChatError> {
    let list = array(tools, "tools")?;
    if list.len() > MAX_TOOLS {
        return Err(wrong("tools", tools, "at most 128 tools"));
    }
    for (index, tool) in list.iter().enumerate() {
        let path = format!("tools[{index}]");
        let tool = object(tool, &path)?;
        match tool.get("type") {
            None | Some(Json::Null) => {}
            Some(Json::String(kind)) if kind == "custom" => {}
            Some(_) => {
                let reason =
                    "only tools that the caller runs itself are bounded; leave it out, or make it `custom`";
                return Err(ChatError::Unsupported { member: format!("{path}.type"), reason });
            }
        }
        let known = [
            "type",
            "name",
            "description",
            "input_schema",
            "input_examples",
            "strict",
            "cache_control",
            "eager_input_streaming",
        ];
        only(tool, &path, &known)?;
        string(tool, &path, "name")?;
        check_control(tool, &path)?;
    }
    u64::try_from(list.len()).map_err(|_| wrong("tools", tools, "at most 128 tools"))
}

fn check_control(block: &Object<'_>, path: &str) -> Result<(), ChatError> {
    let control = block.get("cache_control").unwrap_or(&Json::Null);
    check_cache_control(control, &format!("{path}.cache_control"))
}

/// What is written to the cache for five minutes is part of the price.
pub(super) fn check_cache_control(control: &Json<'_>, path: &str) -> Result<(), ChatError> {
    let control = match control {
        Json::Null => return Ok(()),
        Json::Object(control) => control,
        found => return Err(wrong(path, found, "an object")),
    };
    only(control, path, &["type", "ttl"])?;
    match control.get("ttl") {
        None | Some(Json::Null) => Ok(()),
        Some(Json::String(ttl)) if ttl == "5m" => Ok(()),
        Some(Json::String(_)) => {
            let reason = "a longer life in the cache has another price; only `5m` passes";
            Err(ChatError::Unsupported { member: format!("{}.ttl", shorten(path)), reason })
        }
        Some(found) => Err(wrong(&format!("{path}.ttl"), found, "`5m`")),
    }
}
