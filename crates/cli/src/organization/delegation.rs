//! `legation delegation`.

use super::{
    graph,
    place::{Place, ask, escape, items, joined, text, with_file},
    table::{facts, table},
};
use crate::{
    args::{
        BlockArgs, ChainArgs, DelegationCommand, IdArgs, ListArgs, ListDelegationsArgs, OfHolderArgs,
        RevokeDelegationArgs, ShowDelegationArgs,
    },
    explain, files,
    output::{Failure, Output},
};
use legation_credential::{Delegation, status::StatusEntry};
use legation_keys::time;
use serde_json::{Value, json};

pub(crate) fn run(command: &DelegationCommand) -> Result<Output, Failure> {
    match command {
        DelegationCommand::List(args) => list(args),
        DelegationCommand::Graph(args) => graph::graph(args),
        DelegationCommand::Show(args) => show(args),
        DelegationCommand::Chain(args) => chain(args),
        DelegationCommand::Revoke(args) => revoke(args),
        DelegationCommand::Renew(args) => renew(args),
        DelegationCommand::Issue(args) => issue(args),
        DelegationCommand::Block(args) => block(args),
        DelegationCommand::Blocks(args) => blocks(args),
    }
}

/// Where a delegation is, or what is done with it.
fn path(id: &str, verb: &str) -> String {
    format!("/v1/delegations/{}{verb}", escape(id))
}

fn list(args: &ListDelegationsArgs) -> Result<Output, Failure> {
    let agent = args.agent.as_deref().map(|name| ("agent", name));
    let of: Vec<(&str, &str)> =
        agent.or(args.team.as_deref().map(|name| ("team", name))).into_iter().collect();
    let mut found = Place::of(&args.data)?.all("/v1/delegations", &of, "delegations")?;
    if of.is_empty() {
        // Teams first, as they give what the others have.
        found.sort_by_key(|link| (text(link, "kind") != "team", text(link, "name").to_owned()));
    } else {
        found.reverse();
    }
    let row = |link: &Value| {
        let cell = |name: &str| text(link, name).to_owned();
        let of = format!("{} {}", text(link, "kind"), text(link, "name"));
        vec![cell("id"), of, cell("state"), cell("validUntil"), cell("reason")]
    };
    let rows: Vec<Vec<String>> = found.iter().map(row).collect();
    let told = table(&["ID", "OF", "STATE", "VALID UNTIL", "REASON"], &rows);
    Ok(Output::done(json!({ "delegations": found }), told))
}

fn show(args: &ShowDelegationArgs) -> Result<Output, Failure> {
    let at = args.at.map_or(String::new(), |at| format!("?at={}", escape(&time::format(at))));
    let mut json = ask(&args.of.data, "GET", &path(&args.of.id, &at), None)?;
    let id = text(&json, "id");
    let said = Delegation::read_unverified(text(&json, "secured")).map_err(|error| {
        Failure::invalid("store_damaged", format!("what is stored of `{id}` can't be read: {error}"))
    })?;
    let (kind, name) = (text(&json, "kind"), text(&json, "name"));
    let status = |entry: &StatusEntry| {
        ("status", format!("{} at {}#{}", entry.purpose.name(), entry.list, entry.index))
    };
    let mut all = vec![
        ("state", text(&json, "state").to_owned()),
        ("reason", text(&json, "reason").to_owned()),
        ("issuer", said.issuer.to_string()),
        ("subject", format!("{}, the {kind} `{name}`", said.terms.subject)),
        ("account", said.terms.account.clone().unwrap_or_default()),
        ("valid", format!("from {} until {}", text(&json, "validFrom"), text(&json, "validUntil"))),
        ("further links", said.terms.max_depth.to_string()),
    ];
    all.extend(said.terms.status.iter().map(status));
    let mut told = format!("{id}\n{}{}", facts(&all), explain::authority(&said.terms.authority));
    if let Some(file) = files::write_to(&args.to, text(&json, "secured"))? {
        told = format!("wrote {file}: {id}");
        json = with_file(json, file);
    }
    Ok(Output::done(json, told))
}

/// The whole chain of an agent, its links joined as everything here reads them.
fn chain(args: &ChainArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "GET", &format!("/v1/agents/{}/chain", escape(&args.agent)), None)?;
    let links = joined(&json, "chain", "~");
    match files::write_to(&args.to, &links)? {
        None => Ok(Output::done(json, links)),
        Some(file) => {
            let count = items(&json, "chain").len();
            let told = format!("wrote {file}: {count} delegations, down to {}", text(&json, "did"));
            Ok(Output::done(with_file(json, file), told))
        }
    }
}

/// How a holder is named in a command.
fn named(link: &Value) -> String {
    let team = if text(link, "kind") == "team" { " --team" } else { "" };
    format!("{}{team}", text(link, "name"))
}

fn revoke(args: &RevokeDelegationArgs) -> Result<Output, Failure> {
    let body = json!({"reason": args.reason});
    let mut json = ask(&args.data, "POST", &path(&args.id, "/revoke"), Some(&body))?;
    // What still holds is told as a warning.
    let others = json.as_object_mut().and_then(|members| members.remove("stillHold"));
    let (kind, name) = (text(&json, "kind").to_owned(), text(&json, "name").to_owned());
    let told = format!(
        "{} is revoked, and all that descends from it; `legation delegation issue {}` delegates again",
        text(&json, "id"),
        named(&json)
    );
    let mut output = Output::done(json, told);
    let others = others.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let note = |id: &str| format!("the {kind} `{name}` has {id} besides, which still holds");
    output.notes.extend(others.iter().filter_map(Value::as_str).map(note));
    Ok(output)
}

fn block(args: &BlockArgs) -> Result<Output, Failure> {
    let body = json!({"digest": args.digest, "reason": args.reason});
    let json = ask(&args.data, "POST", "/v1/delegation-blocks", Some(&body))?;
    let told = format!("{} is blocked, and all that descends from it", text(&json, "digest"));
    Ok(Output::done(json, told))
}

fn blocks(args: &ListArgs) -> Result<Output, Failure> {
    let blocks = Place::of(&args.data)?.all("/v1/delegation-blocks", &[], "blocks")?;
    let cell = |one: &Value, name: &str| text(one, name).to_owned();
    let row = |one: &Value| vec![cell(one, "digest"), cell(one, "at"), cell(one, "reason")];
    let rows: Vec<Vec<String>> = blocks.iter().map(row).collect();
    let told = match rows.is_empty() {
        true => "no delegation is blocked".to_owned(),
        false => table(&["DIGEST", "SINCE", "REASON"], &rows),
    };
    Ok(Output::done(json!({ "blocks": blocks }), told))
}

fn renew(args: &IdArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "POST", &path(&args.id, "/renew"), None)?;
    let (id, until) = (text(&json, "id"), text(&json, "validUntil"));
    let told = format!("{id} is valid until {until}; the one before it stays valid until its own end");
    Ok(Output::done(json, told))
}

fn issue(args: &OfHolderArgs) -> Result<Output, Failure> {
    let body = if args.team { json!({"team": args.name}) } else { json!({"agent": args.name}) };
    let json = ask(&args.data, "POST", "/v1/delegations", Some(&body))?;
    let told = format!("{} is valid until {}", text(&json, "id"), text(&json, "validUntil"));
    Ok(Output::done(json, told))
}
