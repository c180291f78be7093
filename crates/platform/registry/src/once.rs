//! Writes that are done once, however often they are asked for.

use crate::{error::RegistryError, registry::Registry};
use legation_store::{
    StoreError,
    idempotency::{self, Kept, Name},
    organization,
};

/// For how long a write is known again: a day, in seconds.
const REMEMBERED: i64 = 86_400;

/// What a write is known by.
#[derive(Clone, Copy, Debug)]
pub struct Once<'a> {
    /// What is asked for, such as `admin:agents.add`.
    pub verb: &'a str,
    /// The key that the caller chose for it.
    pub key: &'a str,
    /// SHA-256 of what is asked for.
    pub request: [u8; 32],
}

/// What a write came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The answer, as it is sent.
    pub text: String,
    /// Whether a secret stands in it, so that it is not kept.
    pub secret: bool,
}

impl Registry {
    /// Runs verbs in one transaction: all that they change is kept, or nothing. What they read is what is there when they
    /// change it: nobody else changes the organization meanwhile.
    ///
    /// # Errors
    /// Those of the verbs, and of the store.
    pub fn together<T, E: From<StoreError>>(
        &self,
        verbs: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.store.together(|store| {
            store.write(|tx| organization::lock(tx, &self.id))?;
            verbs(&self.within(store))
        })
    }

    /// As [`Registry::together`], once for a key of this actor and verb within a day: whoever asks again is answered as the
    /// first time, and nothing is changed. What was done and what was answered are kept in the same transaction.
    ///
    /// # Errors
    /// Those of the verbs and of the store; [`RegistryError::KeyReused`] where something else was asked for by that key;
    /// [`RegistryError::SecretAnswered`] where the first answer held a secret.
    pub fn once<E: From<StoreError> + From<RegistryError>>(
        &self,
        once: Once<'_>,
        now: i64,
        verbs: impl FnOnce(&Self) -> Result<Answered, E>,
    ) -> Result<String, E> {
        let name = Name { admin: &self.actor, verb: once.verb, key: once.key };
        self.together(|registry| {
            // Of two at once the second waits here, and finds what the first one kept.
            let known = registry.store.write(|tx| -> Result<_, StoreError> {
                idempotency::forget(tx, &registry.id, now.saturating_sub(REMEMBERED))?;
                idempotency::get(tx, &registry.id, &name)
            })?;
            if let Some(known) = known {
                let key = || once.key.to_owned();
                if known.request != once.request {
                    return Err(RegistryError::KeyReused { key: key() }.into());
                }
                return known.answer.ok_or_else(|| RegistryError::SecretAnswered { key: key() }.into());
            }
            let Answered { text, secret } = verbs(registry)?;
            let kept = Kept { request: once.request, answer: (!secret).then(|| text.clone()) };
            registry.store.write(|tx| idempotency::add(tx, &registry.id, &name, &kept, now))?;
            Ok(text)
        })
    }
}
