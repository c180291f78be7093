//! `legation team`.

use super::{
    holder::{body, budgets, change, show, valid_until},
    place::{Place, ask, joined, text},
    table::table,
};
use crate::{
    args::{AddTeamArgs, ListArgs, TeamCommand},
    output::{Failure, Output},
};
use serde_json::{Value, json};

pub(crate) fn run(command: &TeamCommand) -> Result<Output, Failure> {
    match command {
        TeamCommand::Add(args) => add(args),
        TeamCommand::List(args) => list(args),
        TeamCommand::Show(args) => show("teams", args),
        TeamCommand::Suspend(args) => change("teams", "suspend", args),
        TeamCommand::Resume(args) => change("teams", "resume", args),
        TeamCommand::Retire(args) => change("teams", "retire", args),
        TeamCommand::Rotate(args) => super::rotation::rotate("teams", args),
    }
}

fn add(args: &AddTeamArgs) -> Result<Output, Failure> {
    let body = body(&args.profile, args.valid_for)?;
    let json = ask(&args.data, "POST", "/v1/teams", Some(&body))?;
    let (name, did) = (text(&json, "name"), text(&json, "did"));
    let told = format!("added the team `{name}`: {did}\nNext: `legation agent add NAME --team {name}`");
    Ok(Output::done(json, told))
}

fn list(args: &ListArgs) -> Result<Output, Failure> {
    let teams = Place::of(&args.data)?.all("/v1/teams", &[], "teams")?;
    let row = |team: &Value| {
        let cell = |name: &str| text(team, name).to_owned();
        vec![cell("name"), cell("state"), joined(team, "models", ","), budgets(team), valid_until(team)]
    };
    let rows: Vec<Vec<String>> = teams.iter().map(row).collect();
    let told = table(&["NAME", "STATE", "MODELS", "BUDGETS", "VALID UNTIL"], &rows);
    Ok(Output::done(json!({ "teams": teams }), told))
}
