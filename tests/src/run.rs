//! A vector through the library.

use crate::vector::{Outcome, Step, Vector};
use legation_verifier::{
    Case, Denial, MemoryLedger, Remedy, authorize_approved, remedy, verify, verify_approvals,
};

/// What came out of a step.
#[derive(Clone, Debug)]
pub struct Told {
    /// The answer.
    pub outcome: Outcome,
    /// The denial, where it is one.
    pub denial: Option<Denial>,
    /// What would have passed, where that is known.
    pub remedy: Option<Remedy>,
}

/// What came out of each step, in order. The steps share one ledger.
#[must_use]
pub fn run(vector: &Vector) -> Vec<Outcome> {
    let mut ledger = ledger_of(vector);
    let outcome = |step| take(vector, step, &mut ledger).unwrap_or_else(|(denial, _)| denial.into());
    vector.steps.iter().map(outcome).collect()
}

/// The same, with each denial and its remedy.
#[must_use]
pub fn explain(vector: &Vector) -> Vec<Told> {
    let mut ledger = ledger_of(vector);
    vector.steps.iter().map(|step| explain_step(vector, step, &mut ledger)).collect()
}

/// An empty ledger with the bounds that a vector asks for.
#[must_use]
pub fn ledger_of(vector: &Vector) -> MemoryLedger {
    vector.ledger.map_or_else(MemoryLedger::new, MemoryLedger::with_limits)
}

/// One step, with its denial and its remedy.
pub fn explain_step(vector: &Vector, step: &Step, ledger: &mut MemoryLedger) -> Told {
    match take(vector, step, ledger) {
        Ok(outcome) => Told { outcome, denial: None, remedy: None },
        Err((denial, remedy)) => Told {
            outcome: denial.clone().into(),
            denial: Some(denial),
            remedy: remedy.map(|remedy| *remedy),
        },
    }
}

type Denied = (Denial, Option<Box<Remedy>>);

/// One step: verify, and with a request authorize and commit.
fn take(vector: &Vector, step: &Step, ledger: &mut MemoryLedger) -> Result<Outcome, Denied> {
    let (trust, evidence) = (&vector.trust, &vector.evidence);
    let mut case = Case {
        presented: &step.presentation,
        presentation: None,
        trust,
        evidence,
        nonce: &step.nonce,
        now: step.now,
        chain: None,
        request: None,
        ledger: None,
    };
    let with = |denial: Denial, case: &Case<'_>| {
        let found = remedy(&denial, case).map(Box::new);
        (denial, found)
    };
    let presentation = step.read(trust).map_err(|denial| with(denial, &case))?;
    case.presentation = Some(&presentation);
    let chain = verify(&presentation, trust, evidence, &step.nonce, step.now);
    let chain = chain.map_err(|denial| with(denial, &case))?;
    case.chain = Some(&chain);
    let Some(parts) = &step.request else { return Ok(Outcome::Valid) };
    let request = parts.to_request().map_err(|denial| with(denial, &case))?;
    case.request = Some(&request);
    let approvals: Vec<&str> = step.approvals.iter().map(String::as_str).collect();
    let approvals = verify_approvals(&approvals, &chain, &request, trust, evidence, step.now);
    let permit = authorize_approved(&chain, &request, &approvals, step.now).into_permit();
    let permit = permit.map_err(|denial| with(denial, &case))?;
    match ledger.commit(permit, step.now) {
        Ok(_) => Ok(Outcome::Permit),
        Err(denial) => {
            case.ledger = Some(ledger);
            Err(with(denial, &case))
        }
    }
}
