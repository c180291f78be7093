//! What was asked of policies, as a receipt tells it, and all that was bound, as an export has it: so that it is decided again.

use crate::{Asked, Bound, Document, Kind, Principal, Set, Target};
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc};

/// Most documents and bindings of a set that are read.
const MOST: usize = 100_000;

impl Asked<'_> {
    /// What is asked beside what a receipt says anyway: who is known on the path, and how old the oldest status list is.
    #[must_use]
    pub fn told(&self) -> Value {
        let principal = |one: &Principal| json!({"kind": one.kind.name(), "name": one.name, "did": one.did, "team": one.team, "tags": one.tags});
        let principals: Vec<Value> = self.principals.iter().map(principal).collect();
        json!({"principals": principals, "statusAge": self.status_age})
    }
}

/// Who was known on the path of a chain, and how old the oldest status list was, seconds, as [`Asked::told`] has it. `None` where
/// that is not said.
#[must_use]
pub fn asked_then(told: &Value) -> Option<(Vec<Principal>, Option<i64>)> {
    let principal = |one: &Value| {
        let text = |name: &str| one.get(name).and_then(Value::as_str).map(str::to_owned);
        let kind = text("kind")?;
        let kind =
            [Kind::Agent, Kind::Admin, Kind::Foreign].into_iter().find(|known| known.name() == kind)?;
        let tags = one.get("tags")?.as_array()?.iter().map(|tag| tag.as_str().map(str::to_owned));
        Some(Principal {
            kind,
            name: text("name")?,
            did: text("did")?,
            team: text("team"),
            tags: tags.collect::<Option<_>>()?,
        })
    };
    let all = told.get("principals")?.as_array()?.iter().map(principal).collect::<Option<_>>()?;
    Some((all, told.get("statusAge").and_then(Value::as_i64)))
}

/// All that was bound, by its documents (`name`, `version`, `text`) and bindings (`name`, `version`, `kind`, `target`). `None` where
/// that can't be read. By which digest receipts name it, it says itself.
#[must_use]
pub fn set_of(told: &Value) -> Option<Set> {
    let all = |name: &str| told.get(name).and_then(Value::as_array).filter(|all| all.len() <= MOST);
    let label = |one: &Value| Some((one.get("name")?.as_str()?.to_owned(), one.get("version")?.as_i64()?));
    let mut documents = HashMap::new();
    for one in all("documents")? {
        let (name, version) = label(one)?;
        let document = Document::read(&name, version, one.get("text")?.as_str()?).ok()?;
        documents.insert((name, version), Arc::new(document));
    }
    let bound = |one: &Value| {
        let document = Arc::clone(documents.get(&label(one)?)?);
        let target = Target::of(one.get("kind")?.as_str()?, one.get("target")?.as_str()?)?;
        Some(Bound { document, target })
    };
    let bound: Vec<Bound> = all("bound")?.iter().map(bound).collect::<Option<_>>()?;
    Some(Set::of(bound))
}
