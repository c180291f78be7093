//! All that a verification says, to compare one with another.

use legation_credential::Authority;
use legation_verifier::VerifiedChain;

/// Everything that an answer says.
#[derive(Debug, PartialEq)]
pub struct Told {
    principal: String,
    agent: String,
    effective: Authority,
    links: Vec<([u8; 32], i64)>,
    evidence: Vec<String>,
    valid_until: i64,
}

/// What a chain that holds says.
#[must_use]
pub fn told(chain: &VerifiedChain) -> Told {
    Told {
        principal: chain.principal().to_string(),
        agent: chain.agent().to_string(),
        effective: chain.effective().clone(),
        links: chain.links().iter().map(|link| (link.digest, link.valid_until)).collect(),
        evidence: chain.evidence().iter().map(|used| used.to_json().to_string()).collect(),
        valid_until: chain.valid_until(),
    }
}
