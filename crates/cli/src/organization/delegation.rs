//! `legation delegation`.

use super::{
    data_dir::with,
    table::{facts, table},
};
use crate::{
    args::{DelegationCommand, IdArgs, ListDelegationsArgs, OfHolderArgs, RevokeDelegationArgs},
    explain, files,
    output::{Failure, Output},
};
use legation_credential::Delegation;
use legation_keys::time;
use legation_store::{
    holder::{Holder, Kind, State},
    link::Link,
};
use serde_json::{Value, json};

pub(crate) fn run(command: &DelegationCommand) -> Result<Output, Failure> {
    match command {
        DelegationCommand::List(args) => list(args),
        DelegationCommand::Show(args) => show(args),
        DelegationCommand::Revoke(args) => revoke(args),
        DelegationCommand::Renew(args) => renew(args),
        DelegationCommand::Issue(args) => issue(args),
    }
}

/// An id as it stands in the credential; the UUID alone will do.
fn full_id(id: &str) -> String {
    if id.contains(':') { id.to_owned() } else { format!("urn:uuid:{id}") }
}

/// `current`, `replaced`, `revoked`, `suspended` or `ended`.
fn state(holder: &Holder, link: &Link) -> &'static str {
    match (link.state.as_str(), holder.state) {
        ("revoked", _) => "revoked",
        _ if files::now() >= link.valid_until => "ended",
        ("current", State::Suspended) => "suspended",
        ("current", _) => "current",
        _ => "replaced",
    }
}

fn json(holder: &Holder, link: &Link) -> Value {
    json!({
        "id": link.id, "kind": holder.kind.name(), "name": holder.name, "state": state(holder, link),
        "reason": link.reason, "validFrom": time::format(link.valid_from), "validUntil": time::format(link.valid_until),
    })
}

fn list(args: &ListDelegationsArgs) -> Result<Output, Failure> {
    let agent = args.agent.as_deref().map(|name| (Kind::Agent, name));
    let of = agent.or(args.team.as_deref().map(|name| (Kind::Team, name)));
    let found = with(&args.data, |registry| registry.delegations(of))?;
    let row = |(holder, link): &(Holder, Link)| {
        vec![
            link.id.clone(),
            format!("{} {}", holder.kind.name(), holder.name),
            state(holder, link).to_owned(),
            time::format(link.valid_until),
            link.reason.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = found.iter().map(row).collect();
    let text = table(&["ID", "OF", "STATE", "VALID UNTIL", "REASON"], &rows);
    let all: Vec<Value> = found.iter().map(|(holder, link)| json(holder, link)).collect();
    Ok(Output::done(json!({ "delegations": all }), text))
}

fn show(args: &IdArgs) -> Result<Output, Failure> {
    let (holder, link) = with(&args.data, |registry| registry.delegation(&full_id(&args.id)))?;
    let said = Delegation::read_unverified(&link.secured).map_err(|error| {
        Failure::invalid("store_damaged", format!("what is stored of `{}` can't be read: {error}", link.id))
    })?;
    let mut json = json(&holder, &link);
    if let Some(members) = json.as_object_mut() {
        members.insert("issuer".to_owned(), said.issuer.as_str().into());
        members.insert("subject".to_owned(), said.terms.subject.as_str().into());
        members.insert("account".to_owned(), json!(said.terms.account));
        members.insert("credential".to_owned(), said.to_json());
    }
    let (kind, name) = (holder.kind.name(), &holder.name);
    let status = |entry: &legation_credential::status::StatusEntry| {
        ("status", format!("{} at {}#{}", entry.purpose.name(), entry.list, entry.index))
    };
    let mut all = vec![
        ("state", state(&holder, &link).to_owned()),
        ("reason", link.reason.clone()),
        ("issuer", said.issuer.to_string()),
        ("subject", format!("{}, the {kind} `{name}`", said.terms.subject)),
        ("account", said.terms.account.clone().unwrap_or_default()),
        ("valid", format!("from {} until {}", time::format(link.valid_from), time::format(link.valid_until))),
        ("further links", said.terms.max_depth.to_string()),
    ];
    all.extend(said.terms.status.iter().map(status));
    let text = format!("{}\n{}{}", link.id, facts(&all), explain::authority(&said.terms.authority));
    Ok(Output::done(json, text))
}

fn revoke(args: &RevokeDelegationArgs) -> Result<Output, Failure> {
    let id = full_id(&args.id);
    let (holder, link, others) = with(&args.data, |registry| {
        registry.revoke(&id, &args.reason, files::now())?;
        let (holder, link) = registry.delegation(&id)?;
        let others = registry.delegations(Some((holder.kind, &holder.name)))?;
        Ok((holder, link, others))
    })?;
    let text = format!(
        "{id} is revoked, and all that descends from it; `legation delegation issue {}` delegates again",
        again(&holder)
    );
    let mut output = Output::done(json(&holder, &link), text);
    let alive = others.iter().filter(|(holder, link)| !["revoked", "ended"].contains(&state(holder, link)));
    output.notes.extend(alive.map(|(holder, link)| {
        format!("the {} `{}` has {} besides, which still holds", holder.kind.name(), holder.name, link.id)
    }));
    Ok(output)
}

/// How a holder is named in a command.
fn again(holder: &Holder) -> String {
    let team = if holder.kind == Kind::Team { " --team" } else { "" };
    format!("{}{team}", holder.name)
}

fn renew(args: &IdArgs) -> Result<Output, Failure> {
    let id = full_id(&args.id);
    let (holder, before, renewed) = with(&args.data, |registry| {
        let renewed = registry.renew(&id, files::now())?;
        let (holder, before) = registry.delegation(&id)?;
        let links = registry.delegations(Some((holder.kind, &holder.name)))?;
        let current = links.into_iter().map(|(_, link)| link).find(|link| link.state == "current");
        Ok((holder, before, current.filter(|_| renewed)))
    })?;
    let Some(link) = renewed else {
        let remedy = match before.state.as_str() {
            "replaced" => "renew the current one, which `legation delegation list` shows".to_owned(),
            _ => format!("`legation delegation issue {}` makes another one", again(&holder)),
        };
        return Err(Failure::invalid("wrong_state", format!("{id} is {}; {remedy}", before.state)));
    };
    let until = time::format(link.valid_until);
    let text = format!("{} is valid until {until}; the one before it stays valid until its own end", link.id);
    let mut json = json(&holder, &link);
    if let Some(members) = json.as_object_mut() {
        members.insert("renews".to_owned(), id.into());
    }
    Ok(Output::done(json, text))
}

fn issue(args: &OfHolderArgs) -> Result<Output, Failure> {
    let kind = if args.team { Kind::Team } else { Kind::Agent };
    let found = with(&args.data, |registry| {
        let all = registry.delegations(Some((kind, &args.name)))?;
        if let Some(current) = all.into_iter().find(|(_, link)| link.state == "current") {
            return Ok(Err(current));
        }
        let link = registry.delegate_again(kind, &args.name, files::now())?;
        Ok(Ok(registry.delegation(&link.id)?))
    })?;
    let (holder, link) = found.map_err(|(_, link)| {
        let id = link.id;
        let message = format!(
            "`{}` has {id}; renew it with `legation delegation renew {id}`, or revoke it first",
            args.name
        );
        Failure::invalid("already_exists", message)
    })?;
    let text = format!("{} is valid until {}", link.id, time::format(link.valid_until));
    Ok(Output::done(json(&holder, &link), text))
}
