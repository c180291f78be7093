//! Shadow: an agent that is only watched for a while. What its own delegation denies is decided and told as ever, and goes
//! through all the same, so that its limits can be fitted to what it does before they hold.
//!
//! What somebody above it limits stays a stop: in shadow an agent may do what whoever delegated to it may do, and no more. So a
//! team's budget is never overspent by an agent that is watched. Policies, whosever they are, are passed by with the agent's own
//! limits. What needs an approval needs it in shadow, too.

use crate::{
    Approvals, Code, Denial, NonceUse, Permit, VerifiedChain,
    authorize::{debits, deny},
};
use legation_credential::{Request, Violation};
use legation_keys::time::{self, Clock};
use std::sync::Arc;

/// Whether a request that is denied by this rule goes through in shadow: those of a request and of totals. Whatever else there is
/// to deny, such as a delegation that was revoked or a key that has ended, denies.
///
/// ```
/// use legation_verifier::{Code, shadow};
///
/// assert!(shadow::passes(Code::NotGranted));
/// assert!(!shadow::passes(Code::LinkRevoked));
/// ```
#[must_use]
pub fn passes(code: Code) -> bool {
    matches!(
        code,
        Code::NotGranted
            | Code::MissingFact
            | Code::ConstraintViolated
            | Code::PolicyDenied
            | Code::PolicyError
            | Code::BudgetExceeded
            | Code::RateExceeded
    )
}

/// What a permit in shadow passes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shadow {
    /// Index of the agent's own link.
    own: usize,
    /// What it would have been denied by first.
    pub(crate) denied: Option<Denial>,
}

impl Shadow {
    /// Passes by a total of the agent's own.
    ///
    /// # Errors
    /// The denial, where it is of a total of somebody above, or of something else.
    pub(crate) fn spare(&mut self, denial: Denial) -> Result<(), Denial> {
        if denial.link != Some(self.own) || !passes(denial.code) {
            return Err(denial);
        }
        self.denied.get_or_insert(denial);
        Ok(())
    }
}

impl Permit {
    /// The permit of a request of an agent in shadow, until a moment (Unix seconds): `denied` is what denies it, where something
    /// does. That the agent is in shadow is on your word. Totals of its own that have no room are told when it is
    /// committed ([`crate::Committed::shadow`]), and not taken from.
    ///
    /// # Errors
    /// A [`Denial`]: `denied` itself, where shadow does not pass by its rule ([`passes`]); what somebody above the agent denies;
    /// `approval_required`; `expired`.
    pub fn in_shadow(
        chain: &VerifiedChain,
        request: &Request,
        denied: Option<Denial>,
        (until, now): (i64, i64),
    ) -> Result<Self, Denial> {
        if let Some(denial) = denied.as_ref().filter(|denial| !passes(denial.code)) {
            return Err(denial.clone());
        }
        if (Clock { now, skew: chain.clock_skew }).has_ended(chain.valid_until) || now >= until {
            let expected = format!("before {}", time::format(chain.valid_until.min(until)));
            return Err(Denial::new(Code::Expired, expected, format!("now is {}", time::format(now))));
        }
        let Some((own, above)) = chain.links.split_last() else {
            return Err(Denial::new(Code::NotGranted, "a delegation", "none"));
        };
        let situation = chain.situation();
        let refuse = |violation: &Violation| deny(violation, &[], &Approvals::none());
        chain.ceiling.permits_in(request, situation).map_err(|violation| refuse(&violation))?;
        for (index, link) in above.iter().enumerate() {
            let permits = link.authority.permits_in(request, situation);
            permits.map_err(|violation| refuse(&violation).at(index))?;
        }
        let needs_approval = |one: &Violation| matches!(one, Violation::ApprovalRequired { .. });
        if let Some(needed) = own.authority.violations(request, situation).find(needs_approval) {
            return Err(refuse(&needed));
        }
        Ok(Self {
            request: request.clone(),
            nonce: NonceUse::of(chain),
            links: Arc::clone(&chain.links),
            approvals: Vec::new(),
            approved_by: Vec::new(),
            debits: debits(chain, request),
            valid_until: chain.valid_until.saturating_add(chain.clock_skew).min(until),
            shadow: Some(Shadow { own: above.len(), denied }),
        })
    }
}
