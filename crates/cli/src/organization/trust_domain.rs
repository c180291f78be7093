//! `legation trust-domain`: other SPIFFE trust domains, and whose workloads are agents here.

use super::{
    place::{Place, ask, escape, text},
    table::table,
};
use crate::{
    args::{FileArgs, ListArgs, NameArgs, TrustDomainCommand},
    files,
    output::{Failure, Output},
};
use serde_json::{Value, json};

pub(crate) fn run(command: &TrustDomainCommand) -> Result<Output, Failure> {
    match command {
        TrustDomainCommand::Set(args) => set(args),
        TrustDomainCommand::List(args) => list(args),
        TrustDomainCommand::Remove(args) => remove(args),
    }
}

fn path(name: &str) -> String {
    format!("/v1/trust-domains/{}", escape(name))
}

fn set(args: &FileArgs) -> Result<Output, Failure> {
    let file = args.file.display();
    let json: Value = serde_json::from_slice(&files::read(&args.file)?)
        .map_err(|error| Failure::file(format!("`{file}` is no JSON: {error}")))?;
    let domains = match json {
        Value::Array(list) => list,
        one => vec![one],
    };
    if domains.iter().any(|domain| text(domain, "name").is_empty()) {
        return Err(Failure::file(format!("a trust domain of `{file}` has no `name`")));
    }
    let (place, mut set) = (Place::of(&args.data)?, Vec::new());
    for domain in &domains {
        set.push(place.ask("PUT", &path(text(domain, "name")), Some(domain))?);
    }
    let names: Vec<&str> = set.iter().map(|one| text(one, "name")).collect();
    let told = format!("SVIDs of {} say who their workloads are from now on", names.join(", "));
    Ok(Output::done(json!({ "set": names }), told))
}

fn list(args: &ListArgs) -> Result<Output, Failure> {
    let all = Place::of(&args.data)?.all("/v1/trust-domains", &[], "trust-domains")?;
    let row = |one: &Value| {
        let held = one.get("held").cloned().unwrap_or_default();
        let keys =
            held.get("keys").and_then(Value::as_u64).map_or("none".to_owned(), |keys| keys.to_string());
        let from = match text(one, "endpoint") {
            "" => "its file".to_owned(),
            endpoint => endpoint.to_owned(),
        };
        let workloads = one.get("workloads").and_then(Value::as_array).map_or(0, Vec::len).to_string();
        vec![text(one, "name").to_owned(), from, keys, workloads]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let told = if rows.is_empty() {
        "no other trust domain is relied on; write one with `legation trust-domain set FILE`".to_owned()
    } else {
        table(&["NAME", "BUNDLE", "KEYS", "WORKLOADS"], &rows)
    };
    Ok(Output::done(json!({ "trust-domains": all }), told))
}

fn remove(args: &NameArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "DELETE", &path(&args.name), None)?;
    Ok(Output::done(json, format!("workloads of `{}` are nobody here from their next call on", args.name)))
}
