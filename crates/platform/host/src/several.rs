//! Several organizations at one address: which of them a request is for.
//!
//! Each has a router of its own, which was made for it alone and knows of no other. So what is wrong about a request, such as a
//! `Host` that lies or a key of another organization, leads to a router that finds it out, as it does where it is the only one.

use crate::problem::Problem;
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Uri, header, uri::Authority},
    response::{IntoResponse, Response},
};
use futures::future::BoxFuture;
use legation_did::Did;
use legation_http_signature::AgentDelegation;
use legation_registry::names;
use std::sync::Arc;
use tower::Service;

/// The header by which whoever administers says which organization is meant: its domain, or its DID.
pub const ORGANIZATION: &str = "legation-organization";

/// Documents whose place a path of an organization stands behind (RFC 8414 §3.1, which SSF 1.0 and AuthZEN 1.0 follow).
const BEFORE_PATH: [&str; 3] = ["oauth-authorization-server", "ssf-configuration", "authzen-configuration"];

/// The same of each resource of an organization, whose own path stands behind that of the organization (RFC 9728 §3.1).
const OF_RESOURCES: &str = "oauth-protected-resource";

/// Which organization something is of that a request shows; `None` where it shows nothing of any. It is proved afterwards.
pub type Whose = Arc<dyn Fn(HeaderMap) -> BoxFuture<'static, Option<Did>> + Send + Sync>;

/// What several organizations publish and what their gateways answer: by the host that a request names, and by the first segment of
/// its path for one by a name below a domain. At a host that is none of theirs, such as an address, it is asked whose the
/// request is by what it shows.
pub fn by_host(all: Vec<(Did, Router)>, whose: Whose) -> Router {
    Several::router(all, whose, false)
}

/// The administration of several organizations: by the header [`ORGANIZATION`], else by the host that a request names, on whichever port, else by
/// what it shows.
pub fn administered(all: Vec<(Did, Router)>, whose: Whose) -> Router {
    Several::router(all, whose, true)
}

/// One of them.
struct One {
    did: Did,
    /// Its host with its port, where it has one.
    authority: String,
    router: Router,
}

impl One {
    fn new(did: Did, router: Router) -> Self {
        let host = names::host(&did);
        let authority = without_usual_port(host.split('/').next().unwrap_or_default()).to_owned();
        Self { did, authority, router }
    }
}

struct Several {
    all: Vec<One>,
    whose: Whose,
    administers: bool,
}

/// Which one, and at which path of it.
type Found<'s> = Result<(&'s One, String), Problem>;

impl Several {
    fn router(all: Vec<(Did, Router)>, whose: Whose, administers: bool) -> Router {
        let all = all.into_iter().map(|(did, router)| One::new(did, router)).collect();
        Router::new().fallback(answer).with_state(Arc::new(Self { all, whose, administers }))
    }

    async fn find(&self, uri: &Uri, headers: &HeaderMap) -> Found<'_> {
        let path = uri.path();
        // What stands in front of this server may have read it as another path.
        if path.split(['/', '\\']).any(is_dots) {
            return Err(Problem::NotFound);
        }
        if self.administers
            && let Some(named) = headers.get(ORGANIZATION)
        {
            let did = named.to_str().ok().and_then(|named| names::organization(named).ok());
            let is_once = headers.get_all(ORGANIZATION).iter().count() == 1;
            return self.of(did.filter(|_| is_once).as_ref()).map(|one| (one, path.to_owned()));
        }
        let host = host(uri, headers);
        if let Some(host) = host.as_deref().filter(|host| self.is_named(host)) {
            return self.at(host, path);
        }
        match (self.whose)(headers.clone()).await {
            Some(did) => self.of(Some(&did)).map(|one| {
                let within = names::path(&did).and_then(|name| within(path, name));
                (one, within.unwrap_or_else(|| path.to_owned()))
            }),
            None if shows_digest(headers) => Err(Problem::ChainUnknown),
            None if self.administers => Err(Problem::Unnamed),
            None => Err(Problem::NotFound),
        }
    }

    fn of(&self, did: Option<&Did>) -> Result<&One, Problem> {
        self.all.iter().find(|one| Some(&one.did) == did).ok_or(Problem::NotFound)
    }

    /// Whether a host is that of one of them.
    fn is_named(&self, host: &str) -> bool {
        // Everybody's on this machine.
        let is_local = self.administers && host.split(':').next() == Some("localhost");
        !is_local && self.all.iter().any(|one| self.is_at(one, host))
    }

    fn is_at(&self, one: &One, host: &str) -> bool {
        let name = |authority: &str| authority.split(':').next().unwrap_or_default().to_owned();
        if self.administers { name(&one.authority) == name(host) } else { one.authority == host }
    }

    /// Which one is at a host and a path.
    fn at(&self, host: &str, path: &str) -> Found<'_> {
        let there = || self.all.iter().filter(|one| self.is_at(one, host));
        for one in there() {
            let found = names::path(&one.did).and_then(|name| within(path, name));
            if let Some(path) = found {
                return Ok((one, path));
            }
        }
        let mut whole = there().filter(|one| names::path(&one.did).is_none());
        match (whole.next(), whole.next()) {
            (Some(one), None) => Ok((one, path.to_owned())),
            // Of two that differ by their ports nobody knows which is meant.
            (Some(_), Some(_)) => Err(Problem::Unnamed),
            (None, _) => Err(Problem::NotFound),
        }
    }
}

async fn answer(State(several): State<Arc<Several>>, mut request: Request) -> Response {
    let found = several.find(request.uri(), request.headers()).await;
    let (one, path) = match found {
        Ok(found) => found,
        Err(problem) => return problem.into_response(),
    };
    let Some(uri) = with_path(request.uri(), &path) else { return Problem::NotFound.into_response() };
    *request.uri_mut() = uri;
    let mut router = one.router.clone();
    let answered = <Router as Service<Request<Body>>>::call(&mut router, request).await;
    answered.unwrap_or_else(|never| match never {})
}

/// The host that a request names, as a did:web would: in small letters, without the port that goes without saying.
fn host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    // HTTP/2 names it in its target (RFC 9113 §8.3.1); where both are there they are the same.
    let named = || headers.get(header::HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let host = uri.authority().cloned().or_else(named)?.as_str().to_ascii_lowercase();
    Some(without_usual_port(&host).to_owned())
}

fn without_usual_port(host: &str) -> &str {
    host.strip_suffix(":443").or_else(|| host.strip_suffix(":80")).unwrap_or(host)
}

/// What of a path is below a name: `/did.json` of `/sales/did.json`.
fn within(path: &str, name: &str) -> Option<String> {
    let below = |path: &str| {
        let rest = path.strip_prefix('/')?.strip_prefix(name)?;
        if rest.is_empty() { Some("/".to_owned()) } else { rest.starts_with('/').then(|| rest.to_owned()) }
    };
    below(path).or_else(|| {
        let (document, rest) = path.strip_prefix("/.well-known/")?.split_once('/')?;
        if document == OF_RESOURCES {
            let rest = rest.strip_prefix(name).filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
            return Some(format!("/.well-known/{document}{rest}"));
        }
        (rest == name && BEFORE_PATH.contains(&document)).then(|| format!("/.well-known/{document}"))
    })
}

/// Whether a segment of a path is `.` or `..`, however it is written.
fn is_dots(segment: &str) -> bool {
    let plain = segment.replace("%2e", ".").replace("%2E", ".");
    matches!(plain.split(';').next(), Some("." | ".."))
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    let target = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    parts.path_and_query = Some(target.parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// Whether a request names its chain by a digest alone.
fn shows_digest(headers: &HeaderMap) -> bool {
    matches!(AgentDelegation::parse(headers), Ok(AgentDelegation::Digest(_)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use futures::FutureExt;

    fn several(administers: bool) -> Several {
        let one = |domain: &str| One::new(names::organization(domain).unwrap(), Router::new());
        let whose = |headers: HeaderMap| {
            let shown = headers.get("shown").and_then(|did| did.to_str().ok()?.parse().ok());
            async move { shown }.boxed()
        };
        let all = [
            "acme.example",
            "acme.example/sales",
            "b.example:8443",
            "only.example/sales",
            "localhost:8080",
            "usual.example:80",
        ];
        Several { all: all.map(one).into(), whose: Arc::new(whose), administers }
    }

    fn found(several: &Several, target: &str, headers: &[(&str, &str)]) -> Option<(String, String)> {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.append(header::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        let uri = target.parse().unwrap();
        let found = several.find(&uri, &all).now_or_never().unwrap().ok();
        found.map(|(one, path)| (names::host(&one.did), path))
    }

    #[test]
    fn a_request_is_for_the_organization_of_its_host_and_path() {
        let public = several(false);
        for (host, target, one, path) in [
            ("acme.example", "/bot/did.json", "acme.example", "/bot/did.json"),
            ("ACME.example:443", "/", "acme.example", "/"),
            ("usual.example", "/did.json", "usual.example:80", "/did.json"),
            ("usual.example:80", "/did.json", "usual.example:80", "/did.json"),
            ("acme.example", "/sales/did.json", "acme.example/sales", "/did.json"),
            ("acme.example", "/sales", "acme.example/sales", "/"),
            ("acme.example", "/sales//x", "acme.example/sales", "//x"),
            (
                "acme.example",
                "/.well-known/ssf-configuration/sales",
                "acme.example/sales",
                "/.well-known/ssf-configuration",
            ),
            ("acme.example", "/.well-known/did.json/sales", "acme.example", "/.well-known/did.json/sales"),
            (
                "acme.example",
                "/.well-known/oauth-protected-resource/sales/crm/",
                "acme.example/sales",
                "/.well-known/oauth-protected-resource/crm/",
            ),
            (
                "acme.example",
                "/.well-known/oauth-protected-resource/salesman/",
                "acme.example",
                "/.well-known/oauth-protected-resource/salesman/",
            ),
            // What only looks like its name is not.
            ("acme.example", "/%73ales/did.json", "acme.example", "/%73ales/did.json"),
            ("acme.example", "/Sales/did.json", "acme.example", "/Sales/did.json"),
            ("acme.example", "/salesman/did.json", "acme.example", "/salesman/did.json"),
            ("acme.example", "//sales/did.json", "acme.example", "//sales/did.json"),
            ("b.example:8443", "/sales/did.json", "b.example:8443", "/sales/did.json"),
        ] {
            let expected = Some((one.to_owned(), path.to_owned()));
            assert_eq!(found(&public, target, &[("host", host)]), expected, "{host}{target}");
        }
        assert_eq!(
            found(&public, "https://b.example:8443/x", &[]).unwrap().0,
            "b.example:8443",
            "as HTTP/2 has it"
        );
        for (host, target) in [
            ("b.example", "/.well-known/did.json"),
            ("acme.example:8443", "/.well-known/did.json"),
            ("acme.example.", "/.well-known/did.json"),
            ("sales.acme.example", "/did.json"),
            ("only.example", "/.well-known/did.json"),
            ("127.0.0.1:8080", "/.well-known/did.json"),
            ("acme.example", "/sales/../did.json"),
            ("acme.example", "/sales/%2e%2E/did.json"),
            ("acme.example", "/sales/..;/did.json"),
            ("acme.example", "/x/./did.json"),
        ] {
            assert_eq!(found(&public, target, &[("host", host)]), None, "{host}{target}");
        }
    }

    #[test]
    fn what_a_request_shows_counts_only_where_its_host_names_nobody() {
        let public = several(false);
        let acme = ("shown", "did:web:acme.example");
        let sales = ("shown", "did:web:acme.example:sales");
        let at = |one: &str, path: &str| Some((one.to_owned(), path.to_owned()));
        assert_eq!(
            found(&public, "/v1/models", &[("host", "10.0.0.1"), acme]),
            at("acme.example", "/v1/models")
        );
        assert_eq!(
            found(&public, "/v1/models", &[("host", "gw:8080"), sales]),
            at("acme.example/sales", "/v1/models")
        );
        assert_eq!(
            found(&public, "/sales/v1/models", &[("host", "gw:8080"), sales]),
            at("acme.example/sales", "/v1/models")
        );
        assert_eq!(
            found(&public, "/v1/models", &[("host", "b.example:8443"), acme]),
            at("b.example:8443", "/v1/models"),
            "which does not know it"
        );
        assert_eq!(
            found(&public, "/v1/models", &[("host", "10.0.0.1"), ("shown", "did:web:x.example")]),
            None
        );
        assert_eq!(
            found(&public, "/v1/models", &[("host", "10.0.0.1"), (ORGANIZATION, "acme.example")]),
            None,
            "it is for the administration"
        );
    }

    #[test]
    fn who_administers_names_the_organization_or_shows_it() {
        let own = several(true);
        let one = |headers: &[(&str, &str)]| found(&own, "/v1/agents", headers).map(|(one, _)| one);
        let (local, acme) = (("host", "localhost:8081"), ("shown", "did:web:acme.example"));
        assert_eq!(one(&[local]), None, "nobody is named");
        assert_eq!(one(&[local, acme]).unwrap(), "acme.example");
        assert_eq!(one(&[local, (ORGANIZATION, "localhost:8080")]).unwrap(), "localhost:8080");
        assert_eq!(
            one(&[local, (ORGANIZATION, "did:web:acme.example:sales")]).unwrap(),
            "acme.example/sales"
        );
        assert_eq!(
            one(&[("host", "b.example:8081"), acme]).unwrap(),
            "b.example:8443",
            "which does not know it"
        );
        assert_eq!(one(&[local, acme, (ORGANIZATION, "x.example")]), None);
        assert_eq!(one(&[local, (ORGANIZATION, "acme.example"), (ORGANIZATION, "b.example:8443")]), None);
    }
}
