//! `legation partner`.

use super::{
    place::{Place, ask, escape, joined, number, text},
    table::table,
};
use crate::{
    args::{FileArgs, ListArgs, NameArgs, PartnerCommand},
    files,
    output::{Failure, Output},
};
use serde_json::{Value, json};

pub(crate) fn run(command: &PartnerCommand) -> Result<Output, Failure> {
    match command {
        PartnerCommand::Set(args) => set(args),
        PartnerCommand::List(args) => list(args),
        PartnerCommand::Remove(args) => remove(args),
    }
}

fn path(name: &str) -> String {
    format!("/v1/partners/{}", escape(name))
}

fn set(args: &FileArgs) -> Result<Output, Failure> {
    let file = args.file.display();
    let json: Value = serde_json::from_slice(&files::read(&args.file)?)
        .map_err(|error| Failure::file(format!("`{file}` is no JSON: {error}")))?;
    let partners = match json {
        Value::Array(list) => list,
        one => vec![one],
    };
    if partners.iter().any(|partner| text(partner, "name").is_empty()) {
        return Err(Failure::file(format!("a partner of `{file}` has no `name`")));
    }
    let (place, mut set) = (Place::of(&args.data)?, Vec::new());
    for partner in &partners {
        set.push(place.ask("PUT", &path(text(partner, "name")), Some(partner))?);
    }
    let names: Vec<&str> = set.iter().map(|one| text(one, "name")).collect();
    Ok(Output::done(json!({ "set": names }), format!("agents of {} may call from now on", names.join(", "))))
}

fn list(args: &ListArgs) -> Result<Output, Failure> {
    let all = Place::of(&args.data)?.all("/v1/partners", &[], "partners")?;
    let row = |one: &Value| {
        let cell = |name: &str| text(one, name).to_owned();
        let age = format!("{} s", number(one, "maxStatusAge"));
        vec![cell("name"), cell("did"), joined(one, "routes", ", "), joined(one, "models", ", "), age]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let told = if rows.is_empty() {
        "there is no partner: only the organization's own agents may call; write one with `legation partner set FILE`".to_owned()
    } else {
        table(&["NAME", "DID", "ROUTES", "MODELS", "STATUS AT MOST"], &rows)
    };
    Ok(Output::done(json!({ "partners": all }), told))
}

fn remove(args: &NameArgs) -> Result<Output, Failure> {
    let json = ask(&args.data, "DELETE", &path(&args.name), None)?;
    Ok(Output::done(json, format!("agents of `{}` may call no more", args.name)))
}
