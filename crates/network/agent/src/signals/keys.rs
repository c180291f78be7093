//! The transmitters' keys: fetched when the first token needs one, again when they are too old, and again when a token
//! names one that is not known, but seldom, since whoever sends a token may have made that name up.

use super::token::{SetError, Token};
use legation_agent_card::{
    CardAlgorithm,
    jwks::{JwkError, JwkSet},
};
use legation_resolver::Fetcher;
use legation_verifier::SignalSource;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// How long keys are relied on, seconds: one that others have is accepted no longer than that.
const MAX_AGE: i64 = 300;
/// How seldom keys are fetched of one transmitter, seconds, whatever tokens say.
const SELDOM: i64 = 10;
/// Most bytes of a JWK set.
const MAX_BYTES: usize = 64 * 1024;
/// Content types of a JWK set (RFC 7517 §8.5.2), and what servers make of `.json`.
const TYPES: [&str; 2] = ["application/jwk-set+json", "application/json"];

/// The keys of one transmitter.
#[derive(Debug, Default)]
struct Held {
    set: Option<Arc<JwkSet>>,
    fetched_at: i64,
    tried_at: Option<i64>,
}

/// The keys of all of them. Whoever fetches holds the transmitter's place, so that the others wait for what it gets.
#[derive(Debug, Default)]
pub(super) struct Keys(Mutex<HashMap<String, Arc<tokio::sync::Mutex<Held>>>>);

impl Keys {
    /// Whether a token is signed by one of its transmitter's keys.
    pub(super) async fn verify(
        &self,
        fetcher: &Fetcher,
        source: &SignalSource,
        token: &Token<'_>,
        now: i64,
    ) -> Result<(), SetError> {
        let place = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Only of those whom the trust names.
            Arc::clone(all.entry(source.issuer.clone()).or_default())
        };
        let mut held = place.lock().await;
        let fresh = |held: &Held| {
            held.set.clone().filter(|_| (0..=MAX_AGE).contains(&now.saturating_sub(held.fetched_at)))
        };
        let mut outcome = fresh(&held).map(|set| fits(&set, token));
        if matches!(outcome, None | Some(Err(JwkError::NotFound { .. }))) {
            let may = held.tried_at.is_none_or(|tried| !(0..SELDOM).contains(&now.saturating_sub(tried)));
            if may {
                held.tried_at = Some(now);
                let bytes = fetcher.file(&source.jwks, &TYPES, MAX_BYTES).await;
                match bytes
                    .map_err(|error| error.to_string())
                    .and_then(|bytes| JwkSet::parse(&bytes).map_err(|error| error.to_string()))
                {
                    Ok(set) => {
                        held.fetched_at = now;
                        outcome = Some(fits(held.set.insert(Arc::new(set)), token));
                    }
                    Err(error) if outcome.is_none() => {
                        let reason = format!("the keys of `{}` can't be had: {error}", source.issuer);
                        return Err(SetError::Later { reason });
                    }
                    Err(_) => {}
                }
            }
        }
        drop(held);
        match outcome {
            Some(Ok(true)) => Ok(()),
            Some(Ok(false)) => Err(SetError::Key { reason: "the signature is not by that key".to_owned() }),
            Some(Err(error)) => Err(SetError::Key { reason: error.to_string() }),
            None => {
                let reason = format!("the keys of `{}` could not be had a moment ago", source.issuer);
                Err(SetError::Later { reason })
            }
        }
    }
}

fn fits(set: &JwkSet, token: &Token<'_>) -> Result<bool, JwkError> {
    set.verifies(&token.kid, CardAlgorithm::Rs256, token.signing_input.as_bytes(), &token.signature)
}
