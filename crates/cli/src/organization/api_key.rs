//! `legation api-key`.

use super::{data_dir::with, table::table};
use crate::{
    args::{ApiKeyCommand, CreateKeyArgs, IdArgs, OfAgentArgs, RotateKeyArgs},
    files,
    output::{Failure, Output, one_line},
};
use legation_keys::time;
use legation_registry::NewKey;
use legation_store::api_key::ApiKey;
use serde_json::{Value, json};

pub(crate) fn run(command: &ApiKeyCommand) -> Result<Output, Failure> {
    match command {
        ApiKeyCommand::Create(args) => create(args),
        ApiKeyCommand::List(args) => list(args),
        ApiKeyCommand::Rotate(args) => rotate(args),
        ApiKeyCommand::Block(args) => block(args),
    }
}

/// `active`, `blocked` or `expired`.
fn state(key: &ApiKey) -> &str {
    let expired = key.expires.is_some_and(|expires| files::now() >= expires);
    if key.state == "active" && expired { "expired" } else { &key.state }
}

/// A key without its secret, which nobody has any more.
pub(crate) fn json(key: &ApiKey) -> Value {
    json!({
        "id": key.id, "name": key.name, "hint": key.hint, "state": state(key), "created": time::format(key.created),
        "expires": key.expires.map(time::format),
    })
}

/// A key on one line.
pub(crate) fn text(key: &ApiKey) -> String {
    let name = if key.name.is_empty() { String::new() } else { format!(" `{}`", key.name) };
    let end = key.expires.map_or(String::new(), |expires| format!(", until {}", time::format(expires)));
    format!("{}{name} {}… {}{end}", key.id, key.hint, state(key))
}

fn create(args: &CreateKeyArgs) -> Result<Output, Failure> {
    let made = with(&args.data, |registry| {
        registry.create_key(&args.agent, &args.name, args.expires, files::now())
    })?;
    Ok(new_key(&made, json!({})))
}

fn rotate(args: &RotateKeyArgs) -> Result<Output, Failure> {
    let now = files::now();
    let made = with(&args.data, |registry| registry.rotate_key(&args.id, args.grace, now))?;
    let until = time::format(now.saturating_add(args.grace));
    let mut output = new_key(&made, json!({"replaces": args.id, "replacedUntil": until}));
    output.notes.push(format!("the key {} is accepted until {until} at most", one_line(&args.id)));
    Ok(output)
}

/// The one time that a secret is printed: alone, so that a shell can take it.
fn new_key(made: &NewKey, more: Value) -> Output {
    let NewKey { agent, key, secret } = made;
    let mut json = json(key);
    if let Some(members) = json.as_object_mut() {
        members.insert("agent".to_owned(), agent.as_str().into());
        members.insert("secret".to_owned(), secret.as_str().into());
        members.extend(more.as_object().cloned().unwrap_or_default());
    }
    let end = key.expires.map_or(String::new(), |expires| format!(" until {}", time::format(expires)));
    let note = format!("key {} of the agent `{agent}`{end}; it is not shown again", key.id);
    Output { notes: vec![note], ..Output::done(json, secret.as_str()) }
}

fn list(args: &OfAgentArgs) -> Result<Output, Failure> {
    let keys = with(&args.data, |registry| registry.list_keys(args.agent.as_deref()))?;
    let row = |(agent, key): &(String, ApiKey)| {
        vec![
            key.id.clone(),
            agent.clone(),
            key.name.clone(),
            format!("{}…", key.hint),
            state(key).to_owned(),
            time::format(key.created),
            key.expires.map_or(String::new(), time::format),
        ]
    };
    let text = if keys.is_empty() {
        "there is no key; make one with `legation api-key create AGENT`".to_owned()
    } else {
        let rows: Vec<Vec<String>> = keys.iter().map(row).collect();
        table(&["ID", "AGENT", "NAME", "BEGINS", "STATE", "CREATED", "EXPIRES"], &rows)
    };
    let one = |(agent, key): &(String, ApiKey)| {
        let mut json = json(key);
        if let Some(members) = json.as_object_mut() {
            members.insert("agent".to_owned(), agent.as_str().into());
        }
        json
    };
    Ok(Output::done(json!({"keys": keys.iter().map(one).collect::<Vec<_>>()}), text))
}

fn block(args: &IdArgs) -> Result<Output, Failure> {
    let key = with(&args.data, |registry| registry.block_key(&args.id, files::now()))?;
    let text = format!("the key {} is blocked", key.id);
    Ok(Output::done(json(&key), text))
}
