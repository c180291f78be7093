//! Tools of the MCP servers behind routes: what they say of themselves, and what of it was approved.

use super::{
    asked::{Asked, listed},
    endpoint::{AFTER, Endpoint, LIMIT},
    error::ApiError,
};
use axum::http::Method;
use legation_keys::time;
use legation_store::mcp::Tool;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        ("/v1/routes/{name}/tools", "admin:routes.tools"),
        "The tools that the MCP server behind a route has listed, with their definitions.",
        &[AFTER, LIMIT],
        "Tools",
        tools,
    ),
    Endpoint::change(
        Method::POST,
        ("/v1/routes/{name}/tools", "admin:routes.approve"),
        "Approve tools, each by the digest of the definition that was looked at. One that says something else by now is refused.",
        (Some("ApproveTools"), "ToolsApproved"),
        approve,
    ),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct ApproveTools {
    tools: Vec<Approved>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Approved {
    name: String,
    digest: String,
}

fn shown((tool, definition): &(Tool, String)) -> Value {
    let state = match tool {
        Tool { changed: true, .. } => "changed",
        Tool { approved: true, .. } => "approved",
        _ => "seen",
    };
    json!({
        "name": tool.name, "state": state, "digest": tool.found, "at": time::format(tool.at), "definition": definition,
    })
}

fn tools(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let page = asked.page()?;
    let found = asked.registry.mcp_tools_of(asked.name, &page.after, page.most)?;
    let next = found.last().map(|(tool, _)| json!(tool.name));
    Ok(listed("tools", found.iter().map(shown).collect(), next, page.most))
}

fn approve(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let body: ApproveTools = asked.body()?;
    let tools: Vec<(String, String)> = body.tools.into_iter().map(|one| (one.name, one.digest)).collect();
    asked.registry.approve_mcp_tools(asked.name, &tools, asked.now)?;
    let names: Vec<&str> = tools.iter().map(|(name, _)| name.as_str()).collect();
    Ok(json!({"approved": names}))
}
