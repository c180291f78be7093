//! `legation migrate keys`: an agent for each shared key. Of a key nothing leaves this process but its SHA-256.

use super::{
    super::place::{Place, escape, items, text},
    agents_of,
    litellm::looks_secret,
    rows,
};
use crate::{
    args::MigrateKeysArgs,
    files,
    output::{Failure, Output, one_line, working},
};
use legation_keys::time;
use legation_registry::adopted;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    io::{self, Read},
    path::Path,
};
use zeroize::Zeroizing;

/// What agents are for that go on with such a key.
pub(super) const PURPOSE: &str = "took over a shared key";
/// Agents that are added at a time.
const TOGETHER: usize = 256;

/// A key to take over.
struct Old {
    row: usize,
    name: String,
    sha256: String,
    until: Option<i64>,
    agent: Value,
    /// It says nothing of the agent, which may be there already.
    is_bare: bool,
}

pub(super) fn run(args: &MigrateKeysArgs) -> Result<Output, Failure> {
    let text = read(&args.file)?;
    let rows = rows::read(&text)?;
    let (mut old, mut refused) = (Vec::new(), Vec::new());
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (row, members) in rows {
        match one(row, &members, args) {
            Ok(one) => match seen.insert(one.sha256.clone(), row) {
                Some(before) => refused.push((row, one.name, format!("its key is that of row {before}"))),
                None => old.push(one),
            },
            Err(reason) => {
                // In a column that was swapped stands the key.
                let name = members.get("name").and_then(Value::as_str).unwrap_or_default();
                let shown = if adopted::why_not(name).is_none() || looks_secret(name) { "" } else { name };
                refused.push((row, shown.to_owned(), reason));
            }
        }
    }
    let place = Place::of(&args.data)?;
    let done = working("adding agents", || add(&place, old, args, &mut refused))?;
    Ok(told(&done, &refused, args))
}

fn read(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let bytes = if path.as_os_str() == "-" {
        let mut bytes = Zeroizing::new(Vec::new());
        let read = io::stdin().take(files::MAX_FILE).read_to_end(&mut bytes);
        read.map_err(|error| Failure::file(format!("standard input can't be read: {error}")))?;
        bytes
    } else {
        files::look_who_reads(path, "file of keys");
        Zeroizing::new(files::read(path)?)
    };
    let text = core::str::from_utf8(&bytes)
        .map_err(|_| Failure::file(format!("`{}` is no text in UTF-8", path.display())))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Reads a row. What is wrong is told without what stands there.
fn one(row: usize, members: &Map<String, Value>, args: &MigrateKeysArgs) -> Result<Old, String> {
    const KNOWN: [&str; 8] = ["name", "key", "sha256", "team", "models", "budget", "until", "owner"];
    if let Some(at) = members.keys().position(|name| !KNOWN.contains(&name.as_str())) {
        return Err(format!(
            "its member {} means nothing here; write {}",
            at.saturating_add(1),
            KNOWN.join(", ")
        ));
    }
    let of = |name: &str| match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim())),
        Some(_) => Err(format!("`{name}` is no text")),
    };
    let name = of("name")?.filter(|name| !name.is_empty()).ok_or("it has no `name`")?.to_owned();
    let sha256 = match (of("key")?, of("sha256")?) {
        (Some(key), None) => match adopted::why_not(key) {
            None => Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect(),
            Some(why) => return Err(format!("its key is not taken: {why}")),
        },
        (None, Some(hex)) if hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            hex.to_ascii_lowercase()
        }
        (None, Some(_)) => return Err("its `sha256` has not 64 hexadecimal digits".to_owned()),
        _ => return Err("give `key` or `sha256`".to_owned()),
    };
    let models = match members.get("models") {
        None | Some(Value::Null) => json!(args.models),
        Some(Value::Array(all)) if !all.is_empty() => json!(all),
        Some(_) => return Err("`models` is no list of groups".to_owned()),
    };
    let until = of("until")?
        .map(|text| {
            time::parse(text, time::Round::Down).ok_or("`until` is no time such as 2026-12-21T10:00:00Z")
        })
        .transpose()?;
    let budget = of("budget")?.or(args.budget.as_deref());
    let agent = json!({
        "name": name,
        "team": of("team")?.unwrap_or(&args.team),
        "models": models,
        "budgets": budget.into_iter().collect::<Vec<_>>(),
        "owner": of("owner")?.unwrap_or_default(),
        "purpose": PURPOSE,
    });
    let is_bare = !["team", "models", "budget", "owner"].iter().any(|member| members.contains_key(*member));
    Ok(Old { row, name, sha256, until, agent, is_bare })
}

/// Adds agents, and has them go on with their keys. Whoever is there as the file says stays.
fn add(
    place: &Place,
    old: Vec<Old>,
    args: &MigrateKeysArgs,
    refused: &mut Vec<(usize, String, String)>,
) -> Result<Vec<Value>, Failure> {
    let now = files::now();
    let mut done = Vec::new();
    let (mut there, mut new) = (Vec::new(), Vec::new());
    for one in old {
        match stands(place, &one)? {
            Stands::Free => new.push(one),
            Stands::Waits => there.push(one),
            Stands::Taken => {
                let why =
                    "there is an agent of that name which took over no shared key; give the row another name"
                        .to_owned();
                refused.push((one.row, one.name, why));
            }
        }
    }
    let mut goes_on = |one: &Old, refused: &mut Vec<(usize, String, String)>| {
        match go_on(place, one, args, now) {
            Ok(key) => done.push(key),
            Err(failure) if failure.exit < 3 => refused.push((one.row, one.name.clone(), failure.message)),
            Err(failure) => return Err(failure),
        }
        Ok(())
    };
    for one in &there {
        goes_on(one, refused)?;
    }
    for together in new.chunks(TOGETHER) {
        let agents: Vec<&Value> = together.iter().map(|one| &one.agent).collect();
        let answer = place.ask("POST", "/v1/agent-imports", Some(&json!({ "agents": agents })))?;
        for (one, result) in together.iter().zip(items(&answer, "agents")) {
            if text(result, "result") == "refused" {
                refused.push((one.row, one.name.clone(), text(result, "message").to_owned()));
                continue;
            }
            goes_on(one, refused)?;
        }
    }
    Ok(done)
}

/// Whether an agent of a row's name is there.
enum Stands {
    Free,
    /// It was made for a key that goes on, such as by `legation apply` of what was read of LiteLLM's.
    Waits,
    /// It is somebody's already: whoever may name a key elsewhere must not get it.
    Taken,
}

fn stands(place: &Place, one: &Old) -> Result<Stands, Failure> {
    let name = escape(&one.name);
    let shown = match place.ask("GET", &format!("/v1/agents/{name}"), None) {
        Ok(shown) => shown,
        Err(failure) if failure.exit < 3 => return Ok(Stands::Free),
        Err(failure) => return Err(failure),
    };
    if !one.is_bare {
        // The import says whether it is as the row has it.
        return Ok(Stands::Free);
    }
    Ok(if text(&shown, "purpose") == PURPOSE { Stands::Waits } else { Stands::Taken })
}

/// An agent that goes on with its key, and is watched where that is asked for.
fn go_on(place: &Place, one: &Old, args: &MigrateKeysArgs, now: i64) -> Result<Value, Failure> {
    let until = now.saturating_add(args.until).min(one.until.unwrap_or(i64::MAX));
    let adopt = json!({
        "agent": one.name, "name": "taken over", "sha256": one.sha256, "until": time::format(until),
    });
    // First what makes it watched: a key that goes on without would be enforced.
    if let Some(shadow) = args.shadow {
        let begin = json!({"agent": one.name, "until": time::format(now.saturating_add(shadow))});
        place.ask("POST", "/v1/shadows", Some(&begin))?;
    }
    let key = place.ask("POST", "/v1/adopted-keys", Some(&adopt))?;
    Ok(json!({"agent": one.name, "hint": text(&key, "hint"), "until": text(&key, "expires")}))
}

fn told(done: &[Value], refused: &[(usize, String, String)], args: &MigrateKeysArgs) -> Output {
    let mut told =
        format!("{}\n", agents_of(done.len(), "agent goes on with its key", "agents go on with their keys"));
    for (row, name, reason) in refused.iter().take(1000) {
        told.push_str(&format!("row {row} (`{}`): {}\n", one_line(name), one_line(reason)));
    }
    if !done.is_empty() {
        told.push_str("Next: put the gateway's base URL where those programs have the provider's; ");
        told.push_str(match args.shadow {
            Some(_) => "then `legation migrate report`",
            None => "`legation migrate shadow --all` lets them do what they did before",
        });
    }
    let refused: Vec<Value> = refused
        .iter()
        .take(1000)
        .map(|(row, name, reason)| json!({"row": row, "name": name, "message": reason}))
        .collect();
    let exit = u8::from(!refused.is_empty());
    Output { exit, ..Output::done(json!({"agents": done, "refused": refused}), told) }
}
