//! `legation migrate report`.

use super::super::{
    place::{Place, items, number, target, text},
    table::table,
};
use crate::{
    args::ReportArgs,
    files,
    output::{Failure, Output, working},
};
use legation_keys::time;
use serde_json::{Value, json};

pub(super) fn run(args: &ReportArgs) -> Result<Output, Failure> {
    if let Some(out) = args.out.as_ref().filter(|out| out.exists()) {
        return Err(Failure::file(format!(
            "`{}` is there already; name a folder that is not",
            out.display()
        )));
    }
    let since = args.from.map(time::format);
    let mut query = Vec::new();
    query.extend(args.agent.as_deref().map(|agent| ("agent", agent)));
    query.extend(since.as_deref().map(|since| ("since", since)));
    let place = Place::of(&args.data)?;
    let json = working("reading receipts", || place.ask("GET", &target("/v1/migration", &query), None))?;
    let mut told = told(&json);
    if let Some(out) = &args.out {
        let agents: Vec<Value> = items(&json, "agents").iter().filter_map(file_of).collect();
        let path = out.join("agents.json");
        files::make_folder(&path)?;
        let text = serde_json::to_string_pretty(&json!({ "agent": agents }))
            .map_err(|error| Failure::file(error.to_string()))?;
        files::write_public(&path, &text, false)?;
        told.push_str(&format!(
            "\nwrote what would fit {} agents to `{}`; look at it, then `legation apply -f {}`",
            agents.len(),
            path.display(),
            out.display()
        ));
    }
    Ok(Output::done(json, told))
}

/// An agent as files say it.
fn file_of(agent: &Value) -> Option<Value> {
    let fitting = agent.get("fitting")?.as_object()?;
    let mut file = serde_json::Map::new();
    for (name, value) in fitting {
        let is_empty = value.is_null()
            || value.as_array().is_some_and(Vec::is_empty)
            || value.as_str().is_some_and(str::is_empty);
        if !is_empty {
            file.insert(name.clone(), value.clone());
        }
    }
    Some(file.into())
}

fn told(json: &Value) -> String {
    let agents = items(json, "agents");
    if agents.is_empty() {
        return "nothing was seen yet, and nobody is in shadow; begin with `legation migrate shadow AGENT`"
            .to_owned();
    }
    let row = |agent: &Value| {
        let (mode, until) = (text(agent, "mode"), text(agent, "until"));
        let mode = if until.is_empty() { mode.to_owned() } else { format!("{mode} until {until}") };
        let seen = agent.get("seen").cloned().unwrap_or_default();
        vec![
            text(agent, "agent").to_owned(),
            mode,
            number(agent, "calls").to_string(),
            number(agent, "wouldBeDenied").to_string(),
            super::super::place::joined(&seen, "mostInADay", ", "),
        ]
    };
    let rows: Vec<Vec<String>> = agents.iter().map(row).collect();
    let mut told = table(&["AGENT", "MODE", "CALLS", "WOULD BE DENIED", "MOST IN A DAY"], &rows);
    for agent in agents {
        let name = text(agent, "agent");
        for one in items(agent, "denied").iter().filter(|one| number(one, "passed") > 0).take(8) {
            told.push_str(&format!(
                "\n{name}: {} × `{}`: expected {}; found {}",
                number(one, "passed"),
                text(one, "code"),
                text(one, "expected"),
                text(one, "found")
            ));
        }
        for one in items(agent, "inTheWay").iter().filter_map(Value::as_str) {
            told.push_str(&format!("\n{name}: in the way: {one}"));
        }
        if items(agent, "inTheWay").is_empty() && text(agent, "mode") == "shadow" {
            told.push_str(&format!("\n{name}: nothing is in the way: `legation migrate enforce {name}`"));
        }
    }
    told
}
