//! Keys in custody that are replaced.

use super::{asked::Asked, endpoint::Endpoint, error::ApiError};
use axum::http::Method;
use legation_keys::time;
use legation_registry::Rotated;
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
];

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
