//! Chains that have verified, by the SHA-256 of their text, so that a request can name its chain instead of carrying it.
//!
//! Being known opens no door: a chain that is known is verified again with each request. One that was forgotten costs its
//! caller a second request.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Most chains. An ordinary one has three kilobytes.
const CHAINS: usize = 10_000;
/// Most bytes of all together.
const BYTES: usize = 32 << 20;

/// Such chains.
#[derive(Debug, Default)]
pub(crate) struct KnownChains(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    chains: HashMap<[u8; 32], Arc<str>>,
    bytes: usize,
}

impl KnownChains {
    pub(crate) fn get(&self, digest: &[u8; 32]) -> Option<Arc<str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).chains.get(digest).cloned()
    }

    /// Remembers a chain that has verified.
    pub(crate) fn remember(&self, digest: [u8; 32], chain: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.chains.contains_key(&digest) {
            return;
        }
        if known.chains.len() >= CHAINS || known.bytes.saturating_add(chain.len()) > BYTES {
            *known = Known::default();
        }
        known.bytes = known.bytes.saturating_add(chain.len());
        known.chains.insert(digest, chain.into());
    }
}
