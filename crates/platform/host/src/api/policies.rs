//! Policies: kept in versions, bound, tried out on what was decided.

use super::{
    asked::{Asked, listed},
    endpoint::{AFTER, AT, Endpoint, LIMIT, Member},
    error::ApiError,
    forms,
};
use axum::http::Method;
use legation_keys::{base64url, time};
use legation_policy::{Document, Target};
use legation_registry::{Kept, RegistryError, Trial, policies::target_of};
use legation_store::policy::{Binding, Version};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

const VERSION: Member =
    Member { name: "version", kind: "integer", about: "This version; by default the last one." };
/// Most targets of one request.
const MOST_TARGETS: usize = 1000;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        ("/v1/policies", "admin:policies.list"),
        "The policies, each by its last version, and whom they are bound to.",
        &[AFTER, LIMIT],
        "Policies",
        list,
    ),
    Endpoint::get(
        ("/v1/policies/{name}", "admin:policies.show"),
        "A version of a policy, and whom the policy is bound to.",
        &[VERSION],
        "PolicyShown",
        show,
    ),
    Endpoint::change(
        Method::PUT,
        ("/v1/policies/{name}", "admin:policies.put"),
        "Keep a text as the next version of a policy, where it is another than that of the last one. It decides nothing before it is \
         bound; with `bound`, it is bound to these at once and to nobody else.",
        (Some("PutPolicy"), "PolicyKept"),
        put,
    ),
    Endpoint::change(
        Method::POST,
        ("/v1/policies/{name}/bind", "admin:policies.bind"),
        "Bind a version of a policy, in place of another one of its versions. It decides once this is answered, in every gateway.",
        (Some("BindPolicy"), "PolicyBinding"),
        bind,
    ),
    Endpoint::change(
        Method::POST,
        ("/v1/policies/{name}/unbind", "admin:policies.unbind"),
        "End what binds a policy to somebody, or to all.",
        (Some("UnbindPolicy"), "PolicyUnbound"),
        unbind,
    ),
    Endpoint::get(
        ("/v1/policies/{name}/history", "admin:policies.show"),
        "All versions of a policy, and all that it was ever bound to.",
        &[],
        "PolicyHistory",
        history,
    ),
    Endpoint::get(
        ("/v1/policy-bindings", "admin:policies.list"),
        "What is bound, or was at a moment.",
        &[AT],
        "PolicyBindings",
        bindings,
    ),
    Endpoint::change(
        Method::POST,
        ("/v1/policy-tests", "admin:policies.test"),
        "Decide what was decided again, as receipts have it, with a policy in place of the one of its name: what would be decided otherwise. \
         Nothing is changed.",
        (Some("TestPolicy"), "PolicyTest"),
        test,
    )
    .reading(),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Put {
    text: String,
    bound: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Bind {
    to: String,
    version: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Unbind {
    to: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Test {
    name: String,
    text: Option<String>,
    version: Option<i64>,
    #[serde(default)]
    to: Vec<String>,
    since: Option<String>,
}

fn target(text: &str) -> Result<Target, ApiError> {
    text.parse().map_err(|error: legation_policy::principal::TargetError| {
        ApiError::bad("value_invalid", error.to_string())
    })
}

fn targets(texts: &[String]) -> Result<Vec<Target>, ApiError> {
    if texts.len() > MOST_TARGETS {
        return Err(ApiError::bad(
            "value_invalid",
            format!("{} targets; give {MOST_TARGETS} at most", texts.len()),
        ));
    }
    texts.iter().map(|text| target(text)).collect()
}

/// Whom something is bound to, as people write it.
fn to(binding: &Binding) -> String {
    target_of(binding)
        .map_or_else(|| format!("{}:{}", binding.kind, binding.target), |target| target.to_string())
}

fn version(one: &Version) -> Value {
    json!({
        "name": one.name, "version": one.version, "digest": base64url::encode(&one.digest),
        "created": time::format(one.created), "by": one.actor,
    })
}

pub(super) fn binding(one: &Binding) -> Value {
    let json =
        json!({"name": one.name, "version": one.version, "to": to(one), "since": time::format(one.bound)});
    match one.ended {
        Some(ended) => forms::with(json, &[("until", json!(time::format(ended)))]),
        None => json,
    }
}

fn kept(one: &Kept) -> Value {
    let mut bound = one.bound.clone();
    bound.sort_by_key(to);
    forms::with(version(&one.version), &[("bound", bound.iter().map(binding).collect())])
}

fn list(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let page = asked.page()?;
    let found = asked.registry.policies(&page.after, page.most)?;
    let next = found.last().map(|last| json!(last.version.name));
    Ok(listed("policies", found.iter().map(kept).collect(), next, page.most))
}

fn show(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let found = asked.registry.policy(asked.name, asked.number("version", 1, i64::MAX)?)?;
    Ok(forms::with(kept(&found), &[("text", json!(found.version.text))]))
}

fn put(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let put: Put = asked.body()?;
    match put.bound {
        None => {
            asked.registry.put_policy(asked.name, &put.text, asked.now)?;
        }
        Some(bound) => {
            asked.registry.set_policy(asked.name, &put.text, &targets(&bound)?, asked.now)?;
        }
    }
    Ok(kept(&asked.registry.policy(asked.name, None)?))
}

fn bind(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let bind: Bind = asked.body()?;
    Ok(binding(&asked.registry.bind_policy(asked.name, bind.version, &target(&bind.to)?, asked.now)?))
}

fn unbind(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let unbind: Unbind = asked.body()?;
    let from = unbind.to.as_deref().map(target).transpose()?;
    let ended = asked.registry.unbind_policy(asked.name, from.as_ref(), asked.now)?;
    Ok(json!({"name": asked.name, "unbound": ended.iter().map(to).collect::<Vec<_>>()}))
}

fn history(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let (versions, bound) = asked.registry.policy_history(asked.name)?;
    let versions: Vec<Value> = versions.iter().map(version).collect();
    let bound: Vec<Value> = bound.iter().map(binding).collect();
    Ok(json!({"name": asked.name, "versions": versions, "bindings": bound}))
}

fn bindings(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let found = asked.registry.bindings(asked.moment("at")?)?;
    Ok(json!({"bindings": found.iter().map(binding).collect::<Vec<_>>()}))
}

fn test(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let test: Test = asked.body()?;
    let since = match &test.since {
        None => 0,
        Some(text) => time::parse(text, time::Round::Down).ok_or_else(|| {
            ApiError::bad(
                "value_invalid",
                format!("`since` is `{text}`; expected a time such as `2026-11-21T10:00:00Z`"),
            )
        })?,
    };
    let document = match (&test.text, test.version) {
        (Some(_), Some(_)) => {
            return Err(ApiError::bad("value_invalid", "give `text` or `version`, not both"));
        }
        (Some(text), None) => Document::parse(&test.name, 1, text).map_err(RegistryError::from)?,
        (None, version) => {
            let kept = asked.registry.policy(&test.name, version)?.version;
            Document::parse(&kept.name, kept.version, &kept.text).map_err(RegistryError::from)?
        }
    };
    let trial = Trial { document: Arc::new(document), targets: targets(&test.to)? };
    let tried = asked.registry.try_policy(&trial, since)?;
    let differences: Vec<Value> = tried
        .differences
        .iter()
        .map(|one| {
            json!({
                "receipt": one.seq, "at": time::format(one.at), "agent": one.agent, "action": one.action,
                "resource": one.resource, "was": one.was, "would": one.would, "policies": one.policies, "found": one.found,
            })
        })
        .collect();
    let agents: Vec<Value> = tried
        .by_agent
        .iter()
        .map(|(agent, (denied, through))| json!({"agent": agent, "denied": denied, "through": through}))
        .collect();
    Ok(json!({
        "requests": tried.requests, "denied": tried.denied, "through": tried.through, "leftOut": tried.left_out,
        "agents": agents, "differences": differences,
    }))
}
