//! `legation identity-provider`.

use super::{
    place::{Place, ask, escape, items, joined, text},
    table::table,
};
use crate::{
    args::{FileArgs, IdArgs, IdentityProviderCommand, ListArgs},
    files,
    output::{Failure, Output},
};
use serde_json::{Value, json};

pub(crate) fn run(command: &IdentityProviderCommand) -> Result<Output, Failure> {
    match command {
        IdentityProviderCommand::Set(args) => set(args),
        IdentityProviderCommand::List(args) => list(args),
        IdentityProviderCommand::Remove(args) => remove(args),
    }
}

fn set(args: &FileArgs) -> Result<Output, Failure> {
    let file = args.file.display();
    let json: Value = serde_json::from_slice(&files::read(&args.file)?)
        .map_err(|error| Failure::file(format!("`{file}` is no JSON: {error}")))?;
    let providers = match json {
        Value::Array(list) => list,
        one => vec![one],
    };
    let place = Place::of(&args.data)?;
    let mut set = Vec::new();
    for provider in &providers {
        let name = text(provider, "name");
        if name.is_empty() {
            return Err(Failure::file(format!("an identity provider of `{file}` has no `name`")));
        }
        let target = format!("/v1/identity-providers/{}", escape(name));
        set.push(place.ask("PUT", &target, Some(provider))?);
    }
    let names: Vec<&str> = set.iter().map(|one| text(one, "name")).collect();
    let told = format!("{} set: whoever it knows logs in by `legation admin login`", names.join(", "));
    Ok(Output::done(json!({"set": names}), told))
}

fn list(args: &ListArgs) -> Result<Output, Failure> {
    let all = Place::of(&args.data)?.all("/v1/identity-providers", &[], "identity-providers")?;
    let row = |one: &Value| {
        let role = |mapping: &Value| {
            let team = match text(mapping, "team") {
                "" => String::new(),
                team => format!(" of {team}"),
            };
            json!(format!("{}: {}{team}", text(mapping, "group"), text(mapping, "role")))
        };
        let roles = json!({"roles": items(one, "roles").iter().map(role).collect::<Vec<_>>()});
        let cell = |name: &str| text(one, name).to_owned();
        vec![cell("name"), cell("issuer"), cell("audience"), joined(&roles, "roles", ", ")]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let told = if rows.is_empty() {
        "there is no identity provider; write one with `legation identity-provider set FILE`".to_owned()
    } else {
        table(&["NAME", "ISSUER", "AUDIENCE", "GROUPS"], &rows)
    };
    Ok(Output::done(json!({ "identity-providers": all }), told))
}

fn remove(args: &IdArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "DELETE", &format!("/v1/identity-providers/{}", escape(&args.id)), None)?;
    let told = format!("{} is no identity provider any more", args.id);
    Ok(Output::done(json, told))
}
