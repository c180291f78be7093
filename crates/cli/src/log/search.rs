//! `legation log search`.

use super::{
    source::{Own, each, folder, size_of},
    unread,
};
use crate::{
    args::SearchLogArgs,
    organization::{
        data_dir::{DataDir, failed},
        table::table,
    },
    output::{Failure, Output, counter},
};
use legation_keys::time;
use legation_log::{
    Reader,
    find::{Found, Query},
    index::{self, Index, IndexError},
    reader,
};
use legation_store::holder::Kind;
use serde_json::{Value, json};
use std::{collections::VecDeque, path::Path};

pub(crate) fn run(args: &SearchLogArgs) -> Result<Output, Failure> {
    let query = Query {
        agent: args.agent.as_deref().map(|agent| did_of(agent, args)).transpose()?,
        principal: args.principal.clone(),
        resource: args.resource.clone(),
        code: args.code.clone(),
        delegation: args.delegation.clone(),
        from: args.from,
        to: args.to,
    };
    let most = usize::try_from(args.last).unwrap_or(usize::MAX);
    let (count, found) = match &args.file {
        Some(file) => in_export(file, args, &query, most)?,
        None => in_own(args, &query, most)?,
    };
    let rows: Vec<Vec<String>> = found.iter().map(row).collect();
    let text = if rows.is_empty() {
        "nothing was found".to_owned()
    } else {
        let shown = table(&["ENTRY", "TIME", "KIND", "SEQ", "WHAT", "CODE", "WHO", "ON"], &rows);
        format!("{shown}{count} found\n")
    };
    let all: Vec<Value> = found.iter().map(told).collect();
    Ok(Output::done(json!({"found": count, "entries": all}), text))
}

type Hits = (u64, VecDeque<Found>);

/// In an export each entry is looked at.
fn in_export(file: &Path, args: &SearchLogArgs, query: &Query, most: usize) -> Result<Hits, Failure> {
    let (mut found, mut count) = (VecDeque::new(), 0_u64);
    each(Some(file), &args.of, &mut |index, leaf, shown| {
        // It is at hand.
        if let Some(one) = query.find(index, leaf, || shown().unwrap_or_default()) {
            count = count.saturating_add(1);
            if found.len() >= most {
                found.pop_front();
            }
            found.push_back(one);
        }
        Ok(())
    })?;
    Ok((count, found))
}

/// In the organization's own log by the index, which is brought up to date first; what is found is read.
fn in_own(args: &SearchLogArgs, query: &Query, most: usize) -> Result<Hits, Failure> {
    let folder = folder(&args.of)?;
    let failed = |error: &IndexError| Failure::network(error.code(), error.to_string());
    if args.rebuild {
        index::remove(&folder).map_err(|error| failed(&error))?;
    }
    let note = reader::checkpoint(&folder).map_err(|error| unread(&error))?;
    let mut log = Reader::new(&folder, size_of(&note)?);
    let mut own = Own::open(&DataDir::of(&args.of.data), &folder)?;
    let mut index = Index::open(&folder, &mut log).map_err(|error| failed(&error))?;
    let counter = counter();
    let updated = index.update(&mut log, &mut |index| {
        counter.inc(1);
        own.shown(index).map_err(Stop::Failure)
    });
    counter.finish_and_clear();
    updated.map_err(|stop| match stop {
        Stop::Index(error) => failed(&error),
        Stop::Failure(failure) => failure,
    })?;
    let (count, places) = index.search(query, most).map_err(|error| failed(&error))?;
    let mut found = VecDeque::new();
    for place in places {
        let leaf = log.entry(place).map_err(|error| unread(&error))?.unwrap_or_default();
        let whole = log.whole(&leaf).map_err(|error| unread(&error))?;
        let shown = own.shown(place)?;
        found.extend(query.find(place, whole.as_deref().unwrap_or(&leaf), || shown));
    }
    Ok((count, found))
}

/// Why the index was not brought up to date.
enum Stop {
    Index(IndexError),
    Failure(Failure),
}

impl From<IndexError> for Stop {
    fn from(error: IndexError) -> Self {
        Self::Index(error)
    }
}

/// An agent's DID, by its name in the organization where it is none.
fn did_of(agent: &str, args: &SearchLogArgs) -> Result<String, Failure> {
    if agent.starts_with("did:") || args.file.is_some() {
        return Ok(agent.to_owned());
    }
    let data = DataDir::of(&args.of.data);
    let signer = data.signer()?;
    let shown = data.open(&signer)?.show(Kind::Agent, agent).map_err(|error| failed(&error))?;
    Ok(shown.holder.did)
}

fn row(found: &Found) -> Vec<String> {
    let text = |name: &str| found.entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let first =
        |names: [&str; 2]| names.into_iter().map(text).find(|text| !text.is_empty()).unwrap_or_default();
    let resource = found.entry.get("request").and_then(|request| request.get("resource"));
    let on = resource.and_then(Value::as_str).map_or_else(|| text("subject"), str::to_owned);
    vec![
        found.index.to_string(),
        time::format(found.head.at),
        found.head.kind.name().to_owned(),
        found.head.seq.to_string(),
        first(["decision", "kind"]),
        text("code"),
        first(["agent", "actor"]),
        on,
    ]
}

fn told(found: &Found) -> Value {
    json!({
        "index": found.index, "at": time::format(found.head.at), "kind": found.head.kind.name(), "seq": found.head.seq,
        "of": found.head.of, "entry": found.entry,
    })
}
