//! Agents of partners: their chains begin at another organization, under the ceiling that the partner has here. What that organization
//! publishes of them is fetched, as old as the partner's entry lets it be. Whoever begins anywhere else is a stranger, and costs little.

use crate::{
    decide::{Identified, Undecided},
    gateway::Gateway,
    models::Configured,
    refused::Refused,
};
use legation_credential::LinkDigest;
use legation_did::Did;
use legation_http_signature::{Message, read};
use legation_policy::{Kind, Principal};
use legation_registry::{
    RegistryError,
    partner::Partner,
    quarantine::shut::{Link, Out},
};
use legation_resolver::{Fetcher, Options, SetupError, SharedEvidence, verify_anew, verify_shared};
use legation_verifier::{Code, Denial, SignalSource, Trust, VerifiedChain, VerifiedLink, Verifier};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tracing::{Instrument, info_span};

/// For how long it is taken to be known who is a partner, before the organization's epoch is looked at for a stranger.
const KNOWN: Duration = Duration::from_secs(1);
/// How often it is read again because the organization changed meanwhile.
const AGAIN: usize = 4;
/// Most chains with which own agents call that a process remembers to have kept.
const MOST_LENT: usize = 10_000;

/// A partner, and what verifies its agents' chains.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) did: Did,
    max_status_age: i64,
    verifier: Verifier,
}

/// What foreign chains are verified by.
#[derive(Debug)]
pub(crate) struct Foreign {
    pub(crate) fetcher: Fetcher,
    evidence: SharedEvidence,
    /// When it was last looked who is a partner.
    looked: Mutex<Option<(Instant, Arc<Configured>)>>,
    /// Chains of which it was kept that own agents call with them, by their last links.
    lent: Mutex<HashSet<LinkDigest>>,
}

impl Foreign {
    /// `private` says whether what partners publish may be at addresses of a private network.
    pub(crate) fn new(private: bool) -> Result<Self, SetupError> {
        let options = Options { http_on_loopback: true, allow_private: private, ..Options::default() };
        Ok(Self {
            fetcher: Fetcher::new(options)?,
            evidence: SharedEvidence::new(),
            looked: Mutex::default(),
            lent: Mutex::default(),
        })
    }

    pub(crate) fn forget(&self) {
        *self.looked.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The partners as they are configured; one that is there already stays, with what it remembers.
pub(crate) fn admitted(
    partners: &[Partner],
    (host, audience): (&str, &Did),
    routes: &[legation_registry::route::Route],
    known: &[Arc<Admitted>],
) -> Result<Vec<Arc<Admitted>>, RegistryError> {
    let mut all = Vec::new();
    for partner in partners {
        // One that can't be read closes the door to this partner, not to all.
        let Ok(Some(ceiling)) = partner.ceiling(host, routes) else { continue };
        let Ok(did) = partner.did.parse::<Did>() else { continue };
        let mut trust = Trust::new(audience.as_str());
        trust.roots.insert(did.clone(), ceiling);
        let max_status_age = partner.max_status_age;
        let same =
            |one: &&Arc<Admitted>| *one.verifier.trust() == trust && one.max_status_age == max_status_age;
        let before = known.iter().find(same).cloned();
        all.push(
            before.unwrap_or_else(|| {
                Arc::new(Admitted { did, max_status_age, verifier: Verifier::new(trust) })
            }),
        );
    }
    Ok(all)
}

/// How long ago the oldest of what a chain was verified by was fetched, seconds. How old its lists may be by their own word is the
/// verifier's bound.
fn age(chain: &VerifiedChain, now: i64) -> i64 {
    chain.evidence().iter().map(|used| now.saturating_sub(used.fetched_at).max(0)).max().unwrap_or_default()
}

fn refused(out: Out) -> Refused {
    let (expected, found) = match out {
        Out::Told => {
            ("a delegation of whom no rule of quarantine has shut out here", "one of somebody who is")
        }
        Out::Stopped => (
            "delegations to agents of this organization that may act themselves",
            "one to an agent that is suspended, retired or unconfirmed here",
        ),
    };
    Refused::from(&Denial::new(Code::LinkSuspended, expected, found))
}

impl Gateway {
    /// What was configured a moment ago: for whoever is nobody yet, so that it costs the store little.
    pub(crate) async fn configured_lately(self: &Arc<Self>) -> Result<Arc<Configured>, Refused> {
        for _ in 0..AGAIN {
            match self.lately().await {
                Ok(configured) => return Ok(configured),
                Err(Undecided::Changed) => self.forget(),
                Err(Undecided::Refused(refused)) => return Err(refused),
            }
        }
        Err(Refused::new("overloaded", "the organization is changing all the time; try again"))
    }

    async fn lately(self: &Arc<Self>) -> Result<Arc<Configured>, Undecided> {
        let looked = self.foreign.looked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, configured)) = looked.filter(|(at, _)| at.elapsed() < KNOWN) {
            return Ok(configured);
        }
        let epoch = self.epoch().await?;
        let configured = self.configured_at(epoch).await?;
        let now = Some((Instant::now(), Arc::clone(&configured)));
        *self.foreign.looked.lock().unwrap_or_else(PoisonError::into_inner) = now;
        Ok(configured)
    }

    /// The partner with this DID, and the epoch at which it is one.
    pub(crate) async fn partner(
        self: &Arc<Self>,
        root: &Did,
    ) -> Result<Option<(i64, Arc<Admitted>)>, Undecided> {
        let configured = self.lately().await?;
        let found = configured.partners.iter().find(|one| one.did == *root).cloned();
        Ok(found.map(|partner| (configured.epoch, partner)))
    }

    /// Whoever signed a request with a chain of a partner.
    pub(crate) async fn by_foreign_signature(
        self: &Arc<Self>,
        message: &Message<'_>,
        chain: &str,
        (epoch, partner): (i64, Arc<Admitted>),
        now: i64,
    ) -> Result<Identified, Undecided> {
        let stranger = |denial: Denial| Undecided::Refused(Refused::from(&denial.without_trust()));
        let proof = read(message)
            .map_err(|error| Undecided::Refused(Refused::new(error.code(), error.to_string())))?;
        let presentation = partner.verifier.parse_request(chain, proof).map_err(stranger)?;
        let (fetcher, evidence, nonce) =
            (&self.foreign.fetcher, &self.foreign.evidence, presentation.nonce());
        let verifier = &partner.verifier;
        let shared = verify_shared(&presentation, verifier, fetcher, evidence, nonce, now);
        let anew = verify_anew(&presentation, verifier, fetcher, evidence, nonce, now);
        // Asked for each time, or where what was fetched last is older than the partner's may be.
        let verified = async {
            if partner.max_status_age > 0 {
                let verified = shared.await?;
                if age(&verified, now) <= partner.max_status_age {
                    return Ok(verified);
                }
            }
            anew.await
        };
        let verified = verified.instrument(info_span!("resolve")).await.map_err(stranger)?;
        self.is_not_blocked(presentation.link_digests().collect()).await?;
        self.is_not_shut_out(&verified, presentation.digests_by_link(), now).await?;
        let status_age = age(&verified, now);
        // Everybody on the path: whoever is forbidden something can't have it done by a child.
        let principals =
            verified.links().iter().map(|link| Principal::of_did(Kind::Foreign, link.subject.as_str()));
        let principals = principals.collect();
        // Whoever is suspended for what it proved is none of ours.
        Ok(Identified {
            status_age,
            principals: Some(principals),
            ..Identified::new(epoch, Arc::new(verified))
        })
    }

    /// What the organization itself has blocked of a foreign chain passes no more, in whichever form it is presented.
    async fn is_not_blocked(self: &Arc<Self>, digests: Vec<LinkDigest>) -> Result<(), Refused> {
        let gateway = Arc::clone(self);
        let blocked = self.blocking(move || gateway.registry.blocked(&digests)).await;
        let blocked = blocked.and_then(|blocked| blocked).map_err(|error| Refused::of_registry(&error))?;
        if blocked.is_empty() {
            return Ok(());
        }
        Err(Refused::from(&Denial::new(
            Code::LinkRevoked,
            "a delegation that is not blocked here",
            "one that is",
        )))
    }

    /// What a partner told of its delegations may have shut somebody out here, by a rule of quarantine; and an own agent that is
    /// stopped here calls with nobody's delegations. Where an own agent calls with
    /// one it is kept, so that the agent is stopped with it.
    async fn is_not_shut_out(
        self: &Arc<Self>,
        chain: &VerifiedChain,
        digests: impl Iterator<Item = Vec<LinkDigest>>,
        now: i64,
    ) -> Result<(), Refused> {
        let Some(first) = chain.links().first() else { return Ok(()) };
        let root = first.issuer.clone();
        let one = |(link, digests): (&VerifiedLink, _)| {
            let (issuer, subject) = (link.issuer.clone(), link.subject.clone());
            Link { digests, issuer, subject }
        };
        let links: Vec<Link> = chain.links().iter().zip(digests).map(one).collect();
        let last = chain.links().last().map(|link| link.digest);
        let last = last.filter(|_| links.iter().any(|link| self.registry.is_own(&link.subject)));
        let last = last.filter(|last| !self.lent().contains(last));
        // Not until the end of this request's signature: it calls with the same delegations again.
        let until = chain.links().iter().map(|link| link.valid_until).min().unwrap_or(now);
        let gateway = Arc::clone(self);
        let looked = self.blocking(move || {
            if last.is_some() {
                gateway.registry.note_lent(&root, &links, until, now)?;
            }
            gateway.registry.is_shut_out(&root, &links)
        });
        let out = looked.await.and_then(|looked| looked).map_err(|error| Refused::of_registry(&error))?;
        if let Some(last) = last {
            let mut lent = self.lent();
            if lent.len() >= MOST_LENT {
                lent.clear();
            }
            lent.insert(last);
        }
        out.map_or(Ok(()), |out| Err(refused(out)))
    }

    /// The same for an answer that is passed on while it arrives, of a chain that was verified when it began.
    pub(crate) async fn is_let_in(self: &Arc<Self>, root: &Did, links: Vec<Link>) -> Result<(), Refused> {
        let (gateway, root) = (Arc::clone(self), root.clone());
        let looked = self.blocking(move || gateway.registry.is_shut_out(&root, &links)).await;
        // The store is gone; it is looked at again with the next change.
        looked.and_then(|looked| looked).ok().flatten().map_or(Ok(()), |out| Err(refused(out)))
    }

    fn lent(&self) -> MutexGuard<'_, HashSet<LinkDigest>> {
        self.foreign.lent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops what is remembered of a partner's own, as far as its transmitter has told something of it: all of its status lists, and
    /// the documents of those who are named. Nothing is permitted by it. Gives how much was dropped.
    pub fn look_again(&self, source: &SignalSource, named: &dyn Fn(&Did) -> bool, now: i64) -> usize {
        let of_named = |did: &Did| source.speaks_of(did) && named(did);
        self.foreign.evidence.drop_of(&|did| source.speaks_of(did), &of_named, now)
    }
}
