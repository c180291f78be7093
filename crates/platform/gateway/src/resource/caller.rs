//! Whom a token stands for: the agent of the chain that it was made of, as that holds now, narrowed to what the token says.

use super::{Presented, not_taken, of_proof, of_token, resources, taking};
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
use legation_did::{Did, Purpose};
use legation_keys::PublicKey;
use legation_registry::{Registry, RegistryError, issued};
use legation_store::StoreError;
use legation_token::{
    Claims, JwkSet, JwkSetError, Shown, SignedToken, TokenAlgorithm, TokenError, dpop::DpopError, signed,
};
use legation_verifier::{Denial, Evidence, VerifiedChain, Verifier, Vouched, receipt::Subject};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};
use tracing::{Instrument, info_span};

/// Most tokens that are kept, each with the evidence for its chain. Beyond it those that have ended are dropped, and where that is not
/// enough all are read anew.
const KEPT: usize = 1000;
/// For how long the issuer's keys are used for what is not known yet.
const KEYS: Duration = Duration::from_secs(10);
/// How often they are read at most where a token names another key.
const ANEW: Duration = Duration::from_millis(200);

/// A token that the organization issued, with the evidence for its chain.
pub(crate) struct KnownToken {
    epoch: i64,
    signed: SignedToken,
    /// What it is known by: SHA-256 of its `jti`.
    pub(crate) id: String,
    pub(crate) chain: Arc<str>,
    /// The key by which its agent showed itself when it asked for it, as a Multikey.
    key: String,
    evidence: Evidence,
    read_at: i64,
    /// Whether it is bound to the key by which its agent has shown itself.
    is_own_key: bool,
    /// The chain as it was verified last, whole and as the token lets it be used, and when; where nothing was signed for this request.
    verified: Mutex<Option<(i64, Arc<VerifiedChain>, Seen)>>,
}

impl core::fmt::Debug for KnownToken {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.debug_struct("KnownToken").field("id", &self.id).finish_non_exhaustive()
    }
}

impl KnownToken {
    pub(crate) fn claims(&self) -> &Claims {
        self.signed.claims()
    }

    /// The epoch that it was read at.
    pub(crate) fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Whether it can hold at `now`, whoever shows it.
    pub(crate) fn is_live(&self, now: i64) -> bool {
        let claims = self.claims();
        let begins = claims.not_before.map_or(claims.issued_at, |from| from.max(claims.issued_at));
        now < claims.expires_at && now >= begins.saturating_sub(legation_token::SKEW)
    }

    /// The chain as of now or a moment ago, by no signature of its agent.
    pub(crate) fn vouched(
        &self,
        verifier: &Verifier,
        now: i64,
    ) -> Result<(Arc<VerifiedChain>, Seen), Denial> {
        let kept = self.verified.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, whole, seen)) = kept
            && (0..VERIFIED).contains(&now.saturating_sub(at))
        {
            return Ok((whole, seen));
        }
        let known_by = format!("token:{}", self.id);
        let vouched = Vouched { agent: &self.claims().client_id, known_by: &known_by, at: now };
        let presentation = verifier.parse_vouched(&self.chain, vouched)?;
        let whole = Arc::new(verifier.verify(&presentation, &self.evidence, presentation.nonce(), now)?);
        let seen: Seen = (Arc::new(self.narrowed(&whole)?), Arc::default());
        *self.verified.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((now, Arc::clone(&whole), seen.clone()));
        Ok((whole, seen))
    }

    /// The chain as the token lets it be used: never more than the chain, and no more than the token says.
    fn narrowed(&self, whole: &VerifiedChain) -> Result<VerifiedChain, Denial> {
        whole.narrow(&self.claims().authority).map_err(Denial::from)
    }
}

/// What is remembered of tokens.
#[derive(Default)]
pub(crate) struct Tokens {
    known: Mutex<HashMap<[u8; 32], Arc<KnownToken>>>,
    keys: Mutex<Option<(Instant, Arc<JwkSet>)>>,
}

impl core::fmt::Debug for Tokens {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Tokens {
    pub(crate) fn forget(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn known(&self, digest: &[u8; 32]) -> Option<Arc<KnownToken>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }

    fn keep(&self, digest: [u8; 32], token: &Arc<KnownToken>, now: i64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            known.retain(|_, token| token.is_live(now));
        }
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(digest, Arc::clone(token));
    }
}

/// A token that was issued here, or why it is none of ours.
type Read = Result<KnownToken, Refused>;

impl Gateway {
    /// A token that the organization has signed and issued. The store is asked for nothing but those that it has signed.
    pub(crate) async fn known_token(
        self: &Arc<Self>,
        token: &str,
        now: i64,
    ) -> Result<Arc<KnownToken>, Refused> {
        let digest = legation_token::about::digest(token);
        if let Some(known) = self.known_tokens.known(&digest) {
            return Ok(known);
        }
        let origin = self.registry.origin();
        let holds = |keys: &JwkSet| signed(token, keys, (&origin, &TokenAlgorithm::ALL));
        let mut first = holds(&*self.token_keys(KEYS, now).await?);
        if matches!(&first, Err(error @ TokenError::Key(_)) if error.code() == "key_not_found") {
            first = holds(&*self.token_keys(ANEW, now).await?);
        }
        let at = first.map_err(|error| of_token(&error))?.claims().expires_at;
        // One that has ended is anybody's who has seen it: the store is not asked for it.
        if now >= at {
            return Err(of_token(&TokenError::Expired { at }));
        }
        let (gateway, text) = (Arc::clone(self), token.to_owned());
        let read = self.blocking(move || read(&gateway, &text, now)).instrument(info_span!("resolve")).await;
        let read = read.and_then(|read| read).map_err(|error| Refused::of_registry(&error))??;
        let known = Arc::new(read);
        self.known_tokens.keep(digest, &known, now);
        Ok(known)
    }

    /// The keys by which the organization signs tokens, read so long ago at most.
    async fn token_keys(self: &Arc<Self>, most: Duration, now: i64) -> Result<Arc<JwkSet>, Refused> {
        let kept = self.known_tokens.keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((since, keys)) = kept
            && since.elapsed() < most
        {
            return Ok(keys);
        }
        let gateway = Arc::clone(self);
        let read = self.blocking(move || keys(&gateway.registry, now)).await.and_then(|read| read);
        let keys = Arc::new(read.map_err(|error| Refused::of_registry(&error))?);
        *self.known_tokens.keys.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((Instant::now(), Arc::clone(&keys)));
        Ok(keys)
    }

    /// Whether a token was revoked is asked each time.
    pub(crate) async fn token_stands(self: &Arc<Self>, id: &str) -> Result<bool, Refused> {
        let (gateway, id) = (Arc::clone(self), id.to_owned());
        let stands =
            self.blocking(move || gateway.registry.token_stands(&id)).await.and_then(|stands| stands);
        stands.map_err(|error| Refused::of_registry(&error))
    }

    /// Whether the key by which a token was asked for is its agent's still: what a key obtained ends with it.
    pub(crate) async fn token_has_its_key(
        self: &Arc<Self>,
        known: &Arc<KnownToken>,
        now: i64,
    ) -> Result<bool, Refused> {
        let (gateway, known) = (Arc::clone(self), Arc::clone(known));
        let key = self
            .blocking(move || key_of(&gateway.registry, &known.claims().client_id, &known.key, now))
            .await;
        let key = key.and_then(|key| key).map_err(|error| Refused::of_registry(&error))?;
        Ok(key.is_some())
    }

    /// Whose token a request shows, before anything more of it is read: signed here, and shown by whoever may show it.
    pub(crate) async fn token_holder(
        self: &Arc<Self>,
        presented: &Presented,
        now: i64,
    ) -> Result<Did, Refused> {
        if presented.is_svid {
            return self.svid_holder(presented, now).await;
        }
        let known = self.known_token(&presented.token, now).await?;
        // For which resource it is, is asked with the rest.
        known.held(presented, &known.claims().audience, now)?;
        Ok(known.claims().client_id.clone())
    }

    /// Whoever shows a token at a route.
    pub(crate) async fn by_token(
        self: &Arc<Self>,
        presented: &Presented,
        now: i64,
    ) -> Result<Identified, Undecided> {
        if presented.is_svid {
            return self.by_svid(presented, now).await;
        }
        let known = self.known_token(&presented.token, now).instrument(info_span!("auth")).await?;
        let configured = self.configured_at(known.epoch).await?;
        // What is refused by what was remembered is looked at again where that has changed.
        if let Err(refused) = self.is_for(&known, presented, &configured, now) {
            return Err(self.unless_changed(known.epoch, refused).await);
        }
        if !self.token_stands(&known.id).await? {
            let message = "the token was revoked; ask for another one";
            return Err(Refused::new("token_revoked", message).challenged("invalid_token").into());
        }
        let _ = presented.of.set(Arc::clone(&known));
        let verified = info_span!("verify").in_scope(|| self.of_chain(&known, presented, now));
        let (whole, (chain, told), proved) = match verified {
            Ok(verified) => verified,
            Err(denial) => return Err(self.chain_denied(&known, &denial, now).await),
        };
        Ok(Identified {
            told,
            status_age: now.saturating_sub(known.read_at).max(0),
            proved: Some(proved),
            whole: Some(whole),
            ..Identified::new(known.epoch, chain)
        })
    }

    /// Holds that a token is for the route that is asked for, which takes it, and is shown by whoever may show it.
    fn is_for(
        &self,
        known: &KnownToken,
        presented: &Presented,
        configured: &Configured,
        now: i64,
    ) -> Result<(), Refused> {
        let route = taking(configured, &presented.path).map(|(route, _)| route);
        let route =
            route.filter(|route| route.takes(presented.auth())).ok_or_else(|| not_taken(presented))?;
        let all = resources(&self.registry.origin(), route, &presented.path);
        let [first, ..] = &all;
        let audience = all.iter().find(|one| **one == known.claims().audience).unwrap_or(first);
        known.held(presented, audience, now)
    }

    /// The chain of a token that is shown, whole and narrowed. Where the agent's own key has made the proof, it is the agent that has
    /// signed the request, and its proof passes once as any signature does.
    fn of_chain(
        &self,
        known: &KnownToken,
        presented: &Presented,
        now: i64,
    ) -> Result<(Arc<VerifiedChain>, Seen, By), Denial> {
        let proof = presented.proof.get().filter(|_| known.is_own_key);
        let Some(proof) = proof.map(|proof| proof.of_possession(&known.id)) else {
            let by = presented
                .proof
                .get()
                .map_or(By::Key, |proof| By::Signed(proof.of_possession(&known.id).signing_input.into()));
            let (whole, seen) = known.vouched(&self.verifier, now)?;
            return Ok((whole, seen, by));
        };
        let by = By::Signed(proof.signing_input.as_str().into());
        let presentation = self.verifier.parse_request(&known.chain, proof)?;
        let whole = self.verifier.verify(&presentation, &known.evidence, presentation.nonce(), now)?;
        let chain = known.narrowed(&whole)?;
        Ok((Arc::new(whole), (Arc::new(chain), Arc::default()), by))
    }

    /// Holds that a proof comes once, in whichever process, whatever is decided on what it comes with: it names neither body nor query.
    pub(crate) async fn is_first(self: &Arc<Self>, presented: &Presented, now: i64) -> Result<(), Refused> {
        let Some(proof) = presented.proof.get() else { return Ok(()) };
        // What is decided again is the same request.
        if presented.counted.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let (gateway, id, until) = (Arc::clone(self), proof.id(), proof.until());
        let first = self.blocking(move || gateway.registry.first_shown(&id, until, now)).await;
        match first.and_then(|first| first).map_err(|error| Refused::of_registry(&error))? {
            true => Ok(()),
            false => Err(of_proof(&DpopError::Replayed)),
        }
    }

    /// The chain of a token does not hold any more; it is recorded, as of any known caller.
    async fn chain_denied(self: &Arc<Self>, known: &KnownToken, denial: &Denial, now: i64) -> Undecided {
        let refused = Refused::from(denial).challenged("invalid_token");
        let refused = match self.unless_changed(known.epoch, refused).await {
            Undecided::Changed => return Undecided::Changed,
            refused @ Undecided::Refused(_) => refused,
        };
        let subject = Subject { presented: known.chain.as_bytes(), ..Subject::default() };
        let agent = &known.claims().client_id;
        let receipt = record::of_denial(denial, (subject, None), agent, self.verifier.trust(), now);
        match self.record_denial(receipt).await {
            Ok(()) => refused,
            Err(refused) => refused.into(),
        }
    }
}

impl KnownToken {
    /// Holds that it is for a resource, holds now, and is shown by whoever may show it.
    fn held(&self, presented: &Presented, audience: &str, now: i64) -> Result<(), Refused> {
        let shown = presented.proved(now)?.map_or(Shown::Bearer, Shown::Proved);
        let held = self.signed.shown((&presented.token, shown), audience, now);
        held.map(drop).map_err(|error| of_token(&error))
    }
}

fn keys(registry: &Registry, now: i64) -> Result<JwkSet, RegistryError> {
    let jwks = serde_json::json!({ "keys": registry.token_jwks(now)? }).to_string();
    let wrong =
        |error: JwkSetError| StoreError::Unavailable { reason: format!("the keys of tokens: {error}") };
    Ok(JwkSet::parse(jwks.as_bytes()).map_err(wrong)?)
}

/// What there is of a token: the epoch first, so that what changes while the rest is read is noticed when it is committed.
fn read(gateway: &Gateway, token: &str, now: i64) -> Result<Read, RegistryError> {
    let (registry, verifier) = (&gateway.registry, &gateway.verifier);
    let epoch = registry.epoch()?;
    let signed = match signed(token, &keys(registry, now)?, (&registry.origin(), &TokenAlgorithm::ALL)) {
        Ok(signed) => signed,
        Err(error) => return Ok(Err(of_token(&error))),
    };
    let unknown = |message: &str| Ok(Err(Refused::new("token_unknown", message).challenged("invalid_token")));
    let (id, agent) = (issued::digest(&signed.claims().id), &signed.claims().client_id);
    let Some(found) = registry.issued_token(&id)?.filter(|found| found.agent == agent.as_str()) else {
        return unknown("the token has ended, or was not issued here; ask for another one");
    };
    // What a key obtained ends with it.
    let Some(own) = key_of(registry, agent, &found.key, now)? else {
        return unknown(
            "the key by which the token was asked for is no longer the agent's; ask by the one that is",
        );
    };
    let is_own_key = signed.claims().key.as_deref() == Some(own.as_str());
    let vouched = Vouched { agent, known_by: "token", at: now };
    let presentation = match verifier.parse_vouched(&found.chain, vouched) {
        Ok(presentation) => presentation,
        Err(denial) => return Ok(Err(Refused::from(&denial).challenged("invalid_token"))),
    };
    let claims: Vec<Delegation> = presentation.claims().cloned().collect();
    let digests: Vec<LinkDigest> = presentation.link_digests().collect();
    if !signed.claims().links.iter().all(|link| digests.contains(link))
        || signed.claims().links.len() != claims.len()
    {
        return unknown("the token was made of another chain than the one that is kept; ask for another one");
    }
    let (_, evidence) = gather(registry, (&claims, &digests), verifier.trust().limits.status_entries, now)?;
    Ok(Ok(KnownToken {
        epoch,
        signed,
        id,
        chain: found.chain.into(),
        key: found.key,
        evidence,
        read_at: now,
        is_own_key,
        verified: Mutex::default(),
    }))
}

/// The thumbprint of the key by which an agent has shown itself, where it is its own still.
pub(super) fn key_of(
    registry: &Registry,
    agent: &Did,
    multikey: &str,
    now: i64,
) -> Result<Option<String>, RegistryError> {
    let Ok(key) = PublicKey::from_multikey(multikey) else { return Ok(None) };
    let thumbprint = key.thumbprint();
    // The key of a did:key is the DID itself.
    if agent.method() == "key" {
        return Ok((legation_did::key::did(&key) == *agent).then_some(thumbprint));
    }
    if !registry.is_own(agent) {
        return Ok(None);
    }
    let document = match registry.document(agent.as_str()) {
        Ok(document) => document,
        Err(RegistryError::Store(StoreError::NotFound { .. })) => return Ok(None),
        Err(error) => return Err(error),
    };
    let is_its = document.key_by_thumbprint(&thumbprint, None, Purpose::Authentication, now).is_ok();
    Ok(is_its.then_some(thumbprint))
}
