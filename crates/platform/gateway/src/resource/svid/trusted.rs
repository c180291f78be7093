//! The trust domains that SVIDs are of: the organization's own, and those that it relies on.

use super::{ANEW, MAY_BE_NEW, TRUSTED, of_svid, revoked};
use crate::{gateway::Gateway, refused::Refused};
use legation_registry::{Registry, RegistryError, issued, trust::TrustDomain};
use legation_store::StoreError;
use legation_token::{
    LIFE,
    svid::{Bundle, SignedSvid, SpiffeId, SvidClaims, verify::claims_of, verify::signed},
};
use std::{collections::HashMap, sync::Arc};

/// A trust domain as it is relied on.
#[derive(Debug)]
pub(super) struct Trusted {
    pub(super) domain: TrustDomain,
    /// `None` where none is held that is new enough.
    bundle: Option<Bundle>,
}

/// The trust domains as of an epoch: the organization's own first.
#[derive(Debug)]
pub(super) struct All {
    pub(super) epoch: i64,
    own: Option<(String, Bundle)>,
    others: Vec<Trusted>,
}

impl All {
    /// The epoch first: what changes while the rest is read makes this too old, and never too new.
    pub(super) fn read(registry: &Registry, now: i64) -> Result<Self, RegistryError> {
        let epoch = registry.epoch()?;
        let own = match registry.trust_domain() {
            Ok(name) => {
                let bundle = Bundle::parse(registry.spiffe_bundle(now)?.to_string().as_bytes());
                let wrong = |error: legation_token::svid::BundleError| StoreError::Unavailable {
                    reason: format!("the keys of SVIDs: {error}"),
                };
                Some((name, bundle.map_err(wrong)?))
            }
            Err(_) => None,
        };
        let mut others = Vec::new();
        for domain in registry.trust_domains()? {
            let bundle = registry.bundle_of(&domain, now)?;
            others.push(Trusted { domain, bundle });
        }
        Ok(Self { epoch, own, others })
    }

    pub(super) fn is_own(&self, id: &SpiffeId) -> bool {
        self.own.as_ref().is_some_and(|(name, _)| name == id.trust_domain())
    }

    pub(super) fn other(&self, id: &SpiffeId) -> Option<&Trusted> {
        self.others.iter().find(|one| one.domain.name == id.trust_domain())
    }

    /// Holds an SVID against the bundle of its own trust domain, and of no other.
    pub(super) fn signed(&self, text: &str, id: &SpiffeId) -> Result<SignedSvid, Refused> {
        if let Some((name, bundle)) = self.own.as_ref().filter(|(name, _)| name == id.trust_domain()) {
            return signed(text, bundle, name).map_err(|error| of_svid(&error));
        }
        let refused = |code: &str, message: &str| Refused::new(code, message).challenged("invalid_token");
        let Some(other) = self.other(id) else {
            return Err(refused(
                "trust_domain_unknown",
                "the SVID is of a trust domain that nobody here relies on",
            ));
        };
        let Some(bundle) = &other.bundle else {
            let message =
                "the bundle of the trust domain could not be had lately, so that none of its SVIDs is taken";
            return Err(refused("bundle_stale", message));
        };
        signed(text, bundle, &other.domain.name).map_err(|error| of_svid(&error))
    }
}

impl Gateway {
    /// What an SVID says that holds for an audience, by the bundle of its trust domain, whoever it is of (Workload API §6.2.3).
    pub(crate) async fn valid_svid(
        self: &Arc<Self>,
        text: &str,
        audience: &str,
    ) -> Result<SvidClaims, Refused> {
        let now = crate::gateway::now();
        let claims = claims_of(text).map_err(|error| of_svid(&error))?;
        let first = self.trusted(TRUSTED, now).await?;
        let held = match first.signed(text, &claims.id) {
            Err(refused) if MAY_BE_NEW.contains(&refused.code.as_str()) => {
                self.trusted(ANEW, now).await?.signed(text, &claims.id)
            }
            held => held,
        }?;
        let most = first.other(&claims.id).map_or(LIFE, |other| other.domain.max_life);
        held.holds(audience, most, now).map_err(|error| of_svid(&error))?;
        if let (true, Some(jti)) = (first.is_own(&claims.id), &claims.token_id)
            && !self.token_stands(&issued::digest(jti)).await?
        {
            return Err(revoked());
        }
        Ok(claims)
    }

    /// The bundles of all trust domains that are relied on, the organization's own among them, as JWK sets by the SPIFFE ID of each.
    pub(crate) async fn all_bundles(self: &Arc<Self>) -> Result<HashMap<String, Vec<u8>>, Refused> {
        let gateway = Arc::clone(self);
        let read = self.blocking(move || {
            let (registry, now, mut all) = (&gateway.registry, crate::gateway::now(), HashMap::new());
            let mut add = |name: &str, bundle: &serde_json::Value| {
                all.insert(format!("spiffe://{name}"), bundle.to_string().into_bytes());
            };
            if let Ok(name) = registry.trust_domain() {
                add(&name, &registry.spiffe_bundle(now)?);
            }
            for domain in registry.trust_domains()? {
                let held = match &domain.bundle {
                    Some(bundle) => Some(bundle.clone()),
                    None => registry.fetched_bundle(&domain)?.map(|fetched| fetched.bundle),
                };
                if let (Some(held), Some(_)) = (held, registry.bundle_of(&domain, now)?) {
                    add(&domain.name, &held);
                }
            }
            Ok(all)
        });
        read.await.and_then(|read| read).map_err(|error| Refused::of_registry(&error))
    }
}
