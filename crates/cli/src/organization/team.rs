//! `legation team`.

use super::{
    data_dir::with,
    holder::{all, json, profile, whole, whole_json, whole_text},
    table::table,
};
use crate::{
    args::{AddTeamArgs, ListArgs, NameArgs, TeamCommand},
    files,
    output::{Failure, Output},
};
use legation_keys::time;
use legation_registry::{Shown, profile::ALL_GROUPS};
use legation_store::holder::{Holder, Kind};
use serde_json::{Value, json};

pub(crate) fn run(command: &TeamCommand) -> Result<Output, Failure> {
    match command {
        TeamCommand::Add(args) => add(args),
        TeamCommand::List(args) => list(args),
        TeamCommand::Show(args) => show(Kind::Team, args),
        TeamCommand::Suspend(args) => {
            changed(with(&args.data, |registry| registry.suspend(Kind::Team, &args.name, files::now()))?)
        }
        TeamCommand::Resume(args) => {
            changed(with(&args.data, |registry| registry.resume(Kind::Team, &args.name, files::now()))?)
        }
        TeamCommand::Retire(args) => {
            changed(with(&args.data, |registry| registry.retire(Kind::Team, &args.name, files::now()))?)
        }
    }
}

fn add(args: &AddTeamArgs) -> Result<Output, Failure> {
    let mut profile = profile(&args.profile, args.valid_for)?;
    // A team bounds its agents; one of which nothing is said bounds them by its budgets alone.
    if profile.groups.is_empty() && profile.actions.is_empty() && profile.resources.is_empty() {
        profile.groups.push(ALL_GROUPS.to_owned());
    }
    let name = &args.profile.name;
    let shown = with(&args.data, |registry| {
        registry.add_team(name, &profile, files::now())?;
        registry.show(Kind::Team, name)
    })?;
    let text = format!(
        "added the team `{name}`: {}\nNext: `legation agent add NAME --team {name}`",
        shown.holder.did
    );
    Ok(Output::done(json(&shown), text))
}

fn list(args: &ListArgs) -> Result<Output, Failure> {
    let teams = with(&args.data, |registry| all(registry, Kind::Team))?;
    let row = |team: &Shown| {
        let Shown { holder, profile, valid_until, .. } = team;
        let budgets: Vec<String> = profile.budgets.iter().map(ToString::to_string).collect();
        vec![
            holder.name.clone(),
            holder.state.name().to_owned(),
            profile.groups.join(","),
            budgets.join(", "),
            valid_until.map_or("no delegation".to_owned(), time::format),
        ]
    };
    let rows: Vec<Vec<String>> = teams.iter().map(row).collect();
    let text = table(&["NAME", "STATE", "MODELS", "BUDGETS", "VALID UNTIL"], &rows);
    Ok(Output::done(json!({"teams": teams.iter().map(json).collect::<Vec<Value>>()}), text))
}

/// One team or agent.
pub(crate) fn show(kind: Kind, args: &NameArgs) -> Result<Output, Failure> {
    let whole = with(&args.data, |registry| whole(registry, kind, &args.name))?;
    Ok(Output::done(whole_json(&whole), whole_text(&whole)))
}

/// A team or an agent whose state was set.
pub(crate) fn changed(holder: Holder) -> Result<Output, Failure> {
    let Holder { kind, name, did, state, .. } = holder;
    let text = format!("the {} `{name}` is {}", kind.name(), state.name());
    Ok(Output::done(json!({"kind": kind.name(), "name": name, "did": did, "state": state.name()}), text))
}
