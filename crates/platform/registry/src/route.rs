//! Routes of the gateway that are no models: which requests go to which upstream.

use crate::error::RegistryError;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Most headers that a route names.
const MAX_HEADERS: usize = 32;
/// Longest time of a route, seconds.
const MAX_TIME: u32 = 86_400;
/// Headers that no route lets pass: what says who somebody is or where from, what frames a message or is of one connection
/// only, and what changes which request it is. Names that begin with one that ends with `-` are meant, too.
const NEVER: [&str; 37] = [
    "agent-delegation",
    "alt-svc",
    "authentication-info",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "cookie2",
    "dpop",
    "expect",
    "forwarded",
    "from",
    "host",
    "http2-settings",
    "keep-alive",
    "legation-",
    "origin",
    "proxy-",
    "referer",
    "sec-",
    "set-cookie",
    "set-cookie2",
    "signature",
    "signature-agent",
    "signature-input",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "www-authenticate",
    "x-api-key",
    "x-forwarded-",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-real-ip",
];

/// A rule of the gateway for requests whose path begins with a prefix. What they are depends on the protocol: the action
/// `http:METHOD` on the upstream's own URL, or `http:WEBSOCKET`; or one of MCP or A2A.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Names of headers that pass beside those of HTTP itself, in small letters, either way and as trailers, too; at most 32.
    /// None that says who somebody is can be named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
    /// For how long the upstream is waited for.
    #[serde(default, skip_serializing_if = "Timeouts::is_usual")]
    pub timeouts: Timeouts,
    /// What is spoken behind it.
    #[serde(default, skip_serializing_if = "RouteProtocol::is_http")]
    pub protocol: RouteProtocol,
    /// By what callers may show who they are; by an API key or a signature where nothing is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub auth: Vec<RouteAuth>,
}

/// By what a caller of a route shows who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteAuth {
    /// A signature of the request, with a chain (RFC 9421).
    Signature,
    /// An API key.
    ApiKey,
    /// An identity token that is bound to a key, with a proof of that key (RFC 9449).
    Token,
    /// An identity token that is bound to no key: whoever has it may show it.
    BearerToken,
    /// A JWT-SVID, of the organization's own trust domain or of another one whose workloads it has named.
    Svid,
}

impl RouteAuth {
    /// As it is written.
    #[must_use]
    pub fn told(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::ApiKey => "api-key",
            Self::Token => "token",
            Self::BearerToken => "bearer-token",
            Self::Svid => "svid",
        }
    }
}

/// For how long an upstream is waited for, in seconds, each 1 to 86,400. A connection may take 5 seconds to come about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "an object")]
pub struct Timeouts {
    /// Until the head of its answer, from when the last byte of the request was sent; 60 by default. It is also how long a
    /// request's body may pause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte: Option<u32>,
    /// Until the next byte, of an answer or of either side of a WebSocket; 60 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<u32>,
    /// Until the last byte, from when the request arrived; 600 by default. For a WebSocket until it ends, 86,400 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<u32>,
}

impl Timeouts {
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// Until the head of an answer.
    #[must_use]
    pub fn first_byte(&self) -> Duration {
        Duration::from_secs(self.first_byte.unwrap_or(60).into())
    }

    /// Until the next byte.
    #[must_use]
    pub fn idle(&self) -> Duration {
        Duration::from_secs(self.idle.unwrap_or(60).into())
    }

    /// Until the last byte of an answer.
    #[must_use]
    pub fn whole(&self) -> Duration {
        Duration::from_secs(self.whole.unwrap_or(600).into())
    }

    /// Until a WebSocket ends.
    #[must_use]
    pub fn socket(&self) -> Duration {
        Duration::from_secs(self.whole.unwrap_or(MAX_TIME).into())
    }

    fn validate(&self) -> Result<(), RegistryError> {
        let all = [("firstByte", self.first_byte), ("idle", self.idle), ("whole", self.whole)];
        match all.into_iter().find(|(_, time)| time.is_some_and(|time| !(1..=MAX_TIME).contains(&time))) {
            None => Ok(()),
            Some((what, found)) => Err(RegistryError::Value {
                what,
                found: found.unwrap_or_default().to_string(),
                reason: format!("write seconds, 1 to {MAX_TIME}"),
            }),
        }
    }
}

/// What is spoken behind a route, by which its requests become actions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteProtocol {
    /// Any HTTP: a request is `http:METHOD`.
    #[default]
    Http,
    /// The Model Context Protocol over streamable HTTP: a message is `mcp:METHOD`, a call `mcp:tools/call:NAME`.
    Mcp,
    /// The Agent2Agent protocol by JSON-RPC or HTTP+JSON: a message is `a2a:skill:NAME`, or `a2a:OPERATION` such as `a2a:message/send`.
    A2a,
}

impl RouteProtocol {
    fn is_http(&self) -> bool {
        *self == Self::Http
    }
}

/// Holds that a header may be named by a route.
fn check_header(name: &str) -> Result<(), RegistryError> {
    let wrong = |reason: &str| {
        let (found, reason) = (name.chars().take(64).collect(), reason.to_owned());
        Err(RegistryError::Value { what: "header of a route", found, reason })
    };
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !(1..=64).contains(&name.len()) || !name.bytes().all(fits) {
        return wrong("write 1 to 64 of `a`-`z`, `0`-`9`, `-`");
    }
    let is_meant =
        |never: &&&str| if never.ends_with('-') { name.starts_with(**never) } else { name == **never };
    match NEVER.iter().find(is_meant) {
        Some(_) => {
            wrong("no route lets it pass: it says who asks, frames a message, or is of one connection only")
        }
        None => Ok(()),
    }
}

impl Route {
    /// Whether callers may show who they are by this.
    #[must_use]
    pub fn takes(&self, auth: RouteAuth) -> bool {
        match self.auth.as_slice() {
            [] => matches!(auth, RouteAuth::Signature | RouteAuth::ApiKey),
            some => some.contains(&auth),
        }
    }

    /// Whether identity tokens are taken, of one kind or the other, or SVIDs.
    #[must_use]
    pub fn takes_tokens(&self) -> bool {
        self.takes_access_tokens() || self.takes(RouteAuth::Svid)
    }

    /// Whether identity tokens are taken, of one kind or the other.
    #[must_use]
    pub fn takes_access_tokens(&self) -> bool {
        self.takes(RouteAuth::Token) || self.takes(RouteAuth::BearerToken)
    }

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
        if ["/v1/", "/.well-known/", "/access/", "/status/", "/ssf/", "/token/", "/oauth/"]
            .iter()
            .any(|taken| path.starts_with(taken))
        {
            return wrong("path of a route", path, "it is taken by what is published");
        }
        origin_of(&self.upstream)?;
        if let Err(reason) = legation_credential::resource::check(&self.upstream) {
            return wrong("upstream", &self.upstream, reason);
        }
        if !self.upstream.ends_with('/') || self.upstream.contains(['?', '#']) {
            return wrong("upstream", &self.upstream, "end it with `/`, without a query");
        }
        if self.headers.len() > MAX_HEADERS {
            return wrong("headers of a route", &self.headers.len().to_string(), "name at most 32");
        }
        self.headers.iter().try_for_each(|name| check_header(name))?;
        let twice = self
            .auth
            .iter()
            .enumerate()
            .find(|(at, one)| self.auth.iter().take(*at).any(|other| other == *one));
        if let Some((_, one)) = twice {
            return wrong("auth of a route", one.told(), "name it once");
        }
        self.timeouts.validate()
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
