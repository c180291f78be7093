//! Whom a JWT-SVID stands for: an agent of the registry, whose chain decides as it holds now.
//!
//! Of the organization's own trust domain it is the agent of its name, and the SVID was issued here, has not been revoked, and was asked
//! for by a key that is still the agent's. Of another trust domain it is the agent that the organization has named for that workload, by
//! the bundle that is held: nothing is fetched because somebody shows something.

mod trusted;

use super::{Presented, caller::key_of, resources, taking};
use crate::{
    auth::{Seen, VERIFIED},
    counted::By,
    decide::{Identified, Undecided},
    gateway::Gateway,
    models::Configured,
    record,
    refused::Refused,
    signature::gather,
};
use legation_credential::{Delegation, LinkDigest};
use legation_did::Did;
use legation_keys::base64url;
use legation_registry::{RegistryError, issued};
use legation_store::StoreError;
use legation_token::{
    LIFE,
    svid::{SignedSvid, SpiffeId, SvidError, verify::claims_of},
};
use legation_verifier::{Denial, Evidence, VerifiedChain, Verifier, Vouched, receipt::Subject};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tracing::{Instrument, info_span};
use trusted::All;

/// Most SVIDs that are kept, each with the evidence for its agent's chain.
const KEPT: usize = 1000;
/// For how long bundles and names are used for what is not known yet.
const TRUSTED: Duration = Duration::from_secs(10);
/// How often they are read at most where an SVID names another key.
const ANEW: Duration = Duration::from_millis(200);
/// What may be refused because something has come since.
const MAY_BE_NEW: [&str; 5] =
    ["key_not_found", "signature_invalid", "trust_domain_unknown", "bundle_stale", "svid_nobody"];

/// An SVID of an agent, with the evidence for its chain.
pub(crate) struct KnownSvid {
    epoch: i64,
    text: Arc<str>,
    signed: SignedSvid,
    pub(crate) agent: Did,
    /// What it was kept by when it was issued here; `None` of another trust domain's.
    pub(crate) issued: Option<String>,
    /// For how long it may live, seconds.
    most: i64,
    chain: Arc<str>,
    evidence: Evidence,
    read_at: i64,
    verified: Mutex<Option<(i64, Seen)>>,
}

impl core::fmt::Debug for KnownSvid {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.debug_struct("KnownSvid").field("id", &self.signed.claims().id).finish_non_exhaustive()
    }
}

impl KnownSvid {
    /// What receipts call it: by whom it is, and never its text.
    fn known_by(&self) -> String {
        format!("svid:{}", base64url::encode(&Sha256::digest(self.signed.claims().id.as_str())))
    }

    fn vouched(&self, verifier: &Verifier, now: i64) -> Result<Seen, Denial> {
        let kept = self.verified.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, seen)) = kept
            && (0..VERIFIED).contains(&now.saturating_sub(at))
        {
            return Ok(seen);
        }
        let known_by = self.known_by();
        let vouched = Vouched { agent: &self.agent, known_by: &known_by, at: now };
        let presentation = verifier.parse_vouched(&self.chain, vouched)?;
        let chain: Arc<VerifiedChain> =
            Arc::new(verifier.verify(&presentation, &self.evidence, presentation.nonce(), now)?);
        let seen: Seen = (chain, Arc::default());
        *self.verified.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, seen.clone()));
        Ok(seen)
    }

    fn is_live(&self, now: i64) -> bool {
        now < self.signed.claims().expires_at
    }
}

/// What is remembered of SVIDs.
#[derive(Default)]
pub(crate) struct Svids {
    known: Mutex<HashMap<[u8; 32], Arc<KnownSvid>>>,
    trusted: Mutex<Option<(Instant, Arc<All>)>>,
}

impl core::fmt::Debug for Svids {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.debug_struct("Svids").finish_non_exhaustive()
    }
}

impl Svids {
    pub(crate) fn forget(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
        *self.trusted.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn keep(&self, svid: &Arc<KnownSvid>, now: i64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            known.retain(|_, svid| svid.is_live(now));
        }
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(*svid.signed.digest(), Arc::clone(svid));
    }
}

impl Gateway {
    /// The agent that an SVID stands for. Of what no trust domain has signed that is relied on, the store is asked nothing.
    pub(crate) async fn known_svid(
        self: &Arc<Self>,
        text: &str,
        now: i64,
    ) -> Result<Arc<KnownSvid>, Refused> {
        let digest = legation_token::about::digest(text);
        let kept =
            self.known_svids.known.lock().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned();
        if let Some(known) = kept {
            return Ok(known);
        }
        let known = Arc::new(self.read_svid(text, true, now).await?);
        self.known_svids.keep(&known, now);
        Ok(known)
    }

    /// An SVID that its trust domain has signed, whether or not it has ended, and whose it is. What is refused by what was remembered is
    /// looked at again, so often at most: a key, a bundle or a name may have come since.
    async fn read_svid(self: &Arc<Self>, text: &str, live: bool, now: i64) -> Result<KnownSvid, Refused> {
        let claims = claims_of(text).map_err(|error| of_svid(&error))?;
        let first = self.trusted(TRUSTED, now).await?;
        let refused = match self.read_by(text, (&claims.id, &first), live, now).await {
            Err(refused) if MAY_BE_NEW.contains(&refused.code.as_str()) => refused,
            other => return other,
        };
        let anew = self.trusted(ANEW, now).await?;
        if Arc::ptr_eq(&first, &anew) {
            return Err(refused);
        }
        self.read_by(text, (&claims.id, &anew), live, now).await
    }

    /// The trust domains, read so long ago at most.
    async fn trusted(self: &Arc<Self>, most: Duration, now: i64) -> Result<Arc<All>, Refused> {
        let kept = self.known_svids.trusted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((since, all)) = kept
            && since.elapsed() < most
        {
            return Ok(all);
        }
        let gateway = Arc::clone(self);
        let read = self.blocking(move || All::read(&gateway.registry, now)).await.and_then(|read| read);
        let all = Arc::new(read.map_err(|error| Refused::of_registry(&error))?);
        *self.known_svids.trusted.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((Instant::now(), Arc::clone(&all)));
        Ok(all)
    }

    async fn read_by(
        self: &Arc<Self>,
        text: &str,
        (id, all): (&SpiffeId, &Arc<All>),
        live: bool,
        now: i64,
    ) -> Result<KnownSvid, Refused> {
        let signed = all.signed(text, id)?;
        let at = signed.claims().expires_at;
        // One that has ended is anybody's who has seen it: the store is not asked for it.
        if live && now >= at {
            return Err(of_svid(&SvidError::Expired { at }));
        }
        let (gateway, text, all) = (Arc::clone(self), Arc::from(text), Arc::clone(all));
        let read = self.blocking(move || read(&gateway, text, (signed, &all), now));
        let read = read.instrument(info_span!("resolve")).await;
        read.and_then(|read| read).map_err(|error| Refused::of_registry(&error))?
    }

    /// Whose SVID a request shows, before anything more of it is read.
    pub(crate) async fn svid_holder(
        self: &Arc<Self>,
        presented: &Presented,
        now: i64,
    ) -> Result<Did, Refused> {
        let known = self.known_svid(&presented.token, now).await?;
        // For which resource it is, is asked with the rest.
        known.held(&known.signed.claims().audience, now)?;
        Ok(known.agent.clone())
    }

    /// Whoever shows an SVID at a route.
    pub(crate) async fn by_svid(
        self: &Arc<Self>,
        presented: &Presented,
        now: i64,
    ) -> Result<Identified, Undecided> {
        let known = self.known_svid(&presented.token, now).instrument(info_span!("auth")).await?;
        let configured = self.configured_at(known.epoch).await?;
        // What is refused by what was remembered is looked at again where that has changed.
        if let Err(refused) = self.svid_is_for(&known, presented, &configured, now) {
            return Err(self.unless_changed(known.epoch, refused).await);
        }
        if let Some(id) = &known.issued
            && !self.token_stands(id).await?
        {
            return Err(revoked().into());
        }
        let _ = presented.svid.set(Arc::clone(&known));
        match info_span!("verify").in_scope(|| known.vouched(&self.verifier, now)) {
            Ok((chain, told)) => Ok(Identified {
                told,
                status_age: now.saturating_sub(known.read_at).max(0),
                proved: Some(By::Key),
                ..Identified::new(known.epoch, chain)
            }),
            Err(denial) => Err(self.svid_denied(&known, &denial, now).await),
        }
    }

    /// Holds that an SVID is for the route that is asked for, which takes some.
    fn svid_is_for(
        &self,
        known: &KnownSvid,
        presented: &Presented,
        configured: &Configured,
        now: i64,
    ) -> Result<(), Refused> {
        let route = taking(configured, &presented.path).map(|(route, _)| route);
        let route =
            route.filter(|route| route.takes(presented.auth())).ok_or_else(|| super::not_taken(presented))?;
        let all = resources(&self.registry.origin(), route, &presented.path);
        let [first, ..] = &all;
        let audience = all.iter().find(|one| **one == known.signed.claims().audience).unwrap_or(first);
        known.held(audience, now)
    }

    /// The chain of the agent does not hold any more; it is recorded, as of any known caller.
    async fn svid_denied(self: &Arc<Self>, known: &KnownSvid, denial: &Denial, now: i64) -> Undecided {
        let refused = Refused::from(denial).challenged("invalid_token");
        let refused = match self.unless_changed(known.epoch, refused).await {
            Undecided::Changed => return Undecided::Changed,
            refused @ Undecided::Refused(_) => refused,
        };
        let subject = Subject { presented: known.chain.as_bytes(), ..Subject::default() };
        let receipt = record::of_denial(denial, (subject, None), &known.agent, self.verifier.trust(), now);
        match self.record_denial(receipt).await {
            Ok(()) => refused,
            Err(refused) => refused.into(),
        }
    }

    /// Whether an SVID would still be taken, whenever it ends: by its bundle, its agent's name, and the key by which it was asked for.
    pub(crate) async fn svid_holds(self: &Arc<Self>, known: &KnownSvid, now: i64) -> Result<String, Refused> {
        match self.read_svid(&known.text, false, now).await {
            Ok(read) => Ok(read.chain.to_string()),
            // The store is gone; it is looked at again with the next change.
            Err(refused) if refused.status() >= 500 => Ok(known.chain.to_string()),
            Err(refused) => Err(refused),
        }
    }

    /// Revokes an SVID that was issued here, whoever has it. Gives whether it was one.
    pub(crate) async fn revoke_svid(self: &Arc<Self>, text: &str, now: i64) -> Result<bool, Refused> {
        let Ok(known) = self.known_svid(text, now).await else { return Ok(false) };
        let Some(id) = known.issued.clone() else { return Ok(false) };
        let gateway = Arc::clone(self);
        let done = self.blocking(move || gateway.registry.revoke_token(&id, now)).await.and_then(|done| done);
        done.map(|_| true).map_err(|error| Refused::of_registry(&error))
    }
}

impl KnownSvid {
    /// Holds that it is for a resource, and holds now.
    fn held(&self, audience: &str, now: i64) -> Result<(), Refused> {
        self.signed.holds(audience, self.most, now).map_err(|error| of_svid(&error))
    }
}

/// An SVID that does not hold (RFC 6750 §3.1).
fn of_svid(error: &SvidError) -> Refused {
    Refused::new(error.code(), error.to_string()).challenged("invalid_token")
}

fn revoked() -> Refused {
    Refused::new("token_revoked", "the SVID was revoked; ask for another one").challenged("invalid_token")
}

type Read = Result<KnownSvid, Refused>;

/// Whose an SVID is, and the evidence for the chain of that agent.
fn read(
    gateway: &Gateway,
    text: Arc<str>,
    (signed, all): (SignedSvid, &All),
    now: i64,
) -> Result<Read, RegistryError> {
    let (registry, verifier) = (&gateway.registry, &gateway.verifier);
    let nobody = |message: &str| Ok(Err(Refused::new("svid_nobody", message).challenged("invalid_token")));
    let id = &signed.claims().id;
    let (agent, issued, most) = if all.is_own(id) {
        let Some(agent) = registry.did_of_workload(id) else {
            return nobody("the SPIFFE ID is of no agent of this organization");
        };
        let found = match &signed.claims().token_id {
            Some(jti) => registry.issued_token(&issued::digest(jti))?,
            None => None,
        };
        let Some(found) = found.filter(|found| found.agent == agent.as_str()) else {
            return nobody("the SVID has ended, or was not issued here; ask for another one");
        };
        if found.revoked.is_some() {
            return Ok(Err(revoked()));
        }
        // What a key obtained ends with it.
        if key_of(registry, &agent, &found.key, now)?.is_none() {
            return nobody(
                "the key by which the SVID was asked for is no longer the agent's; ask by the one that is",
            );
        }
        (agent, Some(found.id), LIFE)
    } else {
        let Some(other) = all.other(id) else { return nobody("nobody here relies on the trust domain") };
        let Some(agent) = registry.agent_of_workload(&other.domain, id)? else {
            return nobody(
                "the workload is no agent here: whoever administers the organization names it in `workloads` of its trust domain",
            );
        };
        (agent, None, other.domain.max_life)
    };
    let links = match registry.chain_of(&agent) {
        Ok((_, links)) => links,
        Err(RegistryError::Store(StoreError::NotFound { .. })) => {
            return nobody("the agent has no delegation that holds: it was revoked, or the agent is retired");
        }
        Err(error) => return Err(error),
    };
    let chain: Arc<str> = links.join("~").into();
    let presentation =
        match verifier.parse_vouched(&chain, Vouched { agent: &agent, known_by: "svid", at: now }) {
            Ok(presentation) => presentation,
            Err(denial) => return Ok(Err(Refused::from(&denial).challenged("invalid_token"))),
        };
    let claims: Vec<Delegation> = presentation.claims().cloned().collect();
    let digests: Vec<LinkDigest> = presentation.link_digests().collect();
    let (epoch, evidence) =
        gather(registry, (&claims, &digests), verifier.trust().limits.status_entries, now)?;
    // Names and bundles may be older than the rest; where something has changed since, it is decided anew.
    let epoch = epoch.min(all.epoch);
    let verified = Mutex::default();
    Ok(Ok(KnownSvid { epoch, text, signed, agent, issued, most, chain, evidence, read_at: now, verified }))
}
