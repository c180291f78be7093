//! Which team a request is about: the fact `team`, by which a delegation of an admin may be bound to the agents of some teams.
//!
//! It is told where a request is about the agents of one team and nothing else. A constraint on it denies whatever has none, so
//! that what is not listed here is not for admins of a team: a team's own budget is not theirs to change.

use super::endpoint::{Endpoint, query};
use axum::http::Method;
use legation_registry::{FIRST_TEAM, Registry};
use legation_store::holder::Kind;
use serde_json::Value;

/// Most bytes of a body that is read for it before anybody is known.
const MAX_BODY: usize = 64 << 10;

/// The team, where there is one.
pub(super) fn team(registry: &Registry, endpoint: &Endpoint, target: &str, body: &[u8]) -> Option<String> {
    let path = target.split('?').next().unwrap_or_default();
    let name = endpoint.name_in(path)?;
    let is_get = endpoint.method == Method::GET;
    let of_agent = |name: &str| registry.show(Kind::Agent, name).ok()?.parent;
    let said = |member: &str| {
        if is_get {
            return query(endpoint, target).ok()?.get(member).cloned();
        }
        // Strictly, as the end point reads it: of a member that is there twice nobody knows which one is meant.
        let body = body.get(..body.len().min(MAX_BODY)).filter(|some| some.len() == body.len())?;
        legation_keys::json::parse(body, legation_keys::json::JsonLimits { bytes: MAX_BODY, depth: 16 })
            .ok()?;
        let json: Value = serde_json::from_slice(body).ok()?;
        json.get(member).and_then(Value::as_str).map(str::to_owned)
    };
    match endpoint.path {
        "/v1/agents" if is_get => said("team"),
        // What is too long to be read says no team, not the first one.
        "/v1/agents" | "/v1/agent-previews" if body.len() > MAX_BODY => None,
        "/v1/agents" | "/v1/agent-previews" => Some(said("team").unwrap_or_else(|| FIRST_TEAM.to_owned())),
        "/v1/api-keys" => of_agent(&said("agent")?),
        "/v1/delegations" if is_get => of_agent(&said("agent")?),
        "/v1/teams/{name}" | "/v1/teams/{name}/history" if is_get => Some(name),
        path if path.starts_with("/v1/agents/{name}") => of_agent(&name),
        path if path.starts_with("/v1/api-keys/{id}") => of_agent(&registry.key(&name).ok()?.0),
        path if path.starts_with("/v1/delegations/{id}") => {
            let (holder, _) = registry.delegation(&name).ok()?;
            if holder.kind == Kind::Agent { of_agent(&holder.name) } else { None }
        }
        _ => None,
    }
}
