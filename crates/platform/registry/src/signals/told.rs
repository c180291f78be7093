//! Which events of the organization are told, and as which of CAEP 1.0.

use crate::{error::RegistryError, registry::Registry};
use legation_keys::base64url;
use legation_store::{
    Event, Tx, holder,
    holder::{Holder, Kind},
    link,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Whose credential changed: here a delegation that was revoked.
const CREDENTIAL_CHANGE: &str = "https://schemas.openid.net/secevent/caep/event-type/credential-change";
const RISK_LEVEL_CHANGE: &str = "https://schemas.openid.net/secevent/caep/event-type/risk-level-change";
const SESSION_REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
/// That a stream works (SSF 1.0 §8.1.4).
pub const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";
/// That the organization has changed a stream's status (SSF 1.0 §8.1.5).
pub const STREAM_UPDATED: &str = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated";
/// The events that receivers may ask for.
pub const EVENTS: [&str; 3] = [CREDENTIAL_CHANGE, RISK_LEVEL_CHANGE, SESSION_REVOKED];
/// Most delegations of one event that are told one by one.
const MOST_ENDED: i64 = 1000;

/// What is told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    /// The type of the event.
    pub(crate) event: &'static str,
    /// Of whom.
    pub(crate) subject: Value,
    /// What it says.
    pub(crate) said: Value,
}

/// What an event of the organization is told as: nothing, of most.
///
/// A delegation that ended is told by the digest of its text, which each delegation below it names as its parent: one event
/// for all that descends from it. Who is suspended is told by its DID, and so is whose key others may have: nothing that is
/// of it holds.
pub(crate) fn told(registry: &Registry, tx: &mut Tx<'_>, event: &Event) -> Result<Vec<Told>, RegistryError> {
    let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
    let initiating = if event.kind.starts_with("delegation.renewed") { "system" } else { "admin" };
    let base = || json!({"event_timestamp": event.at, "initiating_entity": initiating});
    let with = |more: Value| {
        let mut said = base();
        if let (Some(said), Value::Object(more)) = (said.as_object_mut(), more) {
            said.extend(more);
        }
        said
    };
    let revoked = || with(json!({"credential_type": "verifiable-credential", "change_type": "revoke"}));
    let risk = |level: &str, before: &str| {
        with(json!({"principal": "SESSION", "current_level": level, "previous_level": before}))
    };
    let of_did = |did: &str| subject(registry, did, None);
    let did = data.get("did").and_then(Value::as_str);
    Ok(match (event.kind.as_str(), did) {
        ("agent.suspended" | "team.suspended", Some(did)) => vec![
            Told { event: SESSION_REVOKED, subject: of_did(did), said: base() },
            Told { event: RISK_LEVEL_CHANGE, subject: of_did(did), said: risk("HIGH", "LOW") },
        ],
        ("agent.resumed" | "team.resumed", Some(did)) => {
            vec![Told { event: RISK_LEVEL_CHANGE, subject: of_did(did), said: risk("LOW", "HIGH") }]
        }
        ("key.rotated", _) if data.get("compromised") == Some(&Value::Bool(true)) => {
            let holder = rotated(registry, tx, &data, &event.subject)?;
            // In its place what its delegations were replaced by would be told one by one.
            vec![Told { event: CREDENTIAL_CHANGE, subject: of_did(&holder.did), said: revoked() }]
        }
        _ => {
            let mut all = Vec::new();
            for link in link::ended_by(tx, registry.id(), event.seq, MOST_ENDED)? {
                let holder = holder::get(tx, registry.id(), &link.holder)?;
                // What admins hold is of no use to anybody but the organization itself.
                if holder.kind != Kind::Admin {
                    let digest = base64url::encode(&Sha256::digest(&link.secured));
                    let subject = subject(registry, &holder.did, Some(&digest));
                    all.push(Told { event: CREDENTIAL_CHANGE, subject, said: revoked() });
                }
            }
            all
        }
    })
}

fn rotated(registry: &Registry, tx: &mut Tx<'_>, data: &Value, name: &str) -> Result<Holder, RegistryError> {
    let kind = data.get("kind").and_then(Value::as_str).unwrap_or_default();
    let kind = [Kind::Team, Kind::Agent].into_iter().find(|one| one.name() == kind);
    match kind {
        Some(kind) => Ok(holder::by_name(tx, registry.id(), kind, name)?),
        None => registry.top(tx),
    }
}

/// For whom (the organization), who (the agent or team), and by which delegation where it is one.
fn subject(registry: &Registry, did: &str, link: Option<&str>) -> Value {
    let of = |did: &str| json!({"format": "did", "url": did});
    let mut subject =
        json!({"format": "complex", "user": of(registry.did().as_str()), "application": of(did)});
    if let (Some(link), Some(members)) = (link, subject.as_object_mut()) {
        members.insert("session".to_owned(), json!({"format": "opaque", "id": link}));
    }
    subject
}

/// Whether a subject is meant by one that was left out: it is the same, or one of its members is, or all that the other
/// one names of it fits.
pub(crate) fn is_meant(subject: &Value, by: &Value) -> bool {
    if subject == by {
        return true;
    }
    let Value::Object(members) = subject else { return false };
    let is_complex = |value: &Value| value.get("format").and_then(Value::as_str) == Some("complex");
    match by {
        Value::Object(named) if is_complex(by) && named.len() > 1 => {
            named.iter().all(|(name, value)| members.get(name) == Some(value))
        }
        // For whom something is would mean all there is; who it is, and by which delegation, is meant.
        _ => ["application", "session"].iter().any(|name| members.get(*name) == Some(by)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_subject_that_is_left_out_means_no_other_one() {
        let did = |name: &str| json!({"format": "did", "url": format!("did:web:acme.example:{name}")});
        let told = json!({
            "format": "complex", "user": did("own"), "application": did("bot"), "session": {"format": "opaque", "id": "x"},
        });
        for by in [
            did("bot"),
            json!({"format": "opaque", "id": "x"}),
            json!({"format": "complex", "application": did("bot")}),
            told.clone(),
        ] {
            assert!(is_meant(&told, &by), "{by}");
        }
        for by in [
            did("bo"),
            did("own"),
            json!({"format": "complex"}),
            json!({"format": "complex", "application": did("bot"), "session": {"format": "opaque", "id": "y"}}),
            json!({"format": "complex", "device": did("bot")}),
            json!(null),
        ] {
            assert!(!is_meant(&told, &by), "{by}");
        }
    }
}
