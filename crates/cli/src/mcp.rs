//! `legation mcp`: what MCP servers say of their tools, and servers of standard input and output.

mod decide;
mod lines;
mod wrap;

use crate::{
    args::{ApproveToolsArgs, McpCommand, ToolsArgs},
    organization::{
        place::{Place, escape, text},
        table::table,
    },
    output::{Failure, Output},
};
use serde_json::{Value, json};

pub(crate) fn run(command: &McpCommand) -> Result<Output, Failure> {
    match command {
        McpCommand::Tools(args) => tools(args),
        McpCommand::Approve(args) => approve(args),
        McpCommand::Wrap(args) => wrap::run(args),
    }
}

fn path(route: &str) -> String {
    format!("/v1/routes/{}/tools", escape(route))
}

fn tools(args: &ToolsArgs) -> Result<Output, Failure> {
    let tools = Place::of(&args.data)?.all(&path(&args.route), &[], "tools")?;
    let cell = |tool: &Value, name: &str| text(tool, name).to_owned();
    let row = |tool: &Value| ["name", "state", "at", "digest"].map(|name| cell(tool, name)).to_vec();
    let rows: Vec<Vec<String>> = tools.iter().map(row).collect();
    let mut told = if rows.is_empty() {
        "the server has listed no tools yet; it does when an agent asks it for them".to_owned()
    } else {
        table(&["TOOL", "STATE", "SINCE", "DIGEST"], &rows)
    };
    if args.definitions {
        for tool in &tools {
            // What a server writes is shown as JSON writes it: a terminal acts on nothing of it.
            told.push_str(&format!("\n\n{}:\n{}", text(tool, "name"), json!(text(tool, "definition"))));
        }
    }
    Ok(Output::done(json!({ "tools": tools }), told))
}

fn approve(args: &ApproveToolsArgs) -> Result<Output, Failure> {
    let place = Place::of(&args.data)?;
    let known = place.all(&path(&args.route), &[], "tools")?;
    let find = |name: &String| {
        let found = known.iter().find(|tool| text(tool, "name") == name);
        found.ok_or_else(|| {
            Failure::usage(format!(
                "the server of `{}` has listed no tool `{name}`; see `legation mcp tools {}`",
                args.route, args.route
            ))
        })
    };
    let chosen: Vec<&Value> = match args.all {
        true => known.iter().collect(),
        false => args.tools.iter().map(find).collect::<Result<_, _>>()?,
    };
    let item = |tool: &&Value| json!({"name": text(tool, "name"), "digest": text(tool, "digest")});
    let body = json!({"tools": chosen.iter().map(item).collect::<Vec<_>>()});
    let json = place.ask("POST", &path(&args.route), Some(&body))?;
    let names: Vec<&str> = chosen.iter().map(|tool| text(tool, "name")).collect();
    Ok(Output::done(json, format!("approved as they are described now: {}", names.join(", "))))
}
