//! Where tokens for a route come from (RFC 9728), and what whoever lacks one is told (RFC 6750 §3, RFC 9449 §7.1).

use super::{resources, shows_token, taking};
use crate::{answer, gateway::Gateway, models::Configured, refused::Refused};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, header};
use legation_credential::{Pattern, resource};
use legation_mcp::headers;
use legation_registry::route::{Route, RouteAuth, RouteProtocol};
use legation_token::{dpop, metadata};
use std::sync::Arc;

/// What of a request's head is needed to tell whoever made it what it lacks.
pub(crate) struct Head {
    method: Method,
    /// Its path below the organization's origin.
    path: String,
    /// What it says that it asks an MCP server for.
    mcp: Option<(String, Option<String>)>,
    shows_token: bool,
}

impl Head {
    pub(crate) fn of(method: &Method, path: &str, all: &HeaderMap) -> Self {
        let text = |name: &str| all.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Self {
            method: method.clone(),
            path: path.to_owned(),
            mcp: text(headers::METHOD.as_str()).map(|method| (method, text(headers::NAME.as_str()))),
            shows_token: shows_token(all),
        }
    }

    /// The scope of what is asked for: its action, as far as the head tells it. It says what to ask for and lets nobody through.
    fn scope(&self, route: &Route) -> Option<String> {
        let action = match (route.protocol, &self.mcp) {
            (RouteProtocol::Http, _) => format!("http:{}", self.method),
            (RouteProtocol::Mcp, Some((method, Some(name)))) if method == "tools/call" => {
                format!("mcp:{method}:{name}")
            }
            (RouteProtocol::Mcp, Some((method, _))) => format!("mcp:{method}"),
            _ => return None,
        };
        is_scope(&action).then_some(action)
    }

    /// The resource that a token for it should be for: the very URL of an MCP server or an agent, the address of any other route. What no
    /// grant could name, such as a quotation mark, is not repeated.
    fn resource(&self, origin: &str, route: &Route) -> String {
        let [_, own, this] = resources(origin, route, &self.path);
        if route.protocol == RouteProtocol::Http || resource::check(&this).is_err() { own } else { this }
    }
}

/// Whether an action can stand as a scope (RFC 6749 §3.3), and is one.
fn is_scope(action: &str) -> bool {
    let fits = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    action.bytes().all(fits) && !action.contains('*') && Pattern::action(action).is_ok()
}

/// The metadata of the resource at a path below the organization's origin. Without a path it is the only route that takes tokens, if
/// there is only one: of several nobody knows which one is meant.
pub(crate) async fn metadata(gateway: &Arc<Gateway>, path: &str) -> Response {
    let configured = match gateway.configured_lately().await {
        Ok(configured) => configured,
        Err(refused) => return gateway.refuse(&refused),
    };
    let origin = gateway.registry.origin();
    let Some((route, named)) = found(&configured, &origin, path) else {
        return gateway.refuse(&Refused::new("not_found", "nothing here takes identity tokens"));
    };
    let bound = !route.takes(RouteAuth::BearerToken);
    let body = metadata::protected_resource(&named, &origin, bound).to_string();
    let mut response = answer::whole(200, "application/json", body.into_bytes());
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    response
}

fn found<'c>(configured: &'c Configured, origin: &str, path: &str) -> Option<(&'c Route, String)> {
    if path.is_empty() || path == "/" {
        let mut all = configured.routes.iter().filter(|route| route.takes_access_tokens());
        return match (all.next(), all.next()) {
            (Some(route), None) => Some((route, format!("{origin}{}", route.path))),
            _ => None,
        };
    }
    let (route, url) = taking(configured, path).filter(|(route, _)| route.takes_access_tokens())?;
    // What no grant could name is no resource.
    resource::check(&url).ok()?;
    Some((route, format!("{origin}{path}")))
}

/// Says beside a refusal where to get a token, and for what, where the route that was asked for takes some.
pub(crate) async fn challenge(
    gateway: &Arc<Gateway>,
    head: &Head,
    refused: &Refused,
    response: &mut Response,
) {
    let error = refused.challenge.as_ref().map(|challenge| challenge.error);
    let status = response.status().as_u16();
    if status != 401 && error != Some("insufficient_scope") {
        return;
    }
    let Ok(configured) = gateway.configured_lately().await else { return };
    let taking = taking(&configured, &head.path).filter(|(route, _)| route.takes_access_tokens());
    let Some((route, _)) = taking else { return };
    let asked = refused.challenge.as_ref().and_then(|challenge| challenge.scope.clone());
    // Whoever shows no token is told no error (RFC 6750 §3.1).
    let error = error.or_else(|| (head.shows_token && status == 401).then_some("invalid_token"));
    let origin = gateway.registry.origin();
    let mut members = vec![format!(
        "resource_metadata=\"{}\"",
        metadata::resource_metadata(&head.resource(&origin, route))
    )];
    members.extend(error.map(|error| format!("error=\"{error}\"")));
    members.extend(asked.or_else(|| head.scope(route)).map(|scope| format!("scope=\"{scope}\"")));
    let members = members.join(", ");
    let mut all = Vec::new();
    if route.takes(RouteAuth::BearerToken) {
        all.push(format!("Bearer {members}"));
    }
    if route.takes(RouteAuth::Token) {
        let algorithms = dpop::ALGORITHMS.map(legation_keys::Algorithm::jose).join(" ");
        all.push(format!("DPoP algs=\"{algorithms}\", {members}"));
    }
    let headers = response.headers_mut();
    headers.remove(header::WWW_AUTHENTICATE);
    for value in all {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.append(header::WWW_AUTHENTICATE, value);
        }
    }
    // A page in a browser reads it, too.
    let exposed = HeaderValue::from_static("WWW-Authenticate");
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
}
