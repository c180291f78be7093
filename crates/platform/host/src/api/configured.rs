//! Models, routes, partners, secrets of upstreams.

use super::{
    asked::{Asked, Page, listed},
    endpoint::{AFTER, Endpoint, LIMIT},
    error::ApiError,
    forms,
};
use axum::http::Method;
use legation_keys::time;
use legation_registry::{model::Model, partner::Partner, route::Route};
use legation_store::configuration::Secret;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(("/v1/models", "admin:models.list"), "The models.", &[AFTER, LIMIT], "Models", models),
    Endpoint::get(("/v1/models/{name}", "admin:models.list"), "One model.", &[], "ModelShown", model),
    Endpoint::change(
        Method::PUT,
        ("/v1/models/{name}", "admin:models.set"),
        "Write a model, a new one or the next version of one. One that was closed opens again.",
        (Some("Model"), "ModelSet"),
        set_model,
    ),
    Endpoint::change(
        Method::DELETE,
        ("/v1/models/{name}", "admin:models.remove"),
        "Remove a model.",
        (None, "Removed"),
        |asked| {
            asked.registry.remove_model(asked.name, asked.now)?;
            Ok(json!({"removed": asked.name}))
        },
    ),
    Endpoint::get(("/v1/routes", "admin:routes.list"), "The routes.", &[AFTER, LIMIT], "Routes", routes),
    Endpoint::get(("/v1/routes/{name}", "admin:routes.list"), "One route.", &[], "Route", route),
    Endpoint::change(
        Method::PUT,
        ("/v1/routes/{name}", "admin:routes.set"),
        "Write a route, a new one or the next version of one.",
        (Some("Route"), "Route"),
        set_route,
    ),
    Endpoint::change(
        Method::DELETE,
        ("/v1/routes/{name}", "admin:routes.remove"),
        "Remove a route.",
        (None, "Removed"),
        |asked| {
            asked.registry.remove_route(asked.name, asked.now)?;
            Ok(json!({"removed": asked.name}))
        },
    ),
    Endpoint::get(
        ("/v1/partners", "admin:partners.list"),
        "Other organizations whose agents may call, on which routes and models.",
        &[AFTER, LIMIT],
        "Partners",
        partners,
    ),
    Endpoint::get(("/v1/partners/{name}", "admin:partners.list"), "One partner.", &[], "Partner", partner),
    Endpoint::change(
        Method::PUT,
        ("/v1/partners/{name}", "admin:partners.set"),
        "Let agents of another organization call, on some routes and models, under a ceiling; or change that.",
        (Some("Partner"), "Partner"),
        set_partner,
    ),
    Endpoint::change(
        Method::DELETE,
        ("/v1/partners/{name}", "admin:partners.remove"),
        "Let agents of another organization call no more, from their next call on.",
        (None, "Removed"),
        |asked| {
            asked.registry.remove_partner(asked.name, asked.now)?;
            Ok(json!({"removed": asked.name}))
        },
    ),
    Endpoint::get(
        ("/v1/secrets", "admin:secrets.list"),
        "The secrets of upstreams by name and origin. What they are is not told.",
        &[AFTER, LIMIT],
        "Secrets",
        secrets,
    ),
    Endpoint::change(
        Method::PUT,
        ("/v1/secrets/{name}", "admin:secrets.set"),
        "Set the secret of an upstream. It goes to this origin and to no other.",
        (Some("SetSecret"), "SecretSet"),
        set_secret,
    ),
    Endpoint::change(
        Method::DELETE,
        ("/v1/secrets/{name}", "admin:secrets.remove"),
        "Remove a secret.",
        (None, "Removed"),
        |asked| {
            asked.registry.remove_secret(asked.name, asked.now)?;
            Ok(json!({"removed": asked.name}))
        },
    ),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct SetSecret {
    origin: String,
    secret: String,
}

/// A part of what is there in the order of its names.
pub(super) fn part<T>(
    name: &str,
    all: Vec<T>,
    page: &Page,
    named: impl Fn(&T) -> &str,
    form: impl Fn(&T) -> Value,
) -> Value {
    let most = usize::try_from(page.most).unwrap_or_default();
    let found: Vec<T> = all.into_iter().filter(|one| named(one) > page.after.as_str()).take(most).collect();
    let next = found.last().map(|last| json!(named(last)));
    listed(name, found.iter().map(form).collect(), next, page.most)
}

pub(super) fn same_name(asked: &Asked<'_>, found: &str) -> Result<(), ApiError> {
    if asked.name == found {
        return Ok(());
    }
    let message = format!("the body names `{found}` and the path `{}`; write the same in both", asked.name);
    Err(ApiError::bad("value_invalid", message))
}

fn models(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let (page, closed) = (asked.page()?, asked.registry.closed_models()?);
    Ok(part("models", asked.registry.models()?, &page, |model| &model.name, |model| shown(model, &closed)))
}

/// A model and whether it is open.
fn shown(model: &Model, closed: &[String]) -> Value {
    let state = if closed.contains(&model.name) { "closed" } else { "open" };
    forms::with(serde_json::to_value(model).unwrap_or_default(), &[("state", json!(state))])
}

fn model(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let found = asked.registry.models()?.into_iter().find(|model| model.name == asked.name);
    let closed = asked.registry.closed_models()?;
    found.map(|model| shown(&model, &closed)).ok_or_else(|| missing("model", asked.name))
}

/// Nothing of that name.
pub(super) fn missing(what: &str, name: &str) -> ApiError {
    ApiError::new(404, "not_found", format!("there is no {what} `{name}`"))
}

fn set_model(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let model: Model = asked.body()?;
    same_name(asked, &model.name)?;
    asked.registry.put_model(&model, asked.now)?;
    let problems = problems(&model, &asked.registry.secrets()?);
    Ok(json!({"set": model.name, "problems": problems}))
}

/// Why a model can't be called, each with what to do.
#[must_use]
pub fn problems(model: &Model, secrets: &[Secret]) -> Vec<String> {
    let name = &model.name;
    let mut found = Vec::new();
    if model.currency().is_none() {
        found.push(format!(
            "the model `{name}` has no price, so that no call of it passes; set it anew with a `price`"
        ));
    }
    for target in &model.targets {
        let (Some(wanted), origin) = (&target.secret, target.origin()) else { continue };
        match secrets.iter().find(|secret| secret.name == *wanted) {
            None => found.push(format!(
                "the model `{name}` wants the secret `{wanted}`, which is not there; \
                 set it with `legation secret set {wanted} --origin {origin}`"
            )),
            Some(secret) if secret.origin != origin => found.push(format!(
                "the model `{name}` runs at {origin}, but its secret `{wanted}` goes to {} only; \
                 set it anew with `legation secret set {wanted} --origin {origin}`, or another one by its own name",
                secret.origin
            )),
            Some(_) => {}
        }
    }
    found
}

fn routes(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let form = |route: &Route| serde_json::to_value(route).unwrap_or_default();
    Ok(part("routes", asked.registry.routes()?, &asked.page()?, |route| &route.name, form))
}

fn route(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let found = asked.registry.routes()?.into_iter().find(|route| route.name == asked.name);
    let form = |route: &Route| serde_json::to_value(route).unwrap_or_default();
    found.as_ref().map(form).ok_or_else(|| missing("route", asked.name))
}

fn set_route(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let route: Route = asked.body()?;
    same_name(asked, &route.name)?;
    asked.registry.put_route(&route, asked.now)?;
    Ok(serde_json::to_value(&route).unwrap_or_default())
}

fn partners(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let form = |partner: &Partner| serde_json::to_value(partner).unwrap_or_default();
    Ok(part("partners", asked.registry.partners()?, &asked.page()?, |partner| &partner.name, form))
}

fn partner(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let found = asked.registry.partners()?.into_iter().find(|partner| partner.name == asked.name);
    let form = |partner: &Partner| serde_json::to_value(partner).unwrap_or_default();
    found.as_ref().map(form).ok_or_else(|| missing("partner", asked.name))
}

fn set_partner(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let partner: Partner = asked.body()?;
    same_name(asked, &partner.name)?;
    asked.registry.put_partner(&partner, asked.now)?;
    Ok(serde_json::to_value(&partner).unwrap_or_default())
}

fn secrets(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let form = |secret: &Secret| json!({"name": secret.name, "origin": secret.origin, "set": time::format(secret.created)});
    Ok(part("secrets", asked.registry.secrets()?, &asked.page()?, |secret| &secret.name, form))
}

fn set_secret(asked: &Asked<'_>) -> Result<Value, ApiError> {
    // What is wrong with the body is told without a part of it.
    let set: SetSecret = asked.body().map_err(|error| {
        ApiError::new(error.status, &error.code, "the body is not `{\"origin\": URL, \"secret\": TEXT}`")
    })?;
    let SetSecret { origin, secret } = set;
    let secret = Zeroizing::new(secret);
    asked.registry.set_secret(asked.name, &origin, &secret, asked.now)?;
    Ok(json!({"name": asked.name, "origin": origin}))
}
