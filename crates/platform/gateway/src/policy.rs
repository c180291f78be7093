//! Policies: asked of what the chain permits, before anything is reserved. They only narrow.

use crate::{
    decide::{Identified, Undecided},
    gateway::Gateway,
    refused::Refused,
};
use legation_credential::Request;
use legation_policy::{Asked, Principal, Set, Verdict};
use legation_verifier::{Code, Denial};
use std::sync::Arc;

/// What policies say of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    /// What its receipt says of them, JSON; `None` where none is bound.
    pub(crate) receipt: Option<String>,
    /// Why it does not go through.
    pub(crate) denial: Option<Denial>,
}

impl Said {
    fn of(verdict: &Verdict, set: &Set, asked: &Asked<'_>) -> Self {
        let (expected, found) = verdict.told();
        // A code that nobody knows is one that denies.
        let code = |code: &str| Code::from_name(code).unwrap_or(Code::PolicyError);
        let denial = verdict.code().map(|name| Denial::new(code(name), expected, found));
        let mut told = verdict.receipt(set.digest(), asked.principals);
        // Names and tags may be others by the time that it is decided again.
        if let Some(members) = told.as_object_mut() {
            members.insert("asked".to_owned(), asked.told());
        }
        Self { receipt: Some(told.to_string()), denial }
    }
}

impl Gateway {
    /// Asks the policies that are bound at the epoch at which the caller is known.
    pub(crate) async fn asks_policies(
        self: &Arc<Self>,
        caller: &Identified,
        request: &Request,
        now: i64,
    ) -> Result<Said, Undecided> {
        let set = Arc::clone(&self.configured_at(caller.epoch).await?.policies);
        if set.is_empty() {
            return Ok(Said::default());
        }
        let principals = self.principals(caller).await?;
        let chain = &caller.chain;
        // Status lists alone say when they were made.
        let has_status = chain.evidence().iter().any(|used| used.valid_from.is_some());
        let asked = Asked {
            host: &self.host,
            organization: self.registry.did().as_str(),
            principals: &principals,
            agent: chain.agent().as_str(),
            root: chain.principal().as_str(),
            links: chain.links().len(),
            possession: chain.possession(),
            status_age: has_status.then_some(caller.status_age),
            request,
            at: now,
        };
        Ok(Said::of(&set.decide(&asked), &set, &asked))
    }

    /// Who on the path of a chain policies are asked for. What changes while it is read raises the epoch, and is decided again.
    pub(crate) async fn principals(
        self: &Arc<Self>,
        caller: &Identified,
    ) -> Result<Arc<[Principal]>, Refused> {
        if let Some(known) = &caller.principals {
            return Ok(Arc::clone(known));
        }
        let (gateway, chain) = (Arc::clone(self), Arc::clone(&caller.chain));
        let read = self.blocking(move || {
            let subjects = chain.links().iter().map(|link| &link.subject);
            gateway.registry.principals_of(subjects, chain.agent())
        });
        let read = read.await.and_then(|read| read).map_err(|error| Refused::of_registry(&error))?;
        Ok(read.into())
    }
}
