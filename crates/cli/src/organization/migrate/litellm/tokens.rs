//! Rows of LiteLLM's tables of keys and teams: agents, teams, budgets.

use super::{super::keys::PURPOSE, Left, amounts::budget, text};
use legation_keys::time::{self, Round};
use legation_registry::{FIRST_TEAM, adopted};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// A team: its name here, and what the file says of it; `None` of one whose agents stay away with it.
pub(super) struct Team {
    pub(super) name: String,
    pub(super) file: Option<Value>,
}

/// Names that stand for all models.
const ALL: [&str; 4] = ["all-proxy-models", "all-team-models", "*", "default-models"];
/// What names of members have that limit something.
const LIMITS: [&str; 6] = ["allowed", "limit", "budget", "permission", "user_id", "organization_id"];
/// Members that are carried over, or told by themselves.
const TOLD: [&str; 9] = [
    "budget_duration",
    "budget_id",
    "budget_reset_at",
    "litellm_budget_table",
    "max_budget",
    "model_max_budget",
    "rpm_limit",
    "soft_budget",
    "tpm_limit",
];
/// Most models that a constraint names.
const MOST_MODELS: usize = 256;

/// Reads teams, by their ids.
pub(super) fn teams(rows: &[Value], group: &str, left: &mut Left) -> BTreeMap<String, Team> {
    let (mut all, mut names) = (BTreeMap::new(), BTreeSet::from([FIRST_TEAM.to_owned()]));
    for (number, row) in (1_usize..).zip(rows) {
        let what = format!("team {number}");
        let Some(id) = text(row, "team_id") else {
            left.add(what, "it has no `team_id`");
            continue;
        };
        let name = unique(text(row, "team_alias"), &format!("team-{number}"), &mut names);
        let what = format!("team {number} (`{name}`)");
        if is_blocked(row) {
            left.add(what, "it is blocked, and so are its keys");
            all.insert(id.to_owned(), Team { name, file: None });
            continue;
        }
        let mut file = json!({"name": name, "models": [group]});
        if put(&mut file, row, &what, left) {
            all.insert(id.to_owned(), Team { name, file: Some(file) });
        } else {
            all.insert(id.to_owned(), Team { name, file: None });
        }
    }
    all
}

/// Reads keys: agents, and the lines by which they go on with their keys.
pub(super) fn keys(
    rows: &[Value],
    teams: &BTreeMap<String, Team>,
    group: &str,
    left: &mut Left,
) -> (Vec<Value>, Vec<Value>) {
    let (mut agents, mut lines, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
    let mut digests = BTreeSet::new();
    for (number, row) in (1_usize..).zip(rows) {
        let name = unique(text(row, "key_alias"), &format!("key-{number}"), &mut names);
        let what = format!("key {number} (`{name}`)");
        match key(row, teams) {
            Err(why) => left.add(what, why),
            Ok((sha256, _, _)) if !digests.insert(sha256.clone()) => {
                left.add(what, "its key is in the export before")
            }
            Ok((sha256, until, team)) => {
                let mut file = json!({"name": name, "team": team, "models": [group], "purpose": PURPOSE});
                if put(&mut file, row, &what, left) {
                    agents.push(file);
                    lines.push(match until {
                        Some(until) => json!({"name": name, "sha256": sha256, "until": time::format(until)}),
                        None => json!({"name": name, "sha256": sha256}),
                    });
                }
            }
        }
    }
    (agents, lines)
}

/// The SHA-256 of a key, when it ends, and the team that it is of.
fn key(row: &Value, teams: &BTreeMap<String, Team>) -> Result<(String, Option<i64>, String), &'static str> {
    if is_blocked(row) {
        return Err("it is blocked");
    }
    let token = text(row, "token").ok_or("it has no `token`: export full objects")?;
    let is_digest = token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    let sha256 = match is_digest {
        true => token.to_ascii_lowercase(),
        // A key that was never hashed.
        false if adopted::why_not(token).is_some() => {
            return Err("its `token` is no SHA-256, nor a key that is long enough");
        }
        false => Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    let until = match text(row, "expires") {
        None => None,
        Some(end) => Some(
            time::parse(end, Round::Down)
                .or_else(|| time::parse(&format!("{end}Z"), Round::Down))
                .ok_or("nobody can read when it ends")?,
        ),
    };
    let team = match text(row, "team_id") {
        None => FIRST_TEAM.to_owned(),
        Some(id) => match teams.get(id) {
            Some(Team { name, file: Some(_) }) => name.clone(),
            Some(_) => return Err("its team is not carried over"),
            None => return Err("its team is not in the export of teams: give --teams"),
        },
    };
    Ok((sha256, until, team))
}

/// Puts models, limits and budgets of a row into what the file says. `false` where a limit can't be said here, so that less would hold.
fn put(file: &mut Value, row: &Value, what: &str, left: &mut Left) -> bool {
    // A budget may stand in a table of its own.
    let own = row.get("litellm_budget_table").filter(|table| table.is_object()).cloned().unwrap_or_default();
    let of = |member: &str| {
        row.get(member).filter(|value| !value.is_null()).or(own.get(member)).filter(|value| !value.is_null())
    };
    let Some(members) = file.as_object_mut() else { return false };
    let mut constraints = Vec::new();
    let models = match row.get("models").filter(|models| !models.is_null()) {
        None => Some(Vec::new()),
        Some(models) => models.as_array().and_then(|all| all.iter().map(Value::as_str).collect()),
    };
    // An empty list is all models, so that what can't be read must not become one.
    let Some(models): Option<Vec<&str>> = models else {
        left.add(what, "its `models` are no list of names");
        return false;
    };
    if !models.is_empty() && !models.iter().any(|model| ALL.contains(model)) {
        if models.len() > MOST_MODELS || models.iter().any(|model| model.contains(['*', '/'])) {
            left.add(what, "its models are patterns, or too many to be named: write them by hand");
            return false;
        }
        constraints
            .push(json!({"type": "argument", "name": "model", "oneOf": models, "actions": ["model:*"]}));
    }
    if let Some(rate) = of("rpm_limit") {
        match rate.as_u64() {
            Some(most) => constraints.push(json!({"type": "rate", "seconds": 60, "max": most})),
            None => {
                left.add(what, "its `rpm_limit` is no number");
                return false;
            }
        }
    }
    if let Some(most) = of("max_budget") {
        match budget(most, of("budget_duration").and_then(Value::as_str)) {
            Some(budget) => drop(members.insert("budgets".to_owned(), json!([budget]))),
            None => {
                left.add(what, "nobody can read its budget, or its `budget_duration`");
                return false;
            }
        }
    }
    if !constraints.is_empty() {
        members.insert("constraints".to_owned(), constraints.into());
    }
    for (member, why) in [
        ("tpm_limit", "tokens are bounded by what they cost: set a budget"),
        ("max_parallel_requests", "`legation up --max-calls-per-agent` bounds that of each agent"),
        ("model_max_budget", "a budget is of all models: write an agent for each"),
        ("soft_budget", "`legation alert add` tells before a budget ends"),
        ("spend", "what was spent before is not counted here"),
        ("guardrails", "prompts are not looked into"),
    ] {
        if of(member).is_some_and(|value| !is_empty(value)) {
            left.add(format!("{what}, `{member}`"), why);
        }
    }
    let limits = row.as_object().into_iter().flatten().filter(|(name, value)| {
        LIMITS.iter().any(|limit| name.contains(limit)) && !TOLD.contains(&name.as_str()) && !is_empty(value)
    });
    for (name, _) in limits {
        left.add(format!("{what}, `{}`", super::member(name)), "it is not carried over; say it by hand");
    }
    true
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || [json!(0), json!(0.0), json!({}), json!([]), json!(""), json!(false)].contains(value)
}

/// Whether a row is blocked: what is no `false` blocks.
fn is_blocked(row: &Value) -> bool {
    row.get("blocked").is_some_and(|blocked| !is_empty(blocked))
}

/// A name that an agent or a team can have, made of an alias; nothing of a key is in it.
fn unique(alias: Option<&str>, or: &str, names: &mut BTreeSet<String>) -> String {
    let mut name = String::new();
    for letter in alias.filter(|alias| !alias.starts_with("sk-")).unwrap_or_default().chars() {
        match letter.to_ascii_lowercase() {
            letter if letter.is_ascii_alphanumeric() => name.push(letter),
            _ if !name.is_empty() && !name.ends_with('-') => name.push('-'),
            _ => {}
        }
    }
    let short: String =
        name.trim_start_matches(|first: char| !first.is_ascii_lowercase()).chars().take(32).collect();
    let begin = Some(short.trim_end_matches('-')).filter(|name| !name.is_empty()).unwrap_or(or);
    let (mut name, mut number) = (begin.to_owned(), 2_usize);
    while !names.insert(name.clone()) {
        name = format!("{begin}-{number}");
        number = number.saturating_add(1);
    }
    name
}
