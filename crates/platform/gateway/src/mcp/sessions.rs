//! Whose a session is, as it was read lately: one store is asked once for many calls.
//!
//! A session's owner never changes while the store knows it, so that what is remembered can only be what was forgotten there since,
//! of old age, and for no longer than [`KEPT`]. That a session is nobody's, or another's, is not remembered.

use legation_did::Did;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// For how long an owner is remembered.
const KEPT: Duration = Duration::from_secs(60);
/// Most sessions.
const MOST: usize = 10_000;

/// Such sessions, by their routes and ids.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<(String, String), (Did, Instant)>>);

impl Sessions {
    /// Whether a session is known to be an agent's.
    pub(super) fn is_of(&self, session: &(String, String), agent: &Did, now: Instant) -> bool {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(session).is_some_and(|(owner, at)| owner == agent && now.duration_since(*at) < KEPT)
    }

    /// Remembers that a session is an agent's, as it was read at a moment.
    pub(super) fn remember(&self, session: (String, String), agent: &Did, at: Instant) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST {
            kept.retain(|_, (_, read)| at.duration_since(*read) < KEPT);
        }
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(session, (agent.clone(), at));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{KEPT, MOST, Sessions};
    use legation_did::Did;
    use std::time::{Duration, Instant};

    #[test]
    fn only_its_owner_has_a_session_and_not_for_longer_than_it_is_kept() {
        let (alice, bob): (Did, Did) =
            ("did:web:acme.example:alice".parse().unwrap(), "did:web:acme.example:bob".parse().unwrap());
        let named = |session: &str| ("tools".to_owned(), session.to_owned());
        let (sessions, at) = (Sessions::default(), Instant::now());
        sessions.remember(named("one"), &alice, at);
        assert!(sessions.is_of(&named("one"), &alice, at));
        assert!(!sessions.is_of(&named("one"), &bob, at));
        assert!(!sessions.is_of(&("other".to_owned(), "one".to_owned()), &alice, at), "of another route");
        assert!(!sessions.is_of(&named("one"), &alice, at + KEPT), "read too long ago");
        let later = at + Duration::from_secs(1);
        (0..=MOST).for_each(|number| sessions.remember(named(&number.to_string()), &bob, later));
        assert!(sessions.0.lock().unwrap().len() <= MOST);
    }
}
