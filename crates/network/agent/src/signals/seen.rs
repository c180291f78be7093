//! Which tokens have come, and how often: what comes again does nothing, and whoever tells too much is told to wait.
//!
//! One is noted once it was heeded: where that fails it comes again.

use super::token::SetError;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet, VecDeque};

/// Most tokens of one transmitter that are remembered. What is forgotten could be repeated, which makes evidence be fetched
/// once more and nothing else.
const MOST: usize = 10_000;
/// Most tokens of one transmitter that are heeded within a second: each may make somebody fetch.
const A_SECOND: u32 = 100;

/// What came of one transmitter.
#[derive(Debug, Default)]
struct Own {
    known: HashSet<[u8; 32]>,
    order: VecDeque<[u8; 32]>,
    second: i64,
    count: u32,
}

/// What came of all of them, by their `iss`, which is one that a trust names.
#[derive(Debug, Default)]
pub(super) struct Seen(HashMap<String, Own>);

impl Seen {
    /// Whether a token is new, and there is time for it.
    pub(super) fn is_new(&mut self, issuer: &str, jti: &str, now: i64) -> Result<bool, SetError> {
        let own = self.0.entry(issuer.to_owned()).or_default();
        if own.known.contains(&name(jti)) {
            return Ok(false);
        }
        if own.second != now {
            (own.second, own.count) = (now, 0);
        }
        if own.count >= A_SECOND {
            return Err(SetError::Later { reason: format!("more than {A_SECOND} tokens within a second") });
        }
        own.count += 1;
        Ok(true)
    }

    /// Notes that a token has come.
    pub(super) fn note(&mut self, issuer: &str, jti: &str) {
        let own = self.0.entry(issuer.to_owned()).or_default();
        if !own.known.insert(name(jti)) {
            return;
        }
        if own.order.len() >= MOST
            && let Some(oldest) = own.order.pop_front()
        {
            own.known.remove(&oldest);
        }
        own.order.push_back(name(jti));
    }
}

fn name(jti: &str) -> [u8; 32] {
    Sha256::digest(jti).into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn comes(seen: &mut Seen, issuer: &str, jti: &str, now: i64) -> Result<bool, SetError> {
        let is_new = seen.is_new(issuer, jti, now)?;
        seen.note(issuer, jti);
        Ok(is_new)
    }

    #[test]
    fn one_that_comes_again_is_known_and_memory_and_pace_are_bounded_for_each() {
        let mut seen = Seen::default();
        assert!(comes(&mut seen, "o", "a", 1).unwrap() && !comes(&mut seen, "o", "a", 1).unwrap());
        assert!(comes(&mut seen, "p", "a", 1).unwrap(), "another's token of that name");
        for number in 0..99 {
            assert!(comes(&mut seen, "o", &number.to_string(), 1).unwrap());
        }
        assert_eq!(comes(&mut seen, "o", "b", 1).unwrap_err().code(), "later");
        assert!(comes(&mut seen, "p", "b", 1).unwrap(), "nobody else waits");
        assert!(comes(&mut seen, "o", "b", 2).unwrap());
        for number in 0..2 * MOST {
            let now = 10 + i64::try_from(number).unwrap() / 50;
            assert!(comes(&mut seen, "o", &format!("x{number}"), now).unwrap());
        }
        let own = seen.0.get("o").unwrap();
        assert_eq!((own.known.len(), own.order.len()), (MOST, MOST));
    }

    #[test]
    fn what_could_not_be_heeded_comes_again() {
        let mut seen = Seen::default();
        assert!(seen.is_new("o", "a", 1).unwrap());
        assert!(seen.is_new("o", "a", 1).unwrap(), "nobody has noted it");
        seen.note("o", "a");
        assert!(!seen.is_new("o", "a", 1).unwrap());
    }
}
