//! What has to change so that there is what files say.

use super::{files::Wanted, name_of};
use crate::output::Failure;
use legation_keys::base64url;
use legation_policy::{Document, Target, principal::TargetError};
use legation_registry::{
    Budget, FIRST_TEAM, duration, identity::Provider, model::Model, partner::Partner, profile,
    quarantine::Rule, route::Route,
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// All that has to change.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) steps: Vec<Step>,
    /// How many are as they should be.
    pub(crate) same: usize,
}

/// One thing that has to change.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    /// What there is; `None` where it is new.
    pub(crate) from: Option<Value>,
    /// What there is to be; `None` where it ends.
    pub(crate) to: Option<Value>,
}

impl Step {
    pub(crate) fn does(&self) -> &'static str {
        match (&self.from, &self.to) {
            (None, _) => "add",
            (Some(_), Some(_)) => "change",
            (Some(_), None) if matches!(self.kind, "team" | "agent") => "retire",
            (Some(_), None) if self.kind == "policy" => "unbind",
            (Some(_), None) => "remove",
        }
    }

    /// `~ agent bot: budgets ["5.00 USD/day"] → ["10.00 USD/day"]`
    pub(crate) fn line(&self) -> String {
        let (kind, name) = (self.kind, &self.name);
        match (&self.from, &self.to) {
            (None, _) => format!("+ {kind} {name}"),
            (Some(_), None) => format!("- {kind} {name}"),
            (Some(from), Some(to)) => {
                let members = from.as_object().into_iter().chain(to.as_object()).flat_map(Map::keys);
                // A text is told by its digest.
                let mut changed: Vec<&String> = members
                    .filter(|member| *member != "text" && from.get(*member) != to.get(*member))
                    .collect();
                changed.sort();
                changed.dedup();
                let says = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
                let one = |member: &String| {
                    format!("{member} {} → {}", says(from.get(member)), says(to.get(member)))
                };
                let changed: Vec<String> = changed.into_iter().map(one).collect();
                format!("~ {kind} {name}: {}", changed.join("; "))
            }
        }
    }
}

/// Holds what is wanted against what was found of each kind, in order; with `prune` what nobody wants ends.
pub(crate) fn difference(
    wanted: &Wanted,
    found: &[(&'static str, Vec<Value>)],
    prune: bool,
) -> Result<Change, Failure> {
    let mut change = Change { steps: Vec::new(), same: 0 };
    let mut ends = Vec::new();
    for (kind, list) in found {
        let here: BTreeMap<&str, &Value> = list.iter().map(|one| (name_of(one), one)).collect();
        for ((_, name), to) in wanted.iter().filter(|((wanted, _), _)| wanted == kind) {
            let to = normal(kind, to).map_err(|reason| {
                Failure::file(format!("the {kind} `{name}` can't be what the files say: {reason}"))
            })?;
            let Some(now) = here.get(name.as_str()) else {
                change.steps.push(Step { kind, name: name.clone(), from: None, to: Some(to) });
                continue;
            };
            if now.get("state").is_some_and(|state| state == "retired") {
                return Err(Failure::invalid(
                    "wrong_state",
                    format!("the {kind} `{name}` is retired, which it stays; the files need another name"),
                ));
            }
            let from = normal(kind, now).map_err(|reason| {
                Failure::invalid("store_damaged", format!("the {kind} `{name}` can't be read: {reason}"))
            })?;
            if from == without(&to, &["text"]) {
                change.same += 1;
            } else {
                change.steps.push(Step { kind, name: name.clone(), from: Some(from), to: Some(to) });
            }
        }
        let unwanted = here.iter().filter(|(name, _)| !wanted.contains_key(&(*kind, (**name).to_owned())));
        for (name, now) in unwanted.filter(|_| prune) {
            let is_unbound = *kind == "policy" && now.get("bound").is_some_and(|bound| *bound == json!([]));
            let has_ended = is_unbound || now.get("state").is_some_and(|state| state == "retired");
            // The team that every organization begins with has its agents' ancestors' budget; it is no file's.
            if !(has_ended || *kind == "team" && *name == FIRST_TEAM) {
                ends.push(Step { kind, name: (*name).to_owned(), from: Some((*now).clone()), to: None });
            }
        }
    }
    // Agents end before their teams, and all else before what it may name.
    change.steps.extend(ends.into_iter().rev());
    Ok(change)
}

/// What is said of one, written so that what means the same is the same.
fn normal(kind: &str, json: &Value) -> Result<Value, String> {
    let said = |error: serde_json::Error| error.to_string();
    match kind {
        "model" => {
            let model: Model = serde_json::from_value(without(json, &["state"])).map_err(said)?;
            model.validate().map_err(|error| error.to_string())?;
            serde_json::to_value(model).map_err(said)
        }
        "route" => {
            let route: Route = serde_json::from_value(json.clone()).map_err(said)?;
            serde_json::to_value(route).map_err(said)
        }
        "identity-provider" => {
            let provider: Provider = serde_json::from_value(json.clone()).map_err(said)?;
            provider.validate().map_err(|error| error.to_string())?;
            serde_json::to_value(provider).map_err(said)
        }
        "partner" => {
            let partner: Partner = serde_json::from_value(json.clone()).map_err(said)?;
            serde_json::to_value(partner).map_err(said)
        }
        "policy" => policy(json),
        "quarantine-rule" => {
            let rule: Rule = serde_json::from_value(json.clone()).map_err(said)?;
            rule.validate().map_err(|error| error.to_string())?;
            serde_json::to_value(rule).map_err(said)
        }
        _ => holder(kind, json),
    }
}

/// A policy: its name, the digest of its text, whom it is bound to in its last version; and its text, where files say it.
fn policy(json: &Value) -> Result<Value, String> {
    let (name, version) = (json.get("name").cloned().unwrap_or_default(), json.get("version"));
    let Some(version) = version else { return wanted_policy(json) };
    let bound = json.get("bound").and_then(Value::as_array).cloned().unwrap_or_default();
    // What is bound in another version is not as files say it.
    let to = |one: &Value| {
        let to = one.get("to").cloned().unwrap_or_default();
        match one.get("version") {
            same if same == Some(version) => to,
            other => json!(format!(
                "{} (version {})",
                to.as_str().unwrap_or_default(),
                other.cloned().unwrap_or_default()
            )),
        }
    };
    let mut bound: Vec<Value> = bound.iter().map(to).collect();
    bound.sort_by_key(Value::to_string);
    Ok(json!({"name": name, "digest": json.get("digest"), "bound": bound}))
}

fn wanted_policy(json: &Value) -> Result<Value, String> {
    let members = json.as_object().ok_or("expected a table")?;
    if let Some(other) = members.keys().find(|name| !["name", "text", "bind"].contains(&name.as_str())) {
        return Err(format!("`{other}` means nothing here; write `name`, `file` or `text`, and `bind`"));
    }
    let text = members.get("text").and_then(Value::as_str).ok_or("name its `file`, or write its `text`")?;
    let name = members.get("name").and_then(Value::as_str).unwrap_or_default();
    Document::parse(name, 1, text).map_err(|error| error.to_string())?;
    let mut bound = Vec::new();
    for one in members
        .get("bind")
        .and_then(Value::as_array)
        .ok_or("`bind` is no list; write for example `[\"tag:pii\"]`")?
    {
        let target: Target = one
            .as_str()
            .ok_or("`bind` is no list of texts")?
            .parse()
            .map_err(|error: TargetError| error.to_string())?;
        bound.push(json!(target.to_string()));
    }
    bound.sort_by_key(Value::to_string);
    bound.dedup();
    let digest = base64url::encode(&Sha256::digest(text));
    Ok(json!({"name": name, "digest": digest, "bound": bound, "text": text}))
}

const OF_HOLDERS: [&str; 12] = [
    "name",
    "purpose",
    "tags",
    "capabilities",
    "owner",
    "models",
    "actions",
    "resources",
    "constraints",
    "budgets",
    "maxDepth",
    "validFor",
];
/// What the API says of one beside that.
const TOLD: [&str; 7] = ["policies", "kind", "did", "version", "state", "created", "validUntil"];
/// How long a team's delegation lives by default, seconds.
const TEAM_LIFE: i64 = 365 * 86_400;

fn holder(kind: &str, json: &Value) -> Result<Value, String> {
    let members = json.as_object().ok_or("expected a table")?;
    for name in members.keys() {
        let known = OF_HOLDERS.contains(&name.as_str()) || TOLD.contains(&name.as_str());
        if !(known || kind == "agent" && name == "team") {
            return Err(format!("`{name}` means nothing here"));
        }
    }
    let text = |name: &str| members.get(name).cloned().unwrap_or_else(|| json!(""));
    let list = |name: &str| members.get(name).cloned().unwrap_or_else(|| json!([]));
    let life = if kind == "team" { TEAM_LIFE } else { profile::VALID_FOR };
    let number = |name: &str, or: i64| match members.get(name) {
        None => Ok(or),
        // How long is written as arguments write it, or in seconds.
        Some(Value::String(text)) if name == "validFor" => duration(text).map_err(|error| error.to_string()),
        Some(other) => other.as_i64().ok_or_else(|| format!("`{name}` is no whole number")),
    };
    for name in ["tags", "capabilities", "models", "actions", "resources"] {
        let is_list = list(name).as_array().is_some_and(|list| list.iter().all(Value::is_string));
        if !is_list {
            return Err(format!("`{name}` is no list of texts"));
        }
    }
    let mut budgets = Vec::new();
    for one in list("budgets").as_array().ok_or("`budgets` is no list")? {
        // The API tells more of each.
        let text =
            one.get("budget").unwrap_or(one).as_str().ok_or("a budget is a text such as `5USD/day`")?;
        let budget = Budget::parse(&text.replace(' ', "")).map_err(|error| error.to_string())?;
        budgets.push(Value::from(budget.to_string().replace(' ', "")));
    }
    let (mut models, actions) = (list("models"), list("actions"));
    let empty = json!([]);
    if kind == "team" && models == empty && actions == empty {
        models = json!([profile::ALL_GROUPS]);
    }
    let mut normal = json!({
        "name": text("name"), "purpose": text("purpose"), "owner": text("owner"), "tags": list("tags"),
        "capabilities": list("capabilities"), "models": models,
        "actions": actions, "resources": list("resources"), "constraints": list("constraints"),
        "budgets": budgets, "maxDepth": number("maxDepth", 0)?, "validFor": number("validFor", life)?,
    });
    if let (true, Some(members)) = (kind == "agent", normal.as_object_mut()) {
        let team = json.get("team").filter(|team| !team.is_null()).cloned();
        members.insert("team".to_owned(), team.unwrap_or_else(|| FIRST_TEAM.into()));
    }
    Ok(normal)
}

fn without(json: &Value, names: &[&str]) -> Value {
    let mut json = json.clone();
    if let Some(members) = json.as_object_mut() {
        members.retain(|name, _| !names.contains(&name.as_str()));
    }
    json
}
