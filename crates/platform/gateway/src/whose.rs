//! Whose a request is, by what it shows: for a process that serves several organizations, where the host does not say which one is
//! meant. It is no proof; the gateway of that organization asks for it.

use crate::{
    auth::key_of,
    gateway::{Gateway, now},
    resource::{claimed_audience, claimed_issuer},
};
use http::HeaderMap;
use legation_credential::Delegation;
use legation_did::Did;
use legation_http_signature::AgentDelegation;
use legation_registry::CallerError;
use std::sync::Arc;

/// The organization of one of these gateways of which a request shows something: the one that its chain begins with, whose token it
/// shows, or of whose agents its key is one's.
pub async fn whose(gateways: &[Arc<Gateway>], headers: &HeaderMap) -> Option<Did> {
    if headers.contains_key("signature-input") {
        let is_its = |gateway: &&Arc<Gateway>| match AgentDelegation::parse(headers) {
            Ok(AgentDelegation::Chain(chain)) => {
                let root = chain.as_str().split('~').next().map(Delegation::read_unverified);
                root.is_some_and(|root| root.is_ok_and(|root| root.issuer == *gateway.registry.did()))
            }
            Ok(AgentDelegation::Digest(digest)) => gateway.chains.get(&digest).is_some(),
            Err(_) => false,
        };
        return gateways.iter().find(is_its).map(|gateway| gateway.registry.did().clone());
    }
    // An SVID of another trust domain is for one of them, and of none.
    if let Some(audience) = claimed_audience(headers) {
        let is_its = |gateway: &&Arc<Gateway>| {
            let rest = audience.strip_prefix(&gateway.registry.origin());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let found = gateways.iter().filter(is_its).max_by_key(|gateway| gateway.registry.origin().len());
        return found.map(|gateway| gateway.registry.did().clone());
    }
    if let Some(issuer) = claimed_issuer(headers) {
        let found = gateways.iter().find(|gateway| gateway.registry.origin() == issuer);
        return found.map(|gateway| gateway.registry.did().clone());
    }
    let key = key_of(headers).ok()?;
    for gateway in gateways {
        let known = gateway.caller(key, now()).await;
        if known.as_ref().map_or_else(CallerError::agent, |_| Some("")).is_some() {
            return Some(gateway.registry.did().clone());
        }
    }
    None
}
