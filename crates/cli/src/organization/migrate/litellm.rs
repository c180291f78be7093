//! `legation migrate litellm`: a LiteLLM proxy's configuration, and an export of its keys and teams, as files for `legation apply`.
//!
//! | module | what it reads |
//! |---|---|
//! | `models` | `model_list`: deployments as targets of models |
//! | `tokens` | rows of its key and team tables: agents, teams, budgets |
//! | `settings` | all else: what has no counterpart, and why |
//! | `amounts` | decimals of money, exactly; `budget_duration` as a window |
//!
//! Secrets stand in such files. What is told and written are names that this command knows or that are checked, numbers, and digests of
//! keys; no value is told because it could not be read.

mod amounts;
mod models;
mod settings;
mod tokens;

pub(super) use models::looks_secret;

use super::rows;
use crate::{
    args::LitellmArgs,
    files,
    output::{Failure, Output},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path};
use zeroize::Zeroizing;

/// Most bytes of a configuration.
const MAX_CONFIG: usize = 4 << 20;

/// What of a configuration has no counterpart, each with the reason.
#[derive(Default)]
struct Left(Vec<(String, String)>);

impl Left {
    fn add(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.0.push((what.into(), why.into()));
    }
}

/// A secret to be set by hand: its name here, its origin, and where it stood.
type Secrets = BTreeMap<String, (String, String)>;

pub(super) fn run(args: &LitellmArgs) -> Result<Output, Failure> {
    if args.out.exists() {
        let out = args.out.display();
        return Err(Failure::file(format!("`{out}` is there already; name a folder that is not")));
    }
    let config = yaml(&args.config)?;
    let (mut left, mut secrets) = (Left::default(), Secrets::new());
    let models = models::read(config.get("model_list"), &args.group, &mut secrets, &mut left);
    settings::read(&config, &mut left);
    let teams = export(args.teams.as_deref(), "teams")?;
    let keys = export(args.keys.as_deref(), "keys")?;
    let teams = tokens::teams(&teams, &args.group, &mut left);
    let (agents, lines) = tokens::keys(&keys, &teams, &args.group, &mut left);
    let teams: Vec<Value> = teams.into_values().filter_map(|team| team.file).collect();
    write(&args.out, "litellm.json", &pretty(&json!({"model": models, "team": teams, "agent": agents}))?)?;
    if !lines.is_empty() {
        let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        write(&args.out, "keys.ndjson", &lines.join("\n"))?;
    }
    let reasons: Vec<String> = left.0.iter().map(|(what, why)| format!("{what}: {why}")).collect();
    write(&args.out, "left.txt", &reasons.join("\n"))?;
    Ok(told(args, (models.len(), teams.len(), agents.len(), lines.len()), &secrets, &left))
}

/// Reads a configuration. What is wrong is told by its place alone, since what stands there may be a secret.
fn yaml(path: &Path) -> Result<Value, Failure> {
    files::look_who_reads(path, "configuration");
    let bytes = Zeroizing::new(files::read(path)?);
    let wrong = |what: &str| Failure::file(format!("`{}` {what}", path.display()));
    if bytes.len() > MAX_CONFIG {
        return Err(wrong("is larger than any configuration that is read"));
    }
    let text = core::str::from_utf8(&bytes).map_err(|_| wrong("is no text in UTF-8"))?;
    let value: Value = serde_saphyr::from_str(text).map_err(|error| {
        let line = error.location().map(|at| at.line()).unwrap_or_default();
        wrong(&format!("is no YAML that can be read, or says a member twice: look at line {line}"))
    })?;
    if !value.is_object() {
        return Err(wrong("is no configuration of LiteLLM; expected `model_list` and other sections"));
    }
    Ok(value)
}

/// The rows of an export, as an answer of LiteLLM's API has them, or by themselves.
fn export(path: Option<&Path>, list: &str) -> Result<Vec<Value>, Failure> {
    let Some(path) = path else { return Ok(Vec::new()) };
    files::look_who_reads(path, "export");
    let bytes = Zeroizing::new(files::read(path)?);
    let text = core::str::from_utf8(&bytes)
        .map_err(|_| Failure::file(format!("`{}` is no text in UTF-8", path.display())))?;
    let json = rows::parse(text, &format!("`{}`", path.display()))?;
    let rows = json.get(list).or(Some(&json)).and_then(Value::as_array).cloned();
    rows.ok_or_else(|| Failure::file(format!("`{}` is no list, and has no list `{list}`", path.display())))
}

fn pretty(json: &Value) -> Result<String, Failure> {
    serde_json::to_string_pretty(json).map_err(|error| Failure::file(error.to_string()))
}

fn write(folder: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let path = folder.join(name);
    files::make_folder(&path)?;
    let out = crate::args::OutArgs { out: path, force: false };
    files::write_private(&out, text)
}

fn told(
    args: &LitellmArgs,
    (models, teams, agents, keys): (usize, usize, usize, usize),
    secrets: &Secrets,
    left: &Left,
) -> Output {
    let out = args.out.display();
    let mut told =
        format!("wrote {models} models, {teams} teams, {agents} agents and {keys} keys to `{out}`\n");
    for (what, why) in &left.0 {
        told.push_str(&format!("not carried over: {what}: {why}\n"));
    }
    told.push_str("Next:");
    for (name, (origin, from)) in secrets {
        told.push_str(&format!(
            "\n  legation secret set {name} --origin {origin}    # from standard input; {from}"
        ));
    }
    told.push_str(&format!("\n  legation apply -f {out}"));
    if keys > 0 {
        told.push_str(&format!("\n  legation migrate keys {out}/keys.ndjson --shadow 14d"));
    }
    let secrets: Vec<Value> = secrets
        .iter()
        .map(|(name, (origin, from))| json!({"name": name, "origin": origin, "from": from}))
        .collect();
    let left: Vec<Value> = left.0.iter().map(|(what, why)| json!({"what": what, "why": why})).collect();
    let json = json!({
        "models": models, "teams": teams, "agents": agents, "keys": keys, "secrets": secrets, "left": left,
        "folder": out.to_string(),
    });
    Output::done(json, told)
}

/// A text of a row or a setting.
fn text<'v>(json: &'v Value, name: &str) -> Option<&'v str> {
    json.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

/// A name of a member as it may be told: what has another form could be anything.
fn member(name: &str) -> &str {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let is_name = (1..=48).contains(&name.len())
        && name.bytes().all(fits)
        && name.bytes().any(|byte| byte == b'_' || name.len() <= 24);
    if is_name { name } else { "(a member of another form)" }
}
