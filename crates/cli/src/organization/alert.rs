//! `legation alert`.

use super::{
    place::{Place, ask, escape, joined, number, text},
    table::table,
};
use crate::{
    args::{AddAlertArgs, AlertCommand, IdArgs, ListArgs},
    output::{Failure, Output},
};
use serde_json::{Value, json};

pub(crate) fn run(command: &AlertCommand) -> Result<Output, Failure> {
    match command {
        AlertCommand::Add(args) => add(args),
        AlertCommand::List(args) => list(args),
        AlertCommand::Remove(args) => remove(args),
    }
}

fn add(args: &AddAlertArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "POST", "/v1/alerts", Some(&json!({"url": args.url, "on": args.on})))?;
    let told = format!(
        "{} is told of {}, by whoever is up (`legation up`); its id is {}",
        text(&json, "url"),
        joined(&json, "on", ", "),
        text(&json, "id")
    );
    Ok(Output::done(json, told))
}

fn list(args: &ListArgs) -> Result<Output, Failure> {
    let alerts = Place::of(&args.data)?.all("/v1/alerts", &[], "alerts")?;
    let row = |one: &Value| {
        let count = |name: &str| number(one, name).to_string();
        let (id, url) = (text(one, "id").to_owned(), text(one, "url").to_owned());
        vec![id, url, joined(one, "on", ", "), count("waiting"), count("failures")]
    };
    let rows: Vec<Vec<String>> = alerts.iter().map(row).collect();
    let told = if rows.is_empty() {
        "there is no webhook; add one with `legation alert add --url URL`".to_owned()
    } else {
        table(&["ID", "URL", "ON", "WAITING", "FAILURES"], &rows)
    };
    Ok(Output::done(json!({ "alerts": alerts }), told))
}

fn remove(args: &IdArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "DELETE", &format!("/v1/alerts/{}", escape(&args.id)), None)?;
    let told = format!("{} is told no more", text(&json, "url"));
    Ok(Output::done(json, told))
}
