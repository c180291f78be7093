//! Which denials count against an agent, for rules of quarantine: those of requests that it proved, fresh, for something that it
//! chose to ask for. What others can bring about counts against nobody.

use crate::{gateway::Gateway, mcp};
use legation_credential::{Request, Value};
use legation_registry::quarantine::COUNTED;
use legation_store::quarantine::Proved;
use legation_verifier::{Code, Denial, NonceUse, VerifiedChain};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// By what somebody has proved that a request is its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// It showed its API key.
    Key,
    /// It signed this text. Of a signature there may be several forms, and whatever is not signed can be changed by whoever passes it
    /// on; this can't. It is digested where something is denied, and not for what passes.
    Signed(Arc<str>),
}

impl By {
    fn digest(&self) -> [u8; 32] {
        match self {
            // Each call with a key is a new one.
            Self::Key => Sha256::digest(uuid::Uuid::now_v7().as_bytes()).into(),
            Self::Signed(text) => Sha256::digest(text.as_bytes()).into(),
        }
    }
}

impl Gateway {
    /// What a denial is counted by; `None` where it counts against nobody.
    pub(crate) fn counts(
        &self,
        (chain, by): (&VerifiedChain, Option<&By>),
        request: &Request,
        denial: &Denial,
    ) -> Option<Box<Proved>> {
        let by = by?;
        if !COUNTED.contains(&denial.code.as_str()) || is_of_a_server(request) {
            return None;
        }
        let agent = self.holder(chain);
        let own = chain.links().iter().position(|link| link.subject == *agent)?;
        // What siblings took of their team is not what this one did.
        let is_total = matches!(denial.code, Code::BudgetExceeded | Code::RateExceeded);
        if !self.registry.is_own(agent) || (is_total && denial.link.is_none_or(|link| link < own)) {
            return None;
        }
        let nonce = NonceUse::of(chain).map(|used| (used.key, used.nonce));
        Some(Box::new(Proved { agent: agent.to_string(), digest: by.digest(), nonce }))
    }
}

/// Whether a server has made of a request what is denied: by describing its tool in another way than the one that was looked at.
fn is_of_a_server(request: &Request) -> bool {
    matches!(request.facts().get(mcp::DEFINITION), Some(Value::Text(text)) if text == mcp::CHANGED)
}
