//! Who is signed in. A session is a key that the console made, whose delegation ends by itself; it is known by a cookie of
//! which the console keeps a digest alone, lives in memory, and ends with the process.

use crate::Organization;
use axum::http::HeaderValue;
use data_encoding::BASE64URL_NOPAD;
use legation_did::{Did, key};
use legation_http_signature::{AgentDelegation, join};
use legation_keys::{Algorithm, SecretKey, Signer as _, secret::random};
use legation_registry::identity::Role;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;

/// After how long without a request a session ends.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// Most sessions; those that have ended go first.
const MOST: usize = 1000;
/// How much one session may follow at a time: a few pages that are open beside each other.
const FOLLOWED: usize = 4;
/// Bytes of a cookie, and of what a form brings along.
const SECRET: usize = 32;

/// Somebody who is signed in.
pub(crate) struct Session {
    /// Of what.
    pub(crate) of: Arc<Organization>,
    pub(crate) key: SecretKey,
    pub(crate) did: Did,
    /// The `Agent-Delegation` of its requests.
    pub(crate) delegation: HeaderValue,
    pub(crate) role: Role,
    /// What a form brings along, so that no other site's form is taken for one of ours.
    pub(crate) form: String,
    /// Places for what it follows at a time.
    pub(crate) followed: Arc<Semaphore>,
    /// When it ends at the latest.
    until: Instant,
}

/// A key that is nobody's yet.
pub(crate) struct Fresh {
    pub(crate) key: SecretKey,
    pub(crate) did: Did,
}

impl Fresh {
    /// Makes one.
    pub(crate) fn new() -> Result<Self, String> {
        let key = SecretKey::generate(Algorithm::EdDsa).map_err(|error| error.to_string())?;
        let did = key::did(key.public_key());
        Ok(Self { key, did })
    }
}

/// Sessions by the SHA-256 of their cookies, with the moment of their last request.
type ByCookie = HashMap<[u8; 32], (Arc<Session>, Instant)>;

/// All sessions.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<ByCookie>);

impl Sessions {
    /// Begins a session of a key with its delegation, and gives its cookie.
    pub(crate) fn begin(
        &self,
        of: &Arc<Organization>,
        fresh: Fresh,
        (secured, role): (&str, Role),
        life: Duration,
    ) -> Result<String, String> {
        let chain = join(&[secured]).map_err(|error| error.to_string())?;
        let secret = || random::<SECRET>().map(|bytes| BASE64URL_NOPAD.encode(&bytes));
        let cookie = secret().map_err(|error| error.to_string())?;
        let form = secret().map_err(|error| error.to_string())?;
        let (now, Fresh { key, did }) = (Instant::now(), fresh);
        let delegation = AgentDelegation::Chain(chain).to_header();
        let (of, followed) = (Arc::clone(of), Arc::new(Semaphore::new(FOLLOWED)));
        let session = Arc::new(Session { of, key, did, delegation, role, form, followed, until: now + life });
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, (session, last)| lives(session, *last, now));
        if all.len() >= MOST {
            return Err("too many are signed in; try again later".to_owned());
        }
        all.insert(digest(&cookie), (session, now));
        Ok(cookie)
    }

    /// The session of a cookie.
    pub(crate) fn get(&self, cookie: &str) -> Option<Arc<Session>> {
        let (digest, now) = (digest(cookie), Instant::now());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Keys of those who are gone do not stay.
        all.retain(|_, (session, last)| lives(session, *last, now));
        let (session, last) = all.get_mut(&digest)?;
        *last = now;
        Some(Arc::clone(session))
    }

    /// The same for what asks by itself, which keeps no session alive: nobody may be there any more.
    pub(crate) fn peek(&self, cookie: &str) -> Option<Arc<Session>> {
        let (digest, now) = (digest(cookie), Instant::now());
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (session, last) = all.get(&digest)?;
        lives(session, *last, now).then(|| Arc::clone(session))
    }

    /// Ends a session.
    pub(crate) fn end(&self, cookie: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest(cookie));
    }
}

fn lives(session: &Session, last: Instant, now: Instant) -> bool {
    now < session.until && now.duration_since(last) < IDLE
}

fn digest(cookie: &str) -> [u8; 32] {
    Sha256::digest(cookie).into()
}
