//! What a delegation is to say: `{"actions"?, "resources"?, "constraints"?, "validFor"?, "maxDepth"?, "account"?}`.

use crate::{Failure, input};
use legation_credential::{Authority, Delegation, Pattern, Terms};
use legation_keys::{Json, jcs, json::Object};
use serde_json::{Value, json};

const MEMBERS: [&str; 6] = ["actions", "resources", "constraints", "validFor", "maxDepth", "account"];

/// Of the first link of a chain.
pub(crate) fn of_root(subject: &str, terms: &str, now: i64) -> Result<Terms, Failure> {
    let object = input::object("terms", terms, &MEMBERS)?;
    let (actions, resources) = (input::texts(&object, "actions")?, input::texts(&object, "resources")?);
    for (name, all) in [("actions", &actions), ("resources", &resources)] {
        if all.is_empty() {
            return Err(Failure::input(name, "a list of one or more"));
        }
    }
    let grants = [json!({"actions": actions, "resources": resources})];
    let until = now.saturating_add(life(&object)?);
    of(&object, subject, &grants, (now, until))
}

/// Of a further link, within its parent: without `actions` what the parent may.
pub(crate) fn of_child(
    subject: &str,
    terms: &str,
    parent: &Delegation,
    authority: &Authority,
    now: i64,
) -> Result<Terms, Failure> {
    let object = input::object("terms", terms, &MEMBERS)?;
    let (actions, mut resources) = (input::texts(&object, "actions")?, input::texts(&object, "resources")?);
    let pairs = authority.pairs().unwrap_or_default();
    let grants: Vec<Value> = if actions.is_empty() {
        let pair = |(action, resource): &(Pattern, Pattern)| json!({"actions": [action.to_string()], "resources": [resource.to_string()]});
        pairs.iter().map(pair).collect()
    } else {
        if resources.is_empty() {
            resources = pairs.iter().map(|(_, resource)| resource.to_string()).collect();
            resources.dedup();
        }
        vec![json!({"actions": actions, "resources": resources})]
    };
    let from = now.max(parent.terms.valid_from);
    let until = now.saturating_add(life(&object)?).min(parent.terms.valid_until);
    of(&object, subject, &grants, (from, until))
}

fn life(object: &Object<'_>) -> Result<i64, Failure> {
    match input::integer(object, "validFor")?.unwrap_or(3600) {
        life if life > 0 => Ok(life),
        _ => Err(Failure::input("validFor", "a number of seconds above 0")),
    }
}

fn of(
    object: &Object<'_>,
    subject: &str,
    grants: &[Value],
    (from, until): (i64, i64),
) -> Result<Terms, Failure> {
    let constraints = object.get("constraints").filter(|given| **given != Json::Null);
    let constraints = constraints.map_or_else(|| "[]".to_owned(), jcs::canonicalize);
    let text = format!(r#"{{"grants":{},"constraints":{constraints}}}"#, json!(grants));
    let authority = Authority::parse(&text).map_err(|error| Failure::new(error.code(), error))?;
    let depth = input::integer(object, "maxDepth")?.unwrap_or_default();
    Ok(Terms {
        id: None,
        subject: input::did("subject", subject)?,
        valid_from: from,
        valid_until: until,
        max_depth: u32::try_from(depth).map_err(|_| Failure::input("maxDepth", "a number from 0 on"))?,
        account: input::text(object, "account")?.map(str::to_owned),
        authority,
        status: Vec::new(),
    })
}
