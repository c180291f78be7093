//! Names, and the DIDs that follow from them.

use crate::error::RegistryError;
use legation_did::{Did, web};
use legation_store::holder::Kind;

/// What is published beside the agents, so that no agent can be called so.
const RESERVED: [&str; 13] = [
    "teams", "agents", "status", "models", "log", "v1", "access", "oauth", "healthz", "readyz", "metrics",
    "openapi", "ssf",
];
/// What else is at a domain, so that no organization can be below it by such a name.
const TAKEN: [&str; 2] = ["token", "console"];
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

/// The DID of an organization at a domain, such as `acme.example` or `localhost:8080`, or by a name below one, such as
/// `acme.example/sales`. A did:web stands for itself.
///
/// # Errors
/// [`RegistryError::Domain`]; [`RegistryError::Value`] where it has a path that no organization can have.
pub fn organization(domain: &str) -> Result<Did, RegistryError> {
    let did = if domain.starts_with("did:web:") { domain.parse() } else { web::did(domain) };
    let did = did.map_err(|reason| RegistryError::Domain { found: shorten(domain), reason })?;
    let fits = |name: &str| check(Kind::Agent, name).is_ok() && !TAKEN.contains(&name);
    if !path(&did).is_none_or(fits) {
        let reason = "an organization has a domain, or one name below it such as `acme.example/sales`: `a`-`z`, `0`-`9` and `-`, \
                      the first a letter, and none that is taken by what is published";
        return Err(RegistryError::Value {
            what: "domain",
            found: shorten(domain),
            reason: reason.to_owned(),
        });
    }
    Ok(did)
}

/// What of an organization's DID comes after its domain: `sales` of `did:web:acme.example:sales`.
#[must_use]
pub fn path(organization: &Did) -> Option<&str> {
    organization.method_specific_id().split_once(':').map(|(_, path)| path)
}

/// Whether a DID is an organization's, or that of a team or an agent of it. What is further below its domain belongs to another
/// organization, or to nobody.
#[must_use]
pub fn is_own(organization: &Did, did: &Did) -> bool {
    let Some(rest) = did.as_str().strip_prefix(organization.as_str()) else { return false };
    let is_name = |rest: &str| !rest.is_empty() && !rest.contains(':');
    rest.is_empty()
        || rest.strip_prefix(":teams:").is_some_and(is_name)
        || rest.strip_prefix(':').is_some_and(is_name)
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

/// Where an organization is as URLs have it: `localhost:8080` of `did:web:localhost%3A8080`, `acme.example/sales` of
/// `did:web:acme.example:sales`.
#[must_use]
pub fn host(organization: &Did) -> String {
    organization.method_specific_id().replace(':', "/").replace("%3A", ":")
}

/// The URL below which it publishes, without a slash at its end: an origin, with the path of the organization where it has one. It is
/// `https`, but on this machine `http`, which resolvers allow there.
#[must_use]
pub fn origin(organization: &Did) -> String {
    let host = host(organization);
    let name = host.split([':', '/']).next().unwrap_or_default();
    let scheme = if name == "localhost" { "http" } else { "https" };
    format!("{scheme}://{host}")
}

/// The origin of that URL.
#[must_use]
pub fn site(organization: &Did) -> String {
    let mut origin = origin(organization);
    if let Some(path) = path(organization) {
        origin.truncate(origin.len().saturating_sub(path.len().saturating_add(1)));
    }
    origin
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn an_organization_is_at_a_domain_or_by_one_name_below_it() {
        for (typed, did, at, site_of) in [
            ("acme.example", "did:web:acme.example", "https://acme.example", "https://acme.example"),
            ("localhost:8080", "did:web:localhost%3A8080", "http://localhost:8080", "http://localhost:8080"),
            (
                "acme.example/sales",
                "did:web:acme.example:sales",
                "https://acme.example/sales",
                "https://acme.example",
            ),
            (
                "did:web:localhost%3A8080:sales",
                "did:web:localhost%3A8080:sales",
                "http://localhost:8080/sales",
                "http://localhost:8080",
            ),
        ] {
            let made = organization(typed).unwrap();
            assert_eq!((made.as_str(), origin(&made), site(&made)), (did, at.to_owned(), site_of.to_owned()));
        }
        for wrong in [
            "acme.example/",
            "acme.example/sales/emea",
            "acme.example/Sales",
            "acme.example/..",
            "acme.example/teams",
            "acme.example/v1",
            "acme.example/token",
            "acme.example/console",
            "acme.example/%73ales",
            "did:key:z6Mk",
            "did:web:acme.example:teams:sales",
        ] {
            assert!(organization(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_below_another_organization_is_not_ones_own() {
        let acme = organization("acme.example").unwrap();
        let is = |did: &str| is_own(&acme, &did.parse().unwrap());
        for own in ["did:web:acme.example", "did:web:acme.example:bot", "did:web:acme.example:teams:sales"] {
            assert!(is(own), "{own}");
        }
        for other in [
            "did:web:acme.example:sales:bot",
            "did:web:acme.example:sales:teams:default",
            "did:web:acme.example.org",
            "did:web:acme.example%3A8080",
            "did:web:other.example",
        ] {
            assert!(!is(other), "{other}");
        }
    }
}
