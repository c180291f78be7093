//! Admins.

use super::{
    asked::{Asked, listed},
    endpoint::{AFTER, Endpoint, LIMIT},
    error::ApiError,
    forms,
};
use axum::http::Method;
use legation_credential::Authority;
use legation_did::Did;
use legation_registry::{Admin, Registry};
use serde::Deserialize;
use serde_json::{Value, json};

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
    actions: Vec<String>,
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
    if let Some(own) = asked.authority {
        no_more_than(own, asked.registry, &add.actions)?;
    }
    Ok(shown(&asked.registry.add_admin(&did, &add.actions, asked.now)?))
}

/// Nobody makes an admin who may do what the maker may not.
fn no_more_than(own: &Authority, registry: &Registry, actions: &[String]) -> Result<(), ApiError> {
    let wanted = json!({"grants": [{"actions": actions, "resources": [registry.administered()]}]});
    let wanted = Authority::parse(&wanted.to_string()).map_err(legation_registry::RegistryError::from)?;
    // Whoever has constraints can give nothing on: they would not bind the other one.
    if wanted.is_within(own) {
        return Ok(());
    }
    let message = "an admin can be given no more than you have yourself";
    Err(ApiError::new(403, "wider_than_parent", message))
}
