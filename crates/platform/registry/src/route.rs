//! Routes of the gateway that are no models: which requests go to which upstream.

use crate::error::RegistryError;
use serde::{Deserialize, Serialize};

/// A rule of the gateway for requests whose path begins with a prefix. They are the action `http:METHOD` on the upstream's
/// own URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "an object")]
pub struct Route {
    /// Its name.
    pub name: String,
    /// What the path begins with, `/crm/` for example; the longest that fits counts.
    pub path: String,
    /// Where it goes: an origin with the path that stands for the prefix, such as `https://crm.internal.example/api/`.
    pub upstream: String,
    /// The name of the secret that is sent as a bearer token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl Route {
    /// Holds that a route can be followed.
    ///
    /// # Errors
    /// [`RegistryError::Value`].
    pub fn validate(&self) -> Result<(), RegistryError> {
        let wrong = |what, found: &str, reason: &str| {
            Err(RegistryError::Value { what, found: found.to_owned(), reason: reason.to_owned() })
        };
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
        let path = &self.path;
        if !path.starts_with('/')
            || !path.ends_with('/')
            || path.len() < 3
            || !path.bytes().all(fits)
            || path.contains("//")
            || path.contains("/.")
        {
            return wrong("path of a route", path, "write `/NAME/`, of letters, digits, `.`, `_`, `-`");
        }
        if ["/v1/", "/.well-known/", "/status/", "/ssf/"].iter().any(|taken| path.starts_with(taken)) {
            return wrong("path of a route", path, "it is taken by what is published");
        }
        origin_of(&self.upstream)?;
        if !self.upstream.ends_with('/') || self.upstream.contains(['?', '#']) {
            return wrong("upstream", &self.upstream, "end it with `/`, without a query");
        }
        Ok(())
    }
}

/// The origin of a URL as secrets are bound to it: `https://host[:port]`, or `http://` on this machine.
///
/// # Errors
/// [`RegistryError::Value`].
pub fn origin_of(url: &str) -> Result<String, RegistryError> {
    let wrong = |reason: &str| RegistryError::Value {
        what: "origin",
        found: url.to_owned(),
        reason: reason.to_owned(),
    };
    let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("write `https://HOST`"))?;
    let host = rest.split('/').next().unwrap_or_default();
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte);
    if host.is_empty() || !host.bytes().all(fits) {
        return Err(wrong("its host is not in small letters, or has a user or a password"));
    }
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let local = ["localhost", "127.0.0.1", "[::1]"].contains(&name);
    match scheme {
        "https" => Ok(format!("https://{host}")),
        "http" if local => Ok(format!("http://{host}")),
        "http" => Err(wrong("plain http is for this machine only")),
        _ => Err(wrong("write `https://HOST`")),
    }
}
