//! `legation log search`.

use super::source::each;
use crate::{
    args::SearchLogArgs,
    organization::{
        data_dir::{DataDir, failed},
        table::table,
    },
    output::{Failure, Output},
};
use legation_keys::time;
use legation_log::find::{Found, Query};
use legation_store::holder::Kind;
use serde_json::{Value, json};
use std::collections::VecDeque;

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
    let (mut found, mut count) = (VecDeque::new(), 0_u64);
    each(args.file.as_deref(), &args.of, &mut |index, leaf, shown| {
        let mut failure = None;
        let one = query.find(index, leaf, || {
            shown().unwrap_or_else(|error| {
                failure = Some(error);
                Vec::new()
            })
        });
        if let Some(failure) = failure {
            return Err(failure);
        }
        if let Some(one) = one {
            count = count.saturating_add(1);
            if found.len() >= most {
                found.pop_front();
            }
            found.push_back(one);
        }
        Ok(())
    })?;
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
