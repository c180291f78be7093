//! `legation admin`.

use super::{
    own_admin,
    place::{Place, ask, escape, joined, text},
    recover,
    table::table,
};
use crate::{
    args::{AddAdminArgs, AdminCommand, IdArgs, ListArgs, Role},
    output::{Failure, Output},
};
use clap::ValueEnum;
use serde_json::{Value, json};

pub(crate) fn run(command: &AdminCommand) -> Result<Output, Failure> {
    match command {
        AdminCommand::Add(args) => add(args),
        AdminCommand::Claim(args) => own_admin::claim(args),
        AdminCommand::Login(args) => own_admin::login(args),
        AdminCommand::List(args) => list(args),
        AdminCommand::Show(args) => show(args),
        AdminCommand::Remove(args) => remove(args),
        AdminCommand::Recover(args) => recover::run(args),
    }
}

fn add(args: &AddAdminArgs) -> Result<Output, Failure> {
    let body = if args.action.is_empty() {
        let role = args.role.unwrap_or(Role::Owner).to_possible_value();
        json!({"did": args.did, "role": role.map(|role| role.get_name().to_owned())})
    } else {
        json!({"did": args.did, "actions": args.action})
    };
    Ok(delegation(ask(&args.data, "POST", "/v1/admins", Some(&body))?))
}

fn show(args: &IdArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "GET", &format!("/v1/admins/{}", escape(&args.id)), None)?;
    if text(&json, "secured").is_empty() {
        let message =
            format!("{} is no admin any more; `legation admin add` makes it one", text(&json, "did"));
        return Err(Failure::invalid("wrong_state", message));
    }
    Ok(delegation(json))
}

/// An admin's delegation alone, so that a shell can take it.
fn delegation(json: Value) -> Output {
    let note = format!(
        "{} is an admin until {}, for {}; what is printed is its delegation",
        text(&json, "did"),
        text(&json, "validUntil"),
        joined(&json, "actions", ", ")
    );
    let secured = text(&json, "secured").to_owned();
    Output { notes: vec![note], ..Output::done(json, secured) }
}

fn list(args: &ListArgs) -> Result<Output, Failure> {
    let admins = Place::of(&args.data)?.all("/v1/admins", &[], "admins")?;
    let row = |admin: &Value| {
        let cell = |name: &str| text(admin, name).to_owned();
        vec![cell("did"), cell("state"), joined(admin, "actions", ", "), cell("validUntil")]
    };
    let rows: Vec<Vec<String>> = admins.iter().map(row).collect();
    let text = if rows.is_empty() {
        "there is no admin; make one with `legation admin add DID`".to_owned()
    } else {
        table(&["DID", "STATE", "ACTIONS", "VALID UNTIL"], &rows)
    };
    Ok(Output::done(json!({ "admins": admins }), text))
}

fn remove(args: &IdArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "DELETE", &format!("/v1/admins/{}", escape(&args.id)), None)?;
    let told = format!("{} is no admin any more", text(&json, "did"));
    Ok(Output::done(json, told))
}
