//! Approvals that come with a request: read, held against that very request, verified, and used once.
//!
//! They are looked at last: after the chain has verified and only where the request passes but for an approval, so
//! that nobody whose chain does not hold makes a verifier fetch an approver's document. Of whom it is fetched, the
//! chain itself says.

use crate::{
    Code, Denial, Trust, VerifiedChain, VerifiedLink,
    authorize::NonceUse,
    evidence::{Evidence, Need, Used},
    link::{Sources, key_of},
    presentation::{check_algorithm, too_large},
    read::{read_sealed, sealed_by},
    seal::Seal,
    stop::Stop,
};
use legation_credential::{
    Approval, ApprovalRequest, CredentialError, Request, Violation,
    approval::MAX_BYTES,
    delegation,
    secured::{canonical, check_canonical, decode_token, is_document},
};
use legation_did::{Did, Purpose};
use legation_keys::{
    Algorithm, base64url,
    data_integrity::unsecured,
    json::{self, JsonLimits},
    jws::{self, JwsError},
    time::{self, Clock},
};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Most approvals that are looked at for one request.
pub const MAX_APPROVALS: usize = 16;

/// The approvals of one request that hold. Only [`verify_approvals`] makes one that approves anything.
#[derive(Debug, Default)]
pub struct Approvals {
    /// Of what.
    pub(crate) request: [u8; 32],
    pub(crate) approved: Vec<ApprovalUse>,
    /// Why each other one counts for nothing.
    pub(crate) refused: Vec<String>,
    pub(crate) used: Vec<Used>,
}

/// An approval that committing a permit uses up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalUse {
    /// Who approved.
    pub approver: Did,
    /// SHA-256 of what the approver signed. No other encoding of the signature can change it.
    pub digest: [u8; 32],
    /// The moment from which on it is valid, Unix seconds.
    pub valid_from: i64,
    /// The moment from which on it is no longer valid, Unix seconds.
    pub valid_until: i64,
    /// Until when it must be remembered, Unix seconds.
    pub until: i64,
}

impl Approvals {
    /// No approval at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Who approved.
    pub fn approvers(&self) -> impl Iterator<Item = &Did> {
        self.approved.iter().map(|one| &one.approver)
    }

    /// Why approvals that were given count for nothing, one text for each.
    #[must_use]
    pub fn refused(&self) -> &[String] {
        &self.refused
    }
}

impl ApprovalUse {
    /// As a ledger remembers it: under its approver, within the quota of the chain that uses it.
    pub(crate) fn nonce(&self, links: &[VerifiedLink]) -> NonceUse {
        let key = format!("approvals of {}", self.approver);
        let root = links.first().map_or([0; 32], |root| root.signed);
        let (signed_at, expires_at) = (self.valid_from, self.valid_until);
        NonceUse {
            key,
            nonce: base64url::encode(&self.digest),
            root,
            until: self.until,
            signed_at,
            expires_at,
        }
    }
}

/// What an approver is asked to consent to: this request, of this chain's agent, at this verifier.
#[must_use]
pub fn approval_request(chain: &VerifiedChain, request: &Request) -> ApprovalRequest {
    ApprovalRequest {
        request: request.clone(),
        agent: chain.agent.clone(),
        delegation: chain.links.last().map_or([0; 32], |leaf| leaf.digest),
        audience: chain.audience.clone(),
    }
}

/// Verifies the approvals that came with a request, at `now` (Unix seconds). What does not hold counts for nothing,
/// and says why in [`Approvals::refused`]; a denial tells it.
///
/// Each is a compact JWS or a document, as a link is. Those beyond [`MAX_APPROVALS`] are not read.
#[must_use]
pub fn verify_approvals(
    presented: &[&str],
    chain: &VerifiedChain,
    request: &Request,
    trust: &Trust,
    evidence: &Evidence,
    now: i64,
) -> Approvals {
    look(presented, chain, request, trust, evidence, now).0
}

/// Which documents of approvers are missing or too old to verify these approvals: only of those whom a limit of the
/// chain names, and whose approval is of this request and valid now.
#[must_use]
pub fn gather_approvals(
    presented: &[&str],
    chain: &VerifiedChain,
    request: &Request,
    trust: &Trust,
    evidence: &Evidence,
    now: i64,
) -> Vec<Need> {
    look(presented, chain, request, trust, evidence, now).1
}

/// Whose approval the request lacks; nobody's where it passes without, or is denied all the same.
fn lacking(chain: &VerifiedChain, request: &Request) -> BTreeSet<Did> {
    let situation = chain.situation();
    let Err(Violation::ApprovalRequired { .. }) = chain.effective.permits_in(request, situation) else {
        return BTreeSet::new();
    };
    let limits = chain.effective.violations(request, situation);
    limits.filter_map(|violation| violation.approvers().cloned()).flat_map(|all| all.dids().clone()).collect()
}

fn look(
    presented: &[&str],
    chain: &VerifiedChain,
    request: &Request,
    trust: &Trust,
    evidence: &Evidence,
    now: i64,
) -> (Approvals, Vec<Need>) {
    let mut found = Approvals::none();
    let mut needs = Vec::new();
    let lacking = lacking(chain, request);
    if presented.is_empty() || lacking.is_empty() {
        return (found, needs);
    }
    let asked = approval_request(chain, request);
    found.request = asked.digest();
    let judge = Judge { lacking: &lacking, asked: &asked, digest: found.request, trust, evidence, now };
    for text in presented.iter().take(MAX_APPROVALS) {
        match judge.approval(text, &mut found.used) {
            // The same approver counts once, and its further approvals are not used up.
            Ok(one) if found.approvers().any(|other| *other == one.approver) => {
                found.refused.push(format!("a second one of {}", one.approver));
            }
            Ok(one) => found.approved.push(one),
            Err(stop) => {
                found.refused.push(format!("{}, found {}", stop.denial.expected, stop.denial.found));
                stop.needs.into_iter().for_each(|need| {
                    if !needs.contains(&need) {
                        needs.push(need);
                    }
                });
            }
        }
    }
    if let Some(more) = presented.len().checked_sub(MAX_APPROVALS).filter(|more| *more > 0) {
        found.refused.push(format!("{more} beyond the {MAX_APPROVALS} that are read"));
    }
    (found, needs)
}

/// By what one approval is judged.
struct Judge<'j> {
    lacking: &'j BTreeSet<Did>,
    asked: &'j ApprovalRequest,
    digest: [u8; 32],
    trust: &'j Trust,
    evidence: &'j Evidence,
    now: i64,
}

impl Judge<'_> {
    fn approval(&self, text: &str, used: &mut Vec<Used>) -> Result<ApprovalUse, Stop> {
        let Sealed { approval, seals, name } = read(text, self.trust)?;
        let wrong = |expected: &str, found: &str| Denial::new(Code::ApprovalRequired, expected, found);
        let approver = &approval.issuer;
        if !self.lacking.contains(approver) {
            return Err(wrong("an approval of one who may give it", approver.as_str()).into());
        }
        if approval.agent != self.asked.agent {
            return Err(wrong("an approval for the agent that asks", approval.agent.as_str()).into());
        }
        if approval.request != self.digest {
            return Err(wrong("an approval of this request", "one of another request or chain").into());
        }
        self.check_time(&approval)?;
        let (trust, evidence, now) = (self.trust, self.evidence, self.now);
        for seal in &seals {
            if approver.fragment_of(&seal.key_id).is_none() {
                return Err(wrong(&format!("a key of {approver}"), &seal.key_id).into());
            }
            let sources = Sources { trust, evidence, now };
            let (key, relied_on) = key_of(approver, seal, Purpose::AssertionMethod, sources)?;
            key.verify(seal.signing_input(), &seal.signature)
                .map_err(|_| wrong(&format!("a signature by {}", seal.key_id), "one that does not fit"))?;
            used.extend(relied_on.filter(|one| !used.contains(one)));
        }
        Ok(ApprovalUse {
            approver: approver.clone(),
            digest: name,
            valid_from: approval.valid_from,
            valid_until: approval.valid_until,
            until: approval.valid_until.saturating_add(self.trust.clock_skew),
        })
    }

    /// It is valid now, give or take the clocks' difference, and was made for a short time.
    fn check_time(&self, approval: &Approval) -> Result<(), Denial> {
        let Approval { valid_from: from, valid_until: until, .. } = *approval;
        let (skew, most) = (self.trust.clock_skew, self.trust.max_approval_age);
        let lifetime = until.saturating_sub(from);
        if !(1..=most).contains(&lifetime) {
            let expected = format!("an approval that lives at most {most} s");
            return Err(Denial::new(Code::ApprovalRequired, expected, format!("one of {lifetime} s")));
        }
        let clock = Clock { now: self.now, skew };
        if !clock.has_begun(from) || clock.has_ended(until) {
            let expected = format!("an approval that is valid at {}", time::format(self.now));
            let found = format!("one from {} to {}", time::format(from), time::format(until));
            return Err(Denial::new(Code::ApprovalRequired, expected, found));
        }
        Ok(())
    }
}

/// An approval, well-formed and not yet believed.
struct Sealed {
    approval: Approval,
    seals: Vec<Seal>,
    /// SHA-256 of what is signed, whatever the signature looks like.
    name: [u8; 32],
}

fn read(text: &str, trust: &Trust) -> Result<Sealed, Denial> {
    // A document takes a third more as base64url.
    if text.len() > 2 * MAX_BYTES {
        return Err(too_large(text.len(), MAX_BYTES));
    }
    let text = if is_document(text.trim()) { canonical(text)? } else { decode_token(text.trim())? };
    if text.len() > MAX_BYTES {
        return Err(too_large(text.len(), MAX_BYTES));
    }
    let limits = JsonLimits { bytes: MAX_BYTES, depth: trust.limits.json_depth };
    if is_document(&text) {
        let claims = json::parse(text.as_bytes(), limits).map_err(CredentialError::from)?;
        check_canonical(&text, &claims)?;
        let (approval, proofs) = Approval::from_document(&claims)?;
        check_algorithm(Algorithm::EdDsa, trust)?;
        let name = claims.as_object().map(|object| Sha256::digest(unsecured(object)).into());
        let seals = proofs.into_iter().map(|proof| sealed_by(proof, &text)).collect();
        return Ok(Sealed { approval, seals, name: name.unwrap_or_default() });
    }
    let parts = jws::split(&text).map_err(CredentialError::from)?;
    let payload = base64url::decode(parts.payload).map_err(JwsError::from).map_err(CredentialError::from)?;
    let claims = json::parse(&payload, limits).map_err(CredentialError::from)?;
    let sealed = read_sealed(&parts, delegation::MEDIA_TYPE, trust)?;
    let approval = Approval::from_claims(&claims)?;
    let name = Sha256::digest(parts.signing_input).into();
    let seal = sealed.by(&text, &approval.issuer)?;
    Ok(Sealed { approval, seals: vec![seal], name })
}
