//! What a proxy is told: who somebody is and what must not reach the service, or why a request does not pass.

use super::{Allowed, OTHERWISE};
use crate::{access, gateway::Gateway, refused::Refused};
use http::HeaderMap;
use serde_json::json;

/// What of a request's headers never reaches the service: what somebody showed to be let in, and what says who somebody is or
/// which request it is. Only what is said here does.
const SHOWN: [&str; 8] = [
    "agent-approval",
    "agent-delegation",
    "authorization",
    "cookie",
    "legation-identity",
    "signature",
    "signature-input",
    "x-api-key",
];
/// What every header begins with that is the gateway's to say.
const OWN: &str = "legation-";

/// The names of what the service is told.
const SAID: [&str; 3] = ["legation-agent", "legation-principal", "legation-receipt"];

/// What the service is told of a caller: these headers, in place of whatever the client sent under their names.
pub(super) fn identity(allowed: &Allowed) -> [(&'static str, &str); 3] {
    let [agent, principal, receipt] = SAID;
    [(agent, &allowed.agent), (principal, &allowed.principal), (receipt, &allowed.receipt)]
}

/// Whether a header of a client is one that only the gateway may say, and that no proxy takes out by its name.
pub(super) fn is_forged(name: &str) -> bool {
    is_of_ours(name) && !SHOWN.contains(&name) && !SAID.contains(&name)
}

/// Whether a header is the gateway's to say.
pub(super) fn is_of_ours(name: &str) -> bool {
    name.starts_with(OWN)
}

/// What is taken out of a request before it reaches the service.
pub(super) fn removed(asked: &HeaderMap) -> Vec<String> {
    let forged = asked.keys().map(http::HeaderName::as_str).filter(|name| is_forged(name));
    SHOWN.into_iter().chain(OTHERWISE).chain(forged).map(str::to_owned).collect()
}

/// An answer for the client.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

/// A refusal as problem details (RFC 9457), with its code.
pub(super) fn problem(refused: &Refused) -> Problem {
    let id = access::id().unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    let shape = refused.shape(&id);
    let status = shape.status();
    let mut headers = shape.headers();
    headers.retain(|(name, _)| *name != "content-type");
    headers.push(("content-type", "application/problem+json".to_owned()));
    let title = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let mut body = json!({
        "type": "about:blank", "title": title, "status": status, "detail": refused.message, "code": refused.code,
    });
    if let Some(members) = body.as_object_mut() {
        members.extend(refused.approval.as_ref().map(|id| ("approval".to_owned(), id.as_str().into())));
    }
    Problem { status, headers, body: body.to_string().into_bytes() }
}

/// Counts what came of a request.
pub(super) fn count(gateway: &Gateway, outcome: &Result<Allowed, Refused>) {
    let code = outcome.as_ref().map_or_else(|refused| refused.code.as_str(), |_| "permit");
    gateway.count(code);
    access::code(code);
}
