//! The walk along a chain: phase by phase, root to leaf, then the presentation. The only maker
//! of [`VerifiedChain`].

use crate::{
    Denial, Proof, Trust, claims,
    evidence::{Evidence, Need, Used},
    known::{Known, Prefix},
    link,
    presentation::{Envelope, Link, Presentation, Shown},
    seal::Seal,
    stop::Stop,
    verified::{VerifiedChain, VerifiedLink},
};
use legation_credential::Authority;
use legation_did::Purpose;
use legation_keys::{PublicKey, public::Signed, verify_all};
use std::sync::Arc;

/// One check that was made, for an explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Index of the link; `None` for the presentation.
    pub link: Option<usize>,
    /// What was checked, in a word or two.
    pub check: &'static str,
    /// Whether it passed.
    pub passed: bool,
}

/// Verifies a presentation against the verifier's trust, with the evidence there is, for the
/// verifier's own `nonce`, at `now` (Unix seconds).
///
/// # Errors
/// The first [`Denial`] in the order of [`crate::Code`]: phase by phase, within a phase root
/// to leaf and then the presentation.
pub fn verify(
    presentation: &Presentation,
    trust: &Trust,
    evidence: &Evidence,
    nonce: &str,
    now: i64,
) -> Result<VerifiedChain, Denial> {
    verify_with(presentation, trust, evidence, nonce, now, &mut |_| {})
}

/// As [`verify`], telling `observer` each check as it is made.
///
/// # Errors
/// As [`verify`].
pub fn verify_with(
    presentation: &Presentation,
    trust: &Trust,
    evidence: &Evidence,
    nonce: &str,
    now: i64,
    observer: &mut dyn FnMut(Step),
) -> Result<VerifiedChain, Denial> {
    verify_known(presentation, trust, evidence, nonce, now, None, observer)
}

/// As [`verify_with`]; `known` is what this trust has verified before.
pub(crate) fn verify_known(
    presentation: &Presentation,
    trust: &Trust,
    evidence: &Evidence,
    nonce: &str,
    now: i64,
    known: Option<&Known>,
    observer: &mut dyn FnMut(Step),
) -> Result<VerifiedChain, Denial> {
    let mut walk = Walk::new(presentation, trust, evidence, now, known, observer);
    walk.run(nonce).map_err(|stop| stop.denial)
}

/// What verification would need next: nothing where it can be decided as it stands, else
/// evidence that is missing or too old. DID documents are asked for one by one, root first, each
/// only after everything before it has verified, and status lists only after all signatures: an
/// unauthenticated caller makes nobody fetch.
///
/// Fetch, add to the evidence, ask again, until nothing is needed; then [`verify`].
///
/// # Errors
/// The [`Denial`] that no evidence can change.
pub fn gather(
    presentation: &Presentation,
    trust: &Trust,
    evidence: &Evidence,
    nonce: &str,
    now: i64,
) -> Result<Vec<Need>, Denial> {
    match advance(presentation, trust, evidence, nonce, now)? {
        Progress::Verified(_) => Ok(Vec::new()),
        Progress::Needs(needs) => Ok(needs),
    }
}

/// What one look at a presentation gives.
// One is made for a verification and handed on at once: a box would cost more than the room it saves.
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
pub enum Progress {
    /// The chain holds.
    Verified(VerifiedChain),
    /// It can't be said yet: evidence is missing or too old.
    Needs(Vec<Need>),
}

/// [`gather`] and [`verify`] in one: for whoever fetches and asks again until it is decided.
///
/// # Errors
/// The [`Denial`] that no evidence can change.
pub fn advance(
    presentation: &Presentation,
    trust: &Trust,
    evidence: &Evidence,
    nonce: &str,
    now: i64,
) -> Result<Progress, Denial> {
    advance_known(presentation, trust, evidence, nonce, now, None)
}

/// As [`advance`]; `known` is what this trust has verified before.
pub(crate) fn advance_known(
    presentation: &Presentation,
    trust: &Trust,
    evidence: &Evidence,
    nonce: &str,
    now: i64,
    known: Option<&Known>,
) -> Result<Progress, Denial> {
    let mut ignore = |_| {};
    let mut walk = Walk::new(presentation, trust, evidence, now, known, &mut ignore);
    match walk.run(nonce) {
        Ok(chain) => Ok(Progress::Verified(chain)),
        Err(Stop { needs, .. }) if !needs.is_empty() => Ok(Progress::Needs(needs)),
        Err(Stop { denial, .. }) => Err(denial),
    }
}

/// A signature whose key is at hand, to be verified with others.
struct Waiting<'a> {
    link: Option<usize>,
    /// Whether it is a further one beside that link's first.
    further: bool,
    key: PublicKey,
    signature: Signature<'a>,
}

/// A signature: what it covers, and the name of its key for a denial.
struct Signature<'a> {
    message: &'a [u8],
    sha256: Option<&'a [u8; 32]>,
    bytes: &'a [u8; 64],
    key: &'a str,
    /// Whether it has been verified with this very key before.
    known: bool,
}

impl<'a> Signature<'a> {
    fn of(seal: &'a Seal) -> Self {
        let message = seal.signing_input();
        Self { message, sha256: None, bytes: &seal.signature, key: &seal.key_id, known: false }
    }

    fn of_proof(proof: &'a Proof) -> Self {
        let Proof { signing_input, signature, key_thumbprint, .. } = proof;
        let message = signing_input.as_bytes();
        Self { message, sha256: None, bytes: signature, key: key_thumbprint, known: false }
    }
}

/// By which keys a chain was verified.
struct Keys {
    /// Those of the links, root first.
    links: Vec<PublicKey>,
    /// The agent's, where it has signed.
    agent: Option<PublicKey>,
}

/// A walk in progress.
pub(crate) struct Walk<'a> {
    presentation: &'a Presentation,
    pub(crate) trust: &'a Trust,
    pub(crate) evidence: &'a Evidence,
    pub(crate) now: i64,
    used: Vec<Used>,
    /// What this trust has verified before, and the longest beginning of this chain among it.
    known: Option<&'a Known>,
    prefix: Option<Arc<Prefix>>,
    observer: &'a mut dyn FnMut(Step),
}

/// What a chain means: the ceiling, what is effective below its last link and, for a memory, below each
/// link before it that is not known.
struct Meaning {
    ceiling: Authority,
    between: Vec<Authority>,
    effective: Authority,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(
        presentation: &'a Presentation,
        trust: &'a Trust,
        evidence: &'a Evidence,
        now: i64,
        known: Option<&'a Known>,
        observer: &'a mut dyn FnMut(Step),
    ) -> Self {
        let prefix = known.and_then(|known| known.longest(&presentation.links));
        Self { presentation, trust, evidence, now, used: Vec::new(), known, prefix, observer }
    }

    /// Notes what is relied on, once, however many signatures and links rely on it.
    pub(crate) fn rely_on(&mut self, used: Used) {
        if !self.used.contains(&used) {
            self.used.push(used);
        }
    }

    /// What keys are looked up in.
    pub(crate) fn sources(&self) -> link::Sources<'a> {
        link::Sources { trust: self.trust, evidence: self.evidence, now: self.now }
    }

    /// How many links are known.
    fn known_links(&self) -> usize {
        self.prefix.as_ref().map_or(0, |prefix| prefix.verified.len())
    }

    fn run(&mut self, nonce: &str) -> Result<VerifiedChain, Stop> {
        self.presentation.check_read(self.trust)?;
        let meaning = self.meaning(nonce)?;
        let keys = self.signatures()?;
        self.status()?;
        Ok(self.verified(meaning, keys))
    }

    /// Makes one check and tells the observer.
    fn check<T, E: Into<Stop>>(
        &mut self,
        link: Option<usize>,
        check: &'static str,
        outcome: Result<T, E>,
    ) -> Result<T, Stop> {
        (self.observer)(Step { link, check, passed: outcome.is_ok() });
        outcome.map_err(|error| {
            let stop: Stop = error.into();
            match link {
                Some(link) => stop.map(|denial| denial.at(link)),
                None => stop,
            }
        })
    }

    /// What the chain means, before any key is asked for. Of links that are known only the time is
    /// looked at: all else follows from their bytes and the trust.
    fn meaning(&mut self, nonce: &str) -> Result<Meaning, Stop> {
        let Presentation { links, .. } = self.presentation;
        let (trust, now) = (self.trust, self.now);
        let Some(root) = links.first() else {
            return Err(Denial::new(crate::Code::ChainEmpty, "at least one link", "none").into());
        };
        let known = self.known_links();
        let (ceiling, mut effective) = match &self.prefix {
            Some(prefix) => (prefix.ceiling.clone(), prefix.effective.clone()),
            None => {
                let ceiling = self.check(Some(0), "root", link::check_root(root, trust))?;
                (ceiling.clone(), ceiling)
            }
        };
        let mut between = Vec::new();
        let mut before: Option<&Link> = None;
        for (index, one) in links.iter().enumerate() {
            let at = Some(index);
            if index < known {
                self.check(at, "time", link::check_window(one, trust.clock_skew, now))?;
                before = Some(one);
                continue;
            }
            let earlier = links.get(..index).unwrap_or_default();
            self.check(at, "principal", link::check_principal(one, &root.delegation.issuer))?;
            self.check(at, "issuer", link::check_issuer(one, before))?;
            self.check(at, "parent", link::check_parent(one, before))?;
            self.check(at, "cycle", link::check_cycle(one, earlier))?;
            self.check(at, "time", link::check_window(one, trust.clock_skew, now))?;
            self.check(at, "nesting", link::check_nesting(one, before))?;
            self.check(at, "redelegation", link::check_redelegation(one, before))?;
            if self.known.is_some() && index > known {
                between.push(effective.clone());
            }
            effective = self.check(at, "attenuation", link::check_attenuation(one, effective))?;
            let here =
                link::check_audience(&effective, trust).and_then(|()| claims::check_audience(one, trust));
            self.check(at, "audience", here)?;
            self.check(at, "subject", claims::check_subject(one))?;
            before = Some(one);
        }
        let presentation = self.presentation;
        self.check(None, "audience", link::check_presented_to(presentation, trust))?;
        self.check(None, "nonce", link::check_nonce(presentation, nonce))?;
        self.check(None, "freshness", link::check_freshness(presentation, trust, now))?;
        self.check(None, "vouching", link::check_vouching(presentation, trust))?;
        self.check(None, "holder", link::check_holder(presentation))?;
        Ok(Meaning { ceiling, between, effective })
    }

    /// Keys and signatures. They are verified together, and before a document is asked for: the next
    /// issuer's is asked for only once the links that lead to it have verified. A link that is known is
    /// not verified again where its issuer's key is still the one that verified it.
    fn signatures(&mut self) -> Result<Keys, Stop> {
        let presentation = self.presentation;
        let prefix = self.prefix.clone();
        let parent = |index: usize| presentation.links.get(index.checked_sub(1)?);
        let mut waiting: Vec<Waiting<'_>> = Vec::with_capacity(presentation.links.len() + 1);
        for (index, one) in presentation.links.iter().enumerate() {
            let issuer = &one.delegation.issuer;
            let before = prefix.as_ref().and_then(|prefix| prefix.keys.get(index));
            let key = match before {
                // The key of a did:key is the DID itself.
                Some(key) if issuer.method() == "key" => Ok(key.clone()),
                _ => link::check_key(issuer, &one.seal, Purpose::AssertionMethod, self),
            };
            let key = key.and_then(|key| claims::check_confirmed(parent(index), key, self));
            let known = before.is_some_and(|before| key.as_ref().is_ok_and(|key| key == before));
            // A JWS's account is the digest of what it signs; that of a document is another.
            let sha256 = (!one.seal.is_proof()).then_some(&one.account);
            let signature = Signature { known, sha256, ..Signature::of(&one.seal) };
            self.wait(&mut waiting, Some(index), key, signature)?;
            // Every proof of a set counts, and none of the further ones is remembered.
            for seal in &one.more_seals {
                let key = link::check_key(issuer, seal, Purpose::AssertionMethod, self);
                let key = key.and_then(|key| claims::check_confirmed(parent(index), key, self));
                self.wait(&mut waiting, Some(index), key, Signature::of(seal))?;
                waiting.iter_mut().last().into_iter().for_each(|one| one.further = true);
            }
        }
        let possession = self.possession();
        let signed = possession.is_some();
        if let Some((key, signature)) = possession {
            let key = key.and_then(|key| claims::check_confirmed(presentation.links.last(), key, self));
            self.wait(&mut waiting, None, key, signature)?;
        } else {
            claims::check_unconfirmed(presentation.links.last())?;
        }
        self.verify_waiting(&waiting)?;
        let mut links = Vec::with_capacity(presentation.links.len() + 1);
        links.extend(waiting.into_iter().filter(|one| !one.further).map(|one| one.key));
        let agent = if signed { links.pop() } else { None };
        Ok(Keys { links, agent })
    }

    /// The signature by which the agent shows to be there, and its key; `None` where the verifier vouches
    /// for it.
    fn possession(&mut self) -> Option<(Result<PublicKey, Stop>, Signature<'a>)> {
        let presentation = self.presentation;
        match &presentation.shown {
            Shown::Envelope(Envelope { holder, seal, .. }) => {
                let known = self.known_agent().filter(|key| link::is_of_key(seal, holder, key));
                let key = known.map(Ok);
                let key = key.unwrap_or_else(|| link::check_key(holder, seal, Purpose::Authentication, self));
                Some((key, Signature::of(seal)))
            }
            Shown::Request(proof) => {
                let known = self.known_agent().filter(|key| link::is_of_thumbprint(proof, key));
                let key = known.map(Ok);
                let key = key.unwrap_or_else(|| link::check_proof_key(&presentation.agent, proof, self));
                Some((key, Signature::of_proof(proof)))
            }
            Shown::Vouched(_) => None,
        }
    }

    /// The key of a did:key that has presented this very chain before: the DID is the key.
    fn known_agent(&self) -> Option<PublicKey> {
        let whole = |prefix: &&Arc<Prefix>| prefix.verified.len() == self.presentation.links.len();
        let key = self.prefix.as_ref().filter(whole)?.agent.clone()?;
        Some(self.known?.prepare(self.presentation.agent.as_str(), key))
    }

    /// Puts a signature to those that are verified together. Where its key is not to be had, those
    /// before it come first.
    fn wait<'w>(
        &mut self,
        waiting: &mut Vec<Waiting<'w>>,
        link: Option<usize>,
        key: Result<PublicKey, Stop>,
        signature: Signature<'w>,
    ) -> Result<(), Stop> {
        match key {
            Ok(key) => waiting.push(Waiting { link, further: false, key, signature }),
            Err(stop) => {
                self.verify_waiting(waiting)?;
                self.check(link, "key", Err::<(), _>(stop))?;
            }
        }
        Ok(())
    }

    fn verify_waiting(&mut self, waiting: &[Waiting<'_>]) -> Result<(), Stop> {
        let new = || waiting.iter().filter(|one| !one.signature.known);
        let signed: Vec<Signed<'_>> = new()
            .map(|one| Signed {
                key: &one.key,
                message: one.signature.message,
                sha256: one.signature.sha256,
                signature: one.signature.bytes,
            })
            .collect();
        let failed = verify_all(&signed).err().and_then(|index| new().nth(index));
        for one in waiting {
            self.check(one.link, "key", Ok::<(), Denial>(()))?;
            let fails = failed.is_some_and(|failed| core::ptr::eq(failed, one));
            let fits = if fails { Err(link::signature_denial(one.signature.key)) } else { Ok(()) };
            self.check(one.link, "signature", fits)?;
        }
        Ok(())
    }

    /// Revocation and suspension. What is missing is asked for all at once: every link is
    /// authentic by now.
    fn status(&mut self) -> Result<(), Stop> {
        let mut missing: Option<Stop> = None;
        let mut before: Option<&Link> = None;
        for (index, one) in self.presentation.links.iter().enumerate() {
            let outcome = link::check_status(one, before.replace(one), self);
            match self.check(Some(index), "status", outcome) {
                Ok(()) => {}
                Err(stop) if stop.needs.is_empty() => return Err(missing.unwrap_or(stop)),
                Err(stop) => match &mut missing {
                    None => missing = Some(stop),
                    Some(first) => first.needs_too(stop.needs),
                },
            }
        }
        missing.map_or(Ok(()), Err)
    }

    /// The chain, which holds by now; what was not known of it is remembered.
    fn verified(&mut self, meaning: Meaning, keys: Keys) -> VerifiedChain {
        let presentation = self.presentation;
        let Keys { links: keys, agent } = keys;
        let by_key = presentation.agent.method() == "key";
        let agent_key = match &agent {
            // The key of a did:key is its name.
            Some(_) if by_key => presentation.agent.method_specific_id().to_owned(),
            agent => agent.as_ref().map(PublicKey::to_multikey).unwrap_or_default(),
        };
        let links = match &self.prefix {
            Some(prefix) if prefix.verified.len() == presentation.links.len() => Arc::clone(&prefix.verified),
            _ => presentation.links.iter().map(|link| VerifiedLink::of(link)).collect(),
        };
        let known_by = match &presentation.shown {
            Shown::Vouched(vouching) => Some(Arc::clone(&vouching.known_by)),
            Shown::Envelope(_) | Shown::Request(_) => None,
        };
        // Whom the verifier vouches for says nothing of a key: what is remembered of it stays.
        let remembered = || self.prefix.as_ref().and_then(|prefix| prefix.agent.clone());
        let agent = if known_by.is_some() { remembered() } else { agent.filter(|_| by_key) };
        self.remember(&meaning, &keys, agent, &links);
        let ends = links.iter().map(|link| link.valid_until).chain([presentation.expires_at]).min();
        let principal = links.first().map_or(&presentation.agent, |root| &root.issuer).clone();
        VerifiedChain {
            principal,
            agent: presentation.agent.clone(),
            agent_key,
            audience: self.trust.audience.clone(),
            effective: meaning.effective,
            ceiling: meaning.ceiling,
            links,
            nonce: presentation.nonce.clone(),
            known_by,
            presented: Arc::clone(&presentation.presented),
            transcript: presentation.transcript().map(str::to_owned),
            signed_at: presentation.issued_at,
            nonce_until: presentation.expires_at.saturating_add(self.trust.clock_skew),
            valid_until: ends.unwrap_or(presentation.expires_at),
            clock_skew: self.trust.clock_skew,
            used: core::mem::take(&mut self.used),
        }
    }

    /// Remembers each beginning of the chain that was not known, and a known one that other keys have
    /// verified now than before.
    fn remember(
        &self,
        meaning: &Meaning,
        keys: &[PublicKey],
        agent: Option<PublicKey>,
        links: &Arc<[VerifiedLink]>,
    ) {
        let Some(known) = self.known else { return };
        let whole = links.len();
        // Also where its agent presents it for the first time.
        let is_stale = |prefix: &&Arc<Prefix>| {
            let presented = prefix.verified.len() == whole && prefix.agent != agent;
            presented || !keys.starts_with(&prefix.keys)
        };
        let rotated = self.prefix.iter().filter(is_stale);
        let rotated = rotated.map(|prefix| (prefix.verified.len(), &prefix.effective));
        let earlier = self.known_links();
        let last = (earlier < whole).then_some(&meaning.effective);
        let fresh = meaning.between.iter().chain(last).enumerate();
        let fresh = fresh.map(|(index, one)| (earlier + index + 1, one));
        for (count, effective) in rotated.chain(fresh) {
            let (Some(own), Some(keys)) = (self.presentation.links.get(..count), keys.get(..count)) else {
                continue;
            };
            let verified = match links.get(..count) {
                Some(some) if some.len() < links.len() => some.into(),
                _ => Arc::clone(links),
            };
            known.insert(Prefix {
                links: own.to_vec(),
                bytes: own.iter().map(|link| link.seal.secured.len()).sum(),
                keys: keys.to_vec(),
                agent: agent.clone().filter(|_| count == whole),
                verified,
                ceiling: meaning.ceiling.clone(),
                effective: effective.clone(),
            });
        }
    }
}
