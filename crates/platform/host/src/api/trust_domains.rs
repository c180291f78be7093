//! Other SPIFFE trust domains, and whose workloads are agents here.

use super::{
    asked::Asked,
    configured::{missing, part, same_name},
    endpoint::{AFTER, Endpoint, LIMIT},
    error::ApiError,
    forms,
};
use axum::http::Method;
use legation_keys::time;
use legation_registry::trust::TrustDomain;
use serde_json::{Value, json};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        ("/v1/trust-domains", "admin:trust-domains.list"),
        "Other SPIFFE trust domains whose workloads may call as agents of the organization.",
        &[AFTER, LIMIT],
        "TrustDomains",
        list,
    ),
    Endpoint::get(
        ("/v1/trust-domains/{name}", "admin:trust-domains.list"),
        "One trust domain.",
        &[],
        "TrustDomainShown",
        one,
    ),
    Endpoint::change(
        Method::PUT,
        ("/v1/trust-domains/{name}", "admin:trust-domains.set"),
        "Rely on a trust domain, by its bundle or where that is fetched, and say which of its workloads are which agents; or change that.",
        (Some("TrustDomain"), "TrustDomainShown"),
        set,
    ),
    Endpoint::change(
        Method::DELETE,
        ("/v1/trust-domains/{name}", "admin:trust-domains.remove"),
        "Rely on a trust domain no more: its workloads are nobody from their next call on.",
        (None, "Removed"),
        |asked| {
            asked.registry.remove_trust_domain(asked.name, asked.now)?;
            Ok(json!({"removed": asked.name}))
        },
    ),
];

/// A trust domain, and what is held of its bundle.
fn shown(asked: &Asked<'_>, domain: &TrustDomain) -> Result<Value, ApiError> {
    let bundle = asked.registry.bundle_of(domain, asked.now)?;
    let fetched = asked.registry.fetched_bundle(domain)?.map(|fetched| time::format(fetched.at));
    let held = json!({"keys": bundle.as_ref().map(|bundle| bundle.count()), "fetched": fetched});
    Ok(forms::with(serde_json::to_value(domain).unwrap_or_default(), &[("held", held)]))
}

fn list(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let mut all = Vec::new();
    for domain in asked.registry.trust_domains()? {
        all.push((domain.name.clone(), shown(asked, &domain)?));
    }
    Ok(part("trust-domains", all, &asked.page()?, |one| &one.0, |one| one.1.clone()))
}

fn one(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let found = asked.registry.trust_domains()?.into_iter().find(|domain| domain.name == asked.name);
    shown(asked, &found.ok_or_else(|| missing("trust domain", asked.name))?)
}

fn set(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let domain: TrustDomain = asked.body()?;
    same_name(asked, &domain.name)?;
    asked.registry.put_trust_domain(&domain, asked.now)?;
    shown(asked, &domain)
}
