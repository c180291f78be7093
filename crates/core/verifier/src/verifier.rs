//! A verifier that remembers what it has verified.

use crate::{
    CacheLimits, Denial, Evidence, Presentation, Progress, Proof, Step, Trust, VerifiedChain, Vouched,
    chain::{advance_known, verify_known},
    known::Known,
    presentation::{parse_known, parse_request_known, parse_vouched_known},
};

/// A trust, and the chains that it has verified: the same answers as [`crate::parse`] and
/// [`crate::verify`], and for a chain that comes again at little more than the cost of its proof of
/// possession.
///
/// What is remembered is what can't change: what a chain's exact bytes mean under this trust, and that
/// each signature was made by a certain key. Checked again every time: the time, that each key is still in
/// its issuer's current document, status, and the proof of possession.
///
/// ```
/// use legation_verifier::{Trust, Verifier};
/// let verifier = Verifier::new(Trust::new("did:web:shop.example"));
/// assert_eq!(verifier.parse(b"x").unwrap_err().code.as_str(), "malformed");
/// assert_eq!(verifier.trust().audience, "did:web:shop.example");
/// ```
#[derive(Debug)]
pub struct Verifier {
    trust: Trust,
    known: Known,
}

impl Verifier {
    /// A verifier that has verified nothing yet, with the default bounds.
    #[must_use]
    pub fn new(trust: Trust) -> Self {
        Self::with_limits(trust, CacheLimits::default())
    }

    /// A verifier with bounds of its own.
    #[must_use]
    pub fn with_limits(trust: Trust, limits: CacheLimits) -> Self {
        Self { trust, known: Known::new(limits) }
    }

    /// Whom it trusts. It can't be changed: what is remembered was verified under it.
    #[must_use]
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// As [`crate::parse`].
    ///
    /// # Errors
    /// As there.
    pub fn parse(&self, bytes: &[u8]) -> Result<Presentation, Denial> {
        parse_known(bytes, &self.trust, Some(&self.known))
    }

    /// As [`crate::parse_request`].
    ///
    /// # Errors
    /// As there.
    pub fn parse_request(&self, chain: &str, proof: Proof) -> Result<Presentation, Denial> {
        parse_request_known(chain, proof, &self.trust, Some(&self.known))
    }

    /// As [`crate::parse_vouched`].
    ///
    /// # Errors
    /// As there.
    pub fn parse_vouched(&self, chain: &str, vouched: Vouched<'_>) -> Result<Presentation, Denial> {
        parse_vouched_known(chain, vouched, &self.trust, Some(&self.known))
    }

    /// As [`crate::advance`].
    ///
    /// # Errors
    /// As there.
    pub fn advance(
        &self,
        presentation: &Presentation,
        evidence: &Evidence,
        nonce: &str,
        now: i64,
    ) -> Result<Progress, Denial> {
        advance_known(presentation, &self.trust, evidence, nonce, now, Some(&self.known))
    }

    /// As [`crate::verify`].
    ///
    /// # Errors
    /// As there.
    pub fn verify(
        &self,
        presentation: &Presentation,
        evidence: &Evidence,
        nonce: &str,
        now: i64,
    ) -> Result<VerifiedChain, Denial> {
        self.verify_with(presentation, evidence, nonce, now, &mut |_| {})
    }

    /// As [`crate::verify_with`]: of links that are known, only the checks that are made again are told.
    ///
    /// # Errors
    /// As there.
    pub fn verify_with(
        &self,
        presentation: &Presentation,
        evidence: &Evidence,
        nonce: &str,
        now: i64,
        observer: &mut dyn FnMut(Step),
    ) -> Result<VerifiedChain, Denial> {
        verify_known(presentation, &self.trust, evidence, nonce, now, Some(&self.known), observer)
    }
}
