//! What a transmitter of Security Event Tokens tells (Shared Signals, SSF 1.0) makes the desk look again: at the status
//! lists of whoever told, and at the documents of those of whom it was told. So a revocation shows as soon as it is told,
//! and not as late as the trust allows.
//!
//! | module | what it holds |
//! |---|---|
//! | this | [`Listener`]: what a token that holds tells, for whoever has a trust; [`Signals`]: what it makes a desk do |
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
pub use push::{answered, arrived, signals_router};
pub use token::SetError;

use crate::desk::Desk;
use keys::Keys;
use legation_credential::LinkDigest;
use legation_did::Did;
use legation_resolver::Fetcher;
use legation_verifier::Trust;
use seen::Seen;
use std::sync::{Arc, Mutex, PoisonError};

/// Of whom an event tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// The agents and teams; where nobody is named but for whom they act, that one.
    pub dids: Vec<Did>,
    /// SHA-256 of a link.
    pub link: Option<LinkDigest>,
}

impl Subject {
    /// Whether it names somebody.
    #[must_use]
    pub fn names(&self, did: &Did) -> bool {
        self.dids.contains(did)
    }
}

/// An event that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its type, a URL.
    pub name: String,
    /// When it happened, Unix seconds: no later than it was told.
    pub at: i64,
    /// Whether something is worse than it was: not where a risk has fallen, or a delegation was renewed.
    pub is_worse: bool,
}

/// What a token tells that holds, and has not come before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The transmitter, its `iss`.
    pub issuer: String,
    /// What the transmitter calls the token.
    pub jti: String,
    /// When the token was made, Unix seconds.
    pub issued: i64,
    /// Its events, of those that count.
    pub events: Vec<Event>,
    /// Of whom. Where it names no link, somebody is named who is the transmitter's own to speak of; others may be, too.
    pub subject: Subject,
}

/// What came of a token for a [`Listener`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It tells something. Whoever has heeded it says so by [`Listener::note`].
    Told(Told),
    /// As of [`Received`].
    Again,
    /// As of [`Received`].
    Nothing,
    /// As of [`Received`].
    Verified,
}

/// Takes tokens of the transmitters that a trust names (`signals`), for whoever heeds them.
#[derive(Debug, Default)]
pub struct Listener {
    keys: Keys,
    seen: Mutex<Seen>,
}

impl Listener {
    /// Takes a token, at `now` (Unix seconds). Of a transmitter that the trust does not name nothing is fetched.
    ///
    /// # Errors
    /// [`SetError`].
    pub async fn hear(
        &self,
        set: &str,
        (trust, fetcher): (&Trust, &Fetcher),
        now: i64,
    ) -> Result<Heard, SetError> {
        let (source, token) = token::read(set, trust, now)?;
        self.keys.verify(fetcher, source, &token, now).await?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.is_new(&source.issuer, &token.jti, now)? {
            return Ok(Heard::Again);
        }
        let is_its_own = |subject: &Subject| {
            subject.link.is_some() || subject.dids.iter().any(|did| source.speaks_of(did))
        };
        let subject = token.subject.filter(|_| !token.events.is_empty()).filter(is_its_own);
        match subject {
            Some(subject) if !token.is_verification => Ok(Heard::Told(Told {
                issuer: source.issuer.clone(),
                jti: token.jti,
                issued: token.issued,
                events: token.events,
                subject,
            })),
            _ => {
                seen.note(&source.issuer, &token.jti);
                Ok(if token.is_verification { Heard::Verified } else { Heard::Nothing })
            }
        }
    }

    /// Notes that what a token tells was heeded: it does nothing any more.
    pub fn note(&self, told: &Told) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).note(&told.issuer, &told.jti);
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
    listener: Listener,
}

impl Signals {
    /// Whom the trust of a desk listens to (`signals` of its settings).
    #[must_use]
    pub fn new(desk: Arc<Desk>) -> Self {
        Self { desk, listener: Listener::default() }
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
        let trust = self.desk.trust();
        let told = match self.listener.hear(set, (trust, self.desk.fetcher()), now).await? {
            Heard::Told(told) => told,
            Heard::Again => return Ok(Received::Again),
            Heard::Nothing => return Ok(Received::Nothing),
            Heard::Verified => return Ok(Received::Verified),
        };
        let source = trust.signals.iter().find(|source| source.issuer == told.issuer);
        let heeded = source.map(|source| self.desk.heed(source, &told.subject, now));
        self.listener.note(&told);
        Ok(Received::Heeded(heeded.unwrap_or_default()))
    }
}
