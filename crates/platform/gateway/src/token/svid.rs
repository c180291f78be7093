//! A JWT-SVID in place of a token: who an agent is, for services that know SPIFFE. It says nothing of what that may do, so that it is asked
//! for by an action of its own, `svid:issue` on the service.

use super::Wanted;
use crate::{decide::Identified, gateway::Gateway, refused::Refused};
use legation_credential::{Facts, Request, Value};
use legation_registry::{RegistryError, issued};
use legation_signer::SealedKey;
use legation_store::issued::Issued;
use legation_token::{
    LIFE, Refused as Told,
    narrow::resource_of,
    svid::{ISSUE, SvidClaims, TOKEN_TYPE},
};
use legation_verifier::{NonceUse, VerifiedChain};
use std::sync::{Arc, PoisonError};

/// A proof would bind nothing.
pub(super) fn bound() -> Told {
    let message = "a JWT-SVID is bound to no key: ask without a proof, or for a token. Where the gateway makes no bearer tokens, it makes none";
    Told::new("invalid_dpop_proof", "svid_unbound", message)
}

impl Wanted<'_> {
    /// The request that is judged: `svid:issue` on the service.
    pub(super) fn judged_svid(&self, chain: &VerifiedChain) -> Result<Request, Refused> {
        self.gateway.spiffe_id(chain)?;
        let leads_to = self.leads_to.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let resource = resource_of(leads_to.as_deref().unwrap_or(self.audience));
        let resource = resource.map_err(|error| Refused::new(error.code(), error.to_string()))?;
        let facts = Facts::from([("token.id".to_owned(), Value::from(self.id))]);
        Request::new(ISSUE, &resource, facts)
            .map_err(|error| Refused::new("audience_invalid", error.to_string()))
    }
}

impl Gateway {
    /// The SPIFFE ID of whoever asks. A child that an agent made itself has none: nobody here vouches for what its name is.
    pub(super) fn spiffe_id(&self, chain: &VerifiedChain) -> Result<legation_token::SpiffeId, Refused> {
        self.registry.spiffe_id(chain.agent()).map_err(|error| match error {
            RegistryError::Value { .. } => Refused::new("svid_nobody", error.to_string()),
            other => Refused::of_registry(&other),
        })
    }
}

/// What an SVID is made with.
pub(crate) struct Making<'m> {
    pub(crate) audience: &'m str,
    pub(crate) id: &'m str,
    /// The key by which the agent has shown itself, as a Multikey: what it obtained ends with it.
    pub(crate) key: String,
    /// Until when the status of the chain may be relied on, Unix seconds.
    pub(crate) status_until: i64,
    pub(crate) now: i64,
}

/// The SVID of an agent that was decided on, which is kept before anybody has it.
pub(crate) async fn make(
    gateway: &Arc<Gateway>,
    caller: &Identified,
    making: Making<'_>,
) -> Result<(SvidClaims, String), Refused> {
    let Making { audience, id, key, status_until, now } = making;
    let ends = caller.chain.links().iter().map(|link| link.valid_until);
    let ends = ends.chain([status_until, now.saturating_add(LIFE)]).min().unwrap_or(now);
    if ends <= now {
        return Err(Refused::new("expired", "the chain ends now; an SVID of it would never be valid"));
    }
    let claims = SvidClaims {
        id: gateway.spiffe_id(&caller.chain)?,
        audience: audience.to_owned(),
        issued_at: Some(now),
        not_before: None,
        expires_at: ends,
        token_id: Some(id.to_owned()),
    };
    // Its chain is looked up when it is shown: it says who somebody is.
    let (agent, chain) = (caller.chain.agent().to_string(), String::new());
    let issued = Issued { id: issued::digest(id), agent, key, chain, until: ends, revoked: None };
    gateway.keep_issued(issued, now).await?;
    let signed = gateway.sign_svid(claims.clone(), now).await?;
    Ok((claims, signed))
}

/// The same at the token endpoint.
pub(super) async fn answered(
    gateway: &Arc<Gateway>,
    caller: &Identified,
    (audience, id): (&str, &str),
    (status_until, now): (i64, i64),
) -> Result<serde_json::Value, Refused> {
    let unknown = || Refused::new("internal", "the key of the agent is not at hand");
    let key = NonceUse::of(&caller.chain).ok_or_else(unknown)?.key;
    let (claims, svid) = make(gateway, caller, Making { audience, id, key, status_until, now }).await?;
    // RFC 8693 §2.2.1: what is no access token has the type `N_A`.
    Ok(serde_json::json!({
        "access_token": svid, "issued_token_type": TOKEN_TYPE, "token_type": "N_A",
        "expires_in": claims.expires_at.saturating_sub(now), "spiffe_id": claims.id.as_str(),
    }))
}

impl Gateway {
    /// Has an SVID signed, by the key that signs them now.
    pub(crate) async fn sign_svid(self: &Arc<Self>, claims: SvidClaims, now: i64) -> Result<String, Refused> {
        let gateway = Arc::clone(self);
        let sign = move || {
            let key = gateway.registry.svid_key(now)?;
            let sealed =
                SealedKey { organization: gateway.registry.id(), key_id: &key.key_id, sealed: &key.sealed };
            let mut signer = gateway.signer.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(signer.jwt_svid(sealed, &claims)?)
        };
        let signed = self.blocking(sign).await.and_then(|signed| signed);
        signed.map_err(|error| Refused::of_registry(&error))
    }
}
