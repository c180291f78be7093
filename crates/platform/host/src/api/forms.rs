//! How what an organization has looks as JSON: the same for the API and for the command.

use super::error::ApiError;
use legation_credential::{Delegation, amount::micros, money::money};
use legation_did::Did;
use legation_keys::time;
use legation_registry::{Admin, Budget, Budgeted, Past, Profile, RegistryError, Shown, Taken, names};
use legation_store::{
    Event,
    api_key::ApiKey,
    holder::{Holder, Kind, State},
    link::Link,
    receipt::{Receipt, Spent},
    theirs::Theirs,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// An object with further members.
pub(crate) fn with(mut json: Value, more: &[(&str, Value)]) -> Value {
    if let Some(members) = json.as_object_mut() {
        members.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    }
    json
}

/// A team or an agent, as far as it is listed.
pub(crate) fn holder(shown: &Shown) -> Value {
    let Shown { holder, profile, parent, valid_until } = shown;
    let json = json!({
        "kind": holder.kind.name(),
        "name": holder.name,
        "did": holder.did,
        "version": holder.version,
        "state": holder.state.name(),
        "created": time::format(holder.created),
        "validUntil": valid_until.map(time::format),
    });
    let json = written(json, profile);
    match holder.kind {
        Kind::Agent => with(json, &[("team", json!(parent))]),
        _ => json,
    }
}

/// A team or an agent as it was, with what the delegations on its path said.
pub(crate) fn as_of(past: &Past, at: i64) -> Result<Value, ApiError> {
    let delegation = |(holder, link): &(Holder, Option<Link>)| {
        let base = json!({"kind": holder.kind.name(), "name": holder.name, "state": holder.state.name()});
        let Some(link) = link else { return Ok(with(base, &[("delegation", Value::Null)])) };
        let said = Delegation::read_unverified(&link.secured)
            .map_err(|error| RegistryError::Damaged { what: link.id.clone(), reason: error.to_string() })?;
        let delegation = json!({
            "id": link.id, "issued": time::format(link.issued), "validUntil": time::format(link.valid_until),
            "authority": said.terms.authority.to_json(),
        });
        Ok(with(base, &[("delegation", delegation)]))
    };
    let Past { holder, profile, path } = past;
    let path: Vec<Value> = path.iter().map(delegation).collect::<Result<_, ApiError>>()?;
    let stopped = past.stopped();
    let json = json!({
        "kind": holder.kind.name(),
        "name": holder.name,
        "did": holder.did,
        "at": time::format(at),
        "version": holder.version,
        "state": holder.state.name(),
        "couldAct": stopped.is_none(),
        "because": stopped,
        "path": path,
    });
    Ok(written(json, profile))
}

/// An object with what is written down of a team or an agent.
fn written(json: Value, profile: &Profile) -> Value {
    // Of a budget that is raised for a while also what it is otherwise.
    let budgets = profile.budgets.iter().zip(profile.effective()).map(|(usual, (of, until))| match until {
        Some(_) => with(budget(of, until), &[("usual", json!(usual.to_string()))]),
        None => budget(of, until),
    });
    let members = [
        ("purpose", json!(profile.purpose)),
        ("owner", json!(profile.owner)),
        ("tags", json!(profile.tags)),
        ("capabilities", json!(profile.capabilities)),
        ("models", json!(profile.groups)),
        ("actions", json!(profile.actions)),
        ("resources", json!(profile.resources)),
        ("constraints", json!(profile.constraints)),
        ("maxDepth", json!(profile.max_depth)),
        ("validFor", json!(profile.valid_for)),
        ("budgets", budgets.collect()),
    ];
    with(json, &members)
}

/// A holder whose state was set.
pub(crate) fn state(holder: &Holder) -> Value {
    let Holder { kind, name, did, state, .. } = holder;
    json!({"kind": kind.name(), "name": name, "did": did, "state": state.name()})
}

fn budget(budget: &Budget, until: Option<i64>) -> Value {
    let json = json!({
        "budget": budget.to_string(), "amount": budget.amount, "currency": budget.currency, "window": budget.window,
    });
    match until {
        Some(until) => with(json, &[("until", json!(time::format(until)))]),
        None => json,
    }
}

/// A budget and what is taken of it: numbers ending in `Micros` are millionths of a minor unit.
pub(crate) fn taken(taken: &Taken) -> Value {
    let Taken { budget: of, until, micros: spent } = taken;
    let left = spent.map(|spent| micros(of.amount).saturating_sub(spent).max(0));
    let text = |micros: Option<i64>| json!(micros.map(|micros| money(micros, &of.currency)));
    with(budget(of, *until), &[("takenMicros", json!(spent)), ("taken", text(*spent)), ("left", text(left))])
}

/// The budgets of a holder, and of those above it.
pub(crate) fn budgets(found: &[Budgeted]) -> Value {
    let one = |one: &Budgeted| {
        let budgets: Vec<Value> = one.budgets.iter().map(taken).collect();
        json!({"kind": one.holder.kind.name(), "name": one.holder.name, "budgets": budgets})
    };
    let mut all = found.iter().map(one);
    let own = all.next().unwrap_or_default();
    with(own, &[("above", all.collect())])
}

/// An API key without its secret, which nobody has any more.
pub(crate) fn key(agent: &str, key: &ApiKey, now: i64) -> Value {
    let expired = key.expires.is_some_and(|expires| now >= expires);
    let state = if key.state == "active" && expired { "expired" } else { &key.state };
    json!({
        "id": key.id, "agent": agent, "name": key.name, "hint": key.hint, "state": state,
        "created": time::format(key.created), "expires": key.expires.map(time::format),
    })
}

/// `current`, `replaced`, `revoked`, `suspended` or `ended`.
pub(crate) fn link_state(holder: &Holder, link: &Link, now: i64) -> &'static str {
    match (link.state.as_str(), holder.state) {
        ("revoked", _) => "revoked",
        _ if now >= link.valid_until => "ended",
        ("current", State::Suspended) => "suspended",
        ("current", _) => "current",
        _ => "replaced",
    }
}

/// A delegation in short.
pub(crate) fn link(holder: &Holder, link: &Link, now: i64) -> Value {
    json!({
        "id": link.id, "kind": holder.kind.name(), "name": holder.name, "state": link_state(holder, link, now),
        "reason": link.reason, "validFrom": time::format(link.valid_from), "validUntil": time::format(link.valid_until),
    })
}

/// An admin; its delegation, which is no secret, is what it signs with.
pub(crate) fn admin(admin: &Admin) -> Value {
    let holder = &admin.shown.holder;
    let delegation = admin.link.as_ref().map(|link| link.id.as_str());
    json!({
        "did": holder.did,
        "state": if holder.state == State::Retired { "removed" } else { holder.state.name() },
        "actions": admin.shown.profile.actions,
        "created": time::format(holder.created),
        "delegation": delegation,
        "validUntil": admin.link.as_ref().map(|link| time::format(link.valid_until)),
    })
}

/// An agent by its name, where it is one of the organization's.
#[must_use]
pub fn agent_name(organization: &Did, did: &str) -> String {
    did.strip_prefix(organization.as_str()).and_then(|rest| rest.strip_prefix(':')).unwrap_or(did).to_owned()
}

/// A model by its name, where the resource is one of the organization's.
#[must_use]
pub fn model_name(organization: &Did, resource: &str) -> String {
    let models = format!("https://{}/models/", names::host(organization));
    let model = resource.strip_prefix(&models).and_then(|rest| rest.split_once('/'));
    model.map_or(resource, |(_, name)| name).to_owned()
}

/// A receipt of others in short.
pub(crate) fn theirs(one: &Theirs, organization: &Did) -> Value {
    json!({
        "seq": one.seq,
        "at": time::format(one.at),
        "agent": agent_name(organization, &one.agent),
        "origin": one.origin,
        "signer": one.signer,
        "decision": one.decision,
        "code": one.code,
        "saidAt": one.said_at.map(time::format),
        "state": one.state,
        "reason": one.reason,
        "sha256": one.digest,
    })
}

/// A receipt in short.
pub(crate) fn receipt(receipt: &Receipt, organization: &Did) -> Value {
    let amount = receipt.amount.zip(receipt.currency.as_deref());
    json!({
        "seq": receipt.seq,
        "at": time::format(receipt.at),
        "decision": receipt.kind,
        "code": receipt.code,
        "agent": agent_name(organization, &receipt.agent),
        "model": model_name(organization, &receipt.resource),
        "amount": amount.map(|(amount, currency)| money(amount, currency)),
        "amountMicros": receipt.amount,
        "currency": receipt.currency,
        "of": receipt.of,
        "times": receipt.times,
        "lastAt": time::format(receipt.last_at),
        "signed": receipt.signed,
    })
}

/// What an agent spent on a resource.
pub(crate) fn spent(spent: &Spent, organization: &Did, teams: &BTreeMap<String, String>) -> Value {
    let Spent { agent, resource, currency, calls, amount, end_user } = spent;
    json!({
        "endUser": end_user,
        "team": teams.get(agent).map_or("", String::as_str), "agent": agent_name(organization, agent), "did": agent, "model": model_name(organization, resource),
        "resource": resource, "currency": currency, "calls": calls, "amountMicros": amount,
        "amount": money(*amount, currency),
    })
}

/// An event.
pub(crate) fn event(event: &Event) -> Value {
    let data: Value = serde_json::from_str(&event.data).unwrap_or(Value::Object(Map::new()));
    json!({
        "seq": event.seq, "at": time::format(event.at), "kind": event.kind, "subject": event.subject,
        "actor": event.actor, "data": data,
        "digest": legation_keys::base64url::encode(&event.digest()),
        "previous": legation_keys::base64url::encode(&event.previous),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_the_organizations_own_is_told_by_its_name() {
        let organization: Did = "did:web:localhost%3A8080".parse().unwrap();
        assert_eq!(model_name(&organization, "https://localhost:8080/models/g/qwen3:8b"), "qwen3:8b");
        assert_eq!(model_name(&organization, "https://crm.example/a"), "https://crm.example/a");
        assert_eq!(agent_name(&organization, "did:web:localhost%3A8080:bot"), "bot");
        assert_eq!(
            agent_name(&organization, "did:web:localhost%3A80801:bot"),
            "did:web:localhost%3A80801:bot"
        );
    }
}
