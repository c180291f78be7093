//! API keys of agents.

use super::{
    asked::{Asked, listed},
    endpoint::{AFTER, Endpoint, LIMIT, Member},
    error::ApiError,
    forms,
};
use axum::http::Method;
use legation_keys::time;
use legation_registry::NewKey;
use serde::Deserialize;
use serde_json::{Value, json};

const AGENT: Member = Member { name: "agent", kind: "string", about: "Those of this agent only." };
/// How much longer a key is accepted that was rotated, where nobody says it: a day, in seconds.
const GRACE: i64 = 86_400;
/// Longest life of a key, and longest grace: ten years, in seconds.
const MAX_LIFE: i64 = 315_576_000;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        ("/v1/api-keys", "admin:api-keys.list"),
        "The API keys of an agent, or all. Their secrets are not kept.",
        &[AGENT, AFTER, LIMIT],
        "Keys",
        list,
    ),
    Endpoint::make(
        ("/v1/api-keys", "admin:api-keys.create"),
        "Make a key of an agent that can't sign. Its secret is in this answer and nowhere else.",
        ("CreateKey", "NewKey"),
        create,
    )
    .with_secret(),
    Endpoint::make(
        ("/v1/api-keys/{id}/rotate", "admin:api-keys.rotate"),
        "Make a new key in place of one, which is accepted a while longer.",
        ("RotateKey", "NewKey"),
        rotate,
    )
    .with_secret(),
    Endpoint::change(
        Method::POST,
        ("/v1/api-keys/{id}/block", "admin:api-keys.block"),
        "Block a key from the next call on, for good.",
        (None, "Key"),
        block,
    ),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "an object")]
struct Create {
    agent: String,
    #[serde(default)]
    name: String,
    expires_in: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Rotate {
    grace: Option<i64>,
}

fn list(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let page = asked.page()?;
    let found = asked.registry.keys_after(asked.query("agent"), &page.after, page.most)?;
    let next = found.last().map(|(_, key)| json!(key.id));
    let keys = found.iter().map(|(agent, key)| forms::key(agent, key, asked.now)).collect();
    Ok(listed("keys", keys, next, page.most))
}

pub(super) fn seconds(name: &str, seconds: i64, least: i64) -> Result<i64, ApiError> {
    if (least..=MAX_LIFE).contains(&seconds) {
        return Ok(seconds);
    }
    let message = format!("`{name}` is {seconds}; expected seconds from {least} to {MAX_LIFE}");
    Err(ApiError::bad("value_invalid", message))
}

fn create(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let create: Create = asked.body()?;
    let expires = create.expires_in.map(|after| seconds("expiresIn", after, 1)).transpose()?;
    let made = asked.registry.create_key(&create.agent, &create.name, expires, asked.now)?;
    Ok(new_key(&made, asked.now))
}

fn rotate(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let rotate: Rotate = asked.body()?;
    let grace = seconds("grace", rotate.grace.unwrap_or(GRACE), 0)?;
    let made = asked.registry.rotate_key(asked.name, grace, asked.now)?;
    let until = time::format(asked.now.saturating_add(grace));
    let more = [("replaces", json!(asked.name)), ("replacedUntil", json!(until))];
    Ok(forms::with(new_key(&made, asked.now), &more))
}

/// The one time that a secret is given.
fn new_key(made: &NewKey, now: i64) -> Value {
    let NewKey { agent, key, secret } = made;
    forms::with(forms::key(agent, key, now), &[("secret", json!(secret.as_str()))])
}

fn block(asked: &Asked<'_>) -> Result<Value, ApiError> {
    asked.registry.block_key(asked.name, asked.now)?;
    let (agent, key) = asked.registry.key(asked.name)?;
    Ok(forms::key(&agent, &key, asked.now))
}
