//! Keys that are replaced; `legation organization`.

use super::{
    cards,
    place::{ask, escape, number, text},
    table::facts,
};
use crate::{
    args::{ListArgs, OrganizationCommand, PlaceArgs, RotateArgs},
    output::{Failure, Output},
};
use serde_json::json;

/// Replaces the key of a team or an agent: `kind` is as paths have it.
pub(crate) fn rotate(kind: &str, args: &RotateArgs) -> Result<Output, Failure> {
    let path = format!("/v1/{kind}/{}", escape(&args.of.name));
    match args.how.every {
        Some(every) => schedule(&args.of.data, &path, every),
        None => replace(&args.of.data, &format!("{path}/rotate"), args.how.compromised),
    }
}

pub(crate) fn run(command: &OrganizationCommand) -> Result<Output, Failure> {
    match command {
        OrganizationCommand::Show(args) => show(args),
        OrganizationCommand::Card(command) => cards::run(command, "/v1/organization/card"),
        OrganizationCommand::Rotate(args) => {
            if let Some(every) = args.how.every {
                return schedule(&args.data, "/v1/organization", every);
            }
            let mut output = replace(&args.data, "/v1/organization/rotate", args.how.compromised)?;
            if args.how.compromised {
                let note = "admins have a new delegation: `legation admin show DID` prints it for each";
                output.notes.push(note.to_owned());
            }
            Ok(output)
        }
    }
}

/// Has a key replaced by itself; 0 is for not any more.
fn schedule(data: &PlaceArgs, path: &str, every: i64) -> Result<Output, Failure> {
    let every = (every > 0).then_some(every);
    let json = ask(data, "PUT", &format!("{path}/rotation"), Some(&json!({"every": every})))?;
    let of = format!("the key of the {} `{}`", text(&json, "kind"), text(&json, "name"));
    let told = match text(&json, "due") {
        "" => format!("{of} is not replaced by itself any more"),
        due => format!("{of} is replaced by itself, first at {due}, while `legation up` runs"),
    };
    Ok(Output::done(json, told))
}

fn show(args: &ListArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "GET", "/v1/organization", None)?;
    let cell = |member: &str| text(&json, member).to_owned();
    let epoch = number(&json, "epoch").to_string();
    let mut all = vec![("DID", cell("did")), ("published at", cell("origin")), ("last change", epoch)];
    if json.get("webvh").is_some_and(serde_json::Value::is_string) {
        all.insert(1, ("versions", cell("webvh")));
    }
    let told = facts(&all);
    Ok(Output::done(json, told))
}

fn replace(data: &PlaceArgs, path: &str, compromised: bool) -> Result<Output, Failure> {
    let json = ask(data, "POST", path, Some(&json!({"compromised": compromised})))?;
    let old = match text(&json, "until") {
        "" => "the old one is no longer published, and what it signed is signed anew".to_owned(),
        until => format!("the old one is published until {until}"),
    };
    let told = format!(
        "the {} `{}` has the key {}; {old}",
        text(&json, "kind"),
        text(&json, "name"),
        text(&json, "key")
    );
    Ok(Output::done(json, told))
}
