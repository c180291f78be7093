//! `legation agent`.

use super::{
    activity, agent_file, cards, export,
    holder::{body, budgets, change, show, valid_until},
    import,
    place::{Place, joined, text},
    rotation::rotate,
    table::table,
};
use crate::{
    agent::{narrow, proxy},
    args::{AddAgentArgs, AgentCommand, KeyArgs, ListAgentsArgs},
    files,
    output::{Failure, Output},
};
use legation_did::{Did, DidError};
use legation_registry::proof::prove;
use serde_json::{Value, json};
use std::path::Path;

pub(crate) fn run(command: &AgentCommand, as_json: bool) -> Result<Output, Failure> {
    match command {
        AgentCommand::Add(args) => add(args),
        AgentCommand::List(args) => list(args),
        AgentCommand::Show(args) => show("agents", args),
        AgentCommand::Activity(args) => activity::run(args),
        AgentCommand::Suspend(args) => change("agents", "suspend", args),
        AgentCommand::Resume(args) => change("agents", "resume", args),
        AgentCommand::Retire(args) => change("agents", "retire", args),
        AgentCommand::Rotate(args) => rotate("agents", args),
        AgentCommand::Card(args) => cards::run(&args.command, &cards::of_agent(&args.name)),
        AgentCommand::Import(args) => import::import(args),
        AgentCommand::Export(args) => export::run(args, as_json),
        AgentCommand::File(args) => agent_file::write(args),
        AgentCommand::Narrow(args) => narrow::run(args),
        AgentCommand::Proxy(args) => proxy::run(args, as_json),
    }
}

fn add(args: &AddAgentArgs) -> Result<Output, Failure> {
    let mut body = body(&args.profile, args.valid_for)?;
    let place = Place::of(&args.data)?;
    let proof = args.own_key.as_ref().map(|key| proof(args, key, &place)).transpose()?;
    if let Some(members) = body.as_object_mut() {
        members.insert("team".to_owned(), args.team.as_str().into());
        members.extend(proof.map(|proof| ("keyProof".to_owned(), proof.into())));
    }
    let json = place.ask("POST", "/v1/agents", Some(&body))?;
    let (name, did) = (text(&json, "name"), text(&json, "did"));
    let next = match args.own_key {
        None => format!("`legation api-key create {name}`"),
        Some(_) => format!("`legation agent file {name} --own-key FILE --out {name}.agent`"),
    };
    let told = format!("added the agent `{name}`: {did}\nNext: {next}");
    Ok(Output::done(json, told))
}

/// Proves that we hold the key that the agent brings.
fn proof(args: &AddAgentArgs, key: &Path, place: &Place) -> Result<String, Failure> {
    let of = KeyArgs { key: key.to_owned(), passphrase_file: args.own_key_passphrase_file.clone() };
    let key = files::load_key(&of)?;
    let organization = place.ask("GET", "/v1/organization", None)?;
    let did: Did = text(&organization, "did").parse().map_err(|error: DidError| {
        Failure::invalid("organization_malformed", format!("the organization has no DID: {error}"))
    })?;
    prove(&key, &did, &args.profile.name, files::now())
        .map_err(|error| Failure::network("signer_failed", error.to_string()))
}

fn list(args: &ListAgentsArgs) -> Result<Output, Failure> {
    let members = [
        ("team", &args.team),
        ("tag", &args.tag),
        ("capability", &args.capability),
        ("begins", &args.begins),
    ];
    let query: Vec<(&str, &str)> =
        members.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect();
    let agents = Place::of(&args.data)?.all("/v1/agents", &query, "agents")?;
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
