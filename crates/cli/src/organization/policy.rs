//! `legation policy`.

use super::{
    place::{Place, ask, escape, items, number, target, text},
    table::{facts, table},
};
use crate::{
    args::{
        BindPolicyArgs, CheckPolicyArgs, ListArgs, NameArgs, PolicyCommand, PutPolicyArgs, ShowPolicyArgs,
        TestPolicyArgs, UnbindPolicyArgs,
    },
    files,
    output::{Failure, Output, working},
};
use legation_keys::time;
use legation_policy::{Document, schema};
use serde_json::{Value, json};
use std::path::Path;

pub(crate) fn run(command: &PolicyCommand) -> Result<Output, Failure> {
    match command {
        PolicyCommand::Check(args) => check(args),
        PolicyCommand::Schema => Ok(Output::done(json!({"schema": schema::text()}), schema::text())),
        PolicyCommand::Put(args) => put(args),
        PolicyCommand::Bind(args) => bind(args),
        PolicyCommand::Unbind(args) => unbind(args),
        PolicyCommand::List(args) => list(args),
        PolicyCommand::Show(args) => show(args),
        PolicyCommand::History(args) => history(args),
        PolicyCommand::Test(args) => test(args),
    }
}

/// A policy of a file, by the file's name where none is given.
pub(super) fn of_file(file: &Path, name: Option<&str>) -> Result<(String, String), Failure> {
    let own = || file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = name.map_or_else(own, str::to_owned);
    let text = String::from_utf8(files::read(file)?)
        .map_err(|_| Failure::file(format!("`{}` is no text", file.display())))?;
    // What is wrong is told with the file.
    Document::parse(&name, 1, &text).map_err(|error| Failure {
        code: error.code().to_owned(),
        ..Failure::file(format!("`{}`: {error}", file.display()))
    })?;
    Ok((name, text))
}

/// `no-pii@3`: its name, and its version where it is said.
fn named(label: &str) -> Result<(&str, Option<i64>), Failure> {
    let Some((name, version)) = label.split_once('@') else { return Ok((label, None)) };
    let read = version.parse().ok().filter(|version: &i64| *version > 0);
    let wrong = || {
        Failure::usage(format!("`{label}` is no policy; write `NAME`, or `NAME@VERSION` such as `{name}@2`"))
    };
    read.map(|version| (name, Some(version))).ok_or_else(wrong)
}

fn path(name: &str) -> String {
    format!("/v1/policies/{}", escape(name))
}

fn check(args: &CheckPolicyArgs) -> Result<Output, Failure> {
    let mut names = Vec::new();
    for file in &args.files {
        names.push(of_file(file, None)?.0);
    }
    let told = format!(
        "{} can be put as they are",
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    );
    Ok(Output::done(json!({"valid": names}), told))
}

fn put(args: &PutPolicyArgs) -> Result<Output, Failure> {
    let (name, words) = of_file(&args.file, args.name.as_deref())?;
    let json = ask(&args.data, "PUT", &path(&name), Some(&json!({"text": words})))?;
    let version = number(&json, "version");
    let bound = items(&json, "bound");
    let next = match bound.iter().find(|one| number(one, "version") != version) {
        Some(other) => format!(
            "Version {} decides on, for {}; `legation policy bind {name} --to {}` puts this one in its place",
            number(other, "version"),
            text(other, "to"),
            text(other, "to")
        ),
        None if bound.is_empty() => {
            format!(
                "It decides nothing yet. Next: `legation policy test --name {name}`, `legation policy bind {name} --to organization`"
            )
        }
        None => "It is the one that is bound".to_owned(),
    };
    Ok(Output::done(json, format!("kept `{name}@{version}`\n{next}")))
}

fn bind(args: &BindPolicyArgs) -> Result<Output, Failure> {
    let (name, version) = named(&args.name)?;
    let mut body = json!({"to": args.to});
    if let (Some(version), Some(members)) = (version, body.as_object_mut()) {
        members.insert("version".to_owned(), version.into());
    }
    let json = ask(&args.data, "POST", &format!("{}/bind", path(name)), Some(&body))?;
    let told = format!("`{name}@{}` decides for {} from now on", number(&json, "version"), text(&json, "to"));
    Ok(Output::done(json, told))
}

fn unbind(args: &UnbindPolicyArgs) -> Result<Output, Failure> {
    let body = args.to.as_ref().map_or_else(|| json!({}), |to| json!({"to": to}));
    let json = ask(&args.data, "POST", &format!("{}/unbind", path(&args.name)), Some(&body))?;
    let from: Vec<&str> = items(&json, "unbound").iter().filter_map(Value::as_str).collect();
    let told = format!("`{}` decides no more for {}", args.name, from.join(", "));
    Ok(Output::done(json, told))
}

fn list(args: &ListArgs) -> Result<Output, Failure> {
    let policies = Place::of(&args.data)?.all("/v1/policies", &[], "policies")?;
    let row = |one: &Value| {
        let version = number(one, "version");
        let to = |bound: &Value| match number(bound, "version") {
            same if same == version => text(bound, "to").to_owned(),
            other => format!("{} (version {other})", text(bound, "to")),
        };
        let bound: Vec<String> = items(one, "bound").iter().map(to).collect();
        vec![
            text(one, "name").to_owned(),
            version.to_string(),
            text(one, "created").to_owned(),
            bound.join(", "),
        ]
    };
    let rows: Vec<Vec<String>> = policies.iter().map(row).collect();
    let told = if rows.is_empty() {
        "there is no policy: what delegations permit goes through; keep one with `legation policy put FILE`"
            .to_owned()
    } else {
        table(&["NAME", "VERSION", "CREATED", "BOUND TO"], &rows)
    };
    Ok(Output::done(json!({ "policies": policies }), told))
}

fn show(args: &ShowPolicyArgs) -> Result<Output, Failure> {
    let Some(label) = &args.name else { return bound(args) };
    let (name, version) = named(label)?;
    let version = version.map(|version| version.to_string());
    let query: Vec<(&str, &str)> = version.iter().map(|version| ("version", version.as_str())).collect();
    let json = ask(&args.data, "GET", &target(&path(name), &query), None)?;
    let mut all = vec![
        ("version", number(&json, "version").to_string()),
        ("digest", text(&json, "digest").to_owned()),
        ("created", format!("{} by {}", text(&json, "created"), text(&json, "by"))),
    ];
    all.extend(items(&json, "bound").iter().map(|one| ("bound", line(one))));
    let told = format!("policy `{name}`\n{}\n{}", facts(&all), text(&json, "text"));
    Ok(Output::done(json, told))
}

/// All that is bound, or was.
fn bound(args: &ShowPolicyArgs) -> Result<Output, Failure> {
    let at = args.at.map(time::format);
    let query: Vec<(&str, &str)> = at.iter().map(|at| ("at", at.as_str())).collect();
    let json = ask(&args.data, "GET", &target("/v1/policy-bindings", &query), None)?;
    let row = |one: &Value| {
        let cell = |name: &str| text(one, name).to_owned();
        vec![cell("name"), number(one, "version").to_string(), cell("to"), cell("since")]
    };
    let rows: Vec<Vec<String>> = items(&json, "bindings").iter().map(row).collect();
    let told = match (rows.is_empty(), &at) {
        (false, _) => table(&["NAME", "VERSION", "BOUND TO", "SINCE"], &rows),
        (true, None) => "no policy is bound: what delegations permit goes through".to_owned(),
        (true, Some(at)) => format!("no policy was bound at {at}"),
    };
    Ok(Output::done(json, told))
}

/// `version 2 to tag:pii since 2026-11-30T12:00:00Z`
fn line(binding: &Value) -> String {
    let end = match text(binding, "until") {
        "" => String::new(),
        until => format!(" until {until}"),
    };
    format!(
        "version {} to {} since {}{end}",
        number(binding, "version"),
        text(binding, "to"),
        text(binding, "since")
    )
}

fn history(args: &NameArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "GET", &format!("{}/history", path(&args.name)), None)?;
    let version = |one: &Value| {
        let (created, by, digest) = (text(one, "created"), text(one, "by"), text(one, "digest"));
        ("version", format!("{} by {by} at {created}, {digest}", number(one, "version")))
    };
    let mut all: Vec<(&str, String)> = items(&json, "versions").iter().map(version).collect();
    all.extend(items(&json, "bindings").iter().map(|one| ("bound", line(one))));
    Ok(Output::done(json, format!("policy `{}`\n{}", args.name, facts(&all))))
}

fn test(args: &TestPolicyArgs) -> Result<Output, Failure> {
    let mut body = match (&args.file, &args.name) {
        (Some(file), name) => {
            let (name, text) = of_file(file, name.as_deref())?;
            json!({"name": name, "text": text})
        }
        (None, name) => match named(name.as_deref().unwrap_or_default())? {
            (name, None) => json!({"name": name}),
            (name, Some(version)) => json!({"name": name, "version": version}),
        },
    };
    if let Some(members) = body.as_object_mut() {
        members.insert("to".to_owned(), args.to.clone().into());
        let since = args.since.map(|since| time::format(files::now().saturating_sub(since)));
        members.extend(since.map(|since| ("since".to_owned(), since.into())));
    }
    let place = Place::of(&args.data)?;
    let json = working("deciding again", || place.ask("POST", "/v1/policy-tests", Some(&body)))?;
    let told = tried(&json);
    Ok(Output::done(json, told))
}

fn tried(json: &Value) -> String {
    let count = |name: &str| number(json, name);
    let mut told = format!(
        "{} requests decided again: {} would be denied, {} that policies denied would go through",
        count("requests"),
        count("denied"),
        count("through")
    );
    if count("leftOut") > 0 {
        told.push_str(&format!("; {} were denied by something that no policy changes", count("leftOut")));
    }
    told.push('\n');
    let agents: Vec<Vec<String>> = items(json, "agents")
        .iter()
        .map(|one| {
            let number = |name: &str| number(one, name).to_string();
            vec![text(one, "agent").to_owned(), number("denied"), number("through")]
        })
        .collect();
    if agents.is_empty() {
        return told;
    }
    told.push_str(&format!("\n{}\n", table(&["AGENT", "WOULD BE DENIED", "WOULD GO THROUGH"], &agents)));
    let rows: Vec<Vec<String>> = items(json, "differences")
        .iter()
        .map(|one| {
            let cell = |name: &str| text(one, name).to_owned();
            let policies: Vec<&str> = items(one, "policies").iter().filter_map(Value::as_str).collect();
            let receipt = number(one, "receipt").to_string();
            vec![
                receipt,
                cell("agent"),
                cell("action"),
                cell("resource"),
                format!("{} → {}", cell("was"), cell("would")),
                policies.join(", "),
            ]
        })
        .collect();
    told.push_str(&table(&["RECEIPT", "AGENT", "ACTION", "RESOURCE", "WAS → WOULD BE", "BY"], &rows));
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_named_as_receipts_name_it() {
        assert_eq!(named("no-pii").unwrap(), ("no-pii", None));
        assert_eq!(named("no-pii@3").unwrap(), ("no-pii", Some(3)));
        for wrong in ["no-pii@", "no-pii@0", "no-pii@-1", "no-pii@x", "a@1@2"] {
            assert_eq!(named(wrong).unwrap_err().code, Failure::usage("").code, "{wrong}");
        }
    }
}
