//! Who an agent is, and the key that it proves it with.

use core::fmt;
use legation_did::{Did, method_id};
use legation_keys::Signer;
use std::sync::Arc;

/// A DID and one of its keys. Cloning it shares the key.
#[derive(Clone)]
pub struct Identity {
    did: Did,
    key_id: String,
    key: Arc<dyn Signer + Send + Sync>,
}

impl Identity {
    /// An identity whose document names the key as Legation does: a did:key by its Multikey, every other
    /// DID by the RFC 7638 thumbprint. The key must be for `authentication` and `assertionMethod`.
    #[must_use]
    pub fn new(did: Did, key: Arc<dyn Signer + Send + Sync>) -> Self {
        let key_id = method_id(&did, key.public_key());
        Self { did, key_id, key }
    }

    /// An identity whose document names the key otherwise: `key_id` is the DID URL there.
    #[must_use]
    pub fn with_key_id(did: Did, key_id: String, key: Arc<dyn Signer + Send + Sync>) -> Self {
        Self { did, key_id, key }
    }

    /// The DID.
    #[must_use]
    pub fn did(&self) -> &Did {
        &self.did
    }

    /// The DID URL of the key.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// What signs.
    #[must_use]
    pub fn signer(&self) -> &dyn Signer {
        &*self.key
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Identity")
            .field("did", &self.did)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}
