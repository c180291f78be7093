//! `legation agent export`: a line of JSON for each agent, written page by page, so that it takes no more memory of a million.

use super::place::{Place, items, text};
use crate::{
    args::ExportArgs,
    output::{self, Failure, Output},
};
use serde_json::{Map, Value, json};
use std::{
    fs::Permissions,
    io::{self, BufWriter, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};
use tempfile::NamedTempFile;

/// What an agent is exported with, as it is imported.
const MEMBERS: [&str; 12] = [
    "name",
    "team",
    "purpose",
    "tags",
    "capabilities",
    "owner",
    "models",
    "actions",
    "resources",
    "constraints",
    "maxDepth",
    "validFor",
];

pub(crate) fn run(args: &ExportArgs, as_json: bool) -> Result<Output, Failure> {
    let place = Place::of(&args.data)?;
    if let Some(path) = &args.to.out {
        let count = to_file(&place, path, args.to.force)?;
        let file = path.display().to_string();
        let told = format!("wrote {file}: {count} agents");
        return Ok(Output::done(json!({"exported": count, "file": file}), told));
    }
    if as_json {
        // One JSON text has all of them.
        let mut agents = Vec::new();
        place.each("/v1/agents", &[], "agents", |page| {
            agents.extend(page.iter().filter(|agent| is_there(agent)).map(line));
            Ok(())
        })?;
        return Ok(Output::done(json!({"exported": agents.len(), "agents": agents}), ""));
    }
    lines(&place, |text| output::print(text).map_err(|error| Failure::network("output", error.to_string())))?;
    Ok(Output::done(Value::Null, ""))
}

/// Writes a file whole or not at all.
fn to_file(place: &Place, path: &Path, force: bool) -> Result<u64, Failure> {
    let name = path.display();
    let unwritten = |error: io::Error| Failure::file(format!("`{name}` can't be written: {error}"));
    let exists = || Failure::file(format!("`{name}` exists already; name another file, or give --force"));
    if path.exists() && !force {
        return Err(exists());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let file = NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(unwritten)?;
    let mut out = BufWriter::new(file.as_file());
    let count = lines(place, |text| out.write_all(text.as_bytes()).map_err(unwritten))?;
    out.flush().map_err(unwritten)?;
    drop(out);
    // Everybody may read it: there is no secret in it.
    file.as_file().set_permissions(Permissions::from_mode(0o644)).map_err(unwritten)?;
    file.as_file().sync_all().map_err(unwritten)?;
    if force {
        file.persist(path).map_err(|error| unwritten(error.error))?;
    } else {
        file.persist_noclobber(path).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => exists(),
            _ => unwritten(error.error),
        })?;
    }
    Ok(count)
}

/// Writes a line for each agent, some at a time. Gives how many.
fn lines(place: &Place, mut write: impl FnMut(&str) -> Result<(), Failure>) -> Result<u64, Failure> {
    let mut count = 0;
    place.each("/v1/agents", &[], "agents", |page| {
        let mut text = String::new();
        for agent in page.iter().filter(|agent| is_there(agent)) {
            text.push_str(&output::harmless(&line(agent).to_string()));
            text.push('\n');
            count += 1;
        }
        write(&text)
    })?;
    Ok(count)
}

fn is_there(agent: &Value) -> bool {
    text(agent, "state") != "retired"
}

fn line(agent: &Value) -> Value {
    let mut line: Map<String, Value> = Map::new();
    for member in MEMBERS {
        line.extend(agent.get(member).map(|value| (member.to_owned(), value.clone())));
    }
    // What is raised for a while is raised here.
    let usual = |budget: &Value| match text(budget, "usual") {
        "" => text(budget, "budget").to_owned(),
        usual => usual.to_owned(),
    };
    let budgets: Vec<String> = items(agent, "budgets").iter().map(usual).collect();
    line.insert("budgets".to_owned(), json!(budgets));
    Value::Object(line)
}
