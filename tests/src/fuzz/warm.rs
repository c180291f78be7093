//! A verification twice: by the functions that remember nothing, and by a verifier that has seen others.

use crate::told::{Told, told};
use legation_verifier::{
    CacheLimits, Case, Denial, Evidence, Need, Presentation, Progress, Proof, Trust, VerifiedChain, Verifier,
    advance, parse, parse_request, remedy, verify,
};

/// One trust, cold and warm.
pub(crate) struct Both<'t> {
    trust: &'t Trust,
    warm: Verifier,
    /// Whether the needs are compared, too: it doubles the work.
    pub(crate) ask: bool,
}

impl<'t> Both<'t> {
    pub(crate) fn new(trust: &'t Trust) -> Self {
        Self { trust, warm: Verifier::new(trust.clone()), ask: true }
    }

    /// With a verifier that has room for hardly anything and forgets all the time.
    pub(crate) fn forgetful(trust: &'t Trust) -> Self {
        let limits = CacheLimits { chains: 40, bytes: 200_000 };
        Self { warm: Verifier::with_limits(trust.clone(), limits), ..Self::new(trust) }
    }

    /// Reads a presentation both ways.
    pub(crate) fn parse(&self, bytes: &[u8]) {
        let cold = parse(bytes, self.trust).map(drop);
        assert_eq!(self.warm.parse(bytes).map(drop), cold, "cold and warm read another thing");
    }

    /// Reads and verifies a presentation both ways; the answers must be the same.
    pub(crate) fn present(
        &self,
        bytes: &[u8],
        evidence: &Evidence,
        nonce: &str,
        now: i64,
    ) -> Result<VerifiedChain, Denial> {
        let read = parse(bytes, self.trust);
        self.compare(bytes, read, |verifier| verifier.parse(bytes), evidence, nonce, now)
    }

    /// The same of a compact chain with the proof of a signed request.
    pub(crate) fn request(
        &self,
        chain: &str,
        proof: &Proof,
        evidence: &Evidence,
        now: i64,
    ) -> Result<VerifiedChain, Denial> {
        let read = parse_request(chain, proof.clone(), self.trust);
        self.compare(
            proof.record(chain).as_bytes(),
            read,
            |verifier| verifier.parse_request(chain, proof.clone()),
            evidence,
            &proof.nonce,
            now,
        )
    }

    fn compare(
        &self,
        presented: &[u8],
        read: Result<Presentation, Denial>,
        again: impl Fn(&Verifier) -> Result<Presentation, Denial>,
        evidence: &Evidence,
        nonce: &str,
        now: i64,
    ) -> Result<VerifiedChain, Denial> {
        let cold = read.clone().and_then(|read| verify(&read, self.trust, evidence, nonce, now));
        let expected = cold.as_ref().map(told).map_err(Clone::clone);
        let warm = again(&self.warm).and_then(|read| self.warm.verify(&read, evidence, nonce, now));
        assert_eq!(warm.as_ref().map(told).map_err(Clone::clone), expected, "cold and warm differ");
        if let Err(denial) = &cold {
            let presentation = read.as_ref().ok();
            explained(
                denial,
                &Case {
                    presented,
                    presentation,
                    trust: self.trust,
                    evidence,
                    nonce,
                    now,
                    chain: None,
                    request: None,
                    ledger: None,
                },
            );
        }
        if let (Ok(read), true) = (&read, self.ask) {
            self.needs(read, &cold, evidence, nonce, now);
        }
        cold
    }

    /// What is asked for is asked for by both, and never where the chain holds.
    fn needs(
        &self,
        read: &Presentation,
        cold: &Result<VerifiedChain, Denial>,
        evidence: &Evidence,
        nonce: &str,
        now: i64,
    ) {
        let progress = advance(read, self.trust, evidence, nonce, now);
        let (needs, verified) = needed(progress);
        assert_eq!(verified, cold.as_ref().ok().map(told));
        match (cold, &needs) {
            (Ok(_), needs) => assert_eq!(needs, &Ok(Vec::new())),
            (Err(cold), Err(denial)) => assert_eq!(cold, denial),
            (Err(cold), Ok(needs)) => {
                assert!(!needs.is_empty(), "{cold}: nothing is needed and nothing holds")
            }
        }
        let expected = (needs, verified);
        let found = needed(self.warm.advance(read, evidence, nonce, now));
        assert_eq!(found, expected, "cold and warm ask for another thing");
    }
}

fn needed(progress: Result<Progress, Denial>) -> (Result<Vec<Need>, Denial>, Option<Told>) {
    match progress {
        Ok(Progress::Verified(chain)) => (Ok(Vec::new()), Some(told(&chain))),
        Ok(Progress::Needs(needs)) => (Ok(needs), None),
        Err(denial) => (Err(denial), None),
    }
}

/// Whoever asks what would have passed is answered, whatever was sent.
fn explained(denial: &Denial, case: &Case<'_>) {
    if let Some(remedy) = remedy(denial, case) {
        assert!(!remedy.changes.is_empty() && !remedy.to_string().is_empty());
        let json = remedy.to_json();
        assert!(
            json["changes"].as_array().is_some_and(|changes| changes.len() == remedy.changes.len()),
            "{json}"
        );
        let links = case.presentation.map_or(usize::MAX, |one| one.claims().count());
        assert!(remedy.changes.iter().all(|change| change.link.is_none_or(|link| link < links)));
    }
}
