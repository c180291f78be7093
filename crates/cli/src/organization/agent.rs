//! `legation agent`.

use super::{
    data_dir::with,
    holder::{all, json, profile},
    table::table,
    team::{changed, show},
};
use crate::{
    args::{AddAgentArgs, AgentCommand, ListAgentsArgs},
    files,
    output::{Failure, Output},
};
use legation_keys::time;
use legation_registry::Shown;
use legation_store::holder::Kind;
use serde_json::{Value, json};

pub(crate) fn run(command: &AgentCommand) -> Result<Output, Failure> {
    match command {
        AgentCommand::Add(args) => add(args),
        AgentCommand::List(args) => list(args),
        AgentCommand::Show(args) => show(Kind::Agent, args),
        AgentCommand::Suspend(args) => {
            changed(with(&args.data, |registry| registry.suspend(Kind::Agent, &args.name, files::now()))?)
        }
        AgentCommand::Resume(args) => {
            changed(with(&args.data, |registry| registry.resume(Kind::Agent, &args.name, files::now()))?)
        }
        AgentCommand::Retire(args) => {
            changed(with(&args.data, |registry| registry.retire(Kind::Agent, &args.name, files::now()))?)
        }
    }
}

fn add(args: &AddAgentArgs) -> Result<Output, Failure> {
    let profile = profile(&args.profile, args.valid_for)?;
    let name = &args.profile.name;
    let shown = with(&args.data, |registry| {
        registry.add_agent(name, &args.team, &profile, files::now())?;
        registry.show(Kind::Agent, name)
    })?;
    let text =
        format!("added the agent `{name}`: {}\nNext: `legation api-key create {name}`", shown.holder.did);
    Ok(Output::done(json(&shown), text))
}

fn list(args: &ListAgentsArgs) -> Result<Output, Failure> {
    let agents = with(&args.data, |registry| {
        if let Some(team) = &args.team {
            // A team that is not there has no agents, and is told as missing.
            registry.show(Kind::Team, team)?;
        }
        all(registry, Kind::Agent)
    })?;
    let of_team = |agent: &Shown| args.team.is_none() || agent.parent == args.team;
    let agents: Vec<Shown> = agents.into_iter().filter(of_team).collect();
    let row = |agent: &Shown| {
        let Shown { holder, profile, parent, valid_until } = agent;
        let budgets: Vec<String> = profile.budgets.iter().map(ToString::to_string).collect();
        vec![
            holder.name.clone(),
            parent.clone().unwrap_or_default(),
            holder.state.name().to_owned(),
            profile.groups.join(","),
            budgets.join(", "),
            valid_until.map_or("no delegation".to_owned(), time::format),
        ]
    };
    let rows: Vec<Vec<String>> = agents.iter().map(row).collect();
    let text = if rows.is_empty() {
        "there is no agent yet; add one with `legation agent add NAME --models '*' --budget 5USD/day`"
            .to_owned()
    } else {
        table(&["NAME", "TEAM", "STATE", "MODELS", "BUDGETS", "VALID UNTIL"], &rows)
    };
    Ok(Output::done(json!({"agents": agents.iter().map(json).collect::<Vec<Value>>()}), text))
}
