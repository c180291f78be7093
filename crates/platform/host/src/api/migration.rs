//! Moving programs here: agents in shadow, what they did, and keys of another gateway that they go on with.

use super::{
    asked::Asked,
    endpoint::{Endpoint, Member},
    error::ApiError,
    forms,
};
use axum::http::Method;
use legation_credential::money::money;
use legation_keys::time::{self, Round};
use legation_registry::{
    Profile, Shadowed,
    watched::{Seen, Watched},
};
use serde::Deserialize;
use serde_json::{Value, json};

const AGENT: Member = Member { name: "agent", kind: "string", about: "This agent only." };
const SINCE: Member =
    Member { name: "since", kind: "string", about: "From this time on; by default all that is recorded." };
/// Most of a list that is told.
const MOST: usize = 256;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        ("/v1/shadows", "admin:shadows.list"),
        "The agents that are in shadow: what is denied them is recorded, and passes up to what their team has.",
        &[],
        "Shadows",
        |asked| {
            let all = asked.registry.shadows(asked.now)?;
            Ok(json!({"shadows": all.values().map(shadow).collect::<Vec<_>>()}))
        },
    ),
    Endpoint::change(
        Method::POST,
        ("/v1/shadows", "admin:shadows.begin"),
        "Put an agent in shadow from its next call on, for 30 days at most.",
        (Some("BeginShadow"), "Shadow"),
        begin,
    ),
    Endpoint::change(
        Method::POST,
        ("/v1/shadows/{name}/end", "admin:shadows.end"),
        "Enforce an agent from its next call on.",
        (None, "ShadowEnded"),
        |asked| Ok(json!({"agent": asked.name, "ended": asked.registry.enforce(asked.name, asked.now)?})),
    ),
    Endpoint::change(
        Method::POST,
        ("/v1/adopted-keys", "admin:api-keys.create"),
        "Let an agent go on with a key of another gateway for a while, by its SHA-256.",
        (Some("AdoptKey"), "Key"),
        adopt,
    ),
    Endpoint::get(
        ("/v1/migration", "admin:receipts.list"),
        "What agents did, what would be denied them and by which rule, and the least that would fit.",
        &[AGENT, SINCE],
        "Migration",
        report,
    ),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Begin {
    agent: String,
    until: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Adopt {
    agent: String,
    #[serde(default)]
    name: String,
    sha256: String,
    until: String,
}

fn moment(name: &str, text: &str) -> Result<i64, ApiError> {
    time::parse(text, Round::Down).ok_or_else(|| {
        let message = format!("`{name}` is `{text}`; expected a time such as `2026-12-21T10:00:00Z`");
        ApiError::bad("value_invalid", message)
    })
}

fn begin(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let Begin { agent, until } = asked.body()?;
    Ok(shadow(&asked.registry.shadow(&agent, moment("until", &until)?, asked.now)?))
}

fn adopt(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let Adopt { agent, name, sha256, until } = asked.body()?;
    let digest = read_hex(&sha256).ok_or_else(|| {
        ApiError::bad("value_invalid", "`sha256` is no SHA-256; expected 64 hexadecimal digits")
    })?;
    let key = asked.registry.adopt_key((&agent, &name), digest, moment("until", &until)?, asked.now)?;
    Ok(forms::key(&agent, &key, asked.now))
}

fn read_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut digest = [0; 32];
    for (byte, at) in digest.iter_mut().zip((0_usize..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at.saturating_add(2))?, 16).ok()?;
    }
    Some(digest)
}

pub(super) fn shadow(one: &Shadowed) -> Value {
    json!({"agent": one.agent, "since": time::format(one.since), "until": time::format(one.until)})
}

fn report(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let since = asked.moment("since")?.unwrap_or_default();
    let watched = asked.registry.watched(asked.query("agent"), since, asked.now)?;
    let host = asked.registry.host();
    let agents: Vec<Value> = watched.iter().map(|one| agent(one, &host)).collect();
    Ok(json!({"agents": agents}))
}

fn agent(one: &Watched, host: &str) -> Value {
    let Watched { shown, shadow: in_shadow, seen, adopted } = one;
    let fitting = one.fitting(host);
    let denied: Vec<Value> = seen
        .denied
        .iter()
        .take(MOST)
        .map(|((code, expected), one)| {
            json!({
                "code": code, "expected": expected, "found": one.found, "passed": one.passed, "refused": one.refused,
            })
        })
        .collect();
    let keys = adopted.iter().map(|(hint, until)| json!({"hint": hint, "until": time::format(*until)}));
    json!({
        "agent": shown.holder.name,
        "did": shown.holder.did,
        "team": shown.parent,
        "mode": if in_shadow.is_some() { "shadow" } else { "enforce" },
        "until": in_shadow.as_ref().map(|one| time::format(one.until)),
        "calls": seen.calls,
        "wouldBeDenied": seen.would_be_denied(),
        "denied": denied,
        "seen": of_seen(seen),
        "adoptedKeys": keys.collect::<Vec<_>>(),
        "fitting": fitting.profile.as_ref().map(|profile| said(&shown.holder.name, shown.parent.as_deref(), profile)),
        "inTheWay": fitting.in_the_way,
    })
}

fn of_seen(seen: &Seen) -> Value {
    let used: Vec<Value> = seen
        .used
        .iter()
        .take(MOST)
        .map(|((action, resource), times)| json!({"action": action, "resource": resource, "calls": times}))
        .collect();
    let day: Vec<String> = seen.day.iter().map(|(currency, micros)| money(*micros, currency)).collect();
    json!({
        "used": used,
        "models": seen.models,
        "mostInADay": day,
        "mostInAMinute": seen.minute,
        "first": seen.when.map(|(first, _)| time::format(first)),
        "last": seen.when.map(|(_, last)| time::format(last)),
    })
}

/// What an agent would be given, as files and the API say it.
fn said(name: &str, team: Option<&str>, profile: &Profile) -> Value {
    let budgets: Vec<String> = profile.budgets.iter().map(ToString::to_string).collect();
    json!({
        "name": name, "team": team, "purpose": profile.purpose, "owner": profile.owner, "tags": profile.tags,
        "capabilities": profile.capabilities, "models": profile.groups, "actions": profile.actions,
        "resources": profile.resources, "constraints": profile.constraints, "budgets": budgets,
        "maxDepth": profile.max_depth, "validFor": profile.valid_for,
    })
}
