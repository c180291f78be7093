//! People who let programs act for them, what they have let them do, and the programs that are known.

use super::{
    admins::gives_no_more,
    asked::{Asked, listed},
    endpoint::{AFTER, Endpoint, LIMIT, Member},
    error::ApiError,
    forms,
    holders::Add,
};
use axum::http::Method;
use legation_keys::time;
use legation_registry::{Consented, Person, RegistryError, people::CODE_LIFE};
use legation_store::person::Client;
use legation_token::redirect;
use serde::Deserialize;
use serde_json::{Value, json};

/// Whose consents.
const PERSON: Member = Member { name: "person", kind: "string", about: "Those of one person." };

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        ("/v1/people", "admin:people.list"),
        "People who may let programs act for them, and what each can hand on at most.",
        &[AFTER, LIMIT],
        "People",
        list,
    ),
    Endpoint::make(
        ("/v1/people", "admin:people.add"),
        "Add a person. Without models and actions it can hand on nothing.",
        ("AddPerson", "Person"),
        |asked| {
            let add: Add = asked.body()?;
            let name = add.name.clone();
            let ceiling = ceiling(asked, add)?;
            Ok(person(&asked.registry.add_person(&name, ceiling.as_ref(), asked.now)?))
        },
    ),
    Endpoint::change(
        Method::PUT,
        ("/v1/people/{name}/ceiling", "admin:people.ceiling"),
        "Set what a person can hand on at most. It is not set below what the person has handed on.",
        (Some("Ceiling"), "Person"),
        set_ceiling,
    ),
    Endpoint::change(
        Method::POST,
        ("/v1/people/{name}/code", "admin:people.code"),
        "Make a code by which a person signs in, once and within ten minutes.",
        (None, "PersonCode"),
        |asked| {
            let code = asked.registry.new_person_code(asked.name, asked.now)?;
            let until = time::format(asked.now.saturating_add(CODE_LIFE));
            Ok(json!({"code": code.as_str(), "person": asked.name, "until": until}))
        },
    )
    .with_secret(),
    Endpoint::change(
        Method::DELETE,
        ("/v1/people/{name}", "admin:people.remove"),
        "Remove a person. What it let programs do ends with the next call.",
        (None, "Removed"),
        |asked| {
            asked.registry.remove_person(asked.name, asked.now)?;
            Ok(json!({"removed": asked.name}))
        },
    ),
    Endpoint::get(
        ("/v1/consents", "admin:consents.list"),
        "What people have let programs do, also what ended.",
        &[AFTER, LIMIT, PERSON],
        "Consents",
        consents,
    ),
    Endpoint::change(
        Method::POST,
        ("/v1/consents/{id}/revoke", "admin:consents.revoke"),
        "Take a consent back, from the next call on.",
        (None, "Consent"),
        |asked| {
            asked.registry.revoke_consent(asked.name, asked.now)?;
            Ok(consent(&asked.registry.consent_of(asked.name)?))
        },
    ),
    Endpoint::get(
        ("/v1/clients", "admin:clients.list"),
        "Programs that may ask people for their consent. Those that tell of themselves at their `client_id` are not among them.",
        &[AFTER, LIMIT],
        "Clients",
        clients,
    ),
    Endpoint::make(
        ("/v1/clients", "admin:clients.add"),
        "Add a program, which gets a `client_id` and no secret.",
        ("AddClient", "Client"),
        add_client,
    ),
    Endpoint::change(
        Method::DELETE,
        ("/v1/clients/{id}", "admin:clients.remove"),
        "Remove a program: it can ask nobody any more. Consents that it has stand until they are taken back.",
        (None, "Removed"),
        |asked| {
            asked.registry.remove_client(asked.name, asked.now)?;
            Ok(json!({"removed": asked.name}))
        },
    ),
];

/// What a person can hand on at most, as a team has it; `None` where nothing is said.
fn ceiling(asked: &Asked<'_>, add: Add) -> Result<Option<legation_registry::Profile>, ApiError> {
    if add.team.is_some() || add.key_proof.is_some() {
        return Err(ApiError::bad(
            "body_invalid",
            "a person has neither `team` nor `keyProof`; leave them out",
        ));
    }
    let profile = add.profile(legation_registry::profile::VALID_FOR)?;
    if profile.groups.is_empty() && profile.actions.is_empty() && profile.resources.is_empty() {
        return Ok(None);
    }
    gives_no_more(asked, &profile)?;
    Ok(Some(profile))
}

fn set_ceiling(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let mut body: Value = asked.body()?;
    match body.as_object_mut() {
        Some(members) if !members.contains_key("name") => {
            members.insert("name".to_owned(), asked.name.into());
        }
        _ => {
            let message = "expected an object without `name`, which stands in the path";
            return Err(ApiError::bad("body_invalid", message));
        }
    }
    let add: Add = serde_json::from_value(body).map_err(|error| super::asked::unfit("the body", &error))?;
    let ceiling = ceiling(asked, add)?.ok_or(RegistryError::NothingGranted)?;
    Ok(person(&asked.registry.set_ceiling(asked.name, &ceiling, asked.now)?))
}

fn person(one: &Person) -> Value {
    json!({
        "name": one.name,
        "created": time::format(one.created),
        "ceiling": one.ceiling.as_ref().map(forms::holder),
    })
}

fn list(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let page = asked.page()?;
    let found = asked.registry.people(&page.after, page.most)?;
    let next = found.last().map(|last| json!(last.name));
    Ok(listed("people", found.iter().map(person).collect(), next, page.most))
}

fn consent(one: &Consented) -> Value {
    let Consented { consent, agent } = one;
    json!({
        "id": consent.id,
        "person": consent.person,
        "client": consent.client,
        "clientName": consent.client_name,
        "audience": consent.audience,
        "given": time::format(consent.created),
        "changed": time::format(consent.changed),
        "state": agent.holder.state.name(),
        "until": agent.profile.until.map(time::format),
        "agent": agent.holder.did,
        "grants": agent.profile.grants,
        "constraints": agent.profile.constraints,
        "budgets": agent.profile.budgets.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn consents(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let page = asked.page()?;
    let found = asked.registry.consents(asked.query("person"), (&page.after, page.most))?;
    let next = found.last().map(|last| json!(last.consent.id));
    Ok(listed("consents", found.iter().map(consent).collect(), next, page.most))
}

fn client(one: &Client) -> Value {
    let redirects: Value = serde_json::from_str(&one.redirects).unwrap_or_default();
    json!({"id": one.id, "name": one.name, "redirects": redirects, "created": time::format(one.created)})
}

fn clients(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let page = asked.page()?;
    let found = asked.registry.clients(&page.after, page.most)?;
    let next = found.last().map(|last| json!(last.id));
    Ok(listed("clients", found.iter().map(client).collect(), next, page.most))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct AddClient {
    name: String,
    redirects: Vec<String>,
}

fn add_client(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let AddClient { name, redirects } = asked.body()?;
    for to in &redirects {
        redirect::check(to).map_err(|reason| {
            ApiError::bad("value_invalid", format!("no answer can go to `{to}`: {reason}"))
        })?;
    }
    Ok(client(&asked.registry.add_client(&name, &redirects, asked.now)?))
}
