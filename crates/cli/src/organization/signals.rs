//! `legation signals`.

use super::{
    place::{Place, ask, escape, joined, number, text},
    table::table,
};
use crate::{
    args::{AddReceiverArgs, IdArgs, ListArgs, ReceiverCommand, SignalsCommand},
    output::{Failure, Output},
};
use serde_json::{Value, json};

pub(crate) fn run(command: &SignalsCommand) -> Result<Output, Failure> {
    match command {
        SignalsCommand::Receiver(ReceiverCommand::Add(args)) => add(args),
        SignalsCommand::Receiver(ReceiverCommand::List(args)) => list(args),
        SignalsCommand::Receiver(ReceiverCommand::Remove(args)) => remove(args),
        SignalsCommand::Streams(args) => streams(args),
    }
}

fn add(args: &AddReceiverArgs) -> Result<Output, Failure> {
    let mut body = json!({"name": args.name, "scopes": args.scope, "expiresIn": args.expires});
    if let (Some(audience), Some(members)) = (&args.audience, body.as_object_mut()) {
        members.insert("audience".to_owned(), json!(audience));
    }
    let json = ask(&args.data, "POST", "/v1/signals/receivers", Some(&body))?;
    let note = format!(
        "receiver {} `{}` for {}, until {}; it finds all it needs at {}; its token is not shown again",
        text(&json, "id"),
        text(&json, "name"),
        text(&json, "audience"),
        text(&json, "expires"),
        text(&json, "configuration")
    );
    let secret = text(&json, "secret").to_owned();
    Ok(Output { notes: vec![note], ..Output::done(json, secret) })
}

fn list(args: &ListArgs) -> Result<Output, Failure> {
    let receivers = Place::of(&args.data)?.all("/v1/signals/receivers", &[], "receivers")?;
    let row = |one: &Value| {
        let cell = |name: &str| text(one, name).to_owned();
        let begins = format!("{}…", text(one, "hint"));
        vec![
            cell("id"),
            cell("name"),
            cell("audience"),
            joined(one, "scopes", ", "),
            begins,
            cell("state"),
            cell("expires"),
        ]
    };
    let rows: Vec<Vec<String>> = receivers.iter().map(row).collect();
    let told = if rows.is_empty() {
        "there is no receiver; add one with `legation signals receiver add NAME`".to_owned()
    } else {
        table(&["ID", "NAME", "AUDIENCE", "SCOPES", "BEGINS", "STATE", "EXPIRES"], &rows)
    };
    Ok(Output::done(json!({ "receivers": receivers }), told))
}

fn remove(args: &IdArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "DELETE", &format!("/v1/signals/receivers/{}", escape(&args.id)), None)?;
    let told =
        format!("the receiver `{}` is removed; its token is worth nothing any more", text(&json, "name"));
    Ok(Output::done(json, told))
}

fn streams(args: &ListArgs) -> Result<Output, Failure> {
    let streams = Place::of(&args.data)?.all("/v1/signals/streams", &[], "streams")?;
    let row = |one: &Value| {
        let cell = |name: &str| text(one, name).to_owned();
        let to = if text(one, "url").is_empty() { "(polled)" } else { text(one, "url") };
        let count = |name: &str| number(one, name).to_string();
        vec![
            cell("id"),
            cell("receiver"),
            to.to_owned(),
            cell("state"),
            count("waiting"),
            count("failures"),
            cell("reason"),
        ]
    };
    let rows: Vec<Vec<String>> = streams.iter().map(row).collect();
    let told = if rows.is_empty() {
        "there is no stream; a receiver makes its own, with the token of `legation signals receiver add`"
            .to_owned()
    } else {
        table(&["ID", "RECEIVER", "TO", "STATE", "WAITING", "FAILURES", "REASON"], &rows)
    };
    Ok(Output::done(json!({ "streams": streams }), told))
}
