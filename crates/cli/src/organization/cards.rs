//! Agent cards of an organization: `legation agent card`, `legation organization card`.

use super::place::{ask, escape, items, number, target, text, with_file};
use crate::{
    args::{CardOfCommand, PlaceArgs},
    files,
    output::{Failure, Output},
};
use serde_json::Value;

/// The card of the organization, or of an agent.
pub(crate) fn run(command: &CardOfCommand, of: &str) -> Result<Output, Failure> {
    match command {
        CardOfCommand::Set(args) => set(&args.data, of, &args.file),
        CardOfCommand::Show(args) => {
            let at = args.at.map(legation_keys::time::format);
            let query: Vec<(&str, &str)> = at.iter().map(|at| ("at", at.as_str())).collect();
            let json = ask(&args.data, "GET", &target(of, &query), None)?;
            let card = json.get("card").map(Value::to_string).unwrap_or_default();
            match files::write_to(&args.to, &card)? {
                Some(file) => {
                    let told = format!("wrote {file}");
                    Ok(Output::done(with_file(json, file), told))
                }
                None => Ok(Output::done(json, card)),
            }
        }
        CardOfCommand::Remove(args) => {
            let json = ask(&args.data, "DELETE", of, None)?;
            let told = format!("the {} `{}` has no card any more", text(&json, "kind"), text(&json, "name"));
            Ok(Output::done(json, told))
        }
    }
}

/// Where an agent's card is.
pub(crate) fn of_agent(name: &str) -> String {
    format!("/v1/agents/{}/card", escape(name))
}

fn set(data: &PlaceArgs, of: &str, file: &std::path::Path) -> Result<Output, Failure> {
    let bytes = files::read(file)?;
    let card: Value = serde_json::from_slice(&bytes)
        .map_err(|error| Failure::file(format!("`{}` is no JSON: {error}", file.display())))?;
    let json = ask(data, "PUT", of, Some(&card))?;
    let told = format!(
        "the card of the {} `{}` is signed and published, version {}; it is {}",
        text(&json, "kind"),
        text(&json, "name"),
        number(&json, "version"),
        text(&json, "did"),
    );
    let notes = items(&json, "notes").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let mut output = Output::done(json, told);
    output.notes = notes;
    Ok(output)
}
