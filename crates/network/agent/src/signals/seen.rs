//! Which tokens have come, and how often: what comes again does nothing, and whoever tells too much is told to wait.

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

/// What came of all of them, by their places in the trust.
#[derive(Debug, Default)]
pub(super) struct Seen(HashMap<usize, Own>);

impl Seen {
    /// Whether a token is new, which is noted.
    pub(super) fn is_new(&mut self, source: usize, jti: &str, now: i64) -> Result<bool, SetError> {
        let own = self.0.entry(source).or_default();
        let name: [u8; 32] = Sha256::digest(jti).into();
        if own.known.contains(&name) {
            return Ok(false);
        }
        if own.second != now {
            (own.second, own.count) = (now, 0);
        }
        if own.count >= A_SECOND {
            return Err(SetError::Later { reason: format!("more than {A_SECOND} tokens within a second") });
        }
        own.count += 1;
        if own.order.len() >= MOST
            && let Some(oldest) = own.order.pop_front()
        {
            own.known.remove(&oldest);
        }
        own.known.insert(name);
        own.order.push_back(name);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_that_comes_again_is_known_and_memory_and_pace_are_bounded_for_each() {
        let mut seen = Seen::default();
        assert!(seen.is_new(0, "a", 1).unwrap() && !seen.is_new(0, "a", 1).unwrap());
        assert!(seen.is_new(1, "a", 1).unwrap(), "another's token of that name");
        for number in 0..99 {
            assert!(seen.is_new(0, &number.to_string(), 1).unwrap());
        }
        assert_eq!(seen.is_new(0, "b", 1).unwrap_err().code(), "later");
        assert!(seen.is_new(1, "b", 1).unwrap(), "nobody else waits");
        assert!(seen.is_new(0, "b", 2).unwrap());
        for number in 0..2 * MOST {
            let now = 10 + i64::try_from(number).unwrap() / 50;
            assert!(seen.is_new(0, &format!("x{number}"), now).unwrap());
        }
        let own = seen.0.get(&0).unwrap();
        assert_eq!((own.known.len(), own.order.len()), (MOST, MOST));
    }
}
