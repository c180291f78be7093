//! Keys in custody that are replaced.

use super::{asked::Asked, endpoint::Endpoint, error::ApiError, keys::seconds};
use axum::http::Method;
use legation_keys::time;
use legation_registry::{Rotated, retention::Retention};
use legation_store::holder::Kind;
use serde::Deserialize;
use serde_json::{Value, json};

const SUMMARY: &str = "Replace a key that the signer keeps. The old one stays published until what it signed has ended; where it is \
                       compromised, it goes at once, and what it signed is signed anew.";

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::change(
        Method::POST,
        ("/v1/organization/rotate", "admin:organization.rotate"),
        SUMMARY,
        (Some("Rotate"), "KeyRotated"),
        |asked| rotate(asked, Kind::Organization, asked.registry.did().method_specific_id()),
    ),
    Endpoint::change(
        Method::POST,
        ("/v1/teams/{name}/rotate", "admin:teams.rotate"),
        SUMMARY,
        (Some("Rotate"), "KeyRotated"),
        |asked| rotate(asked, Kind::Team, asked.name),
    ),
    Endpoint::change(
        Method::POST,
        ("/v1/agents/{name}/rotate", "admin:agents.rotate"),
        SUMMARY,
        (Some("Rotate"), "KeyRotated"),
        |asked| rotate(asked, Kind::Agent, asked.name),
    ),
    Endpoint::change(
        Method::PUT,
        ("/v1/organization/rotation", "admin:organization.schedule"),
        EVERY,
        (Some("RotateEvery"), "RotationSet"),
        |asked| every(asked, Kind::Organization, asked.registry.did().method_specific_id()),
    ),
    Endpoint::change(
        Method::PUT,
        ("/v1/teams/{name}/rotation", "admin:teams.schedule"),
        EVERY,
        (Some("RotateEvery"), "RotationSet"),
        |asked| every(asked, Kind::Team, asked.name),
    ),
    Endpoint::change(
        Method::PUT,
        ("/v1/agents/{name}/rotation", "admin:agents.schedule"),
        EVERY,
        (Some("RotateEvery"), "RotationSet"),
        |asked| every(asked, Kind::Agent, asked.name),
    ),
    Endpoint::get(
        ("/v1/retention", "admin:retention.show"),
        "For how long receipts and events are kept.",
        &[],
        "Retention",
        |asked| Ok(kept(asked.registry.retention()?)),
    ),
    Endpoint::change(
        Method::PUT,
        ("/v1/retention", "admin:retention.set"),
        "Set for how long receipts and events are kept; older ones are forgotten by and by. What is left out is kept for ever.",
        (Some("Retention"), "Retention"),
        keep,
    ),
];

/// For how long something is kept, seconds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Keep {
    receipts: Option<i64>,
    events: Option<i64>,
}

fn keep(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let Keep { receipts, events } = asked.body()?;
    for (name, kept) in [("receipts", receipts), ("events", events)] {
        kept.map(|kept| seconds(name, kept, 1)).transpose()?;
    }
    let to = Retention { receipts, events };
    asked.registry.set_retention(to, asked.now)?;
    Ok(kept(to))
}

fn kept(Retention { receipts, events }: Retention) -> Value {
    json!({"receipts": receipts, "events": events})
}

const EVERY: &str = "Have the signer's key replaced by itself again and again, each with an overlap, or not any more. The first time is counted \
                     from when the key was made.";

/// When a key is replaced by itself.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Every {
    /// Seconds.
    every: Option<i64>,
}

fn every(asked: &Asked<'_>, kind: Kind, name: &str) -> Result<Value, ApiError> {
    let Every { every } = asked.body()?;
    let every = every.map(|every| seconds("every", every, 1)).transpose()?;
    let due = asked.registry.rotate_every((kind, name), every, asked.now)?;
    Ok(json!({"kind": kind.name(), "name": name, "every": every, "due": due.map(time::format)}))
}

/// How a key is replaced.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Rotate {
    /// Whether others may have it.
    #[serde(default)]
    compromised: bool,
}

fn rotate(asked: &Asked<'_>, kind: Kind, name: &str) -> Result<Value, ApiError> {
    let Rotate { compromised } = asked.body()?;
    let Rotated { holder, key, until } = asked.registry.rotate((kind, name), compromised, asked.now)?;
    let did = holder.did.parse().ok();
    let key = did.map(|did| legation_did::method_id(&did, &key));
    Ok(json!({
        "kind": kind.name(), "name": holder.name, "did": holder.did, "key": key, "until": until.map(time::format),
    }))
}
