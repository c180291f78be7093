//! Which messages and tools pass.
//!
//! Whatever a provider renders into a prompt must be bounded by the bytes that are forwarded. So only texts pass, in
//! members that are listed: a member that is not could name a file, an earlier audio, a cache of another price.

use super::refusal::{ChatError, shorten};
use crate::{
    json::{array, needed, object, only, string, wrong},
    weight::Weight,
};
use legation_keys::{Json, json::Object};

/// Most tools of one request, as OpenAI has it.
const MAX_TOOLS: usize = 128;

const ROLES: [&str; 5] = ["system", "developer", "user", "assistant", "tool"];
/// Members of a message that hold a text or nothing. `reasoning_content` and `reasoning` are how vLLM, DeepSeek and
/// others hand out what the model thought; whoever sends an answer back sends them along.
const TEXTS: [&str; 5] = ["name", "refusal", "tool_call_id", "reasoning_content", "reasoning"];
/// Members that answers have, and that are empty where nothing but text was asked for.
const EMPTY: [&str; 2] = ["audio", "function_call"];

/// Checks the messages, and gives the tokens that the arguments of tool calls may add when they are written anew.
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
    let role = message.get("role").and_then(Json::as_str);
    if !role.is_some_and(|role| ROLES.contains(&role)) {
        let expected = "`system`, `developer`, `user`, `assistant` or `tool`";
        return Err(needed(message, path, "role", expected));
    }
    let mut tokens = 0;
    for (name, value) in message.iter() {
        let member = || format!("{path}.{}", shorten(name));
        match (name, value) {
            ("role", _) => {}
            // Sent back as it came with an answer; no more of it is rendered than its text.
            ("annotations", Json::Array(_) | Json::Null) => {}
            (text, Json::String(_) | Json::Null) if TEXTS.contains(&text) => {}
            (empty, Json::Null) if EMPTY.contains(&empty) => {}
            (empty, _) if EMPTY.contains(&empty) => {
                let reason = "only texts and tool calls are bounded; leave it out";
                return Err(ChatError::Unsupported { member: member(), reason });
            }
            ("content", content) => check_content(content, &member())?,
            ("tool_calls", Json::Null) => {}
            ("tool_calls", calls) => tokens = check_calls(calls, &member())?,
            (known, found) if TEXTS.contains(&known) => return Err(wrong(&member(), found, "a text")),
            ("annotations", found) => return Err(wrong(&member(), found, "an array")),
            _ => return Err(ChatError::Unknown { member: member() }),
        }
    }
    Ok(tokens)
}

fn check_content(content: &Json<'_>, path: &str) -> Result<(), ChatError> {
    let parts = match content {
        Json::Null | Json::String(_) => return Ok(()),
        Json::Array(parts) => parts,
        found => return Err(wrong(path, found, "a text or an array of parts")),
    };
    parts.iter().enumerate().try_for_each(|(index, part)| {
        let path = format!("{path}[{index}]");
        let object = object(part, &path)?;
        let text = match object.get("type").and_then(Json::as_str) {
            Some("text") => "text",
            Some("refusal") => "refusal",
            Some("image_url") => return Err(ChatError::Unbounded { member: path, found: "image_url" }),
            Some("input_audio") => return Err(ChatError::Unbounded { member: path, found: "input_audio" }),
            Some("file") => return Err(ChatError::Unbounded { member: path, found: "file" }),
            _ => return Err(needed(object, &path, "type", "`text` or `refusal`")),
        };
        // A breakpoint costs what a write to the cache costs, which is part of the price.
        only(object, &path, &["type", text, "prompt_cache_breakpoint"])?;
        string(object, &path, text)
    })
}

fn check_calls(calls: &Json<'_>, path: &str) -> Result<u64, ChatError> {
    array(calls, path)?.iter().enumerate().try_fold(0_u64, |tokens, (index, call)| {
        let path = format!("{path}[{index}]");
        let call = object(call, &path)?;
        only(call, &path, &["id", "type", "index", "function", "custom"])?;
        let kind = kind_of(call, &path)?;
        let path = format!("{path}.{kind}");
        let Some(inner) = call.get(kind) else {
            return Err(ChatError::Missing { member: path, expected: "an object" });
        };
        let inner = object(inner, &path)?;
        let argument = if kind == "function" { "arguments" } else { "input" };
        only(inner, &path, &["name", argument])?;
        string(inner, &path, "name")?;
        string(inner, &path, argument)?;
        // Some servers parse arguments and write them anew into the prompt.
        let text = inner.get(argument).and_then(Json::as_str).unwrap_or_default();
        Ok(tokens.saturating_add(Weight::of(text.as_bytes()).tokens()))
    })
}

/// Checks the tools, and gives how many there are.
pub(super) fn check_tools(tools: &Json<'_>) -> Result<u64, ChatError> {
    let list = array(tools, "tools")?;
    if list.len() > MAX_TOOLS {
        return Err(wrong("tools", tools, "at most 128 tools"));
    }
    for (index, tool) in list.iter().enumerate() {
        let path = format!("tools[{index}]");
        let tool = object(tool, &path)?;
        let kind = kind_of(tool, &path)?;
        only(tool, &path, &["type", kind])?;
        let path = format!("{path}.{kind}");
        let Some(inner) = tool.get(kind) else {
            return Err(ChatError::Missing { member: path, expected: "an object" });
        };
        let inner = object(inner, &path)?;
        let known: &[&str] = match kind {
            "function" => &["name", "description", "parameters", "strict"],
            _ => &["name", "description", "format"],
        };
        only(inner, &path, known)?;
        string(inner, &path, "name")?;
    }
    u64::try_from(list.len()).map_err(|_| wrong("tools", tools, "at most 128 tools"))
}

/// `function` or `custom`: what the caller runs itself. A tool of any other type is run by the provider, at a price
/// of its own. A call without a type is one of a function, as some servers write it.
fn kind_of(object: &Object<'_>, path: &str) -> Result<&'static str, ChatError> {
    match object.get("type") {
        None | Some(Json::Null) if object.get("function").is_some() => Ok("function"),
        Some(Json::String(kind)) if kind == "function" => Ok("function"),
        Some(Json::String(kind)) if kind == "custom" => Ok("custom"),
        Some(Json::String(_)) => Err(ChatError::Unsupported {
            member: format!("{path}.type"),
            reason: "only `function` and `custom` are bounded; the provider would run and charge any other",
        }),
        _ => Err(needed(object, path, "type", "`function` or `custom`")),
    }
}
