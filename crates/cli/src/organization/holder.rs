//! What teams and agents have in common: what is asked for one, and how one is shown.

use super::{
    api_key,
    place::{ask, escape, items, joined, number, text},
    table::facts,
};
use crate::{
    args::{NameArgs, ProfileArgs, ShowHolderArgs},
    output::{Failure, Output},
};
use legation_keys::time;
use serde_json::{Value, json};

/// What arguments ask for, as the body of a request.
pub(crate) fn body(args: &ProfileArgs, valid_for: i64) -> Result<Value, Failure> {
    let constraint = |text: &String| {
        let wrong =
            |error: serde_json::Error| Failure::usage(format!("the constraint `{text}` is no JSON: {error}"));
        serde_json::from_str::<Value>(text).map_err(wrong)
    };
    let constraints: Vec<Value> = args.constraint.iter().map(constraint).collect::<Result<_, _>>()?;
    Ok(json!({
        "name": args.name,
        "purpose": args.purpose,
        "owner": args.owner,
        "tags": args.tag,
        "capabilities": args.capability,
        "models": args.models,
        "actions": args.action,
        "resources": args.resource,
        "constraints": constraints,
        "budgets": args.budget,
        "maxDepth": args.max_depth,
        "validFor": valid_for,
    }))
}

/// One team or agent: `kind` is as paths have it, `teams` or `agents`.
pub(crate) fn show(kind: &str, args: &ShowHolderArgs) -> Result<Output, Failure> {
    let ShowHolderArgs { of, at } = args;
    let path = format!("/v1/{kind}/{}", escape(&of.name));
    if let Some(at) = at {
        let path = format!("{path}/history?at={}", escape(&time::format(*at)));
        let json = ask(&of.data, "GET", &path, None)?;
        let told = as_of(&json);
        return Ok(Output::done(json, told));
    }
    let json = ask(&of.data, "GET", &path, None)?;
    let told = for_people(&json);
    Ok(Output::done(json, told))
}

/// What one could do at a moment.
fn as_of(json: &Value) -> String {
    let could = match text(json, "because") {
        "" => "could do what its delegation says".to_owned(),
        because => format!("could do nothing: {because}"),
    };
    let cell = |member: &str| text(json, member).to_owned();
    let version = number(json, "version").to_string();
    let mut all = vec![("DID", cell("did")), ("state", cell("state")), ("version", version)];
    all.push(("models", joined(json, "models", ", ")));
    all.push(("actions", joined(json, "actions", ", ")));
    all.push(("resources", joined(json, "resources", ", ")));
    all.extend(items(json, "constraints").iter().map(|one| ("only if", one.to_string())));
    all.extend(items(json, "budgets").iter().map(|budget| ("budget", text(budget, "budget").to_owned())));
    let path = items(json, "path").iter().map(|one| {
        let delegation = one.get("delegation").cloned().unwrap_or_default();
        let held = match text(&delegation, "id") {
            "" => "none that held".to_owned(),
            id => format!("{id}, valid until {}", text(&delegation, "validUntil")),
        };
        ("delegation", format!("{} `{}`: {held}", text(one, "kind"), text(one, "name")))
    });
    all.extend(path);
    let (kind, name, at) = (text(json, "kind"), text(json, "name"), text(json, "at"));
    format!("{kind} `{name}` at {at} {could}\n{}", facts(&all))
}

/// Suspends, resumes or retires one.
pub(crate) fn change(kind: &str, verb: &str, args: &NameArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "POST", &format!("/v1/{kind}/{}/{verb}", escape(&args.name)), None)?;
    let told = format!("the {} `{}` is {}", text(&json, "kind"), text(&json, "name"), text(&json, "state"));
    Ok(Output::done(json, told))
}

/// Until when a delegation is valid, where there is one.
pub(crate) fn valid_until(holder: &Value) -> String {
    match text(holder, "validUntil") {
        "" => "no delegation".to_owned(),
        until => until.to_owned(),
    }
}

/// The budgets of a holder as people write them.
pub(crate) fn budgets(holder: &Value) -> String {
    let all = items(holder, "budgets").iter().map(|budget| text(budget, "budget"));
    all.collect::<Vec<_>>().join(", ")
}

fn for_people(holder: &Value) -> String {
    let (kind, name) = (text(holder, "kind"), text(holder, "name"));
    let of = match text(holder, "team") {
        "" => String::new(),
        team => format!(" of the team `{team}`"),
    };
    let team = if kind == "team" { " --team" } else { "" };
    let delegation = match (text(holder, "validUntil"), text(holder, "state")) {
        (_, "retired") => "ended with it".to_owned(),
        ("", _) => format!("none; `legation delegation issue {name}{team}` makes one"),
        (until, _) => format!("valid until {until}"),
    };
    let cell = |member: &str| text(holder, member).to_owned();
    let mut all = vec![
        ("DID", cell("did")),
        ("state", cell("state")),
        ("purpose", cell("purpose")),
        ("owner", cell("owner")),
        ("tags", joined(holder, "tags", ", ")),
        ("capabilities", joined(holder, "capabilities", ", ")),
        ("models", joined(holder, "models", ", ")),
        ("actions", joined(holder, "actions", ", ")),
        ("resources", joined(holder, "resources", ", ")),
    ];
    all.extend(items(holder, "constraints").iter().map(|one| ("only if", one.to_string())));
    all.extend(items(holder, "budgets").iter().map(|taken| ("budget", taken_text(taken))));
    all.push(("delegation", delegation));
    if !text(holder, "shadow").is_empty() {
        all.push((
            "in shadow",
            format!("until {}: what is denied is recorded, and passes", text(holder, "shadow")),
        ));
    }
    let held = holder.get("quarantine").filter(|one| one.is_object());
    all.extend(held.map(|one| {
        let since = text(one, "since");
        (
            "quarantine",
            format!(
                "since {since} by `{}`: {}; lift it by `{}`",
                text(one, "rule"),
                text(one, "reason"),
                text(one, "lift")
            ),
        )
    }));
    let policy = |one: &Value| {
        ("policy", format!("{}@{} by {}", text(one, "name"), number(one, "version"), text(one, "to")))
    };
    all.extend(items(holder, "policies").iter().map(policy));
    all.extend(items(holder, "keys").iter().map(|key| ("key", api_key::line(key))));
    format!("{kind} `{name}`{of}\n{}", facts(&all))
}

/// A budget and what is taken of it, for people.
pub(crate) fn taken_text(taken: &Value) -> String {
    let budget = match text(taken, "until") {
        "" => text(taken, "budget").to_owned(),
        until => format!("{} until {until}", text(taken, "budget")),
    };
    match (text(taken, "taken"), text(taken, "left")) {
        ("", _) | (_, "") => {
            format!("{budget}: what is taken can't be told, and nothing passes until its window has gone by")
        }
        (spent, left) => format!("{budget}: {spent} taken, {left} left"),
    }
}
