//! Processes of agents that have their requests signed by the signer.

use super::{admins::gives_no_more, asked::Asked, endpoint::Endpoint, error::ApiError};
use axum::http::Method;
use legation_keys::base64url;
use legation_registry::processes::AgentProcess;
use legation_store::holder::Kind;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint::change(
    Method::POST,
    ("/v1/agents/{name}/process", "admin:agents.process"),
    "Let processes of one user of the signer's machine have the agent's requests signed there. What is answered opens for that user alone.",
    (Some("ProcessUser"), "AgentProcess"),
    process,
)];

/// Who the processes run as.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct ProcessUser {
    user: u32,
}

fn process(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let ProcessUser { user } = asked.body()?;
    // Whoever administers more than oneself is no other's to act as.
    gives_no_more(asked, &asked.registry.show(Kind::Agent, asked.name)?.profile)?;
    let AgentProcess { holder, organization, key_id, public_jwk, sealed, chain } =
        asked.registry.agent_process(asked.name, user, asked.now)?;
    let jwk: Value = serde_json::from_str(&public_jwk).unwrap_or_default();
    Ok(json!({
        "agent": holder.name, "did": holder.did, "user": user, "organization": organization, "keyId": key_id, "jwk": jwk,
        "sealed": base64url::encode(&sealed), "chain": chain,
    }))
}
