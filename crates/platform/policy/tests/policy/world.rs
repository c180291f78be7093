//! An organization with an agent that asks.

use legation_credential::{Facts, Possession, Request, Value};
use legation_policy::{Asked, Bound, Document, Kind, Principal, Set, Target, Verdict};
use std::sync::Arc;

pub(crate) const HOST: &str = "acme.example";
pub(crate) const ORGANIZATION: &str = "did:web:acme.example";
/// Monday, 30 November 2026, 12:30 UTC.
pub(crate) const NOW: i64 = 1_796_041_800;

pub(crate) fn agent(name: &str, team: &str, tags: &[&str]) -> Principal {
    Principal {
        kind: Kind::Agent,
        name: name.to_owned(),
        did: format!("{ORGANIZATION}:agents:{name}"),
        team: Some(team.to_owned()),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
    }
}

pub(crate) fn request(action: &str, resource: &str, facts: &[(&str, Value)]) -> Request {
    let facts: Facts = facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Request::new(action, resource, facts).unwrap()
}

pub(crate) fn chat(model: &str, facts: &[(&str, Value)]) -> Request {
    request("model:chat", &format!("https://{HOST}/models/standard/{model}"), facts)
}

pub(crate) fn asked<'a>(principals: &'a [Principal], request: &'a Request) -> Asked<'a> {
    Asked {
        host: HOST,
        organization: ORGANIZATION,
        principals,
        agent: principals.last().map_or("", |last| &last.did),
        root: ORGANIZATION,
        links: 2,
        possession: Possession::Vouched,
        status_age: Some(3),
        request,
        at: NOW,
    }
}

pub(crate) fn document(name: &str, text: &str) -> Arc<Document> {
    Arc::new(Document::parse(name, 1, text).unwrap_or_else(|error| panic!("{name}: {error}")))
}

/// Documents `p0`, `p1` … with their targets.
pub(crate) fn set(bound: &[(&str, &str)]) -> Set {
    let one = |(number, (text, target)): (usize, &(&str, &str))| Bound {
        document: document(&format!("p{number}"), text),
        target: target.parse::<Target>().unwrap(),
    };
    Set::of(bound.iter().enumerate().map(one))
}

/// What one policy, bound to everybody, says of a request of an agent `bot` of team `sales` with tag `pii`.
pub(crate) fn says(text: &str, request: &Request) -> Verdict {
    set(&[(text, "organization")]).decide(&asked(&[agent("bot", "sales", &["pii"])], request))
}

/// `None` where it goes through.
pub(crate) fn code(text: &str, request: &Request) -> Option<&'static str> {
    says(text, request).code()
}
