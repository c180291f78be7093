//! Further domains.

use super::{
    asked::{Asked, listed},
    endpoint::{AFTER, Endpoint, LIMIT},
    error::ApiError,
};
use crate::domains::Domains;
use axum::http::Method;
use legation_registry::domains::told;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Handle};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        ("/v1/domains", "admin:domains.list"),
        "Further domains that the organization says are its own, and whether that was seen.",
        &[AFTER, LIMIT],
        "Domains",
        list,
    ),
    Endpoint::make(
        ("/v1/domains", "admin:domains.add"),
        "Add a domain. It is verified once `expected` is a line of the file or a TXT record of the name that the answer names.",
        ("AddDomain", "Domain"),
        |asked| {
            let add: Add = asked.body()?;
            Ok(told(&asked.registry.add_domain(&add.name, asked.now)?))
        },
    ),
    Endpoint::change(
        Method::POST,
        ("/v1/domains/{name}/check", "admin:domains.check"),
        "Look at a domain now; the host does so by itself once a day, and once an hour where it was not found.",
        (None, "Domain"),
        check,
    )
    .alone(),
    Endpoint::change(
        Method::DELETE,
        ("/v1/domains/{name}", "admin:domains.remove"),
        "Remove a domain.",
        (None, "Removed"),
        |asked| {
            asked.registry.remove_domain(asked.name, asked.now)?;
            Ok(json!({"removed": asked.name}))
        },
    ),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Add {
    name: String,
}

fn list(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let page = asked.page()?;
    let most = usize::try_from(page.most).unwrap_or_default();
    let all = asked.registry.domains()?.into_iter().filter(|one| one.name.as_str() > page.after.as_str());
    let found: Vec<_> = all.take(most).collect();
    let next = found.last().map(|last| json!(last.name));
    Ok(listed("domains", found.iter().map(told).collect(), next, page.most))
}

fn check(asked: &Asked<'_>) -> Result<Value, ApiError> {
    let domain = asked.registry.domain(asked.name)?;
    let failed = |error: &dyn core::fmt::Display| ApiError::new(503, "fetch_failed", error.to_string());
    let own;
    let domains = match asked.domains {
        Some(domains) => domains,
        None => {
            own = Domains::new(false, None).map_err(|error| failed(&error))?;
            &own
        }
    };
    let checked = match Handle::try_current() {
        Ok(runtime) => domains.check(asked.registry, &domain, &runtime, asked.now),
        Err(_) => {
            let runtime =
                Builder::new_current_thread().enable_all().build().map_err(|error| failed(&error))?;
            domains.check(asked.registry, &domain, runtime.handle(), asked.now)
        }
    };
    Ok(told(&checked?))
}
