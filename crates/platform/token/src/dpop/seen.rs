//! Which proofs were shown before.

use super::{DpopError, Proof};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Most proofs that are remembered by default: 10 MB, and 600 requests a second.
const MOST: usize = 100_000;

/// The proofs that one process was shown, each for as long as it could come again (RFC 9449 §11.1). A service of several processes
/// demands nonces of its own as well, or counts them in one place.
#[derive(Debug)]
pub struct Seen {
    most: usize,
    until: Mutex<HashMap<[u8; 32], i64>>,
}

impl Default for Seen {
    fn default() -> Self {
        Self::new(MOST)
    }
}

impl Seen {
    /// One that remembers so many at most. Where there are more nothing is let through, since nobody would know whether it
    /// comes a second time.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, until: Mutex::default() }
    }

    /// Remembers a proof, at `now` (Unix seconds). Ask it last: what is refused for another reason takes no room.
    ///
    /// # Errors
    /// [`DpopError::Replayed`] where it was shown before, [`DpopError::Full`].
    pub fn first(&self, proof: &Proof, now: i64) -> Result<(), DpopError> {
        let mut seen = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.contains_key(&proof.id()) {
            return Err(DpopError::Replayed);
        }
        if seen.len() >= self.most {
            seen.retain(|_, until| now < *until);
            if seen.len() >= self.most {
                return Err(DpopError::Full);
            }
        }
        seen.insert(proof.id(), proof.until());
        Ok(())
    }
}
