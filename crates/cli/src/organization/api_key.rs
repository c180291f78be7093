//! `legation api-key`.

use super::{
    place::{Place, ask, escape, text},
    table::table,
};
use crate::{
    args::{ApiKeyCommand, CreateKeyArgs, IdArgs, OfAgentArgs, RotateKeyArgs},
    output::{Failure, Output, one_line},
};
use serde_json::{Value, json};

pub(crate) fn run(command: &ApiKeyCommand) -> Result<Output, Failure> {
    match command {
        ApiKeyCommand::Create(args) => create(args),
        ApiKeyCommand::List(args) => list(args),
        ApiKeyCommand::Rotate(args) => rotate(args),
        ApiKeyCommand::Block(args) => block(args),
    }
}

/// A key on one line.
pub(crate) fn line(key: &Value) -> String {
    let name = match text(key, "name") {
        "" => String::new(),
        name => format!(" `{name}`"),
    };
    let end = match text(key, "expires") {
        "" => String::new(),
        expires => format!(", until {expires}"),
    };
    format!("{}{name} {}… {}{end}", text(key, "id"), text(key, "hint"), text(key, "state"))
}

fn create(args: &CreateKeyArgs) -> Result<Output, Failure> {
    let mut body = json!({"agent": args.agent, "name": args.name});
    if let (Some(seconds), Some(members)) = (args.expires, body.as_object_mut()) {
        members.insert("expiresIn".to_owned(), seconds.into());
    }
    Ok(new_key(ask(&args.data, "POST", "/v1/api-keys", Some(&body))?))
}

fn rotate(args: &RotateKeyArgs) -> Result<Output, Failure> {
    let path = format!("/v1/api-keys/{}/rotate", escape(&args.id));
    let json = ask(&args.data, "POST", &path, Some(&json!({"grace": args.grace})))?;
    let until = one_line(text(&json, "replacedUntil"));
    let mut output = new_key(json);
    output.notes.push(format!("the key {} is accepted until {until} at most", one_line(&args.id)));
    Ok(output)
}

/// The one time that a secret is printed: alone, so that a shell can take it.
fn new_key(json: Value) -> Output {
    let end = match text(&json, "expires") {
        "" => String::new(),
        expires => format!(" until {expires}"),
    };
    let (id, agent) = (text(&json, "id"), text(&json, "agent"));
    let note = format!("key {id} of the agent `{agent}`{end}; it is not shown again");
    let secret = text(&json, "secret").to_owned();
    Output { notes: vec![note], ..Output::done(json, secret) }
}

fn list(args: &OfAgentArgs) -> Result<Output, Failure> {
    let agent: Vec<(&str, &str)> = args.agent.iter().map(|agent| ("agent", agent.as_str())).collect();
    let keys = Place::of(&args.data)?.all("/v1/api-keys", &agent, "keys")?;
    let row = |key: &Value| {
        let cell = |name: &str| text(key, name).to_owned();
        let begins = format!("{}…", text(key, "hint"));
        vec![cell("id"), cell("agent"), cell("name"), begins, cell("state"), cell("created"), cell("expires")]
    };
    let told = if keys.is_empty() {
        "there is no key; make one with `legation api-key create AGENT`".to_owned()
    } else {
        let rows: Vec<Vec<String>> = keys.iter().map(row).collect();
        table(&["ID", "AGENT", "NAME", "BEGINS", "STATE", "CREATED", "EXPIRES"], &rows)
    };
    Ok(Output::done(json!({ "keys": keys }), told))
}

fn block(args: &IdArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "POST", &format!("/v1/api-keys/{}/block", escape(&args.id)), None)?;
    let told = format!("the key {} is blocked", text(&json, "id"));
    Ok(Output::done(json, told))
}
