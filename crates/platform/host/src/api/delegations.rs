//! Delegations.

use super::{
    admins::may,
    asked::{Asked, listed},
    endpoint::{AFTER, AT, Endpoint, LIMIT, Member},
    error::ApiError,
    forms,
};
use axum::http::Method;
use legation_credential::Delegation;
use legation_keys::time;
use legation_registry::RegistryError;
use legation_store::{
    blocked::Blocked,
    holder::{Holder, Kind},
    link::Link,
};
use serde::Deserialize;
use serde_json::{Value, json};

const AGENT: Member = Member { name: "agent", kind: "string", about: "All that this agent was given." };
const TEAM: Member = Member { name: "team", kind: "string", about: "All that this team was given." };

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        ("/v1/delegations", "admin:delegations.list"),
        "All delegations of an agent or a team; else the current one of each.",
        &[AGENT, TEAM, AFTER, LIMIT],
        "Delegations",
        list,
    ),
    Endpoint::make(
        ("/v1/delegations", "admin:delegations.issue"),
        "Delegate again to an agent or a team whose delegation was revoked.",
        ("Issue", "Delegation"),
        again,
    ),
    Endpoint::get(
        ("/v1/delegations/{id}", "admin:delegations.show"),
        "One delegation: what it says, and whether it holds, or held at a moment.",
        &[AT],
        "DelegationShown",
        show,
    ),
    Endpoint::change(
        Method::POST,
        ("/v1/delegations/{id}/revoke", "admin:delegations.revoke"),
        "Revoke a delegation and all that descends from it, from the next call on.",
        (Some("Revoke"), "DelegationRevoked"),
        revoke,
    ),
    Endpoint::change(
        Method::POST,
        ("/v1/delegations/{id}/renew", "admin:delegations.renew"),
        "Renew a delegation before it ends, which the host does by itself. No budget is refilled.",
        (None, "DelegationRenewed"),
        renew,
    ),
    Endpoint::get(
        ("/v1/delegation-blocks", "admin:delegations.blocks"),
        "The delegations that are blocked by their digest.",
        &[AFTER, LIMIT],
        "Blocks",
        blocks,
    ),
    Endpoint::change(
        Method::POST,
        ("/v1/delegation-blocks", "admin:delegations.block"),
        "Block a delegation that an agent made itself, by its digest, from the next call on: it has no id here.",
        (Some("Block"), "Blocked"),
        block,
    ),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Issue {
    agent: Option<String>,
    team: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Revoke {
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Block {
    digest: String,
    #[serde(default)]
    reason: String,
}

fn blocked(one: &Blocked) -> Value {
    json!({"digest": one.digest, "reason": one.reason, "at": time::format(one.at)})
}

fn block(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let block: Block = asked.body()?;
    Ok(blocked(&asked.registry.block_link(&block.digest, &block.reason, asked.now)?))
}

fn blocks(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let page = asked.page()?;
    let found = asked.registry.blocks(&page.after, page.most)?;
    let next = found.last().map(|one| json!(one.digest));
    Ok(listed("blocks", found.iter().map(blocked).collect(), next, page.most))
}

/// An agent or a team, of which at most one is named.
fn one_of<'n>(agent: Option<&'n str>, team: Option<&'n str>) -> Result<Option<(Kind, &'n str)>, ApiError> {
    match (agent, team) {
        (Some(_), Some(_)) => {
            Err(ApiError::bad("value_invalid", "name an `agent` or a `team`, and not both"))
        }
        (Some(agent), None) => Ok(Some((Kind::Agent, agent))),
        (None, team) => Ok(team.map(|team| (Kind::Team, team))),
    }
}

/// An id as it stands in the credential; the UUID alone will do.
fn full_id(id: &str) -> String {
    if id.contains(':') { id.to_owned() } else { format!("urn:uuid:{id}") }
}

/// How a holder is named in a command.
fn named(holder: &Holder) -> String {
    let team = if holder.kind == Kind::Team { " --team" } else { "" };
    format!("{}{team}", holder.name)
}

fn list(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let page = asked.page()?;
    let of = one_of(asked.query("agent"), asked.query("team"))?;
    let found = asked.registry.delegations_after(of, &page.after, page.most)?;
    let next = found.last().map(|(_, link)| json!(link.id));
    let all = found.iter().map(|(holder, link)| forms::link(holder, link, asked.now)).collect();
    Ok(listed("delegations", all, next, page.most))
}

fn show(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let id = full_id(asked.name);
    let (holder, link, state) = match asked.moment("at")? {
        Some(at) => asked.registry.delegation_as_of(&id, at)?,
        None => {
            let (holder, link) = asked.registry.delegation(&id)?;
            let state = forms::link_state(&holder, &link, asked.now);
            (holder, link, state)
        }
    };
    let said = Delegation::read_unverified(&link.secured)
        .map_err(|error| RegistryError::Damaged { what: link.id.clone(), reason: error.to_string() })?;
    let more = [
        ("state", json!(state)),
        ("issuer", json!(said.issuer.as_str())),
        ("subject", json!(said.terms.subject.as_str())),
        ("account", json!(said.terms.account)),
        ("credential", said.to_json()),
        ("secured", json!(link.secured)),
    ];
    Ok(forms::with(forms::link(&holder, &link, asked.now), &more))
}

fn revoke(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let (id, revoke): (String, Revoke) = (full_id(asked.name), asked.body()?);
    if asked.registry.delegation(&id)?.0.kind == Kind::Admin {
        // By its id it is taken away as by its DID.
        may(asked, "admin:admins.remove")?;
    }
    asked.registry.revoke(&id, &revoke.reason, asked.now)?;
    let (holder, link) = asked.registry.delegation(&id)?;
    // To revoke one is not to revoke the others.
    let others = match holder.kind {
        Kind::Agent | Kind::Team => asked.registry.delegations(Some((holder.kind, &holder.name)))?,
        Kind::Admin | Kind::Organization => Vec::new(),
    };
    let holds = |link: &Link| !["revoked", "ended"].contains(&forms::link_state(&holder, link, asked.now));
    let others: Vec<&str> =
        others.iter().filter(|(_, link)| holds(link)).map(|(_, link)| link.id.as_str()).collect();
    Ok(forms::with(forms::link(&holder, &link, asked.now), &[("stillHold", json!(others))]))
}

fn renew(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let id = full_id(asked.name);
    let renewed = asked.registry.renew(&id, asked.now)?;
    let (holder, before) = asked.registry.delegation(&id)?;
    let current = current(asked, &holder)?.filter(|_| renewed);
    let Some(link) = current else {
        let remedy = match before.state.as_str() {
            "replaced" => "renew the current one, which `legation delegation list` shows".to_owned(),
            _ => format!("`legation delegation issue {}` makes another one", named(&holder)),
        };
        return Err(ApiError::new(409, "wrong_state", format!("{id} is {}; {remedy}", before.state)));
    };
    let more = [("renews", json!(id)), ("secured", json!(link.secured))];
    Ok(forms::with(forms::link(&holder, &link, asked.now), &more))
}

fn current(asked: &Asked<'_>, holder: &Holder) -> Result<Option<Link>, ApiError> {
    if holder.kind == Kind::Admin {
        return Ok(asked.registry.admin(&holder.did)?.link);
    }
    let all = asked.registry.delegations(Some((holder.kind, &holder.name)))?;
    Ok(all.into_iter().map(|(_, link)| link).find(|link| link.state == "current"))
}

fn again(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let issue: Issue = asked.body()?;
    let (kind, name) = one_of(issue.agent.as_deref(), issue.team.as_deref())?
        .ok_or_else(|| ApiError::bad("value_invalid", "name an `agent` or a `team`"))?;
    let holder = asked.registry.show(kind, name)?.holder;
    if let Some(link) = current(asked, &holder)? {
        let id = link.id;
        let message =
            format!("`{name}` has {id}; renew it with `legation delegation renew {id}`, or revoke it first");
        return Err(ApiError::new(409, "already_exists", message));
    }
    let link = asked.registry.delegate_again(kind, name, asked.now)?;
    Ok(forms::link(&holder, &link, asked.now))
}
