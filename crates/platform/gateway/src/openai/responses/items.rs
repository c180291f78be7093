//! Which items and tools of a response pass: what a prompt is made of is bounded by the bytes that are forwarded.

use crate::{
    json::{array, kind_needed, needed, object, only, string, wrong},
    openai::ChatError,
    weight::Weight,
};
use legation_keys::{Json, json::Object};

/// Most tools of one request, as OpenAI has it.
const MAX_TOOLS: usize = 128;
/// Most tokens that a byte of what only the provider can read may stand for: the model's own thoughts, which it gives away
/// encrypted and takes back. They may be compressed, and no text of a model is by more than that.
const PER_OPAQUE_BYTE: u64 = 4;
const ROLES: [&str; 4] = ["system", "developer", "user", "assistant"];

/// Checks the items, and gives the tokens that they may add to their bytes.
pub(super) fn check_input(input: &Json<'_>) -> Result<u64, ChatError> {
    let list = match input {
        Json::String(_) => return Ok(0),
        Json::Array(list) if !list.is_empty() => list,
        found => return Err(wrong("input", found, "a text or an array of items")),
    };
    list.iter().enumerate().try_fold(0_u64, |tokens, (index, item)| {
        Ok(tokens.saturating_add(check_item(item, &format!("input[{index}]"))?))
    })
}

/// Checks an item, and gives the tokens that it may add to its bytes.
fn check_item(json: &Json<'_>, path: &str) -> Result<u64, ChatError> {
    let item = object(json, path)?;
    let text = |name: &str| item.get(name).and_then(Json::as_str).unwrap_or_default();
    match item.get("type").and_then(Json::as_str) {
        Some("message") => check_message(item, path).map(|()| 0),
        None if item.get("role").is_some() => check_message(item, path).map(|()| 0),
        Some("function_call") => {
            only(item, path, &["type", "id", "call_id", "name", "arguments", "status"])?;
            ["call_id", "name", "arguments"].iter().try_for_each(|name| string(item, path, name))?;
            Ok(Weight::of(text("arguments").as_bytes()).tokens())
        }
        Some("custom_tool_call") => {
            only(item, path, &["type", "id", "call_id", "name", "input", "status"])?;
            ["call_id", "name", "input"].iter().try_for_each(|name| string(item, path, name))?;
            Ok(0)
        }
        Some("function_call_output" | "custom_tool_call_output") => {
            only(item, path, &["type", "id", "call_id", "output", "status"])?;
            string(item, path, "call_id")?;
            check_content(item, path, "output").map(|()| 0)
        }
        Some("reasoning") => {
            only(item, path, &["type", "id", "summary", "content", "encrypted_content", "status"])?;
            if !matches!(item.get("encrypted_content"), Some(Json::String(_))) {
                let reason =
                    "thoughts that are kept at the provider may be another agent's; include them encrypted";
                return Err(ChatError::Unsupported { member: format!("{path}.encrypted_content"), reason });
            }
            let bytes = u64::try_from(text("encrypted_content").len()).unwrap_or(u64::MAX);
            Ok(bytes.saturating_mul(PER_OPAQUE_BYTE))
        }
        Some("item_reference") => {
            let reason = "an item that is kept at the provider may be another agent's; send the item itself";
            Err(ChatError::Unsupported { member: path.to_owned(), reason })
        }
        Some(_) => {
            let reason = "only messages, thoughts, and calls of the caller's own tools are bounded";
            Err(ChatError::Unsupported { member: format!("{path}.type"), reason })
        }
        None => {
            Err(kind_needed(item, path, "`message`, `function_call`, `function_call_output` or `reasoning`"))
        }
    }
}

fn check_message(item: &Object<'_>, path: &str) -> Result<(), ChatError> {
    only(item, path, &["type", "id", "role", "status", "content", "phase"])?;
    let role = item.get("role").and_then(Json::as_str);
    if !role.is_some_and(|role| ROLES.contains(&role)) {
        return Err(needed(item, path, "role", "`system`, `developer`, `user` or `assistant`"));
    }
    check_content(item, path, "content")
}

/// Checks a member that is a text or parts of it.
fn check_content(item: &Object<'_>, path: &str, name: &str) -> Result<(), ChatError> {
    let parts = match item.get(name) {
        Some(Json::String(_)) => return Ok(()),
        Some(Json::Array(parts)) => parts,
        _ => return Err(needed(item, path, name, "a text or an array of parts")),
    };
    parts.iter().enumerate().try_for_each(|(index, part)| {
        let path = format!("{path}.{name}[{index}]");
        let part = object(part, &path)?;
        let text = match part.get("type").and_then(Json::as_str) {
            Some("input_text" | "output_text" | "text" | "summary_text" | "reasoning_text") => "text",
            Some("refusal") => "refusal",
            Some("input_image") => return Err(ChatError::Unbounded { member: path, found: "input_image" }),
            Some("input_file") => return Err(ChatError::Unbounded { member: path, found: "input_file" }),
            Some("input_audio") => return Err(ChatError::Unbounded { member: path, found: "input_audio" }),
            _ => return Err(kind_needed(part, &path, "`input_text`, `output_text` or `refusal`")),
        };
        only(part, &path, &["type", text, "annotations", "logprobs", "prompt_cache_breakpoint"])?;
        string(part, &path, text)
    })
}

/// Checks the tools, and gives how many there are: those that the caller runs itself. A tool of any other type is run by the
/// provider, at a price of its own.
pub(super) fn check_tools(tools: &Json<'_>) -> Result<u64, ChatError> {
    let list = array(tools, "tools")?;
    if list.len() > MAX_TOOLS {
        return Err(wrong("tools", tools, "at most 128 tools"));
    }
    for (index, tool) in list.iter().enumerate() {
        let path = format!("tools[{index}]");
        let tool = object(tool, &path)?;
        match tool.get("type").and_then(Json::as_str) {
            Some("function") => only(tool, &path, &["type", "name", "description", "parameters", "strict"])?,
            Some("custom") => only(tool, &path, &["type", "name", "description", "format"])?,
            Some(_) => {
                let reason =
                    "only `function` and `custom` are bounded; the provider would run and charge any other";
                return Err(ChatError::Unsupported { member: format!("{path}.type"), reason });
            }
            None => return Err(kind_needed(tool, &path, "`function` or `custom`")),
        }
        string(tool, &path, "name")?;
    }
    u64::try_from(list.len()).map_err(|_| wrong("tools", tools, "at most 128 tools"))
}
