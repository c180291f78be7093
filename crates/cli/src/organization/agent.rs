//! `legation agent`.

use super::{
    holder::{body, budgets, change, show, valid_until},
    place::{Place, ask, joined, text},
    table::table,
};
use crate::{
    args::{AddAgentArgs, AgentCommand, ListAgentsArgs},
    output::{Failure, Output},
};
use serde_json::{Value, json};

pub(crate) fn run(command: &AgentCommand) -> Result<Output, Failure> {
    match command {
        AgentCommand::Add(args) => add(args),
        AgentCommand::List(args) => list(args),
        AgentCommand::Show(args) => show("agents", args),
        AgentCommand::Suspend(args) => change("agents", "suspend", args),
        AgentCommand::Resume(args) => change("agents", "resume", args),
        AgentCommand::Retire(args) => change("agents", "retire", args),
    }
}

fn add(args: &AddAgentArgs) -> Result<Output, Failure> {
    let mut body = body(&args.profile, args.valid_for)?;
    if let Some(members) = body.as_object_mut() {
        members.insert("team".to_owned(), args.team.as_str().into());
    }
    let json = ask(&args.data, "POST", "/v1/agents", Some(&body))?;
    let (name, did) = (text(&json, "name"), text(&json, "did"));
    let told = format!("added the agent `{name}`: {did}\nNext: `legation api-key create {name}`");
    Ok(Output::done(json, told))
}

fn list(args: &ListAgentsArgs) -> Result<Output, Failure> {
    let team: Vec<(&str, &str)> = args.team.iter().map(|team| ("team", team.as_str())).collect();
    let agents = Place::of(&args.data)?.all("/v1/agents", &team, "agents")?;
    let row = |agent: &Value| {
        let cell = |name: &str| text(agent, name).to_owned();
        vec![
            cell("name"),
            cell("team"),
            cell("state"),
            joined(agent, "models", ","),
            budgets(agent),
            valid_until(agent),
        ]
    };
    let rows: Vec<Vec<String>> = agents.iter().map(row).collect();
    let told = if rows.is_empty() {
        "there is no agent yet; add one with `legation agent add NAME --models '*' --budget 5USD/day`"
            .to_owned()
    } else {
        table(&["NAME", "TEAM", "STATE", "MODELS", "BUDGETS", "VALID UNTIL"], &rows)
    };
    Ok(Output::done(json!({ "agents": agents }), told))
}
