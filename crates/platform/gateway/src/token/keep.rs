//! What is kept of a token before anybody has it, and its signature.

use crate::{decide::Identified, gateway::Gateway, refused::Refused};
use legation_registry::issued;
use legation_signer::SealedKey;
use legation_store::issued::Issued;
use legation_token::{Claims, TokenAlgorithm};
use legation_verifier::NonceUse;
use std::sync::{Arc, PoisonError};

impl Gateway {
    /// Keeps of which chain a token is, and by which key it was asked for, before anybody has it.
    pub(super) async fn keep_token(
        self: &Arc<Self>,
        caller: &Identified,
        (id, until): (&str, i64),
        now: i64,
    ) -> Result<(), Refused> {
        let unknown = || Refused::new("internal", "the chain of the token is not at hand");
        let issued = Issued {
            id: issued::digest(id),
            agent: caller.chain.agent().to_string(),
            key: NonceUse::of(&caller.chain).ok_or_else(unknown)?.key,
            chain: caller.secured.as_deref().ok_or_else(unknown)?.to_owned(),
            until,
            revoked: None,
        };
        self.keep_issued(issued, now).await
    }

    pub(super) async fn keep_issued(self: &Arc<Self>, issued: Issued, now: i64) -> Result<(), Refused> {
        let gateway = Arc::clone(self);
        let kept =
            self.blocking(move || gateway.registry.keep_token(&issued, now)).await.and_then(|kept| kept);
        kept.map_err(|error| Refused::of_registry(&error))
    }

    /// Has a token signed, by the key that signs by that algorithm now.
    pub(super) async fn sign_token(
        self: &Arc<Self>,
        claims: Claims,
        algorithm: TokenAlgorithm,
        now: i64,
    ) -> Result<String, Refused> {
        let gateway = Arc::clone(self);
        let sign = move || {
            let key = gateway.registry.token_key(algorithm, now)?;
            let sealed =
                SealedKey { organization: gateway.registry.id(), key_id: &key.key_id, sealed: &key.sealed };
            let mut signer = gateway.signer.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(signer.access_token(sealed, &claims)?)
        };
        let signed = self.blocking(sign).await.and_then(|signed| signed);
        signed.map_err(|error| Refused::of_registry(&error))
    }
}
