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

/// The policies of an epoch, and whom of a caller they are asked for.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    set: Arc<Set>,
    principals: Arc<[Principal]>,
}

/// What policies say of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    /// What its receipt says of them, JSON; `None` where none is bound.
    pub(crate) receipt: Option<String>,
    /// Why it does not go through.
    pub(crate) denial: Option<Denial>,
    /// Whether it never does, whatever its facts are.
    pub(crate) always: bool,
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
        let always = denial.is_some() && set.denies_always(asked);
        Self { receipt: Some(told.to_string()), denial, always }
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
        let Some(rules) = self.rules(caller).await? else { return Ok(Said::default()) };
        let asked = self.as_policies_see(caller, &rules, request, now);
        Ok(Said::of(&rules.set.decide(&asked), &rules.set, &asked))
    }

    /// The policies that are bound at the epoch at which the caller is known; `None` where none is.
    pub(crate) async fn rules(self: &Arc<Self>, caller: &Identified) -> Result<Option<Rules>, Undecided> {
        let set = Arc::clone(&self.configured_at(caller.epoch).await?.policies);
        if set.is_empty() {
            return Ok(None);
        }
        Ok(Some(Rules { set, principals: self.principals(caller).await? }))
    }

    /// Whether policies deny a request now; where its facts are not known yet, whether they deny it whatever those are.
    pub(crate) fn is_ruled_out(
        &self,
        caller: &Identified,
        rules: &Rules,
        (request, is_whole): (&Request, bool),
        now: i64,
    ) -> bool {
        let asked = self.as_policies_see(caller, rules, request, now);
        if is_whole { !rules.set.decide(&asked).is_through() } else { rules.set.denies_always(&asked) }
    }

    fn as_policies_see<'a>(
        &'a self,
        caller: &'a Identified,
        rules: &'a Rules,
        request: &'a Request,
        now: i64,
    ) -> Asked<'a> {
        let chain = &caller.chain;
        // Status lists alone say when they were made.
        let has_status = chain.evidence().iter().any(|used| used.valid_from.is_some());
        Asked {
            host: &self.host,
            organization: self.registry.did().as_str(),
            principals: &rules.principals,
            agent: chain.agent().as_str(),
            root: chain.principal().as_str(),
            links: chain.links().len(),
            possession: chain.possession(),
            status_age: has_status.then_some(caller.status_age),
            request,
            at: now,
        }
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
