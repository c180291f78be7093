//! What a transmitter of Security Event Tokens tells (Shared Signals, SSF 1.0) makes the desk look again: at the status
//! lists of whoever told, and at the documents of those of whom it was told. So a revocation shows as soon as it is told,
//! and not as late as the trust allows.
//!
//! | module | what it holds |
//! |---|---|
//! | this | [`Signals`]: whom the trust listens to, and what a token does |
//! | `token` | a token read and checked (RFC 8417, SSF 1.0 §4.1) |
//! | `keys` | the transmitters' keys |
//! | `seen` | which tokens have come, and how often |
//! | `push` | tokens that are sent to us (RFC 8935) |
//! | `poll` | tokens that we ask for (RFC 8936) |
//!
//! An event never permits anything. Whoever is not told, since the stream was cut, falls back to fetching status lists when
//! they are as old as the trust allows; whoever can't fetch them either, denies.

mod keys;
mod poll;
mod push;
mod seen;
mod token;

pub use poll::Poller;
pub use push::signals_router;
pub use token::SetError;

use crate::desk::Desk;
use keys::Keys;
use legation_credential::LinkDigest;
use legation_did::Did;
use seen::Seen;
use std::sync::{Arc, Mutex, PoisonError};

/// Of whom an event tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The agents and teams; where nobody is named but for whom they act, that one.
    pub(crate) dids: Vec<Did>,
    /// SHA-256 of a link.
    pub(crate) link: Option<LinkDigest>,
}

impl Subject {
    pub(crate) fn names(&self, did: &Did) -> bool {
        self.dids.contains(did)
    }
}

/// What was dropped, as an event told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heeded {
    /// Chains that were known by their digest.
    pub chains: usize,
    /// Documents and status lists.
    pub evidence: usize,
}

/// What came of a token that is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It was heeded.
    Heeded(Heeded),
    /// It has come before, and was heeded then.
    Again,
    /// It tells nothing that counts here: another event, or of nobody who is the transmitter's own to speak of.
    Nothing,
    /// The transmitter shows that the stream works.
    Verified,
}

/// Those whom a desk's trust listens to.
#[derive(Debug)]
pub struct Signals {
    desk: Arc<Desk>,
    keys: Keys,
    seen: Mutex<Seen>,
}

impl Signals {
    /// Whom the trust of a desk listens to (`signals` of its settings).
    #[must_use]
    pub fn new(desk: Arc<Desk>) -> Self {
        Self { desk, keys: Keys::default(), seen: Mutex::default() }
    }

    /// The desk that looks again.
    #[must_use]
    pub fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// Takes a token, at `now` (Unix seconds). When this returns, whatever it tells is heeded: the next verification
    /// fetches what it told of.
    ///
    /// # Errors
    /// [`SetError`].
    pub async fn receive(&self, set: &str, now: i64) -> Result<Received, SetError> {
        let (source, token) = token::read(set, self.desk.trust(), now)?;
        let of_source = self.desk.trust().signals.iter().position(|one| one.issuer == source.issuer);
        let of_source = of_source.unwrap_or_default();
        self.keys.verify(self.desk.fetcher(), source, &token, now).await?;
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if !seen.is_new(of_source, &token.jti, now)? {
                return Ok(Received::Again);
            }
        }
        if token.is_verification {
            return Ok(Received::Verified);
        }
        let Some(subject) = token.subject.filter(|_| token.counts) else { return Ok(Received::Nothing) };
        if subject.link.is_none() && !subject.dids.iter().any(|did| source.speaks_of(did)) {
            return Ok(Received::Nothing);
        }
        Ok(Received::Heeded(self.desk.heed(source, &subject, now)))
    }
}
