//! Who is asked about: an agent of the organization, by its DID or its name.
//!
//! A name stands for an agent only beside a type that it is of: `agent`, which all are, or one of its own tags. So an organization
//! whose agents act for users may tag them `user`, and others ask about `{"type":"user","id":"alice"}`. A DID says by itself whose it is.

use super::undecided;
use crate::{
    decide::{Identified, Who},
    gateway::Gateway,
    refused::Refused,
    signature::nobody,
};
use legation_did::Did;
use legation_registry::RegistryError;
use legation_store::{StoreError, holder::Kind};
use std::sync::Arc;

/// The type that every agent is of.
pub(super) const AGENT: &str = "agent";

/// How somebody is named (§5.1).
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) kind: String,
    pub(super) id: String,
}

impl Gateway {
    /// The DID of whoever is named; `None` where there is nobody of that name and type.
    pub(super) async fn did_of(self: &Arc<Self>, named: &Named) -> Result<Option<Did>, Refused> {
        if let Ok(did) = named.id.parse::<Did>() {
            return Ok(Some(did));
        }
        let (gateway, Named { kind, id }) = (Arc::clone(self), named.clone());
        let read = self.blocking(move || match gateway.registry.show(Kind::Agent, &id) {
            Ok(shown) if kind == AGENT || shown.profile.tags.contains(&kind) => Ok(Some(shown.holder.did)),
            Ok(_) | Err(RegistryError::Store(StoreError::NotFound { .. })) => Ok(None),
            Err(error) => Err(error),
        });
        let did = read.await.and_then(|read| read).map_err(|error| Refused::of_registry(&error))?;
        Ok(did.and_then(|did| did.parse().ok()))
    }

    /// The chain of whom somebody asks about, once it may ask. Within: why there is none.
    pub(super) async fn asked_about(
        self: &Arc<Self>,
        asks: &Identified,
        named: &Named,
        now: i64,
    ) -> Result<Result<Identified, Refused>, Refused> {
        let did = self.did_of(named).await?;
        if did.as_ref() == Some(asks.chain.agent()) {
            return Ok(Ok(asks.clone()));
        }
        // Who is there and who is not is told to nobody else.
        self.may_ask(asks, now).await?;
        match did {
            Some(did) => self.vouched(&did, asks, now).await,
            None => Ok(Err(nobody())),
        }
    }

    /// The chain of an agent that somebody who may do so asks about. Within: why there is none.
    pub(super) async fn vouched(
        self: &Arc<Self>,
        subject: &Did,
        asks: &Identified,
        now: i64,
    ) -> Result<Result<Identified, Refused>, Refused> {
        let who = Who::Named { subject, by: asks.chain.agent() };
        match self.identify(who, now).await.map_err(undecided) {
            Ok(found) => Ok(Ok(found)),
            Err(refused) if refused.status() >= 500 => Err(refused),
            Err(refused) => Ok(Err(refused)),
        }
    }
}
