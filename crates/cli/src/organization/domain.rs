//! `legation domain`.

use super::{
    place::{Place, ask, escape, text},
    table::table,
};
use crate::{
    args::{DomainCommand, IdArgs, ListArgs},
    output::{Failure, Output},
};
use serde_json::{Value, json};

pub(crate) fn run(command: &DomainCommand) -> Result<Output, Failure> {
    match command {
        DomainCommand::Add(args) => add(args),
        DomainCommand::Check(args) => check(args),
        DomainCommand::List(args) => list(args),
        DomainCommand::Remove(args) => remove(args),
    }
}

fn add(args: &IdArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "POST", "/v1/domains", Some(&json!({"name": args.id})))?;
    let told = wanted(&json);
    Ok(Output::done(json, told))
}

/// What has to be done at a domain.
fn wanted(json: &Value) -> String {
    let (name, expected) = (text(json, "name"), text(json, "expected"));
    let (file, record) = (text(json, "file"), text(json, "record"));
    format!(
        "{name} is {}. It is verified by either of these, which then stays there:\n  {file}, as text/plain, with the line\n  a TXT record of {record}\n\
         {expected}\nThen: `legation domain check {name}`",
        text(json, "state")
    )
}

fn check(args: &IdArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "POST", &format!("/v1/domains/{}/check", escape(&args.id)), None)?;
    let found = json.get("failures").and_then(Value::as_i64) == Some(0);
    if found {
        let told = format!(
            "{} is verified, by {}; its credential is valid until {}",
            text(&json, "name"),
            text(&json, "method"),
            text(&json, "validUntil")
        );
        return Ok(Output::done(json, told));
    }
    let told = format!("it was not found. {}", wanted(&json));
    Ok(Output { exit: 1, ..Output::done(json, told) })
}

fn list(args: &ListArgs) -> Result<Output, Failure> {
    let all = Place::of(&args.data)?.all("/v1/domains", &[], "domains")?;
    let row = |one: &Value| {
        let cell = |name: &str| text(one, name).to_owned();
        vec![cell("name"), cell("state"), cell("method"), cell("seen"), cell("validUntil")]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let told = if rows.is_empty() {
        "there is no further domain; add one with `legation domain add DOMAIN`".to_owned()
    } else {
        table(&["DOMAIN", "STATE", "BY", "SEEN", "CREDENTIAL UNTIL"], &rows)
    };
    Ok(Output::done(json!({ "domains": all }), told))
}

fn remove(args: &IdArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "DELETE", &format!("/v1/domains/{}", escape(&args.id)), None)?;
    let told = format!("{} is removed", args.id);
    Ok(Output::done(json, told))
}
