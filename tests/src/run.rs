//! A vector through the library.

use crate::vector::{Outcome, Step, Vector};
use legation_verifier::{MemoryLedger, authorize, parse, verify};

/// What came out of each step, in order. The steps share one ledger.
#[must_use]
pub fn run(vector: &Vector) -> Vec<Outcome> {
    let mut ledger = vector.ledger.map_or_else(MemoryLedger::new, MemoryLedger::with_limits);
    vector.steps.iter().map(|step| take(vector, step, &mut ledger).unwrap_or_else(|denied| denied)).collect()
}

/// One step: verify, and with a request authorize and commit.
fn take(vector: &Vector, step: &Step, ledger: &mut MemoryLedger) -> Result<Outcome, Outcome> {
    let presentation = parse(&step.presentation, &vector.trust)?;
    let chain = verify(&presentation, &vector.trust, &vector.evidence, &step.nonce, step.now)?;
    let Some(parts) = &step.request else { return Ok(Outcome::Valid) };
    let request = parts.to_request().map_err(|code| Outcome::Deny { code, link: None })?;
    let permit = authorize(&chain, &request, step.now).into_permit()?;
    ledger.commit(permit, step.now)?;
    Ok(Outcome::Permit)
}
