//! Webhooks that are told what an operator has to know.

use super::{
    asked::{Asked, listed},
    endpoint::{AFTER, Endpoint, LIMIT},
    error::ApiError,
};
use axum::http::Method;
use legation_keys::time;
use legation_registry::{Alert, RegistryError, alerts::told_of};
use legation_store::subscription::Subscription;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        ("/v1/alerts", "admin:alerts.list"),
        "The webhooks, what each is told of, and how much waits for it.",
        &[AFTER, LIMIT],
        "Alerts",
        list,
    ),
    Endpoint::make(
        ("/v1/alerts", "admin:alerts.add"),
        "Tell a webhook of what an operator has to know. Each alert is JSON, signed by the organization's key.",
        ("AddAlert", "Alert"),
        add,
    ),
    Endpoint::change(
        Method::DELETE,
        ("/v1/alerts/{id}", "admin:alerts.remove"),
        "Take a webhook away, with what waits for it.",
        (None, "Alert"),
        |asked| Ok(hook(&asked.registry.remove_alert(asked.name, asked.now)?)?),
    ),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Add {
    url: String,
    #[serde(default)]
    on: Vec<String>,
}

fn hook(hook: &Subscription) -> Result<Value, RegistryError> {
    let on: Vec<&str> = told_of(hook)?.into_iter().map(Alert::name).collect();
    Ok(json!({
        "id": hook.id, "url": hook.url, "on": on, "waiting": hook.waiting, "failures": hook.failures,
        "created": time::format(hook.created),
    }))
}

fn list(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let page = asked.page()?;
    let found = asked.registry.alerts(&page.after, page.most)?;
    let next = found.last().map(|last| json!(last.id));
    let found: Vec<Value> = found.iter().map(hook).collect::<Result<_, _>>()?;
    Ok(listed("alerts", found, next, page.most))
}

fn add(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let add: Add = asked.body()?;
    let alert = |name: &String| {
        let known = Alert::ALL.into_iter().find(|alert| alert.name() == name);
        let all = Alert::ALL.map(Alert::name).join("`, `");
        known.ok_or_else(|| {
            ApiError::bad("value_invalid", format!("there is no alert `{name}`; there are `{all}`"))
        })
    };
    let on: Vec<Alert> = add.on.iter().map(alert).collect::<Result<_, _>>()?;
    Ok(hook(&asked.registry.add_alert(&add.url, &on, asked.now)?)?)
}
