//! Names, and the DIDs that follow from them.

use crate::error::RegistryError;
use legation_did::{Did, web};
use legation_store::holder::Kind;

/// What is published beside the agents, so that no agent can be called so.
const RESERVED: [&str; 13] = [
    "teams", "agents", "status", "models", "log", "v1", "access", "oauth", "healthz", "readyz", "metrics",
    "openapi", "ssf",
];
const MAX_NAME: usize = 40;

/// Holds that a text can be the name of a team or an agent: it is a segment of a path, and of an account.
///
/// # Errors
/// [`RegistryError::Name`].
pub fn check(kind: Kind, name: &str) -> Result<(), RegistryError> {
    let what = if kind == Kind::Agent { "an agent" } else { "a team" };
    let wrong = |more| RegistryError::Name { what, found: shorten(name), more };
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let first = name.starts_with(|first: char| first.is_ascii_lowercase());
    if !first || name.len() > MAX_NAME || !name.bytes().all(fits) {
        return Err(wrong(""));
    }
    if RESERVED.contains(&name) {
        return Err(wrong("; this one is taken by what is published"));
    }
    Ok(())
}

fn shorten(text: &str) -> String {
    text.chars().take(MAX_NAME * 2).collect()
}

/// The DID of an organization at a domain, such as `acme.example` or `localhost:8080`.
///
/// # Errors
/// [`RegistryError::Domain`].
pub fn organization(domain: &str) -> Result<Did, RegistryError> {
    let did = web::did(domain).map_err(|reason| RegistryError::Domain { found: shorten(domain), reason })?;
    if did.method_specific_id().contains(':') {
        let reason = "it has a path; an organization has a host of its own".to_owned();
        return Err(RegistryError::Value { what: "domain", found: shorten(domain), reason });
    }
    Ok(did)
}

/// The DID of a team or an agent of an organization.
///
/// # Errors
/// [`RegistryError::Damaged`], which no checked name leads to.
pub fn holder(organization: &Did, kind: Kind, name: &str) -> Result<Did, RegistryError> {
    let text = match kind {
        Kind::Organization => organization.as_str().to_owned(),
        Kind::Team => format!("{organization}:teams:{name}"),
        Kind::Agent => format!("{organization}:{name}"),
        Kind::Admin => name.to_owned(),
    };
    text.parse().map_err(|error| RegistryError::damaged(name, error))
}

/// The host of an organization as URLs have it: `localhost:8080` of `did:web:localhost%3A8080`.
#[must_use]
pub fn host(organization: &Did) -> String {
    organization.method_specific_id().replace("%3A", ":")
}

/// The origin where it publishes: `https`, but on this machine `http`, which resolvers allow there.
#[must_use]
pub fn origin(organization: &Did) -> String {
    let host = host(organization);
    let name = host.split(':').next().unwrap_or_default();
    let scheme = if name == "localhost" { "http" } else { "https" };
    format!("{scheme}://{host}")
}
