//! Admins.

use super::{
    asked::{Asked, listed},
    endpoint::{self, AFTER, Endpoint, LIMIT},
    error::ApiError,
    forms,
};
use axum::http::Method;
use legation_credential::Authority;
use legation_did::Did;
use legation_registry::{Admin, Profile, Registry, RegistryError, identity::Role};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(("/v1/admins", "admin:admins.list"), "The admins.", &[AFTER, LIMIT], "Admins", list),
    Endpoint::make(
        ("/v1/admins", "admin:admins.add"),
        "Make somebody an admin, who may do no more than whoever asks. The delegation is in the answer.",
        ("AddAdmin", "AdminShown"),
        add,
    ),
    Endpoint::get(
        ("/v1/admins/{did}", "admin:admins.show"),
        "One admin, with its delegation as it holds now.",
        &[],
        "AdminShown",
        |asked| Ok(shown(&asked.registry.admin(asked.name)?)),
    ),
    Endpoint::change(
        Method::DELETE,
        ("/v1/admins/{did}", "admin:admins.remove"),
        "Take an admin's authority away from its next request on.",
        (None, "Admin"),
        |asked| Ok(forms::admin(&asked.registry.remove_admin(asked.name, asked.now)?)),
    ),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Add {
    did: String,
    #[serde(default)]
    actions: Vec<String>,
    role: Option<Role>,
}

/// The actions that a role stands for, by the table of end points: a delegation names each.
#[must_use]
pub fn actions_of(role: Role) -> Vec<String> {
    const OWNERS: [&str; 7] = [
        "admin:admins.add",
        "admin:admins.remove",
        "admin:identity-providers.set",
        "admin:identity-providers.remove",
        "admin:organization.rotate",
        "admin:organization.schedule",
        "admin:retention.set",
    ];
    let is_meant: fn(&&Endpoint) -> bool = match role {
        Role::Owner => return vec!["admin:*".to_owned()],
        Role::Operator => |one| !OWNERS.contains(&one.action),
        Role::Approver => |one| one.action.starts_with("admin:approvals."),
        Role::Auditor => |one| one.reads(),
    };
    let actions: BTreeSet<&str> =
        endpoint::all().filter(|one| !one.open).filter(is_meant).map(|one| one.action).collect();
    actions.into_iter().map(str::to_owned).collect()
}

/// An admin with its delegation: what it sends with its requests.
fn shown(admin: &Admin) -> Value {
    let secured = admin.link.as_ref().map(|link| link.secured.as_str());
    forms::with(forms::admin(admin), &[("secured", json!(secured))])
}

fn list(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let page = asked.page()?;
    let found = asked.registry.list_admins(&page.after, page.most)?;
    let next = found.last().map(|last| json!(last.shown.holder.did));
    Ok(listed("admins", found.iter().map(forms::admin).collect(), next, page.most))
}

fn add(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let add: Add = asked.body()?;
    let did: Did = add
        .did
        .parse()
        .map_err(|error: legation_did::DidError| ApiError::bad("value_invalid", error.to_string()))?;
    let actions = match (add.role, add.actions) {
        (Some(role), actions) if actions.is_empty() => actions_of(role),
        (Some(_), _) => return Err(ApiError::bad("body_invalid", "name a `role` or `actions`, not both")),
        (None, actions) => actions,
    };
    if let Some(own) = asked.authority {
        no_more_than(own, asked.registry, &actions)?;
    }
    Ok(shown(&asked.registry.add_admin(&did, &actions, asked.now)?))
}

/// Whether who asks may do something else besides, of what admins do.
pub(super) fn may(asked: &Asked<'_>, action: &str) -> Result<(), ApiError> {
    let Some(own) = asked.authority else { return Ok(()) };
    if administers(own, &[action.to_owned()], asked.registry)? {
        return Ok(());
    }
    let message = format!("your delegation does not grant `{action}`, which this is too");
    Err(ApiError::new(403, "not_granted", message))
}

/// Nobody makes a team or an agent that could administer what the maker may not: whoever brings its key signs as an admin
/// does, and is judged by its chain as any other.
pub(super) fn gives_no_more(asked: &Asked<'_>, profile: &Profile) -> Result<(), ApiError> {
    let Some(own) = asked.authority else { return Ok(()) };
    let any = ["admin:any".to_owned()];
    // A pattern may reach them without naming them.
    let reaches = |action: &String| {
        let wide = administering(core::slice::from_ref(action), asked.registry);
        wide.is_ok_and(|wide| administers(&wide, &any, asked.registry).unwrap_or(true))
    };
    let is_one = |action: &&String| action.starts_with("admin:") || reaches(action);
    let actions: Vec<String> = profile.actions.iter().filter(is_one).cloned().collect();
    if actions.is_empty() { Ok(()) } else { no_more_than(own, asked.registry, &actions) }
}

/// Nobody makes an admin who may do what the maker may not.
pub(super) fn no_more_than(own: &Authority, registry: &Registry, actions: &[String]) -> Result<(), ApiError> {
    // Whoever has constraints can give nothing on: they would not bind the other one.
    if administers(own, actions, registry)? {
        return Ok(());
    }
    let message = "an admin can be given no more than you have yourself";
    Err(ApiError::new(403, "wider_than_parent", message))
}

/// Whether an authority has all of some actions on what admins act on.
fn administers(own: &Authority, actions: &[String], registry: &Registry) -> Result<bool, RegistryError> {
    Ok(administering(actions, registry)?.is_within(own))
}

fn administering(actions: &[String], registry: &Registry) -> Result<Authority, RegistryError> {
    let wanted = json!({"grants": [{"actions": actions, "resources": [registry.administered()]}]});
    Ok(Authority::parse(&wanted.to_string())?)
}
