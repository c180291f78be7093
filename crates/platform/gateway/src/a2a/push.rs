//! Where an agent may be made to tell of a task: its own requests go there, with what the task is about (A2A 1.0 §13.2).

use crate::refused::Refused;
use core::net::IpAddr;
use legation_credential::{request::split_query, resource};
use legation_resolver::guard::special;

/// Names that are of no use outside of the network that the agent is in (RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`).
const INSIDE: [&str; 8] =
    ["localhost", "local", "internal", "intranet", "lan", "home", "home.arpa", "localdomain"];

/// The origin of an address that may be called: `https`, on the open internet as far as its name says.
///
/// The agent looks the name up by itself, and later: a name that leads inside is for its own guard, and for a constraint on
/// `origin` here.
pub(super) fn origin(place: &str) -> Result<String, Refused> {
    let denied = |why: &str| {
        Refused::new("push_denied", format!("the agent may not be made to call that address: {why}"))
    };
    let (resource, _) = split_query(place).map_err(|error| denied(&error.to_string()))?;
    resource::check(resource).map_err(denied)?;
    let rest = resource.strip_prefix("https://").ok_or_else(|| denied("write `https://`"))?;
    let host = rest.split('/').next().unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    if let Ok(address) = name.parse::<IpAddr>() {
        return match special(address) {
            None => Ok(format!("https://{host}")),
            Some(kind) => Err(denied(&format!("it is {kind}"))),
        };
    }
    let name = name.trim_end_matches('.');
    let is_inside = |inside: &str| {
        name.strip_suffix(inside).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    if !name.contains('.') || INSIDE.into_iter().any(is_inside) {
        return Err(denied("its name is of a network of its own"));
    }
    Ok(format!("https://{host}"))
}
