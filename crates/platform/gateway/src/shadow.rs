//! Agents in shadow: what is denied them is decided and recorded as ever, and passes all the same, up to what their team has
//! ([`legation_verifier::shadow`]).
//!
//! Who is unknown, blocked, expired, suspended or revoked is refused before anybody asks for a shadow, and so is what can't be
//! bounded or has no price. A shadow is of what the gateway forwards: nobody administers the organization, or asks about
//! others, by it.

use crate::{
    decide::{Identified, Undecided},
    gateway::Gateway,
};
use legation_credential::Request;
use legation_verifier::{Code, Denial, Permit};
use std::sync::Arc;

/// How the actions begin that pass in shadow: those of models and services.
const FORWARDED: [&str; 4] = ["model:", "http:", "mcp:", "a2a:"];

impl Gateway {
    /// Until when a caller is in shadow, as of its epoch. What an agent handed on to others is not, whoever has it: it is within what
    /// that agent may, and whoever handed it on is not watched.
    pub(crate) async fn shadow_of(
        self: &Arc<Self>,
        caller: &Identified,
        now: i64,
    ) -> Result<Option<i64>, Undecided> {
        if caller.chain.principal() != self.registry.did() {
            return Ok(None);
        }
        let given_by = caller.chain.links().iter().rev().nth(1).map(|link| link.subject.as_str());
        let teams = format!("{}:teams:", self.registry.did());
        if given_by.is_some_and(|giver| !giver.starts_with(&teams)) {
            return Ok(None);
        }
        let configured = self.configured_at(caller.epoch).await?;
        Ok(configured.shadow_of(caller.chain.agent().as_str(), now))
    }
}

impl Identified {
    /// What was judged, as it counts for this caller: in shadow the permit of what is denied, too, which says so.
    pub(crate) fn watched(
        &self,
        request: &Request,
        judged: Result<Permit, Denial>,
        now: i64,
    ) -> Result<Permit, Denial> {
        let forwarded = FORWARDED.iter().any(|begin| request.action().starts_with(begin));
        match self.shadow.filter(|_| forwarded) {
            Some(until) => {
                let first = judged.err();
                let permit = Permit::in_shadow(&self.chain, request, first.clone(), (until, now));
                // What is denied anyway is not held for an approval, by which it would pass as any other.
                permit.map_err(|denial| match first {
                    Some(first) if denial.code == Code::ApprovalRequired => first,
                    _ => denial,
                })
            }
            None => judged,
        }
    }
}
